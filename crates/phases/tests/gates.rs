//! What a gate says of what it finds, as people read it.
#![expect(clippy::unwrap_used, reason = "a gate that cannot be read is a failed test")]

use phaseline_phases::{
    Approval, Artifact, Evidence, Gate, GateFacts, GatePlan, GateReport, Grade, TaskCounts,
    gate::{self, GateCode},
};
use serde_json::{Value, json};
use strum::IntoEnumIterator;

/// A gate of one demand of type `doc`.
fn demand(grade: &str, criteria: &Value) -> Gate {
    let demand = json!({ "type": "doc", "grade": grade, "criteria": criteria });
    serde_json::from_value(json!({ "artifacts": [demand] })).unwrap()
}

fn artifact(kind: &str, content: Value) -> Artifact {
    Artifact { kind: kind.to_owned(), path: None, content: Some(content) }
}

/// What a gate says where those pieces were handed in: type, content, grade, by whom.
fn held(gate: &Gate, pieces: &[(&str, Value, Grade, &str)], facts: GateFacts<'_>) -> GateReport {
    let artifacts: Vec<Artifact> =
        pieces.iter().map(|(kind, content, ..)| artifact(kind, content.clone())).collect();
    let evidence: Vec<Evidence<'_>> = artifacts
        .iter()
        .zip(pieces)
        .map(|(artifact, (.., grade, by))| {
            let by = Some(*by).filter(|by| !by.is_empty());
            Evidence { artifact, grade: *grade, by }
        })
        .collect();
    gate::evaluate(gate, &GateFacts { evidence: &evidence, ..facts })
}

/// A report as text: a line for what is asked, one for what is there, one for whose turn it is.
fn read(report: &GateReport) -> String {
    let mut lines = vec![if report.is_met() { "met" } else { "unmet" }.to_owned()];
    for point in &report.points {
        let mark = if point.met { '+' } else { '-' };
        lines.push(format!("{mark} {}: {}", point.code, point.demand));
        lines.push(format!("    found: {}", point.found));
        lines.push(format!("    by: {}", point.satisfied_by));
    }
    lines.join("\n")
}

fn approval(by: &str, at_version: i64) -> Approval {
    Approval { by: by.to_owned(), at_version }
}

/// The gate out of implementation, with one approval on top.
fn implementation() -> Gate {
    let plan = GatePlan::standard();
    let gate = plan.iter().find(|(phase, _)| phase.as_str() == "PHASE_IMPLEMENTATION");
    Gate { approvals: 1, ..gate.unwrap().1.clone() }
}

#[test]
fn a_gate_that_is_met_says_what_by() {
    let pieces = [
        ("code_changes", json!({}), Grade::SelfReported, "ada"),
        ("test_coverage", json!({ "percentage": 12 }), Grade::SelfReported, ""),
        ("test_coverage", json!({ "percentage": "80 %" }), Grade::Ci, "runner"),
    ];
    let facts = GateFacts {
        tasks: TaskCounts { completed: 3, open: 0, failed: 0 },
        approvals: &[approval("eve", 7)],
        version: 7,
        authors: &["ada".to_owned()],
        ..GateFacts::default()
    };
    insta::assert_snapshot!(read(&held(&implementation(), &pieces, facts)), @r"
    met
    + artifact: there must be an artifact of type code_changes
        found: the only one, by ada, will do, being of grade self
        by: whoever adds an artifact of type code_changes
    + artifact: there must be an artifact of type test_coverage with percentage at least 80
        found: the best of 2, by runner, will do, being of grade ci
        by: whoever adds an artifact of type test_coverage
    + tasks_completed: every task of the phase must be completed
        found: 3 completed
        by: whoever works on the tasks of the phase
    + approvals: there must be 1 approval of version 7, not by an author
        found: eve has approved
        by: anyone but the author ada, and eve, who has approved already
    ");
}

#[test]
fn a_gate_before_which_there_is_nothing_names_everything() {
    let report = held(&implementation(), &[], GateFacts::default());
    assert_eq!(report.unmet().count(), 3);
    insta::assert_snapshot!(read(&report), @r"
    unmet
    - artifact: there must be an artifact of type code_changes
        found: there is none
        by: whoever adds an artifact of type code_changes
    - artifact: there must be an artifact of type test_coverage with percentage at least 80
        found: there is none
        by: whoever adds an artifact of type test_coverage
    + tasks_completed: every task of the phase must be completed
        found: there are no tasks to wait for
        by: whoever works on the tasks of the phase
    - approvals: there must be 1 approval of version 0, not by an author
        found: there are none
        by: anyone
    ");
}

#[test]
fn a_grade_too_low_and_a_number_too_low_are_said_of_the_best_piece() {
    let gate = demand("ci", &json!([{ "kind": "minimum", "field": "percentage", "at_least": 80 }]));
    let low = ("doc", json!({ "percentage": 71 }), Grade::Ci, "runner");
    let lower = ("doc", json!({ "percentage": 20 }), Grade::Ci, "old runner");
    let none = ("doc", json!({ "percentage": "?" }), Grade::Ci, "bob");
    let told = ("doc", json!({ "percentage": 95 }), Grade::Peer, "eve");
    let both = ("doc", json!({ "percentage": 79.5 }), Grade::SelfReported, "");
    let other = ("docs", json!({ "percentage": 100 }), Grade::Ci, "");
    let reports = [
        held(&gate, &[lower.clone(), none, low, both.clone()], GateFacts::default()),
        held(&gate, &[lower, told.clone()], GateFacts::default()),
        held(&gate, &[told, other.clone()], GateFacts::default()),
        held(&gate, &[both], GateFacts::default()),
        held(&gate, &[other], GateFacts::default()),
    ];
    insta::assert_snapshot!(reports.map(|report| read(&report)).join("\n"), @r"
    unmet
    - artifact: there must be an artifact of type doc of grade ci with percentage at least 80
        found: the best of 4, by runner, has percentage 71
        by: whoever adds an artifact of type doc of grade ci
    unmet
    - artifact: there must be an artifact of type doc of grade ci with percentage at least 80
        found: the best of 2, by eve, is only of grade peer
        by: whoever adds an artifact of type doc of grade ci
    unmet
    - artifact: there must be an artifact of type doc of grade ci with percentage at least 80
        found: the only one, by eve, is only of grade peer
        by: whoever adds an artifact of type doc of grade ci
    unmet
    - artifact: there must be an artifact of type doc of grade ci with percentage at least 80
        found: the only one has percentage 79.5 and is only of grade self
        by: whoever adds an artifact of type doc of grade ci
    unmet
    - artifact: there must be an artifact of type doc of grade ci with percentage at least 80
        found: there is none
        by: whoever adds an artifact of type doc of grade ci
    ");
}

#[test]
fn a_peer_will_do_for_a_peer_and_so_will_a_machine() {
    let gate = demand("peer", &json!([]));
    for grade in Grade::iter() {
        let report = held(&gate, &[("doc", Value::Null, grade, "")], GateFacts::default());
        assert_eq!(report.is_met(), grade >= Grade::Peer, "{grade}");
    }
    insta::assert_snapshot!(read(&held(&gate, &[], GateFacts::default())), @r"
    unmet
    - artifact: there must be an artifact of type doc of grade peer or ci
        found: there is none
        by: whoever adds an artifact of type doc of grade peer or ci
    ");
}

#[test]
fn a_document_lacks_its_sections_by_name() {
    let criteria = json!([
        { "kind": "sections", "required": ["Scope", "Open questions", "Risks"] },
        { "kind": "min_length", "chars": 30 },
    ]);
    let gate = demand("self", &criteria);
    let short = ("doc", json!("# 1. scope\n"), Grade::SelfReported, "ada");
    let nearer = ("doc", json!("# Scope:\n# risks\n"), Grade::SelfReported, "bob");
    let reports = [
        held(&gate, &[short.clone(), nearer], GateFacts::default()),
        held(&gate, &[short], GateFacts::default()),
    ];
    insta::assert_snapshot!(reports.map(|report| read(&report)).join("\n"), @r"
    unmet
    - artifact: there must be an artifact of type doc with the sections Scope, Open questions and Risks and at least 30 characters of text
        found: the best of 2, by bob, lacks the section Open questions and has 16 characters of text
        by: whoever adds an artifact of type doc
    unmet
    - artifact: there must be an artifact of type doc with the sections Scope, Open questions and Risks and at least 30 characters of text
        found: the only one, by ada, lacks the sections Open questions and Risks and has 10 characters of text
        by: whoever adds an artifact of type doc
    ");
    let text = "Scope\n===\n## Risks\n**none** that we know of, so far";
    let whole = json!({ "content": text, "open_questions": [0] });
    assert!(held(&gate, &[("doc", whole, Grade::Ci, "")], GateFacts::default()).is_met());
}

#[test]
fn several_pieces_do_not_add_up() {
    let criteria = json!([
        { "kind": "flag", "field": "passed" },
        { "kind": "minimum", "at_least": 1, "field": "count" },
    ]);
    let pieces = [
        ("doc", json!({ "passed": true }), Grade::Ci, ""),
        ("doc", json!({ "count": 1 }), Grade::Ci, ""),
    ];
    assert!(!held(&demand("self", &criteria), &pieces, GateFacts::default()).is_met());
}

#[test]
fn tasks_that_are_open_or_failed_keep_a_gate_shut() {
    let gate = Gate { tasks_completed: true, ..Gate::default() };
    let told =
        [(0, 0, 0), (2, 0, 0), (2, 1, 0), (0, 0, 1), (2, 1, 1)].map(|(completed, open, failed)| {
            let tasks = TaskCounts { completed, open, failed };
            read(&held(&gate, &[], GateFacts { tasks, ..GateFacts::default() }))
        });
    insta::assert_snapshot!(told.join("\n"), @r"
    met
    + tasks_completed: every task of the phase must be completed
        found: there are no tasks to wait for
        by: whoever works on the tasks of the phase
    met
    + tasks_completed: every task of the phase must be completed
        found: 2 completed
        by: whoever works on the tasks of the phase
    unmet
    - tasks_completed: every task of the phase must be completed
        found: 2 completed and 1 open
        by: whoever works on the tasks of the phase
    unmet
    - tasks_completed: every task of the phase must be completed
        found: 1 failed
        by: an operator, who retries or cancels what has failed
    unmet
    - tasks_completed: every task of the phase must be completed
        found: 2 completed, 1 open and 1 failed
        by: whoever works on the open tasks, and an operator, who retries or cancels what has failed
    ");
}

#[test]
fn an_approval_counts_once_for_its_version_and_never_for_an_author() {
    let gate = Gate { approvals: 2, ..Gate::default() };
    let authors = ["ada".to_owned(), "agent 1".to_owned(), "ada".to_owned()];
    let stale = [approval("eve", 6), approval("bob", 5), approval("bob", 6), approval("ada", 6)];
    let own = [approval("ada", 7), approval("eve", 7), approval("eve", 7), approval("eve", 6)];
    let enough = [approval("bob", 7), approval("ada", 7), approval("eve", 7), approval("fay", 6)];
    let told = [&stale, &own, &enough].map(|approvals| {
        let facts = GateFacts { approvals, version: 7, authors: &authors, ..GateFacts::default() };
        read(&held(&gate, &[], facts))
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    unmet
    - approvals: there must be 2 approvals of version 7, none by an author
        found: there is none that counts; eve has approved version 6, but now it is 7; bob has approved version 6, but now it is 7; ada is an author
        by: anyone but the authors ada and agent 1
    unmet
    - approvals: there must be 2 approvals of version 7, none by an author
        found: eve has approved; ada is an author
        by: anyone but the authors ada and agent 1, and eve, who has approved already
    met
    + approvals: there must be 2 approvals of version 7, none by an author
        found: bob and eve have approved; ada is an author; fay has approved version 6, but now it is 7
        by: anyone but the authors ada and agent 1, and bob and eve, who have approved already
    ");
}

#[test]
fn an_open_gate_has_no_points() {
    assert!(Gate::default().is_open());
    let report = held(&Gate::default(), &[], GateFacts::default());
    assert!(report.is_met() && report.points.is_empty());
    for asks in [
        Gate { approvals: 1, ..Gate::default() },
        Gate { tasks_completed: true, ..Gate::default() },
        demand("self", &json!([])),
    ] {
        assert!(!asks.is_open(), "{asks:?}");
    }
}

#[test]
fn a_report_is_json_that_reads_itself_back() {
    let report = held(&demand("self", &json!([])), &[], GateFacts::default());
    let json = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(serde_json::from_str::<GateReport>(&json).unwrap(), report);
    insta::assert_snapshot!(json, @r#"
    {
      "points": [
        {
          "code": "artifact",
          "met": false,
          "demand": "there must be an artifact of type doc",
          "found": "there is none",
          "satisfied_by": "whoever adds an artifact of type doc",
          "artifact_type": "doc"
        }
      ]
    }
    "#);
    let codes: Vec<String> = GateCode::iter()
        .map(|code| {
            assert_eq!(serde_json::to_value(code).unwrap(), json!(code.to_string()));
            code.to_string()
        })
        .collect();
    assert_eq!(codes, ["artifact", "tasks_completed", "approvals"]);
    for grade in Grade::iter() {
        assert_eq!(serde_json::to_value(grade).unwrap(), json!(grade.to_string()));
        assert_eq!(grade.to_string().parse(), Ok(grade));
    }
    assert!(Grade::iter().is_sorted() && Grade::default().to_string() == "self");
}
