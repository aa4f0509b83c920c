//! Aggregation: an example, the algebra of merging, and what the hash sees.

use chrono::TimeDelta;
use phaseline_phases::{Artifact, Phase};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Superseded;
use crate::kit::{any_task, task, texts};

fn design(tasks: &[FinishedTask]) -> PhaseDraft {
    aggregate(&Phase::Design.id(), tasks)
}

fn artifact(path: &str) -> Artifact {
    Artifact { kind: "file".into(), path: Some(path.into()), content: None }
}

fn superseded(decision: &str, by: Option<&str>) -> Superseded {
    Superseded { decision: decision.into(), by: by.map(Into::into) }
}

#[test]
fn many_texts_are_told_apart_as_few_are() {
    for count in 0..3 * FEW {
        let names: Vec<String> = (0..count).map(|number| format!(" {} ", number % 5)).collect();
        let once: Vec<String> = (0..count.min(5)).map(|number| number.to_string()).collect();
        assert_eq!(distinct_texts(names.iter()), once, "{count}");
    }
}

#[test]
fn tasks_come_in_order_of_completion_and_findings_once() {
    let mut late = task(1, 30, "late");
    late.result.context.decisions = texts(&["b", " a "]);
    late.result.artifacts = vec![artifact("x"), artifact("y"), artifact("x")];
    let mut early = task(3, 10, "early");
    early.result.context.decisions = texts(&["a", "", " \n", "c", "a"]);
    early.result.artifacts = vec![artifact("y")];
    let tied = task(2, 10, "tied");

    let draft = design(&[late, early, tied]);
    let order: Vec<_> = draft.tasks().iter().map(|task| task.result.summary.as_str()).collect();
    assert_eq!(order, ["tied", "early", "late"]);
    assert_eq!(draft.findings().decisions, ["a", "c", "b"]);
    assert_eq!(draft.artifacts(), [artifact("y"), artifact("x")]);
}

#[test]
fn the_later_result_of_a_task_supersedes_the_earlier() {
    let draft = design(&[task(1, 20, "second"), task(1, 10, "first")]);
    assert_eq!(draft.tasks(), [task(1, 20, "second")]);
}

#[test]
fn the_hash_sees_every_part_of_a_task_and_nothing_else() {
    let base = task(1, 10, "s");
    let hash = |task: &FinishedTask| design(std::slice::from_ref(task)).inputs_hash().to_owned();
    let changes: [fn(&mut FinishedTask); 13] = [
        |task| task.id = Uuid::from_u128(9),
        |task| task.task_type.push('x'),
        |task| task.title = Some(String::new()),
        |task| task.completed_at += TimeDelta::microseconds(1),
        |task| task.result.summary.push(' '),
        |task| task.result.outputs = json!({}),
        |task| task.result.context.decisions = texts(&["x"]),
        |task| task.result.context.risks = texts(&["x"]),
        |task| task.result.context.notes = texts(&["x"]),
        |task| task.result.context.supersedes = vec![superseded("x", None)],
        |task| task.result.context.supersedes = vec![superseded("x", Some("y"))],
        |task| task.result.context.supersedes = vec![superseded("y", Some("x"))],
        |task| task.result.artifacts = vec![artifact("x")],
    ];
    let mut seen = BTreeSet::from([hash(&base)]);
    for (row, change) in changes.iter().enumerate() {
        let mut changed = base.clone();
        change(&mut changed);
        assert!(seen.insert(hash(&changed)), "change {row} is not seen");
    }
    let elsewhere = aggregate(&Phase::Testing.id(), std::slice::from_ref(&base));
    assert!(seen.insert(elsewhere.inputs_hash().to_owned()));

    let mut stored = base.clone();
    stored.completed_at += TimeDelta::nanoseconds(999); // lost in a table of microseconds
    assert_eq!(hash(&stored), hash(&base));
}

#[test]
fn what_supersedes_nothing_keeps_the_hash_that_it_had_before_anything_could() {
    let mut full = task(7, 42, "Chose SQLite.");
    full.title = Some("Storage".into());
    full.result.outputs = json!({ "b": 1, "a": [null, "x"] });
    full.result.context.decisions = texts(&["SQLite is the default"]);
    full.result.context.risks = texts(&["one writer"]);
    full.result.context.notes = texts(&["embedded"]);
    full.result.artifacts = vec![artifact("x")];
    assert_eq!(
        design(&[task(1, 10, "s"), full]).inputs_hash(),
        "5a0809977ddc9de41faf9bec5d90adeadb14b65bd7bf16ea3ccc8aa86be5e67d"
    );
}

#[test]
fn superseded_decisions_are_joined_and_what_replaces_them_is_decided() {
    let mut first = task(1, 10, "first");
    first.result.context.decisions = texts(&["a"]);
    first.result.context.supersedes = vec![superseded(" b ", Some("c\n")), superseded(" ", None)];
    let mut second = task(2, 20, "second");
    second.result.context.decisions = texts(&["d", "c"]);
    second.result.context.supersedes = vec![superseded("b", Some("c")), superseded("b", Some(" "))];

    let draft = design(&[second, first]);
    assert_eq!(draft.findings().decisions, ["a", "c", "d"]);
    assert_eq!(draft.findings().supersedes, [superseded("b", Some("c")), superseded("b", None)]);
    let context = draft.with_summary("", "test");
    assert_eq!(context.supersedes, [superseded("b", Some("c")), superseded("b", None)]);
    let decided = context.tasks.iter().map(|task| task.decisions.clone()).collect::<Vec<_>>();
    assert_eq!(decided, [texts(&["a", "c"]), texts(&["d", "c"])]);
}

#[test]
fn drafts_of_different_phases_do_not_merge() {
    let refused = design(&[]).merge(aggregate(&Phase::Testing.id(), &[])).unwrap_err();
    assert_eq!(refused.to_string(), "a draft of PHASE_DESIGN cannot take in one of PHASE_TESTING");
}

proptest! {
    #[test]
    fn merging_is_associative_commutative_and_idempotent(
        a in vec(any_task(), 0..6), b in vec(any_task(), 0..6), c in vec(any_task(), 0..6)
    ) {
        let (a, b, c) = (design(&a), design(&b), design(&c));
        let left = a.clone().merge(b.clone()).unwrap().merge(c.clone()).unwrap();
        let right = a.clone().merge(b.clone().merge(c).unwrap()).unwrap();
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(a.clone().merge(b.clone()).unwrap(), b.merge(a.clone()).unwrap());
        prop_assert_eq!(a.clone().merge(a.clone()).unwrap(), a);
    }

    #[test]
    fn parts_merge_to_what_the_whole_aggregates_to(
        tasks in vec(any_task(), 0..12), cut in any::<proptest::sample::Index>()
    ) {
        let (first, second) = tasks.split_at(cut.index(tasks.len() + 1));
        prop_assert_eq!(design(first).merge(design(second)).unwrap(), design(&tasks));
    }

    #[test]
    fn the_order_given_does_not_matter(
        (tasks, shuffled) in vec(any_task(), 0..8)
            .prop_flat_map(|tasks| (Just(tasks.clone()), Just(tasks).prop_shuffle()))
    ) {
        prop_assert_eq!(design(&tasks), design(&shuffled));
    }
}
