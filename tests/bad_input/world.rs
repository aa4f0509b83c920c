//! A server with one of everything, and what it holds.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::{Server, new_ticket, server, tables, text};

/// An id that nothing has.
pub(super) const NOBODY: &str = "01980c2f-7a3e-7c62-b6b8-1f1f6f3b2a10";

/// How many rows each table has, and the objects themselves.
type State = (BTreeMap<String, i64>, Vec<Value>);

/// A server with one of everything, and what its tables hold.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) ticket: String,
    pub(super) task: String,
    pub(super) agent: String,
    before: State,
}

impl World {
    /// Makes it.
    pub(super) async fn new() -> Self {
        let server = server().await;
        let ticket = new_ticket(&server, "Rotate the keys").await;
        let task = server.create(&format!("/tickets/{ticket}/tasks"), json!({})).await;
        let task = text(&task, "id").to_owned();
        let agent = json!({ "agent_type": "worker", "capabilities": ["rust"] });
        let agent = server.create("/agents/register", agent).await;
        let agent = text(&agent, "agent_id").to_owned();
        let mut world = Self { server, ticket, task, agent, before: Default::default() };
        world.before = world.state().await;
        world
    }

    async fn state(&self) -> State {
        let Self { server, ticket, task, agent, before: _ } = self;
        let paths =
            [format!("/tickets/{ticket}"), format!("/tasks/{task}"), format!("/agents/{agent}")];
        let mut objects = Vec::new();
        for path in paths {
            objects.push(server.get(&path).await.is(200).json);
        }
        (tables(server.db()).await, objects)
    }

    /// Nothing that was refused has left a trace.
    pub(super) async fn is_unchanged(&self) {
        assert_eq!(self.state().await, self.before);
    }

    /// The body is refused, and the field that the pointer says is blamed.
    pub(super) async fn refuses(&self, path: &str, body: Value, pointer: &str) {
        let problem = self.server.post(path, body.clone()).await.problem(422, "invalid");
        let shown = body.to_string().chars().take(200).collect::<String>();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{path} {shown}: {problem}");
        assert!(!text(&problem["errors"][0], "detail").is_empty(), "{problem}");
    }

    /// Every route with an id, and a body that it takes.
    pub(super) fn routes_with_ids(&self) -> Vec<(Method, &'static str, Value)> {
        let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
        let none = Value::Null;
        vec![
            (get.clone(), "/tickets/{id}", none.clone()),
            (patch.clone(), "/tickets/{id}", json!({})),
            (delete.clone(), "/tickets/{id}", none.clone()),
            (post.clone(), "/tickets/{id}/transition", json!({ "to_phase": "PHASE_DESIGN" })),
            (get.clone(), "/tickets/{id}/valid-transitions", none.clone()),
            (get.clone(), "/tickets/{id}/phase-history", none.clone()),
            (get.clone(), "/tickets/{id}/context", none.clone()),
            (post.clone(), "/tickets/{id}/update-context", json!({ "phase_id": "PHASE_DESIGN" })),
            (post.clone(), "/tickets/{id}/tasks", json!({})),
            (get.clone(), "/tickets/{id}/tasks", none.clone()),
            (get.clone(), "/tasks/{id}", none.clone()),
            (post.clone(), "/tasks/{id}/complete", json!({ "result": {} })),
            (post.clone(), "/tasks/{id}/fail", json!({ "error_message": "no" })),
            (get.clone(), "/agents/{id}", none.clone()),
            (patch, "/agents/{id}", json!({})),
            (delete, "/agents/{id}", none.clone()),
            (post.clone(), "/agents/{id}/availability", json!({ "available": true })),
            (post, "/agents/{id}/heartbeat", json!({})),
            (get, "/agents/{id}/health", none),
        ]
    }
}
