//! Importing a backlog: all of it or nothing, and nothing twice.

mod fault;
mod known;
mod order;
mod plan;
mod store;

use std::sync::Arc;

use phaseline_persistence::{
    self as persistence,
    tickets::{self, Flow},
};
use phaseline_phases::PhaseId;
use phaseline_registry::{AgentType, Capability};
use phaseline_tasks::{Priority, TaskType};
use serde::{Deserialize, Serialize};

pub use fault::{BacklogFault, InvalidBacklog, Item};
pub(crate) use known::cycle_with;

use crate::{Call, Engine, Error, Result};
use known::Known;

/// Tickets and tasks with names of their own, which they use to refer to each other.
#[derive(Debug, Clone, Default)]
pub struct Backlog {
    /// The tickets.
    pub tickets: Vec<BacklogTicket>,
    /// Their tasks.
    pub tasks: Vec<BacklogTask>,
}

/// A ticket of a backlog.
#[derive(Debug, Clone)]
pub struct BacklogTicket {
    /// Its name, unique among all tickets.
    pub key: String,
    /// One line.
    pub title: String,
    /// What is wanted, in Markdown.
    pub description: String,
    /// How urgent it is.
    pub priority: Priority,
    /// Its size, as free text.
    pub estimate: Option<String>,
    /// Where it starts; in the first phase when `None`.
    pub phase_id: Option<PhaseId>,
    /// The keys of the tickets that it waits for, of this backlog or imported before.
    pub blocked_by: Vec<String>,
    /// How it flows; as configured where it does not say.
    pub flow: Flow,
}

/// A task of a backlog.
#[derive(Debug, Clone)]
pub struct BacklogTask {
    /// Its name, unique within its ticket.
    pub key: String,
    /// The key of its ticket.
    pub ticket: String,
    /// One line.
    pub title: Option<String>,
    /// What is to be done, in Markdown.
    pub description: String,
    /// What kind of work it is; `implementation` when `None`.
    pub task_type: Option<TaskType>,
    /// The phase that it is work of; by its type when `None`.
    pub phase_id: Option<PhaseId>,
    /// How urgent it is; as its ticket when `None`.
    pub priority: Option<Priority>,
    /// Its size, as free text.
    pub estimate: Option<String>,
    /// The keys of the tasks that it waits for: of its own ticket, or of another one, as
    /// `ticket/task` where the key alone would not say which.
    pub depends_on: Vec<String>,
    /// The type of agent that it is work for; a worker when `None`.
    pub agent_type: Option<AgentType>,
    /// What an agent must be able to do to get it.
    pub required_capabilities: Vec<Capability>,
    /// How many of its attempts may fail by its own fault; as configured when `None`.
    pub max_attempts: Option<u32>,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Imported {
    /// Tickets that are new.
    pub tickets_created: usize,
    /// Tickets whose key was there already; they are left as they are.
    pub tickets_unchanged: usize,
    /// Tasks that are new.
    pub tasks_created: usize,
    /// Tasks whose key their ticket had already; they are left as they are.
    pub tasks_unchanged: usize,
}

/// Imports a backlog in one transaction. Tickets and tasks whose keys are there already are left
/// as they are.
///
/// # Errors
/// [`InvalidBacklog`] names the first thing that is wrong, and nothing is stored.
pub async fn import(engine: &Engine, call: &Call, backlog: Backlog) -> Result<Imported> {
    engine
        .write(call, (backlog, Arc::clone(&engine.settings)), |tx, call, (backlog, settings)| {
            Box::pin(async move {
                tickets::one_import_at_a_time(tx).await?;
                let known = Known::read(tx, backlog).await?;
                let plan = plan::resolve(backlog, &known)?;
                store::store(tx, call, settings, backlog, &known, &plan).await
            })
        })
        .await
        .map_err(taken_meanwhile)
}

/// A key that somebody else stored at the same moment is there now: the import can be repeated.
fn taken_meanwhile(error: Error) -> Error {
    if let Error::Storage(persistence::Error::Duplicate(cause)) = error {
        return Error::Storage(persistence::Error::Serialization(cause));
    }
    error
}
