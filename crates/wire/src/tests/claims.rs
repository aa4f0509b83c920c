//! What agents send about their work, within its limits.

use phaseline_tasks::FailureClass;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::PartialSchema;
use validator::Validate;

use super::schema;
use crate::{
    CreatedTask, FirstPass, LeaseExtension, NewApproval, NewClaim, NewTask, NewTransition, Task,
    TaskCompletion, TaskFailure,
    schema::{AttemptCount, BudgetTokens, ClaimCount, FencingToken, LeaseSeconds, WaitSeconds},
};

fn fits<T: DeserializeOwned + Validate>(body: Value) -> bool {
    serde_json::from_value::<T>(body).is_ok_and(|body| body.validate().is_ok())
}

/// Holds the bounds of a schema against the rule of a field.
#[track_caller]
fn check<S: PartialSchema, T: DeserializeOwned + Validate>(field: &str, rest: &Value) {
    let schema = schema::<S>();
    let bound = |name: &str| schema[name].as_i64().unwrap();
    let (least, most) = (bound("minimum"), bound("maximum"));
    for (number, fine) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
        let mut body = rest.clone();
        body[field] = json!(number);
        assert_eq!(fits::<T>(body), fine, "{field} {number}");
    }
    let mut body = rest.clone();
    body[field] = serde_json::from_str(&format!("{least}.0")).unwrap();
    assert!(fits::<T>(body), "{field}: a fraction of zero is whole");
}

#[test]
fn numbers_are_within_the_bounds_of_their_schemas() {
    let none = json!({});
    check::<ClaimCount, NewClaim>("max", &none);
    check::<LeaseSeconds, NewClaim>("lease_s", &none);
    check::<WaitSeconds, NewClaim>("wait_s", &none);
    check::<BudgetTokens, NewClaim>("max_tokens", &none);
    check::<AttemptCount, NewTask>("max_attempts", &none);
    check::<LeaseSeconds, LeaseExtension>("lease_s", &json!({ "fencing_token": 1 }));
    check::<FencingToken, LeaseExtension>("fencing_token", &none);
    check::<FencingToken, TaskCompletion>("fencing_token", &json!({ "result": {} }));
    check::<FencingToken, TaskFailure>("fencing_token", &json!({ "error_message": "no" }));
}

#[test]
fn a_claim_that_says_nothing_is_for_one_task_and_five_minutes() {
    let claim: NewClaim = serde_json::from_value(json!({})).unwrap();
    assert_eq!(claim, NewClaim::default());
    assert_eq!(
        serde_json::to_value(claim).unwrap(),
        json!({ "max": 1, "lease_s": 300, "wait_s": 0 })
    );
    assert!(!fits::<NewClaim>(json!({ "maximum": 1 })));
}

#[test]
fn a_failure_is_the_fault_of_the_task_unless_it_says_otherwise() {
    let failure = |json| serde_json::from_value::<TaskFailure>(json).unwrap().failure_class;
    assert_eq!(failure(json!({ "error_message": "no" })), FailureClass::Task);
    let asks = json!({ "error_message": "no", "failure_class": "needs_input" });
    assert_eq!(failure(asks), FailureClass::NeedsInput);
}

#[test]
fn a_task_takes_64_capabilities_at_most() {
    let task = |count: u32| {
        let names: Vec<String> = (0..count).map(|number| format!("c{number}")).collect();
        fits::<NewTask>(json!({ "required_capabilities": names }))
    };
    assert!(task(0) && task(64) && !task(65));
    assert!(!fits::<NewTask>(json!({ "required_capabilities": [" "] })));
}

#[test]
fn whoever_approves_has_a_name_on_one_line() {
    let approval = |name: &str| fits::<NewApproval>(json!({ "approved_by": name }));
    assert!(approval("Amélie 7") && approval(&"x".repeat(200)));
    for name in ["", " ", "a\nb", &"x".repeat(201)] {
        assert!(!approval(name), "{name:?}");
    }
}

#[test]
fn a_move_without_force_says_nothing_of_it() {
    let to = NewTransition::to(phaseline_phases::Phase::Design.id());
    let json = serde_json::to_value(&to).unwrap();
    assert_eq!(json, json!({ "to_phase": "PHASE_DESIGN" }));
    assert!(!fits::<NewTransition>(json!({
        "to_phase": "PHASE_BLOCKED", "blocker": { "kind": "needs_input", "question": " " },
    })));
}

#[test]
fn a_task_that_was_made_is_a_task_with_its_warnings() {
    let time = "1970-01-01T00:00:00.000000Z";
    let json = json!({
        "id": uuid::Uuid::nil(), "ticket_id": uuid::Uuid::nil(), "key": null,
        "phase_id": "PHASE_DESIGN", "task_type": "design", "title": null, "description": "",
        "priority": "MEDIUM", "estimate": null, "agent_type": "worker",
        "required_capabilities": ["rsut"], "status": "pending", "result": null,
        "error_message": null, "depends_on": [], "agent_id": null, "fencing_token": 0,
        "lease_expires_at": null, "available_at": null, "max_attempts": 3, "attempts_used": 0,
        "version": 1, "created_at": time, "updated_at": time, "finished_at": null,
        "finished_by": null,
        "warnings": [{
            "code": "no_capable_agent", "detail": "d", "help": "h", "who": "w",
            "ticket_id": null, "task_id": null, "agent_ids": [], "capabilities": ["rsut"],
            "closest": { "rsut": ["rust"] }, "waits_for": [], "root": null, "until": null,
        }],
    });
    let created: CreatedTask = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(created.warnings[0].closest["rsut"], ["rust"]);
    assert_eq!(serde_json::to_value(&created).unwrap(), json);
    assert_eq!(serde_json::from_value::<Task>(json).unwrap(), created.task);
}

#[test]
fn the_yield_is_null_while_nothing_is_done() {
    let none = FirstPass { finished: 0, without_regression: 0, first_pass_yield: None };
    let json = serde_json::to_value(none).unwrap();
    assert_eq!(json, json!({ "finished": 0, "without_regression": 0, "yield": null }));
}
