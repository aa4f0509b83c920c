//! The write door: all of a unit of work, or nothing of it.

use std::time::Duration;

use futures::future::join_all;
use phaseline_engine::Sources;
use phaseline_persistence::{
    Db, DbOptions, Error,
    events::{self, NewEvent},
    tickets::{self, Flow, NewTicket},
};
use phaseline_phases::{Note, Position, Workflow, WorkflowId};
use phaseline_tasks::Priority;
use serde_json::json;
use uuid::Uuid;

use crate::kit::{database, eventually, tables};

#[tokio::test]
async fn a_unit_that_fails_leaves_nothing_behind_not_even_its_events() {
    let place = database().await;
    let db = place.open().await;
    let before = tables(&db).await;
    let failed = db
        .write(new_ticket(), |tx, ticket| {
            Box::pin(async move {
                tickets::insert(tx, std::slice::from_ref(ticket)).await?;
                tx.announce(created(ticket));
                Err::<(), _>(Error::UnsupportedUrl { url: "this fails".to_owned() })
            })
        })
        .await;
    assert!(matches!(failed, Err(Error::UnsupportedUrl { .. })), "{failed:?}");
    assert_eq!(tables(&db).await, before);
}

#[tokio::test]
async fn a_unit_whose_events_cannot_be_stored_stores_nothing() {
    let place = database().await;
    let db = place.open().await;
    let before = tables(&db).await;
    let failed = db
        .write(new_ticket(), |tx, ticket| {
            Box::pin(async move {
                tickets::insert(tx, std::slice::from_ref(ticket)).await?;
                tx.announce(created(ticket));
                tx.announce(created(ticket));
                Ok::<_, Error>(())
            })
        })
        .await;
    assert!(matches!(failed, Err(Error::Duplicate(_))), "{failed:?}");
    assert_eq!(tables(&db).await, before);
}

#[tokio::test]
async fn a_unit_that_succeeds_is_there_with_its_event_and_wakes_who_waits() {
    let place = database().await;
    let db = place.open().await;
    let mut commits = db.commits();
    let ticket = new_ticket();
    let id = ticket.id;
    store(&db, ticket).await;
    assert!(commits.has_changed().unwrap(), "a commit with an event is told");
    commits.mark_unchanged();
    assert_eq!(tickets::find(db.reader(), id).await.unwrap().unwrap().version, 1);
    let event = eventually("the event is in the log", || async {
        events::list(db.reader(), 0, &[], 10).await.unwrap().items.pop()
    })
    .await;
    assert_eq!(event.id, id);
}

#[tokio::test]
async fn a_key_that_is_taken_is_refused_by_the_database_in_our_words() {
    let place = database().await;
    let db = place.open().await;
    store(&db, NewTicket { key: Some("TKT-1".to_owned()), ..new_ticket() }).await;
    let again = NewTicket { key: Some("TKT-1".to_owned()), ..new_ticket() };
    let refused = db
        .write(again, |tx, ticket| {
            Box::pin(async move { tickets::insert(tx, std::slice::from_ref(ticket)).await })
        })
        .await;
    assert!(matches!(refused, Err(Error::Duplicate(_))), "{refused:?}");
}

/// What one of many who come at once does.
type Part = (NewTicket, Fails);

#[derive(Clone, Copy, PartialEq)]
enum Fails {
    Never,
    BeforeItWrites,
    AfterItHasWritten,
}

#[tokio::test]
async fn of_many_who_come_at_once_those_that_fail_harm_none_of_the_others() {
    let place = database().await;
    let db = place.open().await;
    // The second round is served in the wary way that the first one has led to.
    for _ in 0..2 {
        let before = tables(&db).await["tickets"] as usize;
        let parts: Vec<Part> = (0..60)
            .map(|number| match number % 10 {
                3 => (new_ticket(), Fails::BeforeItWrites),
                0 | 7 => (new_ticket(), Fails::AfterItHasWritten),
                _ => (new_ticket(), Fails::Never),
            })
            .collect();
        let (open, gate) = tokio::sync::watch::channel(false);
        let first = db.write(gate, |_, gate| {
            Box::pin(async move {
                // Everybody else waits in line by then.
                let _ = gate.clone().wait_for(|open| *open).await;
                Ok::<_, Error>(())
            })
        });
        let all = parts.iter().map(|part| part_of(&db, part.clone()));
        let all = async {
            let all = join_all(all);
            let opened = async {
                tokio::task::yield_now().await;
                open.send(true).unwrap();
            };
            tokio::join!(all, opened).0
        };
        let (first, outcomes) = tokio::join!(first, all);
        first.unwrap();
        for ((ticket, fails), outcome) in parts.iter().zip(outcomes) {
            let there = tickets::find(db.reader(), ticket.id).await.unwrap().is_some();
            assert_eq!((outcome.is_ok(), there), (*fails == Fails::Never, *fails == Fails::Never));
        }
        assert_eq!(tables(&db).await["tickets"] as usize, before + 42);
        let events = eventually("every event is in the log", || async {
            let events = events::list(db.reader(), 0, &[], 200).await.unwrap().items;
            (events.len() >= before + 42).then_some(events)
        })
        .await;
        assert_eq!(events.len(), before + 42, "of those that succeeded, each once");
    }
}

#[tokio::test]
async fn who_finds_the_line_full_is_told_so_and_nothing_is_lost() {
    let place = database().await;
    if !place.url().starts_with("sqlite") {
        return; // PostgreSQL has no line
    }
    let db = Db::open(&DbOptions { queue: 2, ..DbOptions::new(place.url()) }).await.unwrap();
    let (open, gate) = tokio::sync::watch::channel(false);
    let (begun, begins) = tokio::sync::oneshot::channel::<()>();
    let begun = std::sync::Mutex::new(Some(begun));
    let first = db.write((begun, gate), |_, (begun, gate)| {
        Box::pin(async move {
            drop(begun.lock().unwrap().take());
            let _ = gate.clone().wait_for(|open| *open).await;
            Ok::<_, Error>(())
        })
    });
    let others = async {
        let _ = begins.await; // the first one is being served
        let all = (0..5).map(|_| part_of(&db, (new_ticket(), Fails::Never)));
        let opened = async {
            tokio::task::yield_now().await;
            open.send(true).unwrap();
        };
        tokio::join!(join_all(all), opened).0
    };
    let (first, others) = tokio::join!(first, others);
    first.unwrap();
    let (stored, refused): (Vec<_>, Vec<_>) = others.into_iter().partition(Result::is_ok);
    assert_eq!((stored.len(), refused.len()), (2, 3));
    assert!(refused.iter().all(|error| matches!(error, Err(Error::Busy { waiting: 2 }))));
    assert_eq!(tables(&db).await["tickets"] as usize, 2);
}

async fn part_of(db: &Db, part: Part) -> Result<(), Error> {
    db.write(part, |tx, (ticket, fails)| {
        Box::pin(async move {
            let failure = || Err(Error::UnsupportedUrl { url: "this fails".to_owned() });
            if *fails == Fails::BeforeItWrites {
                return failure();
            }
            tickets::insert(tx, std::slice::from_ref(ticket)).await?;
            tx.announce(created(ticket));
            if *fails == Fails::AfterItHasWritten { failure() } else { Ok(()) }
        })
    })
    .await
}

async fn store(db: &Db, ticket: NewTicket) {
    db.write(ticket, |tx, ticket| {
        Box::pin(async move {
            tickets::insert(tx, std::slice::from_ref(ticket)).await?;
            tx.announce(created(ticket));
            Ok::<_, Error>(())
        })
    })
    .await
    .unwrap();
}

fn new_ticket() -> NewTicket {
    let sources = Sources::system();
    let opening =
        Position::start(Workflow::standard(), None, Note::default(), sources.now()).unwrap();
    NewTicket {
        id: sources.id(),
        key: None,
        title: "Rotate the keys".to_owned(),
        description: String::new(),
        workflow_id: WorkflowId::standard(),
        priority: Priority::Medium,
        estimate: None,
        blocked_by: Vec::<Uuid>::new(),
        flow: Flow::default(),
        opening,
    }
}

fn created(ticket: &NewTicket) -> NewEvent {
    NewEvent {
        id: ticket.id,
        kind: "ticket.created",
        subject: format!("tickets/{}", ticket.id),
        time: ticket.opening.at(),
        data: json!({}),
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_apart_from_one_that_is_slow() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    drop(listener);
    let told = refusal_of(&format!("postgres://amy:secret@{place}/phaseline")).await;
    assert!(told.contains("refused") && !told.contains("secret"), "{told}");
    let with_mode = format!("postgres://amy:secret@{place}/phaseline?sslmode=disable");
    assert_eq!(refusal_of(&with_mode).await, told);

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    let told = refusal_of(&format!("postgres://amy:secret@{place}/phaseline")).await;
    assert!(told.contains("did not answer within 100ms"), "{told}");
}

async fn refusal_of(url: &str) -> String {
    let acquire_timeout = Duration::from_millis(100);
    let options = DbOptions { acquire_timeout, ..DbOptions::new(url) };
    chain(&Db::open(&options).await.unwrap_err())
}

#[test]
fn what_is_secret_in_a_url_is_never_shown() {
    for (url, place) in [
        ("postgres://me:p@ss@host:5432/db", "postgres://host:5432/db"),
        ("postgres://host/db?user=me&password=p@ss", "postgres://host:5432/db"),
        ("postgres://me:pass@[::bad/db", "postgres://…"),
        ("mysql://me:pass@host/db", "mysql://…"),
        ("host=db user=me password=pass:word dbname=db", "…"),
        ("sqlite://phaseline.db", "sqlite://phaseline.db"),
    ] {
        let options = DbOptions::new(url);
        assert_eq!(options.place(), place);
        if let Err(refusal) = options.backend() {
            assert!(!refusal.to_string().contains("pass"), "{refusal}");
        }
    }
}

/// What an error says, with its causes.
fn chain(error: &Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |why| why.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
