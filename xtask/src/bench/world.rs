//! A fresh database and the release binary over it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use phaseline_migration::{Migrator, MigratorTrait};
use sea_orm_migration::sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement,
};
use tempfile::TempDir;

/// How long a server may take to say that it listens.
const PATIENCE: Duration = Duration::from_secs(60);

/// A database of one measurement's own, gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) kind: Kind,
    _folder: Option<TempDir>,
    dropped: Option<(String, String)>,
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    pub(crate) address: String,
    /// From its start to the line that says that it listens.
    pub(crate) started_in: Duration,
}

impl Kind {
    /// Its name in a report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// Its name in a plot.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

impl Place {
    /// A database with nothing in it, not even tables.
    pub(crate) fn unmigrated(kind: Kind, server: Option<&str>) -> anyhow::Result<Self> {
        Ok(match kind {
            Kind::Sqlite => {
                let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(target())?;
                let url = format!("sqlite://{}", folder.path().join("phaseline.db").display());
                Self { url, kind, _folder: Some(folder), dropped: None }
            }
            Kind::Postgres => {
                let server = server.context("name a PostgreSQL server with --database")?;
                let name = format!("phaseline_bench_{}_{}", std::process::id(), next());
                on_server(server, &format!("CREATE DATABASE {name}"))?;
                let (host, _) = server.rsplit_once('/').context("the URL names no database")?;
                let url = format!("{host}/{name}");
                Self { url, kind, _folder: None, dropped: Some((server.to_owned(), name)) }
            }
        })
    }

    /// A migrated database: a file beside the build, which is on a real disk, or a new database of
    /// the PostgreSQL server that this URL names.
    pub(crate) fn fresh(kind: Kind, server: Option<&str>) -> anyhow::Result<Self> {
        let place = Self::unmigrated(kind, server)?;
        place.migrate()?;
        Ok(place)
    }

    /// Whether what is said to it stays within the machine.
    pub(crate) fn is_here(&self) -> bool {
        let place = self.url.split_once("://").map_or("", |(_, place)| place);
        let host = place.split_once('@').map_or(place, |(_, host)| host);
        ["localhost", "127.", "[::1]"].iter().any(|here| host.starts_with(here))
    }

    /// Makes the tables.
    pub(crate) fn migrate(&self) -> anyhow::Result<()> {
        self.with(async |db| Ok(Migrator::up(db, None).await?))
    }

    /// Does something with a connection past the server.
    pub(crate) fn with<T>(
        &self,
        work: impl AsyncFnOnce(&DatabaseConnection) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        block_on(async {
            let db = connect(&self.url).await?;
            let done = work(&db).await?;
            db.close().await?;
            Ok(done)
        })
    }

    /// Runs statements, one after the other.
    pub(crate) fn execute(&self, statements: &[String]) -> anyhow::Result<()> {
        self.with(async |db| {
            for statement in statements {
                db.execute_unprepared(statement).await?;
            }
            Ok(())
        })
    }

    /// The first column of what a query answers, as text.
    pub(crate) fn column(&self, query: &str) -> anyhow::Result<Vec<String>> {
        self.with(async |db| {
            let query = Statement::from_string(db.get_database_backend(), query);
            let rows = db.query_all_raw(query).await?;
            Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
        })
    }

    /// The file, where it is one.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.url.strip_prefix("sqlite://").map(PathBuf::from)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.dropped
            && let Err(error) = on_server(server, &format!("DROP DATABASE {name} WITH (FORCE)"))
        {
            eprintln!("the database {name} was left behind: {error:#}");
        }
    }
}

impl Program {
    /// Starts the release binary over a database, with these variables in its environment.
    pub(crate) fn start(place: &Place, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::spawn(
            Command::new(target().join("release/phaseline"))
                .args(["serve", "--floors", "--listen", "127.0.0.1:0", "--log", "warn"])
                .args(["--database-url", &place.url])
                .envs(variables.iter().copied()),
        )
    }

    /// Starts a server that has nothing of ours and answers so many bytes.
    pub(crate) fn bare(bytes: usize) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        Self::spawn(Command::new(program).args(["bare-server", &bytes.to_string()]))
    }

    fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let began = Instant::now();
        let mut child =
            command.stdout(Stdio::piped()).spawn().context("the server cannot be started")?;
        let said = child.stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let started_in = began.elapsed();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        let Some(address) = address else {
            let _ = child.kill();
            bail!("the server did not start: {line}");
        };
        Ok(Self { child, address: address.to_owned(), started_in })
    }

    /// Its resident memory, in MiB.
    pub(crate) fn memory_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: f64 = kib.context("the kernel does not say how much memory it uses")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the server did not end")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Where an error kept it from being stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where cargo builds to: this program lies in a folder of it.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.ancestors().nth(2).unwrap_or(Path::new("target")).to_owned()
}

/// What a PostgreSQL server says of its version.
pub(crate) fn version(url: &str) -> anyhow::Result<String> {
    block_on(async {
        let db = connect(url).await?;
        let query = Statement::from_string(db.get_database_backend(), "SHOW server_version");
        let row = db.query_one_raw(query).await?.context("no version")?;
        Ok(row.try_get_by_index(0)?)
    })
}

/// Runs to the end on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

async fn connect(url: &str) -> anyhow::Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| sqlite.create_if_missing(true));
    Database::connect(options).await.context("the database cannot be opened")
}

fn on_server(url: &str, statement: &str) -> anyhow::Result<()> {
    block_on(async {
        let db = connect(url).await?;
        db.execute_unprepared(statement).await?;
        Ok(db.close().await?)
    })
}

fn next() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
