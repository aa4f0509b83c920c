//! One ticket's whole life over HTTP, as a transcript.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::{Server, server, text};

#[tokio::test]
async fn one_ticket_from_the_backlog_to_done() {
    let mut story = Story::new(server().await);
    let made =
        story.post("/tickets", json!({ "title": "Rotate the keys", "priority": "HIGH" })).await;
    let ticket = format!("/tickets/{}", text(&made, "id"));
    story.go(&ticket, "PHASE_DEPLOYMENT").await;
    story.go(&ticket, "PHASE_REQUIREMENTS").await;
    story
        .work(&ticket, "analysis", "Three services sign with one key.", "A key for each service")
        .await;
    story.go(&ticket, "PHASE_DESIGN").await;
    story.go(&ticket, "PHASE_BLOCKED").await;
    story.get(&format!("{ticket}/valid-transitions")).await;
    story.go(&ticket, "PHASE_TESTING").await;
    story.go(&ticket, "PHASE_DESIGN").await;
    story.work(&ticket, "design", "Keys overlap for a day.", "Old keys verify for 24 hours").await;
    story.go(&ticket, "PHASE_IMPLEMENTATION").await;
    story.go(&ticket, "PHASE_TESTING").await;
    story.go(&ticket, "PHASE_IMPLEMENTATION").await;
    story.get(&format!("{ticket}/context?for_phase=PHASE_IMPLEMENTATION&max_tokens=60")).await;
    story.go(&ticket, "PHASE_TESTING").await;
    story.go(&ticket, "PHASE_DEPLOYMENT").await;
    story.go(&ticket, "PHASE_DONE").await;
    story.go(&ticket, "PHASE_BACKLOG").await;
    story.get(&ticket).await;
    story.get(&format!("{ticket}/phase-history")).await;
    insta::assert_snapshot!(story.told());
}

/// What was asked and answered so far, with ids, times and hashes named instead of shown.
struct Story {
    server: Server,
    lines: Vec<String>,
    names: BTreeMap<String, String>,
}

impl Story {
    fn new(server: Server) -> Self {
        Self { server, lines: Vec::new(), names: BTreeMap::new() }
    }

    async fn go(&mut self, ticket: &str, to: &str) -> Value {
        self.post(&format!("{ticket}/transition"), json!({ "to_phase": to })).await
    }

    /// Makes a task and completes it.
    async fn work(&mut self, ticket: &str, kind: &str, summary: &str, decision: &str) {
        let task = json!({ "task_type": kind });
        let task = self.post(&format!("{ticket}/tasks"), task).await;
        let result = json!({ "summary": summary, "context": { "decisions": [decision] } });
        let path = format!("/tasks/{}/complete", text(&task, "id"));
        self.post(&path, json!({ "result": result })).await;
    }

    async fn get(&mut self, path: &str) -> Value {
        let request = self.server.request(Method::GET, path);
        self.tell(request, &format!("GET {path}")).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        let asked = format!("POST {path} {body}");
        let request = self.server.request(Method::POST, path).json(body);
        self.tell(request.header("phaseline-actor", "ada"), &asked).await
    }

    async fn tell(&mut self, request: crate::kit::Request, asked: &str) -> Value {
        let reply = request.send().await;
        let answered = laid_out(&self.normal(&reply.json), "");
        let asked = self.named(asked);
        self.lines.push(format!("{asked}\n{} {answered}\n", reply.status));
        reply.json
    }

    fn told(self) -> String {
        self.lines.join("\n")
    }

    /// The same JSON with what differs from run to run replaced.
    fn normal(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, member)| match (name.as_str(), member) {
                    ("seconds_in_previous", Value::Number(_)) => (name.clone(), json!("[seconds]")),
                    ("content_hash" | "inputs_hash", Value::String(_)) => {
                        (name.clone(), json!("[hash]"))
                    }
                    _ => (name.clone(), self.normal(member)),
                })
                .collect(),
            Value::Array(items) => items.iter().map(|item| self.normal(item)).collect(),
            Value::String(text) if is_time(text) => json!("[time]"),
            Value::String(text) => {
                if uuid::Uuid::try_parse(text).is_ok() && !self.names.contains_key(text) {
                    let name = format!("[id {}]", self.names.len() + 1);
                    self.names.insert(text.clone(), name);
                }
                json!(self.named(text))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id, name))
    }
}

/// JSON with one line for what fits on one.
fn laid_out(value: &Value, indent: &str) -> String {
    const WIDTH: usize = 240;
    let line = value.to_string();
    if line.len() <= WIDTH {
        return line;
    }
    let deeper = format!("{indent}  ");
    let (open, parts, close): (_, Vec<String>, _) = if let Value::Object(members) = value {
        let part = |(name, member)| format!("{name:?}: {}", laid_out(member, &deeper));
        ('{', members.iter().map(part).collect(), '}')
    } else if let Value::Array(items) = value {
        ('[', items.iter().map(|item| laid_out(item, &deeper)).collect(), ']')
    } else {
        return line;
    };
    let parts = parts.join(&format!(",\n{deeper}"));
    format!("{open}\n{deeper}{parts}\n{indent}{close}")
}

fn is_time(text: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
}
