//! Who has which task, and for how much longer.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{TABLE, Task, columns_of};
use crate::{
    Backend, Connection, Result, Tx,
    agents::{self, StoredAgent},
    connection::{About, lookup::ById},
    entity::task,
    query::Text,
    row::{FromRow, Row},
};

/// A task, and the agent that had it when it was looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The task.
    pub task: Task,
    /// The agent.
    pub agent: Option<StoredAgent>,
    /// What its ticket says.
    pub ticket: TicketSeen,
}

/// What a ticket said that is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketSeen {
    /// Whether it advances by itself; as configured when `None`.
    pub auto_advance: Option<bool>,
    /// Whether a task of it was ever completed.
    pub has_results: bool,
    /// Whether it was in the phase of the task.
    pub is_in_phase: bool,
    /// Its version.
    pub version: i64,
}

/// Holds a task and the agent that has it against other writers until the transaction ends: the
/// agent first. Where the task changes hands meanwhile, the agent is not the one that it names.
///
/// # Errors
/// Storage failures.
pub async fn take(tx: &Tx, id: Uuid) -> Result<Option<Taken>> {
    static TEXT: Text = Text::new();
    let backend = tx.connection().backend();
    let query = TEXT.written(backend, vec![id.into()], || match backend {
        // Whoever writes to SQLite is alone.
        Backend::Sqlite => format!(
            "SELECT {} FROM tasks LEFT JOIN agents AS holder ON holder.id = tasks.agent_id \
             {BEATS} WHERE tasks.id = $1",
            columns(backend)
        ),
        Backend::Postgres => format!(
            "WITH holder AS MATERIALIZED (SELECT * FROM agents \
               WHERE id = (SELECT agent_id FROM tasks WHERE id = $1) FOR UPDATE) \
             SELECT {} FROM tasks LEFT JOIN holder ON TRUE {BEATS} WHERE tasks.id = $1 \
             FOR UPDATE OF tasks",
            columns(backend)
        ),
    });
    tx.connection().first(query).await
}

/// The same for whoever writes both back at the versions that were seen, or none of them, and sees to it
/// that the ticket is still at its version. They are not held until then. What the caller has `heard` is
/// not looked at again where the first try may go by it, since its versions will tell, or a glance at
/// these shows that it is so. `None` where they had better be [taken](take) hold of.
///
/// # Errors
/// Storage failures.
pub async fn see(tx: &Tx, id: Uuid, heard: Option<Taken>) -> Result<Option<Taken>> {
    let db = tx.connection();
    let Some(lookups) = db.lookups_unheld().await else {
        return match (db.backend(), heard) {
            (Backend::Sqlite, Some(heard)) => confirmed(db, heard).await,
            (Backend::Sqlite, None) | (Backend::Postgres, _) => Ok(None),
        };
    };
    let mut has_turn = false;
    if let Some(heard) = heard
        && let Some(holder) = &heard.agent
        && !db.is_repeated()
    {
        has_turn = true;
        if !db.wait(About::Agent(holder.agent.id)).await? {
            return Ok(Some(heard));
        }
    }
    let seen = lookups.held.find(id).await?;
    // Whoever has the turn of one agent and waited for that of another could wait for somebody who
    // waits for the first.
    if let Some(Taken { agent: Some(holder), .. }) = &seen
        && !has_turn
        && db.wait(About::Agent(holder.agent.id)).await?
    {
        return lookups.held.find(id).await;
    }
    Ok(seen)
}

/// What was heard, if it is what the tables say: whoever writes to SQLite is alone, so it stays so.
async fn confirmed(db: &Connection, heard: Taken) -> Result<Option<Taken>> {
    static TEXT: Text = Text::new();
    let Some(holder) = &heard.agent else { return Ok(None) };
    let query = TEXT.written(db.backend(), vec![heard.task.id.into()], || {
        "SELECT tasks.version, holder.version, k.version, k.has_results FROM tasks \
         CROSS JOIN tickets k ON k.id = tasks.ticket_id \
         CROSS JOIN agents AS holder ON holder.id = tasks.agent_id WHERE tasks.id = $1"
            .to_owned()
    });
    let versions: Option<(i64, i64, i64, bool)> = db.first(query).await?;
    let Some((task, agent, ticket, has_results)) = versions else { return Ok(None) };
    let is_so = task == heard.task.version
        && agent == holder.agent.version
        && ticket == heard.ticket.version;
    let ticket = TicketSeen { has_results, ..heard.ticket };
    Ok(is_so.then_some(Taken { ticket, ..heard }))
}

const BEATS: &str = "LEFT JOIN agent_heartbeats AS beat ON beat.agent_id = holder.id";

impl ById for Taken {
    fn among() -> &'static str {
        static TEXT: OnceLock<String> = OnceLock::new();
        TEXT.get_or_init(|| {
            format!(
                "SELECT {} FROM tasks LEFT JOIN agents AS holder ON holder.id = tasks.agent_id \
                 {BEATS} WHERE tasks.id = ANY($1::uuid[])",
                columns(Backend::Postgres)
            )
        })
    }
}

/// A task, what its ticket says, and its `holder` with the last `beat`.
fn columns(backend: Backend) -> String {
    let of = |table: &str, column: &str| format!("{table}.\"{column}\"");
    let agent: Vec<String> =
        agents::COLUMNS.iter().map(|column| of("holder", column.as_str())).collect();
    let beat: Vec<String> =
        agents::HEARTBEAT_COLUMNS.iter().map(|column| of("beat", column.as_str())).collect();
    format!(
        "{}, \
         (SELECT k.auto_advance FROM tickets k WHERE k.id = tasks.ticket_id) AS auto_advance, \
         (SELECT k.has_results FROM tickets k WHERE k.id = tasks.ticket_id) AS has_results, \
         (SELECT k.phase_id = tasks.phase_id FROM tickets k WHERE k.id = tasks.ticket_id) \
           AS is_in_phase, \
         (SELECT k.version FROM tickets k WHERE k.id = tasks.ticket_id) AS ticket_version, \
         holder.id IS NOT NULL AS held, {}, {}",
        columns_of(backend, "tasks"),
        agent.join(", "),
        beat.join(", ")
    )
}

impl FromRow for Taken {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        let task = Task::from_row(row)?;
        let auto_advance = row.get("auto_advance")?;
        let (has_results, is_in_phase) = (row.get("has_results")?, row.get("is_in_phase")?);
        let version = row.get("ticket_version")?;
        let ticket = TicketSeen { auto_advance, has_results, is_in_phase, version };
        let agent = if row.get("held")? { Some(StoredAgent::from_row(row)?) } else { None };
        Ok(Self { task, agent, ticket })
    }
}

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

/// Some of the tasks whose lease has ended by `now`, the longest ago first. Only a task that somebody
/// has is under a lease.
///
/// # Errors
/// Storage failures.
pub async fn overdue(db: &Connection, now: DateTime<Utc>, limit: u64) -> Result<Vec<Uuid>> {
    let query = task::Entity::find()
        .select_only()
        .column(task::Column::Id)
        .filter(task::Column::LeaseExpiresAt.lte(now))
        .order_by_asc(task::Column::LeaseExpiresAt)
        .limit(limit);
    Ok(db.select(&query).await?.into_iter().map(|(id,)| id).collect())
}
