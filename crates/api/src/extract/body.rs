//! Bodies: JSON of a known type, within limits.

use std::collections::HashMap;

use actix_web::{
    HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
    web::{Bytes, BytesMut},
};
use futures::StreamExt;
use phaseline_wire::{
    AgentPatch, Availability, Backlog, Empty, FieldError, LeaseExtension, NewAgent, NewAnswer,
    NewApproval, NewClaim, NewHeartbeat, NewTask, NewTicket, NewTicketArtifact, NewTransition,
    TaskCancellation, TaskCompletion, TaskFailure, TaskRelease, TicketPatch, UpdateContext, json,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use serde_path_to_error::Segment;
use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

use super::{field, strict::Strict};
use crate::problem::{ProblemKind, Refusal};

const MIB: usize = 1 << 20;
/// How much of a body that is too large is read and thrown away, so that a client that sends
/// before it reads gets its answer.
const DRAINED: usize = 64 * MIB;

/// A type that a request body can be.
pub(crate) trait RequestBody: DeserializeOwned + Validate {
    /// How large the body may be, in bytes.
    const MOST_BYTES: usize = MIB;

    /// What no body at all, or null, stands for, if it stands for anything.
    fn absent() -> Option<Self> {
        None
    }

    /// A body in its plainest form, which there are too many of to look at them as closely as it
    /// takes to say what is wrong with others. Whatever is not plain is nothing here.
    fn plain(_: &[u8]) -> Option<Self> {
        None
    }
}

impl RequestBody for NewTicket {}
impl RequestBody for TicketPatch {}
impl RequestBody for NewTransition {}
impl RequestBody for UpdateContext {}
impl RequestBody for NewTask {}
impl RequestBody for TaskCompletion {}
impl RequestBody for TaskFailure {}
impl RequestBody for NewAgent {}
impl RequestBody for AgentPatch {}
impl RequestBody for Availability {}
impl RequestBody for LeaseExtension {}
impl RequestBody for TaskRelease {}
impl RequestBody for NewTicketArtifact {}
impl RequestBody for NewAnswer {}

/// Bodies that may be left out.
macro_rules! optional {
    ($($body:ty)*) => {
        $(impl RequestBody for $body {
            fn absent() -> Option<Self> {
                Some(Self::default())
            }
        })*
    };
}

optional! { NewClaim NewApproval TaskCancellation Empty }

impl RequestBody for NewHeartbeat {
    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn plain(body: &[u8]) -> Option<Self> {
        /// Neither a text nor an object in it that would have to be looked into.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Numbered {
            sequence: u64,
        }
        let object = body.first() == Some(&b'{');
        let numbered: Numbered = object.then(|| serde_json::from_slice(body).ok()).flatten()?;
        Some(Self { sequence: Some(numbered.sequence), metrics: None })
    }
}

impl RequestBody for Backlog {
    const MOST_BYTES: usize = 16 * MIB;
}

/// Reads a body whole.
///
/// # Errors
/// It is too large, or the connection broke.
pub(super) async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    most: usize,
) -> Result<Bytes, Refusal> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > DRAINED as u64) {
        return Err(too_large(most));
    }
    // A small body comes in one piece, which need not be copied.
    let (mut first, mut more) = (Bytes::new(), BytesMut::new());
    let mut length = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Refusal::malformed("the body broke off"))?;
        length += chunk.len();
        if length <= most {
            if first.is_empty() {
                first = chunk;
                continue;
            }
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&chunk);
        } else if length > DRAINED {
            break;
        }
    }
    match (length > most, more.is_empty()) {
        (true, _) => Err(too_large(most)),
        (false, true) => Ok(first),
        (false, false) => Ok(more.freeze()),
    }
}

/// Parses a body and checks its rules.
///
/// # Errors
/// It is not JSON, or not of this type, or breaks a rule.
pub(super) fn parse<T: RequestBody>(request: &HttpRequest, body: &[u8]) -> Result<T, Refusal> {
    if let (true, Some(absent)) = (body.is_empty(), T::absent()) {
        return Ok(absent);
    }
    let headers = request.headers();
    if !is_json(headers)? {
        return Err(Refusal::new(
            ProblemKind::UnsupportedMediaType,
            "the body must be JSON, with the header Content-Type: application/json",
        ));
    }
    let mut codings = field::members(headers, &header::CONTENT_ENCODING);
    if let Some(coding) = codings.find(|coding| !coding.eq_ignore_ascii_case("identity")) {
        let fact = format!("the body must come as it is, not in the Content-Encoding {coding}");
        return Err(Refusal::new(ProblemKind::UnsupportedMediaType, fact));
    }
    if let Some(plain) = T::plain(body) {
        return valid(plain);
    }
    match (value(body)?, T::absent()) {
        (Value::Null, Some(absent)) => Ok(absent),
        (value, _) => typed(value),
    }
}

fn too_large(most: usize) -> Refusal {
    let fact = format!("the body is larger than {} MiB, which is the most", most / MIB);
    Refusal::new(ProblemKind::PayloadTooLarge, fact).with("limit_bytes", most)
}

fn is_json(headers: &HeaderMap) -> Result<bool, Refusal> {
    let kind = field::header(headers, &header::CONTENT_TYPE)?;
    let Some(kind) = kind.and_then(|kind| std::str::from_utf8(kind).ok()) else {
        return Ok(false);
    };
    let mut parts = kind.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = ["charset=utf-8", "charset=\"utf-8\""];
    Ok(json
        && parts
            .all(|part| part.is_empty() || utf8.iter().any(|utf8| part.eq_ignore_ascii_case(utf8))))
}

fn value(body: &[u8]) -> Result<Value, Refusal> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Refusal::malformed(format!("the body is not UTF-8: {error}")))?;
    json::parse(text).map_err(|error| {
        let not_json = if error.is_data() { "" } else { "is not JSON: " };
        Refusal::malformed(format!("the body {not_json}{error}"))
    })
}

fn typed<T: RequestBody>(value: Value) -> Result<T, Refusal> {
    let mut nuls = Vec::new();
    find_nuls(&value, "", &mut nuls);
    if !nuls.is_empty() {
        return Err(Refusal::invalid(nuls));
    }
    let body: T =
        serde_path_to_error::deserialize(Strict(value)).map_err(|error| mistyped(&error))?;
    valid(body)
}

fn valid<T: RequestBody>(body: T) -> Result<T, Refusal> {
    body.validate().map_err(|errors| {
        let mut all = Vec::new();
        flatten(&errors, "", &mut all);
        all.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        Refusal::invalid(all)
    })?;
    Ok(body)
}

fn mistyped(error: &serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    let why = error.inner().to_string();
    let mut pointer = pointer_of(error.path());
    let missing = why.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let detail = match missing {
        Some(field) => {
            pointer = format!("{pointer}/{}", escape(field));
            "is missing".to_owned()
        }
        None if why.starts_with("UUID parsing failed") => {
            "must be a UUID, as 01980c2f-7a3e-7c62-b6b8-1f1f6f3b2a10".to_owned()
        }
        None if why.starts_with("must ") => why,
        None => format!("is refused: {why}"),
    };
    Refusal::invalid(vec![FieldError { pointer, detail }])
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escape(key)),
            Segment::Enum { variant } => format!("/{}", escape(variant)),
            Segment::Unknown => String::new(),
        })
        .collect()
}

fn find_nuls(value: &Value, pointer: &str, found: &mut Vec<FieldError>) {
    let blame = |what: &str| FieldError {
        pointer: pointer.to_owned(),
        detail: format!("has a NUL character in {what}, which cannot be kept"),
    };
    match value {
        Value::String(text) if text.contains('\0') => found.push(blame("its text")),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_nuls(item, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                if name.contains('\0') {
                    found.push(blame("the name of a member"));
                }
                find_nuls(member, &format!("{pointer}/{}", escape(name)), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn flatten(errors: &ValidationErrors, pointer: &str, all: &mut Vec<FieldError>) {
    for (field, kind) in errors.errors() {
        // `kind` of an artifact is `type` on the wire.
        let name = if field == "kind" { "type" } else { field };
        let pointer = format!("{pointer}/{name}");
        match kind {
            ValidationErrorsKind::Struct(errors) => flatten(errors, &pointer, all),
            ValidationErrorsKind::List(items) => {
                for (index, errors) in items {
                    flatten(errors, &format!("{pointer}/{index}"), all);
                }
            }
            ValidationErrorsKind::Field(errors) => {
                all.extend(errors.iter().map(|error| field_error(error, &pointer)));
            }
        }
    }
}

fn field_error(error: &ValidationError, pointer: &str) -> FieldError {
    let parameters: HashMap<_, _> =
        error.params.iter().map(|(name, value)| (name.as_ref(), value)).collect();
    let pointer = match parameters.get("index") {
        Some(index) => format!("{pointer}/{index}"),
        None => pointer.to_owned(),
    };
    let detail = match &error.message {
        Some(message) => message.to_string(),
        None => expected(&parameters),
    };
    FieldError { pointer, detail }
}

/// What `length` and `range` expected, in words.
fn expected(parameters: &HashMap<&str, &Value>) -> String {
    let (verb, unit) = match parameters.get("value") {
        Some(Value::Array(_)) => ("have", " items"),
        Some(Value::String(_)) => ("be", " characters long"),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            ("be", "")
        }
    };
    match (parameters.get("min"), parameters.get("max")) {
        (Some(min), Some(max)) => format!("must {verb} {min} to {max}{unit}"),
        (Some(min), None) => format!("must {verb} at least {min}{unit}"),
        (None, Some(max)) => format!("must {verb} at most {max}{unit}"),
        (None, None) => "is not valid".to_owned(),
    }
}

/// A name as a part of a JSON pointer (RFC 6901, section 3).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
