//! An agent gets the best work that it is able and free to do, with all that it needs to know.

use std::time::{Duration, Instant};

use phaseline_engine::{
    Engine, Settings, Sources,
    claims::{self, Ask},
};
use serde_json::{Value, json};

use crate::kit::{
    Http, act, agent, claim, claim_one, done, enter, events_of, new_task, new_ticket, server, task,
    text, transition, worker,
};

#[tokio::test]
async fn the_most_urgent_comes_first_and_then_the_oldest() {
    let server = server().await;
    let ticket = new_ticket(&server, "Work").await;
    for (title, priority) in [("c", "LOW"), ("b", "HIGH"), ("b2", "HIGH"), ("a", "CRITICAL")] {
        new_task(&server, &ticket, json!({ "title": title, "priority": priority })).await;
    }
    let agent = worker(&server, &["rust"], 10).await;
    let got = claim(&server, &agent, json!({ "max": 3 })).await;
    assert_eq!(titles(&got), ["a", "b", "b2"]);
    assert_eq!(titles(&claim(&server, &agent, json!({ "max": 3 })).await), ["c"]);
}

#[tokio::test]
async fn only_what_fits_the_agent_is_given_to_it() {
    let server = server().await;
    let ticket = new_ticket(&server, "Work").await;
    let work = [
        json!({ "title": "rust", "required_capabilities": ["rust"] }),
        json!({ "title": "both", "required_capabilities": ["rust", "sql"] }),
        json!({ "title": "watch", "agent_type": "monitor" }),
        json!({ "title": "any" }),
    ];
    for body in work {
        new_task(&server, &ticket, body).await;
    }
    let rust = worker(&server, &["Rust"], 10).await;
    assert_eq!(titles(&claim(&server, &rust, json!({ "max": 10 })).await), ["rust", "any"]);
    let tester = json!({
        "agent_type": "worker", "capabilities": ["rust", "sql"], "phase_id": "PHASE_TESTING",
    });
    let tester = server.create("/agents/register", tester).await;
    assert!(claim(&server, text(&tester, "agent_id"), json!({})).await.is_empty());
    let both = worker(&server, &["sql", "rust", "go"], 10).await;
    assert_eq!(titles(&claim(&server, &both, json!({ "max": 10 })).await), ["both"]);
    let monitor = json!({ "agent_type": "monitor", "capabilities": ["eyes"] });
    let monitor = server.create("/agents/register", monitor).await;
    let got = claim(&server, text(&monitor, "agent_id"), json!({})).await;
    assert_eq!(titles(&got), ["watch"]);
}

#[tokio::test]
async fn what_waits_for_something_is_not_given() {
    let server = server().await;
    let first = new_ticket(&server, "First").await;
    let body = json!({ "title": "Second", "blocked_by": [first] });
    let second = text(&server.create("/tickets", body).await, "id").to_owned();
    let a = new_task(&server, &first, json!({ "title": "a" })).await;
    new_task(&server, &first, json!({ "title": "b", "depends_on": [a] })).await;
    new_task(&server, &second, json!({ "title": "c" })).await;
    new_task(&server, &first, json!({ "title": "t", "phase_id": "PHASE_TESTING" })).await;

    let agent = worker(&server, &["rust"], 10).await;
    let got = claim(&server, &agent, json!({ "max": 10 })).await;
    assert_eq!(titles(&got), ["a"], "b waits for a, c for its ticket, t for its phase");
    act(&server, &got[0], "complete", done("done")).await.is(200);
    let got = claim(&server, &agent, json!({ "max": 10 })).await;
    assert_eq!(titles(&got), ["b"]);
    act(&server, &got[0], "complete", done("done")).await.is(200);
    let phases = ["REQUIREMENTS", "DESIGN", "IMPLEMENTATION", "TESTING"];
    for phase in phases {
        transition(&server, &first, &format!("PHASE_{phase}")).await.is(200);
    }
    let got = claim(&server, &agent, json!({ "max": 10 })).await;
    assert_eq!(titles(&got), ["t"]);
    act(&server, &got[0], "complete", done("done")).await.is(200);
    enter(&server, &first, &["PHASE_DEPLOYMENT", "PHASE_DONE"]).await;
    assert_eq!(titles(&claim(&server, &agent, json!({ "max": 10 })).await), ["c"]);
}

#[tokio::test]
async fn a_blocked_ticket_gives_no_work() {
    let server = server().await;
    let ticket = new_ticket(&server, "Work").await;
    new_task(&server, &ticket, json!({ "title": "a" })).await;
    transition(&server, &ticket, "PHASE_BLOCKED").await.is(200);
    let agent = worker(&server, &["rust"], 1).await;
    assert!(claim(&server, &agent, json!({})).await.is_empty());
    server.post(&format!("/tickets/{ticket}/answer"), json!({ "answer": "go on" })).await.is(200);
    assert_eq!(claim(&server, &agent, json!({})).await.len(), 1);
}

#[tokio::test]
async fn nobody_gets_more_than_it_has_slots() {
    let server = server().await;
    let ticket = new_ticket(&server, "Work").await;
    for _ in 0..5 {
        new_task(&server, &ticket, json!({})).await;
    }
    let id = worker(&server, &["rust"], 2).await;
    let got = claim(&server, &id, json!({ "max": 5 })).await;
    assert_eq!(got.len(), 2);
    let now = agent(&server, &id).await;
    assert_eq!((&now["free_slots"], &now["status"]), (&json!(0), &json!("running")), "{now}");
    let answer = server.post(&format!("/agents/{id}/claim"), json!({})).await.is(200).json;
    assert_eq!(answer["reason"], "all 2 slots of the agent are taken");
    let path = format!("/agents/{id}");
    server.patch(&path, json!({ "capacity": 1 })).await.problem(409, "capacity-in-use");
    for item in &got {
        act(&server, item, "complete", done("done")).await.is(200);
    }
    let now = agent(&server, &id).await;
    assert_eq!((&now["free_slots"], &now["status"]), (&json!(2), &json!("idle")), "{now}");
}

#[tokio::test]
async fn a_claim_hands_over_what_the_phases_before_found_out_and_it_is_kept() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
    let asked = new_task(&server, &ticket, json!({})).await;
    let found = json!({ "result": {
        "summary": "Asked everybody.",
        "context": { "decisions": ["Keys rotate monthly"], "risks": ["A clock may be wrong"] },
    } });
    server.post(&format!("/tasks/{asked}/complete"), found).await.is(200);
    enter(&server, &ticket, &["PHASE_DESIGN"]).await;
    new_task(&server, &ticket, json!({ "title": "Draw it" })).await;

    let id = worker(&server, &["drawing"], 1).await;
    let item = claim(&server, &id, json!({ "lease_s": 60, "max_tokens": 40 })).await.remove(0);
    assert_eq!(item["fencing_token"], 1);
    assert_eq!(item["ticket"]["title"], "Rotate the keys");
    assert_eq!(item["task"]["status"], "claimed");
    assert_eq!(item["task"]["agent_id"], json!(id));
    assert_eq!(item["lease_expires_at"], item["task"]["lease_expires_at"]);
    assert!(text(&item["pack"], "summary").contains("Keys rotate monthly"), "{item}");
    assert!(item["pack"]["tokens"].as_u64().unwrap() <= 40);

    let task_id = text(&item["task"], "id");
    let attempts = server.all(&format!("/tasks/{task_id}/attempts"), 10).await;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["pack"], item["pack"], "what did this agent know");
    assert_eq!(attempts[0]["outcome"], "running");
    let events = events_of(&server, &format!("tasks/{task_id}")).await;
    let claimed = events.iter().find(|event| event["type"] == "task.claimed").unwrap();
    assert_eq!(claimed["data"]["content_hash"], item["pack"]["content_hash"]);
}

#[tokio::test]
async fn a_claim_that_waits_gets_the_work_when_it_comes() {
    let server = server().await;
    let id = worker(&server, &["rust"], 1).await;
    let ticket = new_ticket(&server, "Work").await;
    let began = Instant::now();
    let (got, made) = tokio::join!(
        claim(&server, &id, json!({ "wait_s": 30 })),
        new_task(&server, &ticket, json!({ "title": "late" })),
    );
    assert_eq!(text(&got[0]["task"], "id"), made);
    assert!(began.elapsed() < Duration::from_secs(20), "it did not wait to the end");
    let began = Instant::now();
    let other = worker(&server, &["rust"], 1).await;
    assert!(claim(&server, &other, json!({ "wait_s": 1 })).await.is_empty());
    assert!(began.elapsed() >= Duration::from_secs(1));
}

/// One server hears a moment late of what another one changes; this one, never.
#[tokio::test]
async fn what_a_server_has_not_heard_of_an_agent_counts_all_the_same() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
    let wanted = json!({ "description": "Sign.", "required_capabilities": ["signing"] });
    new_task(&server, &ticket, wanted).await;
    let agent = worker(&server, &["rust"], 2).await;
    let deaf = Engine::start(server.db().clone(), Settings::default(), Sources::system());
    let deaf = deaf.await.unwrap();
    let id = agent.parse().unwrap();
    let claimed = async || claims::claim(&deaf, &deaf.call(), id, Ask::default()).await.unwrap();
    let path = format!("/agents/{agent}");
    server.patch(&path, json!({ "capabilities": ["rust", "signing"] })).await.is(200);
    let got = claimed().await;
    assert_eq!(got.items.len(), 1, "it can sign by now: {got:?}");
    let item = &got.items[0];
    let token = json!({ "fencing_token": item.fencing_token });
    server.post(&format!("/tasks/{}/release", item.task.id), token).await.is(200);
    // What it has heard of says that it can sign and has a slot; the table, at another version, does not.
    server.patch(&path, json!({ "capabilities": ["rust"] })).await.is(200);
    assert_eq!(claimed().await.items, [], "it cannot sign any more");
    server.post(&format!("{path}/drain"), json!({})).await.is(200);
    let reason = claimed().await.reason.unwrap();
    assert!(reason.contains("draining"), "{reason}");
}

#[tokio::test]
async fn a_draining_agent_keeps_what_it_has_and_gets_nothing_new() {
    let server = server().await;
    let ticket = new_ticket(&server, "Work").await;
    new_task(&server, &ticket, json!({})).await;
    new_task(&server, &ticket, json!({})).await;
    let id = worker(&server, &["rust"], 2).await;
    let item = claim_one(&server, &id).await;
    let drained = server.post(&format!("/agents/{id}/drain"), json!({})).await.is(200).json;
    assert_eq!(drained["draining"], true);
    assert!(claim(&server, &id, json!({})).await.is_empty());
    let found = server.get("/agents/search?capabilities=rust").await.is(200).json;
    assert_eq!(found["items"], json!([]), "nor is it found");
    act(&server, &item, "complete", done("done")).await.is(200);
    let mut kinds = kinds(&server, &format!("agents/{id}")).await;
    kinds.retain(|kind| kind != "agent.health.changed"); // it has shown that it lives
    assert_eq!(kinds, ["agent.registered", "agent.drain.started", "agent.drained"]);
    server.post(&format!("/agents/{id}/resume"), json!({})).await.is(200);
    claim_one(&server, &id).await;
}

#[tokio::test]
async fn a_claim_with_a_key_is_made_once() {
    let server = server().await;
    let ticket = new_ticket(&server, "Work").await;
    new_task(&server, &ticket, json!({})).await;
    new_task(&server, &ticket, json!({})).await;
    let id = worker(&server, &["rust"], 2).await;
    let path = format!("/agents/{id}/claim");
    let ask = || {
        let request = server.request(reqwest::Method::POST, &path);
        request.header("idempotency-key", "claim-1").json(json!({}))
    };
    let first = ask().send().await.is(200).json;
    assert_eq!(ask().send().await.is(200).json["items"], first["items"]);
    assert_eq!(agent(&server, &id).await["free_slots"], 1);
}

#[tokio::test]
async fn a_circle_is_refused_when_it_is_made_and_named() {
    let server = server().await;
    let first = text(&server.create("/tickets", json!({ "title": "A", "key": "A" })).await, "id")
        .to_owned();
    let body = json!({ "title": "B", "key": "B", "blocked_by": [first] });
    let second = text(&server.create("/tickets", body).await, "id").to_owned();
    let waiting = new_task(&server, &second, json!({ "key": "b1" })).await;
    let circle = json!({ "key": "a1", "depends_on": [waiting] });
    let path = format!("/tickets/{first}/tasks");
    let problem = server.post(&path, circle).await.problem(422, "dependency-cycle");
    let detail = text(&problem, "detail");
    assert!(detail.contains("A/a1") && detail.contains("B/b1"), "{detail}");
    assert!(server.all(&path, 10).await.is_empty(), "nothing was made");
}

#[tokio::test]
async fn what_an_operator_finishes_needs_no_claim_and_is_recorded_as_such() {
    let server = server().await;
    let ticket = new_ticket(&server, "Work").await;
    let id = new_task(&server, &ticket, json!({})).await;
    let path = format!("/tasks/{id}/complete");
    let request = server.request(reqwest::Method::POST, &path).header("phaseline-actor", "ann");
    request.json(done("by hand")).send().await.is(200);
    assert_eq!(task(&server, &id).await["finished_by"], "ann");
    let events = events_of(&server, &format!("tasks/{id}")).await;
    assert_eq!(events[1]["data"]["by_operator"], true, "{events:?}");
    assert!(server.all(&format!("/tasks/{id}/attempts"), 10).await.is_empty());
}

fn titles(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| text(&item["task"], "title")).collect()
}

async fn kinds(http: &Http, subject: &str) -> Vec<String> {
    let events = events_of(http, subject).await;
    events.iter().map(|event| text(event, "type").to_owned()).collect()
}
