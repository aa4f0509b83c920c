//! A workflow: phases in order, exits, a place to wait, ends. Checked when it is made.

mod spec;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator};

pub use spec::{InvalidWorkflow, WorkflowSpec};

use crate::{Phase, PhaseId, WorkflowId};

/// A workflow that has passed its check.
///
/// ```
/// use phaseline_phases::{Phase, Status, Workflow};
///
/// let workflow = Workflow::standard();
/// assert_eq!(workflow.initial(), &Phase::Backlog.id());
/// assert_eq!(workflow.status_of(&Phase::Testing.id())?, Status::InProgress);
/// assert!(workflow.is_terminal(&Phase::Done.id()));
/// # Ok::<(), phaseline_phases::UnknownPhase>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    spec: WorkflowSpec,
    initial: PhaseId,
}

/// How far a ticket is. It follows from its phase and is never stored.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter, EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// In the first phase.
    Pending,
    /// In a phase between the first and the ends.
    InProgress,
    /// In the parking phase.
    Blocked,
    /// In an end.
    Completed,
}

/// A phase that the workflow does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{phase} cannot be chosen here: choose one of {}", list(.known, "or"))]
pub struct UnknownPhase {
    /// The workflow.
    pub workflow: WorkflowId,
    /// What was asked for.
    pub phase: PhaseId,
    /// What there is.
    pub known: Vec<PhaseId>,
}

static STANDARD: LazyLock<Workflow> = LazyLock::new(|| {
    let id_of = |phase: &Phase| phase.id();
    Workflow {
        spec: WorkflowSpec {
            id: WorkflowId::standard(),
            sequence: Phase::SEQUENCE.iter().map(id_of).collect(),
            parking: Some(Phase::Blocked.id()),
            exits: Phase::iter()
                .map(|phase| (phase.id(), phase.exits().iter().map(id_of).collect()))
                .collect(),
        },
        initial: Phase::Backlog.id(),
    }
});

impl Workflow {
    /// The workflow of the enum [`Phase`].
    #[must_use]
    pub fn standard() -> &'static Workflow {
        &STANDARD
    }

    /// Checks a workflow.
    ///
    /// # Errors
    /// [`InvalidWorkflow`] names the first thing that is wrong.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// use phaseline_phases::{InvalidWorkflow, PhaseId, Workflow, WorkflowId, WorkflowSpec};
    ///
    /// let (todo, done) = (PhaseId::parse("TODO")?, PhaseId::parse("DONE")?);
    /// let mut spec = WorkflowSpec {
    ///     id: WorkflowId::parse("short")?,
    ///     sequence: vec![todo.clone(), done.clone()],
    ///     parking: None,
    ///     exits: BTreeMap::from([(todo.clone(), vec![done.clone()])]),
    /// };
    /// assert!(Workflow::new(spec.clone())?.is_terminal(&done));
    ///
    /// spec.exits.clear();
    /// let unreachable = InvalidWorkflow::UnreachablePhase { phase: done, initial: todo };
    /// assert_eq!(Workflow::new(spec), Err(unreachable));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(spec: WorkflowSpec) -> Result<Workflow, InvalidWorkflow> {
        let initial = spec.check()?;
        Ok(Workflow { spec, initial })
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &WorkflowId {
        &self.spec.id
    }

    /// Its phases in the order of work, without the parking phase.
    #[must_use]
    pub fn sequence(&self) -> &[PhaseId] {
        &self.spec.sequence
    }

    /// All its phases, the parking phase last.
    pub fn phases(&self) -> impl Iterator<Item = &PhaseId> {
        self.spec.sequence.iter().chain(&self.spec.parking)
    }

    /// Where tickets begin.
    #[must_use]
    pub const fn initial(&self) -> &PhaseId {
        &self.initial
    }

    /// Where tickets wait.
    #[must_use]
    pub const fn parking(&self) -> Option<&PhaseId> {
        self.spec.parking.as_ref()
    }

    /// Whether this is the phase in which tickets wait.
    #[must_use]
    pub fn is_parking(&self, phase: &PhaseId) -> bool {
        self.parking() == Some(phase)
    }

    /// Whether a ticket in this phase is finished.
    #[must_use]
    pub fn is_terminal(&self, phase: &PhaseId) -> bool {
        self.has(phase) && self.spec.targets(phase).is_empty()
    }

    /// Whether work is done in this phase: it is neither the parking phase nor an end.
    #[must_use]
    pub fn works(&self, phase: &PhaseId) -> bool {
        self.has(phase) && !self.is_parking(phase) && !self.is_terminal(phase)
    }

    /// Insists that there is such a phase.
    ///
    /// # Errors
    /// [`UnknownPhase`] says which there are.
    pub fn require(&self, phase: &PhaseId) -> Result<(), UnknownPhase> {
        if self.has(phase) { Ok(()) } else { Err(self.unknown(phase, self.phases())) }
    }

    /// Where a ticket may go from this phase by the table.
    ///
    /// # Errors
    /// [`UnknownPhase`] says which there are.
    pub fn exits(&self, phase: &PhaseId) -> Result<&[PhaseId], UnknownPhase> {
        self.require(phase)?;
        Ok(self.spec.targets(phase))
    }

    /// The phases of work before this one, the first one first.
    ///
    /// # Errors
    /// [`UnknownPhase`] where the phase is not in the sequence; the parking phase is not.
    pub fn before(&self, phase: &PhaseId) -> Result<&[PhaseId], UnknownPhase> {
        let rank = self.rank(phase).ok_or_else(|| self.unknown(phase, self.sequence()))?;
        Ok(&self.spec.sequence[..rank])
    }

    /// The place of a phase in the order of work, from 0. The parking phase has none.
    #[must_use]
    pub fn rank(&self, phase: &PhaseId) -> Option<usize> {
        self.spec.place(phase)
    }

    /// The phase that follows in the order of work; `None` after an end and beside the others.
    /// Whether a ticket may go there is for [`Position::move_to`](crate::Position::move_to) to say.
    #[must_use]
    pub fn next(&self, phase: &PhaseId) -> Option<&PhaseId> {
        let rank = self.rank(phase).filter(|_| !self.is_terminal(phase))?;
        self.spec.sequence.get(rank + 1)
    }

    /// How far a ticket in this phase is.
    ///
    /// # Errors
    /// [`UnknownPhase`] says which there are.
    pub fn status_of(&self, phase: &PhaseId) -> Result<Status, UnknownPhase> {
        self.require(phase)?;
        Ok(if self.is_parking(phase) {
            Status::Blocked
        } else if self.is_terminal(phase) {
            Status::Completed
        } else if phase == self.initial() {
            Status::Pending
        } else {
            Status::InProgress
        })
    }

    fn has(&self, phase: &PhaseId) -> bool {
        self.phases().any(|other| other == phase)
    }

    fn unknown<'a>(
        &self,
        phase: &PhaseId,
        known: impl IntoIterator<Item = &'a PhaseId>,
    ) -> UnknownPhase {
        UnknownPhase {
            workflow: self.id().clone(),
            phase: phase.clone(),
            known: known.into_iter().cloned().collect(),
        }
    }
}

/// `A, B and C`, in the words of a sentence.
pub(crate) fn list(names: &[impl ToString], word: &str) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} {word} {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_workflow_passes_the_check() {
        let standard = Workflow::standard();
        assert_eq!(Workflow::new(standard.spec.clone()).as_ref(), Ok(standard));
    }

    #[test]
    fn each_phase_has_its_status_and_what_lies_before_it() {
        let workflow = Workflow::standard();
        let rows: Vec<String> = workflow
            .phases()
            .map(|phase| {
                let status = workflow.status_of(phase).unwrap();
                let work = if workflow.works(phase) { "worked in" } else { "no work" };
                let before = workflow.before(phase).map_or_else(
                    |_| "beside the others".to_owned(),
                    |before| format!("after {}", list(before, "and")),
                );
                let next = workflow.next(phase).map_or("nothing", PhaseId::as_str);
                let earlier = workflow.before(phase).map(<[_]>::len).ok();
                assert_eq!(workflow.rank(phase), earlier, "{phase}");
                format!("{phase}: {status}, {work}, {before}, before {next}")
            })
            .collect();
        insta::assert_snapshot!(rows.join("\n"), @r"
        PHASE_BACKLOG: pending, worked in, after nothing, before PHASE_REQUIREMENTS
        PHASE_REQUIREMENTS: in_progress, worked in, after PHASE_BACKLOG, before PHASE_DESIGN
        PHASE_DESIGN: in_progress, worked in, after PHASE_BACKLOG and PHASE_REQUIREMENTS, before PHASE_IMPLEMENTATION
        PHASE_IMPLEMENTATION: in_progress, worked in, after PHASE_BACKLOG, PHASE_REQUIREMENTS and PHASE_DESIGN, before PHASE_TESTING
        PHASE_TESTING: in_progress, worked in, after PHASE_BACKLOG, PHASE_REQUIREMENTS, PHASE_DESIGN and PHASE_IMPLEMENTATION, before PHASE_DEPLOYMENT
        PHASE_DEPLOYMENT: in_progress, worked in, after PHASE_BACKLOG, PHASE_REQUIREMENTS, PHASE_DESIGN, PHASE_IMPLEMENTATION and PHASE_TESTING, before PHASE_DONE
        PHASE_DONE: completed, no work, after PHASE_BACKLOG, PHASE_REQUIREMENTS, PHASE_DESIGN, PHASE_IMPLEMENTATION, PHASE_TESTING and PHASE_DEPLOYMENT, before nothing
        PHASE_BLOCKED: blocked, no work, beside the others, before nothing
        ");
    }

    #[test]
    fn an_unknown_phase_is_answered_with_the_known_ones() {
        let workflow = Workflow::standard();
        let lunch = PhaseId::parse("PHASE_LUNCH").unwrap();
        let told = [
            workflow.require(&lunch).unwrap_err(),
            workflow.before(&Phase::Blocked.id()).unwrap_err(),
        ];
        insta::assert_snapshot!(told.map(|unknown| unknown.to_string()).join("\n"), @r"
        PHASE_LUNCH cannot be chosen here: choose one of PHASE_BACKLOG, PHASE_REQUIREMENTS, PHASE_DESIGN, PHASE_IMPLEMENTATION, PHASE_TESTING, PHASE_DEPLOYMENT, PHASE_DONE or PHASE_BLOCKED
        PHASE_BLOCKED cannot be chosen here: choose one of PHASE_BACKLOG, PHASE_REQUIREMENTS, PHASE_DESIGN, PHASE_IMPLEMENTATION, PHASE_TESTING, PHASE_DEPLOYMENT or PHASE_DONE
        ");
        assert!(workflow.exits(&lunch).is_err() && workflow.status_of(&lunch).is_err());
        assert!(!workflow.is_terminal(&lunch) && !workflow.works(&lunch));
    }
}
