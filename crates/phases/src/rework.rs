//! How often a ticket was sent back, and when that has been often enough.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{HistoryEntry, PhaseId, TransitionKind};

/// How often a ticket went back from one phase to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regression {
    /// The phase that sent it back.
    pub from: PhaseId,
    /// The phase that it went back to.
    pub to: PhaseId,
    /// How often.
    pub count: u32,
    /// The reasons given, the first one first. There are fewer of them than times where somebody
    /// gave none.
    pub reasons: Vec<String>,
}

/// A rework budget that is used up. It displays as a sentence for whoever has to decide now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The phase that would send the ticket back once more.
    pub from: PhaseId,
    /// The phase that it would go back to.
    pub to: PhaseId,
    /// How often it has gone back already.
    pub count: u32,
    /// The reasons given, the first one first.
    pub reasons: Vec<String>,
}

/// The regressions among the rows of a history that have a greater number than `after_sequence`, by
/// edge, in the order in which each edge was first taken. 0 takes in the whole history.
///
/// A ticket that was blocked and resumes in an earlier phase has gone back as well: from the phase
/// that it was blocked in.
#[must_use]
pub fn regressions(history: &[HistoryEntry], after_sequence: u32) -> Vec<Regression> {
    let mut edges: Vec<Regression> = Vec::new();
    let before = std::iter::once(None).chain(history.iter().map(Some));
    for (row, before) in history.iter().zip(before).filter(|(row, _)| row.sequence > after_sequence)
    {
        let from = match row.kind {
            TransitionKind::Regress => row.from.as_ref(),
            // It comes out where it went in, or earlier.
            TransitionKind::Resume => {
                before.and_then(|block| block.from.as_ref()).filter(|from| **from != row.to)
            }
            TransitionKind::Create
            | TransitionKind::Advance
            | TransitionKind::Block
            | TransitionKind::Complete => None,
        };
        let Some(from) = from else { continue };
        let reason = row.reason.clone().filter(|reason| !reason.trim().is_empty());
        match edges.iter_mut().find(|edge| &edge.from == from && edge.to == row.to) {
            Some(edge) => {
                edge.count = edge.count.saturating_add(1);
                edge.reasons.extend(reason);
            }
            None => edges.push(Regression {
                from: from.clone(),
                to: row.to.clone(),
                count: 1,
                reasons: reason.into_iter().collect(),
            }),
        }
    }
    edges
}

/// Whether one more regression from a phase to another would exceed the budget: it has been made
/// `budget` times already since the row `after_sequence`. A budget of 0 allows none at all.
///
/// ```
/// use phaseline_phases::{Phase, rework};
///
/// let (testing, implementation) = (Phase::Testing.id(), Phase::Implementation.id());
/// assert_eq!(rework::over_budget(&[], 0, &testing, &implementation, 3), None);
///
/// let spent = rework::over_budget(&[], 0, &testing, &implementation, 0);
/// assert!(spent.is_some());
/// ```
#[must_use]
pub fn over_budget(
    history: &[HistoryEntry],
    after_sequence: u32,
    from: &PhaseId,
    to: &PhaseId,
    budget: u32,
) -> Option<Spent> {
    let edges = regressions(history, after_sequence);
    let taken = edges.into_iter().find(|edge| &edge.from == from && &edge.to == to);
    let (count, reasons) = taken.map_or((0, Vec::new()), |edge| (edge.count, edge.reasons));
    (count >= budget).then(|| Spent { from: from.clone(), to: to.clone(), count, reasons })
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, count, reasons } = self;
        match count {
            0 => write!(f, "the rework budget lets no ticket go back from {from} to {to}")?,
            1 => write!(f, "{from} has sent this ticket back to {to} once")?,
            2.. => write!(f, "{from} has sent this ticket back to {to} {count} times")?,
        }
        if *count > 0 {
            f.write_str(", which is all that the rework budget allows")?;
        }
        for (number, reason) in (1..).zip(reasons) {
            let before = if number == 1 { ":" } else { "" };
            write!(f, "{before} {number}. {}", reason.trim())?;
        }
        Ok(())
    }
}
