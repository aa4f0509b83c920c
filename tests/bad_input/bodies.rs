//! Bodies that cannot be read.

use reqwest::Method;
use serde_json::{Value, json};

use super::world::World;
use crate::kit::text;

const MEBIBYTE: usize = 1 << 20;

#[tokio::test]
async fn a_body_that_cannot_be_read_is_a_problem_that_says_why() {
    let world = World::new().await;
    let deep = |depth| format!("{{\"title\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    for body in [
        b"".to_vec(),
        b"{".to_vec(),
        b"{\"title\":\"a\"} x".to_vec(),
        b"{'title':'a'}".to_vec(),
        b"{\"title\":\"\xff\"}".to_vec(),
        b"\xef\xbb\xbf{\"title\":\"a\"}".to_vec(),
        b"{\"title\":\"a\x00b\"}".to_vec(),
        b"{\"title\":\"\\u0000\"}".to_vec(),
        b"{\"title\":\"\\ud800\"}".to_vec(),
        b"{\"title\":NaN}".to_vec(),
        b"{\"title\":\"a\",\"title\":\"b\"}".to_vec(),
        deep(33).into_bytes(),
        deep(100_000).into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let reply = world.server.request(Method::POST, "/tickets").bytes(body).send().await;
        assert!((400..500).contains(&reply.status), "{shown}: {}", reply.text);
        let problem = reply.json;
        assert!(!text(&problem, "detail").is_empty(), "{shown}");
        let kinds = ["/problems/malformed-request", "/problems/invalid"];
        assert!(kinds.contains(&text(&problem, "type")), "{shown}: {problem}");
    }
    for body in [json!([]), json!("a"), json!(7), Value::Null] {
        let reply = world.server.post("/tickets", body).await;
        reply.problem(422, "invalid");
    }
    world.is_unchanged().await;
}

#[tokio::test]
async fn a_body_of_two_mebibytes_is_too_large_and_says_what_is_not() {
    let world = World::new().await;
    let large = json!({ "title": "a", "description": "x".repeat(2 * MEBIBYTE) });
    let reply = world.server.post("/tickets", large).await;
    let problem = reply.problem(413, "payload-too-large");
    assert!(text(&problem, "detail").contains("1 MiB"), "{problem}");
    world.is_unchanged().await;
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused() {
    let world = World::new().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json-patch+json"] {
        let request = world.server.request(Method::POST, "/tickets").header("content-type", kind);
        request.send().await.problem(415, "unsupported-media-type");
    }
    let zipped = world.server.request(Method::POST, "/tickets").header("content-encoding", "gzip");
    zipped.bytes("{\"title\":\"a\"}").send().await.problem(415, "unsupported-media-type");
    let twice = world.server.request(Method::POST, "/tickets").header("content-type", "text/plain");
    twice.bytes("{\"title\":\"a\"}").send().await.problem(400, "malformed-request");
    world.is_unchanged().await;
}

#[tokio::test]
async fn a_member_that_comes_twice_is_named() {
    let world = World::new().await;
    let body = r#"{ "title": "a", "description": "b", "title": "c" }"#;
    let reply = world.server.request(Method::POST, "/tickets").bytes(body).send().await;
    let problem = reply.problem(400, "malformed-request");
    assert!(text(&problem, "detail").contains("\"title\" twice"), "{problem}");
    world.is_unchanged().await;
}
