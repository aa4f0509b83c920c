//! What gates ask for: artifacts of a ticket, and approvals of it as it stood.

use sea_orm_migration::prelude::*;

use crate::{
    IN_ONE_TRANSACTION,
    columns::{big, drop, id, index, json_or_null, name, reference, text, text_or_null, time},
};

/// What the way down removes, in that order.
pub(crate) const TABLES: &[&str] = &["ticket_approvals", "ticket_artifacts"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        IN_ONE_TRANSACTION
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(artifacts()).await?;
        index(manager, "ticket_artifacts", &["ticket_id", "phase_id"]).await?;
        manager.create_table(approvals()).await?;
        index(manager, "ticket_approvals", &["ticket_id", "ticket_version"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }
}

fn artifacts() -> TableCreateStatement {
    Table::create()
        .table("ticket_artifacts")
        .col(id("id").primary_key())
        .col(id("ticket_id"))
        .col(name("phase_id", 64))
        .col(name("artifact_type", 128))
        .col(text_or_null("path"))
        .col(json_or_null("content"))
        .col(name("grade", 8))
        .col(text_or_null("added_by"))
        .col(time("created_at"))
        .foreign_key(&mut reference(
            "ticket_artifacts",
            "ticket_id",
            "tickets",
            ForeignKeyAction::Cascade,
        ))
        .to_owned()
}

fn approvals() -> TableCreateStatement {
    Table::create()
        .table("ticket_approvals")
        .col(id("id").primary_key())
        .col(id("ticket_id"))
        .col(name("phase_id", 64))
        .col(text("approved_by"))
        .col(text_or_null("comment"))
        .col(big("ticket_version"))
        .col(time("created_at"))
        .foreign_key(&mut reference(
            "ticket_approvals",
            "ticket_id",
            "tickets",
            ForeignKeyAction::Cascade,
        ))
        .to_owned()
}
