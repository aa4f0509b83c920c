//! Attempts: one for each claim of a task.

use phaseline_tasks::{AttemptOutcome, FailureClass};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Pack, Timestamp,
    schema::{AttemptOutcomeName, FailureClassName},
};

/// One claim of a task: who had it, what they were told, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// The task.
    pub task_id: Uuid,
    /// The token of this claim; it grows with every claim of the task.
    pub fencing_token: i64,
    /// Who had it.
    pub agent_id: Uuid,
    /// How it ended; `running` where it has not.
    #[schema(value_type = AttemptOutcomeName)]
    pub outcome: AttemptOutcome,
    /// What kind of failure it was, if it failed.
    #[schema(value_type = Option<FailureClassName>, required)]
    pub failure_class: Option<FailureClass>,
    /// What was said about how it ended.
    #[schema(required)]
    pub error_message: Option<String>,
    /// For how many seconds it was claimed.
    pub lease_s: u32,
    /// When it began.
    pub claimed_at: Timestamp,
    /// When the lease ends or ended, by the last extension.
    pub lease_expires_at: Timestamp,
    /// When it ended.
    #[schema(required)]
    pub ended_at: Option<Timestamp>,
    /// What the agent was told, exactly as it was then.
    pub pack: Pack,
}
