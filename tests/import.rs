//! Importing a backlog: all of it or nothing, and nothing twice.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::kit::{Server, server, server_for_a_race, tables, text};

#[tokio::test]
async fn what_is_imported_is_there_with_its_dependencies_and_defaults() {
    let server = server().await;
    let done = server.post("/backlog", backlog()).await.is(200).json;
    assert_eq!(
        done,
        json!({
            "tickets_created": 2, "tickets_unchanged": 0,
            "tasks_created": 3, "tasks_unchanged": 0,
        })
    );
    let tickets = server.all("/tickets", 100).await;
    let [first, second] = tickets.as_slice() else { panic!("{tickets:?}") };
    assert_eq!(first["key"], "KEYS-1");
    assert_eq!(second["blocked_by"], json!([first["id"]]));
    let tasks = server.all(&format!("/tickets/{}/tasks", text(first, "id")), 100).await;
    let [list, roll] = tasks.as_slice() else { panic!("{tasks:?}") };
    assert_eq!(roll["depends_on"], json!([list["id"]]));
    assert_eq!(roll["task_type"], "implementation", "the documented default");
    assert_eq!(roll["phase_id"], "PHASE_IMPLEMENTATION", "the documented default");
    assert_eq!(roll["priority"], "HIGH", "as its ticket");
}

#[tokio::test]
async fn importing_twice_makes_no_duplicates() {
    let server = server().await;
    server.post("/backlog", backlog()).await.is(200);
    let before = tables(server.db()).await;
    let again = server.post("/backlog", backlog()).await.is(200).json;
    assert_eq!(again["tickets_created"], 0);
    assert_eq!(again["tickets_unchanged"], 2);
    assert_eq!(again["tasks_created"], 0);
    assert_eq!(again["tasks_unchanged"], 3);
    assert_eq!(tables(server.db()).await, before);
}

#[tokio::test]
async fn a_backlog_with_one_fault_is_refused_with_its_name_and_nothing_is_stored() {
    let server = server().await;
    check(&server, "/tickets/1/blocked_by", json!(["KEYS-9"]), &["KEYS-2", "KEYS-9"]).await;
    check(&server, "/tickets/0/blocked_by", json!(["KEYS-2"]), &["KEYS-1", "KEYS-2"]).await;
    check(&server, "/tickets/1/key", json!("KEYS-1"), &["KEYS-1"]).await;
    check(&server, "/tickets/0/blocked_by", json!(["KEYS-1"]), &["KEYS-1"]).await;
    check(&server, "/tasks/1/depends_on", json!(["nothing"]), &["roll", "nothing"]).await;
    check(&server, "/tasks/0/depends_on", json!(["roll"]), &["list", "roll"]).await;
    check(&server, "/tasks/0/depends_on", json!(["KEYS-2/tell"]), &["KEYS-2"]).await;
    check(&server, "/tasks/0/ticket", json!("KEYS-9"), &["list", "KEYS-9"]).await;
    check(&server, "/tasks/1/key", json!("list"), &["list"]).await;
    check(&server, "/tickets/0/colour", json!("red"), &["colour"]).await;
    check(&server, "/tasks/0/colour", json!("red"), &["colour"]).await;
    check(&server, "/colour", json!("red"), &["colour"]).await;
    check(&server, "/tickets/0/priority", json!("URGENT"), &["/tickets/0/priority"]).await;
    check(&server, "/tickets/0/title", json!(""), &["/tickets/0/title"]).await;
    check(&server, "/tickets/0/phase_id", json!("PHASE_LIMBO"), &["PHASE_LIMBO"]).await;
    check(&server, "/tasks/0/phase_id", json!("PHASE_DONE"), &["PHASE_DONE"]).await;
}

#[tokio::test]
async fn a_later_backlog_builds_on_what_is_stored() {
    let server = server().await;
    server.post("/backlog", backlog()).await.is(200);
    let first = text(&server.all("/tickets", 100).await[0], "id").to_owned();
    let task = |ticket: &str, depends_on: Value| {
        let task = json!({ "key": "more", "ticket": ticket, "depends_on": depends_on });
        json!({ "tickets": [], "tasks": [task] })
    };
    let circle = server.post("/backlog", task("KEYS-1", json!(["KEYS-2/tell"]))).await;
    let circle = circle.problem(422, "invalid").to_string();
    assert!(circle.contains("ticket KEYS-1 waits for task KEYS-1/more"), "{circle}");

    server.post("/backlog", task("KEYS-1", json!(["roll"]))).await.is(200);
    let tasks = server.all(&format!("/tickets/{first}/tasks"), 100).await;
    assert_eq!(tasks[2]["depends_on"], json!([tasks[1]["id"]]));
    assert_eq!(tasks[2]["priority"], "HIGH", "as its stored ticket");

    let done = json!({ "key": "KEYS-3", "title": "Done", "phase_id": "PHASE_DONE" });
    server.post("/backlog", json!({ "tickets": [done], "tasks": [] })).await.is(200);
    let late = server.post("/backlog", task("KEYS-3", json!([]))).await;
    let late = late.problem(422, "invalid");
    assert_eq!(late["errors"][0]["pointer"], "/tasks/0/ticket");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_imports_at_once_that_overlap_each_succeeds_and_nothing_is_there_twice() {
    const KEYS: usize = 20;
    let server = server_for_a_race().await;
    let import = async |begin: usize| {
        let ticket = |key: usize| json!({ "key": format!("KEYS-{key}"), "title": "Keys" });
        let tickets: Vec<Value> = (0..KEYS / 2).map(|at| ticket((begin + at) % KEYS)).collect();
        server.post("/backlog", json!({ "tickets": tickets, "tasks": [] })).await.is(200);
    };
    join_all((0..KEYS).map(import)).await;
    assert_eq!(server.all("/tickets", 100).await.len(), KEYS);
}

/// Puts a fault into a sound backlog and imports it.
async fn check(server: &Server, pointer: &str, fault: Value, named: &[&str]) {
    let mut backlog = backlog();
    put(&mut backlog, pointer, fault);
    let before = tables(server.db()).await;
    let reply = server.post("/backlog", backlog).await;
    let said = reply.clone().problem(422, "invalid").to_string();
    for name in named {
        assert!(said.contains(name), "{pointer}: {name} is not named in {said}");
    }
    assert_eq!(tables(server.db()).await, before, "{pointer}");
}

fn put(backlog: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    backlog.pointer_mut(parent).unwrap()[name] = value;
}

fn backlog() -> Value {
    json!({
        "tickets": [
            { "key": "KEYS-1", "title": "Rotate the signing keys", "priority": "HIGH" },
            { "key": "KEYS-2", "title": "Revoke the old keys", "blocked_by": ["KEYS-1"] },
        ],
        "tasks": [
            { "key": "list", "ticket": "KEYS-1", "title": "List the keys", "task_type": "analysis" },
            { "key": "roll", "ticket": "KEYS-1", "title": "Roll them out", "depends_on": ["list"] },
            { "key": "tell", "ticket": "KEYS-2", "title": "Tell the users" },
        ],
    })
}
