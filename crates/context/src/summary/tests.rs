//! The extractive summary, sentence by sentence.

use std::task::{Context, Poll, Waker};

use phaseline_phases::Phase;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::aggregate;
use crate::kit::{nasty, task, texts};

fn draft(summaries: &[&str]) -> PhaseDraft {
    let tasks = (1_u128..).zip(summaries).map(|(id, summary)| task(id, 0, summary));
    aggregate(&Phase::Design.id(), tasks.collect::<Vec<_>>())
}

fn check(summaries: &[&str], expected: &str) {
    assert_eq!(extract(&draft(summaries)), expected);
}

#[test]
fn a_summary_is_the_first_sentence_of_each_task_and_a_count() {
    check(&[], "");
    check(&["", " \n "], "(2 tasks)");
    check(&["Chose A. Then B.", "Drew it! Twice."], "Chose A. Drew it! (2 tasks)");
    check(&["Done.", "Done."], "Done. (2 tasks)");
}

#[test]
fn a_sentence_ends_where_a_reader_ends_it() {
    check(&["Use v1.2, e.g. for tests. More."], "Use v1.2, e.g. for tests. (1 task)");
    check(&["He said \"stop.\" Then left."], "He said \"stop.\" (1 task)");
    check(&["No full stop"], "No full stop. (1 task)");
    check(&["Two  wide\twords\nnext line"], "Two wide words. (1 task)");
    check(&["Decided:\n- one"], "Decided. (1 task)");
    check(&["完成了。下一步"], "完成了。 (1 task)");
    check(&["...and so on. Next."], "...and so on. (1 task)");
    check(&[": - ,"], "(1 task)");
}

#[test]
fn a_task_without_a_summary_stands_with_its_title() {
    let mut quiet = task(1, 0, " ");
    quiet.title = Some("Pick a database".into());
    quiet.result.context.decisions = texts(&["SQLite"]);
    quiet.result.context.risks = texts(&["one writer", "one file"]);
    let draft = aggregate(&Phase::Design.id(), &[quiet]);
    assert_eq!(extract(&draft), "Pick a database. (1 task, 1 decision, 2 risks)");
}

#[test]
fn a_sentence_that_does_not_fit_is_left_out_whole() {
    let long = "word ".repeat(MAX_SUMMARY_CHARS);
    check(&["Short.", &long, "Short too."], "Short. Short too. (3 tasks)");
}

#[test]
fn the_shortest_sentence_still_gets_into_the_last_of_the_room() {
    let facts = "(2 tasks)";
    let first = format!("{}.", "a".repeat(MAX_SUMMARY_CHARS - facts.len() - 4));
    check(&[&first, "!"], &format!("{first} ! {facts}"));
}

#[test]
fn a_lone_sentence_that_does_not_fit_is_broken_between_words() {
    let text = extract(&draft(&["häuser ".repeat(MAX_SUMMARY_CHARS).as_str()]));
    assert!(text.ends_with("häuser häuser… (1 task)"), "{text}");
    assert!((MAX_SUMMARY_CHARS - 7..=MAX_SUMMARY_CHARS).contains(&text.chars().count()));

    check(&["x".repeat(100_000).as_str()], "(1 task)");
}

#[test]
fn the_default_summariser_answers_at_once() {
    let draft = draft(&["Chose A."]);
    let mut summary = Extractive.summarize(&draft);
    let polled = summary.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(Ok("Chose A. (1 task)".into())));
    assert_eq!(Extractive.name(), "extractive");
}

/// The sentences that fit, each of which is read whole.
fn read_whole(tasks: &[FinishedTask], room: usize) -> String {
    let (mut text, mut left) = (String::new(), room);
    let mut seen = HashSet::new();
    for sentence in tasks.iter().filter_map(|task| lead(task, usize::MAX)) {
        let cost = sentence.chars().count() + 1;
        if cost <= left && seen.insert(sentence.clone()) {
            text = text + &sentence + " ";
            left -= cost;
        }
    }
    text
}

proptest! {
    #[test]
    fn what_does_not_fit_need_not_be_read_to_its_end(
        summaries in vec(prop_oneof![nasty(), "[ab\\-:. \u{a0}é。]{0,12}"], 0..20),
        room in 0..60_usize,
    ) {
        let tasks = (1_u128..).zip(&summaries);
        let titled = |(id, summary): (u128, &String)| FinishedTask {
            title: Some("T".to_owned()),
            ..task(id, 0, summary)
        };
        let tasks: Vec<FinishedTask> = tasks.map(titled).collect();
        prop_assert_eq!(whole_sentences(&tasks, room), read_whole(&tasks, room));
    }

    #[test]
    fn a_summary_is_one_line_within_bounds(summaries in vec(nasty(), 0..60)) {
        let summaries: Vec<&str> = summaries.iter().map(String::as_str).collect();
        let text = extract(&draft(&summaries));
        prop_assert!(text.chars().count() <= MAX_SUMMARY_CHARS);
        prop_assert_eq!(text.lines().count(), usize::from(!text.is_empty()));
        prop_assert_eq!(text.is_empty(), summaries.is_empty());
        prop_assert_eq!(text, extract(&draft(&summaries)));
    }
}
