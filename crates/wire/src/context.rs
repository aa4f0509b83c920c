//! What the phases of a ticket found out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use phaseline_context as context;
use phaseline_phases::PhaseId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::{
    Artifact, Superseded, Timestamp, artifact,
    schema::{Json, PhaseName, StandardPhase},
};

/// The phase to aggregate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "phase_id": "PHASE_DESIGN" }))]
pub struct UpdateContext {
    /// The phase.
    #[schema(value_type = StandardPhase)]
    pub phase_id: PhaseId,
}

/// The context of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Context {
    /// The ticket.
    pub ticket_id: Uuid,
    /// What its phases found out.
    pub full_context: FullContext,
    /// A line for each phase that has a summary.
    pub summary: String,
    /// The phase that was aggregated last.
    #[schema(value_type = Option<PhaseName>, required)]
    pub last_updated_phase: Option<PhaseId>,
    /// The version of the ticket.
    pub version: i64,
}

/// The context document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FullContext {
    /// The context of each phase that was aggregated, by its id.
    #[schema(value_type = BTreeMap<String, PhaseContext>)]
    pub phases: BTreeMap<PhaseId, PhaseContext>,
    /// One entry for each aggregation that changed something, oldest first.
    pub history: Vec<Aggregation>,
    /// The phase of the last entry of the history.
    #[schema(value_type = Option<PhaseName>, required)]
    pub last_updated_phase: Option<PhaseId>,
    /// The phases whose decisions are under review, since the ticket went back from them.
    #[schema(value_type = Vec<PhaseName>)]
    pub under_review: BTreeSet<PhaseId>,
}

/// What a phase left behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PhaseContext {
    /// The phase.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// The phase in a few sentences.
    pub summary: String,
    /// The name of the summariser that wrote them.
    pub summarised_by: String,
    /// What was decided, each once, in first-seen order.
    pub decisions: Vec<String>,
    /// What may go wrong, likewise.
    pub risks: Vec<String>,
    /// What else is worth knowing, likewise.
    pub notes: Vec<String>,
    /// Which earlier decisions its tasks superseded, likewise.
    pub supersedes: Vec<Superseded>,
    /// What the tasks of the phase produced, each once.
    pub artifacts: Vec<Artifact>,
    /// The finished tasks in order of completion.
    pub tasks: Vec<TaskDigest>,
    /// A digest of what this was made from.
    pub inputs_hash: String,
}

/// A finished task without what went into the lists of its phase, but for its part in the
/// decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskDigest {
    /// The task.
    pub task_id: Uuid,
    /// What kind of work it was.
    pub task_type: String,
    /// What it was called.
    #[schema(required)]
    pub title: Option<String>,
    /// What was done.
    pub summary: String,
    /// What it produced as data.
    #[schema(value_type = Json)]
    pub outputs: Value,
    /// When it completed.
    pub completed_at: Timestamp,
    /// What it decided.
    pub decisions: Vec<String>,
    /// Which earlier decisions it superseded.
    pub supersedes: Vec<Superseded>,
}

/// One change of a ticket's context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Aggregation {
    /// The phase that was aggregated.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// When.
    pub aggregated_at: Timestamp,
    /// How many finished tasks it had.
    pub task_count: usize,
    /// A digest of what it was made from.
    pub inputs_hash: String,
}

impl From<context::TicketContext> for FullContext {
    fn from(document: context::TicketContext) -> Self {
        let context::TicketContext { phases, history, last_updated_phase, under_review } = document;
        Self {
            phases: phases
                .into_iter()
                .map(|(id, phase)| (id, Arc::unwrap_or_clone(phase).into()))
                .collect(),
            history: history.into_iter().map(Into::into).collect(),
            last_updated_phase,
            under_review,
        }
    }
}

impl From<context::PhaseContext> for PhaseContext {
    fn from(phase: context::PhaseContext) -> Self {
        let context::PhaseContext {
            phase_id,
            summary,
            summarised_by,
            decisions,
            risks,
            notes,
            supersedes,
            artifacts,
            tasks,
            inputs_hash,
        } = phase;
        Self {
            phase_id,
            summary,
            summarised_by,
            decisions,
            risks,
            notes,
            supersedes: supersedes.into_iter().map(Into::into).collect(),
            artifacts: artifact::all(artifacts),
            tasks: tasks.into_iter().map(Into::into).collect(),
            inputs_hash,
        }
    }
}

impl From<context::TaskDigest> for TaskDigest {
    fn from(task: context::TaskDigest) -> Self {
        let context::TaskDigest {
            task_id,
            task_type,
            title,
            summary,
            outputs,
            completed_at,
            decisions,
            supersedes,
        } = task;
        Self {
            task_id,
            task_type,
            title,
            summary,
            outputs,
            completed_at: completed_at.into(),
            decisions,
            supersedes: supersedes.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<context::AggregationEntry> for Aggregation {
    fn from(entry: context::AggregationEntry) -> Self {
        let context::AggregationEntry { phase_id, aggregated_at, task_count, inputs_hash } = entry;
        Self { phase_id, aggregated_at: aggregated_at.into(), task_count, inputs_hash }
    }
}
