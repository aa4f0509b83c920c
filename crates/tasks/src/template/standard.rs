//! The templates of the standard workflow.

use std::collections::BTreeMap;

use phaseline_phases::Phase;

use super::{TaskTemplate, TemplatePlan};
use crate::TaskType;

impl TemplatePlan {
    /// The templates of the standard workflow: one task a phase from requirements to deployment, in
    /// implementation two. They ask for no capabilities, because those are the names that a team
    /// gives them, and for the artifacts that the standard gates want to see.
    #[must_use]
    pub fn standard() -> TemplatePlan {
        let plan = [
            (Phase::Requirements, vec![analyse()]),
            (Phase::Design, vec![design()]),
            (Phase::Implementation, vec![implement(), write_tests()]),
            (Phase::Testing, vec![run_tests()]),
            (Phase::Deployment, vec![deploy()]),
        ];
        TemplatePlan(BTreeMap::from(plan.map(|(phase, templates)| (phase.id(), templates))))
    }
}

fn analyse() -> TaskTemplate {
    template(
        "analyse",
        "Write the requirements document",
        "analysis",
        "Find out what is wanted, by whom and why, what is not part of it, and how to tell that it \
         is done. Leave it as an artifact of type requirements_document.",
    )
}

fn design() -> TaskTemplate {
    template(
        "design",
        "Design the solution",
        "design",
        "Decide how the requirements are met: the parts, their interfaces, what was weighed and \
         why. Name the risks.",
    )
}

fn implement() -> TaskTemplate {
    template(
        "implement",
        "Implement the design",
        "implementation",
        "Make what the design says. Leave the changes as an artifact of type code_changes.",
    )
}

fn write_tests() -> TaskTemplate {
    let depends_on = vec!["implement".to_owned()];
    let described = template(
        "write-tests",
        "Write the tests",
        "test",
        "Cover each requirement with a test that fails without the implementation. Leave how much \
         of the code the tests reach as an artifact of type test_coverage, with its percentage.",
    );
    TaskTemplate { depends_on, ..described }
}

fn run_tests() -> TaskTemplate {
    template(
        "run-tests",
        "Run the tests and check the requirements",
        "testing",
        "Run all tests, and check each requirement against what was made. Leave the outcome as an \
         artifact of type test_results, with all_passed true or false.",
    )
}

fn deploy() -> TaskTemplate {
    template(
        "deploy",
        "Bring it to its users",
        "deployment",
        "Deploy it, watch it for long enough to know that it works, and say how to take it back.",
    )
}

fn template(key: &str, title: &str, task_type: &'static str, description: &str) -> TaskTemplate {
    TaskTemplate {
        key: key.to_owned(),
        title: title.to_owned(),
        task_type: TaskType::known(task_type),
        description: description.to_owned(),
        priority: None,
        required_capabilities: Vec::new(),
        depends_on: Vec::new(),
    }
}
