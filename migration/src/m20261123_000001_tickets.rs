//! Tickets, what they wait for, and the history of their phases.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::{
    IN_ONE_TRANSACTION,
    columns::{
        big, drop, flag, flag_or_null, id, index, integer, json, json_or_null, name, name_or_null,
        reference, text, text_or_null, time,
    },
};

/// What the way down removes, in that order.
pub(crate) const TABLES: &[&str] =
    &["ticket_contexts", "phase_history", "ticket_dependencies", "tickets"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        IN_ONE_TRANSACTION
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(tickets()).await?;
        index(manager, "tickets", &["phase_id", "id"]).await?;
        index(manager, "tickets", &["priority", "id"]).await?;
        manager.create_table(ticket_dependencies()).await?;
        index(manager, "ticket_dependencies", &["blocked_by_id"]).await?;
        manager.create_table(phase_history()).await?;
        manager.create_table(ticket_contexts()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            // To compress a large document takes longer than all else that is done with it.
            let plain = "ALTER TABLE ticket_contexts ALTER COLUMN document SET STORAGE EXTERNAL";
            manager.get_connection().execute_unprepared(plain).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }
}

fn tickets() -> TableCreateStatement {
    Table::create()
        .table("tickets")
        .col(id("id").primary_key())
        .col(name_or_null("key", 128).unique_key())
        .col(text("title"))
        .col(text("description"))
        .col(name("workflow_id", 64))
        .col(name("phase_id", 64))
        .col(name_or_null("previous_phase_id", 64))
        .col(integer("history_sequence"))
        .col(time("phase_since"))
        .col(name("priority", 16))
        .col(name_or_null("estimate", 32))
        .col(json("context"))
        .col(text("context_summary"))
        .col(flag_or_null("gates"))
        .col(flag_or_null("templates"))
        .col(flag_or_null("auto_advance"))
        .col(flag_or_null("skip_empty_phases"))
        .col(json_or_null("blocker"))
        .col(json("answers"))
        .col(json("templated_phases"))
        .col(integer("rework_since"))
        .col(flag("has_results").default(false))
        .col(big("version"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .to_owned()
}

fn ticket_dependencies() -> TableCreateStatement {
    Table::create()
        .table("ticket_dependencies")
        .col(id("ticket_id"))
        .col(id("blocked_by_id"))
        .primary_key(Index::create().col("ticket_id").col("blocked_by_id"))
        .foreign_key(&mut reference(
            "ticket_dependencies",
            "ticket_id",
            "tickets",
            ForeignKeyAction::Cascade,
        ))
        .foreign_key(&mut reference(
            "ticket_dependencies",
            "blocked_by_id",
            "tickets",
            ForeignKeyAction::NoAction,
        ))
        .to_owned()
}

fn phase_history() -> TableCreateStatement {
    Table::create()
        .table("phase_history")
        .col(id("ticket_id"))
        .col(integer("sequence"))
        .col(name_or_null("from_phase", 64))
        .col(name("to_phase", 64))
        .col(name("kind", 16))
        .col(text_or_null("reason"))
        .col(text_or_null("transitioned_by"))
        .col(json("artifacts"))
        .col(flag("forced"))
        .col(ColumnDef::new("seconds_in_previous").double().null())
        .col(time("created_at"))
        .primary_key(Index::create().col("ticket_id").col("sequence"))
        .foreign_key(&mut reference(
            "phase_history",
            "ticket_id",
            "tickets",
            ForeignKeyAction::Cascade,
        ))
        .to_owned()
}

fn ticket_contexts() -> TableCreateStatement {
    Table::create()
        .table("ticket_contexts")
        .col(id("ticket_id"))
        .col(name("phase_id", 64))
        .col(text("summary"))
        .col(name("content_hash", 64))
        .col(json("document"))
        .primary_key(Index::create().col("ticket_id").col("phase_id"))
        .foreign_key(&mut reference(
            "ticket_contexts",
            "ticket_id",
            "tickets",
            ForeignKeyAction::Cascade,
        ))
        .to_owned()
}
