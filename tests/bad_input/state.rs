//! Requests that would be fine at another moment.

use serde_json::json;

use crate::kit::{enter, new_ticket, server, text};

#[tokio::test]
async fn what_does_not_fit_the_state_is_refused_and_says_what_is_true() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    let needed = json!({ "title": "Later", "key": "LATER", "blocked_by": [ticket] });
    let later = server.create("/tickets", needed).await;
    let path = format!("/tickets/{ticket}");
    let problem = server.delete(&path).await.problem(409, "still-needed");
    assert_eq!(problem["tickets"], json!([later["id"]]));
    let again = json!({ "title": "Again", "key": "LATER" });
    server.post("/tickets", again).await.problem(409, "duplicate-key");
    let task = server.create(&format!("{path}/tasks"), json!({})).await;
    let task = text(&task, "id");
    server.post(&format!("/tasks/{task}/complete"), json!({ "result": {} })).await.is(200);
    let fail = json!({ "error_message": "too late" });
    let reply = server.post(&format!("/tasks/{task}/fail"), fail).await;
    reply.problem(409, "illegal-task-state");
    let way = ["REQUIREMENTS", "DESIGN", "IMPLEMENTATION", "TESTING", "DEPLOYMENT", "DONE"];
    let way = way.map(|name| format!("PHASE_{name}"));
    enter(&server, &ticket, &way.each_ref().map(String::as_str)).await;
    let reply = server.post(&format!("{path}/tasks"), json!({})).await;
    assert_eq!(reply.problem(409, "ticket-completed")["current_phase"], "PHASE_DONE");
}
