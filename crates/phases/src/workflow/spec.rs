//! What a workflow is made of, and what must hold before a ticket may follow it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{PhaseId, WorkflowId};

/// What a workflow is made of, before [`Workflow::new`](crate::Workflow::new) has checked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowSpec {
    /// Its name.
    pub id: WorkflowId,
    /// Its phases in the order of work, the first being where tickets begin.
    pub sequence: Vec<PhaseId>,
    /// The phase beside them in which tickets wait, if there is one.
    pub parking: Option<PhaseId>,
    /// Where a ticket may go from each phase. A phase without exits is an end.
    pub exits: BTreeMap<PhaseId, Vec<PhaseId>>,
}

/// Why a workflow cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWorkflow {
    /// It has no phases.
    #[error("a workflow needs a sequence of at least one phase")]
    Empty,
    /// A phase is in the sequence twice.
    #[error("phase {phase} is in the sequence twice")]
    DuplicatePhase {
        /// Which one.
        phase: PhaseId,
    },
    /// The parking phase is a phase of work as well.
    #[error("the parking phase {phase} is in the sequence: it belongs beside it")]
    ParkingInSequence {
        /// Which one.
        phase: PhaseId,
    },
    /// A row of exits for a phase that is not in the sequence and is not the parking phase.
    #[error("there are exits of {phase}, which is not a phase of the workflow")]
    UnknownSource {
        /// Which one.
        phase: PhaseId,
    },
    /// An exit to a phase that there is not.
    #[error("{from} leads to {to}, which is not a phase of the workflow")]
    UnknownTarget {
        /// The phase whose exit it is.
        from: PhaseId,
        /// Where it leads.
        to: PhaseId,
    },
    /// An exit that is no move.
    #[error("{phase} leads to itself, which is no move")]
    ExitToItself {
        /// Which one.
        phase: PhaseId,
    },
    /// An exit is there twice.
    #[error("{from} leads to {to} twice")]
    DuplicateExit {
        /// The phase whose exit it is.
        from: PhaseId,
        /// Where it leads.
        to: PhaseId,
    },
    /// The parking phase has no way out.
    #[error("the parking phase {phase} has no exits: a ticket could never leave it")]
    ParkingWithoutExit {
        /// Which one.
        phase: PhaseId,
    },
    /// The parking phase has no way out for those who come from one of the phases, because nobody
    /// comes out further than they went in.
    #[error("a ticket blocked in {phase} could never leave {parking}")]
    NoWayBack {
        /// Where the ticket was.
        phase: PhaseId,
        /// Where it waits.
        parking: PhaseId,
    },
    /// No phase is an end.
    #[error("a workflow needs a terminal phase, which has no exits")]
    MissingTerminal,
    /// A phase that no way from the first one leads to.
    #[error("phase {phase} cannot be reached from {initial}")]
    UnreachablePhase {
        /// Which one.
        phase: PhaseId,
        /// Where tickets begin.
        initial: PhaseId,
    },
    /// A phase that no way leads from to an end.
    #[error("no way leads from {phase} to a terminal phase")]
    EndlessPhase {
        /// Which one.
        phase: PhaseId,
    },
}

impl WorkflowSpec {
    /// Where tickets begin, if everything holds that must.
    pub(super) fn check(&self) -> Result<PhaseId, InvalidWorkflow> {
        let initial = self.sequence.first().ok_or(InvalidWorkflow::Empty)?;
        let phases = self.distinct_phases()?;
        for (from, targets) in &self.exits {
            check_row(&phases, from, targets)?;
        }
        self.check_parking()?;
        self.check_ways(&phases, initial)?;
        Ok(initial.clone())
    }

    /// Where a ticket may go from a phase by the table.
    pub(super) fn targets(&self, phase: &PhaseId) -> &[PhaseId] {
        self.exits.get(phase).map_or(&[], Vec::as_slice)
    }

    /// The place of a phase in the sequence, from 0.
    pub(super) fn place(&self, phase: &PhaseId) -> Option<usize> {
        self.sequence.iter().position(|other| other == phase)
    }

    fn distinct_phases(&self) -> Result<BTreeSet<&PhaseId>, InvalidWorkflow> {
        let mut phases = BTreeSet::new();
        for phase in &self.sequence {
            if !phases.insert(phase) {
                return Err(InvalidWorkflow::DuplicatePhase { phase: phase.clone() });
            }
        }
        match &self.parking {
            Some(phase) if !phases.insert(phase) => {
                Err(InvalidWorkflow::ParkingInSequence { phase: phase.clone() })
            }
            Some(_) | None => Ok(phases),
        }
    }

    fn check_parking(&self) -> Result<(), InvalidWorkflow> {
        let Some(parking) = &self.parking else { return Ok(()) };
        if self.targets(parking).is_empty() {
            return Err(InvalidWorkflow::ParkingWithoutExit { phase: parking.clone() });
        }
        let mut blockable =
            self.sequence.iter().filter(|phase| self.targets(phase).contains(parking));
        match blockable.find(|phase| self.ways_back(phase).next().is_none()) {
            Some(phase) => {
                Err(InvalidWorkflow::NoWayBack { phase: phase.clone(), parking: parking.clone() })
            }
            None => Ok(()),
        }
    }

    fn check_ways(
        &self,
        phases: &BTreeSet<&PhaseId>,
        initial: &PhaseId,
    ) -> Result<(), InvalidWorkflow> {
        let is_end = |phase: &PhaseId| self.targets(phase).is_empty();
        if !self.sequence.iter().any(is_end) {
            return Err(InvalidWorkflow::MissingTerminal);
        }
        let reached = self.reached(initial);
        if let Some(phase) = phases.iter().find(|phase| !reached.contains(**phase)) {
            let (phase, initial) = ((*phase).clone(), initial.clone());
            return Err(InvalidWorkflow::UnreachablePhase { phase, initial });
        }
        match self.sequence.iter().find(|phase| !self.reached(phase).into_iter().any(is_end)) {
            Some(phase) => Err(InvalidWorkflow::EndlessPhase { phase: phase.clone() }),
            None => Ok(()),
        }
    }

    /// The phases that a ticket can get to from one of the sequence, that one included.
    fn reached<'a>(&'a self, from: &'a PhaseId) -> BTreeSet<&'a PhaseId> {
        let mut reached = BTreeSet::from([from]);
        let mut open = vec![from];
        while let Some(phase) = open.pop() {
            for target in self.targets(phase) {
                if self.parking.as_ref() != Some(target) {
                    open.extend(Some(target).filter(|target| reached.insert(target)));
                } else {
                    // Parking is not searched from by itself: its ways out depend on the way in.
                    reached.insert(target);
                    open.extend(self.ways_back(phase).filter(|target| reached.insert(target)));
                }
            }
        }
        reached
    }

    /// Where a ticket that was blocked in a phase may go: there, or to an earlier one.
    fn ways_back(&self, blocked_at: &PhaseId) -> impl Iterator<Item = &PhaseId> {
        let furthest = self.place(blocked_at);
        let exits = self.parking.as_ref().map_or(&[][..], |parking| self.targets(parking));
        exits.iter().filter(move |exit| self.place(exit) <= furthest)
    }
}

fn check_row(
    phases: &BTreeSet<&PhaseId>,
    from: &PhaseId,
    targets: &[PhaseId],
) -> Result<(), InvalidWorkflow> {
    if !phases.contains(from) {
        return Err(InvalidWorkflow::UnknownSource { phase: from.clone() });
    }
    let mut seen = BTreeSet::new();
    for to in targets {
        if !phases.contains(to) {
            return Err(InvalidWorkflow::UnknownTarget { from: from.clone(), to: to.clone() });
        }
        if to == from {
            return Err(InvalidWorkflow::ExitToItself { phase: from.clone() });
        }
        if !seen.insert(to) {
            return Err(InvalidWorkflow::DuplicateExit { from: from.clone(), to: to.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workflow;

    /// A row a phase: `A>B C; B>; C>A`, after `|` the parking phase, `-X>A` for exits of a phase
    /// that is not in the sequence; and the check's word on it.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let (rows, parking) = text.split_once('|').unwrap_or((text, ""));
        let phase = |name: &str| PhaseId::parse(name.trim()).unwrap();
        let mut spec = WorkflowSpec {
            id: WorkflowId::standard(),
            sequence: Vec::new(),
            parking: parking.split_once('>').map(|(name, _)| phase(name)),
            exits: BTreeMap::new(),
        };
        for row in rows.split(';').chain([parking]) {
            let Some((name, targets)) = row.trim().split_once('>') else { continue };
            let from = phase(name.trim_start_matches('-'));
            if row != parking && !name.starts_with('-') {
                spec.sequence.push(from.clone());
            }
            spec.exits.insert(from, targets.split_whitespace().map(phase).collect());
        }
        let said = Workflow::new(spec).map_or_else(|why| why.to_string(), |_| "fine".to_owned());
        assert_eq!(said, expected, "{text}");
    }

    #[test]
    fn a_workflow_has_phases_each_once() {
        check("A>", "fine");
        check("A>B P; B>C P; C> | P>A B", "fine");
        check("", "a workflow needs a sequence of at least one phase");
        check("A>B; B>; A>", "phase A is in the sequence twice");
        check("A>B; B> | B>A", "the parking phase B is in the sequence: it belongs beside it");
    }

    #[test]
    fn an_exit_leads_from_a_phase_to_another_one() {
        check("A>B", "A leads to B, which is not a phase of the workflow");
        check("A>; -X>A", "there are exits of X, which is not a phase of the workflow");
        check("A>A B; B>", "A leads to itself, which is no move");
        check("A>B B; B>", "A leads to B twice");
    }

    #[test]
    fn each_phase_can_be_reached_and_leads_to_an_end() {
        check("A>B; B>A", "a workflow needs a terminal phase, which has no exits");
        check("A>B P; B>P; C> | P>A B", "phase C cannot be reached from A");
        check("A>B; B> | P>A", "phase P cannot be reached from A");
        check("A>B D; B>C; C>B; D>", "no way leads from B to a terminal phase");
        check("A>B D; B>C P; C>B; D> | P>A", "fine");
    }

    #[test]
    fn parking_is_no_way_round_and_no_trap() {
        check("A>B P; B> | P>", "the parking phase P has no exits: a ticket could never leave it");
        check("A>P; B> | P>A B", "phase B cannot be reached from A");
        check("A>B P; B>C P; C> | P>B", "a ticket blocked in A could never leave P");
    }
}
