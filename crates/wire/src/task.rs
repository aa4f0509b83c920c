//! Tasks.

use phaseline_phases::PhaseId;
use phaseline_registry::{AgentType, Capability};
use phaseline_tasks::{Priority, TaskState, TaskType};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::{
    Cause, TaskResult, Timestamp,
    limits::{
        ATTEMPTS, CAPABILITIES, DEPENDENCIES, DESCRIPTION_CHARS, ESTIMATE_CHARS, KEY_CHARS,
        TITLE_CHARS,
    },
    patch::or_default,
    rule,
    schema::{
        AgentTypeName, AttemptCount, Description, Estimate, Key, PhaseName, PriorityName,
        TaskStateName, TaskTypeName, Title, UuidList, WantedCapabilities, WorkedPhase,
    },
    whole,
};

/// A task to make. Every field may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "title": "List the keys in use",
    "description": "Which services sign what, with which key.",
    "required_capabilities": ["rust"],
}))]
pub struct NewTask {
    /// The phase that it is work of; that of the ticket unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WorkedPhase>)]
    pub phase_id: Option<PhaseId>,
    /// What kind of work it is; `implementation` unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<TaskTypeName>)]
    pub task_type: Option<TaskType>,
    /// One line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(min = 1, max = TITLE_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Option<Title>)]
    pub title: Option<String>,
    /// What is to be done, in Markdown.
    #[serde(default, deserialize_with = "or_default")]
    #[validate(length(max = DESCRIPTION_CHARS))]
    #[schema(value_type = Option<Description>)]
    pub description: String,
    /// How urgent it is; as its ticket unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PriorityName>)]
    pub priority: Option<Priority>,
    /// A name of your own, unique within the ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(min = 1, max = KEY_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Option<Key>)]
    pub key: Option<String>,
    /// Its size, as free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(max = ESTIMATE_CHARS))]
    #[schema(value_type = Option<Estimate>)]
    pub estimate: Option<String>,
    /// The tasks that it waits for, of this ticket or another.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = DEPENDENCIES), custom(function = rule::unique))]
    #[schema(value_type = Option<UuidList>)]
    pub depends_on: Vec<Uuid>,
    /// What an agent must be able to do to get it, all of it.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = CAPABILITIES))]
    #[schema(value_type = Option<WantedCapabilities>)]
    pub required_capabilities: Vec<Capability>,
    /// The type of agent that it is work for; `worker` unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AgentTypeName>)]
    pub agent_type: Option<AgentType>,
    /// How many attempts may fail by its own fault; as configured unless it is said.
    #[serde(default, deserialize_with = "whole::or_null", skip_serializing_if = "Option::is_none")]
    #[validate(range(min = 1, max = ATTEMPTS))]
    #[schema(value_type = Option<AttemptCount>)]
    pub max_attempts: Option<u32>,
}

/// A task that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedTask {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// Why nobody could ever do it as things are; empty where somebody can.
    pub warnings: Vec<Cause>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// Its id.
    pub id: Uuid,
    /// The ticket that it belongs to.
    pub ticket_id: Uuid,
    /// The name that it was given, unique within its ticket.
    #[schema(required)]
    pub key: Option<String>,
    /// The phase that it is work of.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// What kind of work it is.
    #[schema(value_type = TaskTypeName)]
    pub task_type: TaskType,
    /// One line.
    #[schema(required)]
    pub title: Option<String>,
    /// What is to be done, in Markdown.
    pub description: String,
    /// How urgent it is.
    #[schema(value_type = PriorityName)]
    pub priority: Priority,
    /// Its size, as free text.
    #[schema(required)]
    pub estimate: Option<String>,
    /// The type of agent that it is work for.
    #[schema(value_type = AgentTypeName)]
    pub agent_type: AgentType,
    /// What an agent must be able to do to get it, all of it.
    #[schema(value_type = Vec<String>)]
    pub required_capabilities: Vec<Capability>,
    /// How far it is.
    #[schema(value_type = TaskStateName)]
    pub status: TaskState,
    /// What it left behind, once completed.
    #[schema(required)]
    pub result: Option<TaskResult>,
    /// Why it failed, once failed.
    #[schema(required)]
    pub error_message: Option<String>,
    /// The tasks that it waits for.
    pub depends_on: Vec<Uuid>,
    /// The agent that has it, while it is claimed or running.
    #[schema(required)]
    pub agent_id: Option<Uuid>,
    /// The token of its last claim; 0 when it was never claimed.
    pub fencing_token: i64,
    /// When the lease of that agent ends.
    #[schema(required)]
    pub lease_expires_at: Option<Timestamp>,
    /// Not to be claimed before this time: it failed or was lost a moment ago.
    #[schema(required)]
    pub available_at: Option<Timestamp>,
    /// How many attempts may fail by its own fault.
    pub max_attempts: u32,
    /// How many have.
    pub attempts_used: u32,
    /// Grows by one with every change; also the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was completed, failed or cancelled.
    #[schema(required)]
    pub finished_at: Option<Timestamp>,
    /// Who ended it: `agents/` and the id, or an operator as they call themselves.
    #[schema(required)]
    pub finished_by: Option<String>,
}
