//! How regressions are counted, and what is said when there were enough.
#![expect(clippy::unwrap_used, reason = "a row that cannot be read is a failed test")]

use chrono::{DateTime, TimeDelta};
use phaseline_phases::{
    Answer, Blocker, BlockerKind, HistoryEntry, Phase, PhaseId, TransitionKind, rework,
};
use proptest::{collection::vec, prelude::*};
use serde_json::json;
use strum::IntoEnumIterator;

/// A row a line: `A>B kind reason`, numbered from 1.
fn history(text: &str) -> Vec<HistoryEntry> {
    let rows = (1..).zip(text.lines().map(str::trim).filter(|line| !line.is_empty()));
    rows.map(|(sequence, line)| {
        let mut words = line.splitn(3, ' ');
        let (from, to) = words.next().unwrap().split_once('>').unwrap();
        row(sequence, from, to, words.next().unwrap().parse().unwrap(), words.next())
    })
    .collect()
}

fn row(
    sequence: u32,
    from: &str,
    to: &str,
    kind: TransitionKind,
    reason: Option<&str>,
) -> HistoryEntry {
    HistoryEntry {
        sequence,
        from: PhaseId::parse(from).ok(),
        to: PhaseId::parse(to).unwrap(),
        kind,
        reason: reason.map(str::to_owned),
        by: None,
        artifacts: Vec::new(),
        forced: false,
        at: DateTime::UNIX_EPOCH,
        seconds_in_previous: None,
    }
}

const BOUNCING: &str = "
    >TEST create
    TEST>MAKE regress two tests fail
    MAKE>TEST advance again
    TEST>MAKE regress
    MAKE>TEST advance
    TEST>PLAN regress wrong plan
    PLAN>MAKE advance
    MAKE>TEST advance
    TEST>MAKE regress still one
    MAKE>WAIT block
    WAIT>PLAN resume
";

/// The edges since a row, each as `A>B count reasons`.
#[track_caller]
fn check(after_sequence: u32, expected: &[&str]) {
    let edges: Vec<String> = rework::regressions(&history(BOUNCING), after_sequence)
        .into_iter()
        .map(|edge| format!("{}>{} {} {:?}", edge.from, edge.to, edge.count, edge.reasons))
        .collect();
    assert_eq!(edges, expected, "after {after_sequence}");
}

#[test]
fn regressions_are_counted_by_edge_with_their_reasons() {
    let (three, one) = (r#"TEST>MAKE 3 ["two tests fail", "still one"]"#, "MAKE>PLAN 1 []");
    check(0, &[three, r#"TEST>PLAN 1 ["wrong plan"]"#, one]);
    check(1, &[three, r#"TEST>PLAN 1 ["wrong plan"]"#, one]);
    check(2, &[r#"TEST>MAKE 2 ["still one"]"#, r#"TEST>PLAN 1 ["wrong plan"]"#, one]);
    check(4, &[r#"TEST>PLAN 1 ["wrong plan"]"#, r#"TEST>MAKE 1 ["still one"]"#, one]);
    check(9, &[one]);
    check(11, &[]);
}

#[test]
fn to_resume_in_an_earlier_phase_is_to_go_back_and_to_resume_where_it_was_blocked_is_not() {
    let rows = history(
        ">TEST create\nTEST>WAIT block why\nWAIT>TEST resume\nTEST>WAIT block\nWAIT>MAKE resume red",
    );
    let edges = rework::regressions(&rows, 0);
    let told: Vec<_> = edges
        .iter()
        .map(|edge| format!("{}>{} {} {:?}", edge.from, edge.to, edge.count, edge.reasons))
        .collect();
    assert_eq!(told, [r#"TEST>MAKE 1 ["red"]"#]);
    assert!(rework::regressions(&history(">WAIT create\nWAIT>MAKE resume"), 0).is_empty());
}

#[test]
fn two_phases_that_send_back_to_one_are_two_edges_and_a_blank_reason_is_none() {
    let mut rows = history("TEST>MAKE regress red\nSHIP>MAKE regress red\nTEST>MAKE regress");
    rows[2].reason = Some(" ".to_owned());
    let edges = rework::regressions(&rows, 0);
    let told: Vec<_> = edges.iter().map(|edge| (edge.count, edge.reasons.len())).collect();
    assert_eq!(told, [(2, 1), (1, 1)]);
}

#[test]
fn the_budget_is_over_when_one_more_would_exceed_it() {
    let phase = |name: &str| PhaseId::parse(name).unwrap();
    for (after, from, to, budget, over) in [
        (0, "TEST", "MAKE", 4, false),
        (0, "TEST", "MAKE", 3, true),
        (0, "TEST", "MAKE", 2, true),
        (2, "TEST", "MAKE", 3, false),
        (2, "TEST", "MAKE", 2, true),
        (0, "TEST", "PLAN", 2, false),
        (0, "TEST", "PLAN", 1, true),
        (0, "MAKE", "TEST", 1, false),
        (0, "MAKE", "TEST", 0, true),
    ] {
        let spent =
            rework::over_budget(&history(BOUNCING), after, &phase(from), &phase(to), budget);
        assert_eq!(spent.is_some(), over, "{from}>{to} after {after} by {budget}");
    }
}

#[test]
fn a_spent_budget_is_a_sentence_with_the_reasons() {
    let told: Vec<String> = [(0, "MAKE", 3), (0, "PLAN", 1), (2, "MAKE", 2), (9, "MAKE", 0)]
        .into_iter()
        .map(|(after, to, budget)| {
            let (from, to) = (PhaseId::parse("TEST").unwrap(), PhaseId::parse(to).unwrap());
            let spent = rework::over_budget(&history(BOUNCING), after, &from, &to, budget);
            spent.unwrap().to_string()
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    TEST has sent this ticket back to MAKE 3 times, which is all that the rework budget allows: 1. two tests fail 2. still one
    TEST has sent this ticket back to PLAN once, which is all that the rework budget allows: 1. wrong plan
    TEST has sent this ticket back to MAKE 2 times, which is all that the rework budget allows: 1. still one
    the rework budget lets no ticket go back from TEST to MAKE
    ");
    let silent = history("TEST>MAKE regress \n TEST>MAKE regress");
    let (from, to) = (PhaseId::parse("TEST").unwrap(), PhaseId::parse("MAKE").unwrap());
    let spent = rework::over_budget(&silent, 0, &from, &to, 2).unwrap();
    insta::assert_snapshot!(spent, @"TEST has sent this ticket back to MAKE 2 times, which is all that the rework budget allows");
}

#[test]
fn an_answer_keeps_the_question_and_its_reasons() {
    let blocker = Blocker {
        kind: BlockerKind::ReworkBudget,
        question: Some("what now?".to_owned()),
        reasons: vec!["two tests fail".to_owned(), "still one".to_owned()],
        since: DateTime::UNIX_EPOCH,
        by: Some("agent 1".to_owned()),
        task_id: Some("t1".to_owned()),
    };
    let json = serde_json::to_string(&blocker).unwrap();
    assert_eq!(serde_json::from_str::<Blocker>(&json).unwrap(), blocker);

    let later = blocker.since + TimeDelta::seconds(90);
    let by = Some("ada".to_owned());
    let answer = blocker.answered("drop that test".to_owned(), by, Phase::Testing.id(), later);
    let json = serde_json::to_string_pretty(&answer).unwrap();
    assert_eq!(serde_json::from_str::<Answer>(&json).unwrap(), answer);
    insta::assert_snapshot!(json, @r#"
    {
      "kind": "rework_budget",
      "question": "what now?",
      "reasons": [
        "two tests fail",
        "still one"
      ],
      "answer": "drop that test",
      "by": "ada",
      "at": "1970-01-01T00:01:30Z",
      "phase": "PHASE_TESTING"
    }
    "#);
}

#[test]
fn a_blocker_needs_no_more_than_its_kind_and_its_time() {
    for kind in BlockerKind::iter() {
        let json = json!({ "kind": kind, "since": "2026-01-01T00:00:00Z" });
        assert_eq!(serde_json::from_value::<Blocker>(json).unwrap().kind, kind);
        assert_eq!(kind.to_string().parse(), Ok(kind));
        assert_eq!(json!(kind), json!(kind.to_string()));
    }
    let kinds: Vec<String> = BlockerKind::iter().map(|kind| kind.to_string()).collect();
    assert_eq!(
        kinds,
        ["dependency", "needs_input", "failing_checks", "environment", "rework_budget"]
    );
}

fn rows() -> impl Strategy<Value = Vec<HistoryEntry>> {
    let phase = || prop::sample::select(vec!["A", "B", "C"]);
    let kind = prop::sample::select(TransitionKind::iter().collect::<Vec<_>>());
    vec((phase(), phase(), kind, prop::option::of("[ a-z]{0,3}")), 0..30).prop_map(|rows| {
        let numbered = (1..).zip(rows);
        numbered
            .map(|(sequence, (from, to, kind, reason))| {
                row(sequence, from, to, kind, reason.as_deref())
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn every_regression_is_in_one_edge(history in rows(), after in 0_u32..30) {
        let edges = rework::regressions(&history, after);
        let went_back = |place: &usize| match history[*place].kind {
            TransitionKind::Regress => true,
            TransitionKind::Resume => {
                *place > 0 && history[place - 1].from.as_ref() != Some(&history[*place].to)
            }
            TransitionKind::Create
            | TransitionKind::Advance
            | TransitionKind::Block
            | TransitionKind::Complete => false,
        };
        let regressed = (after as usize..history.len()).filter(went_back).count();
        prop_assert_eq!(edges.iter().map(|edge| edge.count as usize).sum::<usize>(), regressed);
        for (place, edge) in edges.iter().enumerate() {
            prop_assert!(edge.reasons.len() <= edge.count as usize);
            let twice = edges[..place].iter().any(|e| (&e.from, &e.to) == (&edge.from, &edge.to));
            prop_assert!(!twice);
            let over = |budget| {
                rework::over_budget(&history, after, &edge.from, &edge.to, budget).is_some()
            };
            prop_assert!(over(edge.count) && !over(edge.count + 1));
        }
    }
}
