//! The OpenAPI document and its page. That no answer lacks in it, the kit checks at each answer.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kit::server;

/// The routes of the design, with those that came with an ADR.
const ROUTES: &str = "
    POST /tickets                          GET /tickets
    GET /tickets/{id}                      PATCH /tickets/{id}          DELETE /tickets/{id}
    POST /tickets/{id}/transition
    GET /tickets/{id}/valid-transitions    GET /tickets/{id}/phase-history
    GET /tickets/{id}/context              POST /tickets/{id}/update-context
    POST /tickets/{id}/tasks               GET /tickets/{id}/tasks      GET /tasks/{id}
    POST /tasks/{id}/complete              POST /tasks/{id}/fail
    POST /agents/register                  GET /agents
    GET /agents/{id}                       PATCH /agents/{id}           DELETE /agents/{id}
    POST /agents/{id}/availability         POST /agents/{id}/heartbeat
    GET /agents/search                     GET /agents/best-fit
    GET /agents/health     GET /agents/stale     GET /agents/statistics     GET /agents/{id}/health
    GET /phases            GET /workflows/{id}
    GET /events            POST /backlog
    POST /agents/{id}/claim        POST /agents/{id}/drain    POST /agents/{id}/resume
    POST /tasks/{id}/extend        POST /tasks/{id}/release   POST /tasks/{id}/cancel
    POST /tasks/{id}/retry         GET /tasks/{id}/attempts   GET /tasks
    GET /tickets/{id}/gate         POST /tickets/{id}/answer
    POST /tickets/{id}/artifacts   GET /tickets/{id}/artifacts
    POST /tickets/{id}/approvals   GET /tickets/{id}/approvals
    GET /tickets/{id}/why          GET /tasks/{id}/why        GET /why     GET /statistics
";

#[test]
fn the_document_has_the_routes_of_the_design() {
    let document = serde_json::to_value(phaseline_api::openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        if let Some(path) = path.strip_prefix("/api/v1") {
            let methods = operations.as_object().unwrap().keys();
            routes.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
        }
    }
    let words: Vec<_> = ROUTES.split_whitespace().collect();
    let expected: BTreeSet<_> = words.chunks(2).map(|route| route.join(" ")).collect();
    assert_eq!(routes, expected);
}

#[tokio::test]
async fn the_document_is_served() {
    let server = server().await;
    let served = server.get("/openapi.json").await.is(200);
    assert!(served.header("content-type").starts_with("application/json"));
    assert_eq!(served.json, serde_json::to_value(phaseline_api::openapi()).unwrap());
}

#[tokio::test]
async fn its_page_loads_nothing_from_elsewhere() {
    let server = server().await;
    let page = server.get("/docs/").await.is(200).text;
    let loaded: Vec<_> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|attribute| page.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(!loaded.is_empty(), "{page}");
    for file in loaded {
        assert!(!file.contains("//"), "the page loads {file} from elsewhere");
        let file = file.trim_start_matches("./").trim_start_matches("/docs/");
        server.get(&format!("/docs/{file}")).await.is(200);
    }
}

#[tokio::test]
async fn the_type_of_a_problem_is_the_address_of_its_page() {
    let server = server().await;
    let problem = server.get("/tickets/7").await.problem(400, "malformed-request");
    let Value::String(page) = &problem["type"] else { panic!("{problem}") };
    assert!(server.get(page).await.is(200).text.contains("malformed-request"));
    let problem = server.get("/problems/no-such-problem").await.problem(404, "not-found");
    assert_eq!(problem["detail"], "There is no kind of problem no-such-problem.");
}
