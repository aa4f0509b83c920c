//! Where statements run: the readers of a database, or a transaction.

mod horizon;
pub(crate) mod sqlite;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, QueryTrait,
    StatementBuilder,
};

use crate::{
    Result,
    query::Query,
    row::{Cells, FromRow, Row},
};
use horizon::Horizon;
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
    Transaction(DatabaseTransaction),
}

impl Connection {
    pub(crate) const fn sqlite(lanes: Lanes) -> Self {
        Self(Inner::Sqlite(lanes))
    }

    pub(crate) fn pool(pool: DatabaseConnection) -> Self {
        Self(Inner::Pool(pool, Horizon::default()))
    }

    pub(crate) const fn transaction(transaction: DatabaseTransaction) -> Self {
        Self(Inner::Transaction(transaction))
    }

    /// Commits, if this is a transaction of its own; those of SQLite belong to their door.
    pub(crate) async fn commit(self) -> Result<()> {
        match self.0 {
            Inner::Transaction(transaction) => Ok(transaction.commit().await?),
            Inner::Sqlite(_) | Inner::Pool(..) => Ok(()),
        }
    }

    /// Rolls back, if this is a transaction of its own.
    pub(crate) async fn rollback(self) -> Result<()> {
        match self.0 {
            Inner::Transaction(transaction) => Ok(transaction.rollback().await?),
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

    /// The rows that a statement answers.
    pub(crate) async fn all<T: FromRow>(&self, query: Query) -> Result<Vec<T>> {
        let rows = match &self.0 {
            Inner::Sqlite(lanes) => return lanes.all(&query),
            Inner::Pool(pool, _) => pool.query_all_raw(query.into_statement()).await?,
            Inner::Transaction(transaction) => {
                transaction.query_all_raw(query.into_statement()).await?
            }
        };
        let read = |row| T::from_row(&mut Row::new(Cells::Postgres(row), T::TABLE));
        rows.iter().map(read).collect()
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
            Inner::Transaction(transaction) => {
                transaction.execute_raw(query.into_statement()).await?
            }
        };
        Ok(done.rows_affected())
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
