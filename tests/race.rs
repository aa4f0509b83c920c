//! Many callers at once: one wins, and the others hear what is true now.

use futures::future::join_all;
use serde_json::json;

use crate::kit::{Reply, events_of, history, new_ticket, server_for_a_race, transition, worker};

const CALLERS: usize = 32;
/// Not every round is a tight one.
const ROUNDS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_32_callers_that_move_a_ticket_at_once_exactly_one_wins() {
    let server = server_for_a_race().await;
    for _ in 0..ROUNDS {
        let ticket = new_ticket(&server, "Rotate the keys").await;
        let calls = (0..CALLERS).map(|_| transition(&server, &ticket, "PHASE_REQUIREMENTS"));
        let (won, lost): (Vec<Reply>, Vec<Reply>) =
            join_all(calls).await.into_iter().partition(|reply| reply.status == 200);
        assert_eq!(won.len(), 1, "{won:?}");
        for reply in lost {
            let problem = reply.is(409).json;
            assert_eq!(problem["current_phase"], "PHASE_REQUIREMENTS", "{problem}");
        }
        let rows = history(&server, &ticket).await;
        assert_eq!(rows.len(), 2, "its creation and one move: {rows:?}");
        let now = server.get(&format!("/tickets/{ticket}")).await.is(200).json;
        assert_eq!(now["version"], 2);
        let events = events_of(&server, &format!("tickets/{ticket}")).await;
        let kinds: Vec<_> = events.iter().map(|event| event["type"].clone()).collect();
        assert_eq!(json!(kinds), json!(["ticket.created", "ticket.phase.transitioned"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_move_of_many_tickets_at_once_is_in_its_history_and_in_the_log() {
    let server = server_for_a_race().await;
    let tickets = join_all((0..12).map(|_| new_ticket(&server, "Rotate the keys"))).await;
    let rounds = ["PHASE_REQUIREMENTS", "PHASE_BLOCKED", "PHASE_REQUIREMENTS", "PHASE_DESIGN"];
    join_all(tickets.iter().map(|ticket| crate::kit::enter(&server, ticket, &rounds))).await;
    for ticket in tickets {
        assert_eq!(history(&server, &ticket).await.len(), 1 + rounds.len());
        let events = events_of(&server, &format!("tickets/{ticket}")).await;
        assert_eq!(events.len(), 1 + rounds.len(), "{events:?}");
    }
}

/// Whoever follows the log must end where the row is. On PostgreSQL a number that is taken before
/// the row is waited for does not see to that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_of_an_agent_come_in_the_order_of_its_versions() {
    let server = server_for_a_race().await;
    let agents = join_all((0..4).map(|_| worker(&server, &["rust"], 1))).await;
    for agent in &agents {
        let path = format!("/agents/{agent}/availability");
        let toggles =
            (0..CALLERS).map(|call| server.post(&path, json!({ "available": call % 2 == 0 })));
        for reply in join_all(toggles).await {
            reply.is(200);
        }
    }
    for agent in &agents {
        let events = events_of(&server, &format!("agents/{agent}")).await;
        let versions: Vec<_> =
            events.iter().map(|event| event["data"]["version"].as_i64().unwrap()).collect();
        assert!(versions.is_sorted(), "{versions:?}");
        let now = server.get(&format!("/agents/{agent}")).await.is(200).json;
        assert_eq!(now["version"], *versions.last().unwrap());
    }
}
