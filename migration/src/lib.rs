//! The database schema, as append-only migrations that run on SQLite and PostgreSQL.
//!
//! A landed migration is never edited: the next change is the next file. Each knows its way
//! down, and [`dropped_by`] says which tables, with their rows, a way down removes.
//!
//! ```no_run
//! use phaseline_migration::{Migrator, MigratorTrait};
//! use sea_orm_migration::sea_orm::Database;
//!
//! # async fn run() -> Result<(), sea_orm_migration::sea_orm::DbErr> {
//! let db = Database::connect("sqlite://phaseline.db?mode=rwc").await?;
//! Migrator::up(&db, None).await?;
//! # Ok(())
//! # }
//! ```

mod columns;
mod m20261123_000001_tickets;
mod m20261123_000002_tasks;
mod m20261123_000003_agents;
mod m20261123_000004_events;
mod m20261123_000005_idempotency_keys;
mod m20261124_000006_attempts;
mod m20261124_000007_gates;
mod m20261126_000008_compression;
mod m20261127_000009_contexts_as_text;
mod m20261127_000010_completed_tasks;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{MigrationTrait, async_trait};

/// All migrations, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_tickets::Migration),
            Box::new(m20261123_000002_tasks::Migration),
            Box::new(m20261123_000003_agents::Migration),
            Box::new(m20261123_000004_events::Migration),
            Box::new(m20261123_000005_idempotency_keys::Migration),
            Box::new(m20261124_000006_attempts::Migration),
            Box::new(m20261124_000007_gates::Migration),
            Box::new(m20261126_000008_compression::Migration),
            Box::new(m20261127_000009_contexts_as_text::Migration),
            Box::new(m20261127_000010_completed_tasks::Migration),
        ]
    }
}

/// On SQLite too: one that is cut off in the middle leaves no half of itself behind.
const IN_ONE_TRANSACTION: Option<bool> = Some(true);

/// The tables whose rows are lost when the migration of this name is taken down; what the other
/// tables hold is kept.
///
/// ```
/// assert_eq!(
///     phaseline_migration::dropped_by("m20261123_000002_tasks"),
///     ["task_dependencies", "tasks"]
/// );
/// ```
#[must_use]
pub fn dropped_by(migration: &str) -> &'static [&'static str] {
    match migration {
        "m20261123_000001_tickets" => m20261123_000001_tickets::TABLES,
        "m20261123_000002_tasks" => m20261123_000002_tasks::TABLES,
        "m20261123_000003_agents" => m20261123_000003_agents::TABLES,
        "m20261123_000004_events" => m20261123_000004_events::TABLES,
        "m20261123_000005_idempotency_keys" => m20261123_000005_idempotency_keys::TABLES,
        "m20261124_000006_attempts" => m20261124_000006_attempts::TABLES,
        "m20261124_000007_gates" => m20261124_000007_gates::TABLES,
        _ => &[],
    }
}
