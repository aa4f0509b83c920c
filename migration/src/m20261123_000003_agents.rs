//! Agents, with the health last announced, and their heartbeats beside them.

use sea_orm_migration::prelude::*;

use crate::{
    IN_ONE_TRANSACTION,
    columns::{
        big, drop, flag, id, index, integer, json, json_or_null, name, name_or_null, time,
        time_or_null,
    },
};

/// What the way down removes, in that order.
pub(crate) const TABLES: &[&str] = &["agent_heartbeats", "agents"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        IN_ONE_TRANSACTION
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(agents()).await?;
        manager.create_table(agent_heartbeats()).await?;
        index(manager, "agents", &["status", "id"]).await?;
        index(manager, "agents", &["agent_type", "id"]).await?;
        index(manager, "agents", &["phase_id", "id"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }
}

fn agents() -> TableCreateStatement {
    Table::create()
        .table("agents")
        .col(id("id").primary_key())
        .col(name("agent_type", 16))
        .col(name_or_null("phase_id", 64))
        .col(name("status", 16))
        .col(json("capabilities"))
        .col(integer("capacity"))
        .col(integer("slots_taken"))
        .col(flag("draining"))
        .col(time_or_null("last_progress"))
        .col(json("tags"))
        .col(name("announced_health", 16))
        .col(big("version"))
        .col(time("created_at"))
        .col(time("updated_at"))
        .to_owned()
}

/// A foreign key is deliberately absent: to check it, PostgreSQL would lock the row of the agent, and
/// heartbeats would wait for whoever changes that. Agents are never removed.
fn agent_heartbeats() -> TableCreateStatement {
    Table::create()
        .table("agent_heartbeats")
        .col(id("agent_id").primary_key())
        .col(time("last_heartbeat_at"))
        .col(ColumnDef::new("heartbeat_sequence").big_integer().null())
        .col(big("heartbeats_missed"))
        .col(json_or_null("metrics"))
        .to_owned()
}
