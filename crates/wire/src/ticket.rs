//! Tickets.

use phaseline_phases::{PhaseId, Status, WorkflowId};
use phaseline_tasks::Priority;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::{
    Answer, Blocker, Timestamp,
    limits::{DEPENDENCIES, DESCRIPTION_CHARS, ESTIMATE_CHARS, KEY_CHARS, TITLE_CHARS},
    patch::{or_default, present},
    rule,
    schema::{
        Description, Estimate, Key, PhaseName, PriorityName, StandardPhase, StandardWorkflow,
        TicketStatusName, Title, UuidList,
    },
};

/// A ticket to make. Only the title must be given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "title": "Rotate the signing keys",
    "description": "Every 90 days, without downtime.",
    "priority": "HIGH",
}))]
pub struct NewTicket {
    /// One line.
    #[validate(length(min = 1, max = TITLE_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Title)]
    pub title: String,
    /// What is wanted, in Markdown.
    #[serde(default, deserialize_with = "or_default")]
    #[validate(length(max = DESCRIPTION_CHARS))]
    #[schema(value_type = Option<Description>)]
    pub description: String,
    /// The workflow to follow; the standard one unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StandardWorkflow>)]
    pub workflow_id: Option<WorkflowId>,
    /// Where it starts; in the first phase unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StandardPhase>)]
    pub phase_id: Option<PhaseId>,
    /// How urgent it is; `MEDIUM` unless it is said.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = Option<PriorityName>)]
    pub priority: Priority,
    /// A name of your own, unique among tickets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(min = 1, max = KEY_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Option<Key>)]
    pub key: Option<String>,
    /// Its size, as free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(max = ESTIMATE_CHARS))]
    #[schema(value_type = Option<Estimate>)]
    pub estimate: Option<String>,
    /// The tickets that it waits for.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = DEPENDENCIES), custom(function = rule::unique))]
    #[schema(value_type = Option<UuidList>)]
    pub blocked_by: Vec<Uuid>,
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

/// What to change of a ticket; what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "priority": "CRITICAL", "estimate": null }))]
pub struct TicketPatch {
    /// One line.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[validate(length(min = 1, max = TITLE_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Title, required = false)]
    pub title: Option<String>,
    /// What is wanted, in Markdown.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = DESCRIPTION_CHARS))]
    #[schema(value_type = Description, required = false)]
    pub description: Option<String>,
    /// How urgent it is.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = PriorityName, required = false)]
    pub priority: Option<Priority>,
    /// Its size; null takes it away.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[validate(length(max = ESTIMATE_CHARS))]
    #[schema(value_type = Option<Estimate>)]
    pub estimate: Option<Option<String>>,
    /// Whether its phases are left only through their gates; null is as configured, here and
    /// below.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub gates: Option<Option<bool>>,
    /// Whether entering a phase makes the tasks of its templates.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub templates: Option<Option<bool>>,
    /// Whether it advances by itself when the work of its phase is done.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub auto_advance: Option<Option<bool>>,
    /// Whether it then passes through phases that have no tasks.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub skip_empty_phases: Option<Option<bool>>,
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ticket {
    /// Its id.
    pub id: Uuid,
    /// The name that it was given, unique among tickets.
    #[schema(required)]
    pub key: Option<String>,
    /// One line.
    pub title: String,
    /// What is wanted, in Markdown.
    pub description: String,
    /// The workflow that it follows.
    #[schema(value_type = String)]
    pub workflow_id: WorkflowId,
    /// The phase that it is in.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// The phase that it was in before; null until it first moves.
    #[schema(value_type = Option<PhaseName>, required)]
    pub previous_phase_id: Option<PhaseId>,
    /// Follows from the phase.
    #[schema(value_type = TicketStatusName)]
    pub status: Status,
    /// How urgent it is.
    #[schema(value_type = PriorityName)]
    pub priority: Priority,
    /// Its size, as free text.
    #[schema(required)]
    pub estimate: Option<String>,
    /// The tickets that it waits for.
    pub blocked_by: Vec<Uuid>,
    /// Whether its phases are left only through their gates; null is as configured, here and
    /// below.
    #[schema(required)]
    pub gates: Option<bool>,
    /// Whether entering a phase makes the tasks of its templates.
    #[schema(required)]
    pub templates: Option<bool>,
    /// Whether it advances by itself when the work of its phase is done.
    #[schema(required)]
    pub auto_advance: Option<bool>,
    /// Whether it then passes through phases that have no tasks.
    #[schema(required)]
    pub skip_empty_phases: Option<bool>,
    /// What holds it up, while it is blocked.
    #[schema(required)]
    pub blocker: Option<Blocker>,
    /// What people have answered when it was blocked, oldest first.
    pub answers: Vec<Answer>,
    /// Grows by one with every change; also the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
