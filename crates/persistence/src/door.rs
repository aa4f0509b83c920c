//! The write door: the only place that opens a transaction.

mod queue;
mod tx;

use std::{net::IpAddr, str::FromStr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr,
    RuntimeErr, TransactionTrait,
    sqlx::{
        self, Connection as _, PgConnection,
        postgres::{PgConnectOptions, PgSslMode},
    },
};
use tokio::{sync::watch, time::timeout};

use crate::{
    Backend, Connection, Error, Result,
    connection::{
        postgres::Postgres,
        sqlite::{File, Lanes, Use},
    },
};
use queue::Queue;
pub use tx::Tx;

const ATTEMPTS: u32 = 8;
/// How long a server is asked why it does not answer.
const LAST_TRY: Duration = Duration::from_secs(2);
/// Connections to PostgreSQL for those who go past the door: one to hold a lock, others beside it.
const OUTSIDE: u32 = 4;
/// Any number that nobody else of ours locks.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(123622405465189)";

/// Statements are few and each is planned once a connection, to walk indexes: a plan that was made
/// while a table was empty must not read all of it when it has grown, and none is worth compiling.
const PLANS: [(&str, &str); 3] =
    [("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("jit", "off")];

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// `sqlite://path` (made when absent) or `postgres://user@host/name`.
    pub url: String,
    /// Readers on SQLite. On PostgreSQL the connections for transactions and lists; eight more carry
    /// what is asked by id or claimed, and commits that are put together.
    pub connections: u32,
    /// How long a caller waits before it is told to come back: for a connection or its turn on
    /// PostgreSQL, for its turn to write on SQLite.
    pub acquire_timeout: Duration,
    /// How many callers may wait to write to SQLite before the next one is told to come back.
    pub queue: usize,
}

impl DbOptions {
    /// The usual pool for this URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let url = url.into();
        // On PostgreSQL those who commit at once share an fsync, where one statement is not enough.
        let connections = if scheme(&url) == "sqlite" { 8 } else { 16 };
        Self { url, connections, acquire_timeout: Duration::from_secs(10), queue: 1024 }
    }

    /// The database that the URL names, as far as that can be told without trying. No refusal shows what
    /// is secret in it.
    ///
    /// # Errors
    /// [`Error::UnsupportedUrl`] for another scheme, [`Error::InvalidUrl`] for one that does not parse,
    /// [`Error::NoFileNamed`] and [`Error::NoDatabaseNamed`].
    ///
    /// ```
    /// use phaseline_persistence::{Backend, DbOptions};
    ///
    /// assert_eq!(DbOptions::new("sqlite://phaseline.db").backend()?, Backend::Sqlite);
    /// let refusal = DbOptions::new("postgres://amy:secret@db.example").backend().unwrap_err();
    /// assert!(refusal.to_string().contains("must name its database"));
    /// # Ok::<(), phaseline_persistence::Error>(())
    /// ```
    pub fn backend(&self) -> Result<Backend> {
        match scheme(&self.url) {
            "sqlite" => File::of(&self.url).map(|_| Backend::Sqlite),
            "postgres" | "postgresql" if !names_a_database(&self.url) => {
                Err(Error::NoDatabaseNamed)
            }
            "postgres" | "postgresql" => {
                // The driver's own words would show the URL where it opens it.
                let parsed = PgConnectOptions::from_str(&self.url);
                let parsed = parsed.map_err(|why| Error::InvalidUrl { why: why.to_string() });
                parsed.map(|_| Backend::Postgres)
            }
            "" => Err(Error::UnsupportedUrl { url: "without a scheme".to_owned() }),
            other => Err(Error::UnsupportedUrl { url: other.to_owned() }),
        }
    }

    /// Where the database is, without anything that is secret: the file, or the server and the name.
    ///
    /// ```
    /// use phaseline_persistence::DbOptions;
    ///
    /// let options = DbOptions::new("postgres://amy:secret@db.example/phaseline?password=secret");
    /// assert_eq!(options.place(), "postgres://db.example:5432/phaseline");
    /// ```
    #[must_use]
    pub fn place(&self) -> String {
        let scheme = scheme(&self.url);
        match (self.backend(), PgConnectOptions::from_str(&self.url)) {
            (Ok(Backend::Sqlite), _) => self.url.clone(),
            (Ok(Backend::Postgres), Ok(server)) => {
                let (host, port) = (server.get_host(), server.get_port());
                format!("{scheme}://{host}:{port}/{}", server.get_database().unwrap_or_default())
            }
            // What does not parse may have its secrets anywhere.
            (_, _) if scheme.is_empty() => "…".to_owned(),
            (_, _) => format!("{scheme}://…"),
        }
    }
}

/// The database: a reader for everybody, and the one door for writes.
#[derive(Debug, Clone)]
pub struct Db {
    reader: Arc<Connection>,
    door: Door,
    options: Arc<DbOptions>,
    committed: watch::Sender<u64>,
}

#[derive(Debug, Clone)]
enum Door {
    /// SQLite has one writer: whoever comes waits in line, and one commit serves all that wait.
    Queue { queue: Queue, readers: Lanes },
    /// PostgreSQL sees to it that transactions do not harm each other.
    Pool(Arc<Postgres>),
}

/// A unit of work: what is done in one transaction, to all of its input or to nothing.
pub(crate) type Work<I, T, E> = for<'t> fn(&'t Tx, &'t I) -> BoxFuture<'t, Result<T, E>>;

/// An error of a unit of work, which the door asks whether a repeat would cure it.
pub trait Fault: From<Error> + Send + 'static {
    /// The storage failure in it, if it is one.
    fn storage(&self) -> Option<&Error>;
}

impl Fault for Error {
    fn storage(&self) -> Option<&Error> {
        Some(self)
    }
}

impl Db {
    /// Connects. SQLite runs in WAL mode with `synchronous = FULL` and foreign keys on, with one
    /// connection that writes beside those that read.
    ///
    /// # Errors
    /// [`Error::UnsupportedUrl`] for another scheme, [`Error::InvalidUrl`] for one that does not parse,
    /// [`Error::Unavailable`] when nobody answers.
    pub async fn open(options: &DbOptions) -> Result<Self> {
        let committed = watch::Sender::new(0);
        let (reader, door) = match options.backend()? {
            Backend::Sqlite => {
                let file = File::of(&options.url)?;
                let writer = Lanes::open(file.clone(), Use::Write, 1)?;
                let readers = Lanes::open(file, Use::Read, options.connections)?;
                let queue = Queue::start(writer, options, committed.clone())?;
                (Connection::sqlite(readers.clone()), Door::Queue { queue, readers })
            }
            Backend::Postgres => {
                let outside = connect(options, OUTSIDE).await?;
                let patience = options.acquire_timeout;
                let server = Arc::new(Postgres::new(outside, options.connections, patience));
                (Connection::pool(Arc::clone(&server)), Door::Pool(server))
            }
        };
        let (reader, options) = (Arc::new(reader), Arc::new(options.clone()));
        Ok(Self { reader, door, options, committed })
    }

    /// A connection for reading.
    #[must_use]
    pub fn reader(&self) -> &Connection {
        &self.reader
    }

    /// A connection of SeaORM's past the write door, for those who bring the schema up to date or
    /// look at the tables from outside.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when nobody answers.
    pub async fn outside(&self) -> Result<DatabaseConnection> {
        match &self.door {
            Door::Queue { .. } => connect(&self.options, 1).await,
            Door::Pool(server) => Ok(server.outside.clone()),
        }
    }

    /// Lets one process at a time bring the schema up to date: others wait here while the answer is
    /// held. SQLite has one server a file.
    ///
    /// # Errors
    /// Storage failures.
    #[expect(clippy::disallowed_methods, reason = "the lock lives as long as its transaction")]
    pub async fn alone(&self) -> Result<Option<DatabaseTransaction>> {
        let Door::Pool(server) = &self.door else {
            return Ok(None);
        };
        let lock = server.outside.begin().await?;
        lock.execute_unprepared(MIGRATION_LOCK).await?;
        Ok(Some(lock))
    }

    /// Lets go of the database. SQLite then has everything in its one file again.
    ///
    /// # Errors
    /// Storage failures.
    pub async fn close(&self) -> Result<()> {
        match &self.door {
            Door::Queue { queue, readers } => {
                readers.close()?;
                queue.close().await
            }
            Door::Pool(server) => server.close().await,
        }
    }

    /// Wakes after every commit of this process that announced an event.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    /// Runs one unit of work in one transaction and commits it, with the events that it
    /// announced. `work` may run more than once, so all it needs comes in `input`. The answer
    /// leaves only after the commit: it means durable.
    ///
    /// # Errors
    /// What `work` returns, after rolling everything back; [`Error::Serialization`] when repeats
    /// did not help; [`Error::Unavailable`] when no connection came free in time, [`Error::Busy`]
    /// when too many wait.
    pub async fn write<I, T, E>(
        &self,
        input: I,
        work: for<'t> fn(&'t Tx, &'t I) -> BoxFuture<'t, Result<T, E>>,
    ) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: Fault,
    {
        let server = match &self.door {
            Door::Queue { queue, .. } => return queue.run(input, work).await,
            Door::Pool(server) => server,
        };
        let mut repeats = 0;
        loop {
            match self.attempt(server, &input, work, repeats).await {
                Err(fault) if repeats + 1 < ATTEMPTS && repeatable(&fault) => repeats += 1,
                done => return done,
            }
        }
    }

    async fn attempt<I, T, E>(
        &self,
        server: &Arc<Postgres>,
        input: &I,
        work: Work<I, T, E>,
        repeats: u32,
    ) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: Fault,
    {
        let tx = Tx::new(Connection::transaction(Arc::clone(server), repeats));
        let outcome = match work(&tx, input).await {
            Ok(value) => tx.store_events().await.map(|any| (value, any)).map_err(E::from),
            Err(fault) => Err(fault),
        };
        let (value, any) = match outcome {
            Ok(done) => done,
            Err(fault) => {
                tx.rollback().await?;
                return Err(fault);
            }
        };
        tx.commit().await?;
        if any {
            tell(&self.committed);
        }
        Ok(value)
    }
}

/// Says that a commit announced an event.
fn tell(committed: &watch::Sender<u64>) {
    committed.send_modify(|count| *count = count.wrapping_add(1));
}

/// A broken reference is one that was whole when it was checked: the repeat sees why.
fn repeatable<E: Fault>(fault: &E) -> bool {
    matches!(
        fault.storage(),
        Some(Error::Serialization(_) | Error::BrokenReference(_) | Error::ChangedHands)
    )
}

/// The scheme of a URL (RFC 3986, section 3.1); empty where a text has none.
fn scheme(url: &str) -> &str {
    let is_name =
        |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    url.split_once(':').map(|(name, _)| name).filter(is_name).unwrap_or_default()
}

/// Whether something stands behind the host: without it the server would choose a database.
fn names_a_database(url: &str) -> bool {
    let place = url.split_once("://").map_or("", |(_, place)| place);
    let path = place.split('?').next().and_then(|place| place.split_once('/'));
    path.is_some_and(|(_, name)| !name.is_empty()) || url.contains("dbname=")
}

/// What does not leave the machine need not be encrypted, unless somebody has said how to.
fn near(options: PgConnectOptions) -> PgConnectOptions {
    let host = options.get_host();
    let is_here = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if is_here && matches!(options.get_ssl_mode(), PgSslMode::Prefer) {
        options.ssl_mode(PgSslMode::Disable)
    } else {
        options
    }
}

async fn connect(options: &DbOptions, connections: u32) -> Result<DatabaseConnection> {
    match try_to_connect(options, connections).await {
        Err(error) if is_silence(&error) => Err(silence(options).await),
        done => Ok(done?),
    }
}

async fn try_to_connect(
    options: &DbOptions,
    connections: u32,
) -> Result<DatabaseConnection, DbErr> {
    if options.url.contains("sslmode=") || scheme(&options.url) == "sqlite" {
        return Database::connect(connecting(options, connections)).await;
    }
    let mut plain = connecting(options, connections);
    plain.map_sqlx_postgres_opts(|postgres| near(postgres.options(PLANS)));
    match Database::connect(plain).await {
        // Behind a tunnel, or by its own rules, the server may want it all the same.
        Err(error) if is_refused(&error) => {
            Database::connect(connecting(options, connections)).await
        }
        done => done,
    }
}

fn is_silence(error: &DbErr) -> bool {
    matches!(error, DbErr::Conn(RuntimeErr::SqlxError(why)) if matches!(**why, sqlx::Error::PoolTimedOut))
}

/// Why nobody answers: the pool that tries again and again only says for how long it has.
async fn silence(options: &DbOptions) -> Error {
    let tried = match PgConnectOptions::from_str(&options.url) {
        Ok(server) => timeout(LAST_TRY, PgConnection::connect_with(&near(server))).await,
        Err(why) => Ok(Err(why)),
    };
    match tried {
        Ok(Err(why)) => Error::Unavailable(why.into()),
        Ok(Ok(_)) | Err(_) => {
            let waited = options.acquire_timeout;
            Error::Unavailable(format!("the server did not answer within {waited:?}").into())
        }
    }
}

/// Whether the server does not let this connection in.
fn is_refused(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(cause)) = error else { return false };
    cause.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "28000")
}

fn connecting(options: &DbOptions, connections: u32) -> ConnectOptions {
    let mut connect = ConnectOptions::new(&options.url);
    connect
        .max_connections(connections)
        .acquire_timeout(options.acquire_timeout)
        // A connection that broke is noticed by the statement that meets it.
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(|postgres| postgres.options(PLANS))
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite.busy_timeout(Duration::from_secs(5)).foreign_keys(true)
        });
    connect
}
