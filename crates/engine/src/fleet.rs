//! The fleet in memory: the search index, and the heartbeats that are not yet written.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use chrono::{DateTime, Utc};
use phaseline_persistence::{
    Db, Page,
    agents::{self, Heartbeat, StoredAgent},
    events,
};
use phaseline_registry::{
    Health, HealthPolicy, HeartbeatError, HeartbeatRecord, Index, Match, NoFit, Progress, Silent,
    Statistics, Wanted,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Error, Result, agents::Beat, agents::missing};

const AGENTS_AT_ONCE: u64 = 1000;

/// Every agent in memory. What must not be stale is decided in the database; this answers searches
/// and takes heartbeats.
#[derive(Debug)]
pub struct Fleet {
    index: RwLock<Index>,
    told: Mutex<HashMap<Uuid, Told>>,
    /// What the log told up to here is in the rows that were loaded.
    loaded_through: i64,
}

/// What heartbeats and announcements have said of an agent.
#[derive(Debug, Clone)]
struct Told {
    announced: Health,
    metrics: Option<Value>,
    /// Whether the table does not have the last heartbeat yet.
    unwritten: bool,
}

/// How an agent is, by its heartbeats.
#[derive(Debug, Clone, PartialEq)]
pub struct Vitals {
    /// How well it is.
    pub health: Health,
    /// Its last heartbeat, number and gaps.
    pub record: HeartbeatRecord,
    /// What it last reported of itself.
    pub metrics: Option<Value>,
}

/// An agent whose health is not what was last announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub(crate) id: Uuid,
    pub(crate) from: Health,
    pub(crate) to: Health,
    /// Its last sign of life, from which that follows.
    pub(crate) heard: Option<DateTime<Utc>>,
}

impl Fleet {
    /// Loads every agent of the table. Nobody is called unresponsive for silence while nobody
    /// was listening, so ages count from `now`.
    pub(crate) async fn load(db: &Db, policy: &HealthPolicy, now: DateTime<Utc>) -> Result<Self> {
        let index = RwLock::new(Index::new(*policy, now));
        let loaded_through = events::latest(db.reader()).await?;
        let fleet = Self { index, told: Mutex::default(), loaded_through };
        let mut after = None;
        loop {
            let page = Page { after, limit: AGENTS_AT_ONCE };
            let slice = agents::list(db.reader(), &agents::Filter::default(), page).await?;
            after = slice.items.last().map(|stored| stored.agent.id);
            for stored in &slice.items {
                fleet.upsert(stored);
            }
            if !slice.more {
                return Ok(fleet);
            }
        }
    }

    /// The best matches, with the sum that explains each place.
    pub fn search(&self, wanted: &Wanted, now: DateTime<Utc>) -> Vec<Match> {
        self.read().search(wanted, now)
    }

    /// The best agent that is able and free.
    ///
    /// # Errors
    /// [`NoFit`] says what is missing and who comes nearest.
    pub fn best_fit(&self, wanted: &Wanted, now: DateTime<Utc>) -> Result<Match, NoFit> {
        self.read().best_fit(wanted, now)
    }

    /// How an agent is now; `None` for one that the fleet does not know.
    #[must_use]
    pub fn vitals(&self, id: Uuid, now: DateTime<Utc>) -> Option<Vitals> {
        let index = self.read();
        let health = index.health(&id, now)?;
        let record = index.get(&id)?.heartbeat;
        let metrics = self.told().get(&id).and_then(|told| told.metrics.clone());
        Some(Vitals { health, record, metrics })
    }

    /// A view of each agent that has been silent for too long, the longest silence first.
    pub fn stale<T>(
        &self,
        now: DateTime<Utc>,
        older_than_s: Option<u32>,
        view: impl FnMut(Silent<'_>) -> T,
    ) -> Vec<T> {
        self.read().stale(now, older_than_s).into_iter().map(view).collect()
    }

    /// The fleet in numbers.
    #[must_use]
    pub fn statistics(&self, now: DateTime<Utc>) -> Statistics {
        self.read().statistics(now)
    }

    /// The position in the log from which on the fleet has to follow it.
    pub(crate) const fn loaded_through(&self) -> i64 {
        self.loaded_through
    }

    /// Puts an agent in, or replaces what is known of it unless that is newer. What heartbeats have
    /// said since the row was read stays.
    pub(crate) fn upsert(&self, stored: &StoredAgent) {
        let StoredAgent { agent, metrics, updated_at: _ } = stored;
        let mut index = self.write();
        let heard = index.get(&agent.id).and_then(|known| known.heartbeat.last_at);
        let newer = index.upsert(agent.clone());
        let mut told = self.told();
        let told = told.entry(agent.id).or_insert_with(|| Told {
            announced: agent.announced_health,
            metrics: metrics.clone(),
            unwritten: false,
        });
        if newer && agent.heartbeat.last_at > heard {
            told.metrics.clone_from(metrics);
        }
    }

    /// Learns of a change of health that was announced, by this process or another one.
    pub(crate) fn learn_announced(&self, stored: &StoredAgent) {
        if let Some(told) = self.told().get_mut(&stored.agent.id) {
            told.announced = stored.agent.announced_health;
        }
    }

    /// Takes a heartbeat into memory.
    pub(crate) fn heartbeat(
        &self,
        id: Uuid,
        sequence: Option<u64>,
        metrics: Option<Value>,
        now: DateTime<Utc>,
    ) -> Result<Beat> {
        let mut index = self.write();
        let beat = index.heartbeat(&id, sequence, now).map_err(|error| match error {
            HeartbeatError::Unknown(_) => missing(id),
            HeartbeatError::Gone(_) => Error::AgentGone { id },
        })?;
        let status = index.get(&id).ok_or_else(|| missing(id))?.status;
        if let Some(told) = self.told().get_mut(&id) {
            told.unwritten = true;
            if metrics.is_some() {
                told.metrics = metrics;
            }
        }
        Ok(Beat {
            agent_id: id,
            received_at: now,
            health: beat.after,
            status,
            sequence: beat.record.sequence,
            missed_now: beat.taken.missed_now,
            out_of_order: beat.taken.out_of_order,
        })
    }

    /// Learns that an agent lives: it has claimed, extended or ended a task.
    pub(crate) fn seen(&self, id: Uuid, now: DateTime<Utc>) {
        let changed = self.write().seen(&id, now);
        // Other servers must learn of it, too.
        if let Some(told) = self.told().get_mut(&id).filter(|_| changed) {
            told.unwritten = true;
        }
    }

    /// Learns of heartbeats that other processes have taken.
    pub(crate) fn heard(&self, stored: &StoredAgent) {
        self.write().merge_heartbeat(&stored.agent.id, stored.agent.heartbeat);
    }

    /// How an agent gets on with its work; `None` for one that the fleet does not know.
    #[must_use]
    pub fn progress(&self, id: Uuid, now: DateTime<Utc>) -> Option<Progress> {
        self.read().progress(&id, now)
    }

    /// Looks into the index, for questions that searches do not answer.
    pub(crate) fn look<T>(&self, question: impl FnOnce(&Index) -> T) -> T {
        question(&self.read())
    }

    /// Takes the heartbeats that the table does not have yet.
    pub(crate) fn take_unwritten(&self) -> Vec<Heartbeat> {
        let index = self.read();
        let mut told = self.told();
        told.iter_mut()
            .filter_map(|(id, told)| {
                if !std::mem::take(&mut told.unwritten) {
                    return None;
                }
                let record = index.get(id)?.heartbeat;
                Some(Heartbeat { agent_id: *id, record, metrics: told.metrics.clone() })
            })
            .collect()
    }

    /// Marks heartbeats as unwritten again, after a write that failed.
    pub(crate) fn give_back(&self, heartbeats: &[Heartbeat]) {
        let mut told = self.told();
        for heartbeat in heartbeats {
            if let Some(told) = told.get_mut(&heartbeat.agent_id) {
                told.unwritten = true;
            }
        }
    }

    /// The agents whose health is not what was last announced, and those that do not answer and
    /// have work in hand. Nothing is expected of those that are terminated.
    pub(crate) fn changed(&self, now: DateTime<Utc>) -> Vec<Changed> {
        let index = self.read();
        let told = self.told();
        index
            .iter()
            .filter(|agent| !agent.status.exits().is_empty())
            .filter_map(|agent| {
                let from = told.get(&agent.id)?.announced;
                let to = index.health(&agent.id, now)?;
                let heard = agent.heartbeat.last_at;
                let stuck = to == Health::Unresponsive && agent.slots_taken > 0;
                (from != to || stuck).then_some(Changed { id: agent.id, from, to, heard })
            })
            .collect()
    }

    /// Remembers what was announced.
    pub(crate) fn announced(&self, changed: &[Changed]) {
        let mut told = self.told();
        for change in changed {
            if let Some(told) = told.get_mut(&change.id) {
                told.announced = change.to;
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, HashMap<Uuid, Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
