//! The fleet in memory: the search index, and the heartbeats that are not yet written.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use chrono::{DateTime, Utc};
use phaseline_persistence::{
    Db, Page,
    agents::{self, Heartbeat, StoredAgent},
    events,
};
use phaseline_registry::{
    Agent, Census, Finding, Health, HealthPolicy, HeartbeatError, HeartbeatRecord, Index, Match,
    NoFit, Progress, Silent, Statistics, Wanted,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{Error, Result, agents::Beat, agents::missing};

const AGENTS_AT_ONCE: u64 = 1000;
/// How many agents are looked at before others may go on: a few microseconds' worth.
const LOOKED_AT_ONCE: usize = 1000;

/// Every agent in memory. What must not be stale is decided in the database; this answers searches
/// and takes heartbeats.
#[derive(Debug)]
pub struct Fleet {
    /// Nobody holds it for longer than a search takes.
    state: RwLock<State>,
    policy: HealthPolicy,
    watched_since: DateTime<Utc>,
    /// What the log told up to here is in the rows that were loaded.
    loaded_through: i64,
}

#[derive(Debug)]
struct State {
    index: Index,
    /// What agents last reported of themselves; most never do.
    metrics: HashMap<Uuid, Value>,
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

impl Fleet {
    /// Loads every agent of the table. Nobody is called unresponsive for silence while nobody
    /// was listening, so ages count from `now`.
    pub(crate) async fn load(db: &Db, policy: &HealthPolicy, now: DateTime<Utc>) -> Result<Self> {
        let index = Index::new(*policy, now);
        let state = State { index, metrics: HashMap::new() };
        let fleet = Self {
            state: RwLock::new(state),
            policy: *policy,
            watched_since: now,
            loaded_through: events::latest(db.reader()).await?,
        };
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
        self.read().index.search(wanted, now)
    }

    /// The best agent that is able and free.
    ///
    /// # Errors
    /// [`NoFit`] says what is missing and who comes nearest.
    pub fn best_fit(&self, wanted: &Wanted, now: DateTime<Utc>) -> Result<Match, NoFit> {
        self.read().index.best_fit(wanted, now)
    }

    /// How an agent is now; `None` for one that the fleet does not know.
    #[must_use]
    pub fn vitals(&self, id: Uuid, now: DateTime<Utc>) -> Option<Vitals> {
        let State { index, metrics } = &*self.read();
        let health = index.health(&id, now)?;
        let record = index.get(&id)?.heartbeat;
        Some(Vitals { health, record, metrics: metrics.get(&id).cloned() })
    }

    /// What an agent last reported of itself.
    pub(crate) fn metrics(&self, id: Uuid) -> Option<Value> {
        self.read().metrics.get(&id).cloned()
    }

    /// A view of each agent that has been silent for too long, the longest silence first.
    pub fn stale<T>(
        &self,
        now: DateTime<Utc>,
        older_than_s: Option<u32>,
        view: impl FnMut(Silent<'_>) -> T,
    ) -> Vec<T> {
        self.read().index.stale(now, older_than_s).into_iter().map(view).collect()
    }

    /// The fleet in numbers.
    #[must_use]
    pub fn statistics(&self, now: DateTime<Utc>) -> Statistics {
        let mut census = Census::at(now);
        while self.read().index.count(&mut census, LOOKED_AT_ONCE) {}
        census.numbers()
    }

    /// The position in the log from which on the fleet has to follow it.
    pub(crate) const fn loaded_through(&self) -> i64 {
        self.loaded_through
    }

    /// Puts an agent in, or replaces what is known of it unless that is newer. What heartbeats have
    /// said since the row was read stays.
    pub(crate) fn upsert(&self, stored: &StoredAgent) {
        let StoredAgent { agent, metrics: reported, updated_at: _ } = stored;
        let State { index, metrics } = &mut *self.write();
        let known = index.get(&agent.id);
        let fresher = known.is_none_or(|known| agent.heartbeat.last_at > known.heartbeat.last_at);
        if index.upsert(agent.clone()) && fresher {
            match reported {
                Some(reported) => metrics.insert(agent.id, reported.clone()),
                None => metrics.remove(&agent.id),
            };
        }
    }

    /// Learns of a change of health that was announced, by this process or another one.
    pub(crate) fn learn_announced(&self, stored: &StoredAgent) {
        self.announced(stored.agent.id, stored.agent.announced_health);
    }

    /// Remembers what was announced.
    pub(crate) fn announced(&self, id: Uuid, health: Health) {
        self.write().index.announced(&id, health);
    }

    /// Takes a heartbeat into memory.
    pub(crate) fn heartbeat(
        &self,
        id: Uuid,
        sequence: Option<u64>,
        reported: Option<Value>,
        now: DateTime<Utc>,
    ) -> Result<Beat> {
        let State { index, metrics } = &mut *self.write();
        let beat = index.heartbeat(&id, sequence, now).map_err(|error| match error {
            HeartbeatError::Unknown(_) => missing(id),
            HeartbeatError::Gone(_) => Error::AgentGone { id },
        })?;
        if let Some(reported) = reported {
            metrics.insert(id, reported);
        }
        Ok(Beat {
            agent_id: id,
            received_at: now,
            health: beat.after,
            status: beat.status,
            sequence: beat.record.sequence,
            missed_now: beat.taken.missed_now,
            out_of_order: beat.taken.out_of_order,
        })
    }

    /// Learns that an agent lives: it has claimed, extended or ended a task. Other servers must learn
    /// of it, too, so it is written as a heartbeat is.
    pub(crate) fn seen(&self, id: Uuid, now: DateTime<Utc>) {
        self.write().index.seen(&id, now);
    }

    /// Learns of heartbeats that other processes have taken.
    pub(crate) fn heard(&self, stored: &StoredAgent) {
        self.write().index.merge_heartbeat(&stored.agent.id, stored.agent.heartbeat);
    }

    /// Whether one of its agents gets on with its work.
    #[must_use]
    pub fn progress_of(&self, agent: &Agent, now: DateTime<Utc>) -> Progress {
        agent.progress(&self.policy, self.watched_since, now)
    }

    /// How an agent gets on with its work; `None` for one that the fleet does not know.
    #[must_use]
    pub fn progress(&self, id: Uuid, now: DateTime<Utc>) -> Option<Progress> {
        self.read().index.progress(&id, now)
    }

    /// Looks into the index, for questions that searches do not answer.
    pub(crate) fn look<T>(&self, question: impl FnOnce(&Index) -> T) -> T {
        question(&self.read().index)
    }

    /// Takes the heartbeats that the table does not have yet.
    pub(crate) fn take_unwritten(&self) -> Vec<Heartbeat> {
        let mut heard = self.write().index.take_heard();
        let mut heartbeats = Vec::new();
        while !heard.is_empty() {
            let State { index, metrics } = &*self.read();
            heartbeats.extend(heard.take(index, LOOKED_AT_ONCE).into_iter().map(|(id, record)| {
                Heartbeat { agent_id: id, record, metrics: metrics.get(&id).cloned() }
            }));
        }
        heartbeats
    }

    /// Marks heartbeats as unwritten again, after a write that failed.
    pub(crate) fn give_back(&self, heartbeats: &[Heartbeat]) {
        let index = &mut self.write().index;
        for heartbeat in heartbeats {
            index.give_back_heard(&heartbeat.agent_id);
        }
    }

    /// The agents whose health is not what was last announced, and those that do not answer and
    /// have work in hand. Nothing is expected of those that are terminated.
    pub(crate) fn findings(&self, now: DateTime<Utc>) -> Vec<Finding> {
        let (mut findings, mut from) = (Vec::new(), Some(0));
        while let Some(place) = from {
            let find = |finding| findings.push(finding);
            from = self.write().index.judge(place, LOOKED_AT_ONCE, now, find);
        }
        findings
    }

    /// The same for these agents only.
    pub(crate) fn findings_of(&self, ids: &[Uuid], now: DateTime<Utc>) -> Vec<Finding> {
        let find = |ids: &[Uuid]| -> Vec<Finding> {
            let index = &self.read().index;
            ids.iter().filter_map(|id| index.finding(id, now)).collect()
        };
        ids.chunks(LOOKED_AT_ONCE).flat_map(find).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
