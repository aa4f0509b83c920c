//! The fleet in numbers, counted some agents at a time.

use chrono::{DateTime, Utc};

use super::Index;
use crate::statistics::Statistics;

/// A count of the fleet that goes on: whoever shares an index with others lets them have it between
/// two steps. Each agent is counted once, as it is when it is looked at.
#[derive(Debug)]
pub struct Census {
    now: DateTime<Utc>,
    next: usize,
    numbers: Statistics,
}

impl Census {
    /// Of health and progress at `now`.
    pub fn at(now: DateTime<Utc>) -> Census {
        Census { now, next: 0, numbers: Statistics::none() }
    }

    /// What was counted.
    pub fn numbers(self) -> Statistics {
        self.numbers
    }
}

impl Index {
    /// The fleet in numbers at `now`; see [`statistics()`](crate::statistics()).
    pub fn statistics(&self, now: DateTime<Utc>) -> Statistics {
        let mut census = Census::at(now);
        self.count(&mut census, usize::MAX);
        census.numbers()
    }

    /// Counts so many more agents; says whether there are more.
    pub fn count(&self, census: &mut Census, agents: usize) -> bool {
        let Census { now, next, numbers } = census;
        for entry in self.entries.iter().skip(*next).take(agents).flatten() {
            numbers.count(&entry.agent, &self.policy, self.watched_since, *now);
        }
        *next = next.saturating_add(agents);
        let more = *next < self.entries.len();
        if !more {
            numbers.capabilities = self.postings.holders().collect();
        }
        more
    }
}
