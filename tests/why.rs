//! Why something does not move: the true cause, with what would help.

use phaseline_engine::Settings;
use serde_json::{Value, json};

use crate::kit::{
    Clock, Http, act, claim_one, done, enter, new_task, new_ticket, server, server_at, text,
    transition, worker,
};

#[tokio::test]
async fn a_task_that_nobody_could_do_says_so_when_it_is_made() {
    let server = server().await;
    let id = new_ticket(&server, "Work").await;
    worker(&server, &["postgresql", "rust"], 1).await;
    let path = format!("/tickets/{id}/tasks");
    let body = json!({ "required_capabilities": ["postgresq", "rust"] });
    let made = server.create(&path, body).await;
    let warning = &made["warnings"][0];
    assert_eq!(warning["code"], "no_capable_agent", "{made}");
    assert_eq!(warning["closest"]["postgresq"][0], "postgresql", "{warning}");
    let possible = server.create(&path, json!({ "required_capabilities": ["rust"] })).await;
    assert_eq!(possible["warnings"], json!([]));
    for address in [format!("/tasks/{}/why", text(&made, "id")), format!("/tickets/{id}/why")] {
        assert!(
            codes(&server, &address).await.contains(&"no_capable_agent".to_owned()),
            "{address}"
        );
    }
}

#[tokio::test]
async fn every_way_to_be_stuck_has_its_cause() {
    let clock = Clock::stopped();
    let server = server_at(Settings::default(), clock).await;
    let first = new_ticket(&server, "First").await;
    let a =
        new_task(&server, &first, json!({ "title": "a", "required_capabilities": ["rust"] })).await;
    let b = new_task(&server, &first, json!({ "title": "b", "depends_on": [a] })).await;
    let t = new_task(&server, &first, json!({ "title": "t", "phase_id": "PHASE_TESTING" })).await;
    let body = json!({ "title": "Second", "blocked_by": [first] });
    let second = text(&server.create("/tickets", body).await, "id").to_owned();
    let c = new_task(&server, &second, json!({ "title": "c" })).await;
    check(&server, &a, "no_capable_agent").await;
    let agent = worker(&server, &["rust"], 1).await;
    check(&server, &a, "ready").await;
    check(&server, &b, "waits_for_task").await;
    check(&server, &t, "earlier_phase_open").await;
    check(&server, &c, "waits_for_ticket").await;

    let item = claim_one(&server, &agent).await;
    check(&server, &a, "leased").await;
    let busy = new_task(&server, &first, json!({ "required_capabilities": ["rust"] })).await;
    check(&server, &busy, "capable_agents_busy").await;
    let failed = json!({ "error_message": "no network", "failure_class": "transient" });
    act(&server, &item, "fail", failed).await.is(200);
    check(&server, &a, "backing_off").await;
    server.post(&format!("/agents/{agent}/drain"), json!({})).await.is(200);
    check(&server, &busy, "capable_agents_busy").await;
    server.post(&format!("/agents/{agent}/resume"), json!({})).await.is(200);

    transition(&server, &first, "PHASE_BLOCKED").await.is(200);
    check(&server, &busy, "blocked").await;
    let stuck = codes(&server, &format!("/tickets/{first}/why")).await;
    assert!(stuck.contains(&"blocked".to_owned()), "{stuck:?}");
    server.post(&format!("/tickets/{first}/answer"), json!({ "answer": "go" })).await.is(200);
    enter(&server, &first, &["PHASE_REQUIREMENTS"]).await;
    check(&server, &t, "phase_not_reached").await;
    let all = server.all("/why", 1).await;
    let told: Vec<&str> = all.iter().map(|why| text(why, "ticket_id")).collect();
    assert!(told.contains(&&*first) && told.contains(&&*second), "{all:?}");
}

#[tokio::test]
async fn a_task_without_attempts_and_a_phase_without_tasks_are_told() {
    let clock = Clock::stopped();
    let server = server_at(Settings::default(), clock).await;
    let id = new_ticket(&server, "Work").await;
    let stuck = codes(&server, &format!("/tickets/{id}/why")).await;
    assert!(stuck.contains(&"no_tasks".to_owned()), "{stuck:?}");
    let task = new_task(&server, &id, json!({ "max_attempts": 1 })).await;
    let agent = worker(&server, &["rust"], 1).await;
    let item = claim_one(&server, &agent).await;
    act(&server, &item, "fail", json!({ "error_message": "it broke" })).await.is(200);
    check(&server, &task, "attempts_used_up").await;
    server.post(&format!("/tickets/{id}/answer"), json!({ "answer": "again" })).await.is(200);
    let item = claim_one(&server, &agent).await;
    act(&server, &item, "complete", done("done")).await.is(200);
    check(&server, &task, "done").await;
    let stuck = codes(&server, &format!("/tickets/{id}/why")).await;
    assert!(stuck.contains(&"not_advanced".to_owned()), "{stuck:?}");
}

#[tokio::test]
async fn an_unmet_gate_is_the_cause() {
    let server = server().await;
    let body = json!({ "title": "Gated", "gates": true });
    let id = text(&server.create("/tickets", body).await, "id").to_owned();
    enter(&server, &id, &["PHASE_REQUIREMENTS"]).await;
    let task = new_task(&server, &id, json!({})).await;
    server.post(&format!("/tasks/{task}/complete"), done("asked")).await.is(200);
    let stuck = codes(&server, &format!("/tickets/{id}/why")).await;
    assert!(stuck.contains(&"gate_unmet".to_owned()), "{stuck:?}");
}

async fn check(http: &Http, task: &str, code: &str) {
    let address = format!("/tasks/{task}/why");
    let codes = codes(http, &address).await;
    assert!(codes.contains(&code.to_owned()), "{code} is not among {codes:?}");
}

async fn codes(http: &Http, address: &str) -> Vec<String> {
    let why = http.get(address).await.is(200).json;
    let causes = why["causes"].as_array().unwrap();
    let told = |cause: &Value| {
        let sentence = text(cause, "detail");
        assert!(sentence.len() > 10 && !text(cause, "help").is_empty(), "{cause}");
        text(cause, "code").to_owned()
    };
    causes.iter().map(told).collect()
}
