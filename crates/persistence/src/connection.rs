//! Where statements run: the readers of a database, or a transaction.

mod horizon;
mod postgres;
pub(crate) mod sqlite;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, QueryTrait, StatementBuilder,
};

use crate::{
    Result,
    query::Query,
    row::{Cells, FromRow, Row},
};
use horizon::Horizon;
use postgres::Late;
use sqlite::Lanes;

/// Where statements run. Reads take any; only a [`Tx`](crate::Tx) has one that may write.
///
/// On SQLite a statement runs at once on the thread that asks: it takes microseconds, less than
/// handing it to another thread and back would.
#[derive(Debug)]
pub struct Connection(Inner);

/// A database that the program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Embedded, in one file.
    Sqlite,
    /// A server.
    Postgres,
}

impl From<Backend> for DbBackend {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::Sqlite,
            Backend::Postgres => Self::Postgres,
        }
    }
}

#[derive(Debug)]
enum Inner {
    Sqlite(Lanes),
    Pool(DatabaseConnection, Horizon),
    Transaction(Late),
}

impl Connection {
    pub(crate) const fn sqlite(lanes: Lanes) -> Self {
        Self(Inner::Sqlite(lanes))
    }

    pub(crate) fn pool(pool: DatabaseConnection) -> Self {
        Self(Inner::Pool(pool, Horizon::default()))
    }

    /// A transaction of its own on PostgreSQL, which begins as late as it can, or with its first
    /// write.
    pub(crate) fn transaction(pool: DatabaseConnection, at_once: bool) -> Self {
        Self(Inner::Transaction(Late::new(pool, at_once)))
    }

    /// Commits, if this is a transaction of its own; those of SQLite belong to their door.
    pub(crate) async fn commit(self) -> Result<()> {
        match self.0 {
            Inner::Transaction(late) => late.commit().await,
            Inner::Sqlite(_) | Inner::Pool(..) => Ok(()),
        }
    }

    /// Rolls back, if this is a transaction of its own.
    pub(crate) async fn rollback(self) -> Result<()> {
        match self.0 {
            Inner::Transaction(late) => late.rollback().await,
            Inner::Sqlite(_) | Inner::Pool(..) => Ok(()),
        }
    }

    /// Which database it is.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        match self.0 {
            Inner::Sqlite(_) => Backend::Sqlite,
            Inner::Pool(..) | Inner::Transaction(_) => Backend::Postgres,
        }
    }

    /// The position in the event log up to which everything is there that ever will be; `None` where
    /// that goes without saying.
    pub(crate) async fn horizon(&self) -> Result<Option<i64>> {
        match &self.0 {
            Inner::Pool(pool, horizon) => horizon.reach(pool).await.map(Some),
            // SQLite has one writer, and whoever is in a transaction does not read the log.
            Inner::Sqlite(_) | Inner::Transaction(_) => Ok(None),
        }
    }

    /// The rows that a statement of SeaORM answers.
    pub(crate) async fn select<T: FromRow>(&self, statement: &impl QueryTrait) -> Result<Vec<T>> {
        self.all(Query::of(self.backend(), statement)).await
    }

    /// The rows that a statement answers. It may hold them, or change them.
    pub(crate) async fn all<T: FromRow>(&self, query: Query) -> Result<Vec<T>> {
        match &self.0 {
            Inner::Sqlite(lanes) => lanes.all(&query),
            Inner::Pool(pool, _) => read(&pool.query_all_raw(query.into_statement()).await?),
            Inner::Transaction(late) => read(&late.all(query).await?),
        }
    }

    /// The rows that a statement answers which only reads: no transaction has to begin for it.
    pub(crate) async fn peek<T: FromRow>(&self, query: Query) -> Result<Vec<T>> {
        match &self.0 {
            Inner::Transaction(late) => read(&late.peek(query).await?),
            Inner::Sqlite(_) | Inner::Pool(..) => self.all(query).await,
        }
    }

    /// The first row that a statement answers.
    pub(crate) async fn first<T: FromRow>(&self, query: Query) -> Result<Option<T>> {
        Ok(self.all(query).await?.into_iter().next())
    }

    /// Runs a statement; says how many rows it changed.
    pub(crate) async fn execute(&self, query: Query) -> Result<u64> {
        let done = match &self.0 {
            Inner::Sqlite(lanes) => return lanes.execute(&query),
            Inner::Pool(pool, _) => pool.execute_raw(query.into_statement()).await?,
            Inner::Transaction(late) => return late.execute(query).await,
        };
        Ok(done.rows_affected())
    }

    /// Runs a statement that changes the one row on which all else depends; says whether it did. Where
    /// this is only found out at the end, the unit of work runs again if it did not.
    pub(crate) async fn guarded(&self, query: Query) -> Result<bool> {
        match &self.0 {
            Inner::Transaction(late) => late.guarded(query).await,
            Inner::Sqlite(_) | Inner::Pool(..) => Ok(self.execute(query).await? > 0),
        }
    }

    /// Runs an insert: now, or with others at the end, in no order among them.
    pub(crate) async fn insert(&self, query: Query) -> Result<()> {
        match &self.0 {
            Inner::Transaction(late) => late.insert(query).await,
            Inner::Sqlite(_) | Inner::Pool(..) => self.execute(query).await.map(|_| ()),
        }
    }

    /// Runs a statement of SeaORM; says how many rows it changed.
    pub(crate) async fn change(&self, statement: &impl QueryTrait) -> Result<u64> {
        self.execute(Query::of(self.backend(), statement)).await
    }

    /// Runs a statement of SeaQuery; says how many rows it changed.
    pub(crate) async fn build(&self, statement: &impl StatementBuilder) -> Result<u64> {
        self.execute(Query::built(self.backend(), statement)).await
    }
}

fn read<T: FromRow>(rows: &[QueryResult]) -> Result<Vec<T>> {
    rows.iter().map(|row| T::from_row(&mut Row::new(Cells::Postgres(row), T::TABLE))).collect()
}
