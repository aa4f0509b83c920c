//! Who could do a piece of work: nobody at all, somebody who takes no work now, or somebody who is
//! free. They are counted by bitmaps, and hardly anybody is looked at.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use uuid::Uuid;

use super::Index;
use super::order::Part;
use crate::agent::AgentType;
use crate::capability::Capability;
use crate::health::Health;
use crate::status::AgentStatus;

/// The health of so many is looked up one by one; of more, it is what the last look at everybody
/// found ([`Index::judge`]).
const LOOKS: u64 = if cfg!(test) { 24 } else { 4096 };
/// How many names are offered for a capability that nobody has.
const GUESSES: usize = 3;

/// A piece of work, as far as it says who can do it.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    /// What an agent must have, all of it.
    pub capabilities: &'a [Capability],
    /// Agents that are bound to another phase cannot do it.
    pub phase_id: &'a str,
    /// Agents of another type cannot do it.
    pub agent_type: AgentType,
    /// Those that have said that they cannot, each once.
    pub unable: &'a [Uuid],
}

/// Who could do a piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Able {
    /// Nobody, as things are.
    Nobody(Nobody),
    /// Somebody, but nobody who takes work now: the reasons with who each is true of.
    Busy(BTreeMap<Hindrance, Group>),
    /// These, at once.
    Free(Group),
}

/// Some agents, of which only the first are named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// How many there are.
    pub count: u64,
    /// The first of them by id.
    pub first: Vec<Uuid>,
}

/// Why nobody could ever do a piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nobody {
    /// There is no agent at all that is not terminated.
    NoAgents,
    /// Nobody has these capabilities; the closest names that somebody has, three at most
    /// ([`Index::closest`]).
    Unknown(BTreeMap<String, Vec<String>>),
    /// Each capability is there, but no agent has all of them: how many agents have each.
    Scattered(Vec<(Capability, u64)>),
    /// Those that have them are of other types or bound to other phases.
    Elsewhere {
        /// The agents.
        agents: Group,
        /// In what they are others than wanted, each difference once.
        differences: BTreeSet<Difference>,
    },
    /// All that could have said that they cannot.
    Declined(Group),
}

/// In what an agent is another one than wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Its type, if that is another one.
    pub agent_type: Option<AgentType>,
    /// The phase that it is bound to, if that is another one.
    pub phase_id: Option<String>,
}

/// Why an agent that could do a piece of work takes none now; the first that is true of it, in the
/// order: status, silence, draining, slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hindrance {
    /// All its slots are taken.
    Full,
    /// It takes no new work.
    Draining,
    /// It is out of service.
    Status(AgentStatus),
    /// It no longer answers.
    Unresponsive,
}

impl Index {
    /// Who could do this at `now`; of each group the first `named` are named.
    ///
    /// It takes about as long for a million agents as for a thousand, since those who fit are
    /// counted by bitmaps. Only health follows from the clock. Of groups of ordinary size everybody's
    /// is looked up, and all is exact. Of more than a few thousand that may be free, or that are
    /// draining or full, the *counts* are as of the last look at everybody ([`judge`](Self::judge)): whoever has
    /// fallen silent since then is still counted with the others. That somebody is free, and that those
    /// named first are, holds at `now` in any case.
    ///
    /// (Where ids do not grow as agents come and there are thousands of them, the first that are named
    /// are some of the first.)
    ///
    /// ```
    /// use chrono::DateTime;
    /// use phaseline_registry::{
    ///     Able, Agent, AgentType, Capabilities, Capability, Capacity, HealthPolicy, Index, Work,
    /// };
    /// use uuid::Uuid;
    ///
    /// let now = DateTime::UNIX_EPOCH;
    /// let capabilities = Capabilities::parse(["rust", "sql"])?;
    /// let amy = Agent::new(Uuid::from_u128(1), AgentType::Worker, capabilities, Capacity::MIN, now);
    /// let mut index = Index::new(HealthPolicy::default(), now);
    /// index.upsert(amy.clone());
    ///
    /// let wanted = [Capability::parse("sql")?];
    /// let agent_type = AgentType::Worker;
    /// let work = Work { capabilities: &wanted, phase_id: "PHASE_TESTING", agent_type, unable: &[] };
    /// assert!(matches!(index.able(&work, 10, now), Able::Free(free) if free.first == [amy.id]));
    ///
    /// let work = Work { unable: &[amy.id], ..work };
    /// assert!(matches!(index.able(&work, 10, now), Able::Nobody(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn able(&self, work: &Work<'_>, named: usize, now: DateTime<Utc>) -> Able {
        let Work { capabilities, phase_id, agent_type, unable } = *work;
        let mut fitting = self.postings.holding(capabilities, Some(phase_id), Some(agent_type));
        let mut declined: Vec<Uuid> = unable.to_vec();
        declined.retain(|id| self.slots.get(id).is_some_and(|slot| fitting.remove(*slot)));
        if fitting.is_empty() {
            return Able::Nobody(self.nobody(work, declined, named));
        }
        let ready = self.postings.ready(&fitting);
        let free = self.free(&ready, named, now);
        if free.count > 0 {
            return Able::Free(free);
        }
        Able::Busy(self.hindered(&fitting, ready, named, now))
    }

    /// Those of these who answer.
    fn free(&self, ready: &RoaringBitmap, named: usize, now: DateTime<Utc>) -> Group {
        if ready.len() <= LOOKS {
            return self.group(&(ready - &self.silent(ready, now)), named);
        }
        let answering = match self.judgement.unresponsive(now) {
            Some(unresponsive) => Cow::Owned(ready - unresponsive),
            None => Cow::Borrowed(ready),
        };
        let first = self.first(&answering, named.max(1), |slot| !self.is_silent(slot, now));
        if first.is_empty() {
            return Group::default();
        }
        Group { count: answering.len(), first: first.into_iter().take(named).collect() }
    }

    /// What keeps each of these, of whom nobody is free. All that are `ready` are silent then.
    fn hindered(
        &self,
        fitting: &RoaringBitmap,
        ready: RoaringBitmap,
        named: usize,
        now: DateTime<Utc>,
    ) -> BTreeMap<Hindrance, Group> {
        let mut engaged = fitting - &ready;
        let mut hindered = BTreeMap::new();
        for (status, slots) in self.postings.out_of_service() {
            hindered.insert(Hindrance::Status(status), self.group(&(slots & fitting), named));
            engaged -= slots;
        }
        let mut silent = self.silent(&engaged, now);
        engaged -= &silent;
        silent |= ready;
        let draining = self.postings.draining();
        hindered.insert(Hindrance::Draining, self.group(&(&engaged & draining), named));
        hindered.insert(Hindrance::Full, self.group(&(engaged - draining), named));
        hindered.insert(Hindrance::Unresponsive, self.group(&silent, named));
        hindered.retain(|_, agents| agents.count > 0);
        hindered
    }

    fn nobody(&self, work: &Work<'_>, mut declined: Vec<Uuid>, named: usize) -> Nobody {
        if !declined.is_empty() {
            declined.sort_unstable();
            let count = declined.len() as u64;
            declined.truncate(named);
            return Nobody::Declined(Group { count, first: declined });
        }
        if !self.postings.is_anybody_there() {
            return Nobody::NoAgents;
        }
        let counts: Vec<(Capability, u64)> =
            work.capabilities.iter().map(|c| (c.clone(), self.holder_count(c))).collect();
        let unknown = counts.iter().filter(|(_, count)| *count == 0);
        let unknown: BTreeMap<String, Vec<String>> = unknown
            .map(|(name, _)| (name.to_string(), self.closest(name.as_str(), GUESSES)))
            .collect();
        if !unknown.is_empty() {
            return Nobody::Unknown(unknown);
        }
        let elsewhere = self.postings.holding(work.capabilities, None, None);
        if elsewhere.is_empty() {
            return Nobody::Scattered(counts);
        }
        let differences =
            self.postings.kinds(&elsewhere).map(|(agent_type, phase_id)| Difference {
                agent_type: Some(agent_type).filter(|other| *other != work.agent_type),
                phase_id: phase_id.filter(|other| *other != work.phase_id).map(str::to_owned),
            });
        Nobody::Elsewhere {
            differences: differences.collect(),
            agents: self.group(&elsewhere, named),
        }
    }

    /// Those of these who do not answer: at `now` if there are few, and otherwise as far as the last
    /// look at everybody found.
    fn silent(&self, slots: &RoaringBitmap, now: DateTime<Utc>) -> RoaringBitmap {
        if slots.len() <= LOOKS {
            return slots.iter().filter(|slot| self.is_silent(*slot, now)).collect();
        }
        self.judgement.unresponsive(now).map(|silent| slots & silent).unwrap_or_default()
    }

    fn is_silent(&self, slot: u32, now: DateTime<Utc>) -> bool {
        self.entry(slot).is_some_and(|entry| entry.outlook.at(now) == Health::Unresponsive)
    }

    fn group(&self, slots: &RoaringBitmap, named: usize) -> Group {
        Group { count: slots.len(), first: self.first(slots, named, |_| true) }
    }

    /// The first `named` by id of those who are such.
    fn first(
        &self,
        slots: &RoaringBitmap,
        named: usize,
        is_such: impl Fn(u32) -> bool,
    ) -> Vec<Uuid> {
        let mut first = Vec::new();
        for part in self.order.parts(slots) {
            let (slots, at_most) = match part {
                Part::Ordered(slots) => (slots, named),
                // Without an order the first may be anywhere; somewhere there must be an end.
                Part::Unordered(slots) => (Cow::Owned(slots), named.max(LOOKS as usize)),
            };
            let such = slots.iter().filter(|slot| is_such(*slot)).take(at_most);
            first.extend(such.filter_map(|slot| self.entry(slot)).map(|entry| entry.id));
        }
        first.sort_unstable();
        first.truncate(named);
        first
    }
}
