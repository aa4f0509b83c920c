//! A transaction of PostgreSQL that begins as late as it can: one that reads, decides and then only
//! appends is a single statement (`docs/adr/0020-late-transactions.md`).

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::DatabaseConnection;
use tokio::sync::{Mutex, MutexGuard};

use super::{
    group::Group,
    horizon::Horizon,
    lookup::{LANES, Lookup},
    pool::{Pool, Wire},
    turns::{Turn, Turns},
    writes::{About, Writes},
};
use crate::{
    Error, Result,
    agents::StoredAgent,
    query::Query,
    row::FromRow,
    tasks::{
        Taken, Task,
        offers::{self, Offers, Promise},
    },
    tickets::Ticket,
};

/// How many values one statement takes for several. PostgreSQL takes 65,535, but prepares the text
/// of each number of rows anew.
const MOST_VALUES: usize = 1000;

/// How often a unit that holds nothing tries again before it holds what it reads.
const MOST_UNHELD: u32 = 2;

/// A server, and what several callers ask of it together.
#[derive(Debug)]
pub(crate) struct Postgres {
    /// For those who go past the door.
    pub(crate) outside: DatabaseConnection,
    pub(super) pool: Arc<Pool>,
    pub(super) horizon: Horizon,
    turns: Arc<Turns>,
    pub(crate) lookups: Lookups,
    group: Group,
}

/// Rows that many look for at the same moment.
#[derive(Debug)]
pub(crate) struct Lookups {
    pub(crate) agents: Lookup<StoredAgent>,
    pub(crate) tasks: Lookup<Task>,
    pub(crate) tickets: Lookup<Ticket>,
    /// Tasks with the agents that have them.
    pub(crate) held: Lookup<Taken>,
    /// Tasks to be claimed.
    pub(crate) offers: Offers,
    looking: Arc<Pool>,
    pub(crate) offering: Arc<Pool>,
}

impl Postgres {
    /// A server to which somebody has a connection already.
    pub(crate) fn new(outside: DatabaseConnection, connections: u32, patience: Duration) -> Self {
        let pool = Pool::like(&outside, connections, patience);
        let looking = Pool::beside(&outside, LANES as u32, patience, &[]);
        let offering = Pool::beside(&outside, offers::LANES as u32, patience, &offers::WALK);
        let lookups = Lookups {
            agents: Lookup::new(Arc::clone(&looking), patience),
            tasks: Lookup::new(Arc::clone(&looking), patience),
            tickets: Lookup::new(Arc::clone(&looking), patience),
            held: Lookup::new(Arc::clone(&looking), patience),
            offers: Offers::new(Arc::clone(&offering), patience),
            looking,
            offering,
        };
        let group = Group::new(&outside, Arc::clone(&pool), patience);
        Self { outside, pool, horizon: Horizon::default(), turns: Arc::default(), lookups, group }
    }

    /// Lets go of the server.
    pub(crate) async fn close(&self) -> Result<()> {
        self.group.close().await;
        self.lookups.looking.close().await;
        self.lookups.offering.close().await;
        self.pool.close().await;
        Ok(self.outside.close_by_ref().await?)
    }
}

/// What a unit of work does to the database, in one transaction.
#[derive(Debug)]
pub(crate) struct Late {
    server: Arc<Postgres>,
    /// How often it has met another unit.
    repeats: u32,
    /// Whether it begins with the first write.
    at_once: AtomicBool,
    state: Mutex<State>,
    promised: std::sync::Mutex<Promised>,
}

/// What nobody else of this process is given until a unit of work has ended.
#[derive(Debug, Default)]
struct Promised {
    tasks: Vec<Promise>,
    turns: Vec<Turn>,
}

#[derive(Debug)]
enum State {
    /// Nothing is written or held yet; these writes are to come.
    Before(Writes),
    /// It has begun, and what it writes is written.
    Begun(Wire),
    /// It could not begin: nothing of it will be.
    Lost,
}

impl Late {
    /// A unit that has met another one finds out the truth at once.
    pub(crate) fn new(server: Arc<Postgres>, repeats: u32) -> Self {
        let at_once = AtomicBool::new(repeats > 0);
        let state = Mutex::new(State::Before(Writes::default()));
        Self { server, repeats, at_once, state, promised: std::sync::Mutex::default() }
    }

    /// Where to look for rows as they are committed, if nothing was written yet: each statement of a
    /// transaction sees what is committed by then anyway.
    pub(crate) async fn lookups(&self) -> Option<&Lookups> {
        match &*self.state.lock().await {
            State::Before(writes) if writes.is_empty() => Some(&self.server.lookups),
            State::Before(_) | State::Begun(_) | State::Lost => None,
        }
    }

    /// Reads in the transaction, perhaps to hold what it reads.
    pub(crate) async fn read<T: FromRow>(&self, query: Query) -> Result<Vec<T>> {
        let mut state = self.state.lock().await;
        let transaction = self.begun(&mut state).await?;
        transaction.read(query).await
    }

    /// Writes; says how many rows it changed.
    pub(crate) async fn execute(&self, query: Query) -> Result<u64> {
        let mut state = self.state.lock().await;
        let transaction = self.begun(&mut state).await?;
        transaction.execute(query).await
    }

    /// A reader of what is committed, if nothing was written yet; what it finds is not held.
    pub(crate) async fn reader(&self) -> Option<Arc<Postgres>> {
        match &*self.state.lock().await {
            State::Before(writes) if writes.is_empty() && !self.is_at_once() => {
                Some(Arc::clone(&self.server))
            }
            State::Before(_) | State::Begun(_) | State::Lost => None,
        }
    }

    /// The same, where what is found need not be held: it is written back as a guard, or not at all.
    /// `None` for a unit to which others have come first again and again: it holds what it reads.
    pub(crate) async fn lookups_unheld(&self) -> Option<&Lookups> {
        if self.repeats > MOST_UNHELD {
            return None;
        }
        let lookups = self.lookups().await?;
        self.at_once.store(false, Ordering::Relaxed);
        Some(lookups)
    }

    /// Reads what is committed, and nothing of what this unit writes.
    pub(crate) async fn peek<T: FromRow>(&self, query: Query) -> Result<Vec<T>> {
        if let State::Begun(transaction) = &mut *self.state.lock().await {
            return transaction.read(query).await;
        }
        self.server.pool.read(query).await
    }

    /// Whether this unit holds what it has read.
    pub(crate) async fn is_held(&self) -> bool {
        match &*self.state.lock().await {
            State::Before(writes) => writes.guards.is_empty(),
            State::Begun(_) | State::Lost => true,
        }
    }

    /// Whether it has met another unit before.
    pub(crate) const fn is_repeated(&self) -> bool {
        self.repeats > 0
    }

    /// The tasks that are promised to units of this process, as PostgreSQL reads an array.
    pub(crate) fn promised_tasks(&self) -> String {
        self.server.lookups.offers.promised()
    }

    /// Keeps a task for this unit until it has ended.
    pub(crate) fn promise(&self, promise: Promise) {
        self.promised().tasks.push(promise);
    }

    /// Waits until it is this unit's turn at a row, which it will write back; says whether others came
    /// first, who may have changed it.
    pub(crate) async fn wait(&self, row: About) -> Result<bool> {
        let Postgres { turns, pool, .. } = &*self.server;
        let turn = turns.wait(row, pool.patience()).await?;
        let has_waited = turn.has_waited;
        self.promised().turns.push(turn);
        Ok(has_waited)
    }

    fn is_at_once(&self) -> bool {
        self.at_once.load(Ordering::Relaxed)
    }

    fn promised(&self) -> std::sync::MutexGuard<'_, Promised> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a row on which all else depends, or sees to it that it stays as it is; says whether it
    /// was there. What is only found out at the end is taken for granted until then, and judged by the
    /// last insert: one that always inserts, as that of the events does.
    pub(crate) async fn guarded(&self, about: About, query: Query) -> Result<bool> {
        let mut state = self.state.lock().await;
        let query = match &mut *state {
            State::Before(writes) if !self.is_at_once() => match writes.take_guard(about, query) {
                Ok(()) => return Ok(true),
                Err(query) => query,
            },
            State::Before(_) | State::Begun(_) | State::Lost => query,
        };
        let transaction = self.begun(&mut state).await?;
        Ok(transaction.execute(query).await? > 0)
    }

    /// Writes what a guard lets through and nothing else can prevent: now or at the end.
    pub(crate) async fn follow(&self, query: Query) -> Result<()> {
        let mut state = self.state.lock().await;
        if !self.is_at_once()
            && let State::Before(writes) = &mut *state
        {
            let values: usize = writes.rest.iter().map(|query| query.values().len()).sum();
            if values + query.values().len() <= MOST_VALUES {
                writes.rest.push(query);
                return Ok(());
            }
        }
        let transaction = self.begun(&mut state).await?;
        transaction.execute(query).await?;
        Ok(())
    }

    /// Makes durable what was written and what is still to come.
    pub(crate) async fn commit(self) -> Result<()> {
        match self.state.into_inner() {
            State::Begun(transaction) => transaction.commit().await,
            State::Lost => Err(Error::Closed),
            State::Before(writes) if writes.is_empty() => Ok(()),
            State::Before(writes) => self.server.group.write(writes).await,
        }
    }

    pub(crate) async fn rollback(self) -> Result<()> {
        match self.state.into_inner() {
            State::Begun(transaction) => transaction.rollback().await,
            State::Before(_) | State::Lost => Ok(()),
        }
    }

    /// The transaction, begun if it was not, with the writes that were still to come.
    async fn begun<'s>(&self, state: &'s mut MutexGuard<'_, State>) -> Result<&'s mut Wire> {
        if matches!(**state, State::Before(_))
            && let State::Before(writes) = std::mem::replace(&mut **state, State::Lost)
        {
            let mut transaction = self.server.pool.take().await?;
            transaction.begin().await?;
            let caught_up = writes.run(&mut transaction).await;
            if caught_up.is_err() {
                transaction.spoil();
            }
            **state = State::Begun(transaction);
            caught_up?;
        }
        match &mut **state {
            State::Begun(transaction) => Ok(transaction),
            State::Before(_) | State::Lost => Err(Error::Closed),
        }
    }
}
