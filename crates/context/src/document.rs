//! The context of a ticket as it is stored: what each phase left behind, and when that changed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use phaseline_phases::{Artifact, PhaseId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::aggregate::{PhaseDraft, distinct_superseded, distinct_texts};
use crate::result::{FinishedTask, Superseded, TaskResult};

/// The `context` document of a ticket.
///
/// ```
/// use chrono::DateTime;
/// use phaseline_context::{TicketContext, aggregate};
/// use phaseline_phases::Phase;
///
/// let draft = aggregate(&Phase::Design.id(), &[]);
/// let now = DateTime::from_timestamp_nanos(0);
/// let design = draft.with_summary("Nothing was left to design.", "me");
///
/// let ticket = TicketContext::default().record(design.clone(), now).ok_or("a change")?;
/// assert_eq!(ticket.last_updated_phase, Some(Phase::Design.id()));
/// assert_eq!(ticket.record(design, now), None); // what has not changed changes nothing
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TicketContext {
    /// The context of each phase that was aggregated.
    pub phases: BTreeMap<PhaseId, PhaseContext>,
    /// One entry for each aggregation that changed something, oldest first.
    pub history: Vec<AggregationEntry>,
    /// The phase of the last entry of the history.
    pub last_updated_phase: Option<PhaseId>,
    /// The phases whose decisions are under review, because the ticket went back from them: see
    /// [`review`](Self::review).
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub under_review: BTreeSet<PhaseId>,
}

/// What a phase left behind. Made from a [draft](PhaseDraft) by a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseContext {
    /// The phase.
    pub phase_id: PhaseId,
    /// The phase in a few sentences; empty if there was nothing to tell.
    pub summary: String,
    /// The name of the summariser that wrote them.
    pub summarised_by: String,
    /// What was decided, each once, in first-seen order; [`TicketContext::standing`] says of each
    /// whether it still stands.
    pub decisions: Vec<String>,
    /// What may go wrong, likewise.
    pub risks: Vec<String>,
    /// What else is worth knowing, likewise.
    pub notes: Vec<String>,
    /// Which earlier decisions, of this phase or another, its tasks superseded; likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<Superseded>,
    /// What the tasks of the phase produced, each once.
    pub artifacts: Vec<Artifact>,
    /// The finished tasks in order of completion.
    pub tasks: Vec<TaskDigest>,
    /// What the context was made from: see [`PhaseDraft::inputs_hash`].
    pub inputs_hash: String,
}

/// A finished task without what went into the lists of its phase, but for its part in the decisions:
/// which of them stand depends on which task decided or superseded them last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDigest {
    /// The task's id.
    pub task_id: Uuid,
    /// The type of work.
    pub task_type: String,
    /// What the task was called, if it had a name.
    pub title: Option<String>,
    /// What was done, in prose, as the task reported it.
    pub summary: String,
    /// What the task produced as data; null when there is none.
    pub outputs: Value,
    /// When it completed.
    pub completed_at: DateTime<Utc>,
    /// What it decided; empty in documents from before this was kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<String>,
    /// Which earlier decisions it superseded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<Superseded>,
}

/// One change of a ticket's context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregationEntry {
    /// The phase that was aggregated.
    pub phase_id: PhaseId,
    /// When.
    pub aggregated_at: DateTime<Utc>,
    /// How many finished tasks it had.
    pub task_count: usize,
    /// What it was made from: see [`PhaseDraft::inputs_hash`].
    pub inputs_hash: String,
}

impl TicketContext {
    /// Whether the document already tells what this draft would: the same phase from the same inputs.
    ///
    /// Ask before paying for a summary that [`record`](Self::record) would then refuse.
    pub fn holds(&self, draft: &PhaseDraft) -> bool {
        self.holds_inputs(draft.phase_id(), draft.inputs_hash())
    }

    /// The document with this phase in it, or `None` if that changes nothing.
    ///
    /// What counts is what the phase was made from: another summary of the same inputs is no change.
    pub fn record(&self, phase: PhaseContext, now: DateTime<Utc>) -> Option<Self> {
        if self.holds_inputs(&phase.phase_id, &phase.inputs_hash) {
            return None;
        }
        let mut changed = self.clone();
        changed.history.push(AggregationEntry {
            phase_id: phase.phase_id.clone(),
            aggregated_at: now,
            task_count: phase.tasks.len(),
            inputs_hash: phase.inputs_hash.clone(),
        });
        changed.last_updated_phase = Some(phase.phase_id.clone());
        changed.phases.insert(phase.phase_id.clone(), phase);
        Some(changed)
    }

    /// The ticket's `context_summary`: a line `PHASE_X: summary` for each phase that has one.
    ///
    /// Phases come in the order given, which is the workflow's; those it does not name come last.
    pub fn summary(&self, order: &[PhaseId]) -> String {
        let lines = self.in_order(order).into_iter().filter_map(|phase| {
            let summary = phase.summary.trim();
            (!summary.is_empty()).then(|| format!("{}: {summary}", phase.phase_id))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The phases in the order given, then those it does not name, by name; each once.
    pub(crate) fn in_order(&self, order: &[PhaseId]) -> Vec<&PhaseContext> {
        let rest = self.phases.keys().filter(|phase| !order.contains(phase));
        self.among(order.iter().chain(rest))
    }

    /// The phases named that the document has, in that order; each once.
    pub(crate) fn among<'names>(
        &self,
        names: impl IntoIterator<Item = &'names PhaseId>,
    ) -> Vec<&PhaseContext> {
        let mut found: Vec<&PhaseContext> = Vec::new();
        for phase in names.into_iter().filter_map(|name| self.phases.get(name)) {
            if !found.iter().any(|known| std::ptr::eq(*known, phase)) {
                found.push(phase);
            }
        }
        found
    }

    fn holds_inputs(&self, phase: &PhaseId, inputs_hash: &str) -> bool {
        let stored = self.phases.get(phase);
        stored.is_some_and(|stored| stored.inputs_hash == inputs_hash)
    }
}

impl From<FinishedTask> for TaskDigest {
    fn from(task: FinishedTask) -> Self {
        let FinishedTask { id, task_type, title, completed_at, result } = task;
        let TaskResult {
            summary,
            outputs,
            context,      // its risks and notes are in those of the phase
            artifacts: _, // in the phase's artifacts
        } = result;
        Self {
            task_id: id,
            task_type,
            title,
            summary,
            outputs,
            completed_at,
            decisions: distinct_texts(context.decided()),
            supersedes: distinct_superseded(context.supersedes.iter()),
        }
    }
}

#[cfg(test)]
mod tests;
