//! Paths, methods and parameters that are wrong.

use reqwest::Method;

use super::world::{NOBODY, World};
use crate::kit::text;

#[tokio::test]
async fn a_malformed_id_is_a_problem_on_every_route() {
    let world = World::new().await;
    for id in ["7", "nobody", "%00", "%FF", "..%2F..", "%20", &NOBODY.replace('-', ""), "🦀"] {
        for (method, path, body) in world.routes_with_ids() {
            let path = path.replace("{id}", id);
            let mut request = world.server.request(method.clone(), &path);
            if method == Method::POST || method == Method::PATCH {
                request = request.json(body);
            }
            let problem = request.send().await.problem(400, "malformed-request");
            assert!(text(&problem, "detail").contains("id"), "{method} {path}: {problem}");
        }
    }
    world.is_unchanged().await;
}

#[tokio::test]
async fn an_unknown_id_is_not_found_on_every_route() {
    let world = World::new().await;
    for (method, path, body) in world.routes_with_ids() {
        let path = path.replace("{id}", NOBODY);
        let mut request = world.server.request(method.clone(), &path);
        if method == Method::POST || method == Method::PATCH {
            request = request.json(body);
        }
        request.send().await.problem(404, "not-found");
    }
    world.is_unchanged().await;
}

#[tokio::test]
async fn a_parameter_out_of_its_range_is_refused_by_name() {
    let world = World::new().await;
    let context = format!("/tickets/{}/context", world.ticket);
    for (path, name) in [
        ("/tickets?limit=0".to_owned(), "limit"),
        ("/tickets?limit=-1".to_owned(), "limit"),
        ("/tickets?limit=101".to_owned(), "limit"),
        ("/tickets?limit=99999999999999999999999".to_owned(), "limit"),
        ("/tickets?limit=ten".to_owned(), "limit"),
        ("/tickets?limit=1&limit=2".to_owned(), "limit"),
        ("/tickets?phase_id=limbo".to_owned(), "phase_id"),
        ("/tickets?priority=high".to_owned(), "priority"),
        ("/tickets?key=%00".to_owned(), "query"),
        ("/tickets?key=%FF".to_owned(), "query"),
        ("/agents?status=asleep".to_owned(), "status"),
        ("/agents/search?capabilities=a&limit=1000".to_owned(), "limit"),
        ("/agents/search?capabilities=".to_owned(), "capabilities"),
        ("/agents/search?capabilities=a&phase_id=PHASE_LIMBO".to_owned(), "phase_id"),
        ("/agents/best-fit?capabilities=a&agent_type=boss".to_owned(), "agent_type"),
        (format!("{context}?for_phase=PHASE_LIMBO"), "for_phase"),
        (format!("{context}?for_phase=PHASE_DESIGN&max_tokens=0"), "max_tokens"),
        (format!("{context}?for_phase=PHASE_DESIGN&max_tokens=-5"), "max_tokens"),
        (format!("{context}?for_phase=PHASE_DESIGN&format=xml"), "format"),
        ("/events?after=99999999999999999999".to_owned(), "after"),
        ("/events?types=ticket.created,nothing".to_owned(), "types"),
        ("/agents/stale?limit=101".to_owned(), "limit"),
        ("/agents/stale?older_than_s=-1".to_owned(), "older_than_s"),
        ("/agents/stale?cursor=made-up".to_owned(), "cursor"),
    ] {
        let problem = world.server.get(&path).await.problem(400, "malformed-request");
        let detail = text(&problem, "detail").to_lowercase();
        assert!(detail.contains(name), "{path}: {detail}");
    }
    world.is_unchanged().await;
}

#[tokio::test]
async fn a_path_or_method_that_there_is_not_is_a_problem() {
    let world = World::new().await;
    for path in
        ["/nothing", "/tickets/", "/api/v2/tickets", "/api/v1", "/tickets//", "/docs/nothing.js"]
    {
        world.server.get(path).await.problem(404, "not-found");
    }
    for (method, path) in [
        (Method::PUT, "/tickets"),
        (Method::DELETE, "/tickets"),
        (Method::PATCH, "/agents/search"),
        (Method::DELETE, "/docs/"),
    ] {
        let reply = world.server.request(method.clone(), path).send().await;
        assert!(!reply.header("allow").is_empty());
        reply.problem(405, "method-not-allowed");
    }
    world.is_unchanged().await;
}
