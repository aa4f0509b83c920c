//! The tokens of the items of a phase, counted once for all packs.

use crate::document::PhaseContext;
use crate::pack::{ItemKind, lines_of};
use crate::tokens::count_tokens;

/// How many tokens each item of a phase takes in a pack, in the order of the phase's lists; 0 for
/// one that is blank, and for that reason no item.
///
/// ```
/// use phaseline_context::{PhaseTokens, aggregate};
/// use phaseline_phases::Phase;
///
/// let context = aggregate(&Phase::Design.id(), &[]).with_summary("hello world", "me");
/// assert_eq!(PhaseTokens::of(&context).summary, 4); // "- hello world\n"
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhaseTokens {
    /// The tokens of its summary.
    pub summary: u32,
    /// Those of its decisions, without the mark of those under review.
    pub decisions: Vec<u32>,
    /// Those of its risks.
    pub risks: Vec<u32>,
    /// Those of its tasks.
    pub tasks: Vec<u32>,
    /// Those of its notes.
    pub notes: Vec<u32>,
}

impl PhaseTokens {
    /// Counts the items of a phase.
    pub fn of(context: &PhaseContext) -> Self {
        Self::by(context, count_tokens)
    }

    /// 1 for each item that is not blank: for whoever does not ask what they cost.
    pub(crate) fn presence(context: &PhaseContext) -> Self {
        Self::by(context, |_| 1)
    }

    fn by(context: &PhaseContext, count: impl Fn(&str) -> u32) -> Self {
        let one = |kind: ItemKind, index: usize| {
            lines_of(kind, context, index).map_or(0, |lines| count(&lines))
        };
        let list =
            |kind: ItemKind, count: usize| (0..count).map(|index| one(kind, index)).collect();
        Self {
            summary: one(ItemKind::Summary, 0),
            decisions: list(ItemKind::Decision, context.decisions.len()),
            risks: list(ItemKind::Risk, context.risks.len()),
            tasks: list(ItemKind::Task, context.tasks.len()),
            notes: list(ItemKind::Note, context.notes.len()),
        }
    }

    /// Whether there is a count for each item of this phase.
    pub(crate) fn fits(&self, context: &PhaseContext) -> bool {
        let Self { summary: _, decisions, risks, tasks, notes } = self;
        decisions.len() == context.decisions.len()
            && risks.len() == context.risks.len()
            && tasks.len() == context.tasks.len()
            && notes.len() == context.notes.len()
    }

    /// The counts of one kind.
    pub(crate) fn list(&self, kind: ItemKind) -> &[u32] {
        match kind {
            ItemKind::Answer => &[], // of the ticket, and of no phase
            ItemKind::Decision => &self.decisions,
            ItemKind::Risk => &self.risks,
            ItemKind::Summary => std::slice::from_ref(&self.summary),
            ItemKind::Task => &self.tasks,
            ItemKind::Note => &self.notes,
        }
    }
}
