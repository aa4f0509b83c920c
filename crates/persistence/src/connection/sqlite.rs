//! SQLite in this process: its connections, and how statements run on them.

use std::{
    cell::RefCell,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::{
    Connection, Statement, ToSql,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};
use sea_orm::{DbErr, RuntimeErr, Value, sqlx::sqlite::SqliteConnectOptions};

use crate::{
    Error, Result,
    query::Query,
    row::{Cells, FromRow, Row},
};

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements that each connection keeps prepared.
const PREPARED: usize = 128;

/// How a connection is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It reads what is committed.
    Read,
    /// It is the one that writes.
    Write,
}

impl Use {
    /// How much of the file a connection keeps in memory: a negative number is in KiB.
    const fn cache_kib(self) -> i32 {
        match self {
            Self::Read => -2_000,
            // All that a batch touches must fit, or it is written out before the commit.
            Self::Write => -16_000,
        }
    }
}

/// Some connections to one file, each used by one caller at a time.
#[derive(Debug, Clone)]
pub(crate) struct Lanes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    file: File,
    usage: Use,
    lanes: Box<[Mutex<Lane>]>,
    next: AtomicUsize,
}

#[derive(Debug)]
enum Lane {
    /// It is opened when it is needed.
    Unopened,
    Open(Connection),
    Closed,
}

/// A database file.
#[derive(Debug, Clone)]
pub(crate) struct File(PathBuf);

impl File {
    /// The file of a URL: `sqlite://path`.
    pub(crate) fn of(url: &str) -> Result<Self> {
        let options: SqliteConnectOptions = url
            .parse()
            .map_err(|why| Error::from(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(why)))))?;
        let file = options.get_filename();
        // Each connection would have a memory of its own.
        if file.as_os_str().is_empty() || file.to_string_lossy().contains("in-memory") {
            return Err(Error::NoFileNamed);
        }
        Ok(Self(file.to_owned()))
    }

    /// Connects: write-ahead log, an fsync for each commit, foreign keys on.
    fn open(&self, usage: Use) -> Result<Connection> {
        let connection = Connection::open(&self.0)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        // Where somebody has run ANALYZE, a statement would be prepared anew for other values.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // What undoes a unit of work is kept in memory, and not in a file of its own.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "query_only", usage == Use::Read)?;
        connection.pragma_update(None, "cache_size", usage.cache_kib())?;
        Ok(connection)
    }
}

impl Lanes {
    /// Up to so many connections: the first at once, each of the others when it is needed.
    pub(crate) fn open(file: File, usage: Use, count: u32) -> Result<Self> {
        let first = Lane::Open(file.open(usage)?);
        let others = (1..count).map(|_| Lane::Unopened);
        let lanes = std::iter::once(first).chain(others).map(Mutex::new).collect();
        Ok(Self(Arc::new(Shared { file, usage, lanes, next: AtomicUsize::new(0) })))
    }

    /// The rows that a statement answers.
    pub(crate) fn all<T: FromRow>(&self, query: &Query) -> Result<Vec<T>> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(query.text())?;
            bind(&mut statement, query.values())?;
            let mut rows = statement.raw_query();
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(T::from_row(&mut Row::new(Cells::Sqlite(row), T::TABLE))?);
            }
            Ok(found)
        })
    }

    /// Runs a statement; says how many rows it changed.
    pub(crate) fn execute(&self, query: &Query) -> Result<u64> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(query.text())?;
            bind(&mut statement, query.values())?;
            Ok(statement.raw_execute()? as u64)
        })
    }

    /// Runs a statement without values that answers nothing.
    pub(crate) fn command(&self, text: &'static str) -> Result<()> {
        self.with(|connection| {
            connection.prepare_cached(text)?.raw_execute()?;
            Ok(())
        })
    }

    /// How many rows were changed since it was opened.
    pub(crate) fn changed(&self) -> u64 {
        self.with(|connection| Ok(connection.total_changes())).unwrap_or(0)
    }

    /// Whether no transaction is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.with(|connection| Ok(connection.is_autocommit())).unwrap_or(true)
    }

    /// Closes every connection. The last one to close a file moves the write-ahead log into it.
    pub(crate) fn close(&self) -> Result<()> {
        for lane in &self.0.lanes {
            let lane = &mut *lane.lock().unwrap_or_else(PoisonError::into_inner);
            if let Lane::Open(connection) = std::mem::replace(lane, Lane::Closed) {
                connection.close().map_err(|(_, error)| error)?;
            }
        }
        Ok(())
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let lane = &mut *self.free();
        if matches!(lane, Lane::Unopened) {
            *lane = Lane::Open(self.0.file.open(self.0.usage)?);
        }
        match lane {
            Lane::Open(connection) => work(connection),
            Lane::Unopened | Lane::Closed => Err(Error::Closed),
        }
    }

    /// A lane that nobody uses, or else one that somebody will soon have done with. Whoever comes
    /// takes the first free one, so that few of them have their caches warm.
    fn free(&self) -> MutexGuard<'_, Lane> {
        let Shared { lanes, next, .. } = &*self.0;
        for lane in lanes {
            match lane.try_lock() {
                Ok(lane) => return lane,
                Err(TryLockError::Poisoned(lane)) => return lane.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let place = next.fetch_add(1, Ordering::Relaxed) % lanes.len();
        lanes[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<()> {
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, Bound(value))?;
    }
    Ok(())
}

/// A value as SQLite keeps it: ids as 16 bytes, times and documents as text.
struct Bound<'v>(&'v Value);

impl ToSql for Bound<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no column of ours is of another kind")]
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let borrowed = |value| Ok(ToSqlOutput::Borrowed(value));
        let null = || Ok(ToSqlOutput::Borrowed(ValueRef::Null));
        match self.0 {
            Value::Bool(Some(value)) => Ok((*value).into()),
            Value::Int(Some(value)) => Ok((*value).into()),
            Value::BigInt(Some(value)) => Ok((*value).into()),
            Value::Unsigned(Some(value)) => Ok((*value).into()),
            Value::BigUnsigned(Some(value)) => {
                let value = i64::try_from(*value);
                Ok(value.map_err(|why| rusqlite::Error::ToSqlConversionFailure(why.into()))?.into())
            }
            Value::Double(Some(value)) => Ok((*value).into()),
            Value::String(Some(text)) => borrowed(ValueRef::Text(text.as_bytes())),
            Value::Uuid(Some(id)) => borrowed(ValueRef::Blob(id.as_bytes())),
            Value::Json(Some(document)) => Ok(document.to_string().into()),
            Value::ChronoDateTimeUtc(Some(time)) => Ok(text_of(*time).into()),
            Value::Bool(None)
            | Value::Int(None)
            | Value::BigInt(None)
            | Value::Unsigned(None)
            | Value::BigUnsigned(None)
            | Value::Double(None)
            | Value::String(None)
            | Value::Uuid(None)
            | Value::Json(None)
            | Value::ChronoDateTimeUtc(None) => null(),
            other => Err(rusqlite::Error::ToSqlConversionFailure(
                format!("there is no column for {other:?}").into(),
            )),
        }
    }
}

/// A time as text. A unit of work writes the same one again and again.
fn text_of(time: DateTime<Utc>) -> String {
    thread_local! {
        static LAST: RefCell<(DateTime<Utc>, String)> = const {
            RefCell::new((DateTime::UNIX_EPOCH, String::new()))
        };
    }
    LAST.with_borrow_mut(|(last, text)| {
        if *last != time || text.is_empty() {
            (*last, *text) = (time, time.to_rfc3339());
        }
        text.clone()
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_time_is_written_as_itself_whichever_came_before() {
        let at = |micros| DateTime::UNIX_EPOCH + TimeDelta::microseconds(micros);
        for micros in [0, 0, 1, 1, 0, 1_000_000, 1] {
            assert_eq!(text_of(at(micros)), at(micros).to_rfc3339());
        }
    }

    #[test]
    fn a_url_names_its_file() {
        for (url, file) in [
            ("sqlite://phaseline.db", "phaseline.db"),
            ("sqlite:///var/lib/phaseline.db", "/var/lib/phaseline.db"),
            ("sqlite:my%20phaseline.db?mode=rwc", "my phaseline.db"),
        ] {
            assert_eq!(File::of(url).unwrap().0, PathBuf::from(file), "{url}");
        }
        for url in ["sqlite::memory:", "sqlite://"] {
            assert!(matches!(File::of(url), Err(Error::NoFileNamed)), "{url}");
        }
    }
}
