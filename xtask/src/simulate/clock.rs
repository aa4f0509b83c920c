//! Time and ids that a seed determines.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use phaseline_engine::Sources;
use uuid::{Builder, Uuid};

use crate::chance::Chance;

/// The clock that only steps move, and the ids that grow.
#[derive(Debug, Clone)]
pub(super) struct Virtual(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: DateTime<Utc>,
    minted: u64,
    chance: Chance,
}

impl Virtual {
    pub(super) fn new(seed: u64) -> Self {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let chance = Chance::new(seed.rotate_left(32) ^ 0x1d);
        Self(Arc::new(Mutex::new(State { now, minted: 0, chance })))
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.with(|state| state.now)
    }

    pub(super) fn pass(&self, time: TimeDelta) {
        self.with(|state| state.now += time);
    }

    pub(super) fn sources(&self) -> Sources {
        let (clock, ids) = (self.clone(), self.clone());
        Sources::new(move || clock.now(), move || ids.id())
    }

    /// A UUIDv7 whose time is a count, so that ids grow however often one is made.
    fn id(&self) -> Uuid {
        self.with(|state| {
            state.minted += 1;
            let mut random = [0; 10];
            random[..8].copy_from_slice(&state.chance.next().to_be_bytes());
            Builder::from_unix_timestamp_millis(state.minted, &random).into_uuid()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
