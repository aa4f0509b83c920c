//! More than there is room for: readers that do not read, connections by the thousand, a full line.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, future::join_all, stream};
use phaseline_engine::Sources;
use phaseline_persistence::{Db, DbOptions, Error, agents, events::NewEvent};
use reqwest::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sea_orm::DbBackend;
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::kit::{backend, database, eventually, program, server, server_with};

const PATIENCE: Duration = Duration::from_secs(20);
/// Together more than is kept in memory of the log.
const UNITS: usize = 40;
const EVENTS: usize = 50;
const LONG: usize = 10_000;

const CONNECTIONS: usize = 10_000;
/// For each of them; most of it is what actix keeps of a connection.
const MOST_KIB: u64 = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_slowly_gets_everything_once_and_in_order() {
    let server = server().await;
    let ask = || {
        let request = server.request(Method::GET, "/events?after=latest");
        request.header("accept", "text/event-stream").open()
    };
    let (mut slow, mut quick) = (ask().await, ask().await);
    let reading = tokio::spawn(async move { numbers(&mut quick).await });
    for unit in 0..UNITS {
        write(server.db(), unit).await;
    }
    let expected: Vec<u64> = (0..(UNITS * EVENTS) as u64).collect();
    assert_eq!(reading.await.unwrap(), expected, "who reads at once");
    assert_eq!(numbers(&mut slow).await, expected, "who reads when all is over");
}

/// The numbers of the events in a stream, which must come soon.
async fn numbers(stream: &mut reqwest::Response) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut rest = Vec::new();
    while numbers.len() < UNITS * EVENTS {
        let chunk = tokio::time::timeout(PATIENCE, stream.chunk());
        rest.extend(chunk.await.expect("the stream goes on").unwrap().expect("it does not end"));
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
            let message: Vec<u8> = rest.drain(..end + 2).collect();
            let message = String::from_utf8(message).unwrap();
            if let Some((_, data)) = message.split_once("data: ") {
                let event: Value = serde_json::from_str(data).unwrap();
                numbers.push(event["data"]["number"].as_u64().unwrap());
            }
        }
    }
    numbers
}

async fn write(db: &Db, unit: usize) {
    db.write(unit, |tx, unit| {
        Box::pin(async move {
            let sources = Sources::system();
            for number in unit * EVENTS..(unit + 1) * EVENTS {
                tx.announce(NewEvent {
                    id: sources.id(),
                    kind: "test.written",
                    subject: "tests/1".to_owned(),
                    time: sources.now(),
                    data: json!({ "number": number, "text": "x".repeat(LONG) }),
                });
            }
            Ok::<_, Error>(())
        })
    })
    .await
    .unwrap();
}

/// Many readers that do not read cost the server what the system keeps for their connections, and
/// nothing of its own for each event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_open_streams_leave_room_and_time_for_a_ticket() {
    if !raise_limit() {
        println!("skipped: this process may not open {CONNECTIONS} files; see `ulimit -n -H`");
        return;
    }
    let place = database().await;
    let program = program(place.url()).await;
    let address = program.base().strip_prefix("http://").unwrap().to_owned();
    let opening = (0..CONNECTIONS).map(|_| {
        let address = address.clone();
        tokio::task::spawn_blocking(move || follow(&address))
    });
    let streams: Vec<TcpStream> =
        stream::iter(opening).buffer_unordered(64).map(Result::unwrap).collect().await;
    let metrics = program.get("/metrics").await.is(200).text;
    assert!(metrics.contains(&format!("phaseline_streams_open {CONNECTIONS}\n")), "{metrics}");
    let made = (0..100).map(|_| program.create("/tickets", json!({ "title": "In the crowd" })));
    join_all(made).await;
    let mut first = &streams[0];
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = vec![0; 1 << 10];
    first.read_exact(&mut heard).expect("they come to the streams");
    if let Some(memory) = program.memory_kib() {
        assert!(memory < MOST_KIB * CONNECTIONS as u64, "{memory} KiB for {CONNECTIONS} streams");
    }
}

/// A stream that is open: the answer has begun.
fn follow(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server takes it");
    let request = "GET /api/v1/events?after=latest HTTP/1.1\r\nHost: phaseline\r\n\
                   Accept: text/event-stream\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("it answers");
    assert_eq!(&status, b"HTTP/1.1 200");
    stream
}

/// Lets this process, and those that it starts, open so many files.
fn raise_limit() -> bool {
    let wanted = CONNECTIONS as u64 + 1_000;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return true;
    }
    let raised = Rlimit { current: Some(wanted), maximum };
    maximum.is_none_or(|maximum| maximum >= wanted) && setrlimit(Resource::Nofile, raised).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_the_line_full_is_told_to_come_back_and_nothing_is_lost() {
    const CALLERS: usize = 8;
    let server = server_with(|options| DbOptions {
        connections: 2,
        queue: 2,
        acquire_timeout: Duration::from_secs(2),
        ..options
    })
    .await;
    // As many as can work at once are at work, and wait.
    let workers = if backend() == DbBackend::Sqlite { 1 } else { 2 };
    let gate = Arc::new((Notify::new(), Notify::new()));
    let holding: Vec<_> =
        (0..workers).map(|_| hold(server.db().clone(), Arc::clone(&gate))).collect();
    for _ in 0..workers {
        gate.0.notified().await;
    }
    let ask = |number: usize| {
        let request = server.request(Method::POST, "/tickets");
        // With a key it needs a transaction of its own.
        let request = request.header("idempotency-key", &format!("key-{number}"));
        request.json(json!({ "title": format!("number {number}") })).send()
    };
    let asked = async {
        let replies = (0..CALLERS).map(|number| {
            let (gate, ask) = (Arc::clone(&gate), &ask);
            async move {
                let reply = ask(number).await;
                if reply.status == 503 {
                    // The first who is sent away lets the others in.
                    gate.1.notify_waiters();
                }
                reply
            }
        });
        join_all(replies).await
    };
    let replies = asked.await;
    for held in holding {
        held.await.unwrap();
    }
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    let refused: Vec<_> = replies.into_iter().filter(|reply| reply.status != 201).collect();
    assert!(!refused.is_empty(), "the line is not endless");
    for reply in refused {
        assert!(!reply.header("retry-after").is_empty());
        reply.problem(503, "unavailable");
    }
    let stored = eventually("the server reads again", || async {
        let page = server.get("/tickets?limit=100").await;
        (page.status == 200).then(|| page.json["items"].as_array().unwrap().len())
    })
    .await;
    assert_eq!(stored, made, "what was promised is there, and nothing else");
    ask(CALLERS).await.is(201);
}

/// A unit of work that says when it has begun, and goes on when it is let.
fn hold(db: Db, gate: Arc<(Notify, Notify)>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let held = db.write(gate, |tx, gate| {
            Box::pin(async move {
                // On PostgreSQL a unit has a connection once it holds something.
                agents::find_and_hold(tx, Uuid::nil()).await?;
                let go_on = gate.1.notified();
                gate.0.notify_one();
                go_on.await;
                Ok::<_, Error>(())
            })
        });
        held.await.unwrap();
    })
}
