//! What is sent again after which failure, and with what.

use std::time::{Duration, Instant};

use phaseline_wire::{
    LeaseExtension, NewAnswer, NewApproval, NewClaim, NewTicket, TaskCancellation, TaskCompletion,
    TaskRelease, TicketPatch,
};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    Page, TaskSearch, TicketQuery, Wanted,
    kit::{Heard, Turn, json as answer, problem, serve},
};

const UNAVAILABLE: Turn = Turn::Answer(503, "", String::new());

fn well() -> Turn {
    answer(200, &json!({ "status": "ok" }))
}

/// The first lines of the requests that the server heard.
fn lines(heard: &mut Heard) -> Vec<String> {
    std::iter::from_fn(|| heard.try_recv().ok()).map(|asked| asked.line).collect()
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let full = Turn::Answer(503, "retry-after: 1\r\n", String::new());
    let (client, mut heard) = serve([full, well()]).await;
    let start = Instant::now();
    client.probes().ready().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(lines(&mut heard), ["GET /readyz", "GET /readyz"]);
}

#[tokio::test]
async fn a_refusal_is_final() {
    for (status, name) in [(409, "stale"), (412, "precondition-failed"), (500, "internal")] {
        let (client, mut heard) = serve([problem(status, name), well()]).await;
        let error = client.probes().live().await.unwrap_err();
        assert_eq!((error.status(), error.kind()), (Some(status), Some(name)));
        assert_eq!(lines(&mut heard).len(), 1);
    }
}

#[tokio::test]
async fn a_post_keeps_its_key_and_another_has_another() {
    let refused = || problem(422, "invalid");
    let (client, mut heard) =
        serve([UNAVAILABLE, Turn::HangUp, problem(429, "too-many-requests"), refused(), refused()])
            .await;
    let new = NewTicket { title: "Rotate the keys".to_owned(), ..NewTicket::default() };
    client.tickets().create(&new).await.unwrap_err();
    client.tickets().create(&new).await.unwrap_err();
    let asked: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
    let keys: Vec<_> = asked.iter().map(|asked| asked.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys[..4], [keys[0]; 4]);
    assert_ne!(keys[4], keys[0]);
    assert_eq!(asked[3].header("phaseline-actor"), Some("amy"));
    assert_eq!(asked[3].body, asked[0].body);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_repeated_under_its_key() {
    let some = answer(200, &json!({ "items": [], "reason": "no pending task is ready" }));
    let (client, mut heard) = serve([Turn::HangUp, some]).await;
    let claim = NewClaim { max: 2, ..NewClaim::default() };
    let claims = client.agents().claim(Uuid::nil(), &claim).await.unwrap();
    assert_eq!(claims.reason.as_deref(), Some("no pending task is ready"));
    let asked: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
    assert_eq!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
    assert!(asked[0].header("idempotency-key").is_some());
    assert_eq!(asked[1].body, r#"{"max":2,"lease_s":300,"wait_s":0}"#);
}

#[test]
fn a_try_of_a_claim_may_take_as_long_as_it_waits_and_the_usual_time_more() {
    let usual = Duration::from_secs(7);
    let client = Client::builder("http://host").timeout(usual).build().unwrap();
    let timeout = |wait_s| {
        let claim = NewClaim { wait_s, ..NewClaim::default() };
        client.agents().claim(Uuid::nil(), &claim).timeout
    };
    assert_eq!(timeout(0), usual);
    assert_eq!(timeout(30), usual + Duration::from_secs(30));
}

#[tokio::test]
async fn a_late_completion_is_told_why_and_not_repeated() {
    let lost = json!({
        "type": "/problems/lease-lost", "title": "Lease lost", "status": 409, "detail": "It is.",
        "current_fencing_token": 4,
    });
    let (client, mut heard) = serve([answer(409, &lost), well()]).await;
    let done = TaskCompletion { fencing_token: Some(3), ..TaskCompletion::default() };
    let error = client.tasks().complete(Uuid::nil(), &done).await.unwrap_err();
    assert_eq!(error.kind(), Some("lease-lost"));
    assert_eq!(error.problem().unwrap().extensions["current_fencing_token"], 4);
    let asked: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].body.starts_with(r#"{"fencing_token":3,"result":"#), "{}", asked[0].body);
}

#[tokio::test]
async fn each_route_of_work_has_its_path() {
    let refused = || problem(400, "x");
    let (client, mut heard) = serve((0..16).map(|_| refused())).await;
    let (id, page) = (Uuid::nil(), Page::default());
    let (tasks, tickets, agents) = (client.tasks(), client.tickets(), client.agents());
    let held = TaskSearch { agent_id: Some(id), ..TaskSearch::default() };
    let extension = LeaseExtension { fencing_token: 3, lease_s: None };
    let release = TaskRelease { fencing_token: 3, reason: None };
    let answer = NewAnswer { answer: "Dublin".to_owned(), to_phase: None };
    tasks.search(&held).await.unwrap_err();
    tasks.attempts(id, &page).await.unwrap_err();
    tasks.why(id).await.unwrap_err();
    tasks.extend(id, &extension).await.unwrap_err();
    tasks.release(id, &release).await.unwrap_err();
    tasks.cancel(id, &TaskCancellation::default()).await.unwrap_err();
    tasks.retry(id).await.unwrap_err();
    tickets.gate(id, Some(&phaseline_phases::Phase::Design.id())).await.unwrap_err();
    tickets.artifacts(id, &page).await.unwrap_err();
    tickets.approve(id, &NewApproval::default()).await.unwrap_err();
    tickets.answer(id, &answer).await.unwrap_err();
    tickets.why(id).await.unwrap_err();
    agents.drain(id).await.unwrap_err();
    agents.resume(id).await.unwrap_err();
    client.flow().why(&page).await.unwrap_err();
    client.flow().statistics().await.unwrap_err();
    let lines = lines(&mut heard).join("\n").replace(&id.to_string(), "ID");
    let expected = [
        "GET /api/v1/tasks?agent_id=ID",
        "GET /api/v1/tasks/ID/attempts",
        "GET /api/v1/tasks/ID/why",
        "POST /api/v1/tasks/ID/extend",
        "POST /api/v1/tasks/ID/release",
        "POST /api/v1/tasks/ID/cancel",
        "POST /api/v1/tasks/ID/retry",
        "GET /api/v1/tickets/ID/gate?phase_id=PHASE_DESIGN",
        "GET /api/v1/tickets/ID/artifacts",
        "POST /api/v1/tickets/ID/approvals",
        "POST /api/v1/tickets/ID/answer",
        "GET /api/v1/tickets/ID/why",
        "POST /api/v1/agents/ID/drain",
        "POST /api/v1/agents/ID/resume",
        "GET /api/v1/why",
        "GET /api/v1/statistics",
    ];
    assert_eq!(lines, expected.join("\n"));
}

#[tokio::test]
async fn tries_are_counted() {
    let (client, mut heard) = serve(vec![UNAVAILABLE; 9]).await;
    let error = client.probes().live().await.unwrap_err();
    assert_eq!(error.status(), Some(503));
    assert_eq!(lines(&mut heard).len(), 5);
}

#[tokio::test]
async fn a_patch_is_sent_again_only_under_a_condition() {
    let patch = TicketPatch::default();
    let (client, mut heard) = serve([UNAVAILABLE, problem(412, "precondition-failed")]).await;
    let edit = || client.tickets().edit(Uuid::nil(), &patch);
    assert_eq!(edit().await.unwrap_err().status(), Some(503));
    assert_eq!(edit().if_match(7).await.unwrap_err().status(), Some(412));
    let asked: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
    assert_eq!(asked[0].header("if-match"), None);
    assert_eq!(asked[1].header("if-match"), Some("\"7\""));
}

#[tokio::test]
async fn a_delete_whose_answer_was_lost_may_find_nothing() {
    let (client, _heard) = serve([Turn::HangUp, problem(404, "not-found")]).await;
    client.tickets().delete(Uuid::nil()).await.unwrap();

    // Here the server did answer, so nothing was deleted by this request.
    let (client, _heard) = serve([UNAVAILABLE, problem(404, "not-found")]).await;
    assert!(client.tickets().delete(Uuid::nil()).await.unwrap_err().is_gone());
}

#[tokio::test]
async fn an_answer_of_somebody_else_is_told_apart() {
    let (client, _heard) = serve([Turn::Answer(302, "location: /login\r\n", String::new())]).await;
    assert!(matches!(client.probes().live().await, Err(Error::Foreign { status: 302 })));
    let (client, _heard) = serve([Turn::Answer(200, "", "<html>".to_owned())]).await;
    assert!(matches!(client.probes().live().await, Err(Error::Decode(_))));
}

#[tokio::test]
async fn parameters_are_repeated_and_escaped() {
    let (client, mut heard) = serve([problem(400, "x"), problem(400, "x")]).await;
    let parse = |text| phaseline_registry::Capability::parse(text).unwrap();
    let wanted = Wanted {
        capabilities: vec![parse("c++"), parse("code review")],
        limit: Some(3),
        ..Wanted::default()
    };
    client.fleet().search(&wanted).await.unwrap_err();
    let query = TicketQuery {
        phase_id: Some(phaseline_phases::Phase::Design.id()),
        priority: Some(phaseline_tasks::Priority::High),
        ..TicketQuery::default()
    };
    client.tickets().list(&query).await.unwrap_err();
    assert_eq!(
        lines(&mut heard),
        [
            "GET /api/v1/agents/search?capabilities=c%2B%2B&capabilities=code+review&limit=3",
            "GET /api/v1/tickets?phase_id=PHASE_DESIGN&priority=HIGH",
        ]
    );
}
