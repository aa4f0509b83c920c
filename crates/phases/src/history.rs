//! The history of a ticket, and the check that it is whole.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Artifact, IllegalTransition, MoveError, Note, PhaseId, Position, TransitionKind, UnknownPhase,
    Workflow,
};

/// One row of a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Its number, gap-free from 1.
    pub sequence: u32,
    /// The phase left; `None` in the first row.
    pub from: Option<PhaseId>,
    /// The phase entered.
    pub to: PhaseId,
    /// What the move amounts to.
    pub kind: TransitionKind,
    /// Why it was made.
    pub reason: Option<String>,
    /// Who made it.
    pub by: Option<String>,
    /// What the phase left has produced.
    pub artifacts: Vec<Artifact>,
    /// Whether it passed a gate that was not met.
    #[serde(default)]
    pub forced: bool,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// How long the ticket was in the phase left, in seconds.
    pub seconds_in_previous: Option<f64>,
}

/// Where a history is broken: the first row that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BrokenHistory {
    /// There are no rows.
    #[error("the history is empty: a ticket has at least the row of its making")]
    Empty,
    /// The numbers are not 1, 2, 3 and so on.
    #[error("row {found} stands where row {expected} should")]
    Gap {
        /// The number that should be there.
        expected: u32,
        /// The number that is there.
        found: u32,
    },
    /// The first row leaves a phase.
    #[error("row 1 does not make the ticket: its kind is {kind}, and it leaves {}", .from.as_ref().map_or("no phase", PhaseId::as_str))]
    NotCreated {
        /// What the row says it is.
        kind: TransitionKind,
        /// The phase that it leaves.
        from: Option<PhaseId>,
    },
    /// A later row makes the ticket once more.
    #[error("row {sequence} makes the ticket again, which only row 1 does")]
    CreatedAgain {
        /// The number of the row.
        sequence: u32,
    },
    /// A later row leaves no phase, or another one than the row before has entered.
    #[error("row {sequence} leaves {}, but the ticket was in {expected}", .found.as_ref().map_or("no phase", PhaseId::as_str))]
    Disconnected {
        /// The number of the row.
        sequence: u32,
        /// Where the ticket was.
        expected: PhaseId,
        /// What the row leaves.
        found: Option<PhaseId>,
    },
    /// A phase that the workflow does not have.
    #[error("row {sequence}: {unknown}")]
    UnknownPhase {
        /// The number of the row.
        sequence: u32,
        /// The phase, and which there are.
        unknown: UnknownPhase,
    },
    /// A move that the table does not have.
    #[error("row {sequence}: {illegal}")]
    IllegalMove {
        /// The number of the row.
        sequence: u32,
        /// The move, and what would be allowed.
        illegal: IllegalTransition,
    },
    /// A ticket that came out of the parking phase further than it went in.
    #[error("row {sequence} resumes in {to}, but the ticket was blocked in {blocked_at}")]
    ResumedTooFar {
        /// The number of the row.
        sequence: u32,
        /// Where the ticket was blocked.
        blocked_at: PhaseId,
        /// Where it came out.
        to: PhaseId,
    },
    /// A row that calls its move something else than it is.
    #[error("row {sequence} is called {found}, but the move is {expected}")]
    WrongKind {
        /// The number of the row.
        sequence: u32,
        /// What the move is.
        expected: TransitionKind,
        /// What the row calls it.
        found: TransitionKind,
    },
}

impl HistoryEntry {
    /// Where the ticket stands after this row.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            phase: self.to.clone(),
            previous: self.from.clone(),
            sequence: self.sequence,
            since: self.at,
        }
    }
}

/// Goes through a history from its first row and says where the ticket stands at its end. Checked
/// are the numbers, the phases and the kinds; who, why and when can be anything.
///
/// # Errors
/// [`BrokenHistory`] names the first row that cannot be, and why.
///
/// ```
/// use phaseline_phases::{BrokenHistory, Workflow, replay};
///
/// assert_eq!(replay(Workflow::standard(), []), Err(BrokenHistory::Empty));
/// ```
pub fn replay<'a>(
    workflow: &Workflow,
    entries: impl IntoIterator<Item = &'a HistoryEntry>,
) -> Result<Position, BrokenHistory> {
    let mut entries = entries.into_iter();
    let first = entries.next().ok_or(BrokenHistory::Empty)?;
    let mut position = begin(workflow, first)?;
    for entry in entries {
        position = step(workflow, &position, entry)?;
    }
    Ok(position)
}

fn begin(workflow: &Workflow, first: &HistoryEntry) -> Result<Position, BrokenHistory> {
    if first.sequence != 1 {
        return Err(BrokenHistory::Gap { expected: 1, found: first.sequence });
    }
    if first.kind != TransitionKind::Create || first.from.is_some() {
        return Err(BrokenHistory::NotCreated { kind: first.kind, from: first.from.clone() });
    }
    workflow
        .require(&first.to)
        .map_err(|unknown| BrokenHistory::UnknownPhase { sequence: 1, unknown })?;
    Ok(first.position())
}

fn step(
    workflow: &Workflow,
    position: &Position,
    entry: &HistoryEntry,
) -> Result<Position, BrokenHistory> {
    let sequence = entry.sequence;
    let expected = position.sequence.saturating_add(1);
    if sequence != expected {
        return Err(BrokenHistory::Gap { expected, found: sequence });
    }
    if entry.kind == TransitionKind::Create {
        return Err(BrokenHistory::CreatedAgain { sequence });
    }
    if entry.from.as_ref() != Some(&position.phase) {
        return Err(BrokenHistory::Disconnected {
            sequence,
            expected: position.phase.clone(),
            found: entry.from.clone(),
        });
    }
    let decided = position.move_to(workflow, &entry.to, Note::default(), entry.at);
    let decided = decided.map_err(|refused| broken(sequence, refused))?;
    if entry.kind != decided.kind() {
        return Err(BrokenHistory::WrongKind {
            sequence,
            expected: decided.kind(),
            found: entry.kind,
        });
    }
    Ok(entry.position())
}

fn broken(sequence: u32, refused: MoveError) -> BrokenHistory {
    match refused {
        MoveError::UnknownPhase(unknown) => BrokenHistory::UnknownPhase { sequence, unknown },
        MoveError::Illegal(IllegalTransition { to, blocked_at: Some(blocked_at), .. }) => {
            BrokenHistory::ResumedTooFar { sequence, blocked_at, to }
        }
        MoveError::Illegal(illegal) => BrokenHistory::IllegalMove { sequence, illegal },
    }
}
