//! Agents that have not been heard from for too long.

use chrono::{DateTime, TimeDelta, Utc};

use crate::agent::Agent;
use crate::health::{Health, HealthPolicy};
use crate::status::AgentStatus;

/// An agent that has been silent for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent<'a> {
    /// Who is silent.
    pub agent: &'a Agent,
    /// How well it is, judged by that.
    pub health: Health,
    /// When it last showed that it is there: its last heartbeat, or else its registration.
    pub last_sign_of_life: DateTime<Utc>,
}

/// The agents that have been silent for too long, the longest silence first, then by id.
///
/// Too long is what makes an agent degraded or unresponsive, or, if `older_than_s` is given, more
/// than that many seconds since its last sign of life. Nothing is expected of terminated agents.
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use phaseline_registry::{Agent, AgentType, Capabilities, Capacity, HealthPolicy, stale};
/// use uuid::Uuid;
///
/// let start = DateTime::UNIX_EPOCH;
/// let capabilities = Capabilities::parse(["rust"])?;
/// let amy = Agent::new(Uuid::from_u128(1), AgentType::Worker, capabilities, Capacity::MIN, start);
///
/// let later = start + TimeDelta::seconds(61);
/// let silent = stale([&amy], &HealthPolicy::default(), start, later, None);
/// assert_eq!(silent[0].agent.id, amy.id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn stale<'a>(
    agents: impl IntoIterator<Item = &'a Agent>,
    policy: &HealthPolicy,
    watched_since: DateTime<Utc>,
    now: DateTime<Utc>,
    older_than_s: Option<u32>,
) -> Vec<Silent<'a>> {
    let mut silent: Vec<Silent<'a>> = agents
        .into_iter()
        .filter(|agent| agent.status != AgentStatus::Terminated)
        .map(|agent| Silent {
            health: agent.health(policy, watched_since, now),
            last_sign_of_life: agent.last_sign_of_life(),
            agent,
        })
        .filter(|silent| match older_than_s {
            Some(seconds) => {
                now.signed_duration_since(silent.last_sign_of_life)
                    > TimeDelta::seconds(i64::from(seconds))
            }
            None => match silent.health {
                Health::Degraded | Health::Unresponsive => true,
                Health::Unknown | Health::Healthy => false,
            },
        })
        .collect();
    silent.sort_by_key(|silent| (silent.last_sign_of_life, silent.agent.id));
    silent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agents, at, name_of};

    /// Shows who is silent for too long, with the health of each.
    #[track_caller]
    fn check(fleet: &str, now: i64, older_than_s: Option<u32>, expected: &str) {
        let agents = agents(fleet);
        let silent = stale(&agents, &HealthPolicy::default(), at(0), at(now), older_than_s);
        let seen: Vec<String> = silent
            .iter()
            .map(|silent| format!("{}={}", name_of(silent.agent), silent.health))
            .collect();
        assert_eq!(seen.join(" "), expected);
    }

    const FLEET: &str = "zed: rust, beat 40
        bob: rust, beat 5
        amy: rust, beat 5
        new: rust
        end: rust, terminated";

    #[test]
    fn degraded_and_unresponsive_agents_are_stale_the_longest_silence_first() {
        check(FLEET, 60, None, "");
        check(FLEET, 70, None, "new=degraded amy=degraded bob=degraded");
        check(FLEET, 96, None, "new=unresponsive amy=unresponsive bob=unresponsive");
        check(FLEET, 101, None, "new=unresponsive amy=unresponsive bob=unresponsive zed=degraded");
    }

    #[test]
    fn a_given_age_takes_the_place_of_health() {
        check(FLEET, 50, Some(45), "new=unknown");
        check(FLEET, 51, Some(45), "new=unknown amy=healthy bob=healthy");
        check(FLEET, 96, Some(500), "");
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_stale() {
        check(FLEET, -100, Some(0), "");
    }
}
