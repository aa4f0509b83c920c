//! What a POST with an `Idempotency-Key` has answered.

use sea_orm_migration::prelude::*;

use crate::{
    IN_ONE_TRANSACTION,
    columns::{drop, index, json, name, time},
};

/// What the way down removes, in that order.
pub(crate) const TABLES: &[&str] = &["idempotency_keys"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        IN_ONE_TRANSACTION
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("idempotency_keys")
                    .col(name("key", 255).primary_key())
                    .col(name("fingerprint", 64))
                    .col(json("outcome"))
                    .col(time("created_at"))
                    .to_owned(),
            )
            .await?;
        index(manager, "idempotency_keys", &["created_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, TABLES).await
    }
}
