//! The typed client against the real server: every route of the document, by its own method.

use std::collections::BTreeSet;

use phaseline_client::{
    AgentQuery, AgentStatus, Client, EventQuery, Packing, Page, Phase, TaskQuery, TaskSearch,
    TicketQuery, Wanted, WorkflowId, wire,
};
use serde_json::json;
use uuid::Uuid;

use crate::kit::{eventually, server};

#[tokio::test]
async fn every_route_of_the_document_has_a_method_of_the_client_that_reads_its_answer() {
    let server = server().await;
    let address = server.base().trim_end_matches("/api/v1");
    let client = Client::builder(address).actor("ada").build().unwrap();
    ticket(&client).await;
    agent(&client).await;
    client.workflows().standard().await.unwrap();
    client.workflows().get(&WorkflowId::standard()).await.unwrap();
    client.backlogs().import(&wire::Backlog { tickets: vec![], tasks: vec![] }).await.unwrap();
    eventually("an event is in the log", || async {
        let events = client.events().list(&EventQuery::default()).await.unwrap();
        (!events.items.is_empty()).then_some(())
    })
    .await;

    let metrics = client.probes().metrics().await.unwrap();
    let called: BTreeSet<&str> = metrics
        .lines()
        .filter_map(|line| line.split("route=\"").nth(1)?.split('"').next())
        .collect();
    let document = phaseline_api::openapi();
    for path in document.paths.paths.keys().filter(|path| path.starts_with("/api/")) {
        assert!(called.contains(path.as_str()), "{path} was not called: {called:?}");
    }
}

async fn ticket(client: &Client) {
    let new: wire::NewTicket = read(json!({ "title": "Rotate the keys" }));
    let id = client.tickets().create(&new).await.unwrap().id;
    let step = |to: Phase| -> wire::NewTransition { read(json!({ "to_phase": to.id() })) };
    client.tickets().transition(id, &step(Phase::Requirements)).await.unwrap();
    let refused = client.tickets().transition(id, &step(Phase::Done)).await.unwrap_err();
    assert_eq!(refused.kind(), Some("illegal-transition"));
    client.tickets().valid_transitions(id).await.unwrap();
    assert_eq!(client.tickets().history(id, &Page::default()).await.unwrap().items.len(), 2);
    assert_eq!(client.tickets().list(&TicketQuery::default()).await.unwrap().items.len(), 1);
    let ticket = client.tickets().edit(id, &read(json!({ "priority": "HIGH" }))).await.unwrap();
    let stale = client.tickets().edit(id, &read(json!({ "title": "x" }))).if_match(1).await;
    assert_eq!(stale.unwrap_err().kind(), Some("precondition-failed"));
    assert_eq!(client.tickets().get(id).await.unwrap(), ticket);

    let task = async || client.tasks().create(id, &read(json!({}))).await.unwrap().task.id;
    let (done, given_up) = (task().await, task().await);
    client
        .tasks()
        .complete(done, &read(json!({ "result": { "summary": "Done." } })))
        .await
        .unwrap();
    client.tasks().fail(given_up, &read(json!({ "error_message": "No access." }))).await.unwrap();
    client.tasks().get(done).await.unwrap();
    assert_eq!(client.tasks().list(id, &TaskQuery::default()).await.unwrap().items.len(), 2);
    client.contexts().update(id, Phase::Requirements.id()).await.unwrap();
    client.contexts().get(id).await.unwrap();
    let packing = Packing { for_phase: Phase::Design.id(), max_tokens: Some(50) };
    let pack = client.contexts().pack(id, &packing).await.unwrap();
    assert_eq!(client.contexts().markdown(id, Some(&packing)).await.unwrap(), pack.summary);
    client.tickets().gate(id, None).await.unwrap();
    let artifact = json!({ "type": "page", "content": "text" });
    client.tickets().add_artifact(id, &read(artifact)).await.unwrap();
    assert_eq!(client.tickets().artifacts(id, &Page::default()).await.unwrap().items.len(), 1);
    assert!(client.tickets().approve(id, &read(json!({}))).await.unwrap().stands);
    assert_eq!(client.tickets().approvals(id, &Page::default()).await.unwrap().items.len(), 1);
    client.tickets().transition(id, &step(Phase::Blocked)).await.unwrap();
    client.tickets().why(id).await.unwrap();
    client.tasks().why(done).await.unwrap();
    client.flow().why(&Page::default()).await.unwrap();
    client.flow().statistics().await.unwrap();
    client.tickets().answer(id, &read(json!({ "answer": "Go on." }))).await.unwrap();
    client.tasks().retry(given_up).await.unwrap();
    client.tasks().cancel(given_up, &read(json!({}))).await.unwrap();
    work(client, id).await;
    client.tickets().delete(id).await.unwrap();
}

async fn work(client: &Client, ticket: Uuid) {
    let new = read(json!({ "agent_type": "worker", "capabilities": ["rust"] }));
    let agent: Uuid = client.agents().register(&new).await.unwrap().agent_id;
    client.agents().drain(agent).await.unwrap();
    client.agents().resume(agent).await.unwrap();
    client.tasks().create(ticket, &read(json!({}))).await.unwrap();
    let claim = async || {
        let claims = client.agents().claim(agent, &read(json!({}))).await.unwrap();
        let claim = claims.items.into_iter().next().unwrap();
        (claim.task.id, claim.fencing_token)
    };
    let (task, token) = claim().await;
    client.tasks().extend(task, &read(json!({ "fencing_token": token }))).await.unwrap();
    client.tasks().release(task, &read(json!({ "fencing_token": token }))).await.unwrap();
    let (again, next) = claim().await;
    assert_eq!((again, next), (task, token + 1));
    let late = json!({ "fencing_token": token, "result": { "summary": "late" } });
    let refused = client.tasks().complete(task, &read(late)).await.unwrap_err();
    assert_eq!(refused.kind(), Some("lease-lost"));
    assert_eq!(client.tasks().attempts(task, &Page::default()).await.unwrap().items.len(), 2);
    assert_eq!(client.tasks().search(&TaskSearch::default()).await.unwrap().items.len(), 3);
    client.agents().terminate(agent).await.unwrap();
}

async fn agent(client: &Client) {
    let new = read(json!({ "agent_type": "worker", "capabilities": ["rust"] }));
    let id: Uuid = client.agents().register(&new).await.unwrap().agent_id;
    client.agents().heartbeat(id, &wire::NewHeartbeat::default()).await.unwrap();
    client.agents().health(id).await.unwrap();
    client.agents().edit(id, &read(json!({ "capacity": 2 }))).await.unwrap();
    assert_eq!(client.agents().list(&AgentQuery::default()).await.unwrap().items.len(), 2);
    assert_eq!(client.fleet().search(&Wanted::default()).await.unwrap().items.len(), 1);
    client.fleet().best_fit(&Wanted::default()).await.unwrap();
    client.fleet().health(&Page::default()).await.unwrap();
    client.fleet().stale(None, &Page::default()).await.unwrap();
    client.fleet().statistics().await.unwrap();
    client.agents().set_availability(id, false).await.unwrap();
    client.agents().terminate(id).await.unwrap();
    assert_eq!(client.agents().get(id).await.unwrap().status, AgentStatus::Terminated);
}

fn read<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
    serde_json::from_value(json).unwrap()
}
