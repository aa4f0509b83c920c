//! Heartbeats go on through failures and end with the agent.

use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::kit::{Turn, json as answer, problem, serve};

const EVERY: Duration = Duration::from_millis(50);

fn taken() -> Turn {
    answer(
        200,
        &json!({
            "agent_id": Uuid::nil(), "received_at": "2026-01-31T08:15:00.000000Z",
            "health_status": "healthy", "status": "idle", "sequence": 1, "missed_now": 0,
            "out_of_order": false,
        }),
    )
}

#[tokio::test]
async fn beats_are_numbered_and_go_on_through_failures_until_the_agent_is_gone() {
    let turns = [taken(), problem(503, "x"), Turn::HangUp, problem(422, "x"), problem(410, "gone")];
    let (client, mut heard) = serve(turns).await;
    let load = || json!({ "load": 0.5 }).as_object().cloned();
    let alive = HeartbeatLoop::start(&client, Uuid::nil(), EVERY, load);
    let ended = timeout(Duration::from_secs(5), alive.ended()).await.unwrap();
    assert_eq!(ended, Ended::AgentGone { detail: "gone".to_owned() });
    let asked: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
    let bodies: Vec<_> = asked.iter().map(|asked| asked.body.as_str()).collect();
    let beat = |n| format!(r#"{{"sequence":{n},"metrics":{{"load":0.5}}}}"#);
    assert_eq!(bodies, [beat(1), beat(2), beat(3), beat(4), beat(5)]);
    assert_eq!(asked[0].header("idempotency-key"), None);
}

#[tokio::test]
async fn a_loop_that_is_stopped_or_dropped_is_silent() {
    let (client, mut heard) = serve(vec![taken(); 9]).await;
    let start = || HeartbeatLoop::start(&client, Uuid::nil(), EVERY, || None);
    let alive = start();
    heard.recv().await.unwrap();
    alive.stop().await;
    let alive = start();
    heard.recv().await.unwrap();
    drop(alive);
    sleep(4 * EVERY).await;
    assert!(heard.try_recv().is_err());
}

#[tokio::test]
async fn metrics_that_panic_are_told_to_the_owner() {
    let (client, _heard) = serve([]).await;
    let alive = HeartbeatLoop::start(&client, Uuid::nil(), EVERY, || panic!("no metrics"));
    assert_eq!(alive.ended().await, Ended::Broken);
}

#[test]
fn pauses_are_never_longer_than_promised() {
    let every = Duration::from_secs(8);
    for pause in pauses(every).take(1000) {
        assert!((Duration::from_secs(7)..=every).contains(&pause), "{pause:?}");
    }
}
