//! What it takes to say why something does not move, read for many tickets at once.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use phaseline_phases::PhaseId;
use phaseline_tasks::{AttemptOutcome, FailureClass, TaskState};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Select, Value};
use uuid::Uuid;

use crate::{
    Backend, Connection, Result,
    entity::{task, task_attempt},
    query::{Query, beside},
    row::{FromRow, Row},
    tickets::ROWS_AT_ONCE,
};

const TABLE: &str = "tasks";
const ATTEMPTS: &str = "task_attempts";

/// What others need to know of a task that they wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The task.
    pub id: Uuid,
    /// Its ticket.
    pub ticket_id: Uuid,
    /// The name that its backlog gave it.
    pub key: Option<String>,
    /// One line.
    pub title: Option<String>,
    /// How far it is.
    pub status: TaskState,
}

/// How much of the work of a phase of a ticket is completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The ticket.
    pub ticket_id: Uuid,
    /// The phase.
    pub phase_id: PhaseId,
    /// How many tasks are completed.
    pub count: u64,
    /// When the last of them was.
    pub last_at: Option<DateTime<Utc>>,
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The task.
    pub task_id: Uuid,
    /// The token of the claim.
    pub fencing_token: i64,
    /// What kind of failure it was.
    pub failure_class: Option<FailureClass>,
    /// What was said about it.
    pub message: String,
}

/// The tasks of these tickets that are neither completed nor cancelled, in no order.
///
/// # Errors
/// Storage failures.
pub async fn unfinished(db: &Connection, tickets: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut found = Vec::new();
    for tickets in tickets.chunks(ROWS_AT_ONCE) {
        let query = unfinished_of(db.backend(), tickets);
        found.extend(db.select(&query).await?.into_iter().map(|(id,): (Uuid,)| id));
    }
    Ok(found)
}

pub(crate) fn unfinished_of(backend: Backend, tickets: &[Uuid]) -> Select<task::Entity> {
    let unfinished =
        [TaskState::Pending, TaskState::Claimed, TaskState::Running, TaskState::Failed];
    let status = beside(backend, task::Column::Status);
    task::Entity::find()
        .select_only()
        .column(task::Column::Id)
        .filter(task::Column::TicketId.is_in(tickets.iter().copied()))
        .filter(status.is_in(unfinished.map(|state| state.to_string())))
}

/// How much is completed of each phase of these tickets that has anything completed.
///
/// # Errors
/// Storage failures.
pub async fn completed(db: &Connection, tickets: &[Uuid]) -> Result<Vec<Completed>> {
    let mut found = Vec::new();
    for tickets in tickets.chunks(ROWS_AT_ONCE) {
        found.extend(db.select::<Completed>(&completed_of(db.backend(), tickets)).await?);
    }
    Ok(found)
}

pub(crate) fn completed_of(backend: Backend, tickets: &[Uuid]) -> Select<task::Entity> {
    task::Entity::find()
        .select_only()
        .column(task::Column::TicketId)
        .column(task::Column::PhaseId)
        .column_as(task::Column::Id.count(), "count")
        .column_as(task::Column::FinishedAt.max(), "last_at")
        .filter(task::Column::TicketId.is_in(tickets.iter().copied()))
        .filter(beside(backend, task::Column::Status).eq(TaskState::Completed.to_string()))
        .group_by(task::Column::TicketId)
        .group_by(task::Column::PhaseId)
}

/// How these tasks stand.
///
/// # Errors
/// Storage failures.
pub async fn standings(db: &Connection, tasks: &[Uuid]) -> Result<HashMap<Uuid, Standing>> {
    let mut found = HashMap::new();
    for tasks in tasks.chunks(ROWS_AT_ONCE) {
        use task::Column as C;
        let query = task::Entity::find()
            .select_only()
            .columns([C::Id, C::TicketId, C::Key, C::Title, C::Status])
            .filter(C::Id.is_in(tasks.iter().copied()));
        let standings = db.select::<Standing>(&query).await?;
        found.extend(standings.into_iter().map(|standing| (standing.id, standing)));
    }
    Ok(found)
}

/// The agents that have said that they cannot do one of these tasks, each with the task.
///
/// # Errors
/// Storage failures.
pub async fn unable(db: &Connection, tasks: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>> {
    let mut found = Vec::new();
    for tasks in tasks.chunks(ROWS_AT_ONCE) {
        let query = task_attempt::Entity::find()
            .select_only()
            .column(task_attempt::Column::TaskId)
            .column(task_attempt::Column::AgentId)
            .filter(task_attempt::Column::TaskId.is_in(tasks.iter().copied()))
            .filter(task_attempt::Column::FailureClass.eq(FailureClass::Capability.to_string()))
            .distinct();
        found.extend(db.select::<(Uuid, Uuid)>(&query).await?);
    }
    Ok(found)
}

/// The last failed attempts of each of these tasks, at most `each` of them, the oldest first.
///
/// # Errors
/// Storage failures.
pub async fn last_failures(
    db: &Connection,
    tasks: &[Uuid],
    each: u32,
) -> Result<Vec<FailedAttempt>> {
    let mut found = Vec::new();
    for tasks in tasks.chunks(ROWS_AT_ONCE) {
        let backend = db.backend();
        let places: Vec<String> = (3..tasks.len() + 3).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT task_id, fencing_token, failure_class, error_message FROM (\
               SELECT task_id, fencing_token, failure_class, error_message, \
                 ROW_NUMBER() OVER (PARTITION BY task_id ORDER BY fencing_token DESC) AS place \
               FROM task_attempts WHERE outcome = $1 AND task_id IN ({})) AS failed \
             WHERE place <= $2 ORDER BY task_id, fencing_token",
            places.join(", ")
        );
        let outcome = Value::from(AttemptOutcome::Failed.to_string());
        let values = [outcome, Value::from(i64::from(each))];
        let values = values.into_iter().chain(tasks.iter().map(|&task| Value::from(task)));
        found.extend(db.all::<FailedAttempt>(Query::written(backend, &sql, values)).await?);
    }
    Ok(found)
}

impl FromRow for Standing {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            ticket_id: row.get("ticket_id")?,
            key: row.get("key")?,
            title: row.get("title")?,
            status: row.parsed("status")?,
        })
    }
}

impl FromRow for Completed {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            ticket_id: row.get("ticket_id")?,
            phase_id: row.parsed("phase_id")?,
            count: row.number::<i64, _>("count")?,
            last_at: row.get("last_at")?,
        })
    }
}

impl FromRow for FailedAttempt {
    const TABLE: &'static str = ATTEMPTS;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            task_id: row.get("task_id")?,
            fencing_token: row.get("fencing_token")?,
            failure_class: row.parsed_or_null("failure_class")?,
            message: row.get::<Option<String>>("error_message")?.unwrap_or_default(),
        })
    }
}
