//! The fleet: who matches, who is well, who is silent, and how many there are.

use std::collections::BTreeMap;

use phaseline_registry::{self as registry, AgentStatus, Capability, Health, Progress};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Agent, Timestamp,
    schema::{AgentStatusName, HealthName, ProgressName},
};

/// The agents that match, the best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Matches {
    /// The matches.
    pub items: Vec<Match>,
}

/// An agent that matches, with the sum that explains its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Match {
    /// Who matches.
    pub agent: Agent,
    /// The sum of the parts of `score`.
    pub match_score: f64,
    /// The parts of the score.
    pub score: MatchScore,
    /// The required capabilities that it has.
    #[schema(value_type = Vec<String>)]
    pub matched_capabilities: Vec<Capability>,
    /// The required capabilities that it lacks.
    #[schema(value_type = Vec<String>)]
    pub missing_capabilities: Vec<Capability>,
}

/// The parts of a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MatchScore {
    /// The part of the required capabilities that the agent has, 0 to 1.
    pub coverage: f64,
    /// 0.2 if it is idle.
    pub availability: f64,
    /// 0.2 if it is healthy.
    pub health: f64,
    /// 0.05 for each free slot up to five.
    pub capacity: f64,
}

/// How well an agent is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentHealth {
    /// The agent.
    pub agent_id: Uuid,
    /// How well it is now.
    #[schema(value_type = HealthName)]
    pub health_status: Health,
    /// What it is up to.
    #[schema(value_type = AgentStatusName)]
    pub status: AgentStatus,
    /// When its last heartbeat came; a claim, an extension or a result is one, too.
    #[schema(required)]
    pub last_heartbeat: Option<Timestamp>,
    /// How long ago that, or its registration, was.
    pub silent_for_s: f64,
    /// The highest number that a heartbeat of it has carried.
    #[schema(required)]
    pub heartbeat_sequence: Option<u64>,
    /// How many of its heartbeats are missing.
    pub heartbeats_missed: u64,
    /// Whether it gets on with what it has in hand.
    #[schema(value_type = ProgressName)]
    pub progress: Progress,
    /// When it last claimed, extended or ended a task.
    #[schema(required)]
    pub last_progress: Option<Timestamp>,
    /// What it last reported of itself.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>, required)]
    pub metrics: Option<Value>,
}

/// A page of how well the agents are, with counts of all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FleetHealth {
    /// How many agents are how well; those that are terminated are not counted.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub counts: BTreeMap<Health, u64>,
    /// The agents of this page.
    pub items: Vec<AgentHealth>,
    /// What to pass as `cursor` for the next page; null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// A page of the agents that have been silent for too long, the longest silence first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StaleAgents {
    /// The agents of this page.
    pub items: Vec<AgentHealth>,
    /// What to pass as `cursor` for the next page; null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// The fleet in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FleetStatistics {
    /// How many agents there are, terminated ones included.
    pub agents: u64,
    /// How many are in each status.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub by_status: BTreeMap<AgentStatus, u64>,
    /// How many there are of each type.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub by_type: BTreeMap<registry::AgentType, u64>,
    /// How many are how well.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub by_health: BTreeMap<Health, u64>,
    /// How many take no new work and only finish what they have in hand.
    pub draining: u64,
    /// How many have work in hand and do not get on with it.
    pub stalled: u64,
    /// How many agents have each capability that anyone has.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub capabilities: BTreeMap<Capability, u64>,
    /// How many tasks the fleet works on at a time.
    pub capacity: u64,
    /// How many it has in hand.
    pub slots_taken: u64,
    /// How many more its agents could take.
    pub slots_free: u64,
}

impl Match {
    /// A match whose agent is in a state of progress, which depends on when it is looked at.
    #[must_use]
    pub fn seen(found: registry::Match, progress: Progress) -> Self {
        let registry::Match { agent, health, score, matched, missing } = found;
        let match_score = score.total();
        let registry::Score { coverage, availability, health: well, capacity } = score;
        Self {
            agent: Agent::seen(&agent, health, progress),
            match_score,
            score: MatchScore { coverage, availability, health: well, capacity },
            matched_capabilities: matched,
            missing_capabilities: missing,
        }
    }
}

impl From<registry::Statistics> for FleetStatistics {
    fn from(statistics: registry::Statistics) -> Self {
        let registry::Statistics {
            agents,
            by_status,
            by_type,
            by_health,
            draining,
            stalled,
            capabilities,
            capacity,
            slots_taken,
            slots_free,
        } = statistics;
        Self {
            agents,
            by_status,
            by_type,
            by_health,
            draining,
            stalled,
            capabilities,
            capacity,
            slots_taken,
            slots_free,
        }
    }
}
