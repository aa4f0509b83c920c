//! Short words for what most tests do to tickets.

use serde_json::{Value, json};

use super::{Http, Reply, text, wait::eventually};

/// Makes a ticket; its id.
pub(crate) async fn new_ticket(http: &Http, title: &str) -> String {
    text(&http.create("/tickets", json!({ "title": title })).await, "id").to_owned()
}

/// Asks for a move of a ticket.
pub(crate) async fn transition(http: &Http, ticket: &str, to: &str) -> Reply {
    http.post(&format!("/tickets/{ticket}/transition"), json!({ "to_phase": to })).await
}

/// Moves a ticket along these phases, all of them legal.
pub(crate) async fn enter(http: &Http, ticket: &str, phases: &[&str]) {
    for phase in phases {
        transition(http, ticket, phase).await.is(200);
    }
}

/// The whole history of a ticket, checked to be gap-free from 1.
pub(crate) async fn history(http: &Http, ticket: &str) -> Vec<Value> {
    let rows = http.all(&format!("/tickets/{ticket}/phase-history"), 100).await;
    let numbers: Vec<_> = rows.iter().map(|row| row["sequence"].as_u64().unwrap()).collect();
    let expected: Vec<_> = (1..=rows.len() as u64).collect();
    assert_eq!(numbers, expected, "the history of {ticket} has no gaps");
    rows
}

/// The events about something, once the log is complete: on PostgreSQL an event is seen when no
/// older transaction runs any more, so a last event is written and waited for.
pub(crate) async fn events_of(http: &Http, subject: &str) -> Vec<Value> {
    let last = new_ticket(http, "the last event").await;
    let all = eventually("the last event is in the log", || async {
        let all = all_events(http).await;
        let there = all.iter().any(|event| event["subject"] == format!("tickets/{last}"));
        there.then_some(all)
    })
    .await;
    all.into_iter().filter(|event| event["subject"] == subject).collect()
}

async fn all_events(http: &Http) -> Vec<Value> {
    let mut events = Vec::new();
    let mut after = "0".to_owned();
    loop {
        let page = http.get(&format!("/events?limit=100&after={after}")).await.is(200).json;
        events.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return events,
        }
    }
}
