//! How many tasks an agent works on at a time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many tasks an agent works on at a time: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Capacity(u32);

/// A capacity of no tasks or of more than 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a capacity is 1 to {} and not {given}", Capacity::MAX.get())]
pub struct InvalidCapacity {
    /// What was given.
    pub given: u32,
}

impl Capacity {
    /// One task at a time.
    pub const MIN: Capacity = Capacity(1);
    /// The most that an agent works on at a time.
    pub const MAX: Capacity = Capacity(1000);

    /// Reads a capacity.
    ///
    /// # Errors
    ///
    /// [`InvalidCapacity`] if it is not 1 to 1000.
    pub const fn new(given: u32) -> Result<Capacity, InvalidCapacity> {
        if given < Capacity::MIN.0 || given > Capacity::MAX.0 {
            return Err(InvalidCapacity { given });
        }
        Ok(Capacity(given))
    }

    /// How many tasks.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// One task at a time.
impl Default for Capacity {
    fn default() -> Self {
        Capacity::MIN
    }
}

impl TryFrom<u32> for Capacity {
    type Error = InvalidCapacity;

    fn try_from(given: u32) -> Result<Self, Self::Error> {
        Capacity::new(given)
    }
}

impl From<Capacity> for u32 {
    fn from(capacity: Capacity) -> Self {
        capacity.0
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capacity_is_1_to_1000() {
        for (given, legal) in [(0, false), (1, true), (1000, true), (1001, false)] {
            assert_eq!(Capacity::new(given).is_ok(), legal, "{given}");
            let json = serde_json::from_str::<Capacity>(&given.to_string());
            assert_eq!(json.is_ok(), legal, "{given} in JSON");
        }
        let refusal = Capacity::new(0).unwrap_err();
        assert_eq!(refusal.to_string(), "a capacity is 1 to 1000 and not 0");
    }
}
