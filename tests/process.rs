//! The real program: it ends in order on SIGTERM, and loses nothing to SIGKILL.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use serde_json::json;
use tokio::sync::{Mutex, Semaphore};

use crate::{
    guards::root,
    kit::{
        Http, Server, database, events_of, history, new_ticket, program, run, server, tables, text,
        try_run,
    },
};

const CLIENTS: usize = 8;
const WRITES_BEFORE_THE_KILL: u32 = 60;

/// What each ticket was acknowledged to have gone through.
type Acknowledged = Arc<Mutex<BTreeMap<String, usize>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sigterm_it_finishes_and_exits_with_0() {
    let place = database().await;
    let program = program(place.url()).await;
    program.get("/healthz").await.is(200);
    program.get("/readyz").await.is(200);
    new_ticket(&program, "Rotate the keys").await;
    let status = program.terminate().await;
    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_sigkill_is_there_afterwards() {
    let place = database().await;
    let killed = program(place.url()).await;
    let acknowledged = Acknowledged::default();
    let writes = Arc::new(Semaphore::new(0));
    let clients = (0..CLIENTS).map(|_| {
        let http = (*killed).clone();
        tokio::spawn(write_until_nobody_answers(http, acknowledged.clone(), writes.clone()))
    });
    let clients: Vec<_> = clients.collect();
    writes.acquire_many(WRITES_BEFORE_THE_KILL).await.unwrap().forget();
    killed.kill();
    for client in join_all(clients).await {
        client.unwrap();
    }

    let restarted = program(place.url()).await;
    let acknowledged = acknowledged.lock().await;
    assert!(acknowledged.len() >= CLIENTS);
    for (ticket, moves) in acknowledged.iter() {
        let rows = history(&restarted, ticket).await;
        // The last move may have been stored and its answer lost.
        assert!((moves + 1..=moves + 2).contains(&rows.len()), "{moves} moves of {ticket}");
        for pair in rows.windows(2) {
            assert_eq!(pair[1]["from_phase"], pair[0]["to_phase"], "neighbours agree");
        }
        let now = restarted.get(&format!("/tickets/{ticket}")).await.is(200).json;
        assert_eq!(now["phase_id"], rows.last().unwrap()["to_phase"]);
        assert_eq!(now["version"], rows.len());
    }
    for ticket in acknowledged.keys().take(CLIENTS) {
        let events = events_of(&restarted, &format!("tickets/{ticket}")).await;
        let rows = history(&restarted, ticket).await;
        assert_eq!(events.len(), rows.len(), "one event a change of {ticket}");
    }
    assert!(restarted.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_imported_from_its_file_and_a_second_time_without_duplicates() {
    let server = server().await;
    let backlog = root().join("examples/backlog.json");
    let arguments = ["import", backlog.to_str().unwrap(), "--server", server.base()];
    run("phaseline", &arguments).await;
    let stored = contents(&server).await;
    assert!(stored["tickets"] >= 3 && stored["tasks"] > stored["tickets"], "{stored:?}");
    run("phaseline", &arguments).await;
    assert_eq!(contents(&server).await, stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_that_contradicts_itself_is_one_error_that_names_what() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backlog.json");
    let backlog = json!({ "tickets": [{ "key": "A", "title": "A", "blocked_by": ["A"] }] });
    std::fs::write(&file, backlog.to_string()).unwrap();
    let arguments = ["import", file.to_str().unwrap(), "--server", server.base()];
    let (status, _, said) = try_run("phaseline", &arguments).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("ticket A"), "{said}");
    assert_eq!(tables(server.db()).await["tickets"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_ends_with_every_ticket_done() {
    let told = run("phaseline", &["demo"]).await;
    let backlog = std::fs::read_to_string(root().join("examples/backlog.json")).unwrap();
    let backlog: serde_json::Value = serde_json::from_str(&backlog).unwrap();
    for ticket in backlog["tickets"].as_array().unwrap() {
        assert!(told.contains(text(ticket, "key")), "{told}");
    }
    for word in ["blocked by", "sent back by", "refused", "dies in the middle", "lease-lost"] {
        assert!(told.to_lowercase().contains(word), "{word} is not in {told}");
    }
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_refused_with_a_reason() {
    let place = database().await;
    let arguments = ["serve", "--listen", "0.0.0.0:0", "--database-url", place.url()];
    let (status, _, said) = try_run("phaseline", &arguments).await;
    assert!(!status.success());
    assert!(said.contains("loopback"), "{said}");
    assert!(said.contains("0.0.0.0:0"), "{said}");
}

#[tokio::test]
async fn a_parameter_that_the_driver_does_not_know_is_not_shown_with_its_value() {
    let url = "postgres://127.0.0.1/?passwd=hidden";
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--log", "trace", "--database-url", url];
    let (status, _, said) = try_run("phaseline", &arguments).await;
    assert!(!status.success());
    assert!(said.contains("must name its database") && !said.contains("hidden"), "{said}");
}

/// How many rows each table has; an import has an idempotency key of its own each time.
async fn contents(server: &Server) -> BTreeMap<String, i64> {
    let mut tables = tables(server.db()).await;
    tables.remove("idempotency_keys");
    tables
}

/// Makes tickets and moves each a few times, until the server is gone.
async fn write_until_nobody_answers(
    http: Http,
    acknowledged: Acknowledged,
    writes: Arc<Semaphore>,
) {
    loop {
        let create = http.request(reqwest::Method::POST, "/tickets");
        let Ok(reply) = create.json(json!({ "title": "Rotate the keys" })).try_send().await else {
            return;
        };
        let ticket = text(&reply.is(201).json, "id").to_owned();
        acknowledged.lock().await.insert(ticket.clone(), 0);
        writes.add_permits(1);
        for phase in ["PHASE_REQUIREMENTS", "PHASE_DESIGN", "PHASE_IMPLEMENTATION"] {
            let path = format!("/tickets/{ticket}/transition");
            let step = http.request(reqwest::Method::POST, &path);
            let Ok(reply) = step.json(json!({ "to_phase": phase })).try_send().await else {
                return;
            };
            reply.is(200);
            *acknowledged.lock().await.get_mut(&ticket).unwrap() += 1;
            writes.add_permits(1);
        }
    }
}
