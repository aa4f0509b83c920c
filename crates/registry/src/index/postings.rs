//! Which slots have what: one compressed bitmap for each capability, tag, phase and type.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use roaring::RoaringBitmap;

use crate::agent::{Agent, AgentType};
use crate::capability::Capability;
use crate::rank::Wanted;
use crate::score::static_micros;
use crate::status::AgentStatus;
use crate::tag::Tag;

/// All bitmaps of the index. Health has none: it changes while nothing happens.
#[derive(Debug, Clone, Default)]
pub(super) struct Postings {
    everybody: RoaringBitmap,
    taking_work: RoaringBitmap,
    draining: RoaringBitmap,
    terminated: RoaringBitmap,
    capabilities: Lists<Capability>,
    tags: Lists<Tag>,
    phases: Lists<String>,
    in_any_phase: RoaringBitmap,
    types: Lists<AgentType>,
    with_free_slot: RoaringBitmap,
    /// By the part of the score that changes only when the agent does, in millionths.
    bonuses: BTreeMap<u32, RoaringBitmap>,
}

/// The slots that have a thing; a thing that nobody has is not kept.
#[derive(Debug, Clone)]
struct Lists<K>(HashMap<K, RoaringBitmap>);

/// Slots that have equally many of the required capabilities.
#[derive(Debug)]
pub(super) struct Coverage {
    pub(super) matched: usize,
    pub(super) slots: RoaringBitmap,
}

impl Postings {
    pub(super) fn insert(&mut self, slot: u32, agent: &Agent) {
        self.everybody.insert(slot);
        if agent.takes_work() {
            self.taking_work.insert(slot);
        }
        if agent.draining {
            self.draining.insert(slot);
        }
        if agent.status == AgentStatus::Terminated {
            self.terminated.insert(slot);
        }
        for capability in &agent.capabilities {
            self.capabilities.insert(capability, slot);
        }
        for tag in &agent.tags {
            self.tags.insert(tag, slot);
        }
        match &agent.phase_id {
            Some(phase_id) => self.phases.insert(phase_id, slot),
            None => {
                self.in_any_phase.insert(slot);
            }
        }
        self.types.insert(&agent.agent_type, slot);
        if agent.free_slots() > 0 {
            self.with_free_slot.insert(slot);
        }
        let bonus = static_micros(agent.status, agent.free_slots());
        self.bonuses.entry(bonus).or_default().insert(slot);
    }

    /// Undoes what [`insert`](Self::insert) did with the same agent.
    pub(super) fn remove(&mut self, slot: u32, agent: &Agent) {
        self.everybody.remove(slot);
        self.taking_work.remove(slot);
        self.draining.remove(slot);
        self.terminated.remove(slot);
        for capability in &agent.capabilities {
            self.capabilities.remove(capability, slot);
        }
        for tag in &agent.tags {
            self.tags.remove(tag, slot);
        }
        match &agent.phase_id {
            Some(phase_id) => self.phases.remove(phase_id, slot),
            None => {
                self.in_any_phase.remove(slot);
            }
        }
        self.types.remove(&agent.agent_type, slot);
        self.with_free_slot.remove(slot);
        let bonus = static_micros(agent.status, agent.free_slots());
        if let Some(slots) = self.bonuses.get_mut(&bonus) {
            slots.remove(slot);
        }
    }

    /// The slots that pass every filter; capabilities and health are not looked at.
    pub(super) fn eligible(&self, wanted: &Wanted) -> RoaringBitmap {
        let everybody =
            if wanted.include_unavailable { &self.everybody } else { &self.taking_work };
        let mut eligible = everybody.clone();
        self.narrow(&mut eligible, wanted.phase_id.as_deref(), wanted.agent_type);
        for tag in &wanted.tags {
            self.tags.narrow(&mut eligible, tag);
        }
        eligible
    }

    /// The slots of agents that are not gone, have all of these capabilities, and do work of this
    /// phase and type.
    pub(super) fn holding(
        &self,
        wanted: &[Capability],
        phase_id: Option<&str>,
        agent_type: Option<AgentType>,
    ) -> RoaringBitmap {
        // Starting from one capability is far less than starting from everybody.
        let mut holding = match wanted.split_first() {
            None => self.everybody.clone(),
            Some((first, _)) => self.capabilities.get(first).cloned().unwrap_or_default(),
        };
        holding -= &self.terminated;
        for capability in wanted.iter().skip(1) {
            self.capabilities.narrow(&mut holding, capability);
        }
        self.narrow(&mut holding, phase_id, agent_type);
        holding
    }

    /// How many agents that are not gone have this capability.
    pub(super) fn holder_count(&self, capability: &Capability) -> u64 {
        let held = self.capabilities.get(capability);
        held.map_or(0, |slots| slots.difference_len(&self.terminated))
    }

    /// The capabilities that anyone has who is not gone.
    pub(super) fn held(&self) -> impl Iterator<Item = &Capability> {
        self.capabilities
            .0
            .iter()
            .filter(|(_, slots)| !slots.is_subset(&self.terminated))
            .map(|(capability, _)| capability)
    }

    /// The slots of agents that take no new work.
    pub(super) fn draining(&self) -> &RoaringBitmap {
        &self.draining
    }

    /// Keeps the slots of agents that do work of this phase and type.
    fn narrow(
        &self,
        slots: &mut RoaringBitmap,
        phase_id: Option<&str>,
        agent_type: Option<AgentType>,
    ) {
        if let Some(phase_id) = phase_id {
            match self.phases.get(phase_id) {
                Some(bound) => *slots &= bound | &self.in_any_phase,
                None => *slots &= &self.in_any_phase,
            }
        }
        if let Some(agent_type) = &agent_type {
            self.types.narrow(slots, agent_type);
        }
    }

    /// The eligible slots by how many of the required capabilities they have, most first; those that
    /// have none are left out, unless none is required.
    ///
    /// Counts up: whoever has at least `n` and has the next capability, too, has at least `n + 1`.
    pub(super) fn coverage(
        &self,
        required: &[Capability],
        eligible: RoaringBitmap,
    ) -> Vec<Coverage> {
        if required.is_empty() {
            return vec![Coverage { matched: 0, slots: eligible }];
        }
        // The slots at place `n` have at least `n + 1`.
        let mut at_least: Vec<RoaringBitmap> = Vec::new();
        for capability in required {
            let Some(slots) = self.capabilities.get(capability) else {
                continue;
            };
            let mut carry = slots & &eligible;
            for counted in &mut at_least {
                let both = &*counted & &carry;
                *counted |= carry;
                carry = both;
            }
            if !carry.is_empty() {
                at_least.push(carry);
            }
        }
        let mut more = RoaringBitmap::new();
        let mut classes = Vec::with_capacity(at_least.len());
        for (place, slots) in at_least.into_iter().enumerate().rev() {
            let exactly = &slots - &more;
            more = slots;
            classes.push(Coverage { matched: place + 1, slots: exactly });
        }
        classes
    }

    pub(super) fn with_capability(&self, capability: &Capability) -> Option<&RoaringBitmap> {
        self.capabilities.get(capability)
    }

    pub(super) fn with_free_slot(&self) -> &RoaringBitmap {
        &self.with_free_slot
    }

    /// The slots by their static part of the score.
    pub(super) fn bonuses(&self) -> impl Iterator<Item = (u32, &RoaringBitmap)> {
        self.bonuses.iter().map(|(bonus, slots)| (*bonus, slots))
    }
}

impl<K: Eq + Hash + Clone> Lists<K> {
    fn get<Q: Eq + Hash + ?Sized>(&self, thing: &Q) -> Option<&RoaringBitmap>
    where
        K: Borrow<Q>,
    {
        self.0.get(thing)
    }

    fn insert(&mut self, thing: &K, slot: u32) {
        match self.0.get_mut(thing) {
            Some(slots) => {
                slots.insert(slot);
            }
            None => {
                self.0.insert(thing.clone(), RoaringBitmap::from_iter([slot]));
            }
        }
    }

    fn remove(&mut self, thing: &K, slot: u32) {
        if let Some(slots) = self.0.get_mut(thing) {
            slots.remove(slot);
            if slots.is_empty() {
                self.0.remove(thing);
            }
        }
    }

    /// Keeps the slots that have the thing.
    fn narrow(&self, slots: &mut RoaringBitmap, thing: &K) {
        match self.0.get(thing) {
            Some(having) => *slots &= having,
            None => slots.clear(),
        }
    }
}

impl<K> Default for Lists<K> {
    fn default() -> Self {
        Lists(HashMap::new())
    }
}
