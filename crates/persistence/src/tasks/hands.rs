//! Tasks that change hands: what the agent has in hand and what becomes of the attempt go with them.
//!
//! PostgreSQL is far away: there one statement stores what belongs together.

use chrono::{DateTime, Utc};
use phaseline_registry::Agent;
use sea_orm::{ActiveModelTrait, IdenStatic, Iterable, Value};

use super::{Task, replace, write::progress};
use crate::{
    Backend, Result, Tx, agents,
    attempts::{self, Attempt, End},
    entity::{task, task_attempt},
    query::Text,
};

/// Stores that an agent has been given tasks: what it has in hand then, if it is still at the version
/// before, and the attempts that begin. `false` when its version is another one; then the transaction
/// must not be committed. The tasks themselves are [claimed](super::claim) already.
///
/// # Errors
/// Storage failures.
pub async fn begin_held(
    tx: &Tx,
    agent: &Agent,
    moved: bool,
    attempts: &[Attempt],
    now: DateTime<Utc>,
) -> Result<bool> {
    static TEXT: Text = Text::new();
    let db = tx.connection();
    let version = agent.version - 1;
    let (Backend::Postgres, [attempt]) = (db.backend(), attempts) else {
        attempts::insert(tx, attempts).await?;
        return agents::load(tx, agent, moved, version, now).await;
    };
    let mut row = attempts::row(attempt)?;
    let columns = task_attempt::Column::iter();
    let mut values: Vec<Value> =
        columns.filter_map(|column| row.take(column).into_value()).collect();
    let first = values.len() + 1;
    values.extend(agents::load_values(agent, version, now)?);
    let query = TEXT.written(db.backend(), values, || beginning(first));
    let changed: Option<(i64,)> = db.first(query).await?;
    Ok(changed == Some((1,)))
}

fn beginning(first: usize) -> String {
    let columns: Vec<&str> = task_attempt::Column::iter().map(|column| column.as_str()).collect();
    let places: Vec<String> = (1..first).map(|place| format!("${place}")).collect();
    format!(
        "WITH attempt AS (INSERT INTO task_attempts ({}) VALUES ({})), \
         agent AS ({} RETURNING 1) SELECT COUNT(*) FROM agent",
        columns.join(", "),
        places.join(", "),
        agents::load_text(first, true)
    )
}

/// Stores that an agent no longer has a task: where the task has got, if it is still at `version`,
/// how the attempt ended, and what the agent, if it is still at the version before, has in hand.
/// `false` when a version is another one; then the transaction must not be committed.
///
/// # Errors
/// Storage failures.
pub async fn end_held(
    tx: &Tx,
    task: &Task,
    version: i64,
    end: End<'_>,
    agent: &Agent,
    moved: bool,
    now: DateTime<Utc>,
) -> Result<bool> {
    if tx.connection().backend() == Backend::Sqlite {
        attempts::end(tx, task.id, task.fencing_token, end).await?;
        return Ok(agents::load(tx, agent, moved, agent.version - 1, now).await?
            && replace(tx, task, version).await?);
    }
    ended(tx, task, version, end, agent, now).await
}

async fn ended(
    tx: &Tx,
    task: &Task,
    version: i64,
    end: End<'_>,
    agent: &Agent,
    now: DateTime<Utc>,
) -> Result<bool> {
    static TEXT: Text = Text::new();
    let db = tx.connection();
    let mut changed = progress(task)?;
    let mut columns = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    for column in task::Column::iter() {
        if let Some(value) = changed.take(column).into_value() {
            values.push(value);
            columns.push(column);
        }
    }
    let first = values.len() + 1;
    let End { outcome, failure_class, error_message, at } = end;
    values.extend([
        task.id.into(),
        version.into(),
        outcome.to_string().into(),
        failure_class.map(|class| class.to_string()).into(),
        error_message.into(),
        at.into(),
        task.fencing_token.into(),
    ]);
    values.extend(agents::load_values(agent, agent.version - 1, now)?);
    let query = TEXT.written(db.backend(), values, || ending(&columns, first));
    let changed: Option<(i64, i64)> = db.first(query).await?;
    Ok(changed == Some((1, 1)))
}

fn ending(columns: &[task::Column], first: usize) -> String {
    let set: Vec<String> = columns
        .iter()
        .zip(1..)
        .map(|(column, place)| format!("{} = ${place}", column.as_str()))
        .collect();
    let [id, version, outcome, class, message, at, token] =
        std::array::from_fn(|nth| format!("${}", first + nth));
    let agent = agents::load_text(first + 7, true);
    format!(
        "WITH task AS (UPDATE tasks SET {} WHERE id = {id} AND version = {version} RETURNING 1), \
         attempt AS (UPDATE task_attempts SET outcome = {outcome}, failure_class = {class}, \
           error_message = {message}, ended_at = {at} \
           WHERE task_id = {id} AND fencing_token = {token} AND ended_at IS NULL), \
         agent AS ({agent} RETURNING 1) \
         SELECT (SELECT COUNT(*) FROM task), (SELECT COUNT(*) FROM agent)",
        set.join(", ")
    )
}
