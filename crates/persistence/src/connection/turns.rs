//! Turns at a row: who is about to write back what it has seen of a row waits in this process for
//! others who are about to do the same, and not for the database to refuse it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;

use super::About;
use crate::{Error, Result};

type Line = Arc<tokio::sync::Mutex<()>>;

/// The rows at which somebody has a turn.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<About, Line>>);

/// Somebody's turn, until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    row: About,
    turn: Option<OwnedMutexGuard<()>>,
    turns: Arc<Turns>,
    /// Whether others came first.
    pub(crate) has_waited: bool,
}

impl Turns {
    /// Waits for a turn, no longer than there is patience.
    ///
    /// # Errors
    /// [`Error::Busy`] when it takes longer.
    pub(crate) async fn wait(self: &Arc<Self>, row: About, patience: Duration) -> Result<Turn> {
        let line = Arc::clone(self.lines().entry(row).or_default());
        let mut turn = Turn { row, turn: None, turns: Arc::clone(self), has_waited: false };
        turn.turn = Arc::clone(&line).try_lock_owned().ok();
        if turn.turn.is_none() {
            turn.has_waited = true;
            let waited = tokio::time::timeout(patience, line.lock_owned()).await;
            turn.turn = Some(waited.map_err(|_| Error::Busy { waiting: self.lines().len() })?);
        }
        Ok(turn)
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<About, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut lines = self.turns.lines();
        // This one and the map know of the line, and whoever waits.
        let known = 1 + usize::from(self.turn.is_some());
        if lines.get(&self.row).is_some_and(|line| Arc::strong_count(line) <= known) {
            lines.remove(&self.row);
        }
        drop(self.turn.take());
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn one_has_a_turn_at_a_time_and_nothing_is_left_behind() {
        let turns = Arc::new(Turns::default());
        let (row, other) = (About::Agent(Uuid::from_u128(1)), About::Task(Uuid::from_u128(1)));
        let first = turns.wait(row, PATIENCE).await.unwrap();
        assert!(!first.has_waited);
        assert!(!turns.wait(other, PATIENCE).await.unwrap().has_waited);
        let refused = turns.wait(row, Duration::ZERO).await.map(|turn| turn.has_waited);
        assert!(matches!(refused, Err(Error::Busy { .. })), "{refused:?}");
        let second = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.wait(row, PATIENCE).await.unwrap().has_waited }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        assert!(second.await.unwrap());
        assert!(turns.lines().is_empty(), "{turns:?}");
    }
}
