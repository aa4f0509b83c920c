//! Going through the rarest of what a class has: where it is not all that rare, who cannot win is
//! sooner told by the tier than by the other bitmaps.

use roaring::RoaringBitmap;

use super::Search;
use crate::index::best::Best;
use crate::index::class::Class;
use crate::index::posting::Members;
use crate::score::{HEALTHY, Standing, coverage_micros};

/// A class is gone through if it is likely to have so many times more than are wanted: these are
/// found soon, and hardly anybody else is looked at.
const PLENTY: f64 = if cfg!(test) { 0.0 } else { 8.0 };
/// The same for the first class, of which nobody is ruled out from the start.
const MORE_THAN_PLENTY: f64 = if cfg!(test) { 2.0 } else { 256.0 };

impl Search<'_> {
    /// Takes in the best of a class, if that is the way to do it; otherwise says so and does nothing.
    pub(super) fn sift(
        &self,
        class: &Class<'_>,
        eligible: &RoaringBitmap,
        free_slots: u32,
        best: &mut Best,
    ) -> bool {
        let plenty = if class.lacking.is_some() { PLENTY } else { MORE_THAN_PLENTY };
        let mut all = class.having.clone();
        all.push(eligible.into());
        all.sort_by_cached_key(Members::len);
        let Some((fewest, others)) = all.split_first() else { return false };
        let everybody = self.index.entries.len() as f64;
        let share: f64 = others.iter().map(|slots| slots.len() as f64 / everybody).product();
        if share * (fewest.len() as f64) < plenty * best.limit() as f64 {
            return false;
        }
        let coverage = coverage_micros(class.matched, self.required.len());
        let Some((top, _)) = self.index.postings.tiers().next() else { return true };
        let in_order = self.index.order.is_one_run();
        for slot in fewest.slots {
            let Some(tier) = self.index.tiers.get(slot as usize) else { continue };
            let at_best = Standing::first(coverage + tier.micros + HEALTHY, tier.free_slots);
            if tier.free_slots < free_slots
                || best.is_closed_to(&at_best)
                || class.lacking.is_some_and(|lacking| lacking.contains(slot))
                || !others.iter().all(|slots| slots.contains(slot))
            {
                continue;
            }
            let Some(entry) = self.index.entry(slot) else { continue };
            self.offer(slot, entry, class.matched, best);
            // Whoever comes later has a greater id, and is in no better tier than the best one.
            let micros = coverage + top.micros + HEALTHY;
            if in_order && best.is_closed_to(&Standing::new(micros, top.free_slots, entry.id)) {
                break;
            }
        }
        true
    }
}
