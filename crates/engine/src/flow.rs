//! How a ticket flows by itself: it begins with its first work, its phases make their tasks, it
//! advances when the work of a phase is done, and it is blocked when nobody can go on.

mod advance;
mod block;
mod templates;

use phaseline_persistence::{Connection, tasks, tickets::Ticket};
use phaseline_phases::{PhaseId, Workflow};
use phaseline_tasks::TaskState;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Result, Settings};

pub(crate) use advance::{
    begin, released, settle, settle_after_evidence, settle_after_making, settle_after_move,
    settle_after_resume, settle_held, start,
};
pub(crate) use block::{block, rework_blocker, rework_spent};
pub(crate) use templates::enter;

/// How tickets flow that do not say so themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlowDefaults {
    /// Whether phases are left only through their gates.
    pub gates: bool,
    /// Whether entering a phase makes the tasks of its templates.
    pub templates: bool,
    /// Whether a ticket advances by itself when the work of its phase is done.
    pub auto_advance: bool,
    /// Whether it then passes through phases that have no tasks.
    pub skip_empty_phases: bool,
}

impl Settings {
    /// Whether the phases of this ticket are left only through their gates.
    #[must_use]
    pub fn gates_on(&self, ticket: &Ticket) -> bool {
        ticket.flow.gates.unwrap_or(self.flow.gates)
    }

    /// Whether entering a phase makes the tasks of its templates.
    #[must_use]
    pub fn templates_on(&self, ticket: &Ticket) -> bool {
        ticket.flow.templates.unwrap_or(self.flow.templates)
    }

    /// Whether this ticket advances by itself.
    #[must_use]
    pub fn advances(&self, ticket: &Ticket) -> bool {
        ticket.flow.auto_advance.unwrap_or(self.flow.auto_advance)
    }

    /// Whether it then passes through phases without tasks.
    #[must_use]
    pub fn skips_empty(&self, ticket: &Ticket) -> bool {
        ticket.flow.skip_empty_phases.unwrap_or(self.flow.skip_empty_phases)
    }
}

/// How much work a ticket has in the phase where it stands, and after it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    /// Waiting or under way here.
    pub(crate) open: u64,
    /// Completed here.
    pub(crate) completed: u64,
    /// Failed here.
    pub(crate) failed: u64,
    /// Waiting or under way in earlier phases.
    pub(crate) behind: u64,
    /// Waiting or under way in later phases.
    pub(crate) ahead: u64,
}

/// Counts the work of a ticket around a phase.
pub(crate) async fn work(
    db: &Connection,
    workflow: &Workflow,
    ticket: Uuid,
    phase: &PhaseId,
) -> Result<Work> {
    let mut work = Work::default();
    let here = workflow.rank(phase);
    for (of, state, count) in tasks::counts(db, ticket).await? {
        let rank = workflow.rank(&of);
        match state {
            TaskState::Completed if rank == here => work.completed += count,
            TaskState::Failed if rank == here => work.failed += count,
            TaskState::Pending | TaskState::Claimed | TaskState::Running if rank == here => {
                work.open += count;
            }
            TaskState::Pending | TaskState::Claimed | TaskState::Running if rank > here => {
                work.ahead += count;
            }
            TaskState::Pending | TaskState::Claimed | TaskState::Running => work.behind += count,
            TaskState::Completed | TaskState::Failed | TaskState::Cancelled => {}
        }
    }
    Ok(work)
}
