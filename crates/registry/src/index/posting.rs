//! The slots that have one thing: compressed, and where they are many also as plain bits.

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

/// The slots that are in all of these and not in `lacking`.
pub(super) fn in_all(mut all: Vec<Members<'_>>, lacking: Option<Members<'_>>) -> RoaringBitmap {
    all.sort_by_cached_key(Members::len);
    let Some((fewest, others)) = all.split_first_mut() else { return RoaringBitmap::new() };
    // Plain bits first: most of those who are not in all are told by the first look.
    others.sort_by_key(|other| other.bits.is_empty());
    let such = |slot: &u32| {
        others.iter().all(|other| other.contains(*slot))
            && lacking.is_none_or(|lacking| !lacking.contains(*slot))
    };
    match others.first().filter(|other| !other.bits.is_empty()) {
        Some(second) if !fewest.bits.is_empty() => {
            in_both(fewest.bits, second.bits).into_iter().filter(such).collect()
        }
        Some(_) => fewest.slots.iter().filter(such).collect(),
        None => {
            let mut slots = match others.split_first() {
                Some((second, others)) => {
                    let slots = fewest.slots & second.slots;
                    others.iter().fold(slots, |slots, other| slots & other.slots)
                }
                None => fewest.slots.clone(),
            };
            if let Some(lacking) = lacking {
                slots -= lacking.slots;
            }
            slots
        }
    }
}

/// The slots whose bits are set in both.
fn in_both(one: &[u64], other: &[u64]) -> Vec<u32> {
    let mut slots = Vec::new();
    for (first, (one, other)) in (0..).step_by(WORD as usize).zip(one.iter().zip(other)) {
        let mut word = one & other;
        while word != 0 {
            slots.push(first + word.trailing_zeros());
            word &= word - 1;
        }
    }
    slots
}
