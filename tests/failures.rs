//! What follows when an attempt fails: by its class.

use futures::future::join_all;
use phaseline_engine::Settings;
use serde_json::{Value, json};

use crate::kit::{
    Clock, act, claim, claim_one, eventually, new_task, new_ticket, server_at, task, text, ticket,
    worker,
};

#[tokio::test]
async fn a_task_that_used_up_its_attempts_blocks_its_ticket_until_somebody_answers() {
    let clock = Clock::stopped();
    let server = server_at(Settings::default(), clock).await;
    let ticket_id = new_ticket(&server, "Work").await;
    let id = new_task(&server, &ticket_id, json!({ "title": "Sort it", "max_attempts": 2 })).await;
    let agent = worker(&server, &["rust"], 1).await;
    for (number, message) in [(1, "it crashed"), (2, "it crashed again")] {
        let item = claim_one(&server, &agent).await;
        assert_eq!(item["fencing_token"], number);
        let after = act(&server, &item, "fail", json!({ "error_message": message })).await.is(200);
        assert_eq!(after.json["attempts_used"], number);
        clock.pass(3600);
    }
    let failed = task(&server, &id).await;
    assert_eq!(
        (&failed["status"], &failed["error_message"]),
        (&json!("failed"), &json!("it crashed again"))
    );
    let blocked = ticket(&server, &ticket_id).await;
    assert_eq!(blocked["phase_id"], "PHASE_BLOCKED");
    let blocker = &blocked["blocker"];
    assert_eq!(blocker["kind"], "failing_checks");
    assert_eq!(
        blocker["reasons"],
        json!(["attempt 1 (task): it crashed", "attempt 2 (task): it crashed again"])
    );
    assert!(claim(&server, &agent, json!({})).await.is_empty());

    let path = format!("/tickets/{ticket_id}/answer");
    let answer = json!({ "answer": "Use a stable sort." });
    let moved = server.post(&path, answer.clone()).await.is(200).json;
    assert_eq!(
        (&moved["current_phase"], &moved["kind"]),
        (&json!("PHASE_BACKLOG"), &json!("resume"))
    );
    server.post(&path, answer).await.problem(409, "not-blocked");
    let item = claim_one(&server, &agent).await;
    assert_eq!(text(&item["task"], "id"), id, "it is tried anew");
    assert!(text(&item["pack"], "summary").contains("Use a stable sort."), "{item}");
    assert_eq!(item["task"]["attempts_used"], 0);
}

#[tokio::test]
async fn other_failures_do_not_use_up_an_attempt() {
    let clock = Clock::stopped();
    let server = server_at(Settings::default(), clock).await;
    let ticket_id = new_ticket(&server, "Work").await;
    let id = new_task(&server, &ticket_id, json!({ "max_attempts": 1 })).await;
    let agent = worker(&server, &["rust"], 1).await;
    for class in ["transient", "dependency", "transient"] {
        let item = claim_one(&server, &agent).await;
        let body = json!({ "error_message": "not now", "failure_class": class });
        let after = act(&server, &item, "fail", body).await.is(200).json;
        assert_eq!((&after["status"], &after["attempts_used"]), (&json!("pending"), &json!(0)));
        assert!(claim(&server, &agent, json!({})).await.is_empty(), "it backs off: {after}");
        clock.pass(3600);
    }
    let item = claim_one(&server, &agent).await;
    let body = json!({ "error_message": "no compiler here", "failure_class": "capability" });
    act(&server, &item, "fail", body).await.is(200);
    assert!(claim(&server, &agent, json!({})).await.is_empty(), "whoever cannot gets it no more");
    let other = worker(&server, &["rust"], 1).await;
    let item = claim_one(&server, &other).await;
    let question = json!({
        "error_message": "two ways", "failure_class": "needs_input", "question": "Left or right?",
    });
    act(&server, &item, "fail", question).await.is(200);
    let blocker = &ticket(&server, &ticket_id).await["blocker"];
    assert_eq!(
        (&blocker["kind"], &blocker["question"]),
        (&json!("needs_input"), &json!("Left or right?"))
    );
    assert_eq!(blocker["task_id"], json!(id));
    server
        .post(&format!("/tickets/{ticket_id}/answer"), json!({ "answer": "Left." }))
        .await
        .is(200);
    let item = claim_one(&server, &other).await;
    assert!(text(&item["pack"], "summary").contains("Left."));
    let classes = server.get("/statistics").await.is(200).json;
    let failed = |class: &str| {
        let attempts = classes["attempts"].as_array().unwrap();
        attempts.iter().find(|row| row["failure_class"] == class).map(|row| row["count"].clone())
    };
    assert_eq!(failed("transient"), Some(json!(2)));
}

#[tokio::test]
async fn a_failed_task_can_be_tried_again_by_an_operator() {
    let server = server_at(Settings::default(), Clock::stopped()).await;
    let ticket_id = new_ticket(&server, "Work").await;
    let id = new_task(&server, &ticket_id, json!({})).await;
    let path = format!("/tasks/{id}/retry");
    let retry = || server.post(&path, json!({}));
    retry().await.problem(409, "illegal-task-state");
    let body = json!({ "error_message": "no" });
    server.post(&format!("/tasks/{id}/fail"), body).await.is(200);
    let again = retry().await.is(200).json;
    assert_eq!((&again["status"], &again["error_message"]), (&json!("pending"), &Value::Null));
}

#[tokio::test]
async fn what_a_second_task_asks_of_a_blocked_ticket_is_asked_as_well() {
    let server = server_at(Settings::default(), Clock::stopped()).await;
    let ticket_id = new_ticket(&server, "Work").await;
    let agent = worker(&server, &["rust"], 3).await;
    for title in ["Steer", "Brake", "Honk"] {
        new_task(&server, &ticket_id, json!({ "title": title, "max_attempts": 1 })).await;
    }
    let items = claim(&server, &agent, json!({ "max": 3 })).await;
    let asks = |question: &str| {
        json!({
            "error_message": format!("it is open: {question}"),
            "failure_class": "needs_input",
            "question": question,
        })
    };

    act(&server, &items[0], "fail", asks("Left or right?")).await.is(200);
    act(&server, &items[1], "fail", asks("How hard?")).await.is(200);
    let blocked = ticket(&server, &ticket_id).await;
    assert_eq!(blocked["blocker"]["question"], "Left or right? And: How hard?");
    let reasons = json!(["it is open: Left or right?", "it is open: How hard?"]);
    assert_eq!(blocked["blocker"]["reasons"], reasons);
    assert_eq!(blocked["blocker"]["task_id"], items[0]["task"]["id"], "who was first");
    act(&server, &items[2], "fail", json!({ "error_message": "no horn" })).await.is(200);
    let blocker = &ticket(&server, &ticket_id).await["blocker"];
    let question = text(blocker, "question");
    assert!(question.starts_with("Left or right? And: How hard? And: Task \"Honk\""), "{question}");
    assert_eq!(blocker["kind"], "needs_input");
    let path = format!("/tasks/{}/why", text(&items[2]["task"], "id"));
    let why = server.get(&path).await.is(200).json;
    let used_up = why["causes"].as_array().unwrap().iter();
    let mut used_up = used_up.filter(|cause| cause["code"] == "attempts_used_up");
    let help = text(used_up.next().unwrap(), "help");
    assert!(help.contains("/answer lets the ticket go on"), "{help}");

    let told = eventually("both questions are in the log", async || {
        let page = server.get("/events?types=ticket.updated").await.is(200).json;
        page["items"].as_array().filter(|items| items.len() == 2).cloned()
    });
    let told = told.await;
    let fields: Vec<&Value> = told.iter().map(|event| &event["data"]["fields"]).collect();
    assert_eq!(fields, [&json!(["blocker"]), &json!(["blocker"])]);

    let answer = json!({ "answer": "Left, gently, and wave." });
    server.post(&format!("/tickets/{ticket_id}/answer"), answer).await.is(200);
    let item = claim_one(&server, &agent).await;
    let pack = text(&item["pack"], "summary");
    assert!(pack.contains("How hard?") && pack.contains("gently"), "{pack}");
}

#[tokio::test]
async fn what_tasks_ask_at_the_same_moment_is_all_asked() {
    let server = server_at(Settings::default(), Clock::stopped()).await;
    for round in 0..5 {
        let ticket_id = new_ticket(&server, "Work").await;
        let agent = worker(&server, &["rust"], 8).await;
        for _ in 0..8 {
            new_task(&server, &ticket_id, json!({})).await;
        }
        let items = claim(&server, &agent, json!({ "max": 8 })).await;
        let asked = join_all(items.iter().enumerate().map(|(number, item)| {
            let question = format!("number {number}?");
            let body = json!({
                "error_message": "open", "failure_class": "needs_input", "question": question,
            });
            act(&server, item, "fail", body)
        }));
        asked.await.into_iter().for_each(|answer| drop(answer.is(200)));
        let blocked = ticket(&server, &ticket_id).await;
        let question = text(&blocked["blocker"], "question");
        for number in 0..8 {
            assert!(question.contains(&format!("number {number}?")), "{round}: {question}");
        }
    }
}

#[tokio::test]
async fn a_failure_without_a_claim_has_no_class_and_asks_nobody() {
    let server = server_at(Settings::default(), Clock::stopped()).await;
    let ticket_id = new_ticket(&server, "Work").await;
    let id = new_task(&server, &ticket_id, json!({})).await;
    let path = format!("/tasks/{id}/fail");
    for (fields, body) in [
        (vec!["/failure_class"], json!({ "error_message": "no", "failure_class": "transient" })),
        (vec!["/question"], json!({ "error_message": "no", "question": "Why?" })),
        (
            vec!["/failure_class", "/question"],
            json!({ "error_message": "no", "failure_class": "needs_input", "question": "Why?" }),
        ),
    ] {
        let problem = server.post(&path, body).await.problem(422, "invalid");
        let errors = problem["errors"].as_array().unwrap();
        let named: Vec<&str> = errors.iter().map(|error| text(error, "pointer")).collect();
        assert_eq!(named, fields);
    }
    assert_eq!(task(&server, &id).await["status"], "pending");
    let said = json!({ "error_message": "no", "failure_class": "task" });
    server.post(&path, said).await.is(200);
}
