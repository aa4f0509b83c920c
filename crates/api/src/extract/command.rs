//! A request to change something: its body, and the circumstances it names in headers.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{
        Method,
        header::{HeaderMap, HeaderName},
    },
    web::Data,
};
use futures::{FutureExt, future::LocalBoxFuture};
use phaseline_engine::{Call, Once};
use sha2::{Digest, Sha256};

use super::{RequestBody, body, field, if_match::if_match};
use crate::{Api, problem::Refusal};

/// Who asks.
pub(crate) const ACTOR: HeaderName = HeaderName::from_static("phaseline-actor");
/// The key under which a request happens only once.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const ACTOR_CHARS: usize = 200;
const KEY_BYTES: usize = 255;

/// A body that is of no interest, since the request has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nothing;

/// A request to change something.
#[derive(Debug)]
pub(crate) struct Command<T> {
    /// When, by whom and on which conditions.
    pub(crate) call: Call,
    /// What is asked for.
    pub(crate) body: T,
}

impl<T: RequestBody + 'static> FromRequest for Command<T> {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        async move {
            let bytes = body::read(&request, &mut payload, T::MOST_BYTES).await?;
            let call = call(&request, &bytes)?;
            Ok(Self { call, body: body::parse(&request, &bytes)? })
        }
        .boxed_local()
    }
}

impl FromRequest for Command<Nothing> {
    type Error = Refusal;
    type Future = std::future::Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(call(request, &[]).map(|call| Self { call, body: Nothing }))
    }
}

fn call(request: &HttpRequest, body: &[u8]) -> Result<Call, Refusal> {
    let api = request
        .app_data::<Data<Api>>()
        .ok_or_else(|| Refusal::internal(&std::io::Error::other("the app has no Api")))?;
    let headers = request.headers();
    let key = idempotency_key(headers)?.filter(|_| request.method() == Method::POST);
    Ok(Call {
        actor: actor(headers)?,
        expected: if_match(headers)?,
        once: key.map(|key| Once { key, fingerprint: fingerprint(request, body) }),
        ..api.engine.call()
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(key) = field::header(headers, &IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    let fits = (1..=KEY_BYTES).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    let key = fits.then(|| String::from_utf8_lossy(key).into_owned());
    key.map(Some).ok_or_else(|| {
        let fact = format!("Idempotency-Key must be 1 to {KEY_BYTES} visible ASCII characters");
        Refusal::malformed(fact)
    })
}

fn actor(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(actor) = field::header(headers, &ACTOR)? else {
        return Ok(None);
    };
    let actor = std::str::from_utf8(actor).ok().map(str::trim);
    let fits = |actor: &&str| {
        (1..=ACTOR_CHARS).contains(&actor.chars().count()) && !actor.contains(char::is_control)
    };
    actor.filter(fits).map(|actor| Some(actor.to_owned())).ok_or_else(|| {
        let fact = format!("Phaseline-Actor must be 1 to {ACTOR_CHARS} visible characters");
        Refusal::malformed(fact)
    })
}

fn fingerprint(request: &HttpRequest, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    for part in [request.method().as_str(), request.path(), request.query_string()] {
        digest.update(part);
        digest.update(b"\n");
    }
    digest.update(body);
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request(name: HeaderName, value: &str) -> HttpRequest {
        TestRequest::default().insert_header((name, value)).to_http_request()
    }

    #[test]
    fn a_key_is_visible_ascii() {
        let long = "k".repeat(256);
        for (key, fine) in [("k-1", true), ("", false), ("a b", false), (&long, false)] {
            let request = request(IDEMPOTENCY_KEY, key);
            assert_eq!(idempotency_key(request.headers()).is_ok(), fine, "{key}");
        }
    }

    #[test]
    fn the_fingerprint_tells_requests_apart() {
        let one = TestRequest::post().uri("/a?b=1").to_http_request();
        let other = TestRequest::post().uri("/a?b=2").to_http_request();
        assert_eq!(fingerprint(&one, b"{}"), fingerprint(&one, b"{}"));
        assert_ne!(fingerprint(&one, b"{}"), fingerprint(&other, b"{}"));
        assert_ne!(fingerprint(&one, b"{}"), fingerprint(&one, b"[]"));
    }
}
