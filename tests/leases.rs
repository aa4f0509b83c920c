//! A lease that has ended gives its task back, and whoever comes late changes nothing.

use chrono::TimeDelta;
use phaseline_engine::Settings;
use serde_json::{Value, json};

use crate::kit::{
    Clock, Http, Server, act, agent, claim, claim_one, done, events_of, eventually, new_task,
    new_ticket, server_at, task, text, worker,
};

#[tokio::test]
async fn a_late_completion_is_refused_and_changes_nothing() {
    let (server, clock) = clocked().await;
    let (_, id) = one_task(&server).await;
    let slow = worker(&server, &["rust"], 1).await;
    let old = claim(&server, &slow, json!({ "lease_s": 5 })).await.remove(0);
    clock.pass(5);
    let problem = act(&server, &old, "complete", done("late")).await.problem(409, "lease-lost");
    assert_eq!(problem["lost_at"], old["lease_expires_at"], "{problem}");
    waits_again(&server, &id).await;

    let quick = worker(&server, &["rust"], 1).await;
    let new = claim_one(&server, &quick).await;
    assert_eq!((&old["fencing_token"], &new["fencing_token"]), (&json!(1), &json!(2)));
    let before = task(&server, &id).await;
    for verb in ["complete", "fail", "extend", "release"] {
        let body = match verb {
            "complete" => done("late"),
            "fail" => json!({ "error_message": "late" }),
            _ => json!({}),
        };
        let problem = act(&server, &old, verb, body).await.problem(409, "lease-lost");
        assert!(text(&problem, "detail").contains("its lease ran out at"), "{problem}");
    }
    assert_eq!(task(&server, &id).await, before);
    act(&server, &new, "complete", done("in time")).await.is(200);
    act(&server, &new, "complete", done("twice")).await.problem(409, "lease-lost");
    assert_eq!(task(&server, &id).await["result"]["summary"], "in time");
    assert_eq!(agent(&server, &slow).await["free_slots"], 1);
    assert_eq!(agent(&server, &quick).await["free_slots"], 1);

    let attempts = server.all(&format!("/tasks/{id}/attempts"), 1).await;
    let outcomes: Vec<_> = attempts.iter().map(|attempt| text(attempt, "outcome")).collect();
    assert_eq!(outcomes, ["expired", "completed"]);
    let kinds = kinds(&server, &format!("tasks/{id}")).await;
    assert_eq!(
        kinds,
        ["task.created", "task.claimed", "task.lease.expired", "task.claimed", "task.completed"]
    );
}

#[tokio::test]
async fn an_extension_keeps_the_task() {
    let (server, clock) = clocked().await;
    let (_, id) = one_task(&server).await;
    let agent = worker(&server, &["rust"], 1).await;
    let item = claim(&server, &agent, json!({ "lease_s": 10 })).await.remove(0);
    for _ in 0..5 {
        clock.pass(8);
        let extended = act(&server, &item, "extend", json!({})).await.is(200).json;
        assert_eq!(extended["status"], "running");
    }
    let longer = act(&server, &item, "extend", json!({ "lease_s": 80 })).await.is(200).json;
    clock.pass(79);
    assert_eq!(task(&server, &id).await["lease_expires_at"], longer["lease_expires_at"]);
    act(&server, &item, "complete", done("done")).await.is(200);
}

#[tokio::test]
async fn what_is_given_back_is_there_at_once() {
    let (server, _) = clocked().await;
    let (_, id) = one_task(&server).await;
    let agent = worker(&server, &["rust"], 1).await;
    let item = claim_one(&server, &agent).await;
    let released = act(&server, &item, "release", json!({ "reason": "lunch" })).await.is(200).json;
    assert_eq!((&released["status"], &released["agent_id"]), (&json!("pending"), &Value::Null));
    let again = claim_one(&server, &agent).await;
    assert_eq!(text(&again["task"], "id"), id);
}

#[tokio::test]
async fn only_the_holder_may_end_a_claimed_task() {
    let (server, _) = clocked().await;
    let (_, id) = one_task(&server).await;
    let agent = worker(&server, &["rust"], 1).await;
    claim_one(&server, &agent).await;
    let path = format!("/tasks/{id}/complete");
    let problem = server.post(&path, done("by hand")).await.problem(409, "lease-required");
    assert_eq!(problem["agent_id"], json!(agent));
    let mut forged = done("forged");
    forged["fencing_token"] = json!(7);
    server.post(&path, forged).await.problem(409, "lease-lost");
    server.post(&format!("/tasks/{id}/cancel"), json!({ "reason": "not needed" })).await.is(200);
    assert_eq!(task(&server, &id).await["status"], "cancelled");
    assert_eq!(self::agent(&server, &agent).await["free_slots"], 1);
}

#[tokio::test]
async fn a_removed_agent_loses_its_tasks_at_once() {
    let (server, _) = clocked().await;
    let (_, id) = one_task(&server).await;
    let agent = worker(&server, &["rust"], 1).await;
    let item = claim_one(&server, &agent).await;
    server.delete(&format!("/agents/{agent}")).await.is(204);
    let now = task(&server, &id).await;
    assert_eq!((&now["status"], &now["agent_id"]), (&json!("pending"), &Value::Null));
    let problem = act(&server, &item, "complete", done("late")).await.problem(409, "lease-lost");
    assert!(text(&problem, "detail").contains("its agent was removed at"), "{problem}");
    assert!(kinds(&server, &format!("tasks/{id}")).await.contains(&"task.agent.lost".to_owned()));
}

#[tokio::test]
async fn an_agent_that_stops_answering_loses_its_tasks() {
    let (server, clock) = clocked().await;
    let (_, id) = one_task(&server).await;
    let silent = worker(&server, &["rust"], 1).await;
    let item = claim(&server, &silent, json!({ "lease_s": 86_400 })).await.remove(0);
    clock.pass(95);
    waits_again(&server, &id).await;
    let problem = act(&server, &item, "complete", done("late")).await.problem(409, "lease-lost");
    assert!(text(&problem, "detail").contains("its agent stopped answering at"), "{problem}");
    assert_eq!(agent(&server, &silent).await["free_slots"], 1);
}

#[tokio::test]
async fn whoever_works_is_alive_without_heartbeats() {
    let (server, clock) = clocked().await;
    let (_, id) = one_task(&server).await;
    let busy = worker(&server, &["rust"], 1).await;
    let item = claim(&server, &busy, json!({ "lease_s": 3600 })).await.remove(0);
    for _ in 0..4 {
        clock.pass(50);
        act(&server, &item, "extend", json!({})).await.is(200);
    }
    assert_eq!(task(&server, &id).await["agent_id"], json!(busy));
    let health = server.get(&format!("/agents/{busy}/health")).await.is(200).json;
    assert_eq!(
        (&health["health_status"], &health["progress"]),
        (&json!("healthy"), &json!("active"))
    );
}

#[tokio::test]
async fn a_task_that_takes_its_agents_down_waits_longer_each_time() {
    let (server, clock) = clocked().await;
    let (_, id) = one_task(&server).await;
    let victim = worker(&server, &["rust"], 1).await;
    for loss in 1..=4 {
        assert_eq!(claim(&server, &victim, json!({ "lease_s": 5 })).await.len(), 1, "loss {loss}");
        clock.pass(5);
        waits_again(&server, &id).await;
        let back_off = !task(&server, &id).await["available_at"].is_null();
        assert_eq!(back_off, loss > 2, "after {loss} losses");
        clock.pass(60);
    }
}

async fn clocked() -> (Server, &'static Clock) {
    let clock = Clock::stopped();
    let sweep_every = TimeDelta::milliseconds(20).to_std().unwrap();
    let settings = Settings { sweep_every, ..Settings::default() };
    (server_at(settings, clock).await, clock)
}

async fn one_task(http: &Http) -> (String, String) {
    let ticket = new_ticket(http, "Work").await;
    let id = new_task(http, &ticket, json!({ "title": "a" })).await;
    (ticket, id)
}

async fn waits_again(http: &Http, id: &str) {
    eventually("the task waits again", || async {
        (task(http, id).await["status"] == "pending").then_some(())
    })
    .await;
}

async fn kinds(http: &Http, subject: &str) -> Vec<String> {
    let events = events_of(http, subject).await;
    events.iter().map(|event| text(event, "type").to_owned()).collect()
}
