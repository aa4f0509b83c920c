//! Tickets that go back: what they found out, how often they may, and what carries them on again.

use serde_json::{Value, json};

use crate::{
    flow::{complete, made, phase},
    kit::{
        Http, act, claim, claim_one, done, enter, new_task, server, text, ticket, transition,
        worker,
    },
};

#[tokio::test]
async fn what_went_back_from_testing_is_tested_again() {
    let server = server().await;
    let body = json!({
        "auto_advance": true, "skip_empty_phases": true, "phase_id": "PHASE_TESTING",
    });
    let id = made(&server, body).await;
    let test = new_task(&server, &id, json!({})).await;
    let other = new_task(&server, &id, json!({})).await;
    complete(&server, &test).await;
    enter(&server, &id, &["PHASE_IMPLEMENTATION"]).await;
    complete(&server, &other).await;
    let fix = new_task(&server, &id, json!({})).await;
    complete(&server, &fix).await;
    assert_eq!(phase(&server, &id).await, "PHASE_TESTING");
}

#[tokio::test]
async fn a_ticket_that_goes_back_too_often_is_blocked_with_the_reasons() {
    let server = server().await;
    let id = made(&server, json!({ "phase_id": "PHASE_IMPLEMENTATION" })).await;
    let path = format!("/tickets/{id}/transition");
    let back = |reason: String| {
        server.post(&path, json!({ "to_phase": "PHASE_IMPLEMENTATION", "reason": reason }))
    };
    for number in 1..=3 {
        enter(&server, &id, &["PHASE_TESTING"]).await;
        let moved = back(format!("failure {number}")).await.is(200).json;
        assert_eq!(moved["kind"], "regress");
    }
    enter(&server, &id, &["PHASE_TESTING"]).await;
    let moved = back("failure 4".to_owned()).await.is(200).json;
    assert_eq!(
        (&moved["kind"], &moved["current_phase"]),
        (&json!("block"), &json!("PHASE_BLOCKED"))
    );
    let blocker = &ticket(&server, &id).await["blocker"];
    assert_eq!(blocker["kind"], "rework_budget");
    assert_eq!(blocker["reasons"], json!(["failure 1", "failure 2", "failure 3", "failure 4"]));
    let answer = json!({ "answer": "Split it.", "to_phase": "PHASE_IMPLEMENTATION" });
    server.post(&format!("/tickets/{id}/answer"), answer).await.is(200);
    enter(&server, &id, &["PHASE_TESTING"]).await;
    assert_eq!(back("failure 5".to_owned()).await.is(200).json["kind"], "regress", "counted anew");
}

#[tokio::test]
async fn a_ticket_that_is_blocked_and_resumes_in_an_earlier_phase_has_gone_back() {
    let server = server().await;
    let id = made(&server, json!({ "phase_id": "PHASE_IMPLEMENTATION" })).await;
    for _ in 1..=3 {
        enter(&server, &id, &["PHASE_TESTING", "PHASE_BLOCKED", "PHASE_IMPLEMENTATION"]).await;
    }
    let back = json!([
        { "from_phase": "PHASE_TESTING", "to_phase": "PHASE_IMPLEMENTATION", "count": 3 }
    ]);
    let statistics = server.get("/statistics").await.is(200).json;
    assert_eq!(statistics["regressions"], back);

    enter(&server, &id, &["PHASE_TESTING"]).await;
    let moved = transition(&server, &id, "PHASE_IMPLEMENTATION").await.is(200).json;
    assert_eq!(moved["current_phase"], "PHASE_BLOCKED", "the rework budget is used up");
    let answer = json!({ "answer": "Split it." });
    server.post(&format!("/tickets/{id}/answer"), answer).await.is(200);
    enter(&server, &id, &["PHASE_DEPLOYMENT", "PHASE_DONE"]).await;
    let first_pass = &server.get("/statistics").await.is(200).json["first_pass"];
    assert_eq!((&first_pass["finished"], &first_pass["yield"]), (&json!(1), &json!(0.0)));
}

#[tokio::test]
async fn a_regression_puts_the_decisions_of_the_phases_left_under_review() {
    let server = server().await;
    let id = made(&server, json!({ "phase_id": "PHASE_IMPLEMENTATION" })).await;
    let agent = worker(&server, &["rust"], 1).await;
    work(
        &server,
        &id,
        &agent,
        json!({ "summary": "Coded.", "context": { "decisions": ["Use a queue"] } }),
    )
    .await;
    enter(&server, &id, &["PHASE_TESTING"]).await;
    let found = json!({ "decisions": ["Test with 10 users"], "risks": ["It loses messages"] });
    work(&server, &id, &agent, json!({ "summary": "It loses messages.", "context": found })).await;
    enter(&server, &id, &["PHASE_IMPLEMENTATION"]).await;
    new_task(&server, &id, json!({ "title": "Mend it" })).await;
    let item = claim_one(&server, &agent).await;
    let summary = text(&item["pack"], "summary");
    assert!(summary.contains("It loses messages"), "whoever reworks learns why: {summary}");
    assert!(summary.contains("Test with 10 users (under review)"), "{summary}");
    let mended = json!({ "summary": "Mended.", "context": {
        "decisions": ["Use a log"], "supersedes": [{ "decision": "Use a queue", "by": "Use a log" }],
    } });
    act(&server, &item, "complete", json!({ "result": mended })).await.is(200);
    enter(&server, &id, &["PHASE_TESTING"]).await;
    new_task(&server, &id, json!({ "title": "Test again" })).await;
    let item = claim_one(&server, &agent).await;
    let summary = text(&item["pack"], "summary");
    assert!(summary.contains("Use a log") && !summary.contains("Use a queue"), "{summary}");
    let superseded = &item["pack"]["superseded"];
    assert_eq!(superseded[0]["decision"], "Use a queue", "{superseded}");
}

#[tokio::test]
async fn work_begun_before_a_regression_does_not_carry_the_ticket_forward() {
    let server = server().await;
    let id = made(&server, json!({ "auto_advance": true, "phase_id": "PHASE_TESTING" })).await;
    new_task(&server, &id, json!({})).await;
    let agent = worker(&server, &["rust"], 1).await;
    let item = claim_one(&server, &agent).await;
    enter(&server, &id, &["PHASE_IMPLEMENTATION"]).await;
    act(&server, &item, "complete", done("tested")).await.is(200);
    assert_eq!(phase(&server, &id).await, "PHASE_IMPLEMENTATION");
    assert!(claim(&server, &agent, json!({})).await.is_empty());
}

/// A task of the phase that the ticket is in, from its making to its completion.
async fn work(http: &Http, ticket: &str, agent: &str, result: Value) {
    new_task(http, ticket, json!({})).await;
    let item = claim_one(http, agent).await;
    act(http, &item, "complete", json!({ "result": result })).await.is(200);
}
