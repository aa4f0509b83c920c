//! Lists, page by page: every item once, in order of creation.

use serde_json::{Value, json};

use phaseline_engine::Settings;

use crate::kit::{Clock, Http, enter, eventually, new_ticket, server, server_at, text};

#[tokio::test]
async fn every_list_gives_each_item_once_and_in_order_whatever_the_size_of_its_pages() {
    let server = server().await;
    let ticket = new_ticket(&server, "The first").await;
    for number in 1..7 {
        new_ticket(&server, &format!("Number {number}")).await;
        let task = json!({ "title": format!("Task {number}") });
        server.create(&format!("/tickets/{ticket}/tasks"), task).await;
        let agent = json!({ "agent_type": "worker", "capabilities": ["rust"] });
        server.create("/agents/register", agent).await;
    }
    let way = ["PHASE_REQUIREMENTS", "PHASE_BLOCKED", "PHASE_BACKLOG", "PHASE_BLOCKED"];
    enter(&server, &ticket, &way).await;
    check(&server, "/tickets", 7, "id").await;
    check(&server, "/tickets?phase_id=PHASE_BACKLOG", 6, "id").await;
    check(&server, &format!("/tickets/{ticket}/tasks"), 6, "id").await;
    check(&server, &format!("/tickets/{ticket}/phase-history"), 5, "sequence").await;
    check(&server, "/agents", 6, "agent_id").await;
    check(&server, "/agents/health", 6, "agent_id").await;
}

#[tokio::test]
async fn a_list_of_several_phases_goes_through_all_of_them_in_order_of_creation() {
    let server = server().await;
    let mut expected = Vec::new();
    for way in [
        "REQUIREMENTS",
        "BLOCKED",
        "REQUIREMENTS DESIGN",
        "BLOCKED",
        "REQUIREMENTS",
        "REQUIREMENTS",
    ] {
        let ticket = new_ticket(&server, way).await;
        let phases: Vec<String> =
            way.split_whitespace().map(|phase| format!("PHASE_{phase}")).collect();
        let phases: Vec<&str> = phases.iter().map(String::as_str).collect();
        enter(&server, &ticket, &phases).await;
        if way.starts_with("REQUIREMENTS") {
            expected.push(json!(ticket));
        }
    }
    check(&server, "/tickets?status=in_progress", 4, "id").await;
    check(&server, "/tickets?status=in_progress&priority=LOW", 0, "id").await;
    check(&server, "/tickets?status=in_progress&phase_id=PHASE_DESIGN", 1, "id").await;
    check(&server, "/tickets?status=completed&phase_id=PHASE_DESIGN", 0, "id").await;
    let listed = server.all("/tickets?status=in_progress", 2).await;
    let listed: Vec<Value> = listed.iter().map(|ticket| ticket["id"].clone()).collect();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn events_of_several_types_come_in_the_order_of_the_log() {
    let server = server().await;
    for number in 0..3 {
        let ticket = new_ticket(&server, &format!("Number {number}")).await;
        let task = json!({ "title": "Do it" });
        server.create(&format!("/tickets/{ticket}/tasks"), task).await;
        enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
    }
    eventually("the log can be read to its end", || async {
        let page = server.get("/events?types=ticket.phase.transitioned").await.is(200).json;
        page["items"].as_array().filter(|events| events.len() == 3).map(|_| ())
    })
    .await;
    let types = "types=ticket.created,task.created,ticket.created";
    for limit in [1, 2, 5, 100] {
        let (mut kinds, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let path = format!("/events?limit={limit}&{types}&after={after}");
            let page = server.get(&path).await.is(200).json;
            let items = page["items"].as_array().unwrap();
            kinds.extend(items.iter().map(|event| text(event, "type").to_owned()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            after = next.to_owned();
        }
        let expected = ["ticket.created", "task.created"].repeat(3);
        assert_eq!(kinds, expected, "limit={limit}");
    }
}

#[tokio::test]
async fn the_silent_come_page_by_page_the_longest_silence_first_and_then_by_id() {
    let clock = Clock::stopped();
    let server = server_at(Settings::default(), clock).await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        let agent = json!({ "agent_type": "worker", "capabilities": ["rust"] });
        let one = server.create("/agents/register", agent.clone()).await;
        let other = server.create("/agents/register", agent).await;
        let mut both = [one, other].map(|agent| text(&agent, "agent_id").to_owned());
        both.sort();
        expected.extend(both);
        clock.pass(1);
    }
    for limit in [1, 2, 4, 100] {
        let silent = server.all("/agents/stale?older_than_s=0", limit).await;
        let ids: Vec<_> = silent.iter().map(|agent| text(agent, "agent_id")).collect();
        assert_eq!(ids, expected, "limit={limit}");
    }
    let page = server.get("/agents/stale?older_than_s=0&limit=6").await.is(200).json;
    assert_eq!(page["next_cursor"], Value::Null, "nothing follows a full last page");
    let page = server.get("/agents/stale?older_than_s=0&limit=1").await.is(200).json;
    let other_list = format!("/agents/stale?older_than_s=1&cursor={}", text(&page, "next_cursor"));
    server.get(&other_list).await.problem(400, "malformed-request");
}

#[tokio::test]
async fn what_is_made_between_two_pages_comes_at_the_end() {
    let server = server().await;
    for title in ["one", "two", "three"] {
        new_ticket(&server, title).await;
    }
    let page = server.get("/tickets?limit=2").await.is(200).json;
    new_ticket(&server, "four").await;
    let next = format!("/tickets?limit=10&cursor={}", text(&page, "next_cursor"));
    let rest = server.get(&next).await.is(200).json;
    assert_eq!(titles(&page), ["one", "two"]);
    assert_eq!(titles(&rest), ["three", "four"]);
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_cursor_of_another_list_or_of_nobody_is_refused() {
    let server = server().await;
    for title in ["one", "two", "three"] {
        new_ticket(&server, title).await;
    }
    let page = server.get("/tickets?limit=1").await.is(200).json;
    let cursor = text(&page, "next_cursor");
    let (last, rest) = cursor.split_at(1);
    for path in [
        format!("/agents?cursor={cursor}"),
        format!("/tickets?phase_id=PHASE_BACKLOG&cursor={cursor}"),
        format!("/tickets?cursor={rest}{last}"),
        "/tickets?cursor=".to_owned(),
        "/tickets?cursor=%F0%9F%A6%80".to_owned(),
        "/tickets?cursor=1".to_owned(),
        "/events?after=-1".to_owned(),
        "/events?after=x".to_owned(),
    ] {
        server.get(&path).await.problem(400, "malformed-request");
    }
}

async fn check(http: &Http, path: &str, expected: usize, id: &str) {
    let ids = async |limit| -> Vec<String> {
        http.all(path, limit).await.iter().map(|item| item[id].to_string()).collect()
    };
    let whole = ids(100).await;
    assert_eq!(whole.len(), expected, "{path}");
    assert!(whole.is_sorted_by(|a, b| a < b), "{path}: {whole:?}");
    for limit in [1, 2, 3, 5] {
        assert_eq!(ids(limit).await, whole, "{path} in pages of {limit}");
    }
}

fn titles(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| text(item, "title")).collect()
}
