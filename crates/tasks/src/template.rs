//! The tasks that a ticket gets when it enters a phase.

mod standard;

use std::collections::{BTreeMap, BTreeSet};

use phaseline_phases::{PhaseId, UnknownPhase, Workflow};
use serde::{Deserialize, Serialize};

use crate::{Priority, TaskType, find_cycle};

/// The longest key of a template, in characters.
pub const MAX_TEMPLATE_KEY_CHARS: usize = 64;

/// A task to make when a ticket enters a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskTemplate {
    /// Its name, by which other templates wait for it: 1 to 64 of `a-z`, `0-9`, `_` and `-`, a
    /// letter first.
    pub key: String,
    /// One line that says what is to be done.
    pub title: String,
    /// What kind of work it is.
    pub task_type: TaskType,
    /// What is to be done, at length.
    #[serde(default)]
    pub description: String,
    /// How urgent it is; as its ticket when `None`.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// What an agent must be able to do to get it.
    #[serde(default)]
    pub required_capabilities: Vec<String>,
    /// The keys of the templates of the same phase whose tasks it waits for.
    #[serde(default)]
    pub depends_on: Vec<String>,
}

/// The templates of each phase, in the order in which their tasks are made. A phase that is not
/// there has none.
///
/// ```
/// use phaseline_phases::{Phase, Workflow};
/// use phaseline_tasks::TemplatePlan;
///
/// let plan = TemplatePlan::standard();
/// plan.validated(Workflow::standard())?;
/// let keys: Vec<&str> =
///     plan.for_phase(&Phase::Implementation.id()).iter().map(|task| task.key.as_str()).collect();
/// assert_eq!(keys, ["implement", "write-tests"]);
/// # Ok::<(), phaseline_tasks::InvalidTemplates>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplatePlan(pub BTreeMap<PhaseId, Vec<TaskTemplate>>);

/// Why templates cannot be used in a workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplates {
    /// Templates for a phase that the workflow does not have.
    #[error("{0}")]
    UnknownPhase(#[from] UnknownPhase),
    /// Templates for an end or for the parking phase.
    #[error("{phase} cannot have task templates: it is not worked in")]
    NotWorked {
        /// Which one.
        phase: PhaseId,
    },
    /// A key that cannot be one.
    #[error(
        "{key:?}, a task template of {phase}, is no key: \
         it has 1 to {MAX_TEMPLATE_KEY_CHARS} of a-z, 0-9, _ and -, a letter first"
    )]
    BadKey {
        /// The phase whose template it is.
        phase: PhaseId,
        /// What was given.
        key: String,
    },
    /// A title that says nothing, or is not one line.
    #[error("the task template {key} of {phase} needs a title: one line, and not an empty one")]
    BadTitle {
        /// The phase whose template it is.
        phase: PhaseId,
        /// Which one.
        key: String,
    },
    /// Two templates of one name. Their phases may differ: a ticket has tasks of all of them.
    #[error("the task template {key} is in {first} and again in {second}: each key is there once")]
    DuplicateKey {
        /// Which name.
        key: String,
        /// The phase of the one.
        first: PhaseId,
        /// The phase of the other, perhaps the same.
        second: PhaseId,
    },
    /// A template waits for one that its phase does not have.
    #[error(
        "the task template {key} of {phase} depends on {depends_on}, which {phase} does not have"
    )]
    UnknownDependency {
        /// The phase whose template it is.
        phase: PhaseId,
        /// Which one.
        key: String,
        /// What it waits for.
        depends_on: String,
    },
    /// A template waits twice for the same one.
    #[error("the task template {key} of {phase} depends on {depends_on} twice")]
    DuplicateDependency {
        /// The phase whose template it is.
        phase: PhaseId,
        /// Which one.
        key: String,
        /// What it waits for.
        depends_on: String,
    },
    /// Templates that wait for each other, so that none of their tasks could ever begin.
    #[error("the task templates of {phase} wait in a circle: {}", round(.cycle))]
    Cycle {
        /// The phase whose templates they are.
        phase: PhaseId,
        /// Their keys: each waits for the next, and the last one for the first.
        cycle: Vec<String>,
    },
}

impl TemplatePlan {
    /// The templates of a phase.
    #[must_use]
    pub fn for_phase(&self, phase: &PhaseId) -> &[TaskTemplate] {
        self.0.get(phase).map_or(&[], Vec::as_slice)
    }

    /// Checks that the tasks of every phase can be made and done.
    ///
    /// # Errors
    /// [`InvalidTemplates`] names the first thing that is wrong, phases in the order of their names.
    pub fn validated(&self, workflow: &Workflow) -> Result<(), InvalidTemplates> {
        let mut phases = BTreeMap::new();
        for (phase, templates) in &self.0 {
            workflow.require(phase)?;
            if !workflow.works(phase) {
                return Err(InvalidTemplates::NotWorked { phase: phase.clone() });
            }
            for template in templates {
                check_names(phase, template)?;
                if let Some(first) = phases.insert(template.key.as_str(), phase) {
                    return Err(InvalidTemplates::DuplicateKey {
                        key: template.key.clone(),
                        first: first.clone(),
                        second: phase.clone(),
                    });
                }
            }
            check_dependencies(phase, templates)?;
        }
        Ok(())
    }
}

fn check_names(phase: &PhaseId, template: &TaskTemplate) -> Result<(), InvalidTemplates> {
    let TaskTemplate { key, title, .. } = template;
    let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-';
    let is_key = key.len() <= MAX_TEMPLATE_KEY_CHARS
        && key.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && key.bytes().all(legal);
    if !is_key {
        return Err(InvalidTemplates::BadKey { phase: phase.clone(), key: key.clone() });
    }
    if title.trim().is_empty() || title.chars().any(char::is_control) {
        return Err(InvalidTemplates::BadTitle { phase: phase.clone(), key: key.clone() });
    }
    Ok(())
}

fn check_dependencies(phase: &PhaseId, templates: &[TaskTemplate]) -> Result<(), InvalidTemplates> {
    let keys: BTreeSet<&str> = templates.iter().map(|template| template.key.as_str()).collect();
    for TaskTemplate { key, depends_on, .. } in templates {
        let mut seen = BTreeSet::new();
        for awaited in depends_on {
            let (phase, key, depends_on) = (phase.clone(), key.clone(), awaited.clone());
            if !keys.contains(awaited.as_str()) {
                return Err(InvalidTemplates::UnknownDependency { phase, key, depends_on });
            }
            if !seen.insert(awaited) {
                return Err(InvalidTemplates::DuplicateDependency { phase, key, depends_on });
            }
        }
    }
    let waits = templates.iter().map(|template| (&template.key, template.depends_on.iter()));
    let waits = waits.map(|(key, awaited)| (key, awaited.collect())).collect();
    match find_cycle::<&String>(&waits) {
        None => Ok(()),
        Some(cycle) => {
            let cycle = cycle.into_iter().cloned().collect();
            Err(InvalidTemplates::Cycle { phase: phase.clone(), cycle })
        }
    }
}

/// `a waits for b, b waits for a`, in short: `a -> b -> a`.
fn round(cycle: &[String]) -> String {
    let keys: Vec<&str> = cycle.iter().chain(cycle.first()).map(String::as_str).collect();
    keys.join(" -> ")
}

#[cfg(test)]
mod tests;
