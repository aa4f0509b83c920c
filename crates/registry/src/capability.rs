//! What an agent can do, and what changed in it.

use serde::{Deserialize, Serialize};

use crate::label::{InvalidLabel, InvalidLabels, Kind, Label, Labels};

/// One thing that an agent can do, such as `rust` or `code review`.
pub type Capability = Label<OfCapability>;

/// All that an agent can do: 1 to 64 capabilities, without duplicates, in the order given.
pub type Capabilities = Labels<OfCapability>;

/// Why a text is no capability.
pub type InvalidCapability = InvalidLabel;

/// Why a list of texts is no list of capabilities.
pub type InvalidCapabilities = InvalidLabels;

/// The kind of label that a capability is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfCapability {}

/// What an agent can do now and could not before, and the other way round.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CapabilityChange {
    /// In the new list and not in the old one, in the order of the new one.
    pub added: Vec<Capability>,
    /// In the old list and not in the new one, in the order of the old one.
    pub removed: Vec<Capability>,
}

/// Compares two lists of capabilities; their order makes no difference.
///
/// ```
/// use phaseline_registry::{Capabilities, changes};
///
/// let old = Capabilities::parse(["rust", "sql"])?;
/// let new = Capabilities::parse(["sql", "go"])?;
/// let change = changes(&old, &new);
/// assert_eq!(change.added[0].as_str(), "go");
/// assert_eq!(change.removed[0].as_str(), "rust");
/// # Ok::<(), phaseline_registry::InvalidCapabilities>(())
/// ```
pub fn changes(old: &Capabilities, new: &Capabilities) -> CapabilityChange {
    CapabilityChange { added: only_in(new, old), removed: only_in(old, new) }
}

impl CapabilityChange {
    /// Whether nothing was added and nothing removed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl Kind for OfCapability {
    const NOUN: &'static str = "capability";
    const NOUNS: &'static str = "capabilities";
    const AT_LEAST: usize = 1;
    const AT_MOST: usize = 64;
}

fn only_in(these: &Capabilities, others: &Capabilities) -> Vec<Capability> {
    these.iter().filter(|capability| !others.contains(capability)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::joined;

    /// Compares two comma-separated lists and shows the difference as `+added -removed`.
    #[track_caller]
    fn check(old: &str, new: &str, expected: &str) {
        let [old, new] = [old, new].map(|texts| Capabilities::parse(texts.split(',')).unwrap());
        let change = changes(&old, &new);
        let seen = format!("+{} -{}", joined(&change.added), joined(&change.removed));
        assert_eq!(seen, expected);
        assert_eq!(change.is_empty(), expected == "+ -");
    }

    #[test]
    fn a_change_is_what_came_and_what_went_whatever_the_order() {
        check("rust,sql", "sql,rust", "+ -");
        check("rust,sql", "go,sql,c", "+go, c -rust");
        check("rust", "rust,sql", "+sql -");
        check("rust,sql", "sql", "+ -rust");
    }
}
