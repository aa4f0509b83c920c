//! The fleet in numbers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use crate::agent::{Agent, AgentType};
use crate::capability::Capability;
use crate::health::{Health, HealthPolicy};
use crate::progress::Progress;
use crate::status::AgentStatus;

/// The fleet in numbers. Terminated agents count as agents, by status and by type; what they could
/// do, how well they are, how their work goes and the slots they had are not part of the fleet any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// How many agents there are.
    pub agents: u64,
    /// How many are in each status; every status is named.
    pub by_status: BTreeMap<AgentStatus, u64>,
    /// How many there are of each type; every type is named.
    pub by_type: BTreeMap<AgentType, u64>,
    /// How many are how well; every state is named.
    pub by_health: BTreeMap<Health, u64>,
    /// How many take no new work and only finish what they have in hand.
    pub draining: u64,
    /// How many have work in hand and do not get on with it.
    pub stalled: u64,
    /// How many agents have each capability that anyone has.
    pub capabilities: BTreeMap<Capability, u64>,
    /// How many tasks the fleet works on at a time.
    pub capacity: u64,
    /// How many it has in hand.
    pub slots_taken: u64,
    /// How many more its agents could take, whatever their status.
    pub slots_free: u64,
}

/// Counts the fleet as it is at `now`.
///
/// ```
/// use chrono::DateTime;
/// use phaseline_registry::{
///     Agent, AgentStatus, AgentType, Capabilities, Capacity, HealthPolicy, statistics,
/// };
/// use uuid::Uuid;
///
/// let now = DateTime::UNIX_EPOCH;
/// let capabilities = Capabilities::parse(["rust"])?;
/// let amy = Agent::new(Uuid::from_u128(1), AgentType::Worker, capabilities, Capacity::MIN, now);
///
/// let numbers = statistics([&amy], &HealthPolicy::default(), now, now);
/// assert_eq!(numbers.by_status[&AgentStatus::Idle], 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn statistics<'a>(
    agents: impl IntoIterator<Item = &'a Agent>,
    policy: &HealthPolicy,
    watched_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Statistics {
    let mut numbers = Statistics::none();
    for agent in agents {
        numbers.count(agent, policy, watched_since, now);
        if agent.status != AgentStatus::Terminated {
            for capability in &agent.capabilities {
                *numbers.capabilities.entry(capability.clone()).or_default() += 1;
            }
        }
    }
    numbers
}

impl Statistics {
    /// Nothing counted yet.
    pub(crate) fn none() -> Statistics {
        Statistics {
            agents: 0,
            by_status: AgentStatus::iter().map(|status| (status, 0)).collect(),
            by_type: AgentType::iter().map(|agent_type| (agent_type, 0)).collect(),
            by_health: Health::iter().map(|health| (health, 0)).collect(),
            draining: 0,
            stalled: 0,
            capabilities: BTreeMap::new(),
            capacity: 0,
            slots_taken: 0,
            slots_free: 0,
        }
    }

    /// Counts one more, except for what it can do.
    pub(crate) fn count(
        &mut self,
        agent: &Agent,
        policy: &HealthPolicy,
        watched_since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) {
        self.agents += 1;
        *self.by_status.entry(agent.status).or_default() += 1;
        *self.by_type.entry(agent.agent_type).or_default() += 1;
        if agent.status == AgentStatus::Terminated {
            return;
        }
        let health = agent.health(policy, watched_since, now);
        *self.by_health.entry(health).or_default() += 1;
        let progress = agent.progress(policy, watched_since, now);
        self.draining += u64::from(agent.draining);
        self.stalled += u64::from(progress == Progress::Stalled);
        self.capacity += u64::from(agent.capacity.get());
        self.slots_taken += u64::from(agent.slots_taken);
        self.slots_free += u64::from(agent.free_slots());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agents, at};

    #[test]
    fn the_fleet_is_counted() {
        let agents = agents(
            "amy: rust sql, 1 of 3 taken, beat 0
            bob: rust, running, monitor
            cat: rust go, maintenance, beat 50
            dan: rust, draining, 2 of 2 taken, progress 51, beat 90
            end: perl, terminated, draining, 2 of 9 taken",
        );
        let policy = HealthPolicy { stalled_after_s: 50, ..HealthPolicy::default() };
        let numbers = statistics(&agents, &policy, at(0), at(100));
        insta::assert_json_snapshot!(numbers, @r#"
        {
          "agents": 5,
          "by_status": {
            "idle": 2,
            "running": 1,
            "maintenance": 1,
            "degraded": 0,
            "failed": 0,
            "quarantined": 0,
            "terminated": 1
          },
          "by_type": {
            "worker": 4,
            "monitor": 1,
            "watchdog": 0,
            "guardian": 0
          },
          "by_health": {
            "unknown": 0,
            "healthy": 2,
            "degraded": 0,
            "unresponsive": 2
          },
          "draining": 1,
          "stalled": 1,
          "capabilities": {
            "go": 1,
            "rust": 4,
            "sql": 1
          },
          "capacity": 7,
          "slots_taken": 3,
          "slots_free": 4
        }
        "#);
    }
}
