//! The items that compete for a budget, and the headings that they stand under.

use phaseline_phases::PhaseId;
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, IntoEnumIterator};

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
    /// Its lines in the Markdown: they begin with `- ` and end with a line break.
    pub(super) lines: String,
    /// The tokens of these lines.
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
/// important first.
pub(super) fn gather<'a>(
    pinned: &'a [Pinned],
    phases: &[&'a PhaseContext],
    standings: &Standings<'_>,
) -> Vec<Item<'a>> {
    let answers = pinned.iter().enumerate();
    let mut items: Vec<Item<'a>> = answers
        .filter_map(|(index, pinned)| {
            let lines = list_entry(&answer_text(pinned))?;
            Some(Item::new(Source::Answer(pinned), 0, ItemKind::Answer, index, lines))
        })
        .collect();
    for kind in ItemKind::iter() {
        for (phase, context) in phases.iter().copied().enumerate().rev() {
            for (index, text) in kind.texts(context).into_iter().enumerate() {
                let text = if kind == ItemKind::Decision {
                    standing(&context.phase_id, text, standings)
                } else {
                    Some(text)
                };
                let lines = text.as_deref().and_then(list_entry);
                let source = Source::Phase(context);
                items.extend(lines.map(|lines| Item::new(source, phase + 1, kind, index, lines)));
            }
        }
    }
    items
}

/// A decision with its mark, if it still stands.
fn standing(phase: &PhaseId, text: String, standings: &Standings<'_>) -> Option<String> {
    match standings.find(phase, &text) {
        Standing::Stands => Some(text),
        // A blank one is no item, and a mark alone does not make it one.
        Standing::UnderReview if text.trim().is_empty() => None,
        Standing::UnderReview => Some(format!("{} (under review)", text.trim())),
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

impl<'a> Item<'a> {
    fn new(source: Source<'a>, phase: usize, kind: ItemKind, index: usize, lines: String) -> Self {
        Self { source, phase, kind, index, tokens: count_tokens(&lines), lines }
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
        let (field, index) = (self.kind.field(), self.index);
        let pointer = match self.kind {
            ItemKind::Answer => format!("/{field}/{index}"),
            ItemKind::Summary => format!("/phases/{phase_id}/{field}"),
            ItemKind::Decision | ItemKind::Risk | ItemKind::Task | ItemKind::Note => {
                format!("/phases/{phase_id}/{field}/{index}")
            }
        };
        PackItem { phase_id, kind: self.kind, pointer, tokens: self.tokens }
    }
}

impl ItemKind {
    fn texts(self, context: &PhaseContext) -> Vec<String> {
        match self {
            Self::Answer => Vec::new(),
            Self::Decision => context.decisions.clone(),
            Self::Risk => context.risks.clone(),
            Self::Summary => vec![context.summary.clone()],
            Self::Task => context.tasks.iter().map(task_text).collect(),
            Self::Note => context.notes.clone(),
        }
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
