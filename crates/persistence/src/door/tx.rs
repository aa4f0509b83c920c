//! An open transaction, and what it leaves to be done at its end.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use crate::{
    Backend, Connection, Result,
    events::{self, NewEvent},
};

/// An open transaction. What is announced on it becomes events when it commits.
#[derive(Debug)]
pub struct Tx {
    connection: Connection,
    announced: Mutex<Vec<NewEvent>>,
    follow_ups: Mutex<FollowUps>,
}

/// What is still to be looked at before a transaction ends, because of what it has done.
#[derive(Debug, Default)]
struct FollowUps {
    waiting: VecDeque<Uuid>,
    taken_up: bool,
}

impl Tx {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, announced: Mutex::default(), follow_ups: Mutex::default() }
    }

    /// The connection of this transaction, for readers and statements.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Connections for reading several things side by side, as they are committed. Of what belongs to a
    /// version that is written back in the end, that tells whether it has changed meanwhile. `None`
    /// where this transaction sees more than is committed, or holds what it reads.
    pub async fn unheld(&self) -> Option<Connection> {
        self.connection.unheld().await
    }

    /// Whether what was read to be written back stays as it is until this transaction ends; where not,
    /// its writes will tell.
    pub async fn is_held(&self) -> bool {
        self.connection.is_held().await
    }

    /// Whether nobody else can write anything until this transaction ends.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.connection.backend() == Backend::Sqlite
    }

    /// Notes something that is to be looked at before this transaction ends. Says whether the caller
    /// must do it, with [`next_follow_up`](Self::next_follow_up): one of those that note does it for
    /// all, in a loop, so that a long chain of consequences does not run out of stack.
    pub fn follow_up(&self, id: Uuid) -> bool {
        let mut follow_ups = locked(&self.follow_ups);
        follow_ups.waiting.push_back(id);
        !std::mem::replace(&mut follow_ups.taken_up, true)
    }

    /// What is to be looked at next; `None` when that was all.
    pub fn next_follow_up(&self) -> Option<Uuid> {
        let mut follow_ups = locked(&self.follow_ups);
        let next = follow_ups.waiting.pop_front();
        follow_ups.taken_up = next.is_some();
        next
    }

    /// Adds an event to what this transaction announces when it commits.
    pub fn announce(&self, event: NewEvent) {
        locked(&self.announced).push(event);
    }

    /// Appends what was announced to the log; says whether there was anything.
    pub(super) async fn store_events(&self) -> Result<bool> {
        let announced = std::mem::take(&mut *locked(&self.announced));
        let any = !announced.is_empty();
        events::append(self, announced).await?;
        Ok(any)
    }

    pub(super) async fn commit(self) -> Result<()> {
        self.connection.commit().await
    }

    pub(super) async fn rollback(self) -> Result<()> {
        self.connection.rollback().await
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
