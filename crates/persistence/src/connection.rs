//! Where statements run: the readers of a database, or a transaction.

mod gather;
mod group;
mod horizon;
pub(crate) mod lookup;
mod many;
mod pool;
pub(crate) mod postgres;
pub(crate) mod sqlite;
mod writes;

use std::sync::Arc;

use sea_orm::{DbBackend, QueryResult, QueryTrait, StatementBuilder};

use crate::{
    Result,
    query::Query,
    row::{Cells, FromRow, Row},
};
use postgres::{Late, Lookups, Postgres};
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
    Pool(Arc<Postgres>),
    Transaction(Late),
}

impl Connection {
    pub(crate) const fn sqlite(lanes: Lanes) -> Self {
        Self(Inner::Sqlite(lanes))
    }

    pub(crate) const fn pool(server: Arc<Postgres>) -> Self {
        Self(Inner::Pool(server))
    }

    /// A transaction of its own on PostgreSQL, which begins as late as it can, or with its first
    /// write.
    pub(crate) fn transaction(server: Arc<Postgres>, at_once: bool) -> Self {
        Self(Inner::Transaction(Late::new(server, at_once)))
    }

    /// Commits, if this is a transaction of its own; those of SQLite belong to their door.
    pub(crate) async fn commit(self) -> Result<()> {
        match self.0 {
            Inner::Transaction(late) => late.commit().await,
            Inner::Sqlite(_) | Inner::Pool(_) => Ok(()),
        }
    }

    /// Rolls back, if this is a transaction of its own.
    pub(crate) async fn rollback(self) -> Result<()> {
        match self.0 {
            Inner::Transaction(late) => late.rollback().await,
            Inner::Sqlite(_) | Inner::Pool(_) => Ok(()),
        }
    }

    /// Which database it is.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        match self.0 {
            Inner::Sqlite(_) => Backend::Sqlite,
            Inner::Pool(_) | Inner::Transaction(_) => Backend::Postgres,
        }
    }

    /// The position in the event log up to which everything is there that ever will be; `None` where
    /// that goes without saying.
    pub(crate) async fn horizon(&self) -> Result<Option<i64>> {
        match &self.0 {
            Inner::Pool(server) => server.horizon.reach(&server.pool).await.map(Some),
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
            Inner::Pool(server) => read(&server.pool.all(query).await?),
            Inner::Transaction(late) => read(&late.all(query).await?),
        }
    }

    /// Where many look for rows at the same moment, if that is worth it and this sees what is
    /// committed and nothing else.
    pub(crate) async fn lookups(&self) -> Option<&Lookups> {
        match &self.0 {
            Inner::Pool(server) => Some(&server.lookups),
            Inner::Transaction(late) => late.lookups().await,
            Inner::Sqlite(_) => None,
        }
    }

    /// The first row that a statement answers.
    pub(crate) async fn first<T: FromRow>(&self, query: Query) -> Result<Option<T>> {
        Ok(self.all(query).await?.into_iter().next())
    }

    /// Runs a statement; says how many rows it changed.
    pub(crate) async fn execute(&self, query: Query) -> Result<u64> {
        match &self.0 {
            Inner::Sqlite(lanes) => lanes.execute(&query),
            Inner::Pool(server) => server.pool.execute(query).await,
            Inner::Transaction(late) => late.execute(query).await,
        }
    }

    /// Runs a statement that changes the one row on which all else depends; says whether it did. Where
    /// this is only found out at the end, the unit of work runs again if it did not.
    pub(crate) async fn guarded(&self, query: Query) -> Result<bool> {
        match &self.0 {
            Inner::Transaction(late) => late.guarded(query).await,
            Inner::Sqlite(_) | Inner::Pool(_) => Ok(self.execute(query).await? > 0),
        }
    }

    /// Runs an insert: now, or with others at the end, in no order among them.
    pub(crate) async fn insert(&self, query: Query) -> Result<()> {
        match &self.0 {
            Inner::Transaction(late) => late.insert(query).await,
            Inner::Sqlite(_) | Inner::Pool(_) => self.execute(query).await.map(|_| ()),
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
