//! Tickets flow by themselves where that is switched on, and stop where somebody must look.

use serde_json::{Value, json};

use crate::kit::{
    Http, act, claim, claim_one, done, enter, history, new_task, server, text, ticket, transition,
    worker,
};

#[tokio::test]
async fn a_ticket_advances_when_the_last_task_of_its_phase_completes() {
    let server = server().await;
    let id =
        made(&server, json!({ "auto_advance": true, "phase_id": "PHASE_IMPLEMENTATION" })).await;
    let first = new_task(&server, &id, json!({})).await;
    let second = new_task(&server, &id, json!({})).await;
    complete(&server, &first).await;
    assert_eq!(phase(&server, &id).await, "PHASE_IMPLEMENTATION");
    complete(&server, &second).await;
    assert_eq!(phase(&server, &id).await, "PHASE_TESTING", "and not through a phase without work");
    let rows = history(&server, &id).await;
    assert_eq!(rows[1]["transitioned_by"], "phaseline");
    assert_eq!(rows[1]["reason"], "the work of PHASE_IMPLEMENTATION is done");
}

#[tokio::test]
async fn a_ticket_that_skips_empty_phases_gets_to_its_end() {
    let server = server().await;
    let id = made(&server, json!({ "auto_advance": true, "skip_empty_phases": true })).await;
    let code = new_task(&server, &id, json!({ "phase_id": "PHASE_IMPLEMENTATION" })).await;
    let test = json!({ "phase_id": "PHASE_TESTING", "title": "test" });
    new_task(&server, &id, test).await;
    let agent = worker(&server, &["rust"], 1).await;
    let item = claim_one(&server, &agent).await;
    assert_eq!(text(&item["task"], "id"), code);
    assert_eq!(item["ticket"]["phase_id"], "PHASE_IMPLEMENTATION", "it begins with its first work");
    act(&server, &item, "complete", done("coded")).await.is(200);
    assert_eq!(phase(&server, &id).await, "PHASE_TESTING");
    let item = claim_one(&server, &agent).await;
    assert!(text(&item["pack"], "summary").contains("coded"), "{item}");
    act(&server, &item, "complete", done("tested")).await.is(200);
    assert_eq!(phase(&server, &id).await, "PHASE_DONE");
    let phases: Vec<String> =
        history(&server, &id).await.iter().map(|row| text(row, "to_phase").to_owned()).collect();
    assert_eq!(phases.len(), 7, "{phases:?}");
}

#[tokio::test]
async fn imported_tickets_without_work_are_done_when_those_before_them_are() {
    let server = server().await;
    let flow = |mut ticket: Value| {
        ticket["auto_advance"] = json!(true);
        ticket["skip_empty_phases"] = json!(true);
        ticket
    };
    let backlog = json!({
        "tickets": [
            flow(json!({ "key": "A", "title": "A" })),
            flow(json!({ "key": "B", "title": "B", "blocked_by": ["A"] })),
            flow(json!({ "key": "C", "title": "C", "blocked_by": ["B"] })),
            flow(json!({ "key": "D", "title": "D" })),
        ],
        "tasks": [{ "key": "a1", "ticket": "A", "description": "the only work" }],
    });
    server.post("/backlog", backlog).await.is(200);
    assert_eq!(phases(&server).await, "BACKLOG BACKLOG BACKLOG DONE");
    let agent = worker(&server, &["rust"], 1).await;
    let item = claim_one(&server, &agent).await;
    act(&server, &item, "complete", done("done")).await.is(200);
    assert_eq!(phases(&server).await, "DONE DONE DONE DONE");
    let new = json!({ "title": "New", "auto_advance": true, "skip_empty_phases": true });
    let new = server.create("/tickets", new).await;
    assert_eq!(new["phase_id"], "PHASE_BACKLOG", "its tasks may be about to come");
}

#[tokio::test]
async fn a_long_chain_of_tickets_without_work_is_done_at_once() {
    let server = server().await;
    let ticket = |number: usize| {
        let before: Vec<String> =
            (number > 0).then(|| format!("T{}", number - 1)).into_iter().collect();
        json!({
            "key": format!("T{number}"), "title": "Chained", "blocked_by": before,
            "auto_advance": true, "skip_empty_phases": true,
        })
    };
    let tickets: Vec<Value> = (0..150).map(ticket).collect();
    server.post("/backlog", json!({ "tickets": tickets, "tasks": [] })).await.is(200);
    let done = server.all("/tickets", 100).await;
    assert!(done.len() == 150 && done.iter().all(|ticket| ticket["phase_id"] == "PHASE_DONE"));
}

#[tokio::test]
async fn work_done_while_a_ticket_was_blocked_carries_it_on_when_it_resumes() {
    let server = server().await;
    let id =
        made(&server, json!({ "auto_advance": true, "phase_id": "PHASE_IMPLEMENTATION" })).await;
    new_task(&server, &id, json!({})).await;
    let agent = worker(&server, &["rust"], 1).await;
    let item = claim_one(&server, &agent).await;
    transition(&server, &id, "PHASE_BLOCKED").await.is(200);
    act(&server, &item, "complete", done("done")).await.is(200);
    server.post(&format!("/tickets/{id}/answer"), json!({ "answer": "go" })).await.is(200);
    assert_eq!(phase(&server, &id).await, "PHASE_TESTING");
}

#[tokio::test]
async fn work_of_a_later_phase_that_earlier_work_waits_for_comes_first() {
    let server = server().await;
    let backlog = json!({
        "tickets": [{ "key": "A", "title": "Test first" }],
        "tasks": [
            { "key": "t", "ticket": "A", "description": "a failing test", "task_type": "testing" },
            { "key": "i", "ticket": "A", "description": "make it pass", "depends_on": ["t"] },
        ],
    });
    server.post("/backlog", backlog).await.is(200);
    let agent = worker(&server, &["rust"], 1).await;
    for key in ["t", "i"] {
        let item = claim_one(&server, &agent).await;
        assert_eq!(item["task"]["key"], key);
        act(&server, &item, "complete", done("done")).await.is(200);
    }
}

#[tokio::test]
async fn a_ticket_whose_templates_make_its_work_begins_by_itself() {
    let server = server().await;
    let id = made(&server, json!({ "templates": true, "auto_advance": true })).await;
    assert_eq!(phase(&server, &id).await, "PHASE_REQUIREMENTS");
    let agent = worker(&server, &["rust"], 1).await;
    while let Some(item) = claim(&server, &agent, json!({})).await.first() {
        act(&server, item, "complete", done("done")).await.is(200);
    }
    assert_eq!(phase(&server, &id).await, "PHASE_DONE");
}

#[tokio::test]
async fn entering_a_phase_makes_its_tasks_once() {
    let server = server().await;
    let id = made(&server, json!({ "templates": true })).await;
    let path = format!("/tickets/{id}/tasks");
    assert!(server.all(&path, 100).await.is_empty());
    for to in ["REQUIREMENTS", "DESIGN", "IMPLEMENTATION"] {
        transition(&server, &id, &format!("PHASE_{to}")).await.is(200);
    }
    let made = server.all(&path, 100).await;
    let of = |tasks: &[Value], phase: &str| {
        tasks.iter().filter(|task| task["phase_id"] == phase).count()
    };
    assert!(of(&made, "PHASE_REQUIREMENTS") > 0 && of(&made, "PHASE_DESIGN") > 0);
    let built = of(&made, "PHASE_IMPLEMENTATION");
    assert!(built > 0);
    let ids: Vec<&Value> = made.iter().map(|task| &task["id"]).collect();
    let awaited = made.iter().flat_map(|task| task["depends_on"].as_array().unwrap());
    assert!(awaited.into_iter().all(|id| ids.contains(&id)));
    enter(&server, &id, &["PHASE_TESTING", "PHASE_IMPLEMENTATION"]).await;
    assert_eq!(of(&server.all(&path, 100).await, "PHASE_IMPLEMENTATION"), built);
}

pub(crate) async fn made(http: &Http, mut body: Value) -> String {
    body["title"] = json!("Flowing");
    text(&http.create("/tickets", body).await, "id").to_owned()
}

pub(crate) async fn phase(http: &Http, id: &str) -> String {
    text(&ticket(http, id).await, "phase_id").to_owned()
}

pub(crate) async fn complete(http: &Http, task: &str) {
    http.post(&format!("/tasks/{task}/complete"), done("done")).await.is(200);
}

#[tokio::test]
async fn a_ticket_that_is_imported_into_a_later_phase_goes_on_from_there() {
    let server = server().await;
    let flow = |key: &str, more: Value| {
        let mut ticket =
            json!({ "key": key, "title": key, "auto_advance": true, "skip_empty_phases": true });
        ticket.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ticket
    };
    let backlog = json!({
        "tickets": [
            flow("WORK", json!({ "phase_id": "PHASE_REQUIREMENTS" })),
            flow("NONE", json!({ "phase_id": "PHASE_DESIGN" })),
            flow("AFTER", json!({ "phase_id": "PHASE_DESIGN", "blocked_by": ["WORK"] })),
        ],
        "tasks": [{ "key": "code", "ticket": "WORK" }],
    });
    server.post("/backlog", backlog).await.is(200);
    assert_eq!(phases(&server).await, "IMPLEMENTATION DONE DESIGN");
    let agent = worker(&server, &["rust"], 1).await;
    let item = claim_one(&server, &agent).await;
    act(&server, &item, "complete", done("done")).await.is(200);
    assert_eq!(phases(&server).await, "DONE DONE DONE");
}

#[tokio::test]
async fn a_ticket_that_is_moved_forward_goes_on_to_the_work_that_it_has() {
    let server = server().await;
    let id = made(&server, json!({ "auto_advance": true, "skip_empty_phases": true })).await;
    transition(&server, &id, "PHASE_REQUIREMENTS").await.is(200);
    assert_eq!(phase(&server, &id).await, "PHASE_REQUIREMENTS", "its tasks may be about to come");
    new_task(&server, &id, json!({ "phase_id": "PHASE_TESTING", "title": "test" })).await;
    assert_eq!(phase(&server, &id).await, "PHASE_TESTING");

    let other = made(&server, json!({ "auto_advance": true })).await;
    new_task(&server, &other, json!({ "phase_id": "PHASE_TESTING", "title": "test" })).await;
    transition(&server, &other, "PHASE_REQUIREMENTS").await.is(200);
    assert_eq!(phase(&server, &other).await, "PHASE_TESTING");
}

#[tokio::test]
async fn a_switch_that_is_put_on_counts_for_work_that_is_done_already() {
    let server = server().await;
    let id = made(&server, json!({ "phase_id": "PHASE_IMPLEMENTATION" })).await;
    let task = new_task(&server, &id, json!({})).await;
    complete(&server, &task).await;
    assert_eq!(phase(&server, &id).await, "PHASE_IMPLEMENTATION");
    let path = format!("/tickets/{id}");
    server.patch(&path, json!({ "auto_advance": true })).await.is(200);
    assert_eq!(phase(&server, &id).await, "PHASE_TESTING");
}

#[tokio::test]
async fn a_ticket_does_not_advance_before_those_that_it_waits_for() {
    let server = server().await;
    let first = made(&server, json!({ "auto_advance": true })).await;
    let flow = json!({
        "auto_advance": true, "phase_id": "PHASE_DEPLOYMENT", "blocked_by": [first],
    });
    let second = made(&server, flow).await;
    let task = new_task(&server, &second, json!({})).await;
    complete(&server, &task).await;
    assert_eq!(phase(&server, &second).await, "PHASE_DEPLOYMENT");
    for to in ["REQUIREMENTS", "DESIGN", "IMPLEMENTATION", "TESTING", "DEPLOYMENT", "DONE"] {
        transition(&server, &first, &format!("PHASE_{to}")).await.is(200);
    }
    assert_eq!(phase(&server, &second).await, "PHASE_DONE");
}

#[tokio::test]
async fn work_that_waits_for_later_work_over_another_ticket_is_done_in_the_order_of_waiting() {
    let server = server().await;
    let flow = |key: &str| json!({ "key": key, "title": key, "auto_advance": true, "skip_empty_phases": true });
    let backlog = json!({
        "tickets": [flow("A"), flow("B")],
        "tasks": [
            { "key": "i", "ticket": "A", "title": "i", "depends_on": ["B/x"] },
            { "key": "x", "ticket": "B", "title": "x", "depends_on": ["A/t"] },
            { "key": "t", "ticket": "A", "title": "t", "task_type": "test" },
        ],
    });
    server.post("/backlog", backlog).await.is(200);
    let agent = worker(&server, &["rust"], 1).await;
    for expected in ["t", "x", "i"] {
        let item = claim_one(&server, &agent).await;
        assert_eq!(item["task"]["key"], expected);
        act(&server, &item, "complete", done("done")).await.is(200);
    }
    assert_eq!(phases(&server).await, "DONE DONE");
}

#[tokio::test]
async fn a_task_that_would_wait_for_itself_by_its_phase_is_refused() {
    let server = server().await;
    let first = made(&server, json!({})).await;
    let second = made(&server, json!({})).await;
    let test = json!({ "phase_id": "PHASE_TESTING", "key": "test" });
    let test = new_task(&server, &first, test).await;
    let code = json!({ "phase_id": "PHASE_IMPLEMENTATION", "depends_on": [test], "key": "code" });
    let code = new_task(&server, &second, code).await;
    let path = format!("/tickets/{first}/tasks");
    let early = json!({ "phase_id": "PHASE_IMPLEMENTATION", "depends_on": [code], "key": "early" });
    let problem = server.post(&path, early).await.problem(422, "dependency-cycle");
    let said = text(&problem, "detail");
    for name in ["early", "code", "test", "up to PHASE_IMPLEMENTATION"] {
        assert!(said.contains(name), "{name} is not in {said}");
    }
    let late = json!({ "phase_id": "PHASE_TESTING", "depends_on": [code] });
    new_task(&server, &first, late).await;
}

/// Where all tickets stand, in the order in which they were made.
async fn phases(http: &Http) -> String {
    let tickets = http.all("/tickets", 10).await;
    let phase = |ticket: &Value| text(ticket, "phase_id").trim_start_matches("PHASE_").to_owned();
    tickets.iter().map(phase).collect::<Vec<_>>().join(" ")
}
