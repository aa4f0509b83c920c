//! What a decision writes down, and what it is on the wire.
#![expect(clippy::unwrap_used, reason = "a legal move that is refused is a failed test")]

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta, Utc};
use phaseline_phases::{
    Artifact, HistoryEntry, Note, Phase, PhaseId, Position, Status, Transition, TransitionKind,
    Workflow, WorkflowSpec,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use strum::IntoEnumIterator;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn note() -> Note {
    Note {
        reason: Some("the tests fail".to_owned()),
        by: Some("amy".to_owned()),
        artifacts: vec![Artifact {
            kind: "test_report".to_owned(),
            path: Some("report.md".to_owned()),
            content: Some(json!({ "failed": 2 })),
        }],
        forced: true,
    }
}

/// A ticket made in testing at second 10 that goes back at the given second.
fn regression(now: i64) -> Transition {
    let workflow = Workflow::standard();
    let made = Position::start(workflow, Some(Phase::Testing.id()), Note::default(), at(10));
    made.unwrap()
        .position()
        .move_to(workflow, &Phase::Implementation.id(), note(), at(now))
        .unwrap()
}

#[track_caller]
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> String {
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
    json
}

#[test]
fn a_transition_carries_who_why_what_and_how_long() {
    let row = serde_json::to_string_pretty(&regression(12).entry()).unwrap();
    insta::assert_snapshot!(row, @r#"
    {
      "sequence": 2,
      "from": "PHASE_TESTING",
      "to": "PHASE_IMPLEMENTATION",
      "kind": "regress",
      "reason": "the tests fail",
      "by": "amy",
      "artifacts": [
        {
          "type": "test_report",
          "path": "report.md",
          "content": {
            "failed": 2
          }
        }
      ],
      "forced": true,
      "at": "1970-01-01T00:00:12Z",
      "seconds_in_previous": 2.0
    }
    "#);
}

#[test]
fn a_transition_reads_as_its_row() {
    let step = regression(12);
    let read = HistoryEntry {
        sequence: step.sequence(),
        from: step.from().cloned(),
        to: step.to().clone(),
        kind: step.kind(),
        reason: step.reason().map(str::to_owned),
        by: step.by().map(str::to_owned),
        artifacts: step.artifacts().to_vec(),
        forced: step.forced(),
        at: step.at(),
        seconds_in_previous: step.seconds_in_previous(),
    };
    assert_eq!(read, step.entry());
    assert_eq!(read.position(), step.position());
}

#[test]
fn a_clock_that_was_set_back_gives_no_negative_time() {
    for (now, seconds) in [(12, 2.0), (10, 0.0), (3, 0.0)] {
        assert_eq!(regression(now).seconds_in_previous(), Some(seconds), "at {now}");
    }
}

#[test]
fn a_ticket_begins_in_any_phase_of_its_workflow() {
    let lunch = PhaseId::parse("PHASE_LUNCH").unwrap();
    let cases = [(None, Some(Phase::Backlog.id())), (Some(lunch), None)];
    let phases = Phase::iter().map(|phase| (Some(phase.id()), Some(phase.id())));
    for (asked, expected) in phases.chain(cases) {
        let made = Position::start(Workflow::standard(), asked.clone(), note(), at(0)).ok();
        assert_eq!(made.as_ref().map(Transition::to), expected.as_ref(), "{asked:?}");
        assert!(made.is_none_or(|made| made.sequence() == 1 && made.from().is_none()));
    }
}

#[test]
fn a_ticket_that_was_blocked_in_a_phase_unknown_to_its_workflow_goes_nowhere() {
    let lunch = PhaseId::parse("PHASE_LUNCH").unwrap();
    let parked =
        Position { phase: Phase::Blocked.id(), previous: Some(lunch), sequence: 2, since: at(0) };
    assert!(parked.allowed(Workflow::standard()).is_err());
}

/// A loop of three with a side exit, and no place to wait.
const OTHER: &str = r#"{
    "id": "other",
    "sequence": ["DRAFT", "REVIEW", "DROPPED", "PRINTED"],
    "exits": {
        "DRAFT": ["REVIEW", "DROPPED"],
        "REVIEW": ["PRINTED", "DRAFT", "DROPPED"]
    }
}"#;

#[test]
fn another_workflow_follows_the_same_rules() {
    let spec: WorkflowSpec = serde_json::from_str(OTHER).unwrap();
    round_trip(&spec);
    let workflow = Workflow::new(spec).unwrap();
    let rows: Vec<String> = workflow
        .phases()
        .map(|from| {
            let start = Position::start(&workflow, Some(from.clone()), Note::default(), at(0));
            let here = start.unwrap().position();
            let moves = here.allowed(&workflow).unwrap().into_iter().map(|to| {
                let step = here.move_to(&workflow, &to, Note::default(), at(0)).unwrap();
                format!(" {to} ({})", step.kind())
            });
            let status = workflow.status_of(from).unwrap();
            format!("{from}, {status}:{}", moves.collect::<String>())
        })
        .collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
    DRAFT, pending: REVIEW (advance) DROPPED (complete)
    REVIEW, in_progress: PRINTED (complete) DRAFT (regress) DROPPED (complete)
    DROPPED, completed:
    PRINTED, completed:
    ");
}

#[test]
fn nothing_follows_an_end_wherever_it_stands() {
    let workflow = Workflow::new(serde_json::from_str(OTHER).unwrap()).unwrap();
    let next: Vec<_> =
        workflow.phases().map(|phase| workflow.next(phase).map(PhaseId::as_str)).collect();
    assert_eq!(next, [Some("REVIEW"), Some("DROPPED"), None, None]);
    let lunch = PhaseId::parse("LUNCH").unwrap();
    assert_eq!((workflow.rank(&lunch), workflow.next(&lunch)), (None, None));
}

#[test]
fn a_misspelt_field_of_a_workflow_is_refused() {
    let misspelt = OTHER.replace("\"exits\"", "\"exit\"");
    assert!(serde_json::from_str::<WorkflowSpec>(&misspelt).is_err());
}

#[test]
fn names_on_the_wire_read_themselves_back() {
    let mut names: Vec<String> = Phase::iter().map(|phase| round_trip(&phase)).collect();
    names.extend(Status::iter().map(|status| round_trip(&status)));
    names.extend(TransitionKind::iter().map(|kind| round_trip(&kind)));
    round_trip(&regression(12).entry());
    round_trip(&regression(12).position());
    insta::assert_snapshot!(names.join(" "), @r#""PHASE_BACKLOG" "PHASE_REQUIREMENTS" "PHASE_DESIGN" "PHASE_IMPLEMENTATION" "PHASE_TESTING" "PHASE_DEPLOYMENT" "PHASE_DONE" "PHASE_BLOCKED" "pending" "in_progress" "blocked" "completed" "create" "advance" "regress" "block" "resume" "complete""#);
    for phase in Phase::iter() {
        assert_eq!(phase.to_string().parse(), Ok(phase));
        assert_eq!(round_trip(&phase.id()), round_trip(&phase), "one name, typed or not");
    }
}

#[test]
fn a_name_that_is_no_phase_is_answered_with_the_phases() {
    let refused = serde_json::from_str::<Phase>("\"testing\"").unwrap_err();
    insta::assert_snapshot!(refused, @r#""testing" is no phase of the standard workflow: its phases are PHASE_BACKLOG, PHASE_REQUIREMENTS, PHASE_DESIGN, PHASE_IMPLEMENTATION, PHASE_TESTING, PHASE_DEPLOYMENT, PHASE_DONE and PHASE_BLOCKED"#);
}
