//! Heartbeats: cheap, written soon, and never a resurrection.

use chrono::DateTime;
use phaseline_engine::Settings;
use phaseline_persistence::{
    Db,
    agents::{self, Heartbeat},
    entity::{agent, agent_heartbeat},
};
use phaseline_registry::HeartbeatRecord;
use sea_orm::{DbBackend, EntityTrait, QuerySelect, TransactionTrait};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::kit::{
    Clock, Http, backend, database, eventually, outside, server, server_at, server_over,
    server_over_at, text,
};

#[tokio::test]
async fn a_heartbeat_is_in_the_table_soon_and_survives_a_restart() {
    let first = server().await;
    let agent = register(&first).await;
    beat(&first, &agent, json!({ "sequence": 1, "metrics": { "load": 0.5 } })).await;
    let id = agent.parse().unwrap();
    eventually("the heartbeat is written", || async {
        let stored = agents::find(first.db().reader(), id).await.unwrap().unwrap();
        stored.agent.heartbeat.sequence.filter(|sequence| *sequence == 1)
    })
    .await;
    beat(&first, &agent, json!({ "sequence": 2 })).await;

    let second = server_over(first.stop().await).await;
    let health = second.get(&format!("/agents/{agent}/health")).await.is(200).json;
    assert_eq!(health["heartbeat_sequence"], 2, "an orderly end writes what is in memory");
    assert_eq!(health["health_status"], "healthy");
    assert_eq!(health["metrics"], json!({ "load": 0.5 }));
}

#[tokio::test]
async fn gaps_are_counted_and_late_ones_noticed() {
    let server = server().await;
    let agent = register(&server).await;
    let missed = |beat: Value| (beat["missed_now"].clone(), beat["out_of_order"].clone());
    let at = async |sequence: u32| beat(&server, &agent, json!({ "sequence": sequence })).await;
    assert_eq!(missed(at(1).await), (json!(0), json!(false)));
    assert_eq!(missed(at(5).await), (json!(3), json!(false)));
    assert_eq!(missed(at(3).await), (json!(0), json!(true)));
    let health = server.get(&format!("/agents/{agent}/health")).await.is(200).json;
    assert_eq!(health["heartbeats_missed"], 3);
    assert_eq!(health["heartbeat_sequence"], 5);
}

#[tokio::test]
async fn a_heartbeat_never_revives_the_dead() {
    let server = server().await;
    let agent = register(&server).await;
    server.delete(&format!("/agents/{agent}")).await.is(204);
    let path = format!("/agents/{agent}/heartbeat");
    server.post(&path, json!({ "sequence": 1 })).await.problem(410, "agent-gone");
    let status = server.get(&format!("/agents/{agent}")).await.is(200).json;
    assert_eq!(status["status"], "terminated");
    let nobody = "/agents/01980c2f-7a3e-7c62-b6b8-1f1f6f3b2a10/heartbeat";
    server.post(nobody, json!({})).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_heartbeat_changes_no_version() {
    let server = server().await;
    let agent = register(&server).await;
    let before = server.get(&format!("/agents/{agent}")).await.is(200);
    beat(&server, &agent, json!({})).await;
    let after = server.get(&format!("/agents/{agent}")).await.is(200);
    assert_eq!(after.header("etag"), before.header("etag"));
}

#[tokio::test]
async fn silence_degrades_an_agent_and_is_announced_once_for_each_step() {
    let clock = Clock::stopped();
    let settings = Settings::default();
    let ttl = i64::from(settings.health.ttl_s);
    let server = server_at(settings, clock).await;
    let agent = register(&server).await;
    assert_eq!(health(&server, &agent).await, "unknown");
    beat(&server, &agent, json!({})).await;
    assert_eq!(health(&server, &agent).await, "healthy");
    announced(&server, 1).await;
    clock.pass(2 * ttl + 1);
    assert_eq!(health(&server, &agent).await, "degraded", "it is computed when it is read");
    announced(&server, 2).await;
    clock.pass(ttl);
    assert_eq!(health(&server, &agent).await, "unresponsive");
    announced(&server, 3).await;
    beat(&server, &agent, json!({})).await;
    assert_eq!(health(&server, &agent).await, "healthy");
    let steps = announced(&server, 4).await;
    assert_eq!(
        steps,
        ["unknown healthy", "healthy degraded", "degraded unresponsive", "unresponsive healthy"]
    );
}

#[tokio::test]
async fn a_restart_makes_no_silent_agent_well() {
    let clock = Clock::stopped();
    let first = server_at(Settings::default(), clock).await;
    let agent = register(&first).await;
    beat(&first, &agent, json!({})).await;
    announced(&first, 1).await;
    clock.pass(1000);
    announced(&first, 2).await;
    let second = server_over_at(first.stop().await, clock).await;
    assert_eq!(health(&second, &agent).await, "unresponsive");
    second.get("/agents/best-fit?capabilities=rust").await.problem(404, "no-fitting-agent");
    beat(&second, &agent, json!({})).await;
    assert_eq!(health(&second, &agent).await, "healthy");
}

#[tokio::test]
async fn one_agent_with_absurd_numbers_does_not_hold_up_the_others() {
    let server = server().await;
    let (absurd, other) = (register(&server).await, register(&server).await);
    for _ in 0..1100 {
        beat(&server, &absurd, json!({ "sequence": 0 })).await;
        beat(&server, &absurd, json!({ "sequence": 9_007_199_254_740_991_u64 })).await;
    }
    beat(&server, &other, json!({ "sequence": 1 })).await;
    let id = other.parse().unwrap();
    eventually("the heartbeat of the other one is written", || async {
        let stored = agents::find(server.db().reader(), id).await.unwrap().unwrap();
        stored.agent.heartbeat.sequence
    })
    .await;
}

#[tokio::test]
async fn many_are_written_at_once_and_an_older_one_changes_nothing() {
    let place = database().await;
    let db = place.open().await;
    let beat = |number: u128, second: i64, metrics: Option<Value>| Heartbeat {
        agent_id: Uuid::from_u128(number),
        record: HeartbeatRecord {
            last_at: DateTime::from_timestamp(1_800_000_000 + second, 0),
            sequence: Some(second.unsigned_abs()),
            missed: 1,
        },
        metrics,
    };
    // Whole statements and what is left of them.
    let all = (0..1103).map(|number| beat(number, 5, Some(json!({ "load": 1 })))).collect();
    write(&db, all).await;
    write(&db, vec![beat(3, 4, Some(json!({ "load": 2 }))), beat(2, 9, None), beat(1, 9, None)])
        .await;
    let rows =
        outside(&db, async |db| agent_heartbeat::Entity::find().all(db).await.unwrap()).await;
    assert_eq!(rows.len(), 1103);
    for row in rows {
        let later = [1, 2].contains(&row.agent_id.as_u128());
        assert_eq!(row.heartbeat_sequence, Some(if later { 9 } else { 5 }), "{row:?}");
        assert_eq!(row.metrics, Some(json!({ "load": 1 })), "{row:?}");
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "somebody else's transaction, past the door")]
async fn they_are_written_while_somebody_else_holds_the_agent() {
    let server = server().await;
    let agent = register(&server).await;
    let id: Uuid = agent.parse().unwrap();
    outside(server.db(), async |db| {
        let held = db.begin().await.unwrap();
        if backend() == DbBackend::Postgres {
            let row = agent::Entity::find_by_id(id).lock_exclusive();
            assert!(row.one(&held).await.unwrap().is_some());
        }
        // Longer than it takes to find that the agent is healthy now, which cannot be said of it yet.
        for sequence in 1..=4 {
            beat(&server, &agent, json!({ "sequence": sequence })).await;
            eventually("the heartbeat is written", || async {
                let stored = agents::find(server.db().reader(), id).await.unwrap().unwrap();
                stored.agent.heartbeat.sequence.filter(|stored| *stored == sequence)
            })
            .await;
        }
        held.rollback().await.unwrap();
    })
    .await;
}

async fn write(db: &Db, heartbeats: Vec<Heartbeat>) {
    let written = db.write(heartbeats, |tx, heartbeats| {
        Box::pin(async move { agents::record_heartbeats(tx, heartbeats).await })
    });
    written.await.unwrap();
}

async fn announced(http: &Http, expected: usize) -> Vec<String> {
    let path = "/events?after=0&types=agent.health.changed&limit=100";
    let events = eventually("the change of health is announced", || async {
        let page = http.get(path).await.is(200).json;
        let events = page["items"].as_array().unwrap().clone();
        (events.len() >= expected).then_some(events)
    })
    .await;
    assert_eq!(events.len(), expected, "{events:?}");
    let step = |event: &Value| {
        let data = &event["data"];
        format!("{} {}", text(data, "previous_health"), text(data, "health_status"))
    };
    events.iter().map(step).collect()
}

async fn health(http: &Http, agent: &str) -> String {
    let health = http.get(&format!("/agents/{agent}/health")).await.is(200).json;
    text(&health, "health_status").to_owned()
}

async fn beat(http: &Http, agent: &str, body: Value) -> Value {
    http.post(&format!("/agents/{agent}/heartbeat"), body).await.is(200).json
}

async fn register(http: &Http) -> String {
    let body = json!({ "agent_type": "worker", "capabilities": ["rust"] });
    text(&http.create("/agents/register", body).await, "agent_id").to_owned()
}
