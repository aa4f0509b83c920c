//! Agents: reading them, and the writes that a decision allows.

use chrono::{DateTime, Utc};
use phaseline_registry::{Agent, AgentStatus, AgentType, Capacity, Health, HeartbeatRecord};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, QueryTrait, Select, Value,
    sea_query::{Expr, JoinType, LockBehavior, LockType, Query},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Backend, Connection, Page, Result, Slice, Tx,
    connection::lookup::{ById, among},
    decode,
    entity::{agent, agent_heartbeat},
    page::Along,
    query::{Text, any, beside_unless_rarer, insert_rows},
    row::{FromRow, Row},
    tickets::ROWS_AT_ONCE,
};

mod heartbeats;
mod load;

pub use heartbeats::{Heartbeat, record_heartbeats};
pub use load::{ToLoad, find_to_load, load};

const TABLE: &str = "agents";

/// An agent with what only the table knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAgent {
    /// The agent.
    pub agent: Agent,
    /// What it last reported of itself.
    pub metrics: Option<serde_json::Value>,
    /// When it last changed; heartbeats do not count.
    pub updated_at: DateTime<Utc>,
}

/// Which agents a list holds.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those in this status.
    pub status: Option<AgentStatus>,
    /// Only those of this type.
    pub agent_type: Option<AgentType>,
    /// Only those bound to this phase.
    pub phase_id: Option<String>,
}

/// What an agent is read from, in the order of [`StoredAgent::from_row`]; then its heartbeats.
pub(crate) const COLUMNS: [agent::Column; 14] = {
    use agent::Column as C;
    [
        C::Id,
        C::AgentType,
        C::PhaseId,
        C::Status,
        C::Capabilities,
        C::Capacity,
        C::SlotsTaken,
        C::Draining,
        C::LastProgress,
        C::Tags,
        C::CreatedAt,
        C::AnnouncedHealth,
        C::Version,
        C::UpdatedAt,
    ]
};
pub(crate) const HEARTBEAT_COLUMNS: [agent_heartbeat::Column; 4] = {
    use agent_heartbeat::Column as C;
    [C::LastHeartbeatAt, C::HeartbeatSequence, C::HeartbeatsMissed, C::Metrics]
};

/// The agent with this id.
///
/// # Errors
/// Storage failures.
pub async fn find(db: &Connection, id: Uuid) -> Result<Option<StoredAgent>> {
    static TEXT: Text = Text::new();
    if let Some(lookups) = db.lookups().await {
        return lookups.agents.find(id).await;
    }
    let query = TEXT.with(db.backend(), vec![id.into()], || {
        whole().filter(agent::Column::Id.eq(id)).into_query()
    });
    db.first(query).await
}

/// The agent with this id, held against other writers until the transaction ends. Whoever needs an
/// agent, a task and a ticket takes them in that order.
///
/// # Errors
/// Storage failures.
pub async fn find_and_hold(tx: &Tx, id: Uuid) -> Result<Option<StoredAgent>> {
    static TEXT: Text = Text::new();
    let query = TEXT.with(tx.connection().backend(), vec![id.into()], || {
        let mut query = whole().filter(agent::Column::Id.eq(id)).into_query();
        // Its heartbeats are not held: whoever changes an agent does not change them.
        query.lock_with_tables(LockType::Update, [agent::Entity]);
        query
    });
    tx.connection().first(query).await
}

/// The same as [`find_and_hold`], unless somebody else holds it: then `None`, without waiting.
///
/// # Errors
/// Storage failures.
pub async fn find_and_hold_if_free(tx: &Tx, id: Uuid) -> Result<Option<StoredAgent>> {
    static TEXT: Text = Text::new();
    let query = TEXT.with(tx.connection().backend(), vec![id.into()], || {
        let mut query = whole().filter(agent::Column::Id.eq(id)).into_query();
        query.lock_with_tables_behavior(
            LockType::Update,
            [agent::Entity],
            LockBehavior::SkipLocked,
        );
        query
    });
    tx.connection().first(query).await
}

/// The agents with these ids, in no order.
///
/// # Errors
/// Storage failures.
pub async fn with_ids(db: &Connection, ids: &[Uuid]) -> Result<Vec<StoredAgent>> {
    let mut found = Vec::new();
    for ids in ids.chunks(ROWS_AT_ONCE) {
        let query = whole().filter(agent::Column::Id.is_in(ids.iter().copied()));
        found.extend(db.select::<StoredAgent>(&query).await?);
    }
    Ok(found)
}

/// A page of agents in order of registration.
///
/// # Errors
/// Storage failures.
pub async fn list(db: &Connection, filter: &Filter, page: Page) -> Result<Slice<StoredAgent>> {
    use agent::Column as C;
    let Filter { status, agent_type, phase_id } = filter;
    // Most agents are of one type: the first of them leads to the fewest.
    let mut wanted = [
        phase_id.as_ref().map(|phase| (C::PhaseId, phase.as_str().into())),
        status.map(|status| (C::Status, status.to_string().into())),
        agent_type.map(|kind| (C::AgentType, kind.to_string().into())),
    ]
    .into_iter()
    .flatten();
    let (backend, value) = (db.backend(), wanted.next());
    let after = page.after.map(Into::into);
    let rows = wanted.fold(whole(), |rows, (column, value): (C, Value)| {
        rows.filter(beside_unless_rarer(backend, column).eq(value))
    });
    let query = Along { backend, key: C::Id, after, value }.of(rows);
    Ok(Slice::cut(db.select(&query.limit(page.limit + 1)).await?, page.limit))
}

/// Inserts an agent.
///
/// # Errors
/// Storage failures.
pub async fn insert(tx: &Tx, agent: &StoredAgent) -> Result<()> {
    static TEXT: Text = Text::new();
    insert_rows(tx, &TEXT, vec![row(agent)?]).await?;
    let StoredAgent { agent: Agent { id, heartbeat, .. }, metrics, updated_at: _ } = agent;
    if heartbeat.last_at.is_none() {
        return Ok(());
    }
    let heartbeat = Heartbeat { agent_id: *id, record: *heartbeat, metrics: metrics.clone() };
    record_heartbeats(tx, &[heartbeat]).await
}

/// Replaces what an agent is, if it is still at `version`; `false` when it is not. What its
/// heartbeats say is left alone.
///
/// # Errors
/// Storage failures.
pub async fn replace(tx: &Tx, agent: &Agent, version: i64, now: DateTime<Utc>) -> Result<bool> {
    let Agent {
        id,
        agent_type,
        phase_id,
        status,
        capabilities,
        capacity,
        slots_taken,
        draining,
        last_progress,
        tags,
        registered_at: _,    // never changes
        heartbeat: _,        // in a table of their own
        announced_health: _, // by whoever announces it
        version: new_version,
    } = agent;
    static TEXT: Text = Text::new();
    let values: Vec<Value> = vec![
        agent_type.to_string().into(),
        phase_id.clone().into(),
        status.to_string().into(),
        decode::encoded(TABLE, "capabilities", capabilities)?.into(),
        decode::number::<i32, _>(TABLE, "capacity", capacity.get())?.into(),
        decode::number::<i32, _>(TABLE, "slots_taken", *slots_taken)?.into(),
        (*draining).into(),
        (*last_progress).into(),
        decode::encoded(TABLE, "tags", tags)?.into(),
        (*new_version).into(),
        now.into(),
        (*id).into(),
        version.into(),
    ];
    let query = TEXT.with(tx.connection().backend(), values, || {
        use agent::Column as C;
        let columns = [
            C::AgentType,
            C::PhaseId,
            C::Status,
            C::Capabilities,
            C::Capacity,
            C::SlotsTaken,
            C::Draining,
            C::LastProgress,
            C::Tags,
            C::Version,
            C::UpdatedAt,
        ];
        Query::update()
            .table(agent::Entity)
            .values(columns.map(|column| (column, any())))
            .and_where(Expr::col(C::Id).eq(any()))
            .and_where(Expr::col(C::Version).eq(any()))
            .to_owned()
    });
    Ok(tx.connection().execute(query).await? > 0)
}

/// Stores that a health was announced, unless another one has been since; `false` when it has.
///
/// # Errors
/// Storage failures.
pub async fn announce_health(tx: &Tx, id: Uuid, from: Health, to: Health) -> Result<bool> {
    let update = agent::Entity::update_many()
        .col_expr(agent::Column::AnnouncedHealth, Expr::value(to.to_string()))
        .filter(agent::Column::Id.eq(id))
        .filter(agent::Column::AnnouncedHealth.eq(from.to_string()));
    Ok(tx.connection().change(&update).await? > 0)
}

fn row(stored: &StoredAgent) -> Result<agent::ActiveModel> {
    let StoredAgent { agent, metrics: _, updated_at } = stored; // metrics come with heartbeats
    let Agent {
        id,
        agent_type,
        phase_id,
        status,
        capabilities,
        capacity,
        slots_taken,
        draining,
        last_progress,
        tags,
        registered_at,
        heartbeat: _,
        announced_health,
        version,
    } = agent;
    Ok(agent::ActiveModel {
        id: Set(*id),
        agent_type: Set(agent_type.to_string()),
        phase_id: Set(phase_id.clone()),
        status: Set(status.to_string()),
        capabilities: Set(decode::encoded(TABLE, "capabilities", capabilities)?),
        capacity: Set(decode::number(TABLE, "capacity", capacity.get())?),
        slots_taken: Set(decode::number(TABLE, "slots_taken", *slots_taken)?),
        draining: Set(*draining),
        last_progress: Set(*last_progress),
        tags: Set(decode::encoded(TABLE, "tags", tags)?),
        announced_health: Set(announced_health.to_string()),
        version: Set(*version),
        created_at: Set(*registered_at),
        updated_at: Set(*updated_at),
    })
}

fn whole() -> Select<agent::Entity> {
    let mut agents = agent::Entity::find().select_only().columns(COLUMNS);
    let of_agent = Expr::col((agent_heartbeat::Entity, agent_heartbeat::Column::AgentId))
        .equals((agent::Entity, agent::Column::Id));
    QuerySelect::query(&mut agents)
        .join(JoinType::LeftJoin, agent_heartbeat::Entity, of_agent)
        .columns(HEARTBEAT_COLUMNS.map(|column| (agent_heartbeat::Entity, column)));
    agents
}

impl ById for StoredAgent {
    fn among() -> &'static str {
        static TEXT: Text = Text::new();
        TEXT.fixed(Backend::Postgres, || whole().filter(among(agent::Column::Id)))
    }
}

impl FromRow for StoredAgent {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        let agent = Agent {
            id: row.get("id")?,
            agent_type: row.parsed("agent_type")?,
            phase_id: row.get("phase_id")?,
            status: row.parsed("status")?,
            capabilities: row.document("capabilities")?,
            capacity: capacity_of(row.get("capacity")?)?,
            slots_taken: row.number::<i32, _>("slots_taken")?,
            draining: row.get("draining")?,
            last_progress: row.get("last_progress")?,
            tags: row.document("tags")?,
            registered_at: row.get("created_at")?,
            heartbeat: HeartbeatRecord::default(),
            announced_health: row.parsed("announced_health")?,
            version: row.get("version")?,
        };
        let updated_at = row.get("updated_at")?;
        let last_at = row.get("last_heartbeat_at")?;
        let heartbeat = HeartbeatRecord {
            // Whoever gets on with work is there, whether or not it says so.
            last_at: Ord::max(last_at, agent.last_progress),
            sequence: row.number_or_null::<i64, _>("heartbeat_sequence")?,
            missed: row.number_or_null::<i64, _>("heartbeats_missed")?.unwrap_or_default(),
        };
        let metrics = row.document_or_null("metrics")?;
        Ok(Self { agent: Agent { heartbeat, ..agent }, metrics, updated_at })
    }
}

/// One agent's absurd number must not keep the heartbeats of all others from being written.
fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn capacity_of(number: i32) -> Result<Capacity> {
    let number = decode::number(TABLE, "capacity", number)?;
    Capacity::new(number).map_err(|why| crate::Error::Corrupt {
        table: TABLE,
        column: "capacity",
        why: why.to_string(),
    })
}
