//! What a refusal of work says, as its page does.

use chrono::{DateTime, Utc};
use phaseline_phases::{GateFacts, GatePlan, Phase, TaskCounts, gate::evaluate};
use serde_json::{Value, json};

use super::*;
use crate::pages;

const TASK: &str = "01980c2f-7a3e-7c62-b6b8-1f1f6f3b2a10";
const AGENT: &str = "01980c2f-8b1d-7f04-9c35-6d2e8a4b7c19";

fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

fn quarter_past_eight() -> DateTime<Utc> {
    "2026-01-31T08:15:00Z".parse().unwrap()
}

/// The problem that the page of a kind shows.
fn shown(kind: ProblemKind) -> Value {
    let page = pages::of(kind).split("```").nth(1).unwrap();
    serde_json::from_str(page.trim_start_matches("json")).unwrap()
}

#[track_caller]
fn check(error: Error, kind: ProblemKind) {
    let refusal = Refusal::from(error);
    let seen = serde_json::to_value(refusal.problem()).unwrap();
    assert_eq!(seen, shown(kind), "the page of {kind:?} shows something else");
}

#[test]
fn the_page_shows_what_a_lost_lease_is_told() {
    let lost = LeaseLost {
        task: id(TASK),
        given: 3,
        current: 4,
        lost_at: Some(quarter_past_eight()),
        why: format!("its lease ran out at {}", quarter_past_eight()),
    };
    check(Error::LeaseLost(Box::new(lost)), ProblemKind::LeaseLost);
}

#[test]
fn the_page_shows_what_is_told_without_a_lease() {
    let required =
        Error::LeaseRequired { task: id(TASK), agent: id(AGENT), until: quarter_past_eight() };
    check(required, ProblemKind::LeaseRequired);
}

#[test]
fn the_page_shows_what_an_unmet_gate_asks_for_and_no_met_point() {
    let plan = GatePlan::standard();
    let facts = GateFacts {
        evidence: &[],
        tasks: TaskCounts { completed: 2, open: 0, failed: 0 },
        approvals: &[],
        version: 7,
        authors: &[],
    };
    let report = Box::new(evaluate(plan.gate(&Phase::Testing.id()).unwrap(), &facts));
    assert_eq!((report.points.len(), report.unmet().count()), (2, 1));
    let unmet = Error::GateUnmet { ticket: id(TASK), phase: Phase::Testing.id(), report };
    check(unmet, ProblemKind::GateUnmet);
}

#[test]
fn the_page_shows_what_a_ticket_that_is_not_blocked_is_told() {
    let error = Error::NotBlocked { id: id(TASK), phase: Phase::Design.id() };
    check(error, ProblemKind::NotBlocked);
}

#[test]
fn the_page_shows_what_a_circle_is_told() {
    let cycle = vec![TASK.to_owned(), AGENT.to_owned()];
    check(Error::DependencyCycle { cycle }, ProblemKind::DependencyCycle);
}

#[test]
fn the_page_shows_what_a_capacity_in_use_is_told() {
    let error = Error::CapacityInUse { id: id(AGENT), slots_taken: 3, capacity: 2 };
    check(error, ProblemKind::CapacityInUse);
}

#[test]
fn a_field_is_to_blame_where_one_is() {
    for (error, pointer) in [
        (Error::ReasonRequired, "/reason"),
        (Error::ApproverRequired, "/approved_by"),
        (
            Error::NotBlocking { to: Phase::Design.id(), parking: Phase::Blocked.id().to_string() },
            "/blocker",
        ),
    ] {
        let refusal = Refusal::from(error).at("/elsewhere");
        assert_eq!(refusal.kind, ProblemKind::Invalid);
        assert_eq!(refusal.errors()[0].pointer, pointer);
    }
}

#[test]
fn a_condition_that_names_no_version_of_ours_expects_none() {
    let failed = |expected| {
        let error =
            Error::PreconditionFailed { what: Noun::Task, id: id(TASK), expected, current: 7 };
        Value::Object(Refusal::from(error).members)
    };
    assert_eq!(failed(NO_VERSION), json!({ "current_version": 7 }));
    assert_eq!(failed(3), json!({ "current_version": 7, "expected_version": 3 }));
}
