//! A gate: what must be there before a ticket may leave a phase.

mod criterion;
mod facts;
mod plan;
mod report;
mod sections;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

pub use criterion::Criterion;
pub use facts::{Approval, Evidence, GateFacts, TaskCounts};
pub use plan::{GatePlan, InvalidGate};
pub use report::{GateCode, GatePoint, GateReport, evaluate};

/// How far a piece of evidence is to be believed, the least first: `self`, `peer` or `ci`.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Grade {
    /// Whoever did the work says so.
    #[default]
    #[serde(rename = "self")]
    #[strum(serialize = "self")]
    SelfReported,
    /// Somebody else says so.
    Peer,
    /// A machine has checked it.
    Ci,
}

/// An artifact that a gate asks for. Any one piece of evidence of its type meets it that fulfils
/// all its criteria and has at least its grade; what several have between them does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactDemand {
    /// What it is, for example `requirements_document`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What must hold of its content.
    #[serde(default)]
    pub criteria: Vec<Criterion>,
    /// The grade that will do, or any better one.
    #[serde(default)]
    pub grade: Grade,
}

/// What a phase asks for before a ticket may leave it. The default asks for nothing.
///
/// ```
/// use phaseline_phases::gate::{self, Gate, GateFacts};
///
/// let gate = Gate { approvals: 1, ..Gate::default() };
/// let report = gate::evaluate(&gate, &GateFacts::default());
/// let unmet: Vec<_> = report.unmet().map(|point| point.code.to_string()).collect();
/// assert_eq!(unmet, ["approvals"]);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// The artifacts, each of which must be there.
    pub artifacts: Vec<ArtifactDemand>,
    /// Whether every task of the phase must be completed. A phase without tasks has none to wait
    /// for.
    pub tasks_completed: bool,
    /// How many must approve who are not authors.
    pub approvals: u32,
}

impl Gate {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let Self { artifacts, tasks_completed, approvals } = self;
        artifacts.is_empty() && !tasks_completed && *approvals == 0
    }
}
