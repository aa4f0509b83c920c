//! The event log under many writers: a reader that follows it misses nothing.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use phaseline_engine::Sources;
use phaseline_persistence::{
    Error, Tx,
    events::{self, Event, NewEvent},
    idempotency::{self, Kept},
};
use serde_json::json;
use uuid::Uuid;

use crate::kit::{database, eventually};

const WRITERS: u32 = 120;

/// A writer that takes its place in the order early and commits late is what a naive
/// `sequence > n` skips on PostgreSQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_sees_each_committed_event_once_and_in_order_while_many_write() {
    let place = database().await;
    let writing = place.open_with(8).await;
    let reading = place.open_with(1).await;
    let reader = tokio::spawn(async move { follow(reading.reader()).await });
    let writers = (0..WRITERS).map(|number| {
        let db = writing.clone();
        tokio::spawn(async move { (number, db.write(number, write).await.ok()) })
    });
    let mut committed = BTreeSet::new();
    for outcome in join_all(writers).await {
        let (number, ids) = outcome.unwrap();
        assert_eq!(ids.is_some(), !rolls_back(number), "the outcome of writer {number}");
        committed.extend(ids.into_iter().flatten());
    }
    let seen = reader.await.unwrap();
    let positions: Vec<_> = seen.iter().map(|event| event.sequence).collect();
    assert!(positions.is_sorted_by(|a, b| a < b), "positions only grow: {positions:?}");
    assert_eq!(seen.len(), committed.len(), "each event once");
    assert_eq!(seen.iter().map(|event| event.id).collect::<BTreeSet<_>>(), committed);
    for pair in seen.chunks(2) {
        assert_eq!(pair[0].data["writer"], pair[1].data["writer"], "what commits at once stays so");
    }
    let last = positions.last().copied().unwrap();
    assert!(events::list(writing.reader(), last, &[], 10).await.unwrap().items.is_empty());
}

/// Reads page after page from where it stopped, as a client does, until all have come.
async fn follow(db: &phaseline_persistence::Connection) -> Vec<Event> {
    let expected = 2 * (0..WRITERS).filter(|number| !rolls_back(*number)).count();
    let mut seen: Vec<Event> = Vec::new();
    while seen.len() < expected {
        let after = seen.last().map_or(0, |event| event.sequence);
        let page = eventually("the next events come", || async {
            let page = events::list(db, after, &[], 7).await.unwrap().items;
            (!page.is_empty()).then_some(page)
        })
        .await;
        seen.extend(page);
    }
    seen
}

/// Two events with a pause between them, after a first write that takes the writer's place.
fn write<'t>(
    tx: &'t Tx,
    number: &'t u32,
) -> futures::future::BoxFuture<'t, Result<[Uuid; 2], Error>> {
    Box::pin(async move {
        let key = format!("writer {number}");
        let created_at = Sources::system().now();
        let kept = Kept { fingerprint: String::new(), outcome: json!({}), created_at };
        idempotency::keep(tx, &key, kept).await?;
        idempotency::forget(tx, &key, Sources::system().now()).await?;
        let first = event(*number);
        let second = event(*number);
        let ids = [first.id, second.id];
        tx.announce(first);
        tokio::time::sleep(pause(*number)).await;
        tx.announce(second);
        if rolls_back(*number) {
            return Err(Error::UnsupportedUrl { url: "this fails".to_owned() });
        }
        Ok(ids)
    })
}

fn event(writer: u32) -> NewEvent {
    let sources = Sources::system();
    NewEvent {
        id: sources.id(),
        kind: "test.written",
        subject: "tests/1".to_owned(),
        time: sources.now(),
        data: json!({ "writer": writer }),
    }
}

const fn rolls_back(number: u32) -> bool {
    number % 10 == 3
}

/// Up to eight milliseconds, scattered but the same in every run (Knuth's multiplicative hash).
const fn pause(number: u32) -> Duration {
    Duration::from_millis((number.wrapping_mul(2_654_435_761) >> 29) as u64)
}
