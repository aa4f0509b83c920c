//! What kind of work a task is, and the phase that such work belongs to.

use std::{borrow::Cow, fmt, str::FromStr};

use phaseline_phases::{Phase, PhaseId, Workflow};
use serde::{Deserialize, Serialize};

/// The longest type, in characters.
pub const MAX_TASK_TYPE_CHARS: usize = 64;

/// What kind of work a task is: free text of 1 to 64 characters, trimmed; `implementation` unless
/// it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskType(Cow<'static, str>);

/// A text that cannot be the type of a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no task type: 1 to 64 characters without control characters")]
pub struct InvalidTaskType {
    /// What was given.
    pub given: String,
}

impl TaskType {
    /// Reads a type.
    ///
    /// # Errors
    /// [`InvalidTaskType`] for what is empty, too long or not printable.
    pub fn parse(given: &str) -> Result<Self, InvalidTaskType> {
        let name = given.trim();
        let chars = name.chars().count();
        if (1..=MAX_TASK_TYPE_CHARS).contains(&chars) && !name.chars().any(char::is_control) {
            Ok(Self(Cow::Owned(name.to_owned())))
        } else {
            Err(InvalidTaskType { given: given.to_owned() })
        }
    }

    /// A type that is known to be one.
    pub(crate) const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The phase of a task that names none: by this table, and the first phase that is worked in
    /// where the workflow does not have the one of the table.
    ///
    /// | type | phase |
    /// |---|---|
    /// | `requirements`, `analysis`, `research` | `PHASE_REQUIREMENTS` |
    /// | `design`, `architecture` | `PHASE_DESIGN` |
    /// | `test`, `testing`, `qa` | `PHASE_TESTING` |
    /// | `deployment`, `deploy`, `release` | `PHASE_DEPLOYMENT` |
    /// | everything else | `PHASE_IMPLEMENTATION` |
    #[must_use]
    pub fn phase(&self, workflow: &Workflow) -> PhaseId {
        let phase = match self.0.to_lowercase().as_str() {
            "requirements" | "analysis" | "research" => Phase::Requirements,
            "design" | "architecture" => Phase::Design,
            "test" | "testing" | "qa" => Phase::Testing,
            "deployment" | "deploy" | "release" => Phase::Deployment,
            _ => Phase::Implementation,
        };
        let phase = phase.id();
        if workflow.works(&phase) {
            return phase;
        }
        let first = workflow.sequence().iter().find(|phase| workflow.works(phase));
        first.unwrap_or_else(|| workflow.initial()).clone()
    }
}

impl Default for TaskType {
    fn default() -> Self {
        Self::known("implementation")
    }
}

impl From<TaskType> for String {
    fn from(task_type: TaskType) -> Self {
        task_type.0.into_owned()
    }
}

impl TryFrom<String> for TaskType {
    type Error = InvalidTaskType;

    fn try_from(given: String) -> Result<Self, Self::Error> {
        Self::parse(&given)
    }
}

impl FromStr for TaskType {
    type Err = InvalidTaskType;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        Self::parse(given)
    }
}

impl fmt::Display for TaskType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use phaseline_phases::{WorkflowId, WorkflowSpec};

    use super::*;

    #[test]
    fn the_type_of_a_task_says_its_phase() {
        for (given, phase) in [
            ("implementation", Phase::Implementation),
            (" Test ", Phase::Testing),
            ("analysis", Phase::Requirements),
            ("architecture", Phase::Design),
            ("release", Phase::Deployment),
            ("painting", Phase::Implementation),
        ] {
            let task_type = TaskType::parse(given).unwrap();
            assert_eq!(task_type.phase(Workflow::standard()), phase.id(), "{given}");
        }
    }

    #[test]
    fn a_type_is_short_and_printable() {
        let longest = "ö".repeat(MAX_TASK_TYPE_CHARS);
        assert!(TaskType::parse(&longest).is_ok());
        for given in ["", "  ", "a\0b", "a\nb", &format!("{longest}ö")] {
            assert!(TaskType::parse(given).is_err(), "{given:?}");
        }
    }

    /// The phase of work of a type in a workflow of these phases, one after the other.
    #[track_caller]
    fn check(phases: &[&str], given: &str, expected: &str) {
        let sequence: Vec<PhaseId> =
            phases.iter().map(|name| PhaseId::parse(name).unwrap()).collect();
        let exits = sequence.windows(2).map(|pair| (pair[0].clone(), vec![pair[1].clone()]));
        let spec = WorkflowSpec {
            id: WorkflowId::parse("other").unwrap(),
            exits: exits.collect(),
            sequence,
            parking: None,
        };
        let workflow = Workflow::new(spec).unwrap();
        let phase = TaskType::parse(given).unwrap().phase(&workflow);
        assert_eq!(phase.as_str(), expected, "{given}");
    }

    #[test]
    fn a_workflow_without_the_phase_takes_the_work_where_it_begins() {
        check(&["DRAFT", "PHASE_TESTING", "PRINTED"], "qa", "PHASE_TESTING");
        check(&["DRAFT", "REVIEW", "PRINTED"], "qa", "DRAFT");
        check(&["DRAFT", "PHASE_TESTING"], "qa", "DRAFT"); // an end is not worked in
        check(&["DRAFT"], "qa", "DRAFT");
    }

    #[test]
    fn a_type_reads_itself_back_trimmed() {
        let read: TaskType = serde_json::from_str("\" code review \"").unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"code review\"");
        assert_eq!(read.to_string().parse(), Ok(read));
        assert!(serde_json::from_str::<TaskType>("\" \"").is_err());
        assert_eq!(TaskType::parse("implementation"), Ok(TaskType::default()));
    }
}
