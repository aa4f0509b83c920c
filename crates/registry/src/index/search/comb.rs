//! Going through a class slot by slot, as plain bits tell who is in it, without putting it together.

use std::ops::ControlFlow;

use super::Search;
use crate::index::best::Best;
use crate::index::class::Class;
use crate::index::posting::each_in_all;
use crate::index::postings::Eligible;
use crate::score::{HEALTHY, coverage_micros};

impl Search<'_> {
    /// Takes in the best of a class.
    pub(super) fn comb(
        &self,
        class: &Class<'_>,
        eligible: &Eligible<'_>,
        free_slots: u32,
        best: &mut Best,
    ) {
        let mut all = class.having.clone();
        all.push(eligible.members());
        let Some((top, _)) = self.index.postings.tiers().next() else { return };
        let coverage = coverage_micros(class.matched, self.required.len());
        let micros = coverage + top.micros + HEALTHY;
        each_in_all(&mut all, class.lacking, |slot| {
            // Whoever comes later has a greater id, and is in no better tier than the best one.
            if self.in_order && best.is_closed_behind(slot, micros, top.free_slots) {
                return ControlFlow::Break(());
            }
            self.consider(slot, coverage, free_slots, best);
            ControlFlow::Continue(())
        });
    }
}
