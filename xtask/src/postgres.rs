//! Whether the PostgreSQL server of the tests is there.

use std::time::Duration;

use anyhow::Context;
use sea_orm_migration::sea_orm::{ConnectOptions, Database};

const PATIENCE: Duration = Duration::from_secs(5);

/// Connects once, so that a server that is named but absent fails the run before it begins.
///
/// # Errors
/// The server does not answer within five seconds.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn answers(url: &str) -> anyhow::Result<()> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).connect_timeout(PATIENCE).acquire_timeout(PATIENCE);
    options.sqlx_logging(false);
    let db = Database::connect(options).await.context(
        "PHASELINE_TEST_POSTGRES_URL is set, but the PostgreSQL server that it names does not \
         answer: start it, or unset the variable to test on SQLite alone",
    )?;
    Ok(db.close().await?)
}
