//! Old events are removed where they are not kept for ever, and whoever comes too late is told.

use chrono::TimeDelta;
use phaseline_engine::{Engine, Settings, Sources, upkeep};
use reqwest::Method;

use crate::kit::{Clock, Server, eventually, new_ticket, server_at};

#[tokio::test]
async fn a_page_and_a_stream_say_where_history_was_trimmed() {
    let clock = Clock::stopped();
    let server = server_at(Settings::default(), clock).await;
    new_ticket(&server, "Old").await;
    clock.pass(TimeDelta::days(2).num_seconds());
    let young = new_ticket(&server, "Young").await;

    let page = eventually("the old event is trimmed", || async {
        clean_in_two_days(&server).await;
        let page = server.get("/events").await.is(200).json;
        (page["trimmed_through"] != 0 && page["items"][0].is_object()).then_some(page)
    })
    .await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    assert_eq!(page["items"][0]["subject"], format!("tickets/{young}"));
    let mut stream =
        server.request(Method::GET, "/events").header("accept", "text/event-stream").open().await;
    let first = stream.chunk().await.unwrap().unwrap();
    let trimmed = &page["trimmed_through"];
    let told =
        format!("id: {trimmed}\nevent: log.trimmed\ndata: {{\"trimmed_through\":{trimmed}}}\n\n");
    assert!(first.starts_with(told.as_bytes()), "{first:?}");
}

/// Does what upkeep does once a minute, with events kept for a day, at the time of the young one.
async fn clean_in_two_days(server: &Server) {
    let (clock, ids) = (Sources::system(), Sources::system());
    let sources = Sources::new(move || clock.now() + TimeDelta::days(2), move || ids.id());
    let settings = Settings { event_retention: Some(TimeDelta::days(1)), ..Settings::default() };
    let engine = Engine::start(server.db().clone(), settings, sources).await.unwrap();
    upkeep::clean(&engine).await.unwrap();
}
