//! What the registry knows of an agent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, EnumString};
use uuid::Uuid;

use crate::capability::Capabilities;
use crate::capacity::Capacity;
use crate::health::{Health, HealthPolicy, Vitals, health};
use crate::heartbeat::{HeartbeatRecord, Taken};
use crate::progress::{Progress, progress};
use crate::status::AgentStatus;
use crate::tag::Tags;

/// What an agent is there for. In lower case on the wire.
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
pub enum AgentType {
    /// Works on tasks.
    Worker,
    /// Watches how work goes.
    Monitor,
    /// Watches the monitors.
    Watchdog,
    /// Watches over rules and may stop others.
    Guardian,
}

/// A heartbeat came from an agent that is terminated; it does not revive it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the agent {id} is terminated and does not come back")]
pub struct AgentGone {
    /// Which agent.
    pub id: Uuid,
}

/// An agent as the registry knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Who it is.
    pub id: Uuid,
    /// What it is there for.
    pub agent_type: AgentType,
    /// The one phase that it works in; it works in any if this is empty.
    pub phase_id: Option<String>,
    /// What it is up to.
    pub status: AgentStatus,
    /// Whether it takes no new work and only finishes what it has in hand.
    #[serde(default)]
    pub draining: bool,
    /// What it can do.
    pub capabilities: Capabilities,
    /// How many tasks it works on at a time.
    pub capacity: Capacity,
    /// How many it has in hand.
    pub slots_taken: u32,
    /// What people marked it with.
    pub tags: Tags,
    /// When it registered.
    pub registered_at: DateTime<Utc>,
    /// What is remembered of its heartbeats.
    pub heartbeat: HeartbeatRecord,
    /// When it last got on with its work: its last claim, extension or result.
    #[serde(default)]
    pub last_progress: Option<DateTime<Utc>>,
    /// How well it was when that was last announced.
    pub announced_health: Health,
    /// Counts its changes, heartbeats not included.
    pub version: i64,
}

impl Agent {
    /// An agent that has just registered: idle, for any phase, without tags, nothing in hand.
    ///
    /// ```
    /// use chrono::DateTime;
    /// use phaseline_registry::{Agent, AgentType, Capabilities, Capacity};
    /// use uuid::Uuid;
    ///
    /// let agent = Agent {
    ///     phase_id: Some("PHASE_TESTING".to_owned()),
    ///     ..Agent::new(
    ///         Uuid::from_u128(1),
    ///         AgentType::Worker,
    ///         Capabilities::parse(["rust"])?,
    ///         Capacity::new(3)?,
    ///         DateTime::UNIX_EPOCH,
    ///     )
    /// };
    /// assert_eq!(agent.free_slots(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        id: Uuid,
        agent_type: AgentType,
        capabilities: Capabilities,
        capacity: Capacity,
        now: DateTime<Utc>,
    ) -> Agent {
        Agent {
            id,
            agent_type,
            phase_id: None,
            status: AgentStatus::Idle,
            draining: false,
            capabilities,
            capacity,
            slots_taken: 0,
            tags: Tags::default(),
            registered_at: now,
            heartbeat: HeartbeatRecord::default(),
            last_progress: None,
            announced_health: Health::Unknown,
            version: 1,
        }
    }

    /// How many more tasks it could take; none if it has more in hand than it should.
    pub fn free_slots(&self) -> u32 {
        self.capacity.get().saturating_sub(self.slots_taken)
    }

    /// Whether it may be asked to do more, a free slot and its health aside: its status is available
    /// and it is not draining.
    pub fn takes_work(&self) -> bool {
        self.status.is_available() && !self.draining
    }

    /// The times from which its health follows.
    pub fn vitals(&self, watched_since: DateTime<Utc>) -> Vitals {
        Vitals {
            registered_at: self.registered_at,
            last_heartbeat: self.heartbeat.last_at,
            announced: self.announced_health,
            watched_since,
        }
    }

    /// How well it is at `now`; see [`health`].
    pub fn health(
        &self,
        policy: &HealthPolicy,
        watched_since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Health {
        health(&self.vitals(watched_since), policy, now)
    }

    /// Whether it gets on with what it has in hand at `now`; see [`progress`].
    pub fn progress(
        &self,
        policy: &HealthPolicy,
        watched_since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Progress {
        let last_progress = self.last_progress.unwrap_or(self.registered_at);
        progress(self.slots_taken, last_progress.max(watched_since), policy, now)
    }

    /// When it last showed that it is there: its last heartbeat, or else its registration.
    pub fn last_sign_of_life(&self) -> DateTime<Utc> {
        self.heartbeat.last_at.unwrap_or(self.registered_at)
    }

    /// What is remembered after a heartbeat that was received at `now`, and what it said.
    ///
    /// # Errors
    ///
    /// [`AgentGone`] if the agent is terminated.
    pub fn take_heartbeat(
        &self,
        sequence: Option<u64>,
        now: DateTime<Utc>,
    ) -> Result<(HeartbeatRecord, Taken), AgentGone> {
        if self.status == AgentStatus::Terminated {
            return Err(AgentGone { id: self.id });
        }
        Ok(self.heartbeat.take(sequence, now))
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;
    use crate::testing::{agents, at};

    #[test]
    fn an_agent_with_too_much_in_hand_has_no_free_slots() {
        let agent = agents("amy: rust, 1 of 3 taken").remove(0);
        assert_eq!(agent.free_slots(), 2);
        assert_eq!(Agent { slots_taken: 4, ..agent }.free_slots(), 0);
    }

    #[test]
    fn an_agent_takes_work_if_it_is_available_and_not_draining() {
        let takers: Vec<AgentStatus> = AgentStatus::iter()
            .filter(|status| {
                let agent = Agent { status: *status, ..agents("amy: rust").remove(0) };
                assert!(!Agent { draining: true, ..agent.clone() }.takes_work(), "{status}");
                agent.takes_work()
            })
            .collect();
        assert_eq!(takers, [AgentStatus::Idle, AgentStatus::Running, AgentStatus::Degraded]);
    }

    #[test]
    fn an_agent_that_was_stored_before_there_was_draining_still_reads() {
        let agent = agents("amy: rust").remove(0);
        let mut json = serde_json::to_value(&agent).unwrap();
        for new_field in ["draining", "last_progress"] {
            assert!(json.as_object_mut().unwrap().remove(new_field).is_some(), "{new_field}");
        }
        assert_eq!(serde_json::from_value::<Agent>(json).unwrap(), agent);
    }

    #[test]
    fn a_heartbeat_never_revives_a_terminated_agent() {
        let agent = agents("amy: rust, terminated").remove(0);
        assert_eq!(agent.take_heartbeat(Some(1), at(5)), Err(AgentGone { id: agent.id }));
        let quarantined = Agent { status: AgentStatus::Quarantined, ..agent };
        assert!(quarantined.take_heartbeat(Some(1), at(5)).is_ok());
    }
}
