//! What holds a ticket up, and the answers that let it go on.

use phaseline_phases::{self as phases, BlockerKind, PhaseId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    Timestamp,
    limits::{ANSWER_CHARS, QUESTION_CHARS},
    rule,
    schema::{AnswerText, BlockerKindName, PhaseName, Question, StandardPhase},
};

/// What holds a ticket up, of a move that blocks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "needs_input", "question": "Which key server is to sign?" }))]
pub struct NewBlocker {
    /// What kind of thing it is.
    #[schema(value_type = BlockerKindName)]
    pub kind: BlockerKind,
    /// What has to be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(min = 1, max = QUESTION_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Option<Question>)]
    pub question: Option<String>,
}

/// What lets a blocked ticket go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "answer": "The one in Dublin; the other is to be switched off." }))]
pub struct NewAnswer {
    /// What to go by from here on. It comes first in the packs of whoever works on the ticket next.
    #[validate(length(min = 1, max = ANSWER_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = AnswerText)]
    pub answer: String,
    /// Where to go on: an earlier phase than that where it was blocked, which it is unless it is
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StandardPhase>)]
    pub to_phase: Option<PhaseId>,
}

/// What holds a ticket up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blocker {
    /// What kind of thing it is.
    #[schema(value_type = BlockerKindName)]
    pub kind: BlockerKind,
    /// What has to be answered.
    #[schema(required)]
    pub question: Option<String>,
    /// What led to it, oldest first.
    pub reasons: Vec<String>,
    /// Since when.
    pub since: Timestamp,
    /// Who blocked the ticket.
    #[schema(required)]
    pub by: Option<String>,
    /// The task that it came from.
    #[schema(value_type = Option<Uuid>, required)]
    pub task_id: Option<String>,
}

/// What somebody has answered to a blocked ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// What held the ticket up.
    #[schema(value_type = BlockerKindName)]
    pub kind: BlockerKind,
    /// What was asked.
    #[schema(required)]
    pub question: Option<String>,
    /// What had led to it, oldest first.
    pub reasons: Vec<String>,
    /// What was answered.
    pub answer: String,
    /// Who answered.
    #[schema(required)]
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Where the ticket was blocked.
    #[schema(value_type = PhaseName)]
    pub phase: PhaseId,
}

impl From<phases::Blocker> for Blocker {
    fn from(blocker: phases::Blocker) -> Self {
        let phases::Blocker { kind, question, reasons, since, by, task_id } = blocker;
        Self { kind, question, reasons, since: since.into(), by, task_id }
    }
}

impl From<phases::Answer> for Answer {
    fn from(answer: phases::Answer) -> Self {
        let phases::Answer { kind, question, reasons, answer, by, at, phase } = answer;
        Self { kind, question, reasons, answer, by, at: at.into(), phase }
    }
}
