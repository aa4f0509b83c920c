//! An index of what is finished of a phase of a ticket: the tasks of its other phases need not be looked
//! at to aggregate one.

use sea_orm_migration::prelude::*;

use crate::IN_ONE_TRANSACTION;

/// A statement that compares the phase as this index has it can be led by no index of phases or states,
/// whatever a planner knows of how many tasks are in one.
const NAME: &str = "ix_tasks_ticket_id_phase_id";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        IN_ONE_TRANSACTION
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = format!(
            "CREATE INDEX {NAME} ON tasks (ticket_id, (phase_id || '')) WHERE finished_at IS NOT NULL"
        );
        manager.get_connection().execute_unprepared(&index).await.map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop().name(NAME).table("tasks").to_owned();
        manager.drop_index(index).await
    }
}
