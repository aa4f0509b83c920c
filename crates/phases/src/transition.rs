//! What a transition is: a move that the table has, with who made it, why and when.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString};

use crate::{HistoryEntry, PhaseId, Position, Workflow};

/// What a move amounts to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter, EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TransitionKind {
    /// The ticket was made. Only the first row of a history is of this kind.
    Create,
    /// To a later phase.
    Advance,
    /// Back to an earlier phase.
    Regress,
    /// Into the parking phase.
    Block,
    /// Out of the parking phase.
    Resume,
    /// Into an end.
    Complete,
}

/// Something that a phase or a task has produced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// What it is, for example `requirements_document`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it lies.
    #[serde(default)]
    pub path: Option<String>,
    /// What is in it, or what is to be known of it.
    #[serde(default)]
    pub content: Option<serde_json::Value>,
}

/// What is written down with a move.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Note {
    /// Why the ticket moves.
    pub reason: Option<String>,
    /// Who moves it.
    pub by: Option<String>,
    /// What the phase left has produced.
    pub artifacts: Vec<Artifact>,
    /// Whether the move passes a gate that was not met.
    pub forced: bool,
}

/// A legal move. Only [`Position::start`] and [`Position::move_to`] make one, so whoever holds it
/// need not ask again.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    entry: HistoryEntry,
}

impl Transition {
    /// The row of the history that this move is.
    pub(crate) const fn new(entry: HistoryEntry) -> Self {
        Self { entry }
    }

    /// Its number in the history of the ticket, from 1.
    #[must_use]
    pub const fn sequence(&self) -> u32 {
        self.entry.sequence
    }

    /// The phase left; `None` when the ticket was made.
    #[must_use]
    pub const fn from(&self) -> Option<&PhaseId> {
        self.entry.from.as_ref()
    }

    /// The phase entered.
    #[must_use]
    pub const fn to(&self) -> &PhaseId {
        &self.entry.to
    }

    /// What the move amounts to.
    #[must_use]
    pub const fn kind(&self) -> TransitionKind {
        self.entry.kind
    }

    /// Why it was made.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.entry.reason.as_deref()
    }

    /// Who made it.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        self.entry.by.as_deref()
    }

    /// What the phase left has produced.
    #[must_use]
    pub fn artifacts(&self) -> &[Artifact] {
        &self.entry.artifacts
    }

    /// Whether it passed a gate that was not met.
    #[must_use]
    pub const fn forced(&self) -> bool {
        self.entry.forced
    }

    /// When it was made.
    #[must_use]
    pub const fn at(&self) -> DateTime<Utc> {
        self.entry.at
    }

    /// How long the ticket was in the phase left, in seconds; `None` when it was made.
    #[must_use]
    pub const fn seconds_in_previous(&self) -> Option<f64> {
        self.entry.seconds_in_previous
    }

    /// Where the ticket stands after it.
    #[must_use]
    pub fn position(&self) -> Position {
        self.entry.position()
    }

    /// Its row of the history.
    #[must_use]
    pub fn entry(&self) -> HistoryEntry {
        self.entry.clone()
    }
}

/// What a move of the table amounts to.
pub(crate) fn kind_of(workflow: &Workflow, from: &PhaseId, to: &PhaseId) -> TransitionKind {
    if workflow.is_parking(to) {
        TransitionKind::Block
    } else if workflow.is_parking(from) {
        TransitionKind::Resume
    } else if workflow.is_terminal(to) {
        TransitionKind::Complete
    } else if workflow.rank(to) > workflow.rank(from) {
        TransitionKind::Advance
    } else {
        TransitionKind::Regress
    }
}
