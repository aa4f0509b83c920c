//! Why a backlog is refused: what is wrong, and where it stands.

use std::fmt::{self, Display};

use phaseline_phases::{PhaseId, UnknownPhase};

/// Something of a backlog that can be waited for, by its keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A ticket.
    Ticket(String),
    /// A task, by the key of its ticket and its own.
    Task(String, String),
    /// The work of a ticket up to a phase, by the key of the ticket and the place of the phase: what
    /// the tasks of later phases wait for.
    Phase(String, Box<(usize, PhaseId)>),
}

/// Why a backlog is refused: the first thing that is wrong, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct InvalidBacklog {
    /// What is wrong.
    pub fault: Box<BacklogFault>,
    /// Where it stands in the backlog, as a JSON pointer (RFC 6901); empty for what has no one place.
    pub place: String,
}

/// What is wrong with a backlog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BacklogFault {
    /// Two tickets have the same key.
    #[error("two tickets have the key {key}")]
    DuplicateTicket {
        /// The key.
        key: String,
    },
    /// Two tasks of a ticket have the same key.
    #[error("two tasks of ticket {ticket} have the key {key}")]
    DuplicateTask {
        /// The key of the ticket.
        ticket: String,
        /// The key of the tasks.
        key: String,
    },
    /// A ticket waits for one that is nowhere.
    #[error("ticket {ticket} is blocked by {blocker}, which is neither in the backlog nor stored")]
    UnknownBlocker {
        /// The key of the ticket.
        ticket: String,
        /// The key that it names.
        blocker: String,
    },
    /// A task belongs to a ticket that is nowhere.
    #[error("task {key} belongs to ticket {ticket}, which is neither in the backlog nor stored")]
    UnknownTicket {
        /// The key of the task.
        key: String,
        /// The key that it names.
        ticket: String,
    },
    /// A task waits for one that is nowhere.
    #[error(
        "task {key} of ticket {ticket} depends on {dependency}, which is neither in the backlog nor stored"
    )]
    UnknownDependency {
        /// The key of the ticket.
        ticket: String,
        /// The key of the task.
        key: String,
        /// The key that it names.
        dependency: String,
    },
    /// A task waits for one of several.
    #[error(
        "task {key} of ticket {ticket} depends on {dependency}, which could be any of {}: write the one that is meant",
        .candidates.join(", ")
    )]
    AmbiguousDependency {
        /// The key of the ticket.
        ticket: String,
        /// The key of the task.
        key: String,
        /// The key that it names.
        dependency: String,
        /// The tasks of that key, as `ticket/task`.
        candidates: Vec<String>,
    },
    /// A phase that the workflow does not have.
    #[error("{item}: {unknown}")]
    UnknownPhase {
        /// Whose phase it is.
        item: Item,
        /// The phase, and which there are.
        unknown: UnknownPhase,
    },
    /// A task of a phase in which no work is done.
    #[error("{item}: {phase} is not a phase that tasks belong to: name one that is worked in")]
    NotWorkable {
        /// The task.
        item: Item,
        /// Its phase.
        phase: PhaseId,
    },
    /// A new task of a stored ticket that is finished.
    #[error("{item}: its ticket is in {phase}, which is an end: it takes no new tasks")]
    TicketCompleted {
        /// The task.
        item: Item,
        /// The phase of its ticket.
        phase: PhaseId,
    },
    /// Nothing on this way round could ever begin.
    #[error("the dependencies go round in a circle: {}", round(.path))]
    Cycle {
        /// Each waits for the next, the last one for the first.
        path: Vec<Item>,
    },
}

impl Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticket(key) => write!(f, "ticket {key}"),
            Self::Task(ticket, key) => write!(f, "task {ticket}/{key}"),
            Self::Phase(ticket, place) => write!(f, "the work of {ticket} up to {}", place.1),
        }
    }
}

impl InvalidBacklog {
    /// Where it stands in the backlog, as a JSON pointer (RFC 6901), if it has one place.
    #[must_use]
    pub fn pointer(&self) -> Option<String> {
        (!self.place.is_empty()).then(|| self.place.clone())
    }
}

impl BacklogFault {
    pub(super) fn at(self, place: impl Into<String>) -> InvalidBacklog {
        InvalidBacklog { fault: Box::new(self), place: place.into() }
    }
}

/// The circle in words; of a long one its beginning and its end.
fn round(path: &[Item]) -> String {
    const SHOWN: usize = 10;
    let names = |items: &[Item]| items.iter().map(Item::to_string).collect::<Vec<_>>();
    let first = names(path.get(..1).unwrap_or_default());
    let way = match path {
        [begin @ .., _, end] if path.len() > SHOWN => {
            let left_out = format!("{} others in turn", path.len() - SHOWN);
            let begin = &begin[..SHOWN - 1];
            [names(begin), vec![left_out], vec![end.to_string()]].concat()
        }
        path => names(path),
    };
    [way, first].concat().join(" waits for ")
}
