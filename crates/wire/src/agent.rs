//! Agents.

use phaseline_phases::PhaseId;
use phaseline_registry::{
    self as registry, AgentStatus, AgentType, Capabilities, Capacity, Health, HeartbeatRecord,
    Progress, Tags,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::{
    Timestamp,
    patch::present,
    schema::{
        AgentStatusName, AgentTypeName, CapabilityList, CapacityNumber, HealthName, PhaseName,
        ProgressName, StandardPhase, TagList,
    },
    whole,
};

/// An agent to register.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "agent_type": "worker",
    "capabilities": ["rust", "sql"],
    "capacity": 2,
}))]
pub struct NewAgent {
    /// What it is there for.
    #[schema(value_type = AgentTypeName)]
    pub agent_type: AgentType,
    /// The one phase that it works in; it works in any unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StandardPhase>)]
    pub phase_id: Option<PhaseId>,
    /// What it can do.
    #[schema(value_type = CapabilityList)]
    pub capabilities: Capabilities,
    /// How many tasks it works on at a time; one unless it is said.
    #[serde(default, deserialize_with = "whole::number")]
    #[schema(value_type = CapacityNumber)]
    pub capacity: Capacity,
    /// What people mark it with.
    #[serde(default)]
    #[schema(value_type = TagList)]
    pub tags: Tags,
}

/// What to change of an agent; what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "capabilities": ["rust", "sql", "code review"], "phase_id": null }))]
pub struct AgentPatch {
    /// What it is there for.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = AgentTypeName, required = false)]
    pub agent_type: Option<AgentType>,
    /// The one phase that it works in; null lets it work in any.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StandardPhase>)]
    pub phase_id: Option<Option<PhaseId>>,
    /// What it is up to.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = AgentStatusName, required = false)]
    pub status: Option<AgentStatus>,
    /// What it can do.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = CapabilityList, required = false)]
    pub capabilities: Option<Capabilities>,
    /// How many tasks it works on at a time.
    #[serde(default, deserialize_with = "whole::present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = CapacityNumber, required = false)]
    pub capacity: Option<Capacity>,
    /// What people mark it with.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = TagList, required = false)]
    pub tags: Option<Tags>,
}

/// Whether an agent is there for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "available": false }))]
pub struct Availability {
    /// `false` puts it into maintenance, `true` makes it idle.
    pub available: bool,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// Its id.
    pub agent_id: Uuid,
    /// What it is there for.
    #[schema(value_type = AgentTypeName)]
    pub agent_type: AgentType,
    /// The one phase that it works in; null is any.
    #[schema(value_type = Option<PhaseName>, required)]
    pub phase_id: Option<String>,
    /// What it is up to.
    #[schema(value_type = AgentStatusName)]
    pub status: AgentStatus,
    /// What it can do.
    #[schema(value_type = CapabilityList)]
    pub capabilities: Capabilities,
    /// How many tasks it works on at a time.
    #[schema(value_type = CapacityNumber)]
    pub capacity: Capacity,
    /// How many more it could take now.
    pub free_slots: u32,
    /// Whether it takes no new work and only finishes what it has in hand.
    pub draining: bool,
    /// How well it is now, by its heartbeats.
    #[schema(value_type = HealthName)]
    pub health_status: Health,
    /// What people mark it with.
    #[schema(value_type = TagList)]
    pub tags: Tags,
    /// When its last heartbeat came; a claim, an extension or a result is one, too.
    #[schema(required)]
    pub last_heartbeat: Option<Timestamp>,
    /// The highest number that a heartbeat of it has carried.
    #[schema(required)]
    pub heartbeat_sequence: Option<u64>,
    /// How many of its heartbeats are missing.
    pub heartbeats_missed: u64,
    /// Whether it gets on with what it has in hand: `stalled` where it has said nothing of it for
    /// too long.
    #[schema(value_type = ProgressName)]
    pub progress: Progress,
    /// When it last claimed, extended or ended a task.
    #[schema(required)]
    pub last_progress: Option<Timestamp>,
    /// Grows by one with every change, heartbeats not counted; also the `ETag`.
    pub version: i64,
    /// When it registered.
    pub created_at: Timestamp,
}

impl Agent {
    /// An agent in a state of health and of progress, which depend on when it is looked at.
    #[must_use]
    pub fn seen(agent: &registry::Agent, health: Health, progress: Progress) -> Self {
        let registry::Agent {
            id,
            agent_type,
            phase_id,
            status,
            capabilities,
            capacity,
            slots_taken: _, // shown as what is left
            tags,
            draining,
            last_progress,
            registered_at,
            heartbeat: HeartbeatRecord { last_at, sequence, missed },
            announced_health: _, // `health` is how well it is now
            version,
        } = agent;
        Self {
            agent_id: *id,
            agent_type: *agent_type,
            phase_id: phase_id.clone(),
            status: *status,
            capabilities: capabilities.clone(),
            capacity: *capacity,
            free_slots: agent.free_slots(),
            draining: *draining,
            health_status: health,
            tags: tags.clone(),
            last_heartbeat: last_at.map(Timestamp),
            heartbeat_sequence: *sequence,
            heartbeats_missed: *missed,
            progress,
            last_progress: last_progress.map(Timestamp),
            version: *version,
            created_at: Timestamp(*registered_at),
        }
    }
}
