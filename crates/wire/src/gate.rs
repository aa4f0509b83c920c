//! Gates: what a phase asks for before it is left, and the evidence and approvals that meet it.

use phaseline_phases::{self as phases, GateCode, Grade, PhaseId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::{
    Timestamp,
    limits::{ACTOR_CHARS, ARTIFACT_PATH_CHARS, ARTIFACT_TYPE_CHARS, COMMENT_CHARS},
    rule,
    schema::{
        ActorName, ArtifactPath, ArtifactType, Comment, GateCodeName, GradeName, Json, PhaseName,
        StandardPhase,
    },
};

/// What the gate of a phase asks for, and how much of it is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gate {
    /// The ticket.
    pub ticket_id: Uuid,
    /// The phase that the gate is at the end of.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// Whether the ticket has to pass it; where it does not, the points are for information.
    pub enabled: bool,
    /// Whether every point is met.
    pub met: bool,
    /// What is asked for; empty where the phase asks for nothing.
    pub points: Vec<GatePoint>,
}

/// One thing that a gate asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GatePoint {
    /// What kind of demand it is.
    #[schema(value_type = GateCodeName)]
    pub code: GateCode,
    /// Whether it is met.
    pub met: bool,
    /// What is asked for.
    pub demand: String,
    /// What there is, and why that does not do.
    pub found: String,
    /// Who can meet it.
    pub satisfied_by: String,
    /// The type of artifact that is asked for.
    #[schema(required)]
    pub artifact_type: Option<String>,
}

/// Something to add to a ticket as evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "type": "test_results",
    "content": { "all_passed": true },
    "grade": "ci",
}))]
pub struct NewTicketArtifact {
    /// What it is, for example `test_results`.
    #[serde(rename = "type")]
    #[validate(length(min = 1, max = ARTIFACT_TYPE_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = ArtifactType)]
    pub kind: String,
    /// Where it is.
    #[serde(default)]
    #[validate(length(min = 1, max = ARTIFACT_PATH_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Option<ArtifactPath>)]
    pub path: Option<String>,
    /// What is in it, as JSON.
    #[serde(default)]
    #[schema(value_type = Json)]
    pub content: Option<Value>,
    /// The phase that it is work of; that of the ticket unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StandardPhase>)]
    pub phase_id: Option<PhaseId>,
    /// How far it can be believed; `self` unless it is said.
    #[serde(default)]
    #[schema(value_type = GradeName)]
    pub grade: Grade,
}

/// Something that was added to a ticket as evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TicketArtifact {
    /// Its id.
    pub id: Uuid,
    /// The ticket.
    pub ticket_id: Uuid,
    /// The phase that it is work of.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is.
    #[schema(required)]
    pub path: Option<String>,
    /// What is in it.
    #[schema(value_type = Json)]
    pub content: Option<Value>,
    /// How far it can be believed.
    #[schema(value_type = GradeName)]
    pub grade: Grade,
    /// Who added it, as they said themselves.
    #[schema(required)]
    pub added_by: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// An approval of a ticket as it stands. Every field may be left out, and so may the body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "comment": "Read and run.", "approved_by": "amy" }))]
pub struct NewApproval {
    /// What there is to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(max = COMMENT_CHARS))]
    #[schema(value_type = Option<Comment>)]
    pub comment: Option<String>,
    /// Who approves; whoever `Phaseline-Actor` names unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[validate(length(min = 1, max = ACTOR_CHARS), custom(function = rule::name))]
    #[schema(value_type = Option<ActorName>)]
    pub approved_by: Option<String>,
}

/// Somebody's approval of a ticket as it stood at a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Its id.
    pub id: Uuid,
    /// The ticket.
    pub ticket_id: Uuid,
    /// The phase that it was in.
    #[schema(value_type = PhaseName)]
    pub phase_id: PhaseId,
    /// Who approved.
    pub approved_by: String,
    /// What they said.
    #[schema(required)]
    pub comment: Option<String>,
    /// The version that they approved.
    pub ticket_version: i64,
    /// When.
    pub created_at: Timestamp,
    /// Whether the ticket is still at that version; an approval of another one does not count.
    pub stands: bool,
}

impl From<phases::GatePoint> for GatePoint {
    fn from(point: phases::GatePoint) -> Self {
        let phases::GatePoint { code, met, demand, found, satisfied_by, artifact_type } = point;
        Self { code, met, demand, found, satisfied_by, artifact_type }
    }
}
