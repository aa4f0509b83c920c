//! A phase whose gate is on is left when what it asks for is there.

use phaseline_engine::{FlowDefaults, Settings};
use phaseline_phases::GatePlan;
use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::{
    Clock, Http, Reply, Server, done, enter, events_of, history, new_task, server, server_at, text,
    ticket, transition,
};

#[tokio::test]
async fn an_unmet_gate_says_what_is_missing_and_who_may_bring_it() {
    let server = server().await;
    let id = gated(&server).await;
    enter(&server, &id, &["PHASE_REQUIREMENTS"]).await;
    let before = ticket(&server, &id).await;
    let problem = transition(&server, &id, "PHASE_DESIGN").await.problem(422, "gate-unmet");
    let unmet = problem["unmet"].as_array().unwrap();
    assert!(
        unmet.iter().any(|point| point["artifact_type"] == "requirements_document"),
        "{problem}"
    );
    assert!(unmet.iter().all(|point| !text(point, "satisfied_by").is_empty()), "{problem}");
    assert_eq!(ticket(&server, &id).await, before, "nothing changed");

    let gate = server.get(&format!("/tickets/{id}/gate")).await.is(200).json;
    assert_eq!((&gate["met"], &gate["enabled"]), (&json!(false), &json!(true)));
    let document = json!({ "type": "requirements_document", "content": "# Scope\nAll of it." });
    let added = server.create(&format!("/tickets/{id}/artifacts"), document).await;
    assert_eq!(
        (&added["phase_id"], &added["grade"]),
        (&json!("PHASE_REQUIREMENTS"), &json!("self"))
    );
    let asked = new_task(&server, &id, json!({})).await;
    transition(&server, &id, "PHASE_DESIGN").await.problem(422, "gate-unmet");
    server.post(&format!("/tasks/{asked}/complete"), done("asked")).await.is(200);
    assert_eq!(server.get(&format!("/tickets/{id}/gate")).await.is(200).json["met"], true);
    transition(&server, &id, "PHASE_DESIGN").await.is(200);
}

#[tokio::test]
async fn the_figures_of_an_artifact_are_read() {
    let server = server().await;
    let id = gated(&server).await;
    let body = json!({ "to_phase": "PHASE_REQUIREMENTS" });
    server.post(&format!("/tickets/{id}/transition"), body).await.is(200);
    for to in ["PHASE_DESIGN", "PHASE_IMPLEMENTATION"] {
        force(&server, &id, to).await.is(200);
    }
    let coverage = |percentage: u32| {
        json!([
            { "type": "code_changes", "path": "src" },
            { "type": "test_coverage", "content": { "percentage": percentage } },
        ])
    };
    let path = format!("/tickets/{id}/transition");
    let with =
        |percentage| json!({ "to_phase": "PHASE_TESTING", "artifacts": coverage(percentage) });
    let task = new_task(&server, &id, json!({})).await;
    server.post(&format!("/tasks/{task}/complete"), done("coded")).await.is(200);
    let problem = server.post(&path, with(79)).await.problem(422, "gate-unmet");
    assert_eq!(problem["unmet"].as_array().unwrap().len(), 1, "{problem}");
    assert!(text(&problem["unmet"][0], "found").contains("79"), "{problem}");
    server.post(&path, with(80)).await.is(200);
}

#[tokio::test]
async fn force_passes_with_a_reason_and_is_recorded_as_forced() {
    let server = server().await;
    let id = gated(&server).await;
    enter(&server, &id, &["PHASE_REQUIREMENTS"]).await;
    let path = format!("/tickets/{id}/transition");
    let bare = json!({ "to_phase": "PHASE_DESIGN", "force": true });
    let problem = server.post(&path, bare).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/reason", "{problem}");
    let moved = force(&server, &id, "PHASE_DESIGN").await.is(200).json;
    assert_eq!(moved["forced"], true);
    let rows = history(&server, &id).await;
    let forced: Vec<_> = rows.iter().map(|row| &row["forced"]).collect();
    assert_eq!(forced, [&json!(false), &json!(false), &json!(true)]);
    let unneeded = force(&server, &id, "PHASE_IMPLEMENTATION").await.is(200).json;
    assert_eq!(unneeded["forced"], false, "design has no gate to force");
}

#[tokio::test]
async fn approvals_hold_for_the_version_that_was_approved_and_not_by_an_author() {
    let server = approving().await;
    let id = gated(&server).await;
    enter(&server, &id, &["PHASE_REQUIREMENTS", "PHASE_DESIGN"]).await;
    let path = format!("/tickets/{id}/approvals");
    server.post(&path, json!({})).await.problem(422, "invalid");
    let approve = |by: &'static str| {
        let request = server.request(Method::POST, &path).header("phaseline-actor", by);
        request.json(json!({ "comment": "fine" })).send()
    };
    approve("author").await.is(201);
    approve("bob").await.is(201);
    approve("bob").await.is(201);
    let problem = transition(&server, &id, "PHASE_IMPLEMENTATION").await.problem(422, "gate-unmet");
    assert_eq!(problem["unmet"].as_array().unwrap().len(), 1, "bob counts once, the author not");
    server.patch(&format!("/tickets/{id}"), json!({ "title": "Changed" })).await.is(200);
    approve("cem").await.is(201);
    transition(&server, &id, "PHASE_IMPLEMENTATION").await.problem(422, "gate-unmet");
    let all = server.all(&path, 2).await;
    let standing: Vec<_> = all.iter().filter(|row| row["stands"] == true).collect();
    assert_eq!(
        (all.len(), standing.len()),
        (4, 1),
        "a later change voids what was approved before"
    );
    approve("bob").await.is(201);
    transition(&server, &id, "PHASE_IMPLEMENTATION").await.is(200);
}

#[tokio::test]
async fn evidence_that_nobody_who_approved_has_seen_does_not_count() {
    let plan: GatePlan = serde_json::from_value(json!({
        "PHASE_REQUIREMENTS": { "approvals": 1, "artifacts": [{ "type": "requirements_document" }] },
    }))
    .unwrap();
    let server =
        server_at(Settings { gate_plan: plan, ..Settings::default() }, Clock::stopped()).await;
    let id = gated(&server).await;
    enter(&server, &id, &["PHASE_REQUIREMENTS"]).await;
    let document = json!({ "type": "requirements_document", "content": "All of it." });
    let approve = json!({ "approved_by": "bob" });
    server.create(&format!("/tickets/{id}/approvals"), approve.clone()).await;
    let path = format!("/tickets/{id}/transition");
    let brought = json!({ "to_phase": "PHASE_DESIGN", "artifacts": [document] });
    server.post(&path, brought).await.problem(422, "gate-unmet");
    server.create(&format!("/tickets/{id}/artifacts"), document).await;
    transition(&server, &id, "PHASE_DESIGN").await.problem(422, "gate-unmet");
    server.create(&format!("/tickets/{id}/approvals"), approve).await;
    transition(&server, &id, "PHASE_DESIGN").await.is(200);
}

#[tokio::test]
async fn work_that_is_completed_after_an_approval_was_not_approved() {
    let clock = Clock::stopped();
    let server = approving_at(clock).await;
    let id = gated(&server).await;
    for to in ["PHASE_REQUIREMENTS", "PHASE_DESIGN"] {
        force(&server, &id, to).await.is(200);
    }
    let task = new_task(&server, &id, json!({})).await;
    let approve = async |by: &str| {
        server.create(&format!("/tickets/{id}/approvals"), json!({ "approved_by": by })).await
    };
    let met = async || {
        server.get(&format!("/tickets/{id}/gate")).await.is(200).json["met"] == json!(true)
    };
    approve("bob").await;
    approve("cem").await;
    clock.pass(1);
    server.post(&format!("/tasks/{task}/complete"), done("never seen by them")).await.is(200);
    assert!(!met().await);
    clock.pass(1);
    approve("bob").await;
    approve(" BOB ").await;
    assert!(!met().await, "one person, however the name is written");
    approve("cem").await;
    assert!(met().await);
}

#[tokio::test]
async fn evidence_must_be_of_the_grade_asked_for() {
    let server = approving().await;
    let id = gated(&server).await;
    enter(&server, &id, &["PHASE_REQUIREMENTS"]).await;
    for to in ["PHASE_DESIGN", "PHASE_IMPLEMENTATION", "PHASE_TESTING"] {
        force(&server, &id, to).await.is(200);
    }
    let report = |grade: &str| json!({ "type": "test_results", "grade": grade, "content": true });
    let path = format!("/tickets/{id}/artifacts");
    for grade in ["self", "peer"] {
        server.create(&path, report(grade)).await;
        transition(&server, &id, "PHASE_DEPLOYMENT").await.problem(422, "gate-unmet");
    }
    server.create(&path, report("ci")).await;
    transition(&server, &id, "PHASE_DEPLOYMENT").await.is(200);
    assert_eq!(server.all(&path, 1).await.len(), 3);
}

#[tokio::test]
async fn gates_are_off_unless_switched_on() {
    let server = server().await;
    let id = text(&server.create("/tickets", json!({ "title": "Free" })).await, "id").to_owned();
    enter(&server, &id, &["PHASE_REQUIREMENTS", "PHASE_DESIGN"]).await;
    let clock = Clock::stopped();
    let flow = FlowDefaults { gates: true, ..FlowDefaults::default() };
    let strict = server_at(Settings { flow, ..Settings::default() }, clock).await;
    let on = text(&strict.create("/tickets", json!({ "title": "Strict" })).await, "id").to_owned();
    let body = json!({ "title": "Free", "gates": false });
    let off = text(&strict.create("/tickets", body).await, "id").to_owned();
    enter(&strict, &on, &["PHASE_REQUIREMENTS"]).await;
    enter(&strict, &off, &["PHASE_REQUIREMENTS", "PHASE_DESIGN"]).await;
    transition(&strict, &on, "PHASE_DESIGN").await.problem(422, "gate-unmet");
    strict.patch(&format!("/tickets/{on}"), json!({ "gates": false })).await.is(200);
    transition(&strict, &on, "PHASE_DESIGN").await.is(200);
}

#[tokio::test]
async fn a_gate_that_keeps_a_ticket_is_announced_and_what_meets_it_lets_it_go() {
    let server = server().await;
    let body = json!({ "title": "By itself", "gates": true, "auto_advance": true });
    let id = text(&server.create("/tickets", body).await, "id").to_owned();
    enter(&server, &id, &["PHASE_REQUIREMENTS"]).await;
    let task = new_task(&server, &id, json!({})).await;
    server.post(&format!("/tasks/{task}/complete"), done("asked")).await.is(200);
    assert_eq!(ticket(&server, &id).await["phase_id"], "PHASE_REQUIREMENTS");
    let events = events_of(&server, &format!("tickets/{id}")).await;
    assert!(events.iter().any(|event| event["type"] == "ticket.gate.unmet"), "{events:?}");
    let document = json!({ "type": "requirements_document", "content": "All of it." });
    server.create(&format!("/tickets/{id}/artifacts"), document).await;
    assert_eq!(ticket(&server, &id).await["phase_id"], "PHASE_DESIGN");
}

/// A server whose design wants two approvals, and whose tests must come from CI.
async fn approving() -> Server {
    approving_at(Clock::stopped()).await
}

async fn approving_at(clock: &'static Clock) -> Server {
    let plan: GatePlan = serde_json::from_value(json!({
        "PHASE_DESIGN": { "approvals": 2 },
        "PHASE_TESTING": { "artifacts": [{
            "type": "test_results", "grade": "ci",
            "criteria": [{ "kind": "flag", "field": "all_passed" }],
        }] },
        "PHASE_REQUIREMENTS": {},
        "PHASE_IMPLEMENTATION": {},
    }))
    .unwrap();
    server_at(Settings { gate_plan: plan, ..Settings::default() }, clock).await
}

/// A ticket with gates, made by `author`.
async fn gated(http: &Http) -> String {
    let request = http.request(Method::POST, "/tickets").header("phaseline-actor", "author");
    let made = request.json(json!({ "title": "Gated", "gates": true })).send().await.is(201).json;
    text(&made, "id").to_owned()
}

async fn force(http: &Http, ticket: &str, to: &str) -> Reply {
    let body: Value = json!({ "to_phase": to, "force": true, "reason": "it is urgent" });
    http.post(&format!("/tickets/{ticket}/transition"), body).await
}
