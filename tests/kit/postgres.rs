//! Databases on the PostgreSQL server of the test run, made from a migrated template.
//!
//! Their names carry the id of the process, so that test runs do not meet, and the next run
//! removes what a killed one left behind.

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::sync::{Mutex, OnceCell};

use super::database::{connect, environment, migrate};

const PREFIX: &str = "phaseline_tests_";

/// A database on the server, dropped with this value.
pub(super) struct PostgresDatabase {
    name: String,
}

/// A fresh copy of the template.
pub(super) async fn from_template() -> PostgresDatabase {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let template = template().await;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("{PREFIX}{}_{number}", std::process::id());
    create(&name, Some(template)).await;
    PostgresDatabase { name }
}

impl PostgresDatabase {
    /// Where it is.
    pub(super) fn url(&self) -> String {
        url_of(&self.name)
    }
}

impl Drop for PostgresDatabase {
    /// On a thread of its own, since a test's runtime cannot be waited for from within it.
    fn drop(&mut self) {
        let name = self.name.clone();
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let server = server().await;
                drop_database(&server, &name).await;
            });
        });
        if dropping.join().is_err() {
            println!("the database {} was left behind", self.name);
        }
    }
}

async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let server = server().await;
            for name in leftovers(&server).await {
                drop_database(&server, &name).await;
            }
            let name = format!("{PREFIX}{}_template", std::process::id());
            create(&name, None).await;
            migrate(&url_of(&name)).await;
            name
        })
        .await
}

/// One at a time: PostgreSQL refuses to copy a template that something else is using.
async fn create(name: &str, template: Option<&str>) {
    static TURN: Mutex<()> = Mutex::const_new(());
    let _turn = TURN.lock().await;
    let template = template.map_or(String::new(), |template| format!(" TEMPLATE {template}"));
    let server = server().await;
    server
        .execute_unprepared(&format!("CREATE DATABASE {name}{template}"))
        .await
        .unwrap_or_else(|error| panic!("cannot make the database {name}: {error}"));
}

/// The databases of processes that are gone, and of an earlier one with this process's id.
async fn leftovers(server: &DatabaseConnection) -> Vec<String> {
    let statement = sea_orm::Statement::from_string(
        sea_orm::DbBackend::Postgres,
        format!("SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%'"),
    );
    let rows = server.query_all_raw(statement).await.expect("the server lists its databases");
    rows.into_iter()
        .map(|row| row.try_get_by_index::<String>(0).expect("a name"))
        .filter(|name| process_of(name).is_some_and(|process| !is_another_alive(process)))
        .collect()
}

fn process_of(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split('_').next()?.parse().ok()
}

fn is_another_alive(process: u32) -> bool {
    process != std::process::id() && Path::new(&format!("/proc/{process}")).exists()
}

async fn drop_database(server: &DatabaseConnection, name: &str) {
    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    if let Err(error) = server.execute_unprepared(&statement).await {
        println!("the database {name} was left behind: {error}");
    }
}

async fn server() -> DatabaseConnection {
    connect(&server_url()).await
}

fn server_url() -> String {
    environment("PHASELINE_TEST_POSTGRES_URL").expect(
        "PHASELINE_TEST_POSTGRES_URL names the server that PHASELINE_TEST_DATABASE=postgres needs",
    )
}

/// The URL of another database of the server.
fn url_of(name: &str) -> String {
    let url = server_url();
    let (address, parameters) = url.split_once('?').unwrap_or((&url, ""));
    let (host, _) = address.rsplit_once('/').expect("a URL that ends with a database");
    if parameters.is_empty() {
        format!("{host}/{name}")
    } else {
        format!("{host}/{name}?{parameters}")
    }
}
