//! The pack: what the worker of the next phase reads.

use phaseline_context::{self as context, ItemKind};
use phaseline_phases::PhaseId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::schema::{ItemKindName, PhaseName};

/// What people answered, then the contexts of the phases before a target and of those that the
/// ticket went back from, as much of them as the budget takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pack {
    /// The ticket.
    pub ticket_id: Uuid,
    /// The phase whose worker reads this.
    #[schema(value_type = PhaseName)]
    pub target_phase: PhaseId,
    /// The kept items as data, in workflow order.
    pub phases: Vec<PackedPhase>,
    /// The kept items as Markdown: exactly the text that is budgeted.
    pub summary: String,
    /// The tokens of `summary` (o200k_base); never more than the budget.
    pub tokens: u32,
    /// The budget that was asked for; null is no limit.
    #[schema(required)]
    pub budget_tokens: Option<u32>,
    /// What is in `summary`, most important first.
    pub kept: Vec<PackItem>,
    /// What did not fit, most important first.
    pub dropped: Vec<PackItem>,
    /// The decisions that no longer stand, and are left out for that reason.
    pub superseded: Vec<SupersededDecision>,
    /// SHA-256 of `summary` in lower-case hex.
    pub content_hash: String,
}

/// What was kept of one phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PackedPhase {
    /// The phase.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// Its summary, if that was kept.
    #[schema(required)]
    pub summary: Option<String>,
    /// Its kept decisions.
    pub decisions: Vec<String>,
    /// Its kept risks.
    pub risks: Vec<String>,
    /// Its kept tasks.
    pub tasks: Vec<PackedTask>,
    /// Its kept notes.
    pub notes: Vec<String>,
    /// Whether its decisions are under review, since the ticket went back from it.
    pub under_review: bool,
}

/// A decision that no longer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupersededDecision {
    /// The phase that decided it.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// What had been decided.
    pub decision: String,
    /// What was decided in its place; null where it was only withdrawn.
    #[schema(required)]
    pub by: Option<String>,
}

/// A kept task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PackedTask {
    /// The task.
    pub task_id: Uuid,
    /// What kind of work it was.
    pub task_type: String,
    /// What it was called.
    #[schema(required)]
    pub title: Option<String>,
    /// What was done.
    pub summary: String,
}

/// One entry of the manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PackItem {
    /// The phase that the item comes from.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// What it is.
    #[schema(value_type = ItemKindName)]
    pub kind: ItemKind,
    /// Where it stands in the ticket's `full_context`, as a JSON pointer (RFC 6901); an answer is
    /// at its place in the `answers` of the ticket.
    #[schema(example = "/phases/PHASE_DESIGN/decisions/0")]
    pub pointer: String,
    /// The tokens of its own lines.
    pub tokens: u32,
}

impl Pack {
    /// The pack of a ticket.
    #[must_use]
    pub fn of(ticket_id: Uuid, pack: context::Pack) -> Self {
        let context::Pack {
            target_phase,
            phases,
            summary,
            tokens,
            budget_tokens,
            kept,
            dropped,
            superseded,
            content_hash,
        } = pack;
        Self {
            ticket_id,
            target_phase,
            phases: phases.into_iter().map(Into::into).collect(),
            summary,
            tokens,
            budget_tokens,
            kept: kept.into_iter().map(Into::into).collect(),
            dropped: dropped.into_iter().map(Into::into).collect(),
            superseded: superseded.into_iter().map(Into::into).collect(),
            content_hash,
        }
    }
}

impl From<context::PackedPhase> for PackedPhase {
    fn from(phase: context::PackedPhase) -> Self {
        let context::PackedPhase {
            phase_id,
            summary,
            decisions,
            risks,
            tasks,
            notes,
            under_review,
        } = phase;
        let tasks = tasks.into_iter().map(Into::into).collect();
        Self { phase_id, summary, decisions, risks, tasks, notes, under_review }
    }
}

impl From<context::SupersededDecision> for SupersededDecision {
    fn from(superseded: context::SupersededDecision) -> Self {
        let context::SupersededDecision { phase_id, decision, by } = superseded;
        Self { phase_id, decision, by }
    }
}

impl From<context::PackedTask> for PackedTask {
    fn from(task: context::PackedTask) -> Self {
        let context::PackedTask { task_id, task_type, title, summary } = task;
        Self { task_id, task_type, title, summary }
    }
}

impl From<context::PackItem> for PackItem {
    fn from(item: context::PackItem) -> Self {
        let context::PackItem { phase_id, kind, pointer, tokens } = item;
        Self { phase_id, kind, pointer, tokens }
    }
}
