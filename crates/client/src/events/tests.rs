//! Streams that break off, and what they resume behind.

use futures::StreamExt;
use serde_json::json;

use super::*;
use crate::kit::{Heard, Turn, problem, serve};

fn streamed(frames: &[String]) -> Turn {
    Turn::Answer(200, "content-type: text/event-stream\r\n", frames.concat())
}

fn event(sequence: i64) -> String {
    let event = json!({
        "specversion": "1.0",
        "id": uuid::Uuid::nil(),
        "source": "/phaseline",
        "type": "ticket.created",
        "subject": "tickets/1",
        "time": "2026-01-31T08:15:00.000000Z",
        "sequence": sequence,
        "datacontenttype": "application/json",
        "data": {},
    });
    format!("id: {sequence}\nevent: ticket.created\ndata: {event}\n\n")
}

fn trimmed(through: i64) -> String {
    format!("id: {through}\nevent: log.trimmed\ndata: {{\"trimmed_through\":{through}}}\n\n")
}

/// The next item of a stream: a position, `trimmed through N`, or the kind of an error.
async fn next(stream: &mut (impl Stream<Item = Result<Followed>> + Unpin)) -> String {
    match stream.next().await.unwrap() {
        Ok(Followed::Event(event)) => event.sequence.to_string(),
        Ok(Followed::Trimmed(gap)) => format!("trimmed through {}", gap.trimmed_through),
        Err(error) => error.kind().unwrap_or("no problem").to_owned(),
    }
}

/// Each request's `after` or `Last-Event-ID`.
fn resumed(heard: &mut Heard) -> Vec<String> {
    std::iter::from_fn(|| heard.try_recv().ok())
        .map(|asked| match asked.header("last-event-id") {
            Some(id) => format!("behind {id}"),
            None => asked.line,
        })
        .collect()
}

#[tokio::test]
async fn a_stream_resumes_behind_the_last_event_it_gave() {
    let (client, mut heard) = serve([
        streamed(&[event(3), event(4), "id: 5\nevent: cut off".to_owned()]),
        problem(503, "unavailable"),
        Turn::HangUp,
        streamed(&[trimmed(8), event(9)]),
        problem(400, "malformed-request"),
    ])
    .await;
    let mut stream = Box::pin(client.events().follow(Since::After(2), &["ticket.created"]));
    for expected in ["3", "4", "trimmed through 8", "9", "malformed-request"] {
        assert_eq!(next(&mut stream).await, expected);
    }
    assert!(stream.next().await.is_none(), "an error is the last item");
    assert_eq!(
        resumed(&mut heard),
        [
            "GET /api/v1/events?after=2&types=ticket.created",
            "behind 4",
            "behind 4",
            "behind 4",
            "behind 9",
        ]
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let (client, mut heard) = serve(vec![problem(503, "unavailable"); 9]).await;
    let mut stream = Box::pin(client.events().follow(Since::Now, &[]));
    assert_eq!(next(&mut stream).await, "unavailable");
    assert_eq!(resumed(&mut heard), ["GET /api/v1/events?after=latest"; 5]);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_not_passed_over() {
    let (client, _heard) = serve([streamed(&["data: {}\n\n".to_owned(), event(1)])]).await;
    let mut stream = Box::pin(client.events().follow(Since::Beginning, &[]));
    assert_eq!(next(&mut stream).await, "no problem");
    assert!(stream.next().await.is_none());
}
