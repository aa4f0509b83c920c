//! Whether an agent gets on with what it has in hand: the second clock beside its health.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, EnumString};

use crate::health::{HealthPolicy, after};

/// Whether an agent gets on with its work. A heartbeat shows that an agent lives, and no more than
/// that: one that hangs may go on sending them. In lower case on the wire.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    AsRefStr,
    EnumIter,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Progress {
    /// It has nothing in hand.
    Idle,
    /// It claimed, extended or finished something not long ago.
    Active,
    /// It has work in hand and has not said anything about it for too long.
    Stalled,
}

/// The progress at `now` of an agent with so many tasks in hand that last got on with its work at
/// `last_progress`. At the very limit it is still active. If `now` lies before, because a clock was
/// set back, no time has passed.
///
/// [`Agent::progress`](crate::Agent::progress) counts from the last claim, extension or result, or
/// from the registration if there was none; or from when this process began to watch if that is
/// later, as an agent cannot extend a lease while nobody listens.
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use phaseline_registry::{HealthPolicy, Progress, progress};
///
/// let claimed = DateTime::UNIX_EPOCH;
/// let policy = HealthPolicy { stalled_after_s: 900, ..HealthPolicy::default() };
/// let after = |seconds| progress(1, claimed, &policy, claimed + TimeDelta::seconds(seconds));
///
/// assert_eq!(after(900), Progress::Active);
/// assert_eq!(after(901), Progress::Stalled);
/// ```
pub fn progress(
    slots_taken: u32,
    last_progress: DateTime<Utc>,
    policy: &HealthPolicy,
    now: DateTime<Utc>,
) -> Progress {
    if slots_taken == 0 {
        Progress::Idle
    } else if now <= after(last_progress, i64::from(policy.stalled_after_s)) {
        Progress::Active
    } else {
        Progress::Stalled
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;
    use crate::testing::{agents, at};

    /// Shows the progress of one agent at each of the times, if it is stalled after 100 seconds.
    #[track_caller]
    fn check(agent: &str, watched_since: i64, now: &str, expected: &str) {
        let agent = agents(agent).remove(0);
        let policy = HealthPolicy { stalled_after_s: 100, ..HealthPolicy::default() };
        let seen: Vec<String> = now
            .split_whitespace()
            .map(|second| at(second.parse().unwrap()))
            .map(|now| agent.progress(&policy, at(watched_since), now).to_string())
            .collect();
        assert_eq!(seen.join(" "), expected);
    }

    #[test]
    fn without_work_in_hand_an_agent_is_idle_however_long() {
        check("amy: rust, progress 10", 0, "10 111 9999", "idle idle idle");
        check("amy: rust, running", 0, "9999", "idle");
    }

    #[test]
    fn at_the_limit_an_agent_with_work_is_still_active() {
        check("amy: rust, 1 of 3 taken, progress 10", 0, "10 110 111", "active active stalled");
    }

    #[test]
    fn heartbeats_are_no_progress() {
        check("amy: rust, 1 of 3 taken, progress 10, beat 111", 0, "111", "stalled");
    }

    #[test]
    fn without_any_progress_it_counts_from_the_registration() {
        check("amy: rust, 1 of 3 taken", -500, "100 101", "active stalled");
    }

    #[test]
    fn the_restart_of_a_monitor_makes_nobody_stalled() {
        check(
            "amy: rust, 1 of 3 taken, progress 10",
            1000,
            "1000 1100 1101",
            "active active stalled",
        );
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_stalled() {
        check("amy: rust, 1 of 3 taken, progress 10", 0, "-5000", "active");
    }

    #[test]
    fn the_largest_time_does_not_overflow() {
        let policy = HealthPolicy { stalled_after_s: u32::MAX, ..HealthPolicy::default() };
        assert_eq!(progress(1, DateTime::<Utc>::MAX_UTC, &policy, at(0)), Progress::Active);
    }

    #[test]
    fn progress_is_lower_case_in_json_as_in_text() {
        let all: Vec<String> = Progress::iter().map(|progress| progress.to_string()).collect();
        assert_eq!(all, ["idle", "active", "stalled"]);
        assert_eq!(
            serde_json::to_string(&Progress::iter().collect::<Vec<_>>()).unwrap(),
            r#"["idle","active","stalled"]"#
        );
    }
}
