//! Names and numbers in the words of a sentence.

use phaseline_persistence::{tasks::Task, tickets::Ticket, why::Standing};
use uuid::Uuid;

/// How many things a sentence names before it only counts.
const NAMED: usize = 5;

/// A task by what people call it, and its id.
pub(super) fn task(task: &Task) -> String {
    named("task", task.title.as_deref().or(task.key.as_deref()), task.id)
}

/// The same of a task that others wait for.
pub(super) fn standing(task: &Standing) -> String {
    named("task", task.title.as_deref().or(task.key.as_deref()), task.id)
}

/// A ticket by what people call it, and its id.
pub(super) fn ticket(ticket: &Ticket) -> String {
    named("ticket", Some(&ticket.title), ticket.id)
}

fn named(noun: &str, name: Option<&str>, id: Uuid) -> String {
    match name {
        Some(name) => format!("{noun} {name:?} ({id})"),
        None => format!("{noun} {id}"),
    }
}

/// The sentence with a capital letter.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `a, b and c`; of a long list the first few, and how many more there are.
pub(super) fn list(names: &[impl ToString], word: &str) -> String {
    let mut shown: Vec<String> = names.iter().take(NAMED).map(ToString::to_string).collect();
    if names.len() > NAMED {
        shown.push(format!("{} more", names.len() - NAMED));
        return and(&shown, "and");
    }
    and(&shown, word)
}

fn and(names: &[String], word: &str) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} {word} {last}", before.join(", ")),
    }
}

/// `1 task`, `2 tasks`.
pub(super) fn count(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `the capability a`, `the capabilities a and b`.
pub(super) fn capabilities(names: &[String]) -> String {
    let noun = if names.len() == 1 { "capability" } else { "capabilities" };
    format!("the {noun} {}", list(names, "and"))
}

/// What waits for these, each with how it stands.
pub(super) fn waits(subject: &str, noun: &str, awaited: &[(String, String)]) -> String {
    if let [(name, stands)] = awaited {
        return format!("{subject} waits for {name}, which {stands}.");
    }
    let each: Vec<String> =
        awaited.iter().map(|(name, stands)| format!("{name}, which {stands}")).collect();
    let more = each.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    let shown: Vec<&str> = each.iter().take(NAMED).map(String::as_str).collect();
    format!("{subject} waits for {}: {}{more}.", count(awaited.len(), noun), shown.join("; "))
}

/// A sentence, and what is behind it.
pub(super) fn told(text: &str, behind: impl Iterator<Item = String>) -> String {
    let sentences: Vec<String> = [sentence(text)].into_iter().chain(behind).collect();
    sentences.join(" ")
}
