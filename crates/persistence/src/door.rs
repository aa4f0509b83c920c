//! The write door: the only place that opens a transaction.

mod queue;
mod tx;

use std::sync::Arc;

use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, TransactionTrait};
use tokio::sync::watch;

use crate::{
    Backend, Connection, Error, Result,
    connection::{
        postgres::Postgres,
        sqlite::{File, Lanes, Use},
    },
    options::{DbOptions, connect},
};
use queue::Queue;
pub use tx::Tx;

const ATTEMPTS: u32 = 8;
/// Connections to PostgreSQL for those who go past the door: one to hold a lock, others beside it.
const OUTSIDE: u32 = 4;
/// Any number that nobody else of ours locks.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(123622405465189)";

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
