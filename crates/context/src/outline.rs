//! What a ticket's document says beside its phases: when each changed, and what is under review.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use phaseline_phases::PhaseId;
use serde::{Deserialize, Serialize};

use crate::aggregate::PhaseDraft;
use crate::document::{AggregationEntry, PhaseContext};

/// A ticket's document without the contexts of its phases: small, whatever they hold, and enough to
/// decide whether a phase is to be recorded anew.
///
/// ```
/// use chrono::DateTime;
/// use phaseline_context::{Outline, aggregate};
/// use phaseline_phases::Phase;
///
/// let draft = aggregate(&Phase::Design.id(), &[]);
/// let now = DateTime::from_timestamp_nanos(0);
/// let design = draft.clone().with_summary("Nothing was left to design.", "me");
///
/// let outline = Outline::default().record(&design, now).ok_or("a change")?;
/// assert!(outline.holds(&draft));
/// assert_eq!(outline.record(&design, now), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outline {
    /// One entry for each aggregation that changed something, oldest first.
    pub history: Vec<AggregationEntry>,
    /// The phase of the last entry of the history.
    pub last_updated_phase: Option<PhaseId>,
    /// The phases whose decisions are under review, because the ticket went back from them: see
    /// [`TicketContext::review`](crate::TicketContext::review).
    pub under_review: BTreeSet<PhaseId>,
}

impl Outline {
    /// Whether the document already tells what this draft would: the same phase from the same inputs.
    ///
    /// Ask before paying for a summary that [`record`](Self::record) would then refuse.
    pub fn holds(&self, draft: &PhaseDraft) -> bool {
        self.holds_inputs(draft.phase_id(), draft.inputs_hash())
    }

    /// The outline of the document with this phase in it, or `None` if that changes nothing.
    ///
    /// What counts is what the phase was made from: another summary of the same inputs is no change.
    pub fn record(&self, phase: &PhaseContext, now: DateTime<Utc>) -> Option<Self> {
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
        Some(changed)
    }

    /// The last aggregation of a phase, if there was one: what the document tells of it now.
    pub fn last(&self, phase: &PhaseId) -> Option<&AggregationEntry> {
        self.history.iter().rev().find(|entry| entry.phase_id == *phase)
    }

    /// As [`TicketContext::review`](crate::TicketContext::review).
    pub fn review(&self, phases: &[PhaseId]) -> Option<Self> {
        let mut changed = self.clone();
        let known = phases.iter().filter(|phase| self.last(phase).is_some());
        changed.under_review.extend(known.cloned());
        (changed.under_review != self.under_review).then_some(changed)
    }

    /// As [`TicketContext::confirm`](crate::TicketContext::confirm).
    pub fn confirm(&self, phase: &PhaseId) -> Option<Self> {
        let mut changed = self.clone();
        changed.under_review.remove(phase).then_some(changed)
    }

    fn holds_inputs(&self, phase: &PhaseId, inputs_hash: &str) -> bool {
        self.last(phase).is_some_and(|entry| entry.inputs_hash == inputs_hash)
    }
}
