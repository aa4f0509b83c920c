//! The ticket's document: what counts as a change, and how it reads.

use chrono::DateTime;
use phaseline_phases::Phase;

use super::*;
use crate::kit::task;
use crate::{Standing, aggregate};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn context(phase: Phase, tasks: &[FinishedTask], summary: &str) -> PhaseContext {
    aggregate(&phase.id(), tasks).with_summary(summary, "test")
}

#[test]
fn every_change_leaves_one_entry_and_a_repetition_none() {
    let one = [task(1, 10, "one")];
    let both = [task(1, 10, "one"), task(2, 20, "two")];
    let first = TicketContext::default().record(context(Phase::Design, &one, "s"), at(1)).unwrap();
    assert_eq!(first.record(context(Phase::Design, &one, "other words"), at(2)), None);
    assert!(first.holds(&aggregate(&Phase::Design.id(), &one)));
    assert!(!first.holds(&aggregate(&Phase::Design.id(), &both)));
    assert!(!first.holds(&aggregate(&Phase::Testing.id(), &one)));

    let second = first.record(context(Phase::Testing, &one, "t"), at(3)).unwrap();
    let third = second.record(context(Phase::Design, &both, "s2"), at(4)).unwrap();
    assert_eq!(third.last_updated_phase, Some(Phase::Design.id()));
    assert_eq!(third.phases[&Phase::Design.id()].summary, "s2");
    let history = third
        .history
        .iter()
        .map(|entry| (entry.phase_id.as_str(), entry.aggregated_at.timestamp(), entry.task_count));
    assert_eq!(
        history.collect::<Vec<_>>(),
        [("PHASE_DESIGN", 1, 1), ("PHASE_TESTING", 3, 1), ("PHASE_DESIGN", 4, 2)]
    );
    assert_eq!(third.history[2].inputs_hash, third.phases[&Phase::Design.id()].inputs_hash);
}

#[test]
fn the_summary_follows_the_workflow_and_forgets_no_phase() {
    let mut ticket = TicketContext::default();
    for (phase, summary) in [
        (Phase::Testing, "Tested."),
        (Phase::Design, " Drawn.\n"),
        (Phase::Blocked, "Waited."),
        (Phase::Backlog, "  "),
    ] {
        ticket = ticket.record(context(phase, &[], summary), at(1)).unwrap();
    }
    let order = Phase::SEQUENCE.map(Phase::id);
    assert_eq!(
        ticket.summary(&order),
        "PHASE_DESIGN: Drawn.\nPHASE_TESTING: Tested.\nPHASE_BLOCKED: Waited."
    );
}

#[test]
fn a_document_reads_back_as_it_was_written_and_an_empty_one_is_the_default() {
    let ticket = TicketContext::default()
        .record(context(Phase::Design, &[task(1, 10, "one")], "s"), at(1))
        .unwrap();
    let text = serde_json::to_string(&ticket).unwrap();
    assert_eq!(serde_json::from_str::<TicketContext>(&text).unwrap(), ticket);
    assert_eq!(serde_json::from_str::<TicketContext>("{}").unwrap(), TicketContext::default());
}

/// A document as it was stored before decisions could be superseded or come under review.
const BEFORE: &str = r#"{
    "phases": { "PHASE_DESIGN": {
        "phase_id": "PHASE_DESIGN", "summary": "s", "summarised_by": "test",
        "decisions": ["SQLite is the default"], "risks": [], "notes": [], "artifacts": [],
        "tasks": [{
            "task_id": "00000000-0000-0000-0000-000000000007", "task_type": "design",
            "title": "Storage", "summary": "Chose SQLite.", "outputs": null,
            "completed_at": "1970-01-01T00:00:00.000042Z"
        }],
        "inputs_hash": "97ac"
    } },
    "history": [{
        "phase_id": "PHASE_DESIGN", "aggregated_at": "1970-01-01T00:00:00Z",
        "task_count": 1, "inputs_hash": "97ac"
    }],
    "last_updated_phase": "PHASE_DESIGN"
}"#;

#[test]
fn an_older_document_reads_as_one_without_what_came_later() {
    let ticket: TicketContext = serde_json::from_str(BEFORE).unwrap();
    let task = &ticket.phases[&Phase::Design.id()].tasks[0];
    assert!(task.decisions.is_empty() && task.supersedes.is_empty());
    assert!(ticket.under_review.is_empty());
    let text = serde_json::to_string(&ticket).unwrap();
    assert_eq!(serde_json::from_str::<TicketContext>(&text).unwrap(), ticket);
}

#[test]
fn a_decision_of_an_older_document_is_superseded_by_what_completes_after_its_phase() {
    let ticket: TicketContext = serde_json::from_str(BEFORE).unwrap();
    let after = |at| {
        let mut done = task(9, at, "done");
        done.result.context.supersedes =
            vec![Superseded { decision: "SQLite is the default".into(), by: None }];
        let ticket = ticket.record(context(Phase::Testing, &[done], "t"), self::at(1)).unwrap();
        ticket.standing(&Phase::Design.id(), "SQLite is the default")
    };
    assert_eq!(after(41), Standing::Stands);
    assert_eq!(after(43), Standing::Superseded { by: None });
}
