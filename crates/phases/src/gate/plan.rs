//! The gates of a workflow, by phase, and the check that they can be met there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sections;
use crate::{ArtifactDemand, Criterion, Gate, Grade, Phase, PhaseId, UnknownPhase, Workflow};

/// The gates of a workflow, by the phase that they are the way out of. As JSON and TOML it is the
/// map itself. The default has no gates.
///
/// ```
/// use phaseline_phases::{GatePlan, Phase, Workflow};
///
/// let plan = GatePlan::standard();
/// plan.validated(Workflow::standard())?;
/// assert!(plan.gate(&Phase::Testing.id()).is_some_and(|gate| gate.tasks_completed));
/// assert_eq!(plan.gate(&Phase::Design.id()), None);
/// # Ok::<(), phaseline_phases::InvalidGate>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GatePlan(BTreeMap<PhaseId, Gate>);

/// Why a gate cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidGate {
    /// There is no such phase.
    #[error("a gate stands at a phase that there is not: {0}")]
    UnknownPhase(#[from] UnknownPhase),
    /// The phase is an end.
    #[error("a gate cannot stand at {phase}: it is an end, which no ticket leaves")]
    Terminal {
        /// Which one.
        phase: PhaseId,
    },
    /// The phase is the one in which tickets wait.
    #[error("a gate cannot stand at {phase}: tickets wait there and do no work")]
    Parking {
        /// Which one.
        phase: PhaseId,
    },
    /// An artifact of no type.
    #[error("the gate of {phase} asks for an artifact without saying of which type")]
    BlankType {
        /// Whose gate it is.
        phase: PhaseId,
    },
    /// A section or a member of no name.
    #[error("the gate of {phase} asks {artifact_type} for a section or member without a name")]
    BlankName {
        /// Whose gate it is.
        phase: PhaseId,
        /// The artifact that it asks for.
        artifact_type: String,
    },
    /// A minimum that is infinite or not a number.
    #[error("the gate of {phase} asks {artifact_type} for at least {at_least}, which is no number")]
    NotFinite {
        /// Whose gate it is.
        phase: PhaseId,
        /// The artifact that it asks for.
        artifact_type: String,
        /// What it asks for.
        at_least: f64,
    },
}

impl GatePlan {
    /// The gates of the standard workflow: a `requirements_document` out of requirements;
    /// `code_changes` and a `test_coverage` of 80 percent out of implementation; `test_results`
    /// that all passed out of testing; and no open task out of any of the three.
    #[must_use]
    pub fn standard() -> Self {
        let percentage = Some("percentage".to_owned());
        let coverage = Criterion::Minimum { field: percentage, at_least: 80.0 };
        let passed = Criterion::Flag { field: "all_passed".to_owned() };
        let gate = |phase: Phase, artifacts: Vec<(&str, Option<Criterion>)>| {
            let demand = |(kind, criterion): (&str, Option<Criterion>)| ArtifactDemand {
                kind: kind.to_owned(),
                criteria: criterion.into_iter().collect(),
                grade: Grade::default(),
            };
            let artifacts = artifacts.into_iter().map(demand).collect();
            (phase.id(), Gate { artifacts, tasks_completed: true, approvals: 0 })
        };
        Self::from_iter([
            gate(Phase::Requirements, vec![("requirements_document", None)]),
            gate(
                Phase::Implementation,
                vec![("code_changes", None), ("test_coverage", Some(coverage))],
            ),
            gate(Phase::Testing, vec![("test_results", Some(passed))]),
        ])
    }

    /// The gate out of a phase, if there is one.
    #[must_use]
    pub fn gate(&self, phase: &PhaseId) -> Option<&Gate> {
        self.0.get(phase)
    }

    /// Its gates, in the order of the names of their phases.
    pub fn iter(&self) -> impl Iterator<Item = (&PhaseId, &Gate)> {
        self.0.iter()
    }

    /// Insists that each gate stands at a phase of work and asks for what can be.
    ///
    /// # Errors
    /// [`InvalidGate`] names the first thing that is wrong.
    pub fn validated(&self, workflow: &Workflow) -> Result<(), InvalidGate> {
        for (phase, gate) in self.iter() {
            workflow.require(phase)?;
            if workflow.is_parking(phase) {
                return Err(InvalidGate::Parking { phase: phase.clone() });
            }
            if workflow.is_terminal(phase) {
                return Err(InvalidGate::Terminal { phase: phase.clone() });
            }
            for demand in &gate.artifacts {
                check_demand(phase, demand)?;
            }
        }
        Ok(())
    }
}

impl FromIterator<(PhaseId, Gate)> for GatePlan {
    fn from_iter<T: IntoIterator<Item = (PhaseId, Gate)>>(gates: T) -> Self {
        Self(gates.into_iter().collect())
    }
}

fn check_demand(phase: &PhaseId, demand: &ArtifactDemand) -> Result<(), InvalidGate> {
    let (phase, artifact_type) = (phase.clone(), demand.kind.clone());
    if artifact_type.trim().is_empty() {
        return Err(InvalidGate::BlankType { phase });
    }
    for criterion in &demand.criteria {
        let has_blank = match criterion {
            Criterion::Minimum { at_least, .. } if !at_least.is_finite() => {
                let at_least = *at_least;
                return Err(InvalidGate::NotFinite { phase, artifact_type, at_least });
            }
            Criterion::Minimum { field: Some(field), .. } | Criterion::Flag { field } => {
                field.trim().is_empty()
            }
            Criterion::Sections { required } => {
                required.iter().any(|name| sections::canonical(name).is_empty())
            }
            Criterion::Minimum { field: None, .. } | Criterion::MinLength { .. } => false,
        };
        if has_blank {
            return Err(InvalidGate::BlankName { phase, artifact_type });
        }
    }
    Ok(())
}
