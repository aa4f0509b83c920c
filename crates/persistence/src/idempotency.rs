//! Idempotency keys: what a repeated request was answered the first time.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;

use crate::{
    Connection, Result, Tx,
    connection::About,
    entity::idempotency_key,
    query::Query,
    row::{FromRow, Row},
};

/// What is kept of the first request with a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// A digest of the request, so that another one under the same key is noticed.
    pub fingerprint: String,
    /// The outcome of the request.
    pub outcome: Value,
    /// When the request was made.
    pub created_at: DateTime<Utc>,
}

/// Waits until no other request of this process with this key is under way, and keeps others waiting
/// until this unit of work ends: what a request does beside the database is done once, too.
///
/// # Errors
/// [`Error::Busy`](crate::Error::Busy) when it takes too long.
pub async fn wait(tx: &Tx, key: &str) -> Result<()> {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    // Two keys that look alike wait for each other, and nothing more.
    tx.connection().wait(About::Key(hasher.finish())).await.map(|_| ())
}

/// What is kept under a key, as it is committed.
///
/// # Errors
/// Storage failures.
pub async fn find(db: &Connection, key: &str) -> Result<Option<Kept>> {
    let query = idempotency_key::Entity::find_by_id(key).select_only().columns([
        idempotency_key::Column::Fingerprint,
        idempotency_key::Column::Outcome,
        idempotency_key::Column::CreatedAt,
    ]);
    Ok(db.peek(Query::of(db.backend(), &query)).await?.into_iter().next())
}

/// Keeps what was done under a key under which nothing is kept. If somebody else does so at the same
/// moment, the unit of work runs again and finds it.
///
/// # Errors
/// Storage failures.
pub async fn keep(tx: &Tx, key: &str, kept: Kept) -> Result<()> {
    let db = tx.connection();
    let row = idempotency_key::ActiveModel {
        key: Set(key.to_owned()),
        fingerprint: Set(kept.fingerprint),
        outcome: Set(kept.outcome),
        created_at: Set(kept.created_at),
    };
    let insert = idempotency_key::Entity::insert(row);
    db.follow(Query::of(db.backend(), &insert)).await
}

/// Removes what is kept under a key if it is older than a time: somebody else may have kept
/// something there since it was looked at.
///
/// # Errors
/// Storage failures.
pub async fn forget(tx: &Tx, key: &str, before: DateTime<Utc>) -> Result<()> {
    let one = idempotency_key::Entity::delete_many()
        .filter(idempotency_key::Column::Key.eq(key))
        .filter(idempotency_key::Column::CreatedAt.lt(before));
    tx.connection().change(&one).await.map(|_| ())
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
        Ok(Self {
            fingerprint: row.get("fingerprint")?,
            outcome: row.get("outcome")?,
            created_at: row.get("created_at")?,
        })
    }
}
