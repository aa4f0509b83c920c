//! Query strings.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use phaseline_phases::{PhaseId, Workflow};
use serde::de::DeserializeOwned;

use super::checked_text;
use crate::problem::Refusal;

/// The parameters of a query, all of them known and each of its type.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self))
    }
}

/// A phase of a filter that the workflow has.
///
/// # Errors
/// It has no such phase; the refusal names those that it has.
pub(crate) fn known_phase(parameter: &str, phase: &PhaseId) -> Result<(), Refusal> {
    Workflow::standard()
        .require(phase)
        .map_err(|unknown| Refusal::malformed(format!("`{parameter}`: {unknown}")))
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Refusal> {
    checked_text(query)?;
    let parameters = serde_html_form::Deserializer::from_bytes(query.as_bytes());
    serde_path_to_error::deserialize(parameters).map_err(|error| {
        let why = error.inner().to_string();
        let unknown = why.starts_with("unknown field");
        let why = why.replace("unknown field", "unknown parameter");
        match error.path().iter().next() {
            Some(parameter) if !unknown => Refusal::malformed(format!("`{parameter}`: {why}")),
            Some(_) | None => Refusal::malformed(why),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::extract::Limit;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(default)]
        limit: Limit,
        #[serde(default)]
        tags: Vec<String>,
    }

    #[track_caller]
    fn check(query: &str, expected: &str) {
        let seen = match parse::<Sample>(query) {
            Ok(Sample { limit, tags }) => format!("{} {tags:?}", limit.get()),
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn parameters_that_repeat_become_a_list() {
        check("tags=a&tags=b&limit=7", r#"7 ["a", "b"]"#);
        check("tags=a", r#"50 ["a"]"#);
    }

    #[test]
    fn a_refusal_names_the_parameter_and_what_was_expected() {
        let wrong = "malformed-request: `limit`: must be a whole number from 1 to 100.";
        check("limit=0", wrong);
        check("limit=101", wrong);
        check("limit=-1", wrong);
        check("limit=99999999999999999999", wrong);
        check("page=2", "malformed-request: Unknown parameter `page`, expected `limit` or `tags`.");
    }
}
