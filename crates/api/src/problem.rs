//! Refusals: each error becomes one RFC 9457 problem, and nobody else knows a status code.

mod convert;

use std::fmt::{self, Display};

use actix_web::{
    HttpResponse, ResponseError,
    http::{Method, StatusCode, header},
};
use phaseline_wire::{FieldError, Problem};
use serde::Serialize;
use serde_json::{Map, Value, json};
use strum::{AsRefStr, EnumIter, EnumString};

/// When somebody who met a problem of ours may try again.
const RETRY_AFTER_S: u32 = 1;

/// The media type of a problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What is answered where a problem of ours has no form as JSON.
const BARE: &str = r#"{"type":"/problems/internal","title":"Internal error","status":500,"detail":"Something went wrong on our side; it has been logged."}"#;

/// The kinds of problems. In kebab case each is the last part of its `type`, and the name of its
/// page in `docs/problems/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, EnumString, AsRefStr)]
#[strum(serialize_all = "kebab-case")]
pub enum ProblemKind {
    /// The request cannot be read.
    MalformedRequest,
    /// There is no such thing.
    NotFound,
    /// No agent is able and free.
    NoFittingAgent,
    /// The path does not know this method.
    MethodNotAllowed,
    /// The table of transitions does not have this move.
    IllegalTransition,
    /// Somebody else changed the object at the same moment.
    Stale,
    /// The key is taken.
    DuplicateKey,
    /// Others wait for what was to be deleted.
    StillNeeded,
    /// The ticket is done and takes no new tasks.
    TicketCompleted,
    /// The task has ended already.
    IllegalTaskState,
    /// The table of agent statuses does not have this move.
    IllegalAgentStatus,
    /// The claim of a task is not, or no longer, the one that holds it.
    LeaseLost,
    /// The task is held, and the request does not show by whose claim it speaks.
    LeaseRequired,
    /// The ticket is not blocked.
    NotBlocked,
    /// The agent has more in hand than the capacity asked for.
    CapacityInUse,
    /// The agent was terminated.
    AgentGone,
    /// The object is not at the version of `If-Match`.
    PreconditionFailed,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is not JSON by its own account.
    UnsupportedMediaType,
    /// The body can be read and makes no sense.
    Invalid,
    /// The gate of the phase asks for what is not there.
    GateUnmet,
    /// What was to be made would wait for itself.
    DependencyCycle,
    /// The idempotency key came before with another request.
    IdempotencyKeyReused,
    /// Too many requests from one caller. Nothing answers this yet.
    TooManyRequests,
    /// The database cannot be reached or is too busy.
    Unavailable,
    /// A fault of ours.
    Internal,
}

/// A request that was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    kind: ProblemKind,
    detail: String,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    allow: Vec<Method>,
}

impl ProblemKind {
    /// The status of an answer with this problem, and the problem in words.
    #[must_use]
    pub const fn face(self) -> (StatusCode, &'static str) {
        match self {
            Self::MalformedRequest => (StatusCode::BAD_REQUEST, "Malformed request"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not found"),
            Self::NoFittingAgent => (StatusCode::NOT_FOUND, "No fitting agent"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::IllegalTransition => (StatusCode::CONFLICT, "Illegal transition"),
            Self::Stale => (StatusCode::CONFLICT, "Stale"),
            Self::DuplicateKey => (StatusCode::CONFLICT, "Duplicate key"),
            Self::StillNeeded => (StatusCode::CONFLICT, "Still needed"),
            Self::TicketCompleted => (StatusCode::CONFLICT, "Ticket completed"),
            Self::IllegalTaskState => (StatusCode::CONFLICT, "Illegal task state"),
            Self::IllegalAgentStatus => (StatusCode::CONFLICT, "Illegal agent status"),
            Self::LeaseLost => (StatusCode::CONFLICT, "Lease lost"),
            Self::LeaseRequired => (StatusCode::CONFLICT, "Lease required"),
            Self::NotBlocked => (StatusCode::CONFLICT, "Not blocked"),
            Self::CapacityInUse => (StatusCode::CONFLICT, "Capacity in use"),
            Self::AgentGone => (StatusCode::GONE, "Agent gone"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "Precondition failed"),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Payload too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type")
            }
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "Invalid"),
            Self::GateUnmet => (StatusCode::UNPROCESSABLE_ENTITY, "Gate unmet"),
            Self::DependencyCycle => (StatusCode::UNPROCESSABLE_ENTITY, "Dependency cycle"),
            Self::IdempotencyKeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "Idempotency key reused")
            }
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Unavailable"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
        }
    }
}

impl Refusal {
    /// A refusal with a sentence about this request: lower case and without a full stop, as
    /// errors are.
    pub(crate) fn new(kind: ProblemKind, fact: impl Display) -> Self {
        Self {
            kind,
            detail: sentence(&fact.to_string()),
            errors: Vec::new(),
            members: Map::new(),
            allow: Vec::new(),
        }
    }

    /// A request that cannot be read.
    pub(crate) fn malformed(fact: impl Display) -> Self {
        Self::new(ProblemKind::MalformedRequest, fact)
    }

    /// A body that makes no sense in these fields.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let fact = match errors.as_slice() {
            [FieldError { pointer, detail }] if !pointer.is_empty() => {
                format!("{pointer} of the body {detail}")
            }
            [FieldError { detail, .. }] => format!("the body {detail}"),
            several => format!("{} fields of the body are wrong; see `errors`", several.len()),
        };
        Self { errors, ..Self::new(ProblemKind::Invalid, fact) }
    }

    /// A method that the path does not know.
    pub(crate) fn method_not_allowed(method: &Method, path: &str, allow: Vec<Method>) -> Self {
        let names: Vec<_> = allow.iter().map(Method::as_str).collect();
        let fact = format!("{path} does not take {method}; it takes {}", names.join(", "));
        Self { allow, ..Self::new(ProblemKind::MethodNotAllowed, fact) }
    }

    /// The same refusal, blaming this field of the body if it is about the body.
    #[must_use]
    pub(crate) fn at(mut self, pointer: &str) -> Self {
        if self.kind == ProblemKind::Invalid && self.errors.is_empty() {
            self.errors =
                vec![FieldError { pointer: pointer.to_owned(), detail: self.detail.clone() }];
        }
        self
    }

    /// The same refusal, saying one thing more.
    #[must_use]
    pub(crate) fn with(mut self, member: &str, value: impl Serialize) -> Self {
        self.members.insert(member.to_owned(), json!(value));
        self
    }

    #[cfg(test)]
    pub(crate) fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    fn problem(&self) -> Problem {
        let (status, title) = self.kind.face();
        Problem {
            kind: format!("/problems/{}", self.kind.as_ref()),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            errors: self.errors.clone(),
            extensions: self.members.clone(),
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_ref(), self.detail)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.kind.face().0
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        answer.content_type(PROBLEM_JSON);
        if matches!(self.kind, ProblemKind::Unavailable | ProblemKind::TooManyRequests) {
            answer.insert_header((header::RETRY_AFTER, RETRY_AFTER_S));
        }
        if !self.allow.is_empty() {
            answer.insert_header(header::Allow(self.allow.clone()));
        }
        match serde_json::to_string(&self.problem()) {
            Ok(body) => answer.body(body),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a problem has no JSON");
                HttpResponse::InternalServerError().content_type(PROBLEM_JSON).body(BARE)
            }
        }
    }
}

/// A fact as a sentence: a capital letter and a full stop.
fn sentence(fact: &str) -> String {
    let mut letters = fact.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    let stop = if fact.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{}{}{stop}", first.unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_becomes_a_sentence() {
        assert_eq!(sentence("there is no ticket 7"), "There is no ticket 7.");
        assert_eq!(sentence("Why?"), "Why?");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn the_bare_problem_is_the_usual_one() {
        let usual = Refusal::internal(&std::io::Error::other("broken")).problem();
        assert_eq!(serde_json::from_str::<Problem>(BARE).unwrap(), usual);
    }

    #[test]
    fn one_wrong_field_is_named_in_the_detail() {
        let error = FieldError { pointer: "/title".into(), detail: "must not be blank".into() };
        let refusal = Refusal::invalid(vec![error]);
        assert_eq!(refusal.detail, "/title of the body must not be blank.");
    }
}
