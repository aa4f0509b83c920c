//! What the schemas say is what the rules do, and what goes out comes back in.

use serde_json::{Value, json};
use utoipa::{PartialSchema, openapi::RefOr};
use validator::Validate;

use crate::{
    AgentPatch, Backlog, Findings, LeaseExtension, NewAnswer, NewApproval, NewClaim, NewTask,
    NewTicket, NewTicketArtifact, NewTransition, Problem, TaskCancellation, TaskCompletion,
    TaskFailure, TaskRelease, TaskResult, TicketPatch, limits,
};

mod claims;

fn schema<T: PartialSchema>() -> Value {
    let RefOr::T(schema) = T::schema() else { return Value::Null };
    serde_json::to_value(schema).unwrap()
}

#[track_caller]
fn check_items(schema: &Value, field: &str, most: u64) {
    assert_eq!(schema["properties"][field]["maxItems"], most, "{field}");
}

#[test]
fn lists_of_objects_have_the_limit_of_their_rule() {
    check_items(&schema::<NewTransition>(), "artifacts", limits::ARTIFACTS);
    check_items(&schema::<TaskResult>(), "artifacts", limits::ARTIFACTS);
    check_items(&schema::<Findings>(), "supersedes", limits::FINDINGS);
    check_items(&schema::<Backlog>(), "tickets", limits::BACKLOG_TICKETS);
    check_items(&schema::<Backlog>(), "tasks", limits::BACKLOG_TASKS);
}

#[test]
fn requests_are_closed_and_name_what_they_need() {
    for (schema, required) in [
        (schema::<NewTicket>(), json!(["title"])),
        (schema::<NewTask>(), Value::Null),
        (schema::<TicketPatch>(), Value::Null),
        (schema::<AgentPatch>(), Value::Null),
        (schema::<NewTransition>(), json!(["to_phase"])),
        (schema::<NewClaim>(), Value::Null),
        (schema::<LeaseExtension>(), json!(["fencing_token"])),
        (schema::<TaskRelease>(), json!(["fencing_token"])),
        (schema::<TaskCompletion>(), json!(["result"])),
        (schema::<TaskFailure>(), json!(["error_message"])),
        (schema::<TaskCancellation>(), Value::Null),
        (schema::<NewTicketArtifact>(), json!(["type"])),
        (schema::<NewApproval>(), Value::Null),
        (schema::<NewAnswer>(), json!(["answer"])),
    ] {
        assert_eq!(schema["additionalProperties"], false, "{schema}");
        assert_eq!(schema["required"], required, "{schema}");
    }
}

#[test]
fn a_patch_tells_absent_from_null() {
    let patch = |json: &str| serde_json::from_str::<TicketPatch>(json);
    assert_eq!(patch("{}").unwrap().estimate, None);
    assert_eq!(patch(r#"{ "estimate": null }"#).unwrap().estimate, Some(None));
    assert!(patch(r#"{ "title": null }"#).is_err());
    let taken_away = TicketPatch { estimate: Some(None), ..TicketPatch::default() };
    assert_eq!(serde_json::to_string(&taken_away).unwrap(), r#"{"estimate":null}"#);
    assert_eq!(patch(r#"{ "gates": null }"#).unwrap().gates, Some(None));
    assert_eq!(patch(r#"{ "gates": false }"#).unwrap().gates, Some(Some(false)));
}

#[test]
fn a_title_is_one_to_200_characters_and_not_blank() {
    for (title, fine) in [
        (String::new(), false),
        (" ".to_owned(), false),
        ("x".to_owned(), true),
        ("\u{e9}".repeat(200), true),
        ("x".repeat(201), false),
    ] {
        let ticket = NewTicket { title, ..NewTicket::default() };
        assert_eq!(ticket.validate().is_ok(), fine, "{}", ticket.title);
    }
}

#[test]
fn a_dependency_is_named_once() {
    let id = uuid::Uuid::nil();
    let task = |depends_on| NewTask { depends_on, ..NewTask::default() };
    assert!(task(vec![id]).validate().is_ok());
    assert!(task(vec![id, id]).validate().is_err());
}

#[test]
fn members_of_a_problem_survive_the_way() {
    let json = json!({
        "type": "/problems/stale",
        "title": "Stale",
        "status": 409,
        "detail": "Ticket 7 was changed.",
        "current_version": 4,
    });
    let problem: Problem = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(problem.extensions["current_version"], 4);
    assert_eq!(serde_json::to_value(problem).unwrap(), json);
}
