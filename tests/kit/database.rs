//! A fresh, migrated database for one test.

use phaseline_migration::{Migrator, MigratorTrait};
use phaseline_persistence::{Db, DbOptions};
use sea_orm::{ConnectOptions, DatabaseConnection, DbBackend};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::postgres::{self, PostgresDatabase};

/// A database of one test's own, gone when this is dropped.
pub(crate) struct Database {
    url: String,
    _place: Place,
}

#[expect(dead_code, reason = "held for what dropping them does")]
enum Place {
    Folder(TempDir),
    Server(PostgresDatabase),
    /// Somebody else holds it.
    Elsewhere,
}

/// Which database the tests run on: SQLite, unless `PHASELINE_TEST_DATABASE` is `postgres`.
pub(crate) fn backend() -> DbBackend {
    match environment("PHASELINE_TEST_DATABASE").as_deref() {
        None | Some("sqlite") => DbBackend::Sqlite,
        Some("postgres") => DbBackend::Postgres,
        Some(other) => panic!("PHASELINE_TEST_DATABASE is {other}, not sqlite or postgres"),
    }
}

/// A fresh database: a copy of a template that is migrated once per process.
pub(crate) async fn database() -> Database {
    if backend() == DbBackend::Postgres {
        let database = postgres::from_template().await;
        Database { url: database.url(), _place: Place::Server(database) }
    } else {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("phaseline.db");
        std::fs::write(&file, sqlite_template().await).expect("a writable folder");
        Database { url: format!("sqlite://{}", file.display()), _place: Place::Folder(folder) }
    }
}

impl Database {
    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The same database for a second user, which must let go of it first.
    pub(super) fn shared(&self) -> Self {
        Self { url: self.url.clone(), _place: Place::Elsewhere }
    }

    /// Opens it with few connections: many tests share one PostgreSQL server.
    pub(crate) async fn open(&self) -> Db {
        self.open_with(3).await
    }

    /// Opens it with as many connections as a race needs.
    pub(crate) async fn open_with(&self, connections: u32) -> Db {
        self.open_as(DbOptions { connections, ..DbOptions::new(&self.url) }).await
    }

    /// Opens it in a way of one's own.
    pub(super) async fn open_as(&self, options: DbOptions) -> Db {
        Db::open(&options).await.expect("the database of the test opens")
    }
}

/// A variable of the environment of the test run.
#[expect(clippy::disallowed_methods, reason = "libtest passes no arguments on to the tests")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Migrates an empty database and lets go of it.
pub(super) async fn migrate(url: &str) {
    let db = connect(url).await;
    Migrator::up(&db, None).await.expect("the migrations apply");
    // The last connection to close moves SQLite's write-ahead log into the file.
    db.close().await.expect("the database closes");
}

/// One connection past the write door.
pub(super) async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|sqlite| sqlite.create_if_missing(true));
    sea_orm::Database::connect(options)
        .await
        .unwrap_or_else(|error| panic!("cannot connect to {url}: {error}"))
}

/// The bytes of a migrated SQLite file.
async fn sqlite_template() -> &'static [u8] {
    static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let file = folder.path().join("template.db");
            migrate(&format!("sqlite://{}", file.display())).await;
            std::fs::read(&file).expect("the template was written")
        })
        .await
}
