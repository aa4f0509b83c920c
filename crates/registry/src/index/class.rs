//! Classes: those who have equally many of the required capabilities.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use super::posting::Members;
use super::postings::Postings;
use crate::capability::Capability;

/// Slots that have equally many of the required capabilities, by what they have. They are never put
/// together.
#[derive(Debug)]
pub(super) struct Class<'a> {
    pub(super) matched: usize,
    /// Who is in it has each of them.
    pub(super) having: Vec<Members<'a>>,
    /// Who has this is in a better class.
    pub(super) lacking: Option<Members<'a>>,
}

/// Slots that have equally many of the required capabilities.
#[derive(Debug)]
pub(super) struct Coverage<'a> {
    pub(super) matched: usize,
    pub(super) slots: Cow<'a, RoaringBitmap>,
}

impl Postings {
    /// Who has all of the required capabilities; `None` if there is one that nobody has.
    pub(super) fn having_all(&self, required: &[Capability]) -> Option<Class<'_>> {
        let having = required.iter().map(|wanted| self.with_capability(wanted));
        Some(Class {
            matched: required.len(),
            having: having.collect::<Option<_>>()?,
            lacking: None,
        })
    }

    /// Who has all of the required capabilities but one: a class for each of them, so that nobody is
    /// in two.
    pub(super) fn having_all_but_one<'a>(
        &'a self,
        required: &'a [Capability],
    ) -> impl Iterator<Item = Class<'a>> {
        (0..required.len()).filter_map(|left_out| {
            let others = required.iter().enumerate().filter(|(place, _)| *place != left_out);
            let having = others.map(|(_, wanted)| self.with_capability(wanted));
            Some(Class {
                matched: required.len() - 1,
                having: having.collect::<Option<_>>()?,
                lacking: self.with_capability(&required[left_out]),
            })
        })
    }

    /// The eligible slots that have some of the required capabilities and fewer than `below`, by how
    /// many they have, most first.
    ///
    /// Counts up: whoever has at least `n` and has the next capability, too, has at least `n + 1`.
    pub(super) fn having_fewer(
        &self,
        required: &[Capability],
        below: usize,
        eligible: &RoaringBitmap,
    ) -> Vec<Coverage<'static>> {
        // The slots at place `n` have at least `n + 1`.
        let mut at_least: Vec<RoaringBitmap> = Vec::new();
        for capability in required {
            let Some(slots) = self.with_capability(capability) else {
                continue;
            };
            let mut carry = slots.slots & eligible;
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
            let matched = place + 1;
            if matched < below {
                classes.push(Coverage { matched, slots: Cow::Owned(&slots - &more) });
            }
            more = slots;
        }
        classes
    }
}
