//! Which decisions stand: those that no later task superseded and that no regression put under review.

use std::collections::{HashMap, HashSet};

use phaseline_phases::PhaseId;
use uuid::Uuid;

use crate::document::{PhaseContext, TaskDigest, TicketContext};

/// Whether a decision still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Stands,
    /// A task that completed after the last one to decide it said that it no longer holds.
    Superseded {
        /// What was decided in its place, if anything.
        by: Option<String>,
    },
    /// The ticket went back from the phase that decided it and has not left it forward again.
    UnderReview,
}

impl TicketContext {
    /// The document with the decisions of these phases under review, or `None` if that changes nothing.
    ///
    /// For the phases that a ticket goes back from, once the one it leaves is recorded. Phases of which
    /// the document has no context are passed over. It is no aggregation: the history stays as it is.
    ///
    /// ```
    /// use chrono::DateTime;
    /// use phaseline_context::{Standing, TicketContext, aggregate};
    /// use phaseline_phases::Phase;
    ///
    /// let testing = Phase::Testing.id();
    /// let context = aggregate(&testing, &[]).with_summary("Two of nine tests fail.", "me");
    /// let now = DateTime::from_timestamp_nanos(0);
    /// let ticket = TicketContext::default().record(context, now).ok_or("a change")?;
    ///
    /// let back = ticket.review(std::slice::from_ref(&testing)).ok_or("a change")?;
    /// assert_eq!(back.standing(&testing, "Release on Monday"), Standing::UnderReview);
    /// assert_eq!(back.confirm(&testing), Some(ticket));
    /// # Ok::<(), &str>(())
    /// ```
    pub fn review(&self, phases: &[PhaseId]) -> Option<Self> {
        Some(Self::of(self.outline().review(phases)?, self.phases.clone()))
    }

    /// The document with the decisions of this phase no longer under review, or `None` if they were not.
    ///
    /// For a phase that a ticket leaves forward.
    pub fn confirm(&self, phase: &PhaseId) -> Option<Self> {
        Some(Self::of(self.outline().confirm(phase)?, self.phases.clone()))
    }

    /// Whether a decision of this phase stands.
    ///
    /// A decision is its text, without the white space around it. It is superseded if a task of any
    /// phase named it as [superseded](crate::Superseded), and no task decided it in the same breath or
    /// later; so a decision that is taken again stands again, wherever that happens, and what a task
    /// decides itself it cannot withdraw. What stands in place of another counts as decided. Tasks are
    /// taken in order of `(completed_at, id)`. Of several tasks that superseded it, the last one says
    /// by what. Whether a superseded decision is also under review does not matter.
    ///
    /// Documents from before superseding do not tell which task decided what. There the last task of
    /// the phase counts, which completed before anything could be superseded.
    ///
    /// ```
    /// use chrono::DateTime;
    /// use phaseline_context::{
    ///     Findings, FinishedTask, Standing, Superseded, TaskResult, TicketContext, aggregate,
    /// };
    /// use phaseline_phases::Phase;
    /// use uuid::Uuid;
    ///
    /// let task = |id: u128, context: Findings| FinishedTask {
    ///     id: Uuid::from_u128(id),
    ///     task_type: "design".into(),
    ///     title: None,
    ///     completed_at: DateTime::from_timestamp_nanos(0),
    ///     result: TaskResult { context, ..TaskResult::default() },
    /// };
    /// let supersedes = vec![Superseded {
    ///     decision: "SQLite is the default".into(),
    ///     by: Some("PostgreSQL is the default".into()),
    /// }];
    /// let tasks = [
    ///     task(1, Findings { decisions: vec!["SQLite is the default".into()], ..Findings::default() }),
    ///     task(2, Findings { supersedes, ..Findings::default() }),
    /// ];
    /// let design = Phase::Design.id();
    /// let ticket = TicketContext::default()
    ///     .record(aggregate(&design, &tasks).with_summary("", "me"), DateTime::from_timestamp_nanos(0))
    ///     .ok_or("a change")?;
    ///
    /// let by = Some("PostgreSQL is the default".into());
    /// assert_eq!(ticket.standing(&design, "SQLite is the default"), Standing::Superseded { by });
    /// assert_eq!(ticket.standing(&design, "PostgreSQL is the default"), Standing::Stands);
    /// # Ok::<(), &str>(())
    /// ```
    pub fn standing(&self, phase: &PhaseId, decision: &str) -> Standing {
        Standings::of(self).find(phase, decision)
    }
}

/// When a task completed, to the microsecond, as it is stored; ties are broken by its id.
type Moment = (i64, Uuid);

/// What a document says of the standing of all its decisions.
pub(crate) struct Standings<'a> {
    document: &'a TicketContext,
    /// When each was decided last; none is before everything.
    decided: HashMap<&'a str, Option<Moment>>,
    /// When each was superseded last, and by what.
    superseded: HashMap<&'a str, (Option<Moment>, Option<&'a str>)>,
}

impl<'a> Standings<'a> {
    pub(crate) fn of(document: &'a TicketContext) -> Self {
        let mut standings = Self { document, decided: HashMap::new(), superseded: HashMap::new() };
        // Where nothing was superseded, it does not matter when anything was decided.
        if document
            .phases
            .values()
            .flat_map(|phase| &phase.tasks)
            .any(|task| !task.supersedes.is_empty())
        {
            for phase in document.phases.values() {
                standings.take(phase);
            }
        }
        standings
    }

    /// As [`TicketContext::standing`].
    pub(crate) fn find(&self, phase: &PhaseId, decision: &str) -> Standing {
        let text = decision.trim();
        let decided = self.decided.get(text).copied().flatten();
        match self.superseded.get(text) {
            Some((at, by)) if *at > decided => Standing::Superseded { by: by.map(str::to_owned) },
            Some(_) | None if self.document.under_review.contains(phase) => Standing::UnderReview,
            Some(_) | None => Standing::Stands,
        }
    }

    fn take(&mut self, phase: &'a PhaseContext) {
        let mut placed = HashSet::new();
        for task in &phase.tasks {
            for decision in &task.decisions {
                self.decide(decision, Some(moment(task)));
                placed.insert(decision.trim());
            }
            for entry in &task.supersedes {
                self.supersede(entry.decision.trim(), entry.by.as_deref(), Some(moment(task)));
            }
        }
        let last = phase.tasks.iter().map(moment).max();
        for decision in phase.decisions.iter().filter(|text| !placed.contains(text.trim())) {
            self.decide(decision, last);
        }
    }

    fn decide(&mut self, decision: &'a str, at: Option<Moment>) {
        let known = self.decided.entry(decision.trim()).or_default();
        *known = at.max(*known);
    }

    fn supersede(&mut self, decision: &'a str, by: Option<&'a str>, at: Option<Moment>) {
        let known = self.superseded.entry(decision).or_default();
        if at >= known.0 {
            *known = (at, by);
        }
    }
}

fn moment(task: &TaskDigest) -> Moment {
    (task.completed_at.timestamp_micros(), task.task_id)
}

#[cfg(test)]
mod tests;
