//! Where statements run: the readers of a database, or a transaction.

pub(crate) mod gather;
mod group;
mod horizon;
pub(crate) mod lookup;
mod many;
mod pool;
pub(crate) mod postgres;
pub(crate) mod sqlite;
mod turns;
mod writes;

use std::sync::Arc;

use sea_orm::{DbBackend, QueryResult, QueryTrait, StatementBuilder};

use crate::{
    Result,
    query::Query,
    row::{Cells, FromRow, Row},
    tasks::offers::Promise,
};
pub(crate) use pool::Pool;
use postgres::{Late, Lookups, Postgres};
use sqlite::Lanes;
pub(crate) use writes::{About, FOR_SHARE};

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

    /// A transaction of its own on PostgreSQL, which begins as late as it can; one that is repeated, with
    /// its first write, unless it holds nothing of what it reads.
    pub(crate) fn transaction(server: Arc<Postgres>, repeats: u32) -> Self {
        Self(Inner::Transaction(Late::new(server, repeats)))
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
            Inner::Pool(server) => server.pool.read(query).await,
            Inner::Transaction(late) => late.read(query).await,
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

    /// The same for what is written back at the version that was seen, or not at all: it need not be
    /// held, unless others have come first again and again.
    pub(crate) async fn lookups_unheld(&self) -> Option<&Lookups> {
        match &self.0 {
            Inner::Transaction(late) => late.lookups_unheld().await,
            Inner::Sqlite(_) | Inner::Pool(_) => None,
        }
    }

    /// The rows that a statement answers that only reads, as they are committed; nothing of what the
    /// unit of work has written itself need be among them.
    pub(crate) async fn peek<T: FromRow>(&self, query: Query) -> Result<Vec<T>> {
        match &self.0 {
            Inner::Transaction(late) => late.peek(query).await,
            Inner::Sqlite(_) | Inner::Pool(_) => self.all(query).await,
        }
    }

    /// A reader of what is committed, as [`Tx::unheld`](crate::Tx::unheld).
    pub(crate) async fn unheld(&self) -> Option<Self> {
        match &self.0 {
            Inner::Transaction(late) => late.reader().await.map(Self::pool),
            Inner::Sqlite(_) | Inner::Pool(_) => None,
        }
    }

    /// Whether what was read is as it was until this unit of work ends. Where it is not, the writes
    /// decide.
    pub(crate) async fn is_held(&self) -> bool {
        match &self.0 {
            Inner::Transaction(late) => late.is_held().await,
            Inner::Sqlite(_) | Inner::Pool(_) => true,
        }
    }

    /// Waits until no other unit of this process is about to write back what it has seen of a row; says
    /// whether one was, which may have changed it.
    pub(crate) async fn wait(&self, row: About) -> Result<bool> {
        match &self.0 {
            Inner::Transaction(late) => late.wait(row).await,
            Inner::Sqlite(_) | Inner::Pool(_) => Ok(false),
        }
    }

    /// Whether this unit of work runs again because it met another one.
    pub(crate) const fn is_repeated(&self) -> bool {
        match &self.0 {
            Inner::Transaction(late) => late.is_repeated(),
            Inner::Sqlite(_) | Inner::Pool(_) => false,
        }
    }

    /// The tasks that are promised to units of this process, as PostgreSQL reads an array.
    pub(crate) fn promised(&self) -> String {
        match &self.0 {
            Inner::Transaction(late) => late.promised_tasks(),
            Inner::Pool(server) => server.lookups.offers.promised(),
            Inner::Sqlite(_) => "{}".to_owned(),
        }
    }

    /// Keeps a task for this unit of work until it has ended.
    pub(crate) fn promise(&self, promise: Promise) {
        if let Inner::Transaction(late) = &self.0 {
            late.promise(promise);
        }
    }

    /// Runs a statement that changes a row on which all else depends, or holds it as it is; says
    /// whether it was there. Where this is only found out at the end, the unit of work runs again if
    /// it was not.
    pub(crate) async fn guarded(&self, about: About, query: Query) -> Result<bool> {
        match &self.0 {
            Inner::Transaction(late) => late.guarded(about, query).await,
            Inner::Sqlite(_) | Inner::Pool(_) => Ok(self.execute(query).await? > 0),
        }
    }

    /// Runs an insert, or an update of what belongs to a row that is guarded: now, or with others at
    /// the end, in no order among them.
    pub(crate) async fn follow(&self, query: Query) -> Result<()> {
        match &self.0 {
            Inner::Transaction(late) => late.follow(query).await,
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

pub(crate) fn read<T: FromRow>(rows: &[QueryResult]) -> Result<Vec<T>> {
    rows.iter().map(|row| T::from_row(&mut Row::new(Cells::Postgres(row), T::TABLE))).collect()
}
