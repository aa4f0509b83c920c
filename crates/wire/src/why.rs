//! Why something does not move.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Timestamp;

/// Whether a ticket or a task moves, and what keeps it if it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The ticket.
    pub ticket_id: Uuid,
    /// The task; null where it is about the ticket as a whole.
    #[schema(required)]
    pub task_id: Option<Uuid>,
    /// Whether somebody is at work on it: a lease of it, or of one of the ticket's tasks, is live.
    pub moving: bool,
    /// What keeps it, or what it is up to; never empty.
    pub causes: Vec<Cause>,
}

/// One thing that keeps a ticket or a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cause {
    /// What kind of cause it is; the reference lists them.
    #[schema(pattern = "^[a-z][a-z_]*$", example = "no_capable_agent")]
    pub code: String,
    /// What is the matter.
    #[schema(example = "No registered agent has the capability rsut.")]
    pub detail: String,
    /// What would help.
    pub help: String,
    /// Who could do that.
    pub who: String,
    /// The ticket that it is about.
    #[schema(required)]
    pub ticket_id: Option<Uuid>,
    /// The task that it is about.
    #[schema(required)]
    pub task_id: Option<Uuid>,
    /// The agents that it is about, at most ten of them.
    pub agent_ids: Vec<Uuid>,
    /// The capabilities that it is about.
    pub capabilities: Vec<String>,
    /// For each capability that nobody has, the closest names that somebody has.
    pub closest: BTreeMap<String, Vec<String>>,
    /// The tasks or tickets that are waited for.
    pub waits_for: Vec<Uuid>,
    /// The code of what stands at the end of what is waited for, where that goes on for ever unless
    /// somebody does something; then `help` and `who` are about that.
    #[schema(required, pattern = "^[a-z][a-z_]*$")]
    pub root: Option<String>,
    /// Until when.
    #[schema(required)]
    pub until: Option<Timestamp>,
}
