//! Looking at the first few of a class: where many are able, that is enough.

use super::Search;
use crate::index::best::Best;
use crate::index::class::Class;
use crate::index::posting::Members;
use crate::index::postings::Eligible;
use crate::score::{HEALTHY, Standing, coverage_micros};

/// So many are looked at before bitmaps are put together.
const LOOKS: usize = 1024;
/// A class is worth a glance if it is likely to have so many times more than are wanted.
/// The tests have few agents, and look at everything.
const PLENTY: f64 = if cfg!(test) { 0.0 } else { 2.0 };

impl Search<'_> {
    /// Takes in the best of a class, if a few looks can tell who they are. If not, it says so and
    /// leaves everything as it was.
    ///
    /// The healthy ones of the best tier come first, in the order of ids; so whoever looks for the
    /// first few that are in all of the bitmaps need not know how many there are.
    pub(super) fn glance(
        &self,
        class: &Class<'_>,
        eligible: &Eligible<'_>,
        free_slots: u32,
        best: &mut Best,
    ) -> bool {
        let seen = self.seen_at_a_glance(class, eligible, free_slots, best);
        seen.map(|seen| *best = seen).is_some()
    }

    fn seen_at_a_glance(
        &self,
        class: &Class<'_>,
        eligible: &Eligible<'_>,
        free_slots: u32,
        best: &Best,
    ) -> Option<Best> {
        let mut best = best.clone();
        let coverage = coverage_micros(class.matched, self.required.len());
        let perhaps_healthy = self.index.judgement.perhaps_healthy(self.now)?;
        let mut looks = LOOKS;
        for (tier, with_tier) in self.index.postings.tiers() {
            let micros = coverage + tier.micros + HEALTHY;
            if best.is_closed_to(&Standing::first(micros, tier.free_slots)) {
                break;
            }
            if tier.free_slots < free_slots {
                continue;
            }
            for run in self.index.order.runs()? {
                let mut all = class.having.clone();
                all.push(eligible.members());
                all.extend([perhaps_healthy, with_tier, run].map(Members::from));
                let (fewest, others) = self.worthwhile(&mut all, looks, &best)?;
                for slot in fewest.slots {
                    looks = looks.checked_sub(1)?;
                    let lacking = || class.lacking.is_some_and(|lacking| lacking.contains(slot));
                    if !others.iter().all(|slots| slots.contains(slot)) || lacking() {
                        continue;
                    }
                    let Some(entry) = self.index.entry(slot) else { continue };
                    self.offer(slot, entry, coverage, &mut best);
                    let standing = Standing::new(micros, tier.free_slots, entry.id);
                    if best.is_closed_to(&standing) {
                        break;
                    }
                }
            }
        }
        best.is_closed_to(&self.best_of(coverage, 0)).then_some(best)
    }

    /// The smallest of the bitmaps and the others, if enough are likely to be in all of them.
    fn worthwhile<'a, 'b>(
        &self,
        all: &'a mut [Members<'b>],
        looks: usize,
        best: &Best,
    ) -> Option<(Members<'b>, &'a [Members<'b>])> {
        all.sort_by_cached_key(Members::len);
        let (fewest, others) = all.split_first()?;
        let everybody = self.index.entries.len() as f64;
        let share: f64 = others.iter().map(|slots| slots.len() as f64 / everybody).product();
        let likely = share * fewest.len().min(looks as u64) as f64;
        (likely >= PLENTY * best.limit() as f64).then_some((*fewest, others))
    }
}
