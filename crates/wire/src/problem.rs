//! Problems as RFC 9457 has them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What went wrong, as [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) has it. Some kinds have
/// members of their own; the page behind `type` names them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "type": "/problems/illegal-transition",
    "title": "Illegal transition",
    "status": 409,
    "detail": "A ticket cannot move from PHASE_BACKLOG to PHASE_DONE; from PHASE_BACKLOG it can go to PHASE_REQUIREMENTS, PHASE_BLOCKED.",
    "current_phase": "PHASE_BACKLOG",
    "to_phase": "PHASE_DONE",
    "allowed": ["PHASE_REQUIREMENTS", "PHASE_BLOCKED"],
}))]
pub struct Problem {
    /// The kind, as the path of a page about it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What was wrong with this request.
    pub detail: String,
    /// Which fields of the body are to blame.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What this kind of problem says besides.
    #[serde(flatten)]
    #[schema(ignore)]
    pub extensions: Map<String, Value>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The field, as a JSON pointer (RFC 6901) into the body.
    #[schema(example = "/title")]
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}
