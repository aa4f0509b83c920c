//! Short words for what most tests do to tasks and agents.

use serde_json::{Value, json};

use super::{Http, Reply, text};

/// Registers a worker with these capabilities; its id.
pub(crate) async fn worker(http: &Http, capabilities: &[&str], capacity: u32) -> String {
    let body =
        json!({ "agent_type": "worker", "capabilities": capabilities, "capacity": capacity });
    text(&http.create("/agents/register", body).await, "agent_id").to_owned()
}

/// Makes a task of a ticket; its id.
pub(crate) async fn new_task(http: &Http, ticket: &str, body: Value) -> String {
    text(&http.create(&format!("/tickets/{ticket}/tasks"), body).await, "id").to_owned()
}

/// Claims; the items.
pub(crate) async fn claim(http: &Http, agent: &str, body: Value) -> Vec<Value> {
    let answer = http.post(&format!("/agents/{agent}/claim"), body).await.is(200).json;
    answer["items"].as_array().expect("a claim answers items").clone()
}

/// Claims exactly one task; the item.
pub(crate) async fn claim_one(http: &Http, agent: &str) -> Value {
    let mut items = claim(http, agent, json!({})).await;
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

/// Acts on a claimed task, with its token.
pub(crate) async fn act(http: &Http, item: &Value, verb: &str, mut body: Value) -> Reply {
    body["fencing_token"] = item["fencing_token"].clone();
    http.post(&format!("/tasks/{}/{verb}", text(&item["task"], "id")), body).await
}

/// A task as it is now.
pub(crate) async fn task(http: &Http, id: &str) -> Value {
    http.get(&format!("/tasks/{id}")).await.is(200).json
}

/// An agent as it is now.
pub(crate) async fn agent(http: &Http, id: &str) -> Value {
    http.get(&format!("/agents/{id}")).await.is(200).json
}

/// A ticket as it is now.
pub(crate) async fn ticket(http: &Http, id: &str) -> Value {
    http.get(&format!("/tickets/{id}")).await.is(200).json
}

/// A result that says only this.
pub(crate) fn done(summary: &str) -> Value {
    json!({ "result": { "summary": summary } })
}
