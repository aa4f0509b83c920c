//! A server that is killed amid claims loses none that it has acknowledged.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::kit::{
    Http, act, agent, claim, database, done, new_task, new_ticket, program, task, text, worker,
};

const AGENTS: usize = 8;
const TASKS: usize = 96;
const COMPLETED_BEFORE_THE_KILL: u32 = 24;

/// What one agent was told before the server was killed.
#[derive(Default)]
struct Told {
    /// Claims whose end was not acknowledged.
    held: Vec<Value>,
    /// Tasks whose completion was.
    completed: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_claim_or_completion_is_lost_to_a_sigkill() {
    let place = database().await;
    let killed = program(place.url()).await;
    let ticket = new_ticket(&killed, "Work").await;
    join_all((0..TASKS).map(|_| new_task(&killed, &ticket, json!({})))).await;
    let agents = join_all((0..AGENTS).map(|_| worker(&killed, &["rust"], 2))).await;
    let completed = Arc::new(Semaphore::new(0));
    let workers: Vec<_> = agents
        .iter()
        .map(|id| {
            let (http, id) = ((*killed).clone(), id.clone());
            tokio::spawn(work_until_nobody_answers(http, id, completed.clone()))
        })
        .collect();
    completed.acquire_many(COMPLETED_BEFORE_THE_KILL).await.unwrap().forget();
    killed.kill();
    let told: Vec<Told> = join_all(workers).await.into_iter().map(Result::unwrap).collect();

    let restarted = program(place.url()).await;
    for (id, told) in agents.iter().zip(&told) {
        for completed in &told.completed {
            let now = task(&restarted, completed).await;
            assert_eq!(now["status"], "completed", "{now}");
            assert_eq!(now["result"]["summary"], json!(id), "{now}");
        }
        for item in &told.held {
            let now = task(&restarted, text(&item["task"], "id")).await;
            assert_eq!(now["fencing_token"], item["fencing_token"], "{now}");
            // Its completion may have been stored and the answer lost.
            if now["status"] != "completed" {
                assert_eq!(now["agent_id"], json!(id), "{now}");
                act(&restarted, item, "complete", done(id)).await.is(200);
            }
        }
    }
    // A claim whose answer was lost is held until its lease ends; an agent that comes back anew
    // is removed first.
    for id in &agents {
        restarted.delete(&format!("/agents/{id}")).await.is(204);
    }
    let last = worker(&restarted, &["rust"], 100).await;
    while let Some(item) = claim(&restarted, &last, json!({ "wait_s": 1 })).await.first() {
        act(&restarted, item, "complete", done("last")).await.is(200);
    }
    let tasks = restarted.all(&format!("/tickets/{ticket}/tasks"), 100).await;
    assert!(tasks.iter().all(|task| task["status"] == "completed"), "{tasks:?}");
    assert_eq!(agent(&restarted, &last).await["free_slots"], 100);
    assert!(restarted.terminate().await.success());
}

async fn work_until_nobody_answers(http: Http, id: String, completed: Arc<Semaphore>) -> Told {
    let mut told = Told::default();
    loop {
        let ask = http.request(reqwest::Method::POST, &format!("/agents/{id}/claim"));
        let Ok(answer) = ask.json(json!({ "max": 2, "lease_s": 3600 })).try_send().await else {
            return told;
        };
        let items = answer.is(200).json["items"].as_array().unwrap().clone();
        if items.is_empty() {
            return told;
        }
        told.held.extend(items.iter().cloned());
        for item in items {
            let task = text(&item["task"], "id").to_owned();
            let mut body = done(&id);
            body["fencing_token"] = item["fencing_token"].clone();
            let request = http.request(reqwest::Method::POST, &format!("/tasks/{task}/complete"));
            let Ok(answer) = request.json(body).try_send().await else {
                return told;
            };
            answer.is(200);
            told.held.retain(|held| text(&held["task"], "id") != task);
            told.completed.push(task);
            completed.add_permits(1);
        }
    }
}
