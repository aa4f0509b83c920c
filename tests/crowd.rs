//! Many agents at once: everything is done exactly once, whoever dies.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use phaseline_persistence::attempts;
use phaseline_tasks::AttemptOutcome;
use sea_orm::DbBackend;
use serde_json::json;
use uuid::Uuid;

use crate::kit::{
    Http, Server, agent, backend, new_task, new_ticket, query, server_beside, server_for_a_race,
    text, worker,
};

const AGENTS: usize = 16;
const TASKS: usize = 160;
const TICKETS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_task_of_a_crowd_is_completed_exactly_once() {
    let (first, second) = servers().await;
    let tasks = work(&first).await;
    let agents = crowd(&first).await;
    let completed = AtomicUsize::new(0);
    let workers = agents.iter().enumerate().map(|(number, id)| {
        let http = one_of(number, &first, second.as_ref());
        work_until_all_is_done(http, id, &completed)
    });
    join_all(workers).await;
    assert_eq!(completed.into_inner(), TASKS);
    all_is_done_once(&first, &tasks).await;
    for id in &agents {
        assert_eq!(agent(&first, id).await["free_slots"], 2, "no slot is left taken");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_third_of_the_agents_dies_over_is_done_by_the_others() {
    let (first, second) = servers().await;
    let tasks = work(&first).await;
    let agents = crowd(&first).await;
    let completed = AtomicUsize::new(0);
    // The first third claims, and is never heard of again.
    let (dying, living) = agents.split_at(AGENTS / 3);
    for id in dying {
        let body = json!({ "max": 2, "lease_s": 5 });
        let path = format!("/agents/{id}/claim");
        let got = first.post(&path, body).await.is(200).json;
        assert_eq!(got["items"].as_array().unwrap().len(), 2);
    }
    let workers = living.iter().enumerate().map(|(number, id)| {
        let http = one_of(number, &first, second.as_ref());
        work_until_all_is_done(http, id, &completed)
    });
    join_all(workers).await;
    assert_eq!(completed.into_inner(), TASKS);
    all_is_done_once(&first, &tasks).await;
    for id in dying {
        assert_eq!(agent(&first, id).await["free_slots"], 2, "the dead hold nothing");
    }
}

/// On PostgreSQL two servers share one database.
async fn servers() -> (Server, Option<Server>) {
    let first = server_for_a_race().await;
    let second =
        if backend() == DbBackend::Postgres { Some(server_beside(&first).await) } else { None };
    (first, second)
}

fn one_of<'s>(number: usize, first: &'s Http, second: Option<&'s Server>) -> &'s Http {
    match second {
        Some(second) if number % 2 == 1 => second,
        _ => first,
    }
}

async fn work(http: &Http) -> Vec<String> {
    let mut tasks = Vec::new();
    for number in 0..TICKETS {
        let ticket = new_ticket(http, &format!("Ticket {number}")).await;
        let made = (0..TASKS / TICKETS).map(|_| new_task(http, &ticket, json!({})));
        tasks.extend(join_all(made).await);
    }
    tasks
}

async fn crowd(http: &Http) -> Vec<String> {
    join_all((0..AGENTS).map(|_| worker(http, &["rust"], 2))).await
}

async fn work_until_all_is_done(http: &Http, agent: &str, completed: &AtomicUsize) {
    while completed.load(Ordering::SeqCst) < TASKS {
        let ask = json!({ "max": 2, "lease_s": 60, "wait_s": 1 });
        let got = http.post(&format!("/agents/{agent}/claim"), ask).await.is(200).json;
        let items = got["items"].as_array().unwrap();
        assert!(items.len() <= 2, "never more than it has slots");
        for item in items {
            let body =
                json!({ "fencing_token": item["fencing_token"], "result": { "summary": agent } });
            let path = format!("/tasks/{}/complete", text(&item["task"], "id"));
            http.post(&path, body).await.is(200);
            completed.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn all_is_done_once(server: &Server, tasks: &[String]) {
    for id in tasks {
        let id: Uuid = id.parse().unwrap();
        let all = attempts::list(server.db().reader(), id, 0, 100).await.unwrap().items;
        let done = all.iter().filter(|one| one.outcome == AttemptOutcome::Completed).count();
        assert_eq!(done, 1, "{all:?}");
        assert!(all.iter().all(|one| one.ended_at.is_some()), "{all:?}");
    }
    let left = "SELECT count(*) FROM tasks WHERE status <> 'completed' OR agent_id IS NOT NULL";
    let left: i64 = query(server.db(), left).await[0].try_get_by_index(0).unwrap();
    assert_eq!(left, 0);
}
