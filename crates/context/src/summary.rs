//! Writing the summary of a phase: the port for a model, and the deterministic default.

use std::collections::HashSet;
use std::future::{Future, ready};
use std::pin::Pin;

use thiserror::Error;

use crate::aggregate::PhaseDraft;
use crate::result::FinishedTask;

/// The longest extractive summary, in Unicode scalar values; near 120 to 150 tokens of English.
pub const MAX_SUMMARY_CHARS: usize = 600;
/// No sentence with the space behind it is shorter.
const SHORTEST: usize = 2;

/// Whoever writes the summary of a phase; the one port of this crate.
///
/// Implement it to plug in a model. The caller sets the time limit and falls back to [`Extractive`],
/// so an implementation need do neither.
pub trait Summarize: Send + Sync {
    /// What `summarised_by` says in the phases that it summarised, such as `extractive`.
    fn name(&self) -> &str;

    /// Writes the summary of a phase.
    ///
    /// # Errors
    /// [`SummarizeError`] if it could not; the caller then takes the extractive one.
    fn summarize<'a>(&'a self, draft: &'a PhaseDraft) -> Summarizing<'a>;
}

/// A summary being written.
pub type Summarizing<'a> =
    Pin<Box<dyn Future<Output = Result<String, SummarizeError>> + Send + 'a>>;

/// A summariser gave up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{summarizer} wrote no summary: {reason}")]
pub struct SummarizeError {
    /// The summariser's name.
    pub summarizer: String,
    /// What kept it, in a few words.
    pub reason: String,
}

/// The default summariser: it writes nothing of its own, see [`extract`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Extractive;

impl Summarize for Extractive {
    fn name(&self) -> &str {
        "extractive"
    }

    fn summarize<'a>(&'a self, draft: &'a PhaseDraft) -> Summarizing<'a> {
        Box::pin(ready(Ok(extract(draft))))
    }
}

/// Summarises a phase by the first sentence of each task's summary, in order of completion, and a
/// count of what there is. The same draft always gives the same text; a draft without tasks gives none.
///
/// A task without a summary stands with its title. Equal sentences are taken once. The text is one
/// line of at most [`MAX_SUMMARY_CHARS`]; a sentence that no longer fits is left out whole, and later
/// shorter ones may still come. Only if not one sentence fits, the first is broken off between two
/// words, with an ellipsis.
///
/// A sentence ends at a line break; at `。`, `！` and `？`; and at `.`, `!`, `?` and `…` before white
/// space, unless a lower-case letter follows (`e.g. this`).
///
/// ```
/// use chrono::DateTime;
/// use phaseline_context::{FinishedTask, TaskResult, aggregate, extract};
/// use phaseline_phases::Phase;
/// use uuid::Uuid;
///
/// let task = FinishedTask {
///     id: Uuid::nil(),
///     task_type: "design".into(),
///     title: None,
///     completed_at: DateTime::from_timestamp_nanos(0),
///     result: TaskResult {
///         summary: "Chose version 3.45 of SQLite. It is embedded.".into(),
///         ..TaskResult::default()
///     },
/// };
/// let draft = aggregate(&Phase::Design.id(), &[task]);
/// assert_eq!(extract(&draft), "Chose version 3.45 of SQLite. (1 task)");
/// ```
pub fn extract(draft: &PhaseDraft) -> String {
    if draft.is_empty() {
        return String::new();
    }
    let facts = facts(draft);
    let room = MAX_SUMMARY_CHARS.saturating_sub(facts.chars().count());
    let mut text = whole_sentences(draft.tasks(), room);
    if text.is_empty() {
        let mut sentences = draft.tasks().iter().filter_map(|task| lead(task, usize::MAX));
        text = sentences.next().map_or_else(String::new, |first| first_words(&first, room));
    }
    text.push_str(&facts);
    text
}

/// The sentences that fit, each followed by a space.
fn whole_sentences(tasks: &[FinishedTask], room: usize) -> String {
    let mut seen = HashSet::new();
    let mut text = String::new();
    let mut left = room;
    for task in tasks {
        let Some(sentence) = lead(task, left) else { continue };
        let cost = sentence.chars().count() + 1;
        if cost <= left && !seen.contains(&sentence) {
            text.push_str(&sentence);
            text.push(' ');
            left -= cost;
            seen.insert(sentence);
        }
        if left < SHORTEST {
            break;
        }
    }
    text
}

/// The words of a sentence that fit with an ellipsis and a space; nothing if not even one does.
fn first_words(sentence: &str, room: usize) -> String {
    let mut text = String::new();
    let mut left = room.saturating_sub(1); // the ellipsis
    for word in sentence.split(' ') {
        let cost = word.chars().count() + 1;
        if cost > left {
            break;
        }
        text.push_str(word);
        text.push(' ');
        left -= cost;
    }
    if text.pop().is_some() {
        text.push_str("… ");
    }
    text
}

/// `(2 tasks, 3 decisions, 1 risk)`: what is counted and not zero.
fn facts(draft: &PhaseDraft) -> String {
    let findings = draft.findings();
    let counts = [
        (draft.tasks().len(), "task"),
        (findings.decisions.len(), "decision"),
        (findings.risks.len(), "risk"),
        (findings.notes.len(), "note"),
        (draft.artifacts().len(), "artifact"),
    ];
    let counted = counts.iter().filter(|(count, _)| *count > 0);
    let named = counted.map(|(count, noun)| {
        let plural = if *count == 1 { "" } else { "s" };
        format!("{count} {noun}{plural}")
    });
    format!("({})", named.collect::<Vec<_>>().join(", "))
}

/// What a task says first, as a whole sentence in one line; `None` when it says nothing, or more than
/// there is room for.
fn lead(task: &FinishedTask, room: usize) -> Option<String> {
    let title = task.title.as_deref().unwrap_or_default();
    [task.result.summary.as_str(), title].into_iter().find_map(|text| {
        let text = text.trim_start();
        sentence_end(text, room).map_or(Some(None), |end| first_sentence(&text[..end]).map(Some))
    })?
}

fn first_sentence(sentence: &str) -> Option<String> {
    let mut words = sentence.split_whitespace();
    let mut sentence = String::with_capacity(sentence.len() + 1);
    sentence.push_str(words.next().unwrap_or_default());
    for word in words {
        sentence.push(' ');
        sentence.push_str(word);
    }
    let bare = sentence.trim_end_matches(LOOSE).len();
    sentence.truncate(bare);
    if sentence.ends_with(char::is_alphanumeric) {
        sentence.push('.');
    }
    (!sentence.is_empty()).then_some(sentence)
}

/// What no sentence ends with.
const LOOSE: [char; 5] = [':', ';', ',', '-', ' '];

/// Where the first sentence ends, in bytes; the text does not begin with white space. `None` when it has
/// more characters than there is room for: most texts need not be read to their end.
fn sentence_end(text: &str, room: usize) -> Option<usize> {
    let mut length = 0_usize;
    for (at, mark) in text.char_indices() {
        let after = at + mark.len_utf8();
        match mark {
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => return Some(at),
            '。' | '！' | '？' => return Some(after),
            '.' | '!' | '?' | '…' => {
                let rest = text[after..].trim_start_matches([')', ']', '"', '\'', '”', '’', '»']);
                if begins_anew(rest) {
                    return Some(text.len() - rest.len());
                }
            }
            _ => {}
        }
        // White space may go, and so may what is loose at the end.
        length += usize::from(!mark.is_whitespace());
        if length > room && !mark.is_whitespace() && !LOOSE.contains(&mark) {
            return None;
        }
    }
    Some(text.len())
}

fn begins_anew(rest: &str) -> bool {
    let next = rest.trim_start();
    next.len() < rest.len() && !next.starts_with(char::is_lowercase) || rest.is_empty()
}

#[cfg(test)]
mod tests;
