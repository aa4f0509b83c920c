//! Heartbeats.

use phaseline_registry::{AgentStatus, Health};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::{
    Timestamp,
    limits::HEARTBEAT_SEQUENCE,
    rule,
    schema::{AgentStatusName, HealthName, Metrics, SequenceNumber},
    whole,
};

/// A sign of life. Every field may be left out, and so may the body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "sequence": 17, "metrics": { "load": 0.4 } }))]
pub struct NewHeartbeat {
    /// Its number; 0 and 1 begin to count anew.
    #[serde(default, deserialize_with = "whole::or_null", skip_serializing_if = "Option::is_none")]
    #[validate(range(max = HEARTBEAT_SEQUENCE))]
    #[schema(value_type = Option<SequenceNumber>)]
    pub sequence: Option<u64>,
    /// What the agent reports of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(custom(function = rule::metrics))]
    #[schema(value_type = Option<Metrics>)]
    pub metrics: Option<Map<String, Value>>,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Heartbeat {
    /// Whose it was.
    pub agent_id: Uuid,
    /// When it came.
    pub received_at: Timestamp,
    /// How well the agent is now.
    #[schema(value_type = HealthName)]
    pub health_status: Health,
    /// What the agent is up to, as the registry has it.
    #[schema(value_type = AgentStatusName)]
    pub status: AgentStatus,
    /// The highest number that a heartbeat of it has carried.
    #[schema(required)]
    pub sequence: Option<u64>,
    /// How many heartbeats are missing before this one.
    pub missed_now: u64,
    /// Whether one with a higher number came before.
    pub out_of_order: bool,
}
