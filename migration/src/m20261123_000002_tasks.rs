//! Tasks and what they wait for.

use sea_orm_migration::prelude::*;

use crate::{
    IN_ONE_TRANSACTION,
    columns::{
        big, drop, id, id_or_null, index, index_where, integer, json, json_or_null, name,
        name_or_null, reference, text, text_or_null, time, time_or_null,
    },
};

/// What the way down removes, in that order.
pub(crate) const TABLES: &[&str] = &["task_dependencies", "tasks"];

/// What a worker has or can still get.
const OPEN: &str = "status IN ('pending', 'claimed', 'running')";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        IN_ONE_TRANSACTION
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(tasks()).await?;
        manager
            .create_index(
                Index::create()
                    .name("ux_tasks_ticket_id_key")
                    .table("tasks")
                    .col("ticket_id")
                    .col("key")
                    .unique()
                    .and_where(Expr::cust("\"key\" IS NOT NULL"))
                    .to_owned(),
            )
            .await?;
        index(manager, "tasks", &["ticket_id", "id"]).await?;
        index(manager, "tasks", &["status", "id"]).await?;
        // Every claim and every end writes to these: the fewer rows they hold, the better.
        let waiting = &["agent_type", "priority_rank", "created_at", "id"];
        index_where(manager, "tasks", waiting, "status = 'pending'").await?;
        index_where(manager, "tasks", &["ticket_id", "phase_rank"], OPEN).await?;
        index_where(manager, "tasks", &["lease_expires_at"], "lease_expires_at IS NOT NULL")
            .await?;
        index_where(manager, "tasks", &["agent_id"], "agent_id IS NOT NULL").await?;
        manager.create_table(task_dependencies()).await?;
        index(manager, "tasks", &["phase_id", "id"]).await?;
        index(manager, "task_dependencies", &["depends_on_id"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }
}

fn tasks() -> TableCreateStatement {
    Table::create()
        .table("tasks")
        .col(id("id").primary_key())
        .col(id("ticket_id"))
        .col(name_or_null("key", 128))
        .col(name("phase_id", 64))
        .col(integer("phase_rank"))
        .col(name("task_type", 64))
        .col(text_or_null("title"))
        .col(text("description"))
        .col(name("priority", 16))
        .col(integer("priority_rank"))
        .col(name_or_null("estimate", 32))
        .col(name("agent_type", 16))
        .col(json("required_capabilities"))
        .col(name("status", 16))
        .col(json_or_null("result"))
        .col(text_or_null("error_message"))
        .col(time_or_null("finished_at"))
        .col(text_or_null("finished_by"))
        .col(integer("max_attempts"))
        .col(integer("attempts_used"))
        .col(integer("failures_in_a_row"))
        .col(integer("losses_in_a_row"))
        .col(big("fencing_token"))
        .col(id_or_null("agent_id"))
        .col(time_or_null("lease_expires_at"))
        .col(time_or_null("available_at"))
        .col(big("version"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .foreign_key(&mut reference("tasks", "ticket_id", "tickets", ForeignKeyAction::Cascade))
        .to_owned()
}

fn task_dependencies() -> TableCreateStatement {
    Table::create()
        .table("task_dependencies")
        .col(id("task_id"))
        .col(id("depends_on_id"))
        .primary_key(Index::create().col("task_id").col("depends_on_id"))
        .foreign_key(&mut reference(
            "task_dependencies",
            "task_id",
            "tasks",
            ForeignKeyAction::Cascade,
        ))
        .foreign_key(&mut reference(
            "task_dependencies",
            "depends_on_id",
            "tasks",
            ForeignKeyAction::NoAction,
        ))
        .to_owned()
}
