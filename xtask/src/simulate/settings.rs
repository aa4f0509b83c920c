//! How the engine of a run is set: drawn from the seed, so that every switch is tried.

use phaseline_engine::{FlowDefaults, Settings};
use phaseline_phases::{ArtifactDemand, Criterion, Gate, GatePlan, Grade, Phase};
use phaseline_tasks::RetryPolicy;

use crate::chance::Chance;

/// The settings of one run.
pub(super) fn drawn(chance: &mut Chance) -> Settings {
    Settings {
        flow: FlowDefaults {
            gates: chance.percent(25),
            templates: chance.percent(25),
            auto_advance: chance.percent(50),
            skip_empty_phases: chance.percent(50),
        },
        gate_plan: gates(),
        rework_budget: chance.between(1, 3),
        retry: RetryPolicy {
            max_attempts: chance.between(1, 3),
            base_s: 5,
            max_s: 60,
            jitter: 0.2,
        },
        ..Settings::default()
    }
}

/// Each kind of demand once; none so rare that it is never met.
fn gates() -> GatePlan {
    let artifact = |kind: &str, grade, flag: Option<&str>| ArtifactDemand {
        kind: kind.to_owned(),
        criteria: flag
            .map(|field| Criterion::Flag { field: field.to_owned() })
            .into_iter()
            .collect(),
        grade,
    };
    let document = artifact("requirements_document", Grade::SelfReported, None);
    let changes = artifact("code_changes", Grade::SelfReported, None);
    let results = artifact("test_results", Grade::Peer, Some("all_passed"));
    GatePlan::from_iter([
        (Phase::Requirements.id(), Gate { artifacts: vec![document], ..Gate::default() }),
        (Phase::Design.id(), Gate { approvals: 1, ..Gate::default() }),
        (
            Phase::Implementation.id(),
            Gate { artifacts: vec![changes], tasks_completed: true, approvals: 0 },
        ),
        (
            Phase::Testing.id(),
            Gate { artifacts: vec![results], tasks_completed: true, approvals: 1 },
        ),
    ])
}
