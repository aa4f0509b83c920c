//! Moves of a ticket between phases.

use phaseline_phases::{self as phases, PhaseId, TransitionKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::{
    Artifact, NewBlocker, Timestamp, artifact,
    limits::{ARTIFACTS, REASON_CHARS},
    schema::{PhaseName, Reason, StandardPhase, TransitionKindName},
};

/// A move to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "to_phase": "PHASE_REQUIREMENTS", "reason": "Ready to be specified." }))]
pub struct NewTransition {
    /// Where to.
    #[schema(value_type = StandardPhase)]
    pub to_phase: PhaseId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(max = REASON_CHARS))]
    #[schema(value_type = Option<Reason>)]
    pub reason: Option<String>,
    /// What the phase left has produced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[validate(length(max = ARTIFACTS), nested)]
    #[schema(max_items = 100)]
    pub artifacts: Vec<Artifact>,
    /// Whether to pass a gate that is not met; takes a reason, and is recorded.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
    /// What holds the ticket up; only with a move to where blocked tickets wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(nested)]
    pub blocker: Option<NewBlocker>,
}

/// A move that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Transition {
    /// The ticket.
    pub ticket_id: Uuid,
    /// Where it was.
    #[schema(value_type = PhaseName)]
    pub previous_phase: PhaseId,
    /// Where it is.
    #[schema(value_type = PhaseName)]
    pub current_phase: PhaseId,
    /// What kind of move it was.
    #[schema(value_type = TransitionKindName)]
    pub kind: TransitionKind,
    /// Why it was made.
    #[schema(required)]
    pub reason: Option<String>,
    /// Who made it, as they said themselves.
    #[schema(required)]
    pub transitioned_by: Option<String>,
    /// When.
    pub transitioned_at: Timestamp,
    /// Whether it passed a gate that was not met.
    pub forced: bool,
    /// The version of the ticket after it.
    pub version: i64,
}

/// Where a ticket can go from here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValidTransitions {
    /// The ticket.
    pub ticket_id: Uuid,
    /// Where it is.
    #[schema(value_type = PhaseName)]
    pub current_phase: PhaseId,
    /// Where it can go; empty at the end.
    #[schema(value_type = Vec<PhaseName>)]
    pub valid_transitions: Vec<PhaseId>,
}

/// One row of a ticket's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// Its number, from 1 without gaps.
    #[schema(minimum = 1)]
    pub sequence: u32,
    /// Where the ticket was; null in the first row.
    #[schema(value_type = Option<PhaseName>, required)]
    pub from_phase: Option<PhaseId>,
    /// Where it went.
    #[schema(value_type = PhaseName)]
    pub to_phase: PhaseId,
    /// What kind of move it was.
    #[schema(value_type = TransitionKindName)]
    pub kind: TransitionKind,
    /// Why it was made.
    #[schema(required)]
    pub reason: Option<String>,
    /// Who made it, as they said themselves.
    #[schema(required)]
    pub transitioned_by: Option<String>,
    /// What the phase left has produced.
    pub artifacts: Vec<Artifact>,
    /// How long the ticket was in the phase left; null in the first row.
    #[schema(required)]
    pub seconds_in_previous: Option<f64>,
    /// Whether it passed a gate that was not met.
    pub forced: bool,
    /// When.
    pub created_at: Timestamp,
}

impl NewTransition {
    /// A move without a reason.
    #[must_use]
    pub const fn to(phase: PhaseId) -> Self {
        Self { to_phase: phase, reason: None, artifacts: Vec::new(), force: false, blocker: None }
    }
}

impl From<phases::HistoryEntry> for HistoryEntry {
    fn from(entry: phases::HistoryEntry) -> Self {
        let phases::HistoryEntry {
            sequence,
            from,
            to,
            kind,
            reason,
            by,
            artifacts,
            at,
            seconds_in_previous,
            forced,
        } = entry;
        Self {
            sequence,
            from_phase: from,
            to_phase: to,
            kind,
            reason,
            transitioned_by: by,
            artifacts: artifact::all(artifacts),
            seconds_in_previous,
            forced,
            created_at: at.into(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
