//! How much of the work of a ticket is done, by whom, and what it left behind.

use chrono::{DateTime, Utc};
use phaseline_context::FinishedTask;
use phaseline_phases::PhaseId;
use phaseline_tasks::TaskState;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, QueryTrait, Select, Value,
};
use uuid::Uuid;

use super::TABLE;
use crate::{
    Backend, Connection, Result,
    entity::task,
    query::{Text, as_expression, beside},
    row::{FromRow, Row},
};

/// The completed tasks of one phase of a ticket, with what they left behind.
///
/// # Errors
/// Storage failures.
pub async fn finished(db: &Connection, ticket: Uuid, phase: &PhaseId) -> Result<Vec<FinishedTask>> {
    static TEXT: Text = Text::new();
    let values = completed_values(ticket, phase);
    let query = TEXT.with(db.backend(), values, || {
        use task::Column as C;
        let columns = [C::Id, C::TaskType, C::Title, C::FinishedAt, C::Result];
        completed(db.backend(), ticket, phase).select_only().columns(columns).into_query()
    });
    Ok(db.all(query).await?.into_iter().map(|Finished(task)| task).collect())
}

/// When the last task of this phase of a ticket was completed.
///
/// # Errors
/// Storage failures.
pub async fn last_completed(
    db: &Connection,
    ticket: Uuid,
    phase: &PhaseId,
) -> Result<Option<DateTime<Utc>>> {
    let query = completed(db.backend(), ticket, phase)
        .select_only()
        .column_as(task::Column::FinishedAt.max(), "last");
    Ok(db.select(&query).await?.into_iter().find_map(|(last,)| last))
}

/// Who completed the tasks of this phase of a ticket.
///
/// # Errors
/// Storage failures.
pub async fn finished_by(db: &Connection, ticket: Uuid, phase: &PhaseId) -> Result<Vec<String>> {
    let query = completed(db.backend(), ticket, phase)
        .select_only()
        .column(task::Column::FinishedBy)
        .distinct();
    Ok(db.select(&query).await?.into_iter().filter_map(|(by,)| by).collect())
}

/// How many tasks of each phase of a ticket are in each state.
///
/// # Errors
/// Storage failures.
pub async fn counts(db: &Connection, ticket: Uuid) -> Result<Vec<(PhaseId, TaskState, u64)>> {
    static TEXT: Text = Text::new();
    let query = TEXT.with(db.backend(), vec![ticket.into()], || {
        task::Entity::find()
            .select_only()
            .column(task::Column::PhaseId)
            .column(task::Column::Status)
            .column_as(task::Column::Id.count(), "count")
            .filter(task::Column::TicketId.eq(ticket))
            .group_by(task::Column::PhaseId)
            .group_by(task::Column::Status)
            .into_query()
    });
    let rows: Vec<Count> = db.all(query).await?;
    Ok(rows.into_iter().map(|Count { phase, state, count }| (phase, state, count)).collect())
}

struct Finished(FinishedTask);

struct Count {
    phase: PhaseId,
    state: TaskState,
    count: u64,
}

impl FromRow for Finished {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self(FinishedTask {
            id: row.get("id")?,
            task_type: row.get("task_type")?,
            title: row.get("title")?,
            completed_at: row.get("finished_at")?,
            result: row.document("result")?,
        }))
    }
}

impl FromRow for Count {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            phase: row.parsed("phase_id")?,
            state: row.parsed("status")?,
            count: row.number::<i64, _>("count")?,
        })
    }
}

/// Found by `ix_tasks_ticket_id_phase_id`, in whose words the phase is compared. Whatever is completed
/// has an end.
pub(crate) fn completed(backend: Backend, ticket: Uuid, phase: &PhaseId) -> Select<task::Entity> {
    use task::Column as C;
    task::Entity::find()
        .filter(C::TicketId.eq(ticket))
        .filter(as_expression(backend, C::PhaseId).eq(phase.as_str()))
        .filter(C::FinishedAt.is_not_null())
        .filter(beside(backend, C::Status).eq(TaskState::Completed.to_string()))
}

/// The values of [`completed`], in its order.
fn completed_values(ticket: Uuid, phase: &PhaseId) -> Vec<Value> {
    vec![ticket.into(), phase.as_str().into(), TaskState::Completed.to_string().into()]
}
