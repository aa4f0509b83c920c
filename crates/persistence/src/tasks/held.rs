//! Who has which task, and for how much longer.

use chrono::{DateTime, Utc};
use phaseline_tasks::TaskState;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::{Connection, Result, Tx, entity::task};

/// The tasks that this agent has, in no order.
///
/// # Errors
/// Storage failures.
pub async fn held_by(db: &Connection, agent: Uuid) -> Result<Vec<Uuid>> {
    let query = task::Entity::find()
        .select_only()
        .column(task::Column::Id)
        .filter(task::Column::AgentId.eq(agent));
    Ok(db.select(&query).await?.into_iter().map(|(id,)| id).collect())
}

/// Holds all tasks of a ticket against other writers until the transaction ends.
///
/// # Errors
/// Storage failures.
pub async fn hold_all_of(tx: &Tx, ticket: Uuid) -> Result<()> {
    let query = task::Entity::find()
        .select_only()
        .column(task::Column::Id)
        .filter(task::Column::TicketId.eq(ticket))
        .order_by_asc(task::Column::Id)
        .lock_exclusive();
    tx.connection().select::<(Uuid,)>(&query).await.map(|_| ())
}

/// The tasks of a ticket that an agent has, in order of creation.
///
/// # Errors
/// Storage failures.
pub async fn live_of(db: &Connection, ticket: Uuid) -> Result<Vec<Uuid>> {
    let query = task::Entity::find()
        .select_only()
        .column(task::Column::Id)
        .filter(task::Column::TicketId.eq(ticket))
        .filter(task::Column::AgentId.is_not_null())
        .order_by_asc(task::Column::Id);
    Ok(db.select(&query).await?.into_iter().map(|(id,)| id).collect())
}

/// Some of the tasks whose lease has ended by `now`, the longest ago first.
///
/// # Errors
/// Storage failures.
pub async fn overdue(db: &Connection, now: DateTime<Utc>, limit: u64) -> Result<Vec<Uuid>> {
    let live = [TaskState::Claimed, TaskState::Running].map(|state| state.to_string());
    let query = task::Entity::find()
        .select_only()
        .column(task::Column::Id)
        .filter(task::Column::Status.is_in(live))
        .filter(task::Column::LeaseExpiresAt.lte(now))
        .order_by_asc(task::Column::LeaseExpiresAt)
        .limit(limit);
    Ok(db.select(&query).await?.into_iter().map(|(id,)| id).collect())
}
