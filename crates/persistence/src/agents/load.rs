//! What agents have in hand: it changes with every claim, and nothing else of them does.

use chrono::{DateTime, Utc};
use phaseline_registry::Agent;
use sea_orm::Value;
use uuid::Uuid;

use super::{StoredAgent, TABLE, find_and_hold};
use crate::{Backend, Connection, Result, Tx, connection::About, decode, query::Text};

/// An agent that is to be written back.
#[derive(Debug, Clone, PartialEq)]
pub struct ToLoad {
    /// The agent.
    pub stored: StoredAgent,
    /// Whether it is only what the caller has heard, and not what the table says.
    pub is_hearsay: bool,
}

/// The agent with this id, for whoever writes it back with [`load`] or not at all: held as by
/// [`find_and_hold`], or else found changed in the end. Then the first try goes by what the caller
/// has `heard` of the agent, if anything; where it is held, that will do if its version says so.
///
/// # Errors
/// Storage failures.
pub async fn find_to_load(
    tx: &Tx,
    id: Uuid,
    heard: impl FnOnce() -> Option<StoredAgent>,
) -> Result<Option<ToLoad>> {
    let db = tx.connection();
    let Some(lookups) = db.lookups_unheld().await else {
        let heard = match db.backend() {
            // Whoever writes to SQLite is alone: what was heard and is so stays so.
            Backend::Sqlite => heard(),
            Backend::Postgres => None,
        };
        let stored = match heard {
            Some(heard) if version(db, id).await? == Some(heard.agent.version) => Some(heard),
            Some(_) | None => find_and_hold(tx, id).await?,
        };
        return Ok(stored.map(ToLoad::of_table));
    };
    let has_waited = db.wait(About::Agent(id)).await?;
    let heard = if has_waited || db.is_repeated() { None } else { heard() };
    match heard {
        Some(stored) => Ok(Some(ToLoad { stored, is_hearsay: true })),
        None => Ok(lookups.agents.find(id).await?.map(ToLoad::of_table)),
    }
}

async fn version(db: &Connection, id: Uuid) -> Result<Option<i64>> {
    static TEXT: Text = Text::new();
    let query = TEXT.written(db.backend(), vec![id.into()], || {
        "SELECT version FROM agents WHERE id = $1".to_owned()
    });
    Ok(db.first(query).await?.map(|(version,)| version))
}

impl ToLoad {
    /// One that was read.
    #[must_use]
    pub const fn of_table(stored: StoredAgent) -> Self {
        Self { stored, is_hearsay: false }
    }
}

/// Stores what an agent has in hand, if it is still at `version`; `false` when it is not. `moved` says
/// whether its status is another one than before: it is left alone otherwise, and its index with it.
///
/// # Errors
/// Storage failures.
pub async fn load(
    tx: &Tx,
    agent: &Agent,
    moved: bool,
    version: i64,
    now: DateTime<Utc>,
) -> Result<bool> {
    static STATUS: Text = Text::new();
    static SLOTS: Text = Text::new();
    let db = tx.connection();
    let mut values = Vec::from(load_values(agent, version, now)?);
    let query = if moved {
        STATUS.written(db.backend(), values, || load_text(true))
    } else {
        values.pop();
        SLOTS.written(db.backend(), values, || load_text(false))
    };
    db.guarded(About::Agent(agent.id), query).await
}

/// The values of [`load_text`].
fn load_values(agent: &Agent, version: i64, now: DateTime<Utc>) -> Result<[Value; 7]> {
    Ok([
        decode::number::<i32, _>(TABLE, "slots_taken", agent.slots_taken)?.into(),
        agent.last_progress.into(),
        agent.version.into(),
        now.into(),
        agent.id.into(),
        version.into(),
        agent.status.to_string().into(),
    ])
}

/// The statement that stores what an agent has in hand.
fn load_text(moved: bool) -> String {
    let [slots, progress, version, now, id, before, status] =
        std::array::from_fn(|nth| format!("${}", nth + 1));
    let status = if moved { format!(", status = {status}") } else { String::new() };
    format!(
        "UPDATE agents SET slots_taken = {slots}, last_progress = {progress}, version = {version}, \
           updated_at = {now}{status} WHERE id = {id} AND version = {before}"
    )
}
