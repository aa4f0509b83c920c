//! How work flows, in figures.

use phaseline_phases::PhaseId;
use phaseline_tasks::{AttemptOutcome, FailureClass};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::{AttemptOutcomeName, FailureClassName, PhaseName};

/// How work flows, from history alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlowStatistics {
    /// How long tickets stay in each phase, in workflow order, the parking one last.
    pub time_in_phase: Vec<TimeInPhase>,
    /// How often tickets were sent back, by the way that they took.
    pub regressions: Vec<Regressions>,
    /// How many tickets got through without being sent back.
    pub first_pass: FirstPass,
    /// What waits for agents, by the capability that it requires: none first, then by name.
    pub queue: Vec<Queue>,
    /// How attempts ended, or that they have not.
    pub attempts: Vec<Attempts>,
}

/// How long tickets stay in a phase; only stays that have ended count. The percentiles are nearest
/// ranks: each is a time that some ticket did take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimeInPhase {
    /// The phase.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// How many stays have ended.
    pub count: u64,
    /// Half of them were no longer than this, in seconds.
    pub p50_s: f64,
    /// Nine in ten of them were no longer than this, in seconds.
    pub p90_s: f64,
}

/// How often tickets were sent back from one phase to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Regressions {
    /// The phase that sent them back.
    #[schema(value_type = PhaseName)]
    pub from_phase: PhaseId,
    /// The phase that got them back.
    #[schema(value_type = PhaseName)]
    pub to_phase: PhaseId,
    /// How often.
    pub count: u64,
}

/// How many tickets got through without being sent back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FirstPass {
    /// How many tickets have come to an end.
    pub finished: u64,
    /// How many of them were never sent back.
    pub without_regression: u64,
    /// The part of them that was never sent back, 0 to 1; null while there are none.
    #[serde(rename = "yield")]
    #[schema(required)]
    pub first_pass_yield: Option<f64>,
}

/// The pending tasks that require a capability, whatever else they wait for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// The capability; null is work that requires none.
    #[schema(required)]
    pub capability: Option<String>,
    /// How many tasks wait.
    pub waiting: u64,
    /// How long ago the oldest was made, in seconds.
    pub oldest_s: f64,
    /// Half of them were made no longer ago than this, in seconds.
    pub p50_s: f64,
}

/// How many attempts ended in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempts {
    /// How they ended.
    #[schema(value_type = AttemptOutcomeName)]
    pub outcome: AttemptOutcome,
    /// What kind of failure it was, of those that failed.
    #[schema(value_type = Option<FailureClassName>, required)]
    pub failure_class: Option<FailureClass>,
    /// How many.
    pub count: u64,
}
