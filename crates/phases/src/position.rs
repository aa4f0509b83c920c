//! Where a ticket stands, and the decision whether it may move.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    HistoryEntry, Note, PhaseId, Transition, TransitionKind, UnknownPhase, Workflow,
    transition::kind_of, workflow::list,
};

/// Where a ticket stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The phase that it is in.
    pub phase: PhaseId,
    /// The phase that it came from; while it is parked, the one that it was blocked in.
    pub previous: Option<PhaseId>,
    /// How many rows its history has.
    pub sequence: u32,
    /// Since when it is there.
    pub since: DateTime<Utc>,
}

/// A move that the table does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a ticket cannot move from {from} to {to}: {}", self.instead())]
pub struct IllegalTransition {
    /// Where the ticket is.
    pub from: PhaseId,
    /// Where it was to go.
    pub to: PhaseId,
    /// Where it may go.
    pub allowed: Vec<PhaseId>,
    /// Where it was blocked, if that is why: it cannot come out further than it went in.
    pub blocked_at: Option<PhaseId>,
}

/// Why a move was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// There is no such phase.
    #[error(transparent)]
    UnknownPhase(#[from] UnknownPhase),
    /// There is no such move.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
}

impl Position {
    /// The beginning of a ticket: in the first phase, or in another one of the workflow.
    ///
    /// # Errors
    /// [`UnknownPhase`] says which phases there are.
    pub fn start(
        workflow: &Workflow,
        phase: Option<PhaseId>,
        note: Note,
        now: DateTime<Utc>,
    ) -> Result<Transition, UnknownPhase> {
        let to = phase.unwrap_or_else(|| workflow.initial().clone());
        workflow.require(&to)?;
        let Note { reason, by, artifacts, forced } = note;
        Ok(Transition::new(HistoryEntry {
            sequence: 1,
            from: None,
            to,
            kind: TransitionKind::Create,
            reason,
            by,
            artifacts,
            forced,
            at: now,
            seconds_in_previous: None,
        }))
    }

    /// Decides a move. It changes nothing: the transition says what should happen.
    ///
    /// # Errors
    /// [`MoveError`] says which phases there are, or where the ticket may go instead.
    ///
    /// ```
    /// use chrono::{DateTime, TimeDelta};
    /// use phaseline_phases::{Note, Phase, Position, Workflow};
    ///
    /// let workflow = Workflow::standard();
    /// let made = DateTime::UNIX_EPOCH;
    /// let ticket = Position::start(workflow, None, Note::default(), made)?.position();
    ///
    /// let note = Note { by: Some("amy".to_owned()), ..Note::default() };
    /// let later = made + TimeDelta::seconds(90);
    /// let step = ticket.move_to(workflow, &Phase::Requirements.id(), note, later)?;
    /// assert_eq!(step.seconds_in_previous(), Some(90.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn move_to(
        &self,
        workflow: &Workflow,
        to: &PhaseId,
        note: Note,
        now: DateTime<Utc>,
    ) -> Result<Transition, MoveError> {
        workflow.require(to)?;
        let allowed = self.allowed(workflow)?;
        if !allowed.contains(to) {
            let in_table = workflow.exits(&self.phase)?.contains(to);
            return Err(MoveError::Illegal(IllegalTransition {
                from: self.phase.clone(),
                to: to.clone(),
                allowed,
                blocked_at: self.previous.clone().filter(|_| in_table),
            }));
        }
        let Note { reason, by, artifacts, forced } = note;
        Ok(Transition::new(HistoryEntry {
            sequence: self.sequence.saturating_add(1),
            from: Some(self.phase.clone()),
            to: to.clone(),
            kind: kind_of(workflow, &self.phase, to),
            reason,
            by,
            artifacts,
            forced,
            at: now,
            seconds_in_previous: Some(seconds_between(self.since, now)),
        }))
    }

    /// The phase that its work belongs to: the one that it is in, or, while it is parked, the one
    /// that it was blocked in.
    #[must_use]
    pub fn work_phase(&self, workflow: &Workflow) -> &PhaseId {
        match &self.previous {
            Some(blocked_at) if workflow.is_parking(&self.phase) => blocked_at,
            Some(_) | None => &self.phase,
        }
    }

    /// Where the ticket may go. Out of the parking phase that is where it was blocked or earlier:
    /// blocking is a place to wait, not a way round.
    ///
    /// # Errors
    /// [`UnknownPhase`] when it stands, or was blocked, in a phase that the workflow does not have.
    pub fn allowed(&self, workflow: &Workflow) -> Result<Vec<PhaseId>, UnknownPhase> {
        let exits = workflow.exits(&self.phase)?;
        let Some(blocked_at) = self.previous.as_ref().filter(|_| workflow.is_parking(&self.phase))
        else {
            return Ok(exits.to_vec());
        };
        let earlier = workflow.before(blocked_at)?;
        let is_back = |exit: &&PhaseId| *exit == blocked_at || earlier.contains(exit);
        Ok(exits.iter().filter(is_back).cloned().collect())
    }
}

impl IllegalTransition {
    fn instead(&self) -> String {
        let allowed = list(&self.allowed, "or");
        match (&self.blocked_at, self.allowed.is_empty()) {
            (Some(blocked_at), _) => format!(
                "it was blocked in {blocked_at} and cannot come out further than it went in, only to {allowed}"
            ),
            (None, true) => format!("{} is an end", self.from),
            (None, false) => format!("from there it can go to {allowed}"),
        }
    }
}

/// A clock that was set back gives 0, never less.
fn seconds_between(since: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
    (now - since).as_seconds_f64().max(0.0)
}
