//! How urgent a ticket or task is.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, EnumString};

/// How urgent a ticket or task is, the most urgent first. `CRITICAL` and so on, on the wire.
///
/// ```
/// use phaseline_tasks::Priority;
///
/// assert!(Priority::Critical < Priority::Low);
/// assert_eq!("HIGH".parse(), Ok(Priority::High));
/// ```
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    AsRefStr,
    Display,
    EnumIter,
    EnumString,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum Priority {
    /// Before everything else.
    Critical,
    /// Soon.
    High,
    /// In its turn.
    #[default]
    Medium,
    /// When there is nothing better to do.
    Low,
}

impl Priority {
    /// Its place in the order, from 0 for `CRITICAL` to 3 for `LOW`: what a database sorts by.
    #[must_use]
    pub const fn rank(self) -> i16 {
        match self {
            Priority::Critical => 0,
            Priority::High => 1,
            Priority::Medium => 2,
            Priority::Low => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn ranks_and_names_sort_alike() {
        let ranks: Vec<i16> = Priority::iter().map(Priority::rank).collect();
        assert_eq!(ranks, [0, 1, 2, 3]);
        for (one, other) in Priority::iter().flat_map(|one| Priority::iter().map(move |o| (one, o)))
        {
            assert_eq!(one.cmp(&other), one.rank().cmp(&other.rank()), "{one} {other}");
        }
    }

    #[test]
    fn the_most_urgent_comes_first_under_one_name() {
        let mut sorted: Vec<Priority> = Priority::iter().collect();
        sorted.reverse();
        sorted.sort();
        let json = serde_json::to_string(&sorted).unwrap();
        assert_eq!(json, r#"["CRITICAL","HIGH","MEDIUM","LOW"]"#);
        assert_eq!(serde_json::from_str::<Vec<Priority>>(&json).unwrap(), sorted);
        for priority in sorted {
            assert_eq!(priority.to_string().parse(), Ok(priority));
        }
        assert_eq!(Priority::default(), Priority::Medium);
        assert!("high".parse::<Priority>().is_err());
    }
}
