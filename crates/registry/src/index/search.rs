//! Searching: from the best that an agent could score down to where nobody can still win.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;

use super::best::{Best, Candidate};
use super::class::{Class, Coverage};
use super::order::Part;
use super::postings::Eligible;
use super::tier::Tier;
use super::{Entry, Index};
use crate::capability::Capability;
use crate::fit::NoFit;
use crate::rank::{Match, Wanted};
use crate::score::{HEALTHY, MOST_STATIC, Standing, coverage_micros, health_micros};

mod comb;
mod glance;

/// So few agents are sooner looked at one by one than walked in order.
const FEW: u64 = if cfg!(test) { 2 } else { 48 };
/// So few agents are sooner compared by their tiers, which lie side by side, than parted by tier.
const SOME: u64 = if cfg!(test) { 6 } else { 4096 };
/// So few capabilities are sooner left out one at a time than counted.
const FEW_REQUIRED: usize = 8;

/// One search: what is wanted, with the duplicates taken out of it, and when.
struct Search<'a> {
    index: &'a Index,
    wanted: &'a Wanted,
    required: Vec<Capability>,
    now: DateTime<Utc>,
    /// Whether whoever is in a greater slot has a greater id.
    in_order: bool,
}

/// Agents that score the same, except that some of them may be less well than the others.
struct Group<'a> {
    slots: &'a RoaringBitmap,
    /// The part of their score that is for what they can do.
    coverage: u32,
    /// What they score at most.
    micros: u32,
    free_slots: u32,
}

impl Index {
    /// All matches at `now`, the best first: the same as [`rank`](crate::rank()) over all agents.
    pub fn search(&self, wanted: &Wanted, now: DateTime<Utc>) -> Vec<Match> {
        let search = Search::new(self, wanted, now);
        let eligible = self.postings.eligible(wanted);
        let mut best = Best::of(wanted.limit);
        if let Some(class) = self.postings.having_all(&search.required) {
            search.take_in(&class, &eligible, 0, &mut best);
        }
        let mut below = search.required.len();
        if below <= FEW_REQUIRED && search.others_may_win(below, &best) {
            for class in self.postings.having_all_but_one(&search.required) {
                search.take_in(&class, &eligible, 0, &mut best);
            }
            below -= 1;
        }
        if search.others_may_win(below, &best) {
            for class in self.postings.having_fewer(&search.required, below, eligible.slots()) {
                search.walk(&class, 0, &mut best);
            }
        }
        search.explained(best)
    }

    /// The first match that has a free slot and every required capability: the same as
    /// [`best_fit`](crate::best_fit()) over all agents. `wanted.limit` makes no difference.
    ///
    /// # Errors
    ///
    /// [`NoFit`], which says what is missing and who comes nearest.
    pub fn best_fit(&self, wanted: &Wanted, now: DateTime<Utc>) -> Result<Match, NoFit> {
        let search = Search::new(self, wanted, now);
        let mut eligible = self.postings.eligible(wanted);
        if wanted.include_unavailable {
            eligible.leave_out(self.postings.draining());
        }
        let able = self.postings.having_all(&search.required);
        let first = |free_slots| search.first(able.as_slice(), &eligible, free_slots);
        if let Some(fit) = first(1) {
            return Ok(fit);
        }
        let nearest = first(0).or_else(|| search.nearest(&eligible));
        Err(NoFit::new(search.missing(&eligible), nearest))
    }
}

impl<'a> Search<'a> {
    fn new(index: &'a Index, wanted: &'a Wanted, now: DateTime<Utc>) -> Search<'a> {
        let in_order = index.order.is_one_run();
        Search { index, wanted, required: wanted.required(), now, in_order }
    }

    /// Whether an agent that has fewer than so many may still be among the best.
    fn others_may_win(&self, below: usize, best: &Best) -> bool {
        let matched = below.saturating_sub(1);
        let micros = coverage_micros(matched, self.required.len()) + MOST_STATIC + HEALTHY;
        matched > 0 && !best.is_closed_to(&Standing::first(micros, u32::MAX))
    }

    /// Looks for the best in a class, among those with so many free slots.
    fn take_in(
        &self,
        class: &Class<'_>,
        eligible: &Eligible<'_>,
        free_slots: u32,
        best: &mut Best,
    ) {
        let coverage = coverage_micros(class.matched, self.required.len());
        if best.is_closed_to(&self.best_of(coverage, HEALTHY))
            || self.glance(class, eligible, free_slots, best)
        {
            return;
        }
        if class.having.is_empty() {
            let slots = Cow::Borrowed(eligible.slots());
            self.walk(&Coverage { matched: class.matched, slots }, free_slots, best);
        } else {
            self.comb(class, eligible, free_slots, best);
        }
    }

    /// The same for a class that is put together: those that may be healthy first, then the others,
    /// and both from the best tier down.
    fn walk(&self, class: &Coverage<'_>, free_slots: u32, best: &mut Best) {
        let Coverage { matched, slots } = class;
        let coverage = coverage_micros(*matched, self.required.len());
        if slots.is_empty() || best.is_closed_to(&self.best_of(coverage, HEALTHY)) {
            return;
        }
        if slots.len() <= SOME {
            return self.scan(slots, coverage, free_slots, best);
        }
        let Some(perhaps_healthy) = self.index.judgement.perhaps_healthy(self.now) else {
            return self.descend(slots, (coverage, HEALTHY), free_slots, best);
        };
        let well = &**slots & perhaps_healthy;
        self.descend(&well, (coverage, HEALTHY), free_slots, best);
        if !best.is_closed_to(&self.best_of(coverage, 0)) {
            let mut rest = &**slots - &well;
            if let Some(unresponsive) = self.surely_gone() {
                rest -= unresponsive;
            }
            self.descend(&rest, (coverage, 0), free_slots, best);
        }
    }

    /// From the best tier down to where nobody can still win.
    fn descend(
        &self,
        slots: &RoaringBitmap,
        (coverage, health): (u32, u32),
        free_slots: u32,
        best: &mut Best,
    ) {
        if slots.len() <= FEW {
            return self.scan(slots, coverage, free_slots, best);
        }
        for (tier, with_tier) in self.index.postings.tiers() {
            let micros = coverage + health + tier.micros;
            if best.is_closed_to(&Standing::first(micros, tier.free_slots)) {
                return;
            }
            if tier.free_slots < free_slots {
                continue;
            }
            let slots = slots & with_tier;
            let free_slots = tier.free_slots;
            self.look(&Group { slots: &slots, coverage, micros, free_slots }, best);
        }
    }

    /// Looks at a group in the order of ids, and stops where nobody can still win.
    fn look(&self, group: &Group<'_>, best: &mut Best) {
        if group.slots.len() <= FEW {
            return self.scan(group.slots, group.coverage, 0, best);
        }
        for part in self.index.order.parts(group.slots) {
            let slots = match part {
                Part::Unordered(slots) => {
                    self.scan(&slots, group.coverage, 0, best);
                    continue;
                }
                Part::Ordered(slots) => slots,
            };
            for slot in slots.iter() {
                let Some(entry) = self.index.entry(slot) else { continue };
                let at_best = Standing::new(group.micros, group.free_slots, entry.id);
                if best.is_closed_to(&at_best) {
                    break;
                }
                self.offer(slot, entry, group.coverage, best);
            }
        }
    }

    /// Looks at all of these that have so many free slots.
    fn scan(&self, slots: &RoaringBitmap, coverage: u32, free_slots: u32, best: &mut Best) {
        for slot in slots {
            self.consider(slot, coverage, free_slots, best);
        }
    }

    /// Offers who is in a slot, unless its tier tells that it has no chance.
    fn consider(&self, slot: u32, coverage: u32, free_slots: u32, best: &mut Best) {
        let Some(tier) = self.index.tiers.get(slot as usize) else { return };
        let micros = coverage + tier.micros + HEALTHY;
        if tier.free_slots < free_slots
            || best.is_closed_to(&Standing::first(micros, tier.free_slots))
            || self.in_order && best.is_closed_behind(slot, micros, tier.free_slots)
        {
            return;
        }
        if let Some(entry) = self.index.entry(slot) {
            self.offer(slot, entry, coverage, best);
        }
    }

    fn offer(&self, slot: u32, entry: &Entry, coverage: u32, best: &mut Best) {
        let health = entry.outlook.at(self.now);
        if self.wanted.admits_health(health) {
            let Tier { micros, free_slots } = self.index.tiers[slot as usize];
            let micros = coverage + micros + health_micros(health);
            let standing = Standing::new(micros, free_slots, entry.id);
            best.offer(Candidate { standing, slot });
        }
    }

    /// The best that anybody could score who covers so much and is so well.
    fn best_of(&self, coverage: u32, health: u32) -> Standing {
        Standing::first(coverage + MOST_STATIC + health, u32::MAX)
    }

    fn first<'b>(
        &self,
        classes: impl IntoIterator<Item = &'b Class<'b>>,
        eligible: &Eligible<'_>,
        free_slots: u32,
    ) -> Option<Match> {
        let mut best = Best::of(1);
        for class in classes {
            self.take_in(class, eligible, free_slots, &mut best);
        }
        self.explained(best).pop()
    }

    /// The first of those that lack as little as possible, but something.
    fn nearest(&self, eligible: &Eligible<'_>) -> Option<Match> {
        let mut below = self.required.len();
        if (2..=FEW_REQUIRED).contains(&below) {
            let classes: Vec<_> = self.index.postings.having_all_but_one(&self.required).collect();
            let first = self.first(&classes, eligible, 0);
            if first.is_some() {
                return first;
            }
            below -= 1;
        }
        let others = self.index.postings.having_fewer(&self.required, below, eligible.slots());
        others.iter().find_map(|class| {
            let mut best = Best::of(1);
            self.walk(class, 0, &mut best);
            self.explained(best).pop()
        })
    }

    /// Some of those that do not answer, where nobody wants those.
    fn surely_gone(&self) -> Option<&'a RoaringBitmap> {
        let unresponsive = self.index.judgement.unresponsive(self.now);
        unresponsive.filter(|_| !self.wanted.include_unavailable)
    }

    /// The required capabilities that nobody has who could be asked at all.
    fn missing(&self, eligible: &Eligible<'_>) -> Vec<Capability> {
        let eligible = eligible.members();
        let someone_has = |capability: &Capability| {
            let slots = self.index.postings.with_capability(capability);
            slots.is_some_and(|slots| {
                slots.slots.iter().any(|slot| eligible.contains(slot) && self.admits(slot))
            })
        };
        let mut missing = self.required.clone();
        missing.retain(|capability| !someone_has(capability));
        missing
    }

    fn admits(&self, slot: u32) -> bool {
        let entry = self.index.entry(slot);
        entry.is_some_and(|entry| self.wanted.admits_health(entry.outlook.at(self.now)))
    }

    fn explained(&self, best: Best) -> Vec<Match> {
        let candidates = best.into_sorted().into_iter();
        let explained = candidates.filter_map(|Candidate { standing, slot }| {
            let (entry, tier) = (self.index.entry(slot)?, self.index.tiers.get(slot as usize)?);
            let (agent, health) = (Arc::clone(&entry.agent), entry.outlook.at(self.now));
            let of_all = coverage_micros(self.required.len(), self.required.len());
            Some(if standing.micros() == of_all + tier.micros + health_micros(health) {
                Match::of_all(agent, health, self.required.clone())
            } else {
                Match::new(agent, health, &self.required)
            })
        });
        explained.collect()
    }
}
