//! What a server has not heard of: others change what it has given to an agent, and it completes that
//! all the same as the tables say, and not as it remembers.

use phaseline_context::{Findings, TaskResult};
use phaseline_engine::{
    Engine, Error, Settings, Sources,
    claims::{self, Ask},
    tasks,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kit::{
    Server, act, agent, claim_one, done, enter, events_of, new_task, new_ticket, server, task,
    text, ticket, transition, worker,
};

/// An engine beside a server on the same database. It has given a task to an agent, and hears of nothing
/// that the server does afterwards.
struct Deaf {
    engine: Engine,
    server: Server,
    agent: String,
    ticket: String,
    task: Uuid,
    token: i64,
}

impl Deaf {
    async fn having_given() -> Self {
        Self::having_given_work_of("PHASE_REQUIREMENTS", false).await
    }

    /// Of a ticket that is in this phase; a task of it may have been completed before.
    async fn having_given_work_of(phase: &str, has_results: bool) -> Self {
        let server = server().await;
        let ticket = new_ticket(&server, "Rotate the keys").await;
        enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
        let agent = worker(&server, &["rust"], 2).await;
        let work = json!({ "phase_id": "PHASE_REQUIREMENTS" });
        if has_results {
            new_task(&server, &ticket, work.clone()).await;
            let item = claim_one(&server, &agent).await;
            act(&server, &item, "complete", done("Before.")).await.is(200);
        }
        new_task(&server, &ticket, work).await;
        if phase != "PHASE_REQUIREMENTS" {
            transition(&server, &ticket, phase).await.is(200);
        }
        let engine = Engine::start(server.db().clone(), Settings::default(), Sources::system());
        let engine = engine.await.unwrap();
        let id = agent.parse().unwrap();
        let got = claims::claim(&engine, &engine.call(), id, Ask::default()).await.unwrap();
        let (task, token) = (got.items[0].task.id, got.items[0].fencing_token);
        Self { engine, server, agent, ticket, task, token }
    }

    async fn complete(&self) -> Result<(), Error> {
        let result = TaskResult {
            summary: "Looked.".to_owned(),
            context: Findings { decisions: vec!["rotate".to_owned()], ..Findings::default() },
            ..TaskResult::default()
        };
        let call = self.engine.call();
        tasks::complete(&self.engine, &call, self.task, Some(self.token), result).await.map(|_| ())
    }

    /// The result was taken into the phase that the ticket has left.
    async fn came_late(&self) {
        assert_eq!(text(&self.task().await, "status"), "completed");
        let path = format!("/tickets/{}/context", self.ticket);
        let context = self.server.get(&path).await.is(200).json;
        let late = &context["full_context"]["phases"]["PHASE_REQUIREMENTS"]["decisions"];
        assert_eq!(late, &json!(["rotate"]), "what comes late is not lost: {context}");
    }

    async fn task(&self) -> Value {
        task(&self.server, &self.task.to_string()).await
    }

    /// What the server says of the claim.
    fn item(&self) -> Value {
        json!({ "task": { "id": self.task }, "fencing_token": self.token })
    }
}

#[tokio::test]
async fn nothing_has_changed() {
    for has_results in [false, true] {
        let deaf = Deaf::having_given_work_of("PHASE_REQUIREMENTS", has_results).await;
        deaf.complete().await.unwrap();
        let task = deaf.task().await;
        assert_eq!((text(&task, "status"), &task["version"]), ("completed", &json!(3)));
        assert_eq!(agent(&deaf.server, &deaf.agent).await["free_slots"], 2);
        // It is told once: what comes again finds the task as it is.
        let again = deaf.complete().await;
        assert!(matches!(again, Err(Error::LeaseLost(_))), "{again:?}");
    }
}

#[tokio::test]
async fn its_ticket_has_left_the_phase() {
    for has_results in [false, true] {
        let deaf = Deaf::having_given_work_of("PHASE_REQUIREMENTS", has_results).await;
        transition(&deaf.server, &deaf.ticket, "PHASE_DESIGN").await.is(200);
        deaf.complete().await.unwrap();
        deaf.came_late().await;
    }
}

/// And it knew that when it gave the task.
#[tokio::test]
async fn its_ticket_had_left_the_phase() {
    let deaf = Deaf::having_given_work_of("PHASE_DESIGN", true).await;
    deaf.complete().await.unwrap();
    deaf.came_late().await;
}

#[tokio::test]
async fn its_ticket_moves_on_by_itself_by_now() {
    for has_results in [false, true] {
        let deaf = Deaf::having_given_work_of("PHASE_REQUIREMENTS", has_results).await;
        let path = format!("/tickets/{}", deaf.ticket);
        deaf.server.patch(&path, json!({ "auto_advance": true })).await.is(200);
        deaf.complete().await.unwrap();
        assert_eq!(text(&ticket(&deaf.server, &deaf.ticket).await, "phase_id"), "PHASE_DESIGN");
    }
}

#[tokio::test]
async fn its_lease_is_a_longer_one() {
    let deaf = Deaf::having_given().await;
    act(&deaf.server, &deaf.item(), "extend", json!({ "lease_s": 600 })).await.is(200);
    deaf.complete().await.unwrap();
    let task = deaf.task().await;
    assert_eq!((text(&task, "status"), &task["version"]), ("completed", &json!(4)));
}

#[tokio::test]
async fn somebody_else_has_it() {
    let deaf = Deaf::having_given().await;
    act(&deaf.server, &deaf.item(), "release", json!({})).await.is(200);
    let other = worker(&deaf.server, &["rust"], 1).await;
    let item = claim_one(&deaf.server, &other).await;
    let refused = deaf.complete().await;
    assert!(matches!(refused, Err(Error::LeaseLost(_))), "{refused:?}");
    assert_eq!(text(&deaf.task().await, "agent_id"), other);
    act(&deaf.server, &item, "complete", done("Done.")).await.is(200);
}

#[tokio::test]
async fn its_agent_drains() {
    let deaf = Deaf::having_given().await;
    deaf.server.post(&format!("/agents/{}/drain", deaf.agent), json!({})).await.is(200);
    deaf.complete().await.unwrap();
    let agent = agent(&deaf.server, &deaf.agent).await;
    assert_eq!((&agent["draining"], &agent["free_slots"]), (&json!(true), &json!(2)), "{agent}");
    let events = events_of(&deaf.server, &format!("agents/{}", deaf.agent)).await;
    assert!(events.iter().any(|event| text(event, "type") == "agent.drained"), "{events:?}");
}

#[tokio::test]
async fn its_agent_has_got_another_one() {
    let deaf = Deaf::having_given().await;
    new_task(&deaf.server, &deaf.ticket, json!({ "phase_id": "PHASE_REQUIREMENTS" })).await;
    claim_one(&deaf.server, &deaf.agent).await;
    deaf.complete().await.unwrap();
    assert_eq!(agent(&deaf.server, &deaf.agent).await["free_slots"], 1);
}
