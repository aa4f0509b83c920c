//! PostgreSQL keeps the context of a phase as text: to check that it is JSON, which only this program
//! writes, takes twice as long as to store it.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::IN_ONE_TRANSACTION;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        IN_ONE_TRANSACTION
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        become_of(manager, "text").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        become_of(manager, "json").await
    }
}

/// A column of another type forgets how it is stored, and all its rows are written anew: so it is told in
/// the same statement. On a server without lz4, or one that is older than it (PostgreSQL 14), it is not
/// compressed at all.
async fn become_of(manager: &SchemaManager<'_>, kind: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let column = "ALTER COLUMN document";
    let change = format!(
        "ALTER TABLE ticket_contexts {column} TYPE {kind} USING document::{kind}, {column}"
    );
    let block = format!(
        "DO $$ BEGIN EXECUTE '{change} SET COMPRESSION lz4'; \
         EXCEPTION WHEN feature_not_supported OR syntax_error THEN \
         EXECUTE '{change} SET STORAGE EXTERNAL'; END $$"
    );
    manager.get_connection().execute_unprepared(&block).await.map(|_| ())
}
