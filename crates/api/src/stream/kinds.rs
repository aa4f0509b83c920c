//! Sets of types of events, as bits: whether a stream wants an event is one instruction.

use phaseline_engine::announce;

/// Some types of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds(u64);

/// Types that a later version has written share a bit, and nobody can ask for them.
const UNKNOWN: u32 = u64::BITS - 1;

const _: () = assert!(announce::TYPES.len() <= UNKNOWN as usize, "a bit for each type");

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(u64::MAX);

    /// The one of this name.
    pub(super) fn of(name: &str) -> Self {
        let place = announce::TYPES.iter().position(|known| *known == name);
        let bit = place.and_then(|place| u32::try_from(place).ok()).unwrap_or(UNKNOWN);
        Self(1 << bit)
    }

    /// Those named; all when none is.
    pub(super) fn named(names: &[String]) -> Self {
        if names.is_empty() {
            return Self::ALL;
        }
        names.iter().fold(Self::NONE, |all, name| all.and(Self::of(name)))
    }

    /// Their names; none when it is all of them.
    pub(super) fn names(self) -> Vec<String> {
        if self == Self::ALL {
            return Vec::new();
        }
        let named = announce::TYPES.iter().filter(|name| self.meets(Self::of(name)));
        named.map(|&name| name.to_owned()).collect()
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the two have one in common.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_bit_of_its_own() {
        let all = announce::TYPES.iter().map(|name| Kinds::of(name));
        let together = all.fold(Kinds::NONE, Kinds::and);
        assert_eq!(together.0.count_ones() as usize, announce::TYPES.len());
        assert!(!together.meets(Kinds::of("test.written")));
    }

    #[test]
    fn what_was_named_is_named_again_and_no_name_is_all() {
        let names = ["task.created".to_owned(), "agent.terminated".to_owned()];
        assert_eq!(Kinds::named(&names).names(), names);
        assert!(Kinds::named(&names).meets(Kinds::of("task.created")));
        assert!(!Kinds::named(&names).meets(Kinds::of("task.failed")));
        assert_eq!(Kinds::named(&[]), Kinds::ALL);
        assert_eq!(Kinds::ALL.names(), Vec::<String>::new());
    }
}
