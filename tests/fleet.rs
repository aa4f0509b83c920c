//! The registry over HTTP: who is found, who is not, and what is announced.

use phaseline_engine::{Engine, Settings, Sources, agents};
use phaseline_registry::{AgentType, Capabilities, Capacity, Tags};
use serde_json::{Value, json};

use crate::kit::{Http, events_of, eventually, new_ticket, server, server_over, text};

#[tokio::test]
async fn the_best_match_comes_first_and_explains_its_sum() {
    let server = server().await;
    let both = register(&server, json!({ "capabilities": ["Rust ", "SQL"], "capacity": 2 })).await;
    let one = register(&server, json!({ "capabilities": ["rust"], "capacity": 9 })).await;
    register(&server, json!({ "capabilities": ["python"] })).await;
    server.post(&format!("/agents/{both}/heartbeat"), json!({})).await.is(200);

    let found = server.get("/agents/search?capabilities=rust&capabilities=SQL").await.is(200).json;
    let found = found["items"].as_array().unwrap();
    assert_eq!(ids(found), [both.as_str(), one.as_str()]);
    assert_eq!(
        found[0]["score"],
        json!({ "coverage": 1.0, "availability": 0.2, "health": 0.2, "capacity": 0.1 })
    );
    assert_eq!(found[0]["match_score"], 1.5);
    assert_eq!(found[1]["missing_capabilities"], json!(["sql"]));
    let best = server.get("/agents/best-fit?capabilities=sql").await.is(200).json;
    assert_eq!(best["agent"]["agent_id"], both.as_str());
}

#[tokio::test]
async fn where_nobody_fits_the_answer_says_what_is_missing_and_who_comes_nearest() {
    let server = server().await;
    let near = register(&server, json!({ "capabilities": ["rust"] })).await;
    let problem = server
        .get("/agents/best-fit?capabilities=rust&capabilities=cobol")
        .await
        .problem(404, "no-fitting-agent");
    assert_eq!(problem["missing_capabilities"], json!(["cobol"]));
    assert_eq!(problem["nearest"]["agent"]["agent_id"], near.as_str());
}

#[tokio::test]
async fn an_agent_in_maintenance_is_left_out_unless_asked_for() {
    let server = server().await;
    let agent = register(&server, json!({ "capabilities": ["rust"] })).await;
    let path = format!("/agents/{agent}/availability");
    let away = server.post(&path, json!({ "available": false })).await.is(200).json;
    assert_eq!(away["status"], "maintenance");
    assert!(search(&server, "capabilities=rust").await.is_empty());
    assert_eq!(
        search(&server, "capabilities=rust&include_unavailable=true").await,
        [agent.as_str()]
    );
    let same = server.post(&path, json!({ "available": false })).await.is(200).json;
    assert_eq!(same["version"], away["version"], "it is unavailable already");
    server.post(&path, json!({ "available": true })).await.is(200);
    assert_eq!(search(&server, "capabilities=rust").await, [agent.as_str()]);
    let told = told(&server, &agent, "agent.availability.changed").await;
    let available: Vec<_> = told.iter().map(|data| data["available"].clone()).collect();
    assert_eq!(available, [json!(false), json!(true)]);
}

#[tokio::test]
async fn new_capabilities_are_found_at_once_and_announced_with_what_changed() {
    let server = server().await;
    let agent = register(&server, json!({ "capabilities": ["rust", "sql"] })).await;
    let patch = json!({ "capabilities": ["rust", "go"] });
    server.patch(&format!("/agents/{agent}"), patch).await.is(200);
    assert_eq!(search(&server, "capabilities=go").await, [agent.as_str()]);
    assert!(search(&server, "capabilities=sql").await.is_empty());
    let told = told(&server, &agent, "agent.capability.updated").await;
    assert_eq!(told[0]["added"], json!(["go"]));
    assert_eq!(told[0]["removed"], json!(["sql"]));
}

#[tokio::test]
async fn a_status_that_the_table_lacks_is_refused_with_those_that_it_has() {
    let server = server().await;
    let agent = register(&server, json!({ "capabilities": ["rust"] })).await;
    let path = format!("/agents/{agent}");
    server.patch(&path, json!({ "status": "quarantined" })).await.is(200);
    let problem =
        server.patch(&path, json!({ "status": "idle" })).await.problem(409, "illegal-agent-status");
    assert_eq!(problem["allowed"], json!(["maintenance", "terminated"]));
    assert_eq!(server.get(&path).await.json["status"], "quarantined");
}

#[tokio::test]
async fn a_terminated_agent_is_found_by_nobody_and_never_changes_again() {
    let server = server().await;
    let agent = register(&server, json!({ "capabilities": ["rust"] })).await;
    let path = format!("/agents/{agent}");
    server.delete(&path).await.is(204);
    server.delete(&path).await.problem(410, "agent-gone");
    server.patch(&path, json!({ "capacity": 2 })).await.problem(410, "agent-gone");
    assert!(search(&server, "capabilities=rust").await.is_empty());
    assert_eq!(told(&server, &agent, "agent.terminated").await.len(), 1);
}

#[tokio::test]
async fn the_fleet_is_there_again_after_a_restart() {
    let first = server().await;
    let agent = register(&first, json!({ "capabilities": ["rust"], "tags": ["eu"] })).await;
    let second = server_over(first.stop().await).await;
    assert_eq!(search(&second, "capabilities=rust&tags=eu").await, [agent.as_str()]);
    let statistics = second.get("/agents/statistics").await.is(200).json;
    assert_eq!(statistics["agents"], 1);
}

#[tokio::test]
async fn a_server_learns_of_the_agents_that_another_process_registers() {
    let server = server().await;
    let db = server.db().clone();
    let other = Engine::start(db, Settings::default(), Sources::system()).await.unwrap();
    let new = agents::Register {
        agent_type: AgentType::Worker,
        phase_id: None,
        capabilities: Capabilities::parse(["rust"]).unwrap(),
        capacity: Capacity::MIN,
        tags: Tags::default(),
    };
    let agent = agents::register(&other, &other.call(), new).await.unwrap().agent.id.to_string();
    eventually("the log has told the server", || async {
        (search(&server, "capabilities=rust").await == [agent.as_str()]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_others_wait_for_is_not_deleted() {
    let server = server().await;
    let awaited = new_ticket(&server, "First").await;
    let waits = json!({ "title": "Second", "blocked_by": [awaited] });
    let waiting = server.create("/tickets", waits).await;
    let problem = server.delete(&format!("/tickets/{awaited}")).await.problem(409, "still-needed");
    assert_eq!(problem["tickets"], json!([waiting["id"]]));
    server.delete(&format!("/tickets/{}", text(&waiting, "id"))).await.is(204);
    server.delete(&format!("/tickets/{awaited}")).await.is(204);
}

async fn register(http: &Http, mut body: Value) -> String {
    body["agent_type"] = json!("worker");
    text(&http.create("/agents/register", body).await, "agent_id").to_owned()
}

async fn search(http: &Http, query: &str) -> Vec<String> {
    let found = http.get(&format!("/agents/search?{query}")).await.is(200).json;
    ids(found["items"].as_array().unwrap())
}

fn ids(matches: &[Value]) -> Vec<String> {
    matches.iter().map(|found| text(&found["agent"], "agent_id").to_owned()).collect()
}

async fn told(http: &Http, agent: &str, kind: &str) -> Vec<Value> {
    let events = events_of(http, &format!("agents/{agent}")).await;
    let of_kind = events.into_iter().filter(|event| event["type"] == kind);
    of_kind.map(|mut event| event["data"].take()).collect()
}
