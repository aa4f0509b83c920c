//! What can go wrong with the database, told apart by what the caller can do about it.

use rusqlite::ErrorCode;
use sea_orm::{
    DbErr, RuntimeErr, SqlErr,
    sqlx::{self, error::DatabaseError},
};

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the database said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure of storage.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row with this key is there already; nothing was written.
    #[error("a row with this key exists already")]
    Duplicate(#[source] Cause),
    /// The row points to one that is not there, or is still pointed to.
    #[error("a row that this one refers to is missing, or this one is still referred to")]
    BrokenReference(#[source] Cause),
    /// The transaction met another one and can be run again.
    #[error("the transaction met a concurrent one")]
    Serialization(#[source] Cause),
    /// The row changed hands while it was being taken hold of; the transaction can be run again.
    #[error("the row changed hands at the same moment")]
    ChangedHands,
    /// The database cannot be reached or is too busy to answer in time.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// So many wait to write that one more would only wait in vain.
    #[error("{waiting} others wait to write already")]
    Busy {
        /// How many.
        waiting: usize,
    },
    /// The work of somebody else that was to be committed together with this one could not be.
    #[error("the transaction was not committed: {why}")]
    NotCommitted {
        /// What the database said.
        why: String,
    },
    /// The database has been let go of.
    #[error("the database is closed")]
    Closed,
    /// A stored row does not decode: it was written by something else, or damaged.
    #[error("column {column} of a row of {table} is corrupt: {why}")]
    Corrupt {
        /// The table of the row.
        table: &'static str,
        /// The column that does not decode.
        column: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A database URL that names no database that the program speaks.
    #[error("the database URL {url} is not supported: it must start with sqlite:// or postgres://")]
    UnsupportedUrl {
        /// The URL up to its scheme, without credentials.
        url: String,
    },
    /// A PostgreSQL URL without the name of a database.
    #[error("the database URL must name its database: postgres://user@host/name")]
    NoDatabaseNamed,
    /// A PostgreSQL URL that does not parse; it is not shown, since it may hold a password.
    #[error("the database URL is not valid: {why}")]
    InvalidUrl {
        /// What is wrong with it.
        why: String,
    },
    /// A SQLite URL without a file.
    #[error("the database URL must name a file: sqlite://phaseline.db")]
    NoFileNamed,
    /// Anything else that the database refused.
    #[error("the database refused a statement")]
    Database(#[source] Cause),
}

impl Error {
    /// Whether the server has refused a statement, so that nothing of it was written.
    pub(crate) const fn is_of_the_statement(&self) -> bool {
        match self {
            Self::Duplicate(_)
            | Self::BrokenReference(_)
            | Self::Serialization(_)
            | Self::Database(_) => true,
            Self::ChangedHands
            | Self::Unavailable(_)
            | Self::Busy { .. }
            | Self::NotCommitted { .. }
            | Self::Closed
            | Self::Corrupt { .. }
            | Self::UnsupportedUrl { .. }
            | Self::NoDatabaseNamed
            | Self::InvalidUrl { .. }
            | Self::NoFileNamed => false,
        }
    }

    /// The same, for another one who waited for the same.
    pub(crate) fn shared(&self) -> Self {
        let cause = |cause: &Cause| -> Cause { cause.to_string().into() };
        match self {
            Self::Duplicate(why) => Self::Duplicate(cause(why)),
            Self::BrokenReference(why) => Self::BrokenReference(cause(why)),
            Self::Serialization(why) => Self::Serialization(cause(why)),
            Self::Unavailable(why) => Self::Unavailable(cause(why)),
            Self::Database(why) => Self::Database(cause(why)),
            Self::ChangedHands => Self::ChangedHands,
            Self::Busy { waiting } => Self::Busy { waiting: *waiting },
            Self::Closed => Self::Closed,
            Self::NotCommitted { .. }
            | Self::Corrupt { .. }
            | Self::UnsupportedUrl { .. }
            | Self::NoDatabaseNamed
            | Self::InvalidUrl { .. }
            | Self::NoFileNamed => Self::Database(self.to_string().into()),
        }
    }

    /// What went wrong, told to somebody whose work was to be committed together with that which
    /// met it.
    pub(crate) fn for_another(&self) -> Self {
        Self::NotCommitted { why: self.to_string() }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            // The same request was made at the same moment: the repeat finds what became of it.
            Some(SqlErr::UniqueConstraintViolation(_)) if is_of(&error, "idempotency_keys") => {
                return Self::Serialization(error.into());
            }
            Some(SqlErr::UniqueConstraintViolation(_)) => return Self::Duplicate(error.into()),
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
                return Self::BrokenReference(error.into());
            }
            Some(_) | None => {}
        }
        match fate(&error) {
            Fate::RunAgain => Self::Serialization(error.into()),
            Fate::Wait => Self::Unavailable(error.into()),
            Fate::Fail => Self::Database(error.into()),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi;
        match error.sqlite_error().map(|error| (error.extended_code, error.code)) {
            Some((ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY, _)) => {
                Self::Duplicate(error.into())
            }
            Some((ffi::SQLITE_CONSTRAINT_FOREIGNKEY, _)) => Self::BrokenReference(error.into()),
            Some((_, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => {
                Self::Unavailable(error.into())
            }
            // A disk that is full or fails may be back in a moment; the program is not at fault.
            Some((_, ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen)) => {
                Self::Unavailable(error.into())
            }
            Some(_) | None => Self::Database(error.into()),
        }
    }
}

enum Fate {
    RunAgain,
    Wait,
    Fail,
}

/// PostgreSQL: class 40 is a rollback that a repeat cures (40001 serialization failure, 40P01
/// deadlock), 55P03 a row that somebody held for too long, class 53 and 57P are a server out of resources or going down.
fn fate(error: &DbErr) -> Fate {
    if matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) {
        return Fate::Wait;
    }
    let Some(cause) = said(error) else {
        return Fate::Fail;
    };
    let Some(database) = cause.as_database_error() else {
        return Fate::Wait;
    };
    let code = database.code().unwrap_or_default();
    if code == "40001" || code == "40P01" || code == "55P03" {
        Fate::RunAgain
    } else if code.starts_with("53") && code.len() == 5 || code.starts_with("57P") {
        Fate::Wait
    } else {
        Fate::Fail
    }
}

/// Whether the server complains about a row of this table.
fn is_of(error: &DbErr, table: &str) -> bool {
    said(error).and_then(sqlx::Error::as_database_error).and_then(DatabaseError::table)
        == Some(table)
}

/// What the driver says about a statement.
fn said(error: &DbErr) -> Option<&sqlx::Error> {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) =
        error
    else {
        return None;
    };
    Some(cause)
}
