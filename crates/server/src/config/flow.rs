//! How tickets flow: the switches, the budgets, and the plans of gates and templates.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use clap::Args;
use phaseline_engine::{FlowDefaults, Settings};
use phaseline_phases::{Gate, GatePlan, PhaseId, Workflow};
use phaseline_registry::Capability;
use phaseline_tasks::{RetryPolicy, TaskTemplate, TemplatePlan};
use serde::Deserialize;

/// The most regressions over one edge that a budget can allow.
const MOST_REWORK: u32 = 1_000;

/// How tickets flow that do not say so themselves; `[flow]` in the file.
#[derive(Debug, Clone, Copy, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FlowOptions {
    /// Phases are left only through their gates [default: false]
    #[arg(long, env = "PHASELINE_GATES", value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    gates: Option<bool>,
    /// Entering a phase makes the tasks of its templates [default: false]
    #[arg(long, env = "PHASELINE_TEMPLATES", value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    templates: Option<bool>,
    /// A ticket advances by itself when the work of its phase is done [default: false]
    #[arg(long, env = "PHASELINE_AUTO_ADVANCE", value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    auto_advance: Option<bool>,
    /// It then passes through phases that have no tasks [default: false]
    #[arg(long, env = "PHASELINE_SKIP_EMPTY_PHASES", value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    skip_empty_phases: Option<bool>,
    /// Regressions over the same edge after which the next one blocks the ticket [default: 3]
    #[arg(long, env = "PHASELINE_REWORK_BUDGET", value_name = "N")]
    rework_budget: Option<u32>,
}

/// When a task is tried again, and how often; `[retry]` in the file.
#[derive(Debug, Clone, Copy, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetryOptions {
    /// Attempts that may fail by a task's own fault, unless the task says otherwise [default: 3]
    #[arg(long, env = "PHASELINE_MAX_ATTEMPTS", value_name = "N")]
    max_attempts: Option<u32>,
    /// The first wait before a task is tried again, in seconds; only in the file.
    #[arg(skip)]
    base_s: Option<u32>,
    /// The longest one.
    #[arg(skip)]
    max_s: Option<u32>,
    /// By how much of itself a wait can become shorter or longer, from 0 to 1.
    #[arg(skip)]
    jitter: Option<f64>,
}

impl FlowOptions {
    /// These settings, and those of `other` where they say nothing.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            gates: self.gates.or(other.gates),
            templates: self.templates.or(other.templates),
            auto_advance: self.auto_advance.or(other.auto_advance),
            skip_empty_phases: self.skip_empty_phases.or(other.skip_empty_phases),
            rework_budget: self.rework_budget.or(other.rework_budget),
        }
    }

    pub(super) fn defaults(&self) -> FlowDefaults {
        let usual = FlowDefaults::default();
        FlowDefaults {
            gates: self.gates.unwrap_or(usual.gates),
            templates: self.templates.unwrap_or(usual.templates),
            auto_advance: self.auto_advance.unwrap_or(usual.auto_advance),
            skip_empty_phases: self.skip_empty_phases.unwrap_or(usual.skip_empty_phases),
        }
    }

    pub(super) fn rework_budget(&self) -> anyhow::Result<u32> {
        match self.rework_budget {
            None => Ok(Settings::default().rework_budget),
            Some(budget) => super::within("rework_budget", budget, 1..=MOST_REWORK),
        }
    }
}

impl RetryOptions {
    /// These settings, and those of `other` where they say nothing.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            max_attempts: self.max_attempts.or(other.max_attempts),
            base_s: self.base_s.or(other.base_s),
            max_s: self.max_s.or(other.max_s),
            jitter: self.jitter.or(other.jitter),
        }
    }

    pub(super) fn policy(&self) -> anyhow::Result<RetryPolicy> {
        let usual = RetryPolicy::default();
        let policy = RetryPolicy {
            max_attempts: self.max_attempts.unwrap_or(usual.max_attempts),
            base_s: self.base_s.unwrap_or(usual.base_s),
            max_s: self.max_s.unwrap_or(usual.max_s),
            jitter: self.jitter.unwrap_or(usual.jitter),
        };
        policy.validated().context("[retry] makes no sense")
    }
}

/// The usual gates, with these in place of those of the same phases.
pub(super) fn gate_plan(given: BTreeMap<PhaseId, Gate>) -> anyhow::Result<GatePlan> {
    let usual = GatePlan::standard();
    let usual = usual.iter().map(|(phase, gate)| (phase.clone(), gate.clone()));
    // A later entry of a phase replaces an earlier one.
    let plan = GatePlan::from_iter(usual.chain(given));
    plan.validated(Workflow::standard()).context("[gates] cannot be used")?;
    Ok(plan)
}

/// The usual templates, with these in place of those of the same phases.
pub(super) fn template_plan(
    given: BTreeMap<PhaseId, Vec<TaskTemplate>>,
) -> anyhow::Result<TemplatePlan> {
    for (phase, templates) in &given {
        for TaskTemplate { key, required_capabilities, .. } in templates {
            for capability in required_capabilities {
                if let Err(error) = Capability::parse(capability) {
                    bail!(
                        "[templates] cannot be used: {key} of {phase} requires {capability:?}: {error}"
                    );
                }
            }
        }
    }
    let mut plan = TemplatePlan::standard();
    plan.0.extend(given);
    plan.validated(Workflow::standard()).context("[templates] cannot be used")?;
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use phaseline_phases::Phase;

    use super::super::{Options, Settings};

    fn settings(toml: &str) -> anyhow::Result<Settings> {
        Settings::resolve(toml::from_str::<Options>(toml)?)
    }

    #[track_caller]
    fn check_refusal(toml: &str, expected: &[&str]) {
        let refusal = format!("{:#}", settings(toml).unwrap_err());
        for part in expected {
            assert!(refusal.contains(part), "{part} is not in {refusal}");
        }
    }

    #[test]
    fn everything_is_off_and_standard_unless_it_is_said() {
        let engine = settings("").unwrap().engine;
        assert_eq!(engine.flow, phaseline_engine::FlowDefaults::default());
        assert_eq!(engine.gate_plan, phaseline_phases::GatePlan::standard());
        assert_eq!(engine.template_plan, phaseline_tasks::TemplatePlan::standard());
        assert_eq!((engine.rework_budget, engine.retry.max_attempts), (3, 3));
    }

    #[test]
    fn switches_and_budgets_come_from_their_tables() {
        let engine = settings(
            "stalled_after_s = 60\n\
             [flow]\ngates = true\ntemplates = true\nauto_advance = true\nskip_empty_phases = true\n\
             rework_budget = 5\n\
             [retry]\nmax_attempts = 7\nbase_s = 1\nmax_s = 2\njitter = 0.5",
        )
        .unwrap()
        .engine;
        let flow = engine.flow;
        assert!(flow.gates && flow.templates && flow.auto_advance && flow.skip_empty_phases);
        assert_eq!((engine.rework_budget, engine.health.stalled_after_s), (5, 60));
        let retry = engine.retry;
        assert_eq!((retry.max_attempts, retry.base_s, retry.max_s), (7, 1, 2));
    }

    #[test]
    fn a_gate_of_the_file_replaces_that_of_its_phase_and_no_other() {
        let engine = settings(
            "[gates.PHASE_TESTING]\napprovals = 2\n\
             artifacts = [{ type = 'report', grade = 'ci', criteria = [{ kind = 'min_length', chars = 9 }] }]\n\
             [gates.PHASE_DESIGN]\napprovals = 1",
        )
        .unwrap()
        .engine;
        let gate = |phase: Phase| engine.gate_plan.gate(&phase.id()).unwrap().clone();
        let testing = gate(Phase::Testing);
        assert_eq!((testing.approvals, testing.tasks_completed), (2, false));
        assert_eq!(testing.artifacts[0].kind, "report");
        assert_eq!(gate(Phase::Design).approvals, 1);
        let standard = phaseline_phases::GatePlan::standard();
        let requirements = Phase::Requirements.id();
        assert_eq!(engine.gate_plan.gate(&requirements), standard.gate(&requirements));
    }

    #[test]
    fn templates_of_the_file_replace_those_of_their_phase() {
        let engine = settings(
            "[templates]\nPHASE_TESTING = []\n\
             [[templates.PHASE_DESIGN]]\nkey = 'draw'\ntitle = 'Draw it'\ntask_type = 'design'\n\
             required_capabilities = ['drawing']",
        )
        .unwrap()
        .engine;
        let keys = |phase: Phase| -> Vec<String> {
            let templates = engine.template_plan.for_phase(&phase.id());
            templates.iter().map(|template| template.key.clone()).collect()
        };
        assert_eq!(keys(Phase::Design), ["draw"]);
        assert!(keys(Phase::Testing).is_empty());
        assert_eq!(keys(Phase::Deployment), ["deploy"]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        check_refusal("[gates.PHASE_DONE]\napprovals = 1", &["[gates]", "PHASE_DONE"]);
        check_refusal("[gates.PHASE_TESTIN]\napprovals = 1", &["[gates]", "PHASE_TESTIN"]);
        check_refusal("[gates.PHASE_TESTING]\napproval = 1", &["unknown field `approval`"]);
        check_refusal("[flow]\ngates = 1", &["gates", "expected a boolean"]);
        check_refusal("[flow]\nrework_budget = 0", &["rework_budget must be 1 to 1000 and not 0"]);
        check_refusal("[retry]\nmax_attempts = 0", &["[retry]", "0 attempts"]);
        check_refusal("[retry]\nbase_s = 9\nmax_s = 3", &["[retry]", "9 seconds"]);
        let blank = "[[templates.PHASE_DESIGN]]\nkey = 'a'\ntitle = ' '\ntask_type = 'design'";
        check_refusal(blank, &["[templates]", "needs a title"]);
        let capability = "[[templates.PHASE_DESIGN]]\nkey = 'a'\ntitle = 'A'\ntask_type = 'design'\n\
                          required_capabilities = [' ']";
        check_refusal(capability, &["[templates]", "a of PHASE_DESIGN requires"]);
    }

    #[test]
    fn a_fault_of_the_file_is_told_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("phaseline.toml");
        std::fs::write(&file, "[retry]\njitter = 2.0").unwrap();
        let options = Options { config: Some(file.clone()), ..Options::default() };
        let refusal = format!("{:#}", Settings::resolve(options).unwrap_err());
        assert!(refusal.contains(&file.display().to_string()), "{refusal}");
        assert!(refusal.contains("jitter of 2"), "{refusal}");
    }
}
