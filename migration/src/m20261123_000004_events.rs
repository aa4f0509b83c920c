//! The event log, and how far it has been trimmed.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::{
    IN_ONE_TRANSACTION,
    columns::{big, drop, id, index, integer, json, name, text, time},
};

/// What the way down removes, in that order.
pub(crate) const TABLES: &[&str] = &["event_log", "events"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        IN_ONE_TRANSACTION
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == DbBackend::Postgres;
        manager.create_table(events(!postgres)).await?;
        index(manager, "events", &["event_type", "sequence"]).await?;
        if postgres {
            manager.get_connection().execute_unprepared(POSITIONS).await?;
        }
        manager.create_table(event_log()).await?;
        manager
            .execute(
                Query::insert()
                    .into_table("event_log")
                    .columns(["id", "trimmed_through"])
                    .values_panic([1.into(), 0_i64.into()])
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }
}

/// On PostgreSQL a transaction takes one number for all its events, as it writes them
/// (`docs/adr/0003-event-positions.md`).
const POSITIONS: &str = "CREATE SEQUENCE event_positions OWNED BY events.sequence";

/// SQLite numbers the rows itself and never uses a number twice.
fn events(numbers_itself: bool) -> TableCreateStatement {
    let mut sequence = big("sequence");
    sequence.primary_key();
    if numbers_itself {
        sequence.auto_increment();
    }
    Table::create()
        .table("events")
        .col(sequence)
        .col(id("id").unique_key())
        .col(name("event_type", 64))
        .col(text("subject"))
        .col(time("time"))
        .col(json("data"))
        .to_owned()
}

fn event_log() -> TableCreateStatement {
    Table::create()
        .table("event_log")
        .col(integer("id").primary_key())
        .col(big("trimmed_through"))
        .to_owned()
}
