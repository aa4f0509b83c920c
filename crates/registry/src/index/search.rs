//! Searching: from the best that a group of agents could score down to where nobody can still win.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;

use super::postings::Coverage;
use super::{Entry, Index};
use crate::capability::Capability;
use crate::fit::NoFit;
use crate::rank::{Match, Wanted};
use crate::score::{HEALTHY, Standing, coverage_micros, health_micros};

/// One search: what is wanted, with the duplicates taken out of it, and when.
struct Search<'a> {
    index: &'a Index,
    wanted: &'a Wanted,
    required: Vec<Capability>,
    now: DateTime<Utc>,
}

/// Agents whose score differs by their health only.
struct Group<'a> {
    micros_without_health: u32,
    covering: &'a RoaringBitmap,
    with_bonus: &'a RoaringBitmap,
}

/// An agent that is among the best so far; the smaller one is the better one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    standing: Standing,
    slot: u32,
}

impl Index {
    /// All matches at `now`, the best first: the same as [`rank`](crate::rank()) over all agents.
    pub fn search(&self, wanted: &Wanted, now: DateTime<Utc>) -> Vec<Match> {
        let search = Search::new(self, wanted, now);
        let eligible = self.postings.eligible(wanted);
        let classes = self.postings.coverage(&search.required, eligible);
        search.best(&classes, wanted.limit)
    }

    /// The first match that has a free slot and every required capability: the same as
    /// [`best_fit`](crate::best_fit()) over all agents. `wanted.limit` makes no difference.
    ///
    /// # Errors
    ///
    /// [`NoFit`], which says what is missing and who comes nearest.
    pub fn best_fit(&self, wanted: &Wanted, now: DateTime<Utc>) -> Result<Match, NoFit> {
        let search = Search::new(self, wanted, now);
        let eligible = self.postings.eligible(wanted) - self.postings.draining();
        let classes = self.postings.coverage(&search.required, eligible.clone());
        let fitting = classes
            .iter()
            .filter(|class| class.matched == search.required.len())
            .map(|class| Coverage {
                matched: class.matched,
                slots: &class.slots & self.postings.with_free_slot(),
            })
            .next();
        if let Some(fit) = fitting.and_then(|class| search.first(&class)) {
            return Ok(fit);
        }
        let missing = search.missing(&eligible);
        let nearest = classes.iter().find_map(|class| search.first(class));
        Err(NoFit::new(missing, nearest))
    }
}

impl<'a> Search<'a> {
    fn new(index: &'a Index, wanted: &'a Wanted, now: DateTime<Utc>) -> Search<'a> {
        Search { index, wanted, required: wanted.required(), now }
    }

    /// The best so many of these classes, in their order.
    fn best(&self, classes: &[Coverage], limit: usize) -> Vec<Match> {
        if limit == 0 {
            return Vec::new();
        }
        let mut best: BinaryHeap<Candidate> = BinaryHeap::new();
        for group in self.groups(classes) {
            let could_score = group.micros_without_health + HEALTHY;
            let is_full = best.len() == limit;
            // An equal score may still win by its free slots or its id.
            if is_full && best.peek().is_some_and(|worst| worst.standing.micros() > could_score) {
                break;
            }
            for slot in group.covering & group.with_bonus {
                let Some(candidate) = self.candidate(slot, group.micros_without_health) else {
                    continue;
                };
                if best.len() < limit {
                    best.push(candidate);
                } else if let Some(mut worst) = best.peek_mut()
                    && candidate < *worst
                {
                    *worst = candidate;
                }
            }
        }
        best.into_sorted_vec()
            .iter()
            .filter_map(|candidate| self.index.entry(candidate.slot))
            .map(|entry| self.explain(entry))
            .collect()
    }

    fn first(&self, class: &Coverage) -> Option<Match> {
        self.best(std::slice::from_ref(class), 1).pop()
    }

    /// The required capabilities that nobody has who could be asked at all.
    fn missing(&self, eligible: &RoaringBitmap) -> Vec<Capability> {
        let someone_has = |capability: &Capability| {
            self.index
                .postings
                .with_capability(capability)
                .is_some_and(|slots| (slots & eligible).iter().any(|slot| self.admits(slot)))
        };
        let mut missing = self.required.clone();
        missing.retain(|capability| !someone_has(capability));
        missing
    }

    /// Every class by every static bonus, the best first.
    fn groups<'b>(&self, classes: &'b [Coverage]) -> Vec<Group<'b>>
    where
        'a: 'b,
    {
        let index: &'a Index = self.index;
        let mut groups = Vec::new();
        for class in classes {
            let coverage = coverage_micros(class.matched, self.required.len());
            groups.extend(index.postings.bonuses().map(|(bonus, with_bonus)| Group {
                micros_without_health: coverage + bonus,
                covering: &class.slots,
                with_bonus,
            }));
        }
        groups.sort_by_key(|group| Reverse(group.micros_without_health));
        groups
    }

    fn candidate(&self, slot: u32, micros_without_health: u32) -> Option<Candidate> {
        let entry = self.index.entry(slot)?;
        let health = entry.outlook.at(self.now);
        self.wanted.admits_health(health).then(|| {
            let micros = micros_without_health + health_micros(health);
            Candidate { standing: Standing::new(micros, entry.free_slots, entry.id), slot }
        })
    }

    fn admits(&self, slot: u32) -> bool {
        self.index
            .entry(slot)
            .is_some_and(|entry| self.wanted.admits_health(entry.outlook.at(self.now)))
    }

    fn explain(&self, entry: &Entry) -> Match {
        let health = entry.outlook.at(self.now);
        Match::new(entry.agent.clone(), health, &self.required)
    }
}
