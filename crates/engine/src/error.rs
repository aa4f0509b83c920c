//! Why an operation was refused: facts with a sentence, and no status code.

use std::fmt::{self, Display};

use chrono::{DateTime, Utc};
use phaseline_persistence as persistence;
use phaseline_phases::{GateReport, IllegalTransition, MoveError, PhaseId, UnknownPhase};
use phaseline_registry::{IllegalStatus, NoFit};
use phaseline_tasks::IllegalTaskMove;
use uuid::Uuid;

use crate::backlog::InvalidBacklog;

/// The result of every operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// A ticket.
    Ticket,
    /// A task.
    Task,
    /// An agent.
    Agent,
    /// A workflow.
    Workflow,
}

impl Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ticket => "ticket",
            Self::Task => "task",
            Self::Agent => "agent",
            Self::Workflow => "workflow",
        })
    }
}

/// A refusal. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What was looked for.
        what: Noun,
        /// The id that was given.
        id: String,
    },
    /// The workflow has no such phase.
    #[error(transparent)]
    UnknownPhase(#[from] UnknownPhase),
    /// The table of transitions does not have this move.
    #[error(transparent)]
    IllegalTransition(#[from] IllegalTransition),
    /// The object is not at the version that the caller expected.
    #[error("{what} {id} is at version {current}, not at {expected} as expected")]
    PreconditionFailed {
        /// What it is.
        what: Noun,
        /// Which one.
        id: Uuid,
        /// The version that the caller named.
        expected: i64,
        /// The version that it has.
        current: i64,
    },
    /// Somebody else changed the object at the same moment and won.
    #[error("{what} {id} was changed by somebody else at the same moment: it is now at version {current}{}", in_phase(.phase.as_ref()))]
    Stale {
        /// What it is.
        what: Noun,
        /// Which one.
        id: Uuid,
        /// The version that it has now.
        current: i64,
        /// The phase that it is in now, if it is a ticket.
        phase: Option<PhaseId>,
    },
    /// The idempotency key came before with another request.
    #[error("the idempotency key {key} was used before with another request")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// The key is taken.
    #[error("there is already a {what} with the key {key}")]
    DuplicateKey {
        /// What it is.
        what: Noun,
        /// The key.
        key: String,
    },
    /// The ticket cannot be deleted while others wait for it.
    #[error("ticket {id} cannot be deleted: it is needed by {}", waiting(.tickets, .tasks))]
    StillNeeded {
        /// The ticket.
        id: Uuid,
        /// The tickets that wait for it.
        tickets: Vec<Uuid>,
        /// The tasks of other tickets that wait for one of its tasks.
        tasks: Vec<Uuid>,
    },
    /// A ticket that is done takes no new tasks.
    #[error("ticket {id} is in {phase}, which is an end: it takes no new tasks")]
    TicketCompleted {
        /// The ticket.
        id: Uuid,
        /// Its phase.
        phase: PhaseId,
    },
    /// No work is done in this phase.
    #[error("{phase} is not a phase that tasks belong to: name one that is worked in")]
    NotWorkable {
        /// The phase.
        phase: PhaseId,
    },
    /// A dependency that is not there.
    #[error("{field} {index} names {id}, which does not exist")]
    UnknownDependency {
        /// The field of the request.
        field: &'static str,
        /// Its place in that list, from 0.
        index: usize,
        /// The id that was given.
        id: Uuid,
    },
    /// The table of task states does not have this move.
    #[error(transparent)]
    IllegalTaskMove(#[from] IllegalTaskMove),
    /// The table of agent statuses does not have this move.
    #[error(transparent)]
    IllegalStatus(#[from] IllegalStatus),
    /// The agent was terminated and never comes back.
    #[error("agent {id} was terminated; register a new one")]
    AgentGone {
        /// The agent.
        id: Uuid,
    },
    /// No agent is able and free.
    #[error(transparent)]
    NoFit(Box<NoFit>),
    /// The caller does not have the task, or no longer.
    #[error(transparent)]
    LeaseLost(Box<LeaseLost>),
    /// The task is held by an agent, and the caller has not shown that it is that agent.
    #[error(
        "task {task} is held by agent {agent} until {until}: only whoever sends the fencing_token of that claim may end it"
    )]
    LeaseRequired {
        /// The task.
        task: Uuid,
        /// Who has it.
        agent: Uuid,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// The gate of the phase asks for what is not there.
    #[error("ticket {ticket} cannot leave {phase}: {}", unmet(.report))]
    GateUnmet {
        /// The ticket.
        ticket: Uuid,
        /// The phase that it stands in.
        phase: PhaseId,
        /// What is met and what is not.
        report: Box<GateReport>,
    },
    /// A gate is passed by force only with a reason.
    #[error("to pass a gate by force takes a reason")]
    ReasonRequired,
    /// A blocker was named for a move that does not block.
    #[error("a blocker belongs to a move into {parking}, and this one goes to {to}")]
    NotBlocking {
        /// Where the ticket was to go.
        to: PhaseId,
        /// Where a blocked ticket waits.
        parking: String,
    },
    /// Only a blocked ticket can be answered.
    #[error("ticket {id} is in {phase} and not blocked: there is no question to answer")]
    NotBlocked {
        /// The ticket.
        id: Uuid,
        /// Its phase.
        phase: PhaseId,
    },
    /// What was to be made would wait for itself.
    #[error("this would wait for itself: {}", .cycle.join(" waits for "))]
    DependencyCycle {
        /// Who waits for whom; the last one waits for the first.
        cycle: Vec<String>,
    },
    /// An agent cannot have less capacity than it has work.
    #[error(
        "agent {id} has {slots_taken} tasks in hand, more than a capacity of {capacity} would allow"
    )]
    CapacityInUse {
        /// The agent.
        id: Uuid,
        /// How many tasks it has.
        slots_taken: u32,
        /// The capacity that was asked for.
        capacity: u32,
    },
    /// Nobody knows who approves.
    #[error("an approval needs the name of whoever approves")]
    ApproverRequired,
    /// A backlog that contradicts itself.
    #[error(transparent)]
    InvalidBacklog(#[from] InvalidBacklog),
    /// A failure of storage.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
}

/// A claim that is not, or no longer, the one under which a task is held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the claim of task {task} with fencing token {given} is lost: {why}")]
pub struct LeaseLost {
    /// The task.
    pub task: Uuid,
    /// The token that was sent.
    pub given: i64,
    /// The token of the last claim; 0 when the task was never claimed.
    pub current: i64,
    /// When the claim ended; `None` when there never was one with this token.
    pub lost_at: Option<DateTime<Utc>>,
    /// Why.
    pub why: String,
}

impl Error {
    /// A stored outcome that does not decode.
    pub(crate) fn undecodable(why: &serde_json::Error) -> Self {
        persistence::Error::Corrupt {
            table: "idempotency_keys",
            column: "outcome",
            why: why.to_string(),
        }
        .into()
    }
}

impl From<MoveError> for Error {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::UnknownPhase(unknown) => Self::UnknownPhase(unknown),
            MoveError::Illegal(illegal) => Self::IllegalTransition(illegal),
        }
    }
}

impl persistence::Fault for Error {
    fn storage(&self) -> Option<&persistence::Error> {
        if let Self::Storage(error) = self { Some(error) } else { None }
    }
}

fn unmet(report: &GateReport) -> String {
    report.unmet().map(|point| point.demand.as_str()).collect::<Vec<_>>().join("; ")
}

fn in_phase(phase: Option<&PhaseId>) -> String {
    phase.map_or_else(String::new, |phase| format!(" in {phase}"))
}

fn waiting(tickets: &[Uuid], tasks: &[Uuid]) -> String {
    let count = |n: usize, noun: &str| match n {
        0 => None,
        1 => Some(format!("1 {noun}")),
        n => Some(format!("{n} {noun}s")),
    };
    let parts: Vec<_> = [count(tickets.len(), "ticket"), count(tasks.len(), "task")]
        .into_iter()
        .flatten()
        .collect();
    parts.join(" and ")
}
