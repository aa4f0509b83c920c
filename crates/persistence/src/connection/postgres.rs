//! A transaction of PostgreSQL that begins as late as it can: one that reads, decides and then only
//! appends is a single statement (`docs/adr/0020-late-transactions.md`).

use std::{sync::Arc, time::Duration};

use sea_orm::{DatabaseConnection, QueryResult};
use tokio::sync::{Mutex, MutexGuard};

use super::{
    group::Group,
    horizon::Horizon,
    lookup::{LANES, Lookup},
    pool::{Pool, Wire},
    writes::Writes,
};
use crate::{Error, Result, agents::StoredAgent, query::Query, tasks::Task, tickets::Ticket};

/// How many values one statement takes for several. PostgreSQL takes 65,535, but prepares the text
/// of each number of rows anew.
const MOST_VALUES: usize = 1000;

/// A server, and what several callers ask of it together.
#[derive(Debug)]
pub(crate) struct Postgres {
    /// For those who go past the door.
    pub(crate) outside: DatabaseConnection,
    pub(super) pool: Arc<Pool>,
    pub(super) horizon: Horizon,
    pub(crate) lookups: Lookups,
    group: Group,
}

/// Rows that many look for at the same moment.
#[derive(Debug)]
pub(crate) struct Lookups {
    pub(crate) agents: Lookup<StoredAgent>,
    pub(crate) tasks: Lookup<Task>,
    pub(crate) tickets: Lookup<Ticket>,
    looking: Arc<Pool>,
}

impl Postgres {
    /// A server to which somebody has a connection already.
    pub(crate) fn new(outside: DatabaseConnection, connections: u32, patience: Duration) -> Self {
        let pool = Pool::like(&outside, connections, patience);
        let looking = Pool::beside(&outside, LANES as u32, patience, &[]);
        let lookups = Lookups {
            agents: Lookup::new(Arc::clone(&looking), patience),
            tasks: Lookup::new(Arc::clone(&looking), patience),
            tickets: Lookup::new(Arc::clone(&looking), patience),
            looking,
        };
        let group = Group::new(&outside, Arc::clone(&pool), patience);
        Self { outside, pool, horizon: Horizon::default(), lookups, group }
    }

    /// Lets go of the server.
    pub(crate) async fn close(&self) -> Result<()> {
        self.group.close().await;
        self.lookups.looking.close().await;
        self.pool.close().await;
        Ok(self.outside.close_by_ref().await?)
    }
}

/// What a unit of work does to the database, in one transaction.
#[derive(Debug)]
pub(crate) struct Late {
    server: Arc<Postgres>,
    /// Begins with the first write, for a unit that has met another one.
    at_once: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Nothing is written or held yet; these writes are to come.
    Before { guard: Option<Query>, inserts: Vec<Query> },
    /// It has begun, and what it writes is written.
    Begun(Wire),
    /// It could not begin: nothing of it will be.
    Lost,
}

impl Late {
    pub(crate) fn new(server: Arc<Postgres>, at_once: bool) -> Self {
        let state = Mutex::new(State::Before { guard: None, inserts: Vec::new() });
        Self { server, at_once, state }
    }

    /// Where to look for rows as they are committed, if nothing was written yet: each statement of a
    /// transaction sees what is committed by then anyway.
    pub(crate) async fn lookups(&self) -> Option<&Lookups> {
        match &*self.state.lock().await {
            State::Before { guard: None, inserts } if inserts.is_empty() => {
                Some(&self.server.lookups)
            }
            State::Before { .. } | State::Begun(_) | State::Lost => None,
        }
    }

    /// Reads in the transaction, perhaps to hold what it reads.
    pub(crate) async fn all(&self, query: Query) -> Result<Vec<QueryResult>> {
        let mut state = self.state.lock().await;
        let transaction = self.begun(&mut state).await?;
        transaction.all(query).await
    }

    /// Writes; says how many rows it changed.
    pub(crate) async fn execute(&self, query: Query) -> Result<u64> {
        let mut state = self.state.lock().await;
        let transaction = self.begun(&mut state).await?;
        transaction.execute(query).await
    }

    /// Changes one row on which all else depends; says whether it was there to be changed. What is
    /// only found out at the end is taken for granted until then, and judged by the last insert: one
    /// that always inserts, as that of the events does.
    pub(crate) async fn guarded(&self, query: Query) -> Result<bool> {
        let mut state = self.state.lock().await;
        if !self.at_once
            && let State::Before { guard: guard @ None, .. } = &mut *state
        {
            *guard = Some(query);
            return Ok(true);
        }
        let transaction = self.begun(&mut state).await?;
        Ok(transaction.execute(query).await? > 0)
    }

    /// Inserts rows, now or at the end.
    pub(crate) async fn insert(&self, query: Query) -> Result<()> {
        let mut state = self.state.lock().await;
        if !self.at_once
            && let State::Before { inserts, .. } = &mut *state
        {
            let values: usize = inserts.iter().map(|insert| insert.values().len()).sum();
            if values + query.values().len() <= MOST_VALUES {
                inserts.push(query);
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
            State::Before { guard: None, inserts } if inserts.is_empty() => Ok(()),
            State::Before { guard, inserts } => {
                self.server.group.write(Writes { guard, inserts }).await
            }
        }
    }

    pub(crate) async fn rollback(self) -> Result<()> {
        match self.state.into_inner() {
            State::Begun(transaction) => transaction.rollback().await,
            State::Before { .. } | State::Lost => Ok(()),
        }
    }

    /// The transaction, begun if it was not, with the writes that were still to come.
    async fn begun<'s>(&self, state: &'s mut MutexGuard<'_, State>) -> Result<&'s mut Wire> {
        if matches!(**state, State::Before { .. })
            && let State::Before { guard, inserts } = std::mem::replace(&mut **state, State::Lost)
        {
            let mut transaction = self.server.pool.take().await?;
            transaction.begin().await?;
            let caught_up = catch_up(&mut transaction, guard, inserts).await;
            if caught_up.is_err() {
                transaction.spoil();
            }
            **state = State::Begun(transaction);
            caught_up?;
        }
        match &mut **state {
            State::Begun(transaction) => Ok(transaction),
            State::Before { .. } | State::Lost => Err(Error::Closed),
        }
    }
}

/// Writes what was still to come.
async fn catch_up(transaction: &mut Wire, guard: Option<Query>, inserts: Vec<Query>) -> Result<()> {
    if let Some(guard) = guard
        && transaction.execute(guard).await? == 0
    {
        return Err(Error::ChangedHands);
    }
    for insert in inserts {
        transaction.execute(insert).await?;
    }
    Ok(())
}
