//! Idempotency keys: what a repeated request was answered the first time.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, OnConflict},
};
use serde_json::Value;

use crate::{
    Connection, Result, Tx,
    entity::idempotency_key,
    row::{FromRow, Row},
};

/// What is kept of the first request with a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// A digest of the request, so that another one under the same key is noticed.
    pub fingerprint: String,
    /// The outcome of the first request; null while it is being worked on.
    pub outcome: Value,
}

/// Takes a key that is free or has expired; `false` when it is taken. On PostgreSQL a second
/// caller waits here until the first has committed or rolled back.
///
/// # Errors
/// Storage failures.
pub async fn take(
    tx: &Tx,
    key: &str,
    fingerprint: &str,
    now: DateTime<Utc>,
    expired_before: DateTime<Utc>,
) -> Result<bool> {
    let db = tx.connection();
    let expired = idempotency_key::Entity::delete_many()
        .filter(idempotency_key::Column::Key.eq(key))
        .filter(idempotency_key::Column::CreatedAt.lt(expired_before));
    db.change(&expired).await?;
    let row = idempotency_key::ActiveModel {
        key: Set(key.to_owned()),
        fingerprint: Set(fingerprint.to_owned()),
        outcome: Set(Value::Null),
        created_at: Set(now),
    };
    let mut insert = idempotency_key::Entity::insert(row).into_query();
    insert.on_conflict(OnConflict::column(idempotency_key::Column::Key).do_nothing().to_owned());
    Ok(db.build(&insert).await? > 0)
}

/// What is kept under a key.
///
/// # Errors
/// Storage failures.
pub async fn find(db: &Connection, key: &str) -> Result<Option<Kept>> {
    let query = idempotency_key::Entity::find_by_id(key)
        .select_only()
        .columns([idempotency_key::Column::Fingerprint, idempotency_key::Column::Outcome]);
    Ok(db.select(&query).await?.into_iter().next())
}

/// Keeps the outcome under a key that was taken in this transaction.
///
/// # Errors
/// Storage failures.
pub async fn keep(tx: &Tx, key: &str, outcome: Value) -> Result<()> {
    let kept = idempotency_key::Entity::update_many()
        .col_expr(idempotency_key::Column::Outcome, Expr::value(outcome))
        .filter(idempotency_key::Column::Key.eq(key));
    tx.connection().change(&kept).await.map(|_| ())
}

/// Removes what is older than a time; says how many.
///
/// # Errors
/// Storage failures.
pub async fn expire(tx: &Tx, before: DateTime<Utc>) -> Result<u64> {
    let old = idempotency_key::Entity::delete_many()
        .filter(idempotency_key::Column::CreatedAt.lt(before));
    tx.connection().change(&old).await
}

impl FromRow for Kept {
    const TABLE: &'static str = "idempotency_keys";

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self { fingerprint: row.get("fingerprint")?, outcome: row.get("outcome")? })
    }
}
