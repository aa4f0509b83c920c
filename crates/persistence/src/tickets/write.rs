//! The writes of tickets. Each demands the proof of its decision, or the version that was decided on.

use chrono::{DateTime, Utc};
use phaseline_context::Outline;
use phaseline_phases::{Answer, Blocker, PhaseId, Position, Transition, WorkflowId};
use phaseline_tasks::Priority;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, QueryTrait, Value,
    sea_query::{Expr, Query as SeaQuery},
};
use uuid::Uuid;

use super::{Flow, ROWS_AT_ONCE, TABLE, Ticket};
use crate::{
    Result, Tx,
    connection::About,
    decode,
    entity::{task, task_dependency, ticket, ticket_dependency},
    history,
    query::{Query, Text, any, insert_rows},
};

/// A ticket to insert; its place comes from the transition that opened it.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// Its id.
    pub id: Uuid,
    /// The name that its backlog gave it, unique.
    pub key: Option<String>,
    /// One line.
    pub title: String,
    /// What is wanted.
    pub description: String,
    /// The workflow that it follows.
    pub workflow_id: WorkflowId,
    /// How urgent it is.
    pub priority: Priority,
    /// The size that its backlog gave it.
    pub estimate: Option<String>,
    /// The tickets that it waits for.
    pub blocked_by: Vec<Uuid>,
    /// How it flows.
    pub flow: Flow,
    /// The first row of its history.
    pub opening: Transition,
}

/// The columns of a ticket that may be changed by hand.
#[derive(Debug, Clone)]
pub struct Edit {
    /// One line.
    pub title: String,
    /// What is wanted.
    pub description: String,
    /// How urgent it is.
    pub priority: Priority,
    /// Its size as free text.
    pub estimate: Option<String>,
    /// How it flows.
    pub flow: Flow,
}

/// Inserts tickets, the first rows of their histories, and what they wait for.
///
/// # Errors
/// [`crate::Error::Duplicate`] for a key that is taken, [`crate::Error::BrokenReference`] for a
/// blocker that is not there.
pub async fn insert(tx: &Tx, tickets: &[NewTicket]) -> Result<()> {
    static TEXT: Text = Text::new();
    for tickets in tickets.chunks(ROWS_AT_ONCE) {
        let rows = tickets.iter().map(opened).collect::<Result<Vec<_>>>()?;
        insert_rows(tx, &TEXT, rows).await?;
        let openings = tickets.iter().map(|ticket| (ticket.id, &ticket.opening));
        history::append(tx, openings).await?;
    }
    let edges: Vec<_> = tickets
        .iter()
        .flat_map(|ticket| ticket.blocked_by.iter().map(|blocker| (ticket.id, *blocker)))
        .map(|(ticket_id, blocked_by_id)| ticket_dependency::ActiveModel {
            ticket_id: Set(ticket_id),
            blocked_by_id: Set(blocked_by_id),
        })
        .collect();
    for edges in edges.chunks(ROWS_AT_ONCE) {
        let edges = ticket_dependency::Entity::insert_many(edges.to_vec());
        tx.connection().follow(Query::of(tx.connection().backend(), &edges)).await?;
    }
    Ok(())
}

/// Moves a ticket if it is still at the version that was decided on, and no task of it was completed
/// meanwhile; `false` when not. Its blocker, answers and rework count become those given.
///
/// # Errors
/// Storage failures.
pub async fn apply(
    tx: &Tx,
    ticket: &Ticket,
    step: &Transition,
    blocker: Option<&Blocker>,
    answers: &[Answer],
    rework_since: u32,
) -> Result<bool> {
    static TEXT: Text = Text::new();
    let Position { phase, previous, sequence, since } = step.position();
    let blocker = blocker.map(|blocker| decode::encoded(TABLE, "blocker", blocker)).transpose()?;
    let values: Vec<Value> = vec![
        step.at().into(),
        blocker.into(),
        decode::encoded(TABLE, "answers", &answers)?.into(),
        decode::number::<i32, _>(TABLE, "rework_since", rework_since)?.into(),
        phase.as_str().into(),
        previous.as_ref().map(PhaseId::as_str).into(),
        decode::number::<i32, _>(TABLE, "history_sequence", sequence)?.into(),
        since.into(),
        ticket.id.into(),
        ticket.version.into(),
        ticket.has_results.into(),
    ];
    let query = TEXT.with(tx.connection().backend(), values, || {
        let mut update = SeaQuery::update();
        update.table(ticket::Entity).value(ticket::Column::Version, next_version());
        let columns = {
            use ticket::Column as C;
            let blocked = [C::UpdatedAt, C::Blocker, C::Answers, C::ReworkSince];
            blocked.into_iter().chain([
                C::PhaseId,
                C::PreviousPhaseId,
                C::HistorySequence,
                C::PhaseSince,
            ])
        };
        update
            .values(columns.map(|column| (column, any())))
            .and_where(Expr::col(ticket::Column::Id).eq(any()))
            .and_where(Expr::col(ticket::Column::Version).eq(any()))
            .and_where(Expr::col(ticket::Column::HasResults).eq(any()))
            .to_owned()
    });
    if !tx.connection().guarded(About::Ticket(ticket.id), query).await? {
        return Ok(false);
    }
    history::append(tx, [(ticket.id, step)]).await?;
    Ok(true)
}

/// Remembers that the templates of these phases have made their tasks, beside a change that this
/// transaction has just made.
///
/// # Errors
/// Storage failures.
pub async fn mark_templated(tx: &Tx, ticket: Uuid, phases: &[PhaseId]) -> Result<()> {
    let update = ticket::Entity::update_many()
        .col_expr(
            ticket::Column::TemplatedPhases,
            Expr::value(decode::encoded(TABLE, "templated_phases", &phases)?),
        )
        .filter(ticket::Column::Id.eq(ticket));
    tx.connection().change(&update).await?;
    Ok(())
}

/// Gives a ticket its next version, for a change that lies in another table; `false` when it is no
/// longer at this one.
///
/// # Errors
/// Storage failures.
pub async fn touch(tx: &Tx, ticket: &Ticket, now: DateTime<Utc>) -> Result<bool> {
    Ok(tx.connection().change(&swap(ticket, now)).await? > 0)
}

/// Stores an edit if the ticket is still at this version; `false` when it is not.
///
/// # Errors
/// Storage failures.
pub async fn edit(tx: &Tx, ticket: &Ticket, edit: &Edit, now: DateTime<Utc>) -> Result<bool> {
    let Edit { title, description, priority, estimate, flow } = edit;
    let Flow { gates, templates, auto_advance, skip_empty_phases } = *flow;
    let update = swap(ticket, now)
        .col_expr(ticket::Column::Gates, Expr::value(gates))
        .col_expr(ticket::Column::Templates, Expr::value(templates))
        .col_expr(ticket::Column::AutoAdvance, Expr::value(auto_advance))
        .col_expr(ticket::Column::SkipEmptyPhases, Expr::value(skip_empty_phases))
        .col_expr(ticket::Column::Title, Expr::value(title.as_str()))
        .col_expr(ticket::Column::Description, Expr::value(description.as_str()))
        .col_expr(ticket::Column::Priority, Expr::value(priority.to_string()))
        .col_expr(ticket::Column::Estimate, Expr::value(estimate.clone()));
    Ok(tx.connection().change(&update).await? > 0)
}

/// Stores what a blocked ticket waits for if it is still at this version; `false` when it is not.
///
/// # Errors
/// Storage failures.
pub async fn ask(tx: &Tx, ticket: &Ticket, blocker: &Blocker, now: DateTime<Utc>) -> Result<bool> {
    let blocker = decode::encoded(TABLE, "blocker", blocker)?;
    let update = swap(ticket, now).col_expr(ticket::Column::Blocker, Expr::value(blocker));
    Ok(tx.connection().change(&update).await? > 0)
}

/// Deletes a ticket with its history and tasks if it is still at this version; `false` when it
/// is not.
///
/// # Errors
/// [`crate::Error::BrokenReference`] when another ticket or a task of another ticket waits for it.
pub async fn delete(tx: &Tx, ticket: &Ticket) -> Result<bool> {
    // What its tasks wait for goes first: they may wait for each other.
    let own = task::Entity::find()
        .select_only()
        .column(task::Column::Id)
        .filter(task::Column::TicketId.eq(ticket.id))
        .into_query();
    let edges = task_dependency::Entity::delete_many()
        .filter(task_dependency::Column::TaskId.in_subquery(own));
    tx.connection().change(&edges).await?;
    let deleted = ticket::Entity::delete_many()
        .filter(ticket::Column::Id.eq(ticket.id))
        .filter(ticket::Column::Version.eq(ticket.version));
    Ok(tx.connection().change(&deleted).await? > 0)
}

type Update = sea_orm::UpdateMany<ticket::Entity>;

/// The compare-and-set that settles every race on a ticket.
pub(super) fn swap(ticket: &Ticket, now: DateTime<Utc>) -> Update {
    ticket::Entity::update_many()
        .col_expr(ticket::Column::Version, next_version())
        .col_expr(ticket::Column::UpdatedAt, Expr::value(now))
        .filter(ticket::Column::Id.eq(ticket.id))
        .filter(ticket::Column::Version.eq(ticket.version))
}

fn next_version() -> Expr {
    Expr::col(ticket::Column::Version).add(Expr::cust("1"))
}

fn opened(ticket: &NewTicket) -> Result<ticket::ActiveModel> {
    let NewTicket {
        id,
        key,
        title,
        description,
        workflow_id,
        priority,
        estimate,
        blocked_by: _, // rows of their own
        flow: Flow { gates, templates, auto_advance, skip_empty_phases },
        opening,
    } = ticket;
    let Position { phase, previous, sequence, since } = opening.position();
    Ok(ticket::ActiveModel {
        id: Set(*id),
        key: Set(key.clone()),
        title: Set(title.clone()),
        description: Set(description.clone()),
        workflow_id: Set(workflow_id.to_string()),
        phase_id: Set(phase.to_string()),
        previous_phase_id: Set(previous.map(|phase| phase.to_string())),
        history_sequence: Set(decode::number(TABLE, "history_sequence", sequence)?),
        phase_since: Set(since),
        priority: Set(priority.to_string()),
        estimate: Set(estimate.clone()),
        context: Set(decode::encoded(TABLE, "context", &Outline::default())?),
        context_summary: Set(String::new()),
        gates: Set(*gates),
        templates: Set(*templates),
        auto_advance: Set(*auto_advance),
        skip_empty_phases: Set(*skip_empty_phases),
        blocker: Set(None),
        answers: Set(serde_json::Value::Array(Vec::new())),
        templated_phases: Set(serde_json::Value::Array(Vec::new())),
        rework_since: Set(0),
        has_results: Set(false),
        version: Set(1),
        created_at: Set(opening.at()),
        updated_at: Set(opening.at()),
    })
}
