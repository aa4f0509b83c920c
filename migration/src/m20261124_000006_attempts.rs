//! Every claim of a task: who had it, until when, what it knew, and how that ended.

use sea_orm_migration::prelude::*;

use crate::{
    IN_ONE_TRANSACTION,
    columns::{
        big, drop, id, index_where, integer, json, name, name_or_null, reference, text_or_null,
        time, time_or_null,
    },
};

/// What the way down removes, in that order.
pub(crate) const TABLES: &[&str] = &["task_attempts"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        IN_ONE_TRANSACTION
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(attempts()).await?;
        // Who cannot do which task, for the claims that pass over it.
        let declined = "failure_class = 'capability'";
        index_where(manager, "task_attempts", &["task_id", "agent_id"], declined).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }
}

fn attempts() -> TableCreateStatement {
    Table::create()
        .table("task_attempts")
        .col(id("task_id"))
        .col(big("fencing_token"))
        .col(id("agent_id"))
        .col(name("outcome", 16))
        .col(name_or_null("failure_class", 16))
        .col(text_or_null("error_message"))
        .col(integer("lease_s"))
        .col(time("claimed_at"))
        .col(time("lease_expires_at"))
        .col(time_or_null("ended_at"))
        .col(json("pack"))
        .primary_key(Index::create().col("task_id").col("fencing_token"))
        .foreign_key(&mut reference("task_attempts", "task_id", "tasks", ForeignKeyAction::Cascade))
        .to_owned()
}
