//! How PostgreSQL stores what may be long: compressed with lz4, where it can.
//!
//! Its own method takes longer for a large document than all else that is done with it. With lz4 there is
//! less to write than without any, and that is what a commit waits for.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::IN_ONE_TRANSACTION;

/// Texts that are written by the hundred kilobytes, or with every claim.
const LONG: &[(&str, &str)] = &[
    ("ticket_contexts", "document"),
    ("task_attempts", "pack"),
    ("tasks", "result"),
    ("events", "data"),
    ("idempotency_keys", "outcome"),
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        IN_ONE_TRANSACTION
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store(manager, "lz4", "EXTENDED").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store(manager, "default", "EXTERNAL").await
    }
}

/// Rows that are written from now on are stored so; those that are there stay as they are. So does all on
/// a server that was built without this method, or is older than it (PostgreSQL 14).
async fn store(manager: &SchemaManager<'_>, method: &str, documents: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let compress = LONG.iter().map(|(table, column)| {
        format!("EXECUTE 'ALTER TABLE {table} ALTER COLUMN {column} SET COMPRESSION {method}';")
    });
    let compress: String = compress.collect();
    let block = format!(
        "DO $$ BEGIN {compress} \
         ALTER TABLE ticket_contexts ALTER COLUMN document SET STORAGE {documents}; \
         EXCEPTION WHEN feature_not_supported OR syntax_error THEN NULL; END $$"
    );
    manager.get_connection().execute_unprepared(&block).await.map(|_| ())
}
