//! `Idempotency-Key`: a request that is sent twice happens once.

use futures::future::join_all;
use phaseline_engine::Settings;
use reqwest::Method;
use sea_orm::DbBackend;
use serde_json::{Value, json};

use crate::kit::{
    Clock, Http, Reply, backend, done, enter, events_of, new_task, new_ticket, server, server_at,
    server_beside, server_for_a_race, tables, text, worker,
};

#[tokio::test]
async fn the_same_request_is_answered_alike_and_done_once() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    let agent = json!({ "agent_type": "worker", "capabilities": ["rust"] });
    let backlog = json!({ "tickets": [{ "key": "TKT-1", "title": "One" }], "tasks": [] });
    let task = server.create(&format!("/tickets/{ticket}/tasks"), json!({})).await;
    let requests = [
        ("/tickets".to_owned(), json!({ "title": "Another" })),
        (format!("/tickets/{ticket}/tasks"), json!({ "title": "List them" })),
        (format!("/tickets/{ticket}/transition"), json!({ "to_phase": "PHASE_REQUIREMENTS" })),
        (format!("/tickets/{ticket}/update-context"), json!({ "phase_id": "PHASE_REQUIREMENTS" })),
        (format!("/tasks/{}/complete", text(&task, "id")), json!({ "result": {} })),
        ("/agents/register".to_owned(), agent),
        ("/backlog".to_owned(), backlog),
    ];
    for (path, body) in requests {
        let first = post(&server, &path, &path, &body).await;
        assert!(first.status < 300, "{path}: {}", first.text);
        let before = tables(server.db()).await;
        let second = post(&server, &path, &path, &body).await;
        assert_eq!((second.status, &second.json), (first.status, &first.json), "{path}");
        assert_eq!(second.headers.get("location"), first.headers.get("location"), "{path}");
        assert_eq!(second.headers.get("etag"), first.headers.get("etag"), "{path}");
        assert_eq!(tables(server.db()).await, before, "{path} was done twice");
    }
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() {
    let server = server().await;
    post(&server, "/tickets", "once", &json!({ "title": "One" })).await.is(201);
    let before = tables(server.db()).await;
    for (path, body) in [
        ("/tickets", json!({ "title": "Two" })),
        ("/agents/register", json!({ "agent_type": "worker", "capabilities": ["rust"] })),
    ] {
        let reply = post(&server, path, "once", &body).await;
        reply.problem(422, "idempotency-key-reused");
    }
    assert_eq!(tables(server.db()).await, before);
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    let path = format!("/tickets/{ticket}/transition");
    let design = json!({ "to_phase": "PHASE_DESIGN" });
    post(&server, &path, "once", &design).await.problem(409, "illegal-transition");
    server.post(&path, json!({ "to_phase": "PHASE_REQUIREMENTS" })).await.is(200);
    post(&server, &path, "once", &design).await.is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_sixteen_times_at_once_is_done_once() {
    let server = server_for_a_race().await;
    let body = json!({ "title": "Rotate the keys" });
    let replies = join_all((0..16).map(|_| post(&server, "/tickets", "once", &body))).await;
    for reply in &replies {
        assert_eq!((reply.status, &reply.json), (201, &replies[0].json), "{}", reply.text);
    }
    assert_eq!(server.all("/tickets", 100).await.len(), 1);
    let subject = format!("tickets/{}", text(&replies[0].json, "id"));
    assert_eq!(events_of(&server, &subject).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_request_at_two_servers_at_once_are_answered_alike() {
    let server = server_for_a_race().await;
    // SQLite has one server a file.
    let is_sqlite = backend() == DbBackend::Sqlite;
    let beside = if is_sqlite { None } else { Some(server_beside(&server).await) };
    let agent = worker(&server, &["rust"], 8).await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
    let at = [Some(&*server), beside.as_deref()];
    for round in 0..4 {
        new_task(&server, &ticket, json!({ "description": "Count them." })).await;
        let (path, key) = (format!("/agents/{agent}/claim"), format!("claim-{round}"));
        let claimed = copies(at, &path, &key, &json!({})).await;
        let item = &claimed["items"][0];
        let result = &done("Counted.")["result"];
        let ending = json!({ "fencing_token": item["fencing_token"], "result": result });
        let path = format!("/tasks/{}/complete", text(&item["task"], "id"));
        // What one copy has done is a reason to refuse another one, and is not told as one.
        let ended = copies(at, &path, &format!("complete-{round}"), &ending).await;
        assert_eq!(text(&ended, "status"), "completed");
        let made = json!({ "title": "Another", "key": format!("R-{round}") });
        let made = copies(at, "/tickets", &format!("make-{round}"), &made).await;
        assert_eq!(made["key"], format!("R-{round}"));
    }
    let now = server.get(&format!("/agents/{agent}")).await.is(200).json;
    assert_eq!(now["free_slots"], 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_heartbeat_at_once_are_taken_once() {
    let server = server_for_a_race().await;
    let agent = worker(&server, &["rust"], 1).await;
    let path = format!("/agents/{agent}/heartbeat");
    server.post(&path, json!({ "sequence": 0 })).await.is(200);
    for round in 1..=8 {
        let beat = json!({ "sequence": 3 * round });
        let key = format!("beat-{round}");
        let taken = copies([Some(&*server), None], &path, &key, &beat).await;
        assert_eq!((&taken["missed_now"], &taken["out_of_order"]), (&json!(2), &json!(false)));
    }
    let health = server.get(&format!("/agents/{agent}/health")).await.is(200).json;
    assert_eq!(health["heartbeats_missed"], 16);
}

/// Sends a request several times at once; the one answer.
async fn copies(servers: [Option<&Http>; 2], path: &str, key: &str, body: &Value) -> Value {
    let servers = servers.iter().flatten().cycle().take(6);
    let replies = join_all(servers.map(|server| post(server, path, key, body))).await;
    for reply in &replies {
        assert!(reply.status < 300, "{path}: {}", reply.text);
        assert_eq!((reply.status, &reply.json), (replies[0].status, &replies[0].json), "{path}");
    }
    replies[0].json.clone()
}

#[tokio::test]
async fn a_key_that_has_expired_is_free_again() {
    let clock = Clock::stopped();
    let ttl = Settings::default().idempotency_ttl;
    let server = server_at(Settings::default(), clock).await;
    post(&server, "/tickets", "once", &json!({ "title": "One" })).await.is(201);
    clock.pass(ttl.num_seconds() - 1);
    let two = json!({ "title": "Two" });
    post(&server, "/tickets", "once", &two).await.problem(422, "idempotency-key-reused");
    clock.pass(2);
    let first = post(&server, "/tickets", "once", &two).await.is(201);
    assert_eq!(post(&server, "/tickets", "once", &two).await.is(201).json, first.json);
    assert_eq!(server.all("/tickets", 100).await.len(), 2);
}

#[tokio::test]
async fn a_key_that_is_not_visible_ascii_is_refused() {
    let server = server().await;
    let long = "k".repeat(256);
    for key in ["", "a b", "ü", &long] {
        let reply = post(&server, "/tickets", key, &json!({ "title": "One" })).await;
        reply.problem(400, "malformed-request");
    }
    assert!(server.all("/tickets", 100).await.is_empty());
}

async fn post(http: &Http, path: &str, key: &str, body: &Value) -> Reply {
    let request = http.request(Method::POST, path).header("idempotency-key", key);
    request.json(body.clone()).send().await
}
