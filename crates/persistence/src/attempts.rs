//! Attempts: one row for each claim of a task, with what its agent was given and how it ended.

use chrono::{DateTime, Utc};
use phaseline_context::Pack;
use phaseline_tasks::{AttemptOutcome, FailureClass};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Value,
    sea_query::{Expr, ExprTrait},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Connection, Result, Slice, Tx, decode,
    entity::task_attempt,
    query::{Text, any, insert_rows},
    row::{FromRow, Row},
    tickets::ROWS_AT_ONCE,
};

const TABLE: &str = "task_attempts";

/// One claim of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The task.
    pub task_id: Uuid,
    /// The token of this claim; it grows with every claim of the task.
    pub fencing_token: i64,
    /// Who had it.
    pub agent_id: Uuid,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// What kind of failure it was, if it failed.
    pub failure_class: Option<FailureClass>,
    /// What was said about how it ended.
    pub error_message: Option<String>,
    /// For how many seconds it was claimed.
    pub lease_s: u32,
    /// When it began.
    pub claimed_at: DateTime<Utc>,
    /// When the lease ends or ended, by the last extension.
    pub lease_expires_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What the agent was told.
    pub pack: Pack,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// How.
    pub outcome: AttemptOutcome,
    /// What kind of failure, if it is one.
    pub failure_class: Option<FailureClass>,
    /// What is said about it.
    pub error_message: Option<&'a str>,
    /// When.
    pub at: DateTime<Utc>,
}

/// The attempt with this token.
///
/// # Errors
/// Storage failures.
pub async fn find(db: &Connection, task: Uuid, token: i64) -> Result<Option<Attempt>> {
    static TEXT: Text = Text::new();
    let query = TEXT.with(db.backend(), vec![task.into(), token.into()], || {
        task_attempt::Entity::find_by_id((task, token)).into_query()
    });
    db.first(query).await
}

/// A page of the attempts of a task, from the one after `after` on; 0 begins at the first.
///
/// # Errors
/// Storage failures.
pub async fn list(db: &Connection, task: Uuid, after: i64, limit: u64) -> Result<Slice<Attempt>> {
    let query = task_attempt::Entity::find()
        .filter(task_attempt::Column::TaskId.eq(task))
        .filter(task_attempt::Column::FencingToken.gt(after))
        .order_by_asc(task_attempt::Column::FencingToken)
        .limit(limit + 1);
    Ok(Slice::cut(db.select(&query).await?, limit))
}

/// Inserts attempts that begin.
///
/// # Errors
/// Storage failures.
pub async fn insert(tx: &Tx, attempts: &[Attempt]) -> Result<()> {
    static TEXT: Text = Text::new();
    for attempts in attempts.chunks(ROWS_AT_ONCE) {
        let rows = attempts.iter().map(row).collect::<Result<Vec<_>>>()?;
        insert_rows(tx, &TEXT, rows).await?;
    }
    Ok(())
}

/// Lengthens the lease of a running attempt.
///
/// # Errors
/// Storage failures.
pub async fn extend(tx: &Tx, task: Uuid, token: i64, until: DateTime<Utc>) -> Result<()> {
    static TEXT: Text = Text::new();
    let values = vec![until.into(), task.into(), token.into()];
    let query = TEXT.with(tx.connection().backend(), values, || {
        let update = running(task, token);
        update.col_expr(task_attempt::Column::LeaseExpiresAt, Expr::value(until)).into_query()
    });
    tx.connection().execute(query).await.map(|_| ())
}

/// Ends a running attempt, whose task is [written back](crate::tasks::end_held) with it; one that has
/// ended stays as it is.
///
/// # Errors
/// Storage failures.
pub async fn end(tx: &Tx, task: Uuid, token: i64, end: End<'_>) -> Result<()> {
    let End { outcome, failure_class, error_message, at } = end;
    static TEXT: Text = Text::new();
    let values: Vec<Value> = vec![
        outcome.to_string().into(),
        failure_class.map(|class| class.to_string()).into(),
        error_message.into(),
        at.into(),
        task.into(),
        token.into(),
    ];
    let query = TEXT.with(tx.connection().backend(), values, || {
        use task_attempt::Column as C;
        let columns = [C::Outcome, C::FailureClass, C::ErrorMessage, C::EndedAt];
        let update = running(task, token);
        columns
            .into_iter()
            .fold(update, |update, column| update.col_expr(column, any()))
            .into_query()
    });
    tx.connection().follow(query).await
}

/// How many attempts ended in which way, for all tasks.
///
/// # Errors
/// Storage failures.
pub async fn count_by_outcome(
    db: &Connection,
) -> Result<Vec<(AttemptOutcome, Option<FailureClass>, u64)>> {
    let query = task_attempt::Entity::find()
        .select_only()
        .column(task_attempt::Column::Outcome)
        .column(task_attempt::Column::FailureClass)
        .column_as(task_attempt::Column::FencingToken.count(), "count")
        .group_by(task_attempt::Column::Outcome)
        .group_by(task_attempt::Column::FailureClass)
        .order_by_asc(task_attempt::Column::Outcome)
        .order_by_asc(task_attempt::Column::FailureClass);
    let rows = db.select(&query).await?;
    Ok(rows.into_iter().map(|Ended { outcome, class, count }| (outcome, class, count)).collect())
}

/// The messages of the failed attempts of a task, oldest first, at most `limit` of the newest.
///
/// # Errors
/// Storage failures.
pub async fn failures(
    db: &Connection,
    task: Uuid,
    limit: u64,
) -> Result<Vec<(i64, Option<FailureClass>, String)>> {
    let query = task_attempt::Entity::find()
        .select_only()
        .column(task_attempt::Column::FencingToken)
        .column(task_attempt::Column::FailureClass)
        .column(task_attempt::Column::ErrorMessage)
        .filter(task_attempt::Column::TaskId.eq(task))
        .filter(task_attempt::Column::Outcome.eq(AttemptOutcome::Failed.to_string()))
        .order_by_desc(task_attempt::Column::FencingToken)
        .limit(limit);
    let rows = db.select(&query).await?;
    let failures = rows.into_iter().rev();
    Ok(failures.map(|Failed { token, class, message }| (token, class, message)).collect())
}

/// The agents that have said that they cannot do this task.
///
/// # Errors
/// Storage failures.
pub async fn unable(db: &Connection, task: Uuid) -> Result<Vec<Uuid>> {
    let query = task_attempt::Entity::find()
        .select_only()
        .column(task_attempt::Column::AgentId)
        .filter(task_attempt::Column::TaskId.eq(task))
        .filter(task_attempt::Column::FailureClass.eq(FailureClass::Capability.to_string()))
        .distinct();
    Ok(db.select(&query).await?.into_iter().map(|(agent,)| agent).collect())
}

fn running(task: Uuid, token: i64) -> sea_orm::UpdateMany<task_attempt::Entity> {
    task_attempt::Entity::update_many()
        .filter(task_attempt::Column::TaskId.eq(task))
        .filter(task_attempt::Column::FencingToken.eq(token))
        .filter(Expr::col(task_attempt::Column::EndedAt).is_null())
}

fn row(attempt: &Attempt) -> Result<task_attempt::ActiveModel> {
    let Attempt {
        task_id,
        fencing_token,
        agent_id,
        outcome,
        failure_class,
        error_message,
        lease_s,
        claimed_at,
        lease_expires_at,
        ended_at,
        pack,
    } = attempt;
    Ok(task_attempt::ActiveModel {
        task_id: Set(*task_id),
        fencing_token: Set(*fencing_token),
        agent_id: Set(*agent_id),
        outcome: Set(outcome.to_string()),
        failure_class: Set(failure_class.map(|class| class.to_string())),
        error_message: Set(error_message.clone()),
        lease_s: Set(decode::number(TABLE, "lease_s", *lease_s)?),
        claimed_at: Set(*claimed_at),
        lease_expires_at: Set(*lease_expires_at),
        ended_at: Set(*ended_at),
        pack: Set(decode::encoded(TABLE, "pack", pack)?),
    })
}

struct Ended {
    outcome: AttemptOutcome,
    class: Option<FailureClass>,
    count: u64,
}

struct Failed {
    token: i64,
    class: Option<FailureClass>,
    message: String,
}

impl FromRow for Ended {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            outcome: row.parsed("outcome")?,
            class: row.parsed_or_null("failure_class")?,
            count: row.number::<i64, _>("count")?,
        })
    }
}

impl FromRow for Failed {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            token: row.get("fencing_token")?,
            class: row.parsed_or_null("failure_class")?,
            message: row.get::<Option<String>>("error_message")?.unwrap_or_default(),
        })
    }
}

impl FromRow for Attempt {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            task_id: row.get("task_id")?,
            fencing_token: row.get("fencing_token")?,
            agent_id: row.get("agent_id")?,
            outcome: row.parsed("outcome")?,
            failure_class: row.parsed_or_null("failure_class")?,
            error_message: row.get("error_message")?,
            lease_s: row.number::<i32, _>("lease_s")?,
            claimed_at: row.get("claimed_at")?,
            lease_expires_at: row.get("lease_expires_at")?,
            ended_at: row.get("ended_at")?,
            pack: row.document("pack")?,
        })
    }
}
