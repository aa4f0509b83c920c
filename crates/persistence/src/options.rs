//! How a database is reached: what its URL names, and the connections that SeaORM makes to it.

use std::{net::IpAddr, str::FromStr, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr,
    sqlx::{
        self, Connection as _, PgConnection,
        postgres::{PgConnectOptions, PgSslMode},
    },
};
use tokio::time::timeout;

use crate::{Backend, Error, Result, connection::sqlite::File};

/// How long a server is asked why it does not answer.
const LAST_TRY: Duration = Duration::from_secs(2);
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

/// So many connections at most, for those who go past the write door.
pub(crate) async fn connect(options: &DbOptions, connections: u32) -> Result<DatabaseConnection> {
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
