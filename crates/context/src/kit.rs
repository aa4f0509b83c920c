//! What the tests of this crate share: small tasks, and texts of the nasty kind.

use chrono::DateTime;
use proptest::prelude::*;
use uuid::Uuid;

use crate::{Findings, FinishedTask, Superseded, TaskResult};

/// A task that completed at `at` microseconds and reported `summary`.
pub(crate) fn task(id: u128, at: i64, summary: &str) -> FinishedTask {
    FinishedTask {
        id: Uuid::from_u128(id),
        task_type: "design".into(),
        title: None,
        completed_at: DateTime::from_timestamp_micros(at).unwrap(),
        result: TaskResult { summary: summary.into(), ..TaskResult::default() },
    }
}

pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Text of the kind that trips tokenizers: breaks, marks, slashes, contractions, odd spaces.
pub(crate) fn nasty() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(vec![
        "\n",
        "\r\n",
        "\r",
        " ",
        "   ",
        "\t",
        "/",
        "\u{2028}",
        "\u{85}",
        "\u{200b}",
        "\u{301}",
        "a",
        "Word",
        "ABc",
        "it's",
        "'S",
        "1234",
        "...",
        "-",
        "#",
        "## ",
        "<|endoftext|>",
        "\u{1f980}",
        "漢字",
        "_",
    ]);
    let known = proptest::collection::vec(known, 0..24).prop_map(|pieces| pieces.concat());
    prop_oneof![3 => known, 1 => any::<String>()]
}

/// A task whose findings repeat those of others now and then.
pub(crate) fn any_task() -> impl Strategy<Value = FinishedTask> {
    let text = || proptest::sample::select(vec!["a", " a", "b", "b\n", "c", "", " "]);
    let list = move || {
        let list = proptest::collection::vec(text(), 0..3);
        list.prop_map(|list| texts(&list))
    };
    let superseded = (text(), proptest::option::of(text())).prop_map(|(decision, by)| Superseded {
        decision: decision.to_owned(),
        by: by.map(str::to_owned),
    });
    let superseded = proptest::collection::vec(superseded, 0..2);
    (0_u128..5, 0_i64..4, text(), list(), list(), list(), superseded).prop_map(
        |(id, at, summary, decisions, risks, notes, supersedes)| {
            let mut task = task(id, at, summary);
            task.result.context = Findings { decisions, risks, notes, supersedes };
            task
        },
    )
}
