//! What a task wants of whoever does it.

use chrono::{DateTime, Utc};
use phaseline_persistence::tasks::Task;
use phaseline_phases::PhaseId;
use phaseline_registry::{Able, AgentType, Capability, Index, Work};
use uuid::Uuid;

/// How many agents a cause names.
pub(super) const NAMED: usize = 10;

/// What an agent must be to do a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) capabilities: Vec<Capability>,
    pub(super) phase_id: PhaseId,
    pub(super) agent_type: AgentType,
    /// Those that have said that they cannot, in order.
    pub(super) unable: Vec<Uuid>,
}

impl Wanted {
    /// What this task wants, of whoever has not said that they cannot do it.
    pub(super) fn of(task: &Task, mut unable: Vec<Uuid>) -> Self {
        unable.sort_unstable();
        Self {
            capabilities: task.required_capabilities.clone(),
            phase_id: task.phase_id.clone(),
            agent_type: task.agent_type,
            unable,
        }
    }
}

/// Looks for whoever could do this.
pub(super) fn able(index: &Index, wanted: &Wanted, now: DateTime<Utc>) -> Able {
    let Wanted { capabilities, phase_id, agent_type, unable } = wanted;
    let (phase_id, agent_type) = (phase_id.as_str(), *agent_type);
    index.able(&Work { capabilities, phase_id, agent_type, unable }, NAMED, now)
}
