//! Items as Markdown.
//!
//! Every line of the text is a heading, which begins with `#`, a list entry, which begins with `-`,
//! or belongs to the entry above it and is indented. So token counts add up (see
//! [`count_tokens`](crate::count_tokens)), and no text of an agent can pose as a heading of ours.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use phaseline_phases::PhaseId;

use crate::counts::PhaseTokens;
use crate::document::TicketContext;
use crate::pack::item::{self, Item, ItemKind};
use crate::standing::Standings;

/// The whole context of a ticket as Markdown, without a limit: phases in the order given, which is
/// the workflow's, then those that it does not name.
///
/// It has the items that a [`pack`](crate::pack) of these phases without answers has: decisions that
/// were superseded are left out, and those under review are marked. The outputs and artifacts of
/// tasks are data of any shape and size; they stay in the document.
pub fn render(ticket: &TicketContext, order: &[PhaseId]) -> String {
    let phases = ticket.in_order(order);
    let present: BTreeMap<PhaseId, PhaseTokens> =
        phases.iter().map(|phase| (phase.phase_id.clone(), PhaseTokens::presence(phase))).collect();
    let items = item::gather(&[], &phases, &present, &Standings::of(ticket));
    markdown(&items.iter().collect::<Vec<_>>())
}

/// The items under their headings, in reading order.
pub(super) fn markdown(items: &[&Item<'_>]) -> String {
    let mut text = String::new();
    let mut open = BTreeSet::new();
    for item in in_reading_order(items) {
        for heading in item.headings() {
            if !open.contains(&heading) {
                text.push_str(&heading.line);
                open.insert(heading);
            }
        }
        text.push_str(&item.lines());
    }
    text
}

/// Oldest phase first; in it the summary, then the kinds by importance; each list in its own order.
pub(super) fn in_reading_order<'i, 'a>(items: &[&'i Item<'a>]) -> Vec<&'i Item<'a>> {
    let mut items = items.to_vec();
    items.sort_by_key(|item| (item.phase, item.kind != ItemKind::Summary, item.kind, item.index));
    items
}

/// A text as a list entry, whole: the white space around it is dropped, its lines after the first
/// are indented by two spaces, which keeps them in the entry (CommonMark 0.31, section 5.2).
///
/// `None` if the text is blank.
pub(super) fn list_entry(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match text.contains('\r') {
        true => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")),
        false => Cow::Borrowed(text),
    };
    let mut lines = text.split('\n');
    let first = lines.next().filter(|line| !line.is_empty())?;
    let mut entry = String::with_capacity(text.len() + 16);
    for part in ["- ", first, "\n"] {
        entry.push_str(part);
    }
    for line in lines {
        if !line.is_empty() {
            entry.push_str("  ");
        }
        entry.push_str(line);
        entry.push('\n');
    }
    Some(entry)
}
