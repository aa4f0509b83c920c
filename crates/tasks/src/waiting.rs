//! Which task is next.

use chrono::{DateTime, Utc};

use crate::Priority;

/// A task that waits to be claimed, as far as its place in the order goes. The smallest is claimed
/// first: by priority, `CRITICAL` first; then the oldest; then, for an order without ties, by id.
///
/// The order is that of the fields, so they stay as they are. A database that claims by it sorts
/// by [`Priority::rank`], time of creation and id.
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use phaseline_tasks::{Priority, Waiting};
///
/// let old = DateTime::UNIX_EPOCH;
/// let young = old + TimeDelta::seconds(1);
/// let mut waiting = [
///     Waiting { priority: Priority::Medium, created_at: old, id: 1 },
///     Waiting { priority: Priority::High, created_at: young, id: 2 },
///     Waiting { priority: Priority::High, created_at: old, id: 3 },
/// ];
/// waiting.sort();
/// assert_eq!(waiting.map(|task| task.id), [3, 2, 1]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Waiting<Id> {
    /// How urgent it is.
    pub priority: Priority,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Which task it is.
    pub id: Id,
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    /// Sorts tasks given as `LOW 3 a`: priority, second of creation, id.
    #[track_caller]
    fn check(given: &str, expected: &str) {
        let mut waiting: Vec<Waiting<&str>> = given
            .split(", ")
            .map(|task| {
                let [priority, second, id] = task.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("{task}")
                };
                let created_at = DateTime::UNIX_EPOCH + TimeDelta::seconds(second.parse().unwrap());
                Waiting { priority: priority.parse().unwrap(), created_at, id }
            })
            .collect();
        waiting.sort();
        let ids: Vec<&str> = waiting.iter().map(|task| task.id).collect();
        assert_eq!(ids.join(" "), expected, "{given}");
    }

    #[test]
    fn the_most_urgent_comes_first_then_the_oldest_then_the_smallest_id() {
        check("LOW 1 a, MEDIUM 2 b, HIGH 3 c, CRITICAL 4 d", "d c b a");
        check("HIGH 9 a, HIGH 3 b, HIGH 5 c", "b c a");
        check("HIGH 3 b, HIGH 3 a, LOW 1 c", "a b c");
    }
}
