//! All agents in memory, found by compressed bitmaps instead of by walking.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use uuid::Uuid;

use crate::agent::Agent;
use crate::health::{Health, HealthPolicy, Outlook};
use crate::progress::Progress;
use crate::silence::{Silent, stale};
pub use able::{Able, Difference, Group, Hindrance, Nobody, Work};
pub use heartbeats::{Beat, Heard, HeartbeatError, UnknownAgent};
pub use judgement::Finding;
use judgement::Judgement;
pub use numbers::Census;
use order::Order;
use postings::Postings;
use tier::Tier;

mod able;
mod best;
mod class;
mod heartbeats;
mod holders;
mod judgement;
mod numbers;
mod order;
mod posting;
mod postings;
mod search;
mod tier;

/// All agents in memory; it answers searches exactly as [`rank`](crate::rank()) would, without looking
/// at everybody.
///
/// Each agent has a slot, a small number. For every capability, tag, phase and type there is a
/// compressed bitmap of the slots that have it, and one for each tier: what an agent scores whatever
/// is asked for. A search is a few operations on bitmaps; it goes from the best tier down, within a
/// tier in the order of ids, and stops at the limit. Health follows from the clock, and load changes
/// all the time: neither makes anything else be built anew ([`judge`](Self::judge)).
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
    /// The tier of each of them, apart from them: where many are compared, nothing else is read.
    tiers: Vec<Tier>,
    /// Slots whose agent was removed.
    vacant: Vec<u32>,
    order: Order,
    postings: Postings,
    judgement: Judgement,
    /// The slots of those who were heard since somebody last asked.
    heard: RoaringBitmap,
}

/// An agent in its slot.
#[derive(Debug, Clone)]
struct Entry {
    agent: Arc<Agent>,
    /// These follow from the agent. They lie here so that a search need not follow the pointer of
    /// every agent that it looks at.
    id: Uuid,
    outlook: Outlook,
    busy: bool,
    /// Whether signs of life are expected of it.
    expected: bool,
    /// The health that was last announced. The agent's own is that of when it was loaded, on which
    /// its outlook rests.
    announced: Health,
}

impl Index {
    /// An empty index of a process that has been listening to agents since `watched_since`.
    pub fn new(policy: HealthPolicy, watched_since: DateTime<Utc>) -> Index {
        Index {
            policy,
            watched_since,
            slots: HashMap::new(),
            entries: Vec::new(),
            tiers: Vec::new(),
            vacant: Vec::new(),
            order: Order::default(),
            postings: Postings::default(),
            judgement: Judgement::new(watched_since),
            heard: RoaringBitmap::new(),
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
        let agent = sharing(&self.postings, Some(&known.agent), agent);
        self.postings.replace(slot, &known.agent, &agent);
        self.tiers[slot as usize] = Tier::of(&agent);
        let announced = known.announced;
        *known = Entry { announced, ..Entry::new(agent, &self.policy, self.watched_since) };
        self.judgement.insert(slot, known);
        true
    }

    /// Takes an agent out and hands it back, if it was there.
    pub fn remove(&mut self, id: &Uuid) -> Option<Arc<Agent>> {
        let slot = self.slots.remove(id)?;
        let entry = self.entries.get_mut(slot as usize)?.take()?;
        self.postings.remove(slot, &entry.agent);
        self.judgement.remove(slot);
        self.order.remove(slot);
        self.heard.remove(slot);
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

    /// The agents that have been silent for too long at `now`; see [`stale()`].
    pub fn stale(&self, now: DateTime<Utc>, older_than_s: Option<u32>) -> Vec<Silent<'_>> {
        let late = |entry: &&Entry| {
            let health = entry.outlook.at(now);
            matches!(health, Health::Degraded | Health::Unresponsive) || older_than_s.is_some()
        };
        let agents = self.entries.iter().flatten().filter(late).map(|entry| entry.agent.as_ref());
        stale(agents, &self.policy, self.watched_since, now, older_than_s)
    }

    fn insert(&mut self, agent: Agent) {
        let id = agent.id;
        let slot = match self.vacant.pop() {
            Some(slot) => slot,
            None => {
                self.entries.push(None);
                self.tiers.push(Tier::of(&agent));
                (self.entries.len() - 1) as u32
            }
        };
        let agent = self.sharing_lists(agent);
        self.postings.insert(slot, &agent);
        self.tiers[slot as usize] = Tier::of(&agent);
        self.slots.insert(id, slot);
        self.order.insert(slot, id);
        let entry = Entry::new(agent, &self.policy, self.watched_since);
        self.judgement.insert(slot, &entry);
        self.entries[slot as usize] = Some(entry);
    }

    /// The same agent; lists of labels that somebody else has share the list with that one, and of
    /// other lists the labels share their text. Looks only at the last one who has the first label.
    fn sharing_lists(&self, agent: Agent) -> Agent {
        let slot = agent.capabilities.iter().next();
        let slot = slot.and_then(|first| self.postings.with_capability(first)?.slots.max());
        let other = slot.and_then(|slot| self.entry(slot)).map(|entry| &entry.agent.capabilities);
        let capabilities = other.filter(|other| **other == agent.capabilities).cloned();
        let slot = agent.tags.iter().next();
        let slot = slot.and_then(|first| self.postings.with_tag(first)?.max());
        let other = slot.and_then(|slot| self.entry(slot)).map(|entry| &entry.agent.tags);
        let tags = other.filter(|other| **other == agent.tags).cloned();
        let agent = sharing(&self.postings, None, agent);
        Agent {
            capabilities: capabilities.unwrap_or(agent.capabilities),
            tags: tags.unwrap_or(agent.tags),
            ..agent
        }
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
            outlook: Outlook::new(&agent.vitals(watched_since), policy),
            busy: agent.slots_taken > 0,
            expected: Entry::is_expected(&agent),
            announced: agent.announced_health,
            agent: Arc::new(agent),
        }
    }
}

/// The same agent; labels that it had before, or that others have, too, share their text with those.
fn sharing(postings: &Postings, before: Option<&Agent>, agent: Agent) -> Agent {
    let capabilities = match before {
        Some(before) if before.capabilities == agent.capabilities => before.capabilities.clone(),
        Some(_) | None => agent.capabilities.shared(|label| postings.known_capability(label)),
    };
    let tags = match before {
        Some(before) if before.tags == agent.tags => before.tags.clone(),
        Some(_) | None => agent.tags.shared(|label| postings.known_tag(label)),
    };
    Agent { capabilities, tags, ..agent }
}

#[cfg(test)]
mod tests;
