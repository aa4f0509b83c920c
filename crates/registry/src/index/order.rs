//! The slots in the order of their agents' ids, which breaks ties.

use std::borrow::Cow;

use roaring::RoaringBitmap;
use uuid::Uuid;

/// Servers mint ids that grow (UUIDv7), so that agents come in a few growing sequences: one for each
/// server, and one more now and then where two were registered at the same moment. What belongs to
/// none of so many sequences is kept without order; it costs time and never a wrong answer.
const MOST_RUNS: usize = 12;

/// The slots, parted into runs: within a run, the smaller slot has the smaller id.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    runs: Vec<Run>,
    unordered: RoaringBitmap,
}

#[derive(Debug, Clone)]
struct Run {
    /// No slot of the run and no id in it is greater.
    last: (Uuid, u32),
    slots: RoaringBitmap,
}

/// Some slots, in the order in which they are to be looked at.
#[derive(Debug)]
pub(super) enum Part<'a> {
    /// By their ids, so that whoever found enough may stop.
    Ordered(Cow<'a, RoaringBitmap>),
    /// All of them have to be looked at.
    Unordered(RoaringBitmap),
}

impl Order {
    pub(super) fn insert(&mut self, slot: u32, id: Uuid) {
        let fits = |run: &&mut Run| run.last.0 < id && run.last.1 < slot;
        if let Some(run) = self.runs.iter_mut().filter(fits).max_by_key(|run| run.last) {
            run.slots.insert(slot);
            run.last = (id, slot);
        } else if self.runs.len() < MOST_RUNS {
            self.runs.push(Run { last: (id, slot), slots: RoaringBitmap::from_iter([slot]) });
        } else {
            self.unordered.insert(slot);
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        self.unordered.remove(slot);
        self.runs.retain_mut(|run| !run.slots.remove(slot) || !run.slots.is_empty());
    }

    /// The slots of each run; `None` where there are some without order.
    pub(super) fn runs(&self) -> Option<impl Iterator<Item = &RoaringBitmap>> {
        self.unordered.is_empty().then(|| self.runs.iter().map(|run| &run.slots))
    }

    /// Whether everybody is in one run, so that the smaller slot has the smaller id.
    pub(super) fn is_one_run(&self) -> bool {
        self.unordered.is_empty() && self.runs.len() == 1
    }

    /// Parts these slots; together the parts are all of them.
    pub(super) fn parts<'a>(
        &'a self,
        slots: &'a RoaringBitmap,
    ) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let unordered = (!self.unordered.is_empty()).then(|| slots & &self.unordered);
        let one_run = self.runs.len() == 1 && unordered.is_none();
        let ordered = self.runs.iter().map(move |run| {
            let own = if one_run { Cow::Borrowed(slots) } else { Cow::Owned(slots & &run.slots) };
            Part::Ordered(own)
        });
        ordered.chain(unordered.map(Part::Unordered))
    }
}
