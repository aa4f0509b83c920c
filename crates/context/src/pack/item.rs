//! The items that compete for a budget, and the headings that they stand under.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::fmt::Write;

use phaseline_phases::PhaseId;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, IntoEnumIterator};

use crate::counts::PhaseTokens;
use crate::document::{PhaseContext, TaskDigest};
use crate::pack::render::list_entry;
use crate::pack::{PackItem, Pinned};
use crate::standing::{Standing, Standings};
use crate::tokens::count_tokens;

/// What an item is. The order of the variants is the order in which a budget is spent.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    AsRefStr,
    Display,
    EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ItemKind {
    /// An answer of somebody to the question that the ticket was blocked with.
    Answer,
    /// A decision.
    Decision,
    /// A risk.
    Risk,
    /// The summary of a phase.
    Summary,
    /// A task: its title, type and summary.
    Task,
    /// A note.
    Note,
}

/// Where an item comes from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// An answer pinned to the ticket.
    Answer(&'a Pinned),
    /// What a phase left behind.
    Phase(&'a PhaseContext),
}

/// One text, ready to be packed.
pub(super) struct Item<'a> {
    pub(super) source: Source<'a>,
    /// The place of its phase in the workflow, among the phases gathered; answers come first.
    pub(super) phase: usize,
    pub(super) kind: ItemKind,
    /// The place in its list; 0 for a summary.
    pub(super) index: usize,
    /// Whether it is a decision under review, and marked as one.
    marked: bool,
    /// The tokens of its [lines](Self::lines).
    pub(super) tokens: u32,
}

/// A line above items: that of a phase, or that of one kind of items in it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Heading {
    phase: usize,
    kind: Option<ItemKind>,
    /// The line: it begins with `#` and ends with a line break.
    pub(super) line: String,
}

/// The answers, and all items of the phases, given in workflow order, that still stand; most
/// important first. What is known of their tokens is not counted again.
pub(super) fn gather<'a, T: Borrow<PhaseTokens>>(
    pinned: &'a [Pinned],
    phases: &[&'a PhaseContext],
    known: &BTreeMap<PhaseId, T>,
    standings: &Standings<'_>,
) -> Vec<Item<'a>> {
    let answers = pinned.iter().enumerate().map(|(index, pinned)| Item {
        source: Source::Answer(pinned),
        phase: 0,
        kind: ItemKind::Answer,
        index,
        marked: false,
        tokens: list_entry(&answer_text(pinned)).map_or(0, |lines| count_tokens(&lines)),
    });
    let mut items: Vec<Item<'a>> = answers.filter(|answer| answer.tokens > 0).collect();
    let counts: Vec<_> = phases.iter().map(|context| counts(context, known)).collect();
    for kind in ItemKind::iter() {
        for (phase, context) in phases.iter().copied().enumerate().rev() {
            let tokens = counts[phase].list(kind).iter().copied().enumerate();
            // Blank ones are no items, and a mark alone does not make them any.
            for (index, tokens) in tokens.filter(|(_, tokens)| *tokens > 0) {
                let source = Source::Phase(context);
                let item = Item { source, phase: phase + 1, kind, index, marked: false, tokens };
                items.extend(if kind == ItemKind::Decision {
                    standing(item, context, standings)
                } else {
                    Some(item)
                });
            }
        }
    }
    items
}

fn counts<'k, T: Borrow<PhaseTokens>>(
    context: &PhaseContext,
    known: &'k BTreeMap<PhaseId, T>,
) -> Cow<'k, PhaseTokens> {
    let known: Option<&PhaseTokens> = known.get(&context.phase_id).map(Borrow::borrow);
    match known.filter(|tokens| tokens.fits(context)) {
        Some(tokens) => Cow::Borrowed(tokens),
        None => Cow::Owned(PhaseTokens::of(context)),
    }
}

/// The lines of one item of a phase; `None` where it is blank or is not there.
pub(crate) fn lines_of(kind: ItemKind, context: &PhaseContext, index: usize) -> Option<String> {
    kind.text(context, index).and_then(|text| list_entry(&text))
}

/// A decision, marked where it is under review, if it still stands.
fn standing<'a>(
    item: Item<'a>,
    context: &PhaseContext,
    standings: &Standings<'_>,
) -> Option<Item<'a>> {
    match standings.find(&context.phase_id, context.decisions.get(item.index)?) {
        Standing::Stands => Some(item),
        Standing::UnderReview => {
            let marked = Item { marked: true, ..item };
            let tokens = count_tokens(&marked.lines());
            Some(Item { tokens, ..marked })
        }
        Standing::Superseded { by: _ } => None,
    }
}

/// `answer (who)`, and below it what was asked, less what is missing: a question that an agent wrote
/// cannot pass for the answer of a person.
fn answer_text(pinned: &Pinned) -> String {
    let Pinned { question, answer, by, phase_id: _ } = pinned;
    let trimmed = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    let (question, answer, by) = (trimmed(question), answer.trim(), trimmed(by));
    let asked = if question.is_empty() { String::new() } else { format!("\nasked: {question}") };
    let who = if by.is_empty() { String::new() } else { format!(" ({by})") };
    if answer.is_empty() { String::new() } else { format!("{answer}{who}{asked}") }
}

impl Item<'_> {
    /// Its lines in the Markdown: they begin with `- ` and end with a line break.
    pub(super) fn lines(&self) -> String {
        let text = match self.source {
            Source::Answer(pinned) => Cow::Owned(answer_text(pinned)),
            Source::Phase(context) => self.kind.text(context, self.index).unwrap_or_default(),
        };
        let text =
            if self.marked { Cow::Owned(format!("{} (under review)", text.trim())) } else { text };
        list_entry(&text).unwrap_or_default()
    }

    /// The headings that must stand above the item, outermost first.
    pub(super) fn headings(&self) -> Vec<Heading> {
        let heading = |kind, line| Heading { phase: self.phase, kind, line };
        let title = self.kind.title();
        match self.source {
            Source::Answer(_) => vec![heading(None, format!("## {title}\n"))],
            Source::Phase(context) => vec![
                heading(None, format!("## {}\n", context.phase_id)),
                heading(Some(self.kind), format!("### {title}\n")),
            ],
        }
    }

    /// The item as the manifest names it.
    pub(super) fn entry(&self) -> PackItem {
        let phase_id = match self.source {
            Source::Answer(pinned) => pinned.phase_id.clone(),
            Source::Phase(context) => context.phase_id.clone(),
        };
        // No `~` or `/` to escape: a phase id is made of `[A-Z0-9_]`.
        let mut pointer = String::with_capacity(48);
        if self.kind != ItemKind::Answer {
            pointer.push_str("/phases/");
            pointer.push_str(phase_id.as_str());
        }
        pointer.push('/');
        pointer.push_str(self.kind.field());
        if self.kind != ItemKind::Summary {
            // Nothing can go wrong with writing to a string.
            let _ = write!(pointer, "/{}", self.index);
        }
        PackItem { phase_id, kind: self.kind, pointer, tokens: self.tokens }
    }
}

impl ItemKind {
    /// The text of the item at this place of a phase.
    fn text(self, context: &PhaseContext, index: usize) -> Option<Cow<'_, str>> {
        let list = match self {
            Self::Answer => return None, // of the ticket, and of no phase
            Self::Summary => return Some(Cow::Borrowed(context.summary.as_str())),
            Self::Task => return context.tasks.get(index).map(|task| Cow::Owned(task_text(task))),
            Self::Decision => &context.decisions,
            Self::Risk => &context.risks,
            Self::Note => &context.notes,
        };
        list.get(index).map(|text| Cow::Borrowed(text.as_str()))
    }

    fn title(self) -> &'static str {
        match self {
            Self::Answer => "Answers",
            Self::Decision => "Decisions",
            Self::Risk => "Risks",
            Self::Summary => "Summary",
            Self::Task => "Tasks",
            Self::Note => "Notes",
        }
    }

    /// The field of a ticket, or of a phase's context, that holds items of this kind.
    fn field(self) -> &'static str {
        match self {
            Self::Answer => "answers",
            Self::Decision => "decisions",
            Self::Risk => "risks",
            Self::Summary => "summary",
            Self::Task => "tasks",
            Self::Note => "notes",
        }
    }
}

/// `Title (type): summary`, less what is missing.
fn task_text(task: &TaskDigest) -> String {
    let title = task.title.as_deref().unwrap_or_default().trim();
    let kind = task.task_type.trim();
    let name = match (title.is_empty(), kind.is_empty()) {
        (true, _) => kind.to_owned(),
        (false, true) => title.to_owned(),
        (false, false) => format!("{title} ({kind})"),
    };
    let summary = task.summary.trim();
    match (name.is_empty(), summary.is_empty()) {
        (true, _) => summary.to_owned(),
        (false, true) => name,
        (false, false) => format!("{name}: {summary}"),
    }
}
