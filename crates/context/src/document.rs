//! The context of a ticket as it is stored: what each phase left behind, and when that changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use phaseline_phases::{Artifact, PhaseId};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::aggregate::{PhaseDraft, distinct_superseded, distinct_texts};
use crate::outline::Outline;
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
    /// The context of each phase that was aggregated; shared, since it may be large.
    #[serde(with = "shared")]
    pub phases: BTreeMap<PhaseId, Arc<PhaseContext>>,
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
    #[serde(default)]
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
    #[serde(serialize_with = "micros")]
    pub completed_at: DateTime<Utc>,
    /// What it decided; empty in documents from before this was kept.
    #[serde(default)]
    pub decisions: Vec<String>,
    /// Which earlier decisions it superseded.
    #[serde(default)]
    pub supersedes: Vec<Superseded>,
}

/// One change of a ticket's context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregationEntry {
    /// The phase that was aggregated.
    pub phase_id: PhaseId,
    /// When.
    #[serde(serialize_with = "micros")]
    pub aggregated_at: DateTime<Utc>,
    /// How many finished tasks it had.
    pub task_count: usize,
    /// What it was made from: see [`PhaseDraft::inputs_hash`].
    pub inputs_hash: String,
}

impl TicketContext {
    /// The document of this outline and these phases.
    pub fn of(outline: Outline, phases: BTreeMap<PhaseId, Arc<PhaseContext>>) -> Self {
        let Outline { history, last_updated_phase, under_review } = outline;
        Self { phases, history, last_updated_phase, under_review }
    }

    /// The document without its phases.
    pub fn outline(&self) -> Outline {
        let Self { phases: _, history, last_updated_phase, under_review } = self.clone();
        Outline { history, last_updated_phase, under_review }
    }

    /// As [`Outline::holds`].
    pub fn holds(&self, draft: &PhaseDraft) -> bool {
        self.outline().holds(draft)
    }

    /// The document with this phase in it, or `None` if that changes nothing: see
    /// [`Outline::record`].
    pub fn record(&self, phase: PhaseContext, now: DateTime<Utc>) -> Option<Self> {
        let outline = self.outline().record(&phase, now)?;
        let mut phases = self.phases.clone();
        phases.insert(phase.phase_id.clone(), Arc::new(phase));
        Some(Self::of(outline, phases))
    }

    /// The ticket's `context_summary`: a line `PHASE_X: summary` for each phase that has one.
    ///
    /// Phases come in the order given, which is the workflow's; those it does not name come last.
    pub fn summary(&self, order: &[PhaseId]) -> String {
        let summaries = self.phases.iter().map(|(id, phase)| (id.clone(), phase.summary.clone()));
        summary_of(&summaries.collect(), order)
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
        for phase in names.into_iter().filter_map(|name| self.phases.get(name)).map(Arc::as_ref) {
            if !found.iter().any(|known| std::ptr::eq(*known, phase)) {
                found.push(phase);
            }
        }
        found
    }
}

/// A ticket's `context_summary`, from the summaries of its phases: as [`TicketContext::summary`].
pub fn summary_of(summaries: &BTreeMap<PhaseId, String>, order: &[PhaseId]) -> String {
    let rest = summaries.keys().filter(|phase| !order.contains(phase));
    let mut lines: Vec<String> = Vec::new();
    let mut told: BTreeSet<&PhaseId> = BTreeSet::new();
    for phase in order.iter().chain(rest) {
        let summary = summaries.get(phase).map(|summary| summary.trim()).unwrap_or_default();
        if !summary.is_empty() && told.insert(phase) {
            lines.push(format!("{phase}: {summary}"));
        }
    }
    lines.join("\n")
}

/// Phases as if they were not shared: the feature of `serde` for it is one for the whole program.
mod shared {
    use serde::Deserializer;

    use super::{Arc, BTreeMap, Deserialize, PhaseContext, PhaseId, Serializer};

    type Phases = BTreeMap<PhaseId, Arc<PhaseContext>>;

    pub(super) fn serialize<S: Serializer>(
        phases: &Phases,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(phases.iter().map(|(id, phase)| (id, &**phase)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Phases, D::Error> {
        let phases = BTreeMap::<PhaseId, PhaseContext>::deserialize(deserializer)?;
        Ok(phases.into_iter().map(|(id, phase)| (id, Arc::new(phase))).collect())
    }
}

/// A time as the interface writes it, so that a document is sent as it is stored.
fn micros<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
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
