//! Fields that are wrong, or unknown: each is named.

use reqwest::Method;
use serde_json::{Value, json};

use super::world::{NOBODY, World};

#[tokio::test]
async fn a_field_of_a_ticket_that_is_wrong_is_named_by_its_pointer() {
    let world = World::new().await;
    let long = "x".repeat(201);
    for (body, pointer) in [
        (json!({ "title": "" }), "/title"),
        (json!({ "title": " " }), "/title"),
        (json!({ "title": long }), "/title"),
        (json!({ "title": 7 }), "/title"),
        (json!({ "title": null }), "/title"),
        (json!({ "title": ["a"] }), "/title"),
        (json!({ "title": "a", "priority": "urgent" }), "/priority"),
        (json!({ "title": "a", "priority": "high" }), "/priority"),
        (json!({ "title": "a", "workflow_id": "" }), "/workflow_id"),
        (json!({ "title": "a", "phase_id": "design" }), "/phase_id"),
        (json!({ "title": "a", "phase_id": "PHASE_LIMBO" }), "/phase_id"),
        (json!({ "title": "a", "key": "" }), "/key"),
        (json!({ "title": "a", "estimate": "x".repeat(33) }), "/estimate"),
        (json!({ "title": "a", "description": "x".repeat(100_001) }), "/description"),
        (json!({ "title": "a", "blocked_by": "b" }), "/blocked_by"),
        (json!({ "title": "a", "blocked_by": ["b"] }), "/blocked_by/0"),
        (json!({ "title": "a", "blocked_by": [NOBODY] }), "/blocked_by/0"),
        (json!({ "title": "a", "blocked_by": [NOBODY, NOBODY] }), "/blocked_by/1"),
    ] {
        world.refuses("/tickets", body, pointer).await;
    }
    world.is_unchanged().await;
}

#[tokio::test]
async fn a_field_of_an_agent_that_is_wrong_is_named_by_its_pointer() {
    let world = World::new().await;
    let agent = |field: &str, value: Value| {
        let mut agent = json!({ "agent_type": "worker", "capabilities": ["rust"] });
        agent[field] = value;
        agent
    };
    for (field, value, pointer) in [
        ("agent_type", json!("boss"), "/agent_type"),
        ("capabilities", json!([]), "/capabilities"),
        ("capabilities", json!(["x".repeat(101)]), "/capabilities"),
        ("capabilities", json!([" "]), "/capabilities"),
        (
            "capabilities",
            json!((0..65).map(|n| n.to_string()).collect::<Vec<_>>()),
            "/capabilities",
        ),
        ("capacity", json!(0), "/capacity"),
        ("capacity", json!(1001), "/capacity"),
        ("capacity", json!(-1), "/capacity"),
        ("capacity", json!(1.5), "/capacity"),
        ("phase_id", json!("PHASE_LIMBO"), "/phase_id"),
        ("tags", json!("blue"), "/tags"),
    ] {
        world.refuses("/agents/register", agent(field, value), pointer).await;
    }
    world.is_unchanged().await;
}

#[tokio::test]
async fn a_field_of_an_operation_that_is_wrong_is_named_by_its_pointer() {
    let world = World::new().await;
    let World { ticket, task, agent, .. } = &world;
    for (path, body, pointer) in [
        (format!("/tickets/{ticket}/transition"), json!({}), "/to_phase"),
        (format!("/tickets/{ticket}/transition"), json!({ "to_phase": 1 }), "/to_phase"),
        (
            format!("/tickets/{ticket}/transition"),
            json!({ "to_phase": "PHASE_LIMBO" }),
            "/to_phase",
        ),
        (
            format!("/tickets/{ticket}/transition"),
            json!({ "to_phase": "PHASE_DESIGN", "artifacts": [{ "type": 1 }] }),
            "/artifacts/0/type",
        ),
        (format!("/tickets/{ticket}/tasks"), json!({ "phase_id": "PHASE_DONE" }), "/phase_id"),
        (format!("/tickets/{ticket}/tasks"), json!({ "depends_on": [NOBODY] }), "/depends_on/0"),
        (format!("/tickets/{ticket}/update-context"), json!({ "phase_id": "P" }), "/phase_id"),
        (
            format!("/tasks/{task}/complete"),
            json!({ "result": { "context": { "decisions": ["a", ""] } } }),
            "/result/context/decisions/1",
        ),
        (format!("/tasks/{task}/fail"), json!({ "error_message": "" }), "/error_message"),
        (format!("/agents/{agent}/availability"), json!({ "available": "yes" }), "/available"),
        (format!("/agents/{agent}/heartbeat"), json!({ "sequence": -1 }), "/sequence"),
        (format!("/agents/{agent}/heartbeat"), json!({ "metrics": [1] }), "/metrics"),
        (
            "/backlog".to_owned(),
            json!({
                "tickets": [{ "key": "a", "title": "a" }],
                "tasks": [
                    { "key": "b", "ticket": "a" },
                    { "key": "c", "ticket": "a", "depends_on": ["b", "d"] },
                ],
            }),
            "/tasks/1/depends_on/1",
        ),
        (
            "/backlog".to_owned(),
            json!({ "tickets": [{ "key": "a", "title": "a", "phase_id": "PHASE_LIMBO" }], "tasks": [] }),
            "/tickets/0/phase_id",
        ),
    ] {
        world.refuses(&path, body, pointer).await;
    }
    world.is_unchanged().await;
}

#[tokio::test]
async fn an_unknown_field_or_parameter_is_refused_by_name() {
    let world = World::new().await;
    for (method, path, mut body) in world.routes_with_ids() {
        if method == Method::POST || method == Method::PATCH {
            body["colour"] = json!("red");
            let path = path.replace("{id}", NOBODY);
            let reply = world.server.request(method, &path).json(body).send().await;
            assert!(reply.clone().problem(422, "invalid").to_string().contains("colour"));
        }
    }
    for path in ["/tickets", "/agents", "/agents/search?capabilities=a", "/events", "/agents/stale"]
    {
        let mark = if path.contains('?') { '&' } else { '?' };
        let reply = world.server.get(&format!("{path}{mark}colour=red")).await;
        assert!(reply.problem(400, "malformed-request").to_string().contains("colour"), "{path}");
    }
    world.is_unchanged().await;
}
