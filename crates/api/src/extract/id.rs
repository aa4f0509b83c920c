//! Ids in paths.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use serde::Deserialize;
use uuid::Uuid;

use crate::{problem::Refusal, routes::Routes};

/// The length of the usual form of a UUID; the others (RFC 9562 knows none) are refused.
const HYPHENATED_CHARS: usize = 36;
const EXAMPLE: &str = "01980c2f-7a3e-7c62-b6b8-1f1f6f3b2a10";

/// The `{id}` of a path, or an id in a query.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Id(pub(crate) Uuid);

impl TryFrom<String> for Id {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        hyphenated(&text).map(Self).ok_or_else(|| format!("must be a UUID, as {EXAMPLE}"))
    }
}

impl FromRequest for Id {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("id").unwrap_or_default();
        ready(parse(text).map(Self).map_err(|refusal| misrouted(request).unwrap_or(refusal)))
    }
}

fn parse(text: &str) -> Result<Uuid, Refusal> {
    hyphenated(text).ok_or_else(|| {
        let fact = format!("the id in the path is not a UUID; one looks like {EXAMPLE}");
        Refusal::malformed(fact)
    })
}

fn hyphenated(text: &str) -> Option<Uuid> {
    (text.len() == HYPHENATED_CHARS).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// `DELETE /agents/search` comes here as an agent named `search`: it is a method that the path of
/// that name does not know.
fn misrouted(request: &HttpRequest) -> Option<Refusal> {
    let routes = request.app_data::<Data<Routes>>()?;
    let allow = routes.methods(request.path());
    let known = allow.contains(request.method());
    (!allow.is_empty() && !known)
        .then(|| Refusal::method_not_allowed(request.method(), request.path(), allow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_usual_form_of_a_uuid_is_an_id() {
        let id = "01980c2f-7a3e-7c62-b6b8-1f1f6f3b2a10";
        assert_eq!(parse(id).unwrap().to_string(), id);
        for text in
            ["", "7", "01980c2f7a3e7c62b6b81f1f6f3b2a10", "{01980c2f-7a3e-7c62-b6b8-1f1f6f3b2a10}"]
        {
            assert!(parse(text).is_err(), "{text}");
            assert!(Id::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
