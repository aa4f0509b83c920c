//! What a finished task leaves behind.

use phaseline_context as context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use validator::Validate;

use crate::{
    Artifact, artifact,
    limits::{ARTIFACTS, FINDING_CHARS, FINDINGS, SUMMARY_CHARS},
    rule,
    schema::{Finding, FindingList, Json, Summary},
};

/// What a finished task leaves behind. Every field may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(default = json!({ "summary": "", "outputs": null, "context": {}, "artifacts": [] }))]
pub struct TaskResult {
    /// What was done, in prose.
    #[validate(length(max = SUMMARY_CHARS))]
    #[schema(value_type = Summary)]
    pub summary: String,
    /// Whatever the task produced as data, in a shape of its own.
    #[schema(value_type = Json)]
    pub outputs: Value,
    /// What the next phase should know.
    #[validate(nested)]
    pub context: Findings,
    /// What the task produced.
    #[validate(length(max = ARTIFACTS), nested)]
    #[schema(max_items = 100)]
    pub artifacts: Vec<Artifact>,
}

/// What a task found out that others should know.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Findings {
    /// What was decided.
    #[validate(length(max = FINDINGS), custom(function = rule::findings))]
    #[schema(value_type = FindingList)]
    pub decisions: Vec<String>,
    /// What may go wrong.
    #[validate(length(max = FINDINGS), custom(function = rule::findings))]
    #[schema(value_type = FindingList)]
    pub risks: Vec<String>,
    /// What else is worth knowing.
    #[validate(length(max = FINDINGS), custom(function = rule::findings))]
    #[schema(value_type = FindingList)]
    pub notes: Vec<String>,
    /// Which earlier decisions, of any phase of the ticket, no longer stand.
    #[validate(length(max = FINDINGS), nested)]
    #[schema(max_items = 500)]
    pub supersedes: Vec<Superseded>,
}

/// An earlier decision that no longer stands, and what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "decision": "One key for all services",
    "by": "One key for each service",
}))]
pub struct Superseded {
    /// The text of the decision, as it was reported.
    #[validate(length(min = 1, max = FINDING_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Finding)]
    pub decision: String,
    /// What was decided in its place; null where it is only withdrawn.
    #[serde(default)]
    #[validate(length(min = 1, max = FINDING_CHARS), custom(function = rule::not_blank))]
    #[schema(value_type = Option<Finding>)]
    pub by: Option<String>,
}

impl From<TaskResult> for context::TaskResult {
    fn from(result: TaskResult) -> Self {
        let TaskResult { summary, outputs, context, artifacts } = result;
        let Findings { decisions, risks, notes, supersedes } = context;
        let supersedes = supersedes.into_iter().map(Into::into).collect();
        Self {
            summary,
            outputs,
            context: context::Findings { decisions, risks, notes, supersedes },
            artifacts: artifact::all(artifacts),
        }
    }
}

impl From<context::TaskResult> for TaskResult {
    fn from(result: context::TaskResult) -> Self {
        let context::TaskResult { summary, outputs, context, artifacts } = result;
        let context::Findings { decisions, risks, notes, supersedes } = context;
        let supersedes = supersedes.into_iter().map(Into::into).collect();
        Self {
            summary,
            outputs,
            context: Findings { decisions, risks, notes, supersedes },
            artifacts: artifact::all(artifacts),
        }
    }
}

impl From<Superseded> for context::Superseded {
    fn from(superseded: Superseded) -> Self {
        let Superseded { decision, by } = superseded;
        Self { decision, by }
    }
}

impl From<context::Superseded> for Superseded {
    fn from(superseded: context::Superseded) -> Self {
        let context::Superseded { decision, by } = superseded;
        Self { decision, by }
    }
}
