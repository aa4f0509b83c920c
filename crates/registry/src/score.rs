//! How well an agent fits, as a sum whose parts can be shown.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::health::Health;
use crate::status::AgentStatus;

const ONE: u32 = 1_000_000;
const IDLE: u32 = 200_000;
const FREE_SLOT: u32 = 50_000;
const SLOTS_THAT_COUNT: u32 = 5;

/// What being healthy adds, in millionths.
pub(crate) const HEALTHY: u32 = 200_000;
/// The most that [`static_micros`] can be.
pub(crate) const MOST_STATIC: u32 = IDLE + FREE_SLOT * SLOTS_THAT_COUNT;

/// The parts of a score; each has at most six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The part of the required capabilities that the agent has, from 0 to 1; 1 if none is required.
    pub coverage: f64,
    /// 0.2 if the agent is idle.
    pub availability: f64,
    /// 0.2 if the agent is healthy.
    pub health: f64,
    /// 0.05 for each free slot, up to five.
    pub capacity: f64,
}

/// The place of an agent among others: the smaller one is the better one, and no two are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Standing {
    micros: Reverse<u32>,
    free_slots: Reverse<u32>,
    id: Uuid,
}

impl Score {
    pub(crate) fn new(
        matched: usize,
        required: usize,
        status: AgentStatus,
        health: Health,
        free_slots: u32,
    ) -> Score {
        Score {
            coverage: whole(coverage_micros(matched, required)),
            availability: whole(availability_micros(status)),
            health: whole(health_micros(health)),
            capacity: whole(capacity_micros(free_slots)),
        }
    }

    /// The sum of the parts, rounded to six decimals.
    pub fn total(&self) -> f64 {
        whole(self.micros())
    }

    /// The sum of the parts in millionths: what is compared, so that the order is total.
    pub fn micros(&self) -> u32 {
        [self.coverage, self.availability, self.health, self.capacity]
            .into_iter()
            .map(|part| (part * f64::from(ONE)).round() as u32)
            .fold(0, u32::saturating_add)
    }
}

impl Standing {
    pub(crate) fn new(micros: u32, free_slots: u32, id: Uuid) -> Standing {
        Standing { micros: Reverse(micros), free_slots: Reverse(free_slots), id }
    }

    /// The score, in millionths.
    pub(crate) fn micros(&self) -> u32 {
        self.micros.0
    }

    /// Whether it is before the place of anybody with this score and these free slots whose id is
    /// greater.
    pub(crate) fn is_before_later(&self, micros: u32, free_slots: u32) -> bool {
        (self.micros, self.free_slots) <= (Reverse(micros), Reverse(free_slots))
    }

    /// The best place of anybody with this score and these free slots, whoever it is.
    pub(crate) fn first(micros: u32, free_slots: u32) -> Standing {
        Standing::new(micros, free_slots, Uuid::nil())
    }
}

/// `matched` of `required`, in millionths, rounded half up.
pub(crate) fn coverage_micros(matched: usize, required: usize) -> u32 {
    if matched >= required {
        return ONE;
    }
    let (matched, required) = (matched as u128, required as u128);
    let rounded = (2 * matched * u128::from(ONE) + required) / (2 * required);
    u32::try_from(rounded).unwrap_or(ONE)
}

/// The part of the score that changes only when the agent does: it has few different values.
pub(crate) fn static_micros(status: AgentStatus, free_slots: u32) -> u32 {
    availability_micros(status) + capacity_micros(free_slots)
}

pub(crate) fn health_micros(health: Health) -> u32 {
    match health {
        Health::Healthy => HEALTHY,
        Health::Unknown | Health::Degraded | Health::Unresponsive => 0,
    }
}

fn availability_micros(status: AgentStatus) -> u32 {
    if status == AgentStatus::Idle { IDLE } else { 0 }
}

fn capacity_micros(free_slots: u32) -> u32 {
    FREE_SLOT * free_slots.min(SLOTS_THAT_COUNT)
}

fn whole(micros: u32) -> f64 {
    f64::from(micros) / f64::from(ONE)
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    /// Scores one agent and shows the parts and the sum.
    #[track_caller]
    fn check(
        (matched, required): (usize, usize),
        status: AgentStatus,
        health: Health,
        free_slots: u32,
        expected: &str,
    ) {
        let score = Score::new(matched, required, status, health, free_slots);
        let Score { coverage, availability, health, capacity } = score;
        let seen =
            format!("{coverage} + {availability} + {health} + {capacity} = {}", score.total());
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_score_is_the_sum_of_its_parts() {
        use AgentStatus::{Degraded, Idle, Running};
        check((2, 2), Idle, Health::Healthy, 5, "1 + 0.2 + 0.2 + 0.25 = 1.65");
        check((1, 3), Running, Health::Healthy, 1, "0.333333 + 0 + 0.2 + 0.05 = 0.583333");
        check((2, 3), Idle, Health::Unknown, 0, "0.666667 + 0.2 + 0 + 0 = 0.866667");
        check((0, 0), Degraded, Health::Degraded, 2, "1 + 0 + 0 + 0.1 = 1.1");
    }

    #[test]
    fn free_slots_count_up_to_five() {
        use AgentStatus::Running;
        check((1, 1), Running, Health::Unresponsive, 6, "1 + 0 + 0 + 0.25 = 1.25");
        check((1, 1), Running, Health::Unresponsive, 1000, "1 + 0 + 0 + 0.25 = 1.25");
    }

    #[test]
    fn half_a_millionth_is_rounded_up() {
        // 1 / 128 is 0.0078125 exactly.
        assert_eq!(coverage_micros(1, 128), 7813);
    }

    #[test]
    fn the_sum_is_what_floating_point_gives_when_rounded_to_six_decimals() {
        for required in 1..=64_u8 {
            for matched in 1..=required {
                for (status, health) in [AgentStatus::Idle, AgentStatus::Running]
                    .into_iter()
                    .flat_map(|status| Health::iter().map(move |health| (status, health)))
                {
                    for free_slots in 0..=6_u8 {
                        let idle = if status == AgentStatus::Idle { 0.2 } else { 0.0 };
                        let healthy = if health == Health::Healthy { 0.2 } else { 0.0 };
                        let slots = 0.05 * f64::from(free_slots.min(5));
                        let sum = f64::from(matched) / f64::from(required) + idle + healthy + slots;
                        let rounded = (sum * 1e6).round() / 1e6;
                        let score = Score::new(
                            matched.into(),
                            required.into(),
                            status,
                            health,
                            free_slots.into(),
                        );
                        assert_eq!(score.total(), rounded, "{score:?}");
                        let parts = coverage_micros(matched.into(), required.into())
                            + static_micros(status, free_slots.into())
                            + health_micros(health);
                        assert_eq!(score.micros(), parts, "{score:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_better_sum_stands_before_free_slots_and_those_before_the_smaller_id() {
        let standing =
            |micros, free_slots, id| Standing::new(micros, free_slots, Uuid::from_u128(id));
        let in_order = [standing(2, 0, 9), standing(1, 7, 8), standing(1, 6, 1), standing(1, 6, 2)];
        assert!(in_order.is_sorted());
    }
}
