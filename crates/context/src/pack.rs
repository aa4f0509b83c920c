//! The pack: what the worker of the next phase reads, inside a token budget.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use phaseline_phases::PhaseId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::counts::PhaseTokens;
use crate::digest;
use crate::document::{PhaseContext, TaskDigest, TicketContext};
use crate::standing::{Standing, Standings};
use crate::tokens::count_tokens;

mod item;
mod render;
mod spend;

pub use item::ItemKind;
pub(crate) use item::lines_of;
use item::{Item, Source};
pub use render::render;

/// What people have answered and the contexts of the phases before a target, as much of it as the
/// budget takes.
///
/// It is made anew from the ticket's document whenever somebody reads it; a claim keeps the one that it gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// The phase whose worker reads this.
    pub target_phase: PhaseId,
    /// The kept items as data, in workflow order; a phase of which nothing was kept is absent.
    pub phases: Vec<PackedPhase>,
    /// The kept items as Markdown: exactly the text that is budgeted.
    pub summary: String,
    /// The tokens of `summary`, headings included; never more than the budget.
    pub tokens: u32,
    /// The budget that was asked for; null is no limit.
    pub budget_tokens: Option<u32>,
    /// What is in `summary`, most important first.
    pub kept: Vec<PackItem>,
    /// What did not fit, most important first.
    pub dropped: Vec<PackItem>,
    /// The decisions of these phases that no longer stand. They are not in `summary` and cost nothing.
    #[serde(default)]
    pub superseded: Vec<SupersededDecision>,
    /// SHA-256 of `summary` in lower-case hex.
    pub content_hash: String,
}

/// What somebody answered when the ticket was blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// What was asked.
    pub question: Option<String>,
    /// What was answered.
    pub answer: String,
    /// By whom.
    pub by: Option<String>,
    /// The phase that the ticket was blocked in.
    pub phase_id: PhaseId,
}

/// A decision that no longer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupersededDecision {
    /// The phase that decided it.
    pub phase_id: PhaseId,
    /// What was decided.
    pub decision: String,
    /// What was decided in its place, if anything.
    pub by: Option<String>,
}

/// What was kept of one phase, each text as the ticket's document has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedPhase {
    /// The phase.
    pub phase_id: PhaseId,
    /// Its summary, if that was kept.
    pub summary: Option<String>,
    /// Its kept decisions.
    pub decisions: Vec<String>,
    /// Its kept risks.
    pub risks: Vec<String>,
    /// Its kept tasks.
    pub tasks: Vec<PackedTask>,
    /// Its kept notes.
    pub notes: Vec<String>,
    /// Whether its decisions are under review: the ticket went back from it. In the Markdown they are
    /// marked.
    #[serde(default)]
    pub under_review: bool,
}

/// A kept task: what its list entry in the Markdown is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedTask {
    /// The task's id.
    pub task_id: Uuid,
    /// The type of work.
    pub task_type: String,
    /// What the task was called, if it had a name.
    pub title: Option<String>,
    /// What was done.
    pub summary: String,
}

/// One entry of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackItem {
    /// The phase that the item comes from.
    pub phase_id: PhaseId,
    /// What it is.
    pub kind: ItemKind,
    /// Where it stands in the ticket's context document, as a JSON pointer (RFC 6901):
    /// `/phases/PHASE_DESIGN/decisions/0`; `/answers/0` is an answer on the ticket itself.
    pub pointer: String,
    /// The tokens of its own lines in the Markdown, without the headings above them.
    pub tokens: u32,
}

/// Packs the answers pinned to a ticket and the phases `before` the target, given in workflow order,
/// into a budget of o200k_base tokens.
///
/// Other phases whose decisions are [under review](TicketContext::review) come along, so that whoever
/// reworks learns why the ticket came back; their decisions are marked. Decisions that were
/// superseded are told apart, in [`Pack::superseded`].
///
/// The budget is spent kind by kind, in the order of [`ItemKind`]'s variants; within a kind on newer
/// phases (later in `before`) first; within a phase in the order of its list. An item that does not
/// fit is dropped, and the walk goes on with the next. An item is kept whole or not at all; blank
/// ones are no items. The first item that needs a heading pays for it.
///
/// The Markdown reads from the oldest phase to the newest, in each the summary first. Phases that the
/// ticket has no context of are passed over. No budget is no limit: nothing is dropped.
///
/// The [front page](crate) has an example.
pub fn pack(
    ticket: &TicketContext,
    before: &[PhaseId],
    target: &PhaseId,
    pinned: &[Pinned],
    budget_tokens: Option<u32>,
) -> Pack {
    pack_counted::<PhaseTokens>(ticket, &BTreeMap::new(), before, target, pinned, budget_tokens)
}

/// As [`pack`], with what is known of the tokens of its phases: the pack is the same, and made
/// sooner. Counts that are not for each item of a phase are passed over, and it is counted anew.
pub fn pack_counted<T: Borrow<PhaseTokens>>(
    ticket: &TicketContext,
    known: &BTreeMap<PhaseId, T>,
    before: &[PhaseId],
    target: &PhaseId,
    pinned: &[Pinned],
    budget_tokens: Option<u32>,
) -> Pack {
    let phases = ticket.among(before.iter().chain(returned(ticket, before, target)));
    let standings = Standings::of(ticket);
    let items = item::gather(pinned, &phases, known, &standings);
    let budget = budget_tokens.map_or(u64::MAX, u64::from);
    let mut keep = spend::spend(budget, &items);
    let (summary, tokens) = loop {
        let markdown = render::markdown(&chosen(&items, &keep, true));
        let tokens = count_tokens(&markdown);
        // Counts add up (see `count_tokens`), so the first round fits; this is a promise, though.
        match keep.iter().rposition(|kept| *kept) {
            Some(last) if u64::from(tokens) > budget => keep[last] = false,
            Some(_) | None => break (markdown, tokens),
        }
    };
    let (kept, dropped) = (chosen(&items, &keep, true), chosen(&items, &keep, false));
    Pack {
        target_phase: target.clone(),
        phases: as_data(&kept, ticket),
        superseded: superseded(&phases, &standings),
        content_hash: digest::of_text(&summary),
        summary,
        tokens,
        budget_tokens,
        kept: kept.iter().map(|item| item.entry()).collect(),
        dropped: dropped.iter().map(|item| item.entry()).collect(),
    }
}

/// The phases under review beyond the target, in the order in which they were first aggregated: that
/// of the workflow, for a ticket cannot come to a later phase before an earlier one.
fn returned<'a>(
    ticket: &'a TicketContext,
    before: &[PhaseId],
    target: &PhaseId,
) -> impl Iterator<Item = &'a PhaseId> {
    let way = ticket.history.iter().map(|entry| &entry.phase_id);
    way.chain(&ticket.under_review).filter(move |phase| {
        ticket.under_review.contains(*phase) && *phase != target && !before.contains(phase)
    })
}

fn chosen<'i, 'a>(items: &'i [Item<'a>], keep: &[bool], choice: bool) -> Vec<&'i Item<'a>> {
    let marked = items.iter().zip(keep);
    marked.filter(|(_, kept)| **kept == choice).map(|(item, _)| item).collect()
}

fn as_data(kept: &[&Item<'_>], ticket: &TicketContext) -> Vec<PackedPhase> {
    let mut phases: Vec<PackedPhase> = Vec::new();
    for item in render::in_reading_order(kept) {
        let Source::Phase(context) = item.source else { continue };
        let phase_id = &context.phase_id;
        if phases.last().is_none_or(|last| last.phase_id != *phase_id) {
            let under_review = ticket.under_review.contains(phase_id);
            phases.push(PackedPhase::empty(phase_id.clone(), under_review));
        }
        if let Some(phase) = phases.last_mut() {
            phase.add(item.kind, context, item.index);
        }
    }
    phases
}

fn superseded(phases: &[&PhaseContext], standings: &Standings<'_>) -> Vec<SupersededDecision> {
    let decided = phases
        .iter()
        .flat_map(|context| context.decisions.iter().map(|decision| (&context.phase_id, decision)));
    decided
        .filter_map(|(phase, decision)| match standings.find(phase, decision) {
            Standing::Superseded { by } => {
                Some(SupersededDecision { phase_id: phase.clone(), decision: decision.clone(), by })
            }
            Standing::Stands | Standing::UnderReview => None,
        })
        .collect()
}

impl PackedPhase {
    fn empty(phase_id: PhaseId, under_review: bool) -> Self {
        Self {
            phase_id,
            summary: None,
            decisions: Vec::new(),
            risks: Vec::new(),
            tasks: Vec::new(),
            notes: Vec::new(),
            under_review,
        }
    }

    fn add(&mut self, kind: ItemKind, context: &PhaseContext, index: usize) {
        match kind {
            ItemKind::Answer => {} // of the ticket, and of no phase
            ItemKind::Decision => self.decisions.extend(context.decisions.get(index).cloned()),
            ItemKind::Risk => self.risks.extend(context.risks.get(index).cloned()),
            ItemKind::Summary => self.summary = Some(context.summary.clone()),
            ItemKind::Task => self.tasks.extend(context.tasks.get(index).map(PackedTask::from)),
            ItemKind::Note => self.notes.extend(context.notes.get(index).cloned()),
        }
    }
}

impl From<&TaskDigest> for PackedTask {
    fn from(task: &TaskDigest) -> Self {
        let TaskDigest {
            task_id,
            task_type,
            title,
            summary,
            outputs: _,      // data of any size; the pointer leads there
            completed_at: _, // the order of the list says enough
            decisions: _,    // in the phase's decisions
            supersedes: _,   // in what the phase superseded
        } = task;
        Self {
            task_id: *task_id,
            task_type: task_type.clone(),
            title: title.clone(),
            summary: summary.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
