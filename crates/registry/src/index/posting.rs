//! The slots that have one thing: compressed, and where they are many also as plain bits.

use std::ops::ControlFlow;

use roaring::RoaringBitmap;

const WORD: u32 = u64::BITS;
/// What so large a part of all has is kept as plain bits, too: a bit for each slot. The tests have
/// few agents.
const COMMON: u64 = if cfg!(test) { 4 } else { 256 };
/// What has become rarer than this is not any more.
const RARE: u64 = 4 * COMMON;

/// The slots that have a thing.
///
/// Compressed bitmaps keep up to one in sixteen as sorted numbers. Whether a slot is among those
/// takes a search, and two of them are intersected number by number. Of plain bits one
/// look tells the first, and an intersection goes 64 slots at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Posting {
    slots: RoaringBitmap,
    /// Empty where they are few.
    bits: Vec<u64>,
}

/// Slots to look for others in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Members<'a> {
    pub(super) slots: &'a RoaringBitmap,
    bits: &'a [u64],
}

impl Posting {
    pub(super) fn slots(&self) -> &RoaringBitmap {
        &self.slots
    }

    pub(super) fn members(&self) -> Members<'_> {
        Members { slots: &self.slots, bits: &self.bits }
    }

    pub(super) fn insert(&mut self, slot: u32) {
        if !self.slots.insert(slot) {
            return;
        }
        if !self.bits.is_empty() {
            set(&mut self.bits, slot);
        }
        // It is looked at now and then only: counting takes longer than inserting.
        if slot.is_multiple_of(WORD) || cfg!(test) {
            self.weigh();
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        if self.slots.remove(slot)
            && let Some(word) = self.bits.get_mut((slot / WORD) as usize)
        {
            *word &= !(1 << (slot % WORD));
        }
    }

    /// Makes the plain bits or drops them.
    fn weigh(&mut self) {
        let (count, all) = (self.slots.len(), self.slots.max().map_or(0, u64::from));
        if self.bits.is_empty() && count * COMMON >= all && all > COMMON {
            for slot in &self.slots {
                set(&mut self.bits, slot);
            }
        } else if count * RARE < all {
            self.bits = Vec::new();
        }
    }
}

fn set(bits: &mut Vec<u64>, slot: u32) {
    let place = (slot / WORD) as usize;
    if place >= bits.len() {
        bits.resize(place + 1, 0);
    }
    bits[place] |= 1 << (slot % WORD);
}

impl<'a> From<&'a RoaringBitmap> for Members<'a> {
    fn from(slots: &'a RoaringBitmap) -> Self {
        Members { slots, bits: &[] }
    }
}

impl Members<'_> {
    pub(super) fn len(&self) -> u64 {
        self.slots.len()
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        if self.bits.is_empty() {
            return self.slots.contains(slot);
        }
        let word = self.bits.get((slot / WORD) as usize);
        word.is_some_and(|word| word >> (slot % WORD) & 1 == 1)
    }
}

/// How many words of plain bits are put together at once.
const BLOCK: usize = 64;

/// Visits the slots that are in all of these and not in `lacking`, in their order, until it is told to
/// stop. Nothing is put together for it.
pub(super) fn each_in_all(
    all: &mut [Members<'_>],
    lacking: Option<Members<'_>>,
    mut visit: impl FnMut(u32) -> ControlFlow<()>,
) {
    // Plain bits first: most of those who are not in all are told by the first look.
    all.sort_by_cached_key(|members| (members.bits.is_empty(), members.len()));
    let plain = all.partition_point(|members| !members.bits.is_empty());
    let (plain, listed) = all.split_at(plain);
    let rarest =
        listed.first().filter(|rare| plain.first().is_none_or(|one| rare.len() < one.len()));
    if let Some(rarest) = rarest {
        let others = || plain.iter().chain(&listed[1..]);
        for slot in rarest.slots {
            let is_in_all = others().all(|other| other.contains(slot))
                && lacking.is_none_or(|lacking| !lacking.contains(slot));
            if is_in_all && visit(slot).is_break() {
                return;
            }
        }
        return;
    }
    let Some((first, others)) = plain.split_first() else { return };
    let but = lacking.map_or(&[][..], |lacking| lacking.bits);
    let lacking = lacking.filter(|lacking| lacking.bits.is_empty());
    for (nth, block) in first.bits.chunks(BLOCK).enumerate() {
        let begin = nth * BLOCK;
        let mut words = [0; BLOCK];
        words[..block.len()].copy_from_slice(block);
        for other in others {
            let there = other.bits.get(begin..).unwrap_or_default();
            let there = &there[..there.len().min(BLOCK)];
            words.iter_mut().zip(there).for_each(|(word, other)| *word &= other);
            words[there.len()..].fill(0);
        }
        let there = but.get(begin..).unwrap_or_default();
        words.iter_mut().zip(there).for_each(|(word, but)| *word &= !but);
        for (word, start) in words.into_iter().zip((begin as u32 * WORD..).step_by(WORD as usize)) {
            let mut word = word;
            while word != 0 {
                let slot = start + word.trailing_zeros();
                word &= word - 1;
                let is_in_all = listed.iter().all(|other| other.slots.contains(slot))
                    && lacking.is_none_or(|lacking| !lacking.slots.contains(slot));
                if is_in_all && visit(slot).is_break() {
                    return;
                }
            }
        }
    }
}
