//! What each error of the engine and of storage is to a client: one exhaustive match.

use phaseline_engine::{Error, LeaseLost, Noun};
use phaseline_persistence as persistence;
use phaseline_phases::{GateReport, IllegalTransition, PhaseId};
use phaseline_registry::IllegalStatus;
use phaseline_tasks::IllegalTaskMove;
use phaseline_wire::{GatePoint, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::{ProblemKind, Refusal, sentence};
use crate::extract::NO_VERSION;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        use ProblemKind as Kind;
        let fact = error.to_string();
        let problem = |kind| Self::new(kind, &fact);
        match error {
            Error::NotFound { .. } => problem(Kind::NotFound),
            Error::UnknownPhase(_) | Error::NotWorkable { .. } => problem(Kind::Invalid),
            Error::IllegalTransition(illegal) => {
                let IllegalTransition { from, to, allowed, blocked_at: _ } = illegal;
                problem(Kind::IllegalTransition).between("phase", from, to, &allowed)
            }
            Error::PreconditionFailed { what, id, expected, current } => {
                precondition_failed(fact, what, id, expected, current)
            }
            Error::Stale { current, phase, .. } => {
                let refusal = problem(Kind::Stale).with("current_version", current);
                phase.into_iter().fold(refusal, |stale, phase| stale.with("current_phase", phase))
            }
            Error::KeyReused { key } => {
                problem(Kind::IdempotencyKeyReused).with("idempotency_key", key)
            }
            Error::DuplicateKey { key, .. } => problem(Kind::DuplicateKey).with("key", key),
            Error::StillNeeded { tickets, tasks, .. } => {
                problem(Kind::StillNeeded).with("tickets", tickets).with("tasks", tasks)
            }
            Error::TicketCompleted { phase, .. } => {
                problem(Kind::TicketCompleted).with("current_phase", phase)
            }
            Error::UnknownDependency { field, index, .. } => {
                problem(Kind::Invalid).at(&format!("/{field}/{index}"))
            }
            Error::DependencyCycle { cycle } => problem(Kind::DependencyCycle).with("cycle", cycle),
            Error::IllegalTaskMove(IllegalTaskMove { from, to, allowed }) => {
                problem(Kind::IllegalTaskState).between("status", from, to, allowed)
            }
            Error::IllegalStatus(IllegalStatus { from, to, allowed }) => {
                problem(Kind::IllegalAgentStatus).between("status", from, to, allowed)
            }
            Error::AgentGone { .. } => problem(Kind::AgentGone),
            Error::NoFit(no_fit) => {
                problem(Kind::NoFittingAgent).with("missing_capabilities", no_fit.missing)
            }
            Error::LeaseLost(lost) => lease_lost(fact, *lost),
            Error::LeaseRequired { task, agent, until } => {
                lease_required(fact, task, agent, until.into())
            }
            Error::GateUnmet { ticket, phase, report } => gate_unmet(fact, ticket, phase, &report),
            Error::ReasonRequired => problem(Kind::Invalid).at("/reason"),
            Error::NotBlocking { .. } => problem(Kind::Invalid).at("/blocker"),
            Error::NotBlocked { id, phase } => {
                problem(Kind::NotBlocked).with("ticket_id", id).with("current_phase", phase)
            }
            Error::CapacityInUse { slots_taken, capacity, .. } => problem(Kind::CapacityInUse)
                .with("slots_taken", slots_taken)
                .with("capacity", capacity),
            Error::ApproverRequired => problem(Kind::Invalid).at("/approved_by"),
            Error::InvalidBacklog(invalid) => {
                problem(Kind::Invalid).at(&invalid.pointer().unwrap_or_default())
            }
            Error::Storage(storage) => storage.into(),
        }
    }
}

fn precondition_failed(fact: String, what: Noun, id: Uuid, expected: i64, current: i64) -> Refusal {
    let fact = match expected {
        NO_VERSION => {
            format!("{what} {id} is at version {current}, and If-Match names no version of ours")
        }
        _ => fact,
    };
    let refusal =
        Refusal::new(ProblemKind::PreconditionFailed, fact).with("current_version", current);
    match expected {
        NO_VERSION => refusal,
        _ => refusal.with("expected_version", expected),
    }
}

fn lease_lost(fact: String, lost: LeaseLost) -> Refusal {
    let LeaseLost { task, given, current, lost_at, why } = lost;
    Refusal::new(ProblemKind::LeaseLost, fact)
        .with("task_id", task)
        .with("fencing_token", given)
        .with("current_fencing_token", current)
        .with("lost_at", lost_at.map(Timestamp))
        .with("why", sentence(&why))
}

fn lease_required(fact: String, task: Uuid, agent: Uuid, until: Timestamp) -> Refusal {
    Refusal::new(ProblemKind::LeaseRequired, fact)
        .with("task_id", task)
        .with("agent_id", agent)
        .with("lease_expires_at", until)
}

fn gate_unmet(fact: String, ticket: Uuid, phase: PhaseId, report: &GateReport) -> Refusal {
    let unmet: Vec<GatePoint> = report.unmet().cloned().map(GatePoint::from).collect();
    Refusal::new(ProblemKind::GateUnmet, fact)
        .with("ticket_id", ticket)
        .with("phase_id", phase)
        .with("unmet", unmet)
}

impl From<persistence::Error> for Refusal {
    fn from(error: persistence::Error) -> Self {
        use persistence::Error as Storage;
        match error {
            Storage::Busy { waiting } => {
                let fact = format!("{waiting} others wait to write already; try again in a moment");
                Self::new(ProblemKind::Unavailable, fact)
            }
            Storage::Unavailable(_)
            | Storage::Serialization(_)
            | Storage::ChangedHands
            | Storage::NotCommitted { .. }
            | Storage::Closed => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database is busy");
                let fact = "the database cannot be reached or is too busy; try again in a moment";
                Self::new(ProblemKind::Unavailable, fact)
            }
            Storage::Duplicate(_)
            | Storage::BrokenReference(_)
            | Storage::Corrupt { .. }
            | Storage::UnsupportedUrl { .. }
            | Storage::NoDatabaseNamed
            | Storage::InvalidUrl { .. }
            | Storage::NoFileNamed
            | Storage::Database(_) => Self::internal(&error),
        }
    }
}

impl Refusal {
    /// The same refusal, saying between what there is no move, and which there are instead.
    fn between<T: Serialize>(self, what: &str, from: T, to: T, allowed: &[T]) -> Self {
        self.with(&format!("current_{what}"), from)
            .with(&format!("to_{what}"), to)
            .with("allowed", allowed)
    }

    /// A fault of ours: it is logged here, and the caller learns nothing of it.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        Self::new(ProblemKind::Internal, "something went wrong on our side; it has been logged")
    }
}

#[cfg(test)]
mod tests;
