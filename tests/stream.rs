//! The event stream resumes where it stopped, also after a restart.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::kit::{Http, eventually, new_ticket, server, server_over, text};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_stream_resumes_after_a_restart_without_gap_or_duplicate() {
    let first = server().await;
    let before = [new_ticket(&first, "one").await, new_ticket(&first, "two").await];
    let mut stream = Stream::open(&first, None).await;
    let seen = stream.next().await;
    assert_eq!(subject(&seen), before[0]);
    let place = first.stop().await;

    let second = server_over(place).await;
    let after = new_ticket(&second, "three").await;
    let mut stream = Stream::open(&second, Some(&seen.id)).await;
    assert_eq!(subject(&stream.next().await), before[1], "what was missed comes first");
    assert_eq!(subject(&stream.next().await), after);
    let live = new_ticket(&second, "four").await;
    assert_eq!(subject(&stream.next().await), live, "and then what happens now");
}

#[tokio::test]
async fn a_stream_and_a_page_tell_the_same() {
    let server = server().await;
    for title in ["one", "two", "three"] {
        new_ticket(&server, title).await;
    }
    let mut stream = Stream::open(&server, Some("0")).await;
    let mut streamed = Vec::new();
    for _ in 0..3 {
        let message = stream.next().await;
        assert_eq!(message.id, message.data["sequence"].to_string());
        streamed.push(message.data);
    }
    let page = server.get("/events?after=0&limit=100").await.is(200).json;
    assert_eq!(page["items"], Value::Array(streamed));
}

#[tokio::test]
async fn a_stream_carries_only_the_types_asked_for() {
    let server = server().await;
    let ticket = new_ticket(&server, "one").await;
    crate::kit::enter(&server, &ticket, &["PHASE_REQUIREMENTS"]).await;
    let types = "/events?types=ticket.phase.transitioned&after=0";
    let mut stream = Stream::at(&server, types, None).await;
    assert_eq!(stream.next().await.data["type"], "ticket.phase.transitioned");
}

#[tokio::test]
async fn only_a_stream_reads_where_it_was_left() {
    let server = server().await;
    new_ticket(&server, "one").await;
    let ask = |accept: &str, last: &str| {
        let request = server.request(Method::GET, "/events?types=ticket.created,");
        request.header("accept", accept).header("last-event-id", last)
    };
    eventually("the event of the ticket is on a page", || async {
        let page = ask("application/json", "nonsense").send().await.is(200).json;
        (page["items"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    ask("text/event-stream;q=0", "nonsense").send().await.is(200);
    ask("text/event-stream", "nonsense").send().await.problem(400, "malformed-request");
    let twice = ask("text/event-stream", "0").header("last-event-id", "0");
    twice.send().await.problem(400, "malformed-request");
    let stream = ask("*/*", "0").header("accept", "Text/Event-Stream").open().await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
}

/// One message of a stream.
struct Message {
    id: String,
    data: Value,
}

/// A stream of server-sent events, as a client reads it.
struct Stream {
    response: Response,
    read: String,
}

impl Stream {
    async fn open(http: &Http, last: Option<&str>) -> Self {
        Self::at(http, "/events?after=0", last).await
    }

    async fn at(http: &Http, path: &str, last: Option<&str>) -> Self {
        let mut request = http.request(Method::GET, path).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.open().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, read: String::new() }
    }

    /// The next message, which must come soon.
    async fn next(&mut self) -> Message {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("a message comes in time")
    }

    /// Reads up to the next message; comments, which only keep the line open, are passed over.
    async fn read(&mut self) -> Message {
        loop {
            while let Some((message, rest)) = self.read.split_once("\n\n") {
                let parsed = parse(message);
                self.read = rest.to_owned();
                if let Some(message) = parsed {
                    return message;
                }
            }
            let chunk = self.response.chunk().await.expect("the stream can be read");
            let chunk = chunk.expect("the stream goes on");
            self.read.push_str(std::str::from_utf8(&chunk).expect("whole characters"));
        }
    }
}

fn parse(message: &str) -> Option<Message> {
    let field = |name: &str| {
        message.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned())
    };
    let data = field("data:")?;
    let data = serde_json::from_str(&data).expect("the data is JSON");
    Some(Message { id: field("id:").expect("a position"), data })
}

fn subject(message: &Message) -> &str {
    text(&message.data, "subject").strip_prefix("tickets/").expect("it is about a ticket")
}
