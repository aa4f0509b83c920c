//! Which slots have what: one compressed bitmap for each capability, tag, phase, type and tier.

use std::borrow::{Borrow, Cow};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use roaring::RoaringBitmap;

use super::posting::{Members, Posting};
use super::tier::Tier;
use crate::agent::{Agent, AgentType};
use crate::capability::Capability;
use crate::rank::Wanted;
use crate::status::AgentStatus;
use crate::tag::Tag;

/// All bitmaps that follow from the agents. What follows from the time as well is in
/// [`Judgement`](super::judgement::Judgement).
#[derive(Debug, Clone, Default)]
pub(super) struct Postings {
    everybody: RoaringBitmap,
    taking_work: Posting,
    draining: RoaringBitmap,
    /// Those that are not terminated.
    present: RoaringBitmap,
    /// Those that are neither available nor terminated.
    out_of_service: Lists<AgentStatus>,
    capabilities: Lists<Capability>,
    tags: Lists<Tag>,
    phases: Lists<String>,
    in_any_phase: RoaringBitmap,
    types: Lists<AgentType>,
    /// The best first.
    tiers: BTreeMap<Reverse<Tier>, RoaringBitmap>,
}

/// The slots that have a thing; a thing that nobody has is not kept.
#[derive(Debug, Clone)]
struct Lists<K>(HashMap<K, Posting>);

/// The slots that pass the filters of a search.
#[derive(Debug)]
pub(super) struct Eligible<'a> {
    /// Whom the filters were applied to.
    everybody: Members<'a>,
    /// These themselves, where no filter has left anybody out.
    slots: Cow<'a, RoaringBitmap>,
}

impl Eligible<'_> {
    pub(super) fn slots(&self) -> &RoaringBitmap {
        &self.slots
    }

    pub(super) fn members(&self) -> Members<'_> {
        match &self.slots {
            Cow::Borrowed(_) => self.everybody,
            Cow::Owned(slots) => slots.into(),
        }
    }

    /// Leaves some more out.
    pub(super) fn leave_out(&mut self, slots: &RoaringBitmap) {
        *self.slots.to_mut() -= slots;
    }
}

impl Postings {
    pub(super) fn insert(&mut self, slot: u32, agent: &Agent) {
        self.everybody.insert(slot);
        self.insert_labels(slot, agent);
        self.insert_state(slot, agent);
    }

    /// Undoes what [`insert`](Self::insert) did with the same agent.
    pub(super) fn remove(&mut self, slot: u32, agent: &Agent) {
        self.everybody.remove(slot);
        self.remove_labels(slot, agent);
        self.remove_state(slot, agent);
    }

    /// Puts an agent in the place of what it was. What it is up to changes with every claim; what it
    /// can do hardly ever.
    pub(super) fn replace(&mut self, slot: u32, old: &Agent, new: &Agent) {
        let alike = old.capabilities == new.capabilities
            && old.tags == new.tags
            && old.phase_id == new.phase_id
            && old.agent_type == new.agent_type;
        if !alike {
            self.remove_labels(slot, old);
            self.insert_labels(slot, new);
        }
        self.remove_state(slot, old);
        self.insert_state(slot, new);
    }

    fn insert_labels(&mut self, slot: u32, agent: &Agent) {
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
    }

    fn remove_labels(&mut self, slot: u32, agent: &Agent) {
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
    }

    fn insert_state(&mut self, slot: u32, agent: &Agent) {
        if agent.takes_work() {
            self.taking_work.insert(slot);
        }
        if agent.draining {
            self.draining.insert(slot);
        }
        if agent.status != AgentStatus::Terminated {
            self.present.insert(slot);
            if !agent.status.is_available() {
                self.out_of_service.insert(&agent.status, slot);
            }
        }
        self.tiers.entry(Reverse(Tier::of(agent))).or_default().insert(slot);
    }

    fn remove_state(&mut self, slot: u32, agent: &Agent) {
        self.taking_work.remove(slot);
        self.draining.remove(slot);
        self.present.remove(slot);
        self.out_of_service.remove(&agent.status, slot);
        let tier = Reverse(Tier::of(agent));
        if let Some(slots) = self.tiers.get_mut(&tier) {
            slots.remove(slot);
            if slots.is_empty() {
                self.tiers.remove(&tier);
            }
        }
    }

    /// The same label as another agent has it, if one does: equal labels share their text.
    pub(super) fn known_capability(&self, capability: &Capability) -> Option<Capability> {
        self.capabilities.0.get_key_value(capability).map(|(known, _)| known.clone())
    }

    /// The same for tags.
    pub(super) fn known_tag(&self, tag: &Tag) -> Option<Tag> {
        self.tags.0.get_key_value(tag).map(|(known, _)| known.clone())
    }

    /// The slots that pass every filter; capabilities and health are not looked at.
    pub(super) fn eligible(&self, wanted: &Wanted) -> Eligible<'_> {
        let everybody = if wanted.include_unavailable {
            Members::from(&self.everybody)
        } else {
            self.taking_work.members()
        };
        let mut slots = Cow::Borrowed(everybody.slots);
        self.narrow(&mut slots, wanted.phase_id.as_deref(), wanted.agent_type);
        for tag in &wanted.tags {
            self.tags.narrow(&mut slots, tag);
        }
        Eligible { everybody, slots }
    }

    /// The slots of agents that are not gone, have all of these capabilities, and do work of this
    /// phase and type.
    pub(super) fn holding(
        &self,
        wanted: &[Capability],
        phase_id: Option<&str>,
        agent_type: Option<AgentType>,
    ) -> RoaringBitmap {
        let labels = wanted.iter().map(|capability| self.capabilities.get(capability));
        let of_type = agent_type.map(|agent_type| self.types.get(&agent_type));
        let Some(mut all) = labels.chain(of_type).collect::<Option<Vec<_>>>() else {
            return RoaringBitmap::new(); // nobody has one of these
        };
        all.push(&self.present);
        // Each intersection takes as long as the smaller one is large.
        all.sort_by_cached_key(|slots| slots.len());
        let mut all = all.into_iter();
        let mut holding = all.next().map(Cow::Borrowed).unwrap_or_default();
        for slots in all {
            intersect(&mut holding, slots);
        }
        self.narrow(&mut holding, phase_id, None);
        holding.into_owned()
    }

    /// Those of these who take work and have a free slot; how well they are is not looked at.
    pub(super) fn ready(&self, slots: &RoaringBitmap) -> RoaringBitmap {
        let full = self.tiers().filter(|(tier, _)| tier.free_slots == 0);
        full.fold(slots & self.taking_work.slots(), |ready, (_, full)| ready - full)
    }

    /// The slots of agents that are neither available nor terminated, by their status.
    pub(super) fn out_of_service(&self) -> impl Iterator<Item = (AgentStatus, &RoaringBitmap)> {
        self.out_of_service.0.iter().map(|(status, slots)| (*status, slots.slots()))
    }

    /// Whether there is any agent that is not gone.
    pub(super) fn is_anybody_there(&self) -> bool {
        !self.present.is_empty()
    }

    /// The types that these are of, each with the phases that those of it are bound to.
    pub(super) fn kinds(
        &self,
        slots: &RoaringBitmap,
    ) -> impl Iterator<Item = (AgentType, Option<&str>)> {
        self.types.0.iter().flat_map(move |(agent_type, of_type)| {
            let slots = slots & of_type.slots();
            let bound =
                self.phases.0.iter().map(|(phase, bound)| (Some(phase.as_str()), bound.slots()));
            bound
                .chain([(None, &self.in_any_phase)])
                .filter(move |(_, bound)| !bound.is_disjoint(&slots))
                .map(|(phase, _)| (*agent_type, phase))
        })
    }

    /// How many agents that are not gone have this capability.
    pub(super) fn holder_count(&self, capability: &Capability) -> u64 {
        let held = self.capabilities.get(capability);
        held.map_or(0, |slots| slots.intersection_len(&self.present))
    }

    /// The capabilities that anyone has who is not gone, and how many have each.
    pub(super) fn holders(&self) -> impl Iterator<Item = (Capability, u64)> {
        let counts = self.capabilities.0.iter().map(|(capability, held)| {
            (capability.clone(), held.slots().intersection_len(&self.present))
        });
        counts.filter(|(_, count)| *count > 0)
    }

    /// The capabilities that anyone has who is not gone.
    pub(super) fn held(&self) -> impl Iterator<Item = &Capability> {
        self.capabilities
            .0
            .iter()
            .filter(|(_, held)| !held.slots().is_disjoint(&self.present))
            .map(|(capability, _)| capability)
    }

    /// The slots of agents that take no new work.
    pub(super) fn draining(&self) -> &RoaringBitmap {
        &self.draining
    }

    /// Keeps the slots of agents that do work of this phase and type.
    fn narrow(
        &self,
        slots: &mut Cow<'_, RoaringBitmap>,
        phase_id: Option<&str>,
        agent_type: Option<AgentType>,
    ) {
        if let Some(phase_id) = phase_id {
            let mut fitting = &**slots & &self.in_any_phase;
            if let Some(bound) = self.phases.get(phase_id) {
                fitting |= &**slots & bound;
            }
            *slots = Cow::Owned(fitting);
        }
        if let Some(agent_type) = &agent_type {
            self.types.narrow(slots, agent_type);
        }
    }

    pub(super) fn with_capability(&self, capability: &Capability) -> Option<Members<'_>> {
        self.capabilities.0.get(capability).map(Posting::members)
    }

    pub(super) fn with_tag(&self, tag: &Tag) -> Option<&RoaringBitmap> {
        self.tags.get(tag)
    }

    /// The slots of each tier, the best one first.
    pub(super) fn tiers(&self) -> impl Iterator<Item = (Tier, &RoaringBitmap)> {
        self.tiers.iter().map(|(Reverse(tier), slots)| (*tier, slots))
    }
}

impl<K: Eq + Hash + Clone> Lists<K> {
    fn get<Q: Eq + Hash + ?Sized>(&self, thing: &Q) -> Option<&RoaringBitmap>
    where
        K: Borrow<Q>,
    {
        self.0.get(thing).map(Posting::slots)
    }

    fn insert(&mut self, thing: &K, slot: u32) {
        match self.0.get_mut(thing) {
            Some(slots) => {
                slots.insert(slot);
            }
            None => {
                let mut slots = Posting::default();
                slots.insert(slot);
                self.0.insert(thing.clone(), slots);
            }
        }
    }

    fn remove(&mut self, thing: &K, slot: u32) {
        if let Some(slots) = self.0.get_mut(thing) {
            slots.remove(slot);
            if slots.slots().is_empty() {
                self.0.remove(thing);
            }
        }
    }

    /// Keeps the slots that have the thing.
    fn narrow(&self, slots: &mut Cow<'_, RoaringBitmap>, thing: &K) {
        match self.get(thing) {
            None => *slots = Cow::Owned(RoaringBitmap::new()),
            Some(having) => intersect(slots, having),
        }
    }
}

fn intersect(slots: &mut Cow<'_, RoaringBitmap>, others: &RoaringBitmap) {
    match slots {
        Cow::Owned(slots) => *slots &= others,
        Cow::Borrowed(all) => *slots = Cow::Owned(&**all & others),
    }
}

impl<K> Default for Lists<K> {
    fn default() -> Self {
        Lists(HashMap::new())
    }
}
