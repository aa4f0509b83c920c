//! What a plan of gates is as data, and which ones cannot be.

use phaseline_phases::{
    ArtifactDemand, Criterion, Gate, GatePlan, Grade, Phase, PhaseId, Workflow,
};
use serde_json::{Value, json};

#[test]
fn the_standard_plan_is_data() {
    let plan = GatePlan::standard();
    assert_eq!(plan.validated(Workflow::standard()), Ok(()));
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<GatePlan>(&json).unwrap(), plan);
    let lines: Vec<String> =
        plan.iter().map(|(id, gate)| format!("{id} {}", json!(gate))).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    PHASE_IMPLEMENTATION {"approvals":0,"artifacts":[{"criteria":[],"grade":"self","type":"code_changes"},{"criteria":[{"at_least":80.0,"field":"percentage","kind":"minimum"}],"grade":"self","type":"test_coverage"}],"tasks_completed":true}
    PHASE_REQUIREMENTS {"approvals":0,"artifacts":[{"criteria":[],"grade":"self","type":"requirements_document"}],"tasks_completed":true}
    PHASE_TESTING {"approvals":0,"artifacts":[{"criteria":[{"field":"all_passed","kind":"flag"}],"grade":"self","type":"test_results"}],"tasks_completed":true}
    "#);
}

#[test]
fn a_gate_that_could_not_be_is_refused() {
    let plan = |phase: &str, gate: Value| {
        GatePlan::from_iter([(
            PhaseId::parse(phase).unwrap(),
            serde_json::from_value(gate).unwrap(),
        )])
    };
    let asks = |criterion: Value| {
        let demand = json!({ "type": "doc", "criteria": [criterion] });
        plan("PHASE_DESIGN", json!({ "artifacts": [demand] }))
    };
    // JSON has no infinity, but TOML has.
    let endless = ArtifactDemand {
        kind: "doc".to_owned(),
        criteria: vec![Criterion::Minimum { field: None, at_least: f64::INFINITY }],
        grade: Grade::default(),
    };
    let endless = Gate { artifacts: vec![endless], ..Gate::default() };
    let told = [
        plan("PHASE_LUNCH", json!({})),
        plan("PHASE_DONE", json!({})),
        plan("PHASE_BLOCKED", json!({})),
        plan("PHASE_DESIGN", json!({ "artifacts": [{ "type": " " }] })),
        asks(json!({ "kind": "sections", "required": ["Scope", "**"] })),
        asks(json!({ "kind": "flag", "field": "" })),
        asks(json!({ "kind": "minimum", "field": "", "at_least": 1 })),
        GatePlan::from_iter([(Phase::Design.id(), endless)]),
    ]
    .map(|plan| plan.validated(Workflow::standard()).unwrap_err().to_string());
    insta::assert_snapshot!(told.join("\n"), @r"
    a gate stands at a phase that there is not: PHASE_LUNCH cannot be chosen here: choose one of PHASE_BACKLOG, PHASE_REQUIREMENTS, PHASE_DESIGN, PHASE_IMPLEMENTATION, PHASE_TESTING, PHASE_DEPLOYMENT, PHASE_DONE or PHASE_BLOCKED
    a gate cannot stand at PHASE_DONE: it is an end, which no ticket leaves
    a gate cannot stand at PHASE_BLOCKED: tickets wait there and do no work
    the gate of PHASE_DESIGN asks for an artifact without saying of which type
    the gate of PHASE_DESIGN asks doc for a section or member without a name
    the gate of PHASE_DESIGN asks doc for a section or member without a name
    the gate of PHASE_DESIGN asks doc for a section or member without a name
    the gate of PHASE_DESIGN asks doc for at least inf, which is no number
    ");
    for fine in [
        plan("PHASE_BACKLOG", json!({ "approvals": 1 })),
        asks(json!({ "kind": "minimum", "at_least": -1 })),
        asks(json!({ "kind": "min_length", "chars": 0 })),
        asks(json!({ "kind": "sections", "required": [] })),
    ] {
        assert_eq!(fine.validated(Workflow::standard()), Ok(()), "{fine:?}");
    }
}

#[test]
fn a_misspelt_field_of_a_gate_is_refused() {
    for misspelt in [
        json!({ "approval": 1 }),
        json!({ "artifacts": [{ "type": "doc", "grades": "ci" }] }),
        json!({ "artifacts": [{ "type": "doc", "grade": "self_reported" }] }),
        json!({ "artifacts": [{ "grade": "ci" }] }),
        json!({ "artifacts": [{ "type": "doc", "criteria": [{ "kind": "min_length", "chars": 1, "words": 1 }] }] }),
        json!({ "artifacts": [{ "type": "doc", "criteria": [{ "kind": "length", "chars": 1 }] }] }),
    ] {
        assert!(serde_json::from_value::<Gate>(misspelt.clone()).is_err(), "{misspelt}");
    }
}
