//! All agents in memory, found by compressed bitmaps instead of by walking.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::agent::Agent;
use crate::health::{Health, HealthPolicy, Outlook};
use crate::progress::Progress;
use crate::silence::{Silent, stale};
use crate::statistics::{Statistics, statistics};
pub use heartbeats::{Beat, HeartbeatError, UnknownAgent};
use postings::Postings;

mod heartbeats;
mod holders;
mod postings;
mod search;

/// All agents in memory; it answers searches exactly as [`rank`](crate::rank()) would, without looking
/// at everybody.
///
/// Each agent has a slot, a small number. For every capability, tag, phase and type there is a
/// compressed bitmap of the slots that have it, so that a search is a few operations on bitmaps,
/// and only the agents that can still be among the best are looked at one by one.
///
/// It is what was told to it, in whatever order: it knows no database, and it checks no rules but
/// that an older version never replaces a newer one and that a heartbeat revives nobody. What must
/// not be stale, such as taking a slot, is not decided here.
///
/// ```
/// use chrono::DateTime;
/// use phaseline_registry::{
///     Agent, AgentType, Capabilities, Capability, Capacity, HealthPolicy, Index, Wanted,
/// };
/// use uuid::Uuid;
///
/// let now = DateTime::UNIX_EPOCH;
/// let capabilities = Capabilities::parse(["rust"])?;
/// let amy = Agent::new(Uuid::from_u128(1), AgentType::Worker, capabilities, Capacity::MIN, now);
///
/// let mut index = Index::new(HealthPolicy::default(), now);
/// assert!(index.upsert(amy.clone()));
///
/// let wanted = Wanted { capabilities: vec![Capability::parse("rust")?], ..Wanted::default() };
/// assert_eq!(index.best_fit(&wanted, now)?.agent.id, amy.id);
/// assert!(index.best_fit(&Wanted { capabilities: vec![Capability::parse("go")?], ..wanted }, now).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Index {
    policy: HealthPolicy,
    watched_since: DateTime<Utc>,
    /// The slot of each agent.
    slots: HashMap<Uuid, u32>,
    /// The agent in each slot.
    entries: Vec<Option<Entry>>,
    /// Slots whose agent was removed.
    vacant: Vec<u32>,
    postings: Postings,
}

/// An agent in its slot.
#[derive(Debug, Clone)]
struct Entry {
    agent: Arc<Agent>,
    /// These three follow from the agent. They lie here so that a search need not follow the pointer
    /// of every agent that it looks at.
    id: Uuid,
    free_slots: u32,
    outlook: Outlook,
}

impl Index {
    /// An empty index of a process that has been listening to agents since `watched_since`.
    pub fn new(policy: HealthPolicy, watched_since: DateTime<Utc>) -> Index {
        Index {
            policy,
            watched_since,
            slots: HashMap::new(),
            entries: Vec::new(),
            vacant: Vec::new(),
            postings: Postings::default(),
        }
    }

    /// Puts an agent in, or in the place of what was known of it; says whether it did.
    ///
    /// An older version than the known one is ignored. Of the two heartbeat records the fresher one
    /// is kept, as heartbeats are known here before they are stored; progress never goes back.
    pub fn upsert(&mut self, agent: Agent) -> bool {
        let Some(slot) = self.slots.get(&agent.id).copied() else {
            self.insert(agent);
            return true;
        };
        let Some(known) = self.entries.get_mut(slot as usize).and_then(Option::as_mut) else {
            return false;
        };
        if agent.version < known.agent.version {
            return false;
        }
        let heartbeat = known.agent.heartbeat.fresher(agent.heartbeat);
        let last_progress = known.agent.last_progress.max(agent.last_progress);
        let agent = Agent { heartbeat, last_progress, ..agent };
        self.postings.remove(slot, &known.agent);
        self.postings.insert(slot, &agent);
        *known = Entry::new(agent, &self.policy, self.watched_since);
        true
    }

    /// Takes an agent out and hands it back, if it was there.
    pub fn remove(&mut self, id: &Uuid) -> Option<Arc<Agent>> {
        let slot = self.slots.remove(id)?;
        let entry = self.entries.get_mut(slot as usize)?.take()?;
        self.postings.remove(slot, &entry.agent);
        self.vacant.push(slot);
        Some(entry.agent)
    }

    /// An agent by its id.
    pub fn get(&self, id: &Uuid) -> Option<&Arc<Agent>> {
        self.entry(*self.slots.get(id)?).map(|entry| &entry.agent)
    }

    /// How well an agent is at `now`.
    pub fn health(&self, id: &Uuid, now: DateTime<Utc>) -> Option<Health> {
        self.entry(*self.slots.get(id)?).map(|entry| entry.outlook.at(now))
    }

    /// Whether an agent gets on with what it has in hand at `now`; see [`progress()`](crate::progress()).
    pub fn progress(&self, id: &Uuid, now: DateTime<Utc>) -> Option<Progress> {
        let agent = self.get(id)?;
        Some(agent.progress(&self.policy, self.watched_since, now))
    }

    /// How many agents there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All agents, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Agent>> {
        self.entries.iter().flatten().map(|entry| &entry.agent)
    }

    /// The fleet in numbers at `now`; see [`statistics()`].
    pub fn statistics(&self, now: DateTime<Utc>) -> Statistics {
        let agents = self.iter().map(Arc::as_ref);
        statistics(agents, &self.policy, self.watched_since, now)
    }

    /// The agents that have been silent for too long at `now`; see [`stale()`].
    pub fn stale(&self, now: DateTime<Utc>, older_than_s: Option<u32>) -> Vec<Silent<'_>> {
        let agents = self.iter().map(Arc::as_ref);
        stale(agents, &self.policy, self.watched_since, now, older_than_s)
    }

    fn insert(&mut self, agent: Agent) {
        let id = agent.id;
        let slot = match self.vacant.pop() {
            Some(slot) => slot,
            None => {
                self.entries.push(None);
                (self.entries.len() - 1) as u32
            }
        };
        self.postings.insert(slot, &agent);
        self.slots.insert(id, slot);
        self.entries[slot as usize] = Some(Entry::new(agent, &self.policy, self.watched_since));
    }

    fn entry_mut(&mut self, id: &Uuid) -> Option<&mut Entry> {
        self.entries.get_mut(*self.slots.get(id)? as usize)?.as_mut()
    }

    fn entry(&self, slot: u32) -> Option<&Entry> {
        self.entries.get(slot as usize)?.as_ref()
    }
}

impl Entry {
    fn new(agent: Agent, policy: &HealthPolicy, watched_since: DateTime<Utc>) -> Entry {
        Entry {
            id: agent.id,
            free_slots: agent.free_slots(),
            outlook: Outlook::new(&agent.vitals(watched_since), policy),
            agent: Arc::new(agent),
        }
    }
}

#[cfg(test)]
mod tests;
