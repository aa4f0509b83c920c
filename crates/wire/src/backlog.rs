//! A backlog to import: tickets and tasks that name each other by key.

use phaseline_phases::PhaseId;
use phaseline_registry::{AgentType, Capability};
use phaseline_tasks::{Priority, TaskType};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    limits::{
        ATTEMPTS, BACKLOG_TASKS, BACKLOG_TICKETS, CAPABILITIES, DEPENDENCIES, DESCRIPTION_CHARS,
        ESTIMATE_CHARS, KEY_CHARS, TITLE_CHARS,
    },
    patch::or_default,
    rule,
    schema::{
        AgentTypeName, AttemptCount, Description, Estimate, Key, PriorityName, ReferenceList,
        StandardPhase, TaskTypeName, Title, WantedCapabilities, WorkedPhase,
    },
    whole,
};

/// Tickets and tasks to take in, all or none. What is there already by its key is left as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "tickets": [{ "key": "TKT-1", "title": "Rotate the signing keys" }],
    "tasks": [{ "key": "TSK-1", "ticket": "TKT-1", "title": "List the keys in use" }],
}))]
pub struct Backlog {
    /// The tickets.
    #[serde(default, deserialize_with = "or_default")]
    #[validate(length(max = BACKLOG_TICKETS), nested)]
    #[schema(max_items = 10_000, nullable)]
    pub tickets: Vec<BacklogTicket>,
    /// The tasks.
    #[serde(default, deserialize_with = "or_default")]
    #[validate(length(max = BACKLOG_TASKS), nested)]
    #[schema(max_items = 50_000, nullable)]
    pub tasks: Vec<BacklogTask>,
}

/// A ticket of a backlog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BacklogTicket {
    /// Its own name, unique among tickets.
    #[validate(length(min = 1, max = KEY_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Key)]
    pub key: String,
    /// One line.
    #[validate(length(min = 1, max = TITLE_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Title)]
    pub title: String,
    /// What is wanted, in Markdown.
    #[serde(default, deserialize_with = "or_default")]
    #[validate(length(max = DESCRIPTION_CHARS))]
    #[schema(value_type = Option<Description>)]
    pub description: String,
    /// How urgent it is; `MEDIUM` unless it is said.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = Option<PriorityName>)]
    pub priority: Priority,
    /// Its size, as free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(max = ESTIMATE_CHARS))]
    #[schema(value_type = Option<Estimate>)]
    pub estimate: Option<String>,
    /// Where it starts; in the first phase unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StandardPhase>)]
    pub phase_id: Option<PhaseId>,
    /// The keys of the tickets that it waits for.
    #[serde(default, deserialize_with = "or_default")]
    #[validate(length(max = DEPENDENCIES), custom(function = rule::references))]
    #[schema(value_type = Option<ReferenceList>)]
    pub blocked_by: Vec<String>,
    /// Whether its phases are left only through their gates; as configured unless it is said, here
    /// and below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<bool>,
    /// Whether entering a phase makes the tasks of its templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub templates: Option<bool>,
    /// Whether it advances by itself when the work of its phase is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_advance: Option<bool>,
    /// Whether it then passes through phases that have no tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_empty_phases: Option<bool>,
}

/// A task of a backlog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BacklogTask {
    /// Its own name, unique within its ticket.
    #[validate(length(min = 1, max = KEY_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Key)]
    pub key: String,
    /// The key of its ticket.
    #[validate(length(min = 1, max = KEY_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Key)]
    pub ticket: String,
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
    /// What kind of work it is; `implementation` unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<TaskTypeName>)]
    pub task_type: Option<TaskType>,
    /// The phase that it is work of; the usual one of its type unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WorkedPhase>)]
    pub phase_id: Option<PhaseId>,
    /// How urgent it is; as its ticket unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PriorityName>)]
    pub priority: Option<Priority>,
    /// Its size, as free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(max = ESTIMATE_CHARS))]
    #[schema(value_type = Option<Estimate>)]
    pub estimate: Option<String>,
    /// The keys of the tasks that it waits for, as `ticket/task` where the key alone would not say
    /// which.
    #[serde(default, deserialize_with = "or_default")]
    #[validate(length(max = DEPENDENCIES), custom(function = rule::references))]
    #[schema(value_type = Option<ReferenceList>)]
    pub depends_on: Vec<String>,
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

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// How many tickets are new.
    pub tickets_created: u64,
    /// How many were there already.
    pub tickets_unchanged: u64,
    /// How many tasks are new.
    pub tasks_created: u64,
    /// How many were there already.
    pub tasks_unchanged: u64,
}
