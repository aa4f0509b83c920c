//! Versions: `ETag`, `If-Match`, and changes that change nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::{Reply, Server, new_ticket, server, text};

#[tokio::test]
async fn an_etag_is_the_version_and_grows_with_each_change() {
    let server = server().await;
    let created = server.post("/tickets", json!({ "title": "Rotate the keys" })).await.is(201);
    assert_eq!(created.header("etag"), "\"1\"");
    let path = created.header("location").to_owned();
    assert_eq!(server.get(&path).await.is(200).header("etag"), "\"1\"");
    let changed = server.patch(&path, json!({ "priority": "HIGH" })).await.is(200);
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(changed.json["version"], 2);
}

#[tokio::test]
async fn a_change_to_what_is_there_already_changes_nothing() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    let path = format!("/tickets/{ticket}");
    let before = server.get(&path).await.is(200).json;
    for same in [json!({}), json!({ "title": "Rotate the keys" }), json!({ "estimate": null })] {
        assert_eq!(server.patch(&path, same).await.is(200).json, before);
    }
}

#[tokio::test]
async fn if_match_lets_only_the_version_through_that_the_caller_knows() {
    let server = server().await;
    let ticket = new_ticket(&server, "Rotate the keys").await;
    let agent = agent(&server).await;
    let task = server.create(&format!("/tickets/{ticket}/tasks"), json!({})).await;
    let task = text(&task, "id");
    let requests = [
        (Method::PATCH, format!("/tickets/{ticket}"), json!({ "title": "Other" })),
        (Method::POST, format!("/tickets/{ticket}/transition"), to_requirements()),
        (Method::PATCH, format!("/agents/{agent}"), json!({ "capacity": 7 })),
        (Method::POST, format!("/agents/{agent}/availability"), json!({ "available": false })),
        (Method::POST, format!("/tasks/{task}/complete"), json!({ "result": {} })),
    ];
    for (method, path, body) in requests {
        let object = path.rsplit_once('/').unwrap().0.to_owned();
        let object = if method == Method::PATCH { path.clone() } else { object };
        let before = server.get(&object).await.is(200);
        let ask = |tag: &str| {
            server.request(method.clone(), &path).header("if-match", tag).json(body.clone()).send()
        };
        let problem = ask("\"99\"").await.problem(412, "precondition-failed");
        assert_eq!(problem["expected_version"], 99);
        assert_eq!(problem["current_version"], before.json["version"]);
        assert_eq!(server.get(&object).await.json, before.json, "{method} {path}");
        ask(before.header("etag")).await.is(200);
    }
}

#[tokio::test]
async fn delete_honours_if_match_and_leaves_nothing() {
    let server = server().await;
    let path = format!("/tickets/{}", new_ticket(&server, "Rotate the keys").await);
    let delete = |tag: &str| server.request(Method::DELETE, &path).header("if-match", tag).send();
    delete("\"2\"").await.problem(412, "precondition-failed");
    assert_eq!(delete("\"1\"").await.is(204).text, "");
    server.get(&path).await.problem(404, "not-found");
    server.delete(&path).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_tag_that_is_none_of_ours_matches_nothing() {
    let server = server().await;
    let path = format!("/tickets/{}", new_ticket(&server, "Rotate the keys").await);
    for tag in ["W/\"1\"", "\"one\"", "\"-1\"", "\"01\"", "\"0\"", "\"99999999999999999999\""] {
        let problem = retitle(&server, &path, tag).await.problem(412, "precondition-failed");
        assert_eq!(problem["current_version"], 1);
        assert!(problem["expected_version"].is_null(), "{tag}: {problem}");
        assert!(text(&problem, "detail").contains("no version of ours"), "{tag}: {problem}");
    }
    assert_eq!(title(server.get(&path).await), "Rotate the keys");
}

#[tokio::test]
async fn what_is_no_list_of_tags_is_refused_and_so_are_two_versions() {
    let server = server().await;
    let path = format!("/tickets/{}", new_ticket(&server, "Rotate the keys").await);
    for list in ["1", "\"1", "\"1\" \"2\"", "*, \"1\"", "\"1\", \"2\""] {
        retitle(&server, &path, list).await.problem(400, "malformed-request");
    }
    assert_eq!(title(server.get(&path).await), "Rotate the keys");
}

#[tokio::test]
async fn any_version_and_a_list_with_the_right_one_let_a_change_through() {
    let server = server().await;
    for list in ["*", "\"one\", W/\"2\", \"1\"", "\"1\", \"1\""] {
        let path = format!("/tickets/{}", new_ticket(&server, "Rotate the keys").await);
        assert_eq!(title(retitle(&server, &path, list).await), "Other", "{list}");
    }
}

async fn retitle(server: &Server, path: &str, if_match: &str) -> Reply {
    let request = server.request(Method::PATCH, path).header("if-match", if_match);
    request.json(json!({ "title": "Other" })).send().await
}

async fn agent(server: &Server) -> String {
    let body = json!({ "agent_type": "worker", "capabilities": ["rust"] });
    text(&server.create("/agents/register", body).await, "agent_id").to_owned()
}

fn to_requirements() -> Value {
    json!({ "to_phase": "PHASE_REQUIREMENTS" })
}

fn title(reply: Reply) -> String {
    text(&reply.is(200).json, "title").to_owned()
}
