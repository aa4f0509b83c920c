//! Claims: how an agent gets work, keeps it and gives it back.

use phaseline_tasks::{FailureClass, LeaseTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    Pack, Task, TaskResult, Ticket, Timestamp,
    limits::{
        BUDGET_TOKENS, CLAIMS, ERROR_MESSAGE_CHARS, FENCING_TOKEN, QUESTION_CHARS, REASON_CHARS,
        WAIT_S,
    },
    rule,
    schema::{
        BudgetTokens, ClaimCount, ErrorMessage, FailureClassName, FencingToken, LeaseSeconds,
        Question, Reason, WaitSeconds,
    },
    whole,
};

/// A call for work. Every field may be left out, and so may the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(
    default = json!({ "max": 1, "lease_s": 300, "wait_s": 0 }),
    example = json!({ "max": 2, "lease_s": 120, "wait_s": 20, "max_tokens": 4000 }),
)]
pub struct NewClaim {
    /// How many tasks at most; one unless it is said.
    #[serde(deserialize_with = "whole::number")]
    #[validate(range(min = 1, max = CLAIMS))]
    #[schema(value_type = ClaimCount)]
    pub max: u32,
    /// How long each is the agent's unless it extends the lease; 300 seconds unless it is said.
    #[serde(deserialize_with = "whole::number")]
    #[schema(value_type = LeaseSeconds)]
    pub lease_s: LeaseTime,
    /// How long to wait for work where there is none; not at all unless it is said.
    #[serde(deserialize_with = "whole::number")]
    #[validate(range(max = WAIT_S))]
    #[schema(value_type = WaitSeconds)]
    pub wait_s: u32,
    /// The most tokens (o200k_base) of each pack; no limit unless it is said.
    #[serde(deserialize_with = "whole::or_null", skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 1, max = BUDGET_TOKENS))]
    #[schema(value_type = Option<BudgetTokens>)]
    pub max_tokens: Option<u32>,
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Claims {
    /// The tasks that are the agent's now, the most urgent first.
    pub items: Vec<Claim>,
    /// Why there are none; null where there are.
    #[schema(required)]
    pub reason: Option<String>,
}

/// A task that is an agent's now, with all that it needs to begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Claim {
    /// The task.
    pub task: Task,
    /// Its ticket.
    pub ticket: Ticket,
    /// What to send with everything that is said of the task from here on.
    pub fencing_token: i64,
    /// When the lease ends, unless it is extended.
    pub lease_expires_at: Timestamp,
    /// What the phases before found out. It is kept with the attempt.
    pub pack: Pack,
}

/// A lease to lengthen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "fencing_token": 3, "lease_s": 600 }))]
pub struct LeaseExtension {
    /// The token of the claim.
    #[serde(deserialize_with = "whole::number")]
    #[validate(range(min = 1, max = FENCING_TOKEN))]
    #[schema(value_type = FencingToken)]
    pub fencing_token: i64,
    /// How long from now; as long as it was claimed for unless it is said.
    #[serde(default, deserialize_with = "whole::or_null", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<LeaseSeconds>)]
    pub lease_s: Option<LeaseTime>,
}

/// A task is done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "fencing_token": 3, "result": {
    "summary": "Three services sign with one key.",
    "context": { "decisions": ["One key for each service"], "risks": [], "notes": [] },
} }))]
pub struct TaskCompletion {
    /// The token of the claim; only a task that nobody has claimed is completed without one.
    #[serde(default, deserialize_with = "whole::or_null", skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 1, max = FENCING_TOKEN))]
    #[schema(value_type = Option<FencingToken>)]
    pub fencing_token: Option<i64>,
    /// What it leaves behind.
    #[validate(nested)]
    pub result: TaskResult,
}

/// A task could not be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "fencing_token": 3,
    "error_message": "The key server does not answer.",
    "failure_class": "transient",
}))]
pub struct TaskFailure {
    /// The token of the claim; only a task that nobody has claimed is failed without one.
    #[serde(default, deserialize_with = "whole::or_null", skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 1, max = FENCING_TOKEN))]
    #[schema(value_type = Option<FencingToken>)]
    pub fencing_token: Option<i64>,
    /// Why.
    #[validate(length(min = 1, max = ERROR_MESSAGE_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = ErrorMessage)]
    pub error_message: String,
    /// What kind of failure it is; only `task`, which it is unless it is said, uses up an attempt. No
    /// other one without the token of a claim.
    #[serde(default)]
    #[schema(value_type = FailureClassName)]
    pub failure_class: FailureClass,
    /// What somebody has to answer before the work can go on; with `needs_input`, where the error
    /// message is the question unless it is said. Not without the token of a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(min = 1, max = QUESTION_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Option<Question>)]
    pub question: Option<String>,
}

/// A task to give back undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "fencing_token": 3, "reason": "I am to shut down." }))]
pub struct TaskRelease {
    /// The token of the claim.
    #[serde(deserialize_with = "whole::number")]
    #[validate(range(min = 1, max = FENCING_TOKEN))]
    #[schema(value_type = FencingToken)]
    pub fencing_token: i64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(max = REASON_CHARS))]
    #[schema(value_type = Option<Reason>)]
    pub reason: Option<String>,
}

/// A task that is not needed any more. The reason may be left out, and so may the body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Another ticket has done it." }))]
pub struct TaskCancellation {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(max = REASON_CHARS))]
    #[schema(value_type = Option<Reason>)]
    pub reason: Option<String>,
}

/// A body that says nothing; it may be left out.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

impl Default for NewClaim {
    /// One task for 300 seconds, at once or not at all, with a pack of any size.
    fn default() -> Self {
        Self { max: 1, lease_s: LeaseTime::default(), wait_s: 0, max_tokens: None }
    }
}
