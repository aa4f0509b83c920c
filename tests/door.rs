//! The write door: all of a unit of work, or nothing of it.

use phaseline_engine::Sources;
use phaseline_persistence::{
    Db, Error,
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
