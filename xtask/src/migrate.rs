//! `cargo xtask migrate`: the schema of one database, up and down.

use std::collections::BTreeMap;

use anyhow::Context;
use clap::Subcommand;
use phaseline_migration::{Migrator, MigratorTrait, dropped_by};
use phaseline_persistence::{Backend, Db, DbOptions};
use sea_orm_migration::{
    MigrationStatus, SchemaManager,
    sea_orm::{
        ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr,
        sea_query::{Asterisk, Expr, ExprTrait, Query},
    },
};

/// Which way the schema goes.
#[derive(Debug, Subcommand)]
pub(crate) enum Direction {
    /// Apply the next N migrations; all that are pending when N is left out.
    Up {
        /// How many.
        steps: Option<u32>,
    },
    /// Take the last N migrations back; the rows of the tables that they made are lost.
    Down {
        /// How many.
        #[arg(default_value_t = 1)]
        steps: u32,
    },
    /// Say which migrations are applied.
    Status,
    /// Take every migration back and apply them all again: an empty database.
    Fresh,
}

/// Moves the schema of the database at `url` and prints what that did.
///
/// # Errors
/// The database cannot be reached, or refuses a statement.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(direction: &Direction, url: &str) -> anyhow::Result<()> {
    let db = connect(url).await?;
    match *direction {
        Direction::Up { steps } => up(&db, steps).await?,
        Direction::Down { steps } => down(&db, Some(steps)).await?,
        Direction::Status => status(&db).await?,
        Direction::Fresh => {
            down(&db, None).await?;
            up(&db, None).await?;
        }
    }
    Ok(db.close().await?)
}

/// As the server connects. On SQLite one connection: its settings and what an unfinished statement holds
/// belong to it.
async fn connect(url: &str) -> anyhow::Result<DatabaseConnection> {
    let server = DbOptions::new(url);
    let cannot = || format!("the database {} cannot be opened", server.place());
    if server.backend().with_context(cannot)? == Backend::Postgres {
        return Ok(Db::open(&server).await.with_context(cannot)?.outside().await?);
    }
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| sqlite.create_if_missing(true).foreign_keys(true));
    Database::connect(options).await.with_context(cannot)
}

async fn up(db: &DatabaseConnection, steps: Option<u32>) -> Result<(), DbErr> {
    let pending = Migrator::get_pending_migrations(db).await?;
    if pending.is_empty() {
        println!("nothing to apply: the schema is up to date");
        return Ok(());
    }
    Migrator::up(db, steps).await?;
    for migration in pending.iter().take(count(steps)) {
        println!("applied {}", migration.name());
    }
    Ok(())
}

async fn down(db: &DatabaseConnection, steps: Option<u32>) -> Result<(), DbErr> {
    let applied = Migrator::get_applied_migrations(db).await?;
    if applied.is_empty() {
        println!("nothing to take back: no migration is applied");
        return Ok(());
    }
    let last: Vec<_> = applied.iter().rev().take(count(steps)).collect();
    for migration in &last {
        let tables = rows_of(db, dropped_by(migration.name())).await?;
        let with_it = if tables.is_empty() { ", and no rows with it" } else { ", and with it:" };
        println!("{} goes{with_it}", migration.name());
        for (table, rows) in tables {
            println!("  {table}: {rows} {}", if rows == 1 { "row" } else { "rows" });
        }
    }
    Migrator::down(db, steps).await?;
    for migration in last {
        println!("took back {}", migration.name());
    }
    Ok(())
}

async fn status(db: &DatabaseConnection) -> Result<(), DbErr> {
    for migration in Migrator::get_migration_with_status_read_only(db).await? {
        let status = match migration.status() {
            MigrationStatus::Applied => "applied",
            MigrationStatus::Pending => "pending",
        };
        println!("{status}  {}", migration.name());
    }
    Ok(())
}

fn count(steps: Option<u32>) -> usize {
    steps.and_then(|steps| usize::try_from(steps).ok()).unwrap_or(usize::MAX)
}

/// How many rows each of these tables has, as far as it is there.
async fn rows_of(
    db: &DatabaseConnection,
    tables: &[&'static str],
) -> Result<BTreeMap<&'static str, i64>, DbErr> {
    let manager = SchemaManager::new(db);
    let mut rows = BTreeMap::new();
    for table in tables {
        if manager.has_table(*table).await? {
            let count = Query::select().expr(Expr::col(Asterisk).count()).from(*table).to_owned();
            let row = db.query_one(&count).await?;
            rows.insert(*table, row.map_or(Ok(0), |row| row.try_get_by_index(0))?);
        }
    }
    Ok(rows)
}
