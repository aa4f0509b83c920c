//! Making tasks.

use std::sync::Arc;

use phaseline_persistence::{
    Tx,
    tasks::{self, Task},
    tickets,
};
use phaseline_phases::{PhaseId, Workflow};
use phaseline_registry::{AgentType, Capability};
use phaseline_tasks::{Priority, TaskState, TaskType};
use uuid::Uuid;

use crate::{
    Call, Engine, Error, Noun, Result, Settings, announce, backlog, flow,
    tickets::{missing as no_ticket, taken, workflow},
};

/// A task to make.
#[derive(Debug, Clone, Default)]
pub struct Create {
    /// The phase that it is work of; that of the ticket when `None`.
    pub phase_id: Option<PhaseId>,
    /// What kind of work it is; `implementation` when `None`.
    pub task_type: Option<TaskType>,
    /// One line.
    pub title: Option<String>,
    /// What is to be done.
    pub description: String,
    /// How urgent it is; as its ticket when `None`.
    pub priority: Option<Priority>,
    /// A name of the caller's, unique within the ticket.
    pub key: Option<String>,
    /// Its size, as free text.
    pub estimate: Option<String>,
    /// The tasks that it waits for, of this ticket or another.
    pub depends_on: Vec<Uuid>,
    /// The type of agent that it is work for; a worker when `None`.
    pub agent_type: Option<AgentType>,
    /// What an agent must be able to do to get it.
    pub required_capabilities: Vec<Capability>,
    /// How many of its attempts may fail by its own fault; as configured when `None`.
    pub max_attempts: Option<u32>,
}

/// Makes a task of a ticket. Without a phase it belongs to the one that the ticket is in, or, while
/// the ticket is blocked, to the one that it was blocked in.
///
/// # Errors
/// An unknown ticket, phase or dependency; a ticket that is done; a phase that is not worked in; a
/// key that the ticket has already; a dependency on what waits for the ticket.
pub async fn create(engine: &Engine, call: &Call, ticket: Uuid, new: Create) -> Result<Task> {
    let key = new.key.clone();
    let input = (ticket, new, Arc::clone(&engine.settings));
    engine
        .write(call, input, |tx, call, (ticket, new, settings)| {
            Box::pin(insert(tx, call, settings, *ticket, new))
        })
        .await
        .map_err(|error| taken(error, Noun::Task, key))
}

/// A task as it is when nobody has touched it yet.
pub(crate) fn fresh(
    call: &Call,
    settings: &Settings,
    (ticket_id, priority_of_ticket): (Uuid, Priority),
    id: Uuid,
    phase_id: PhaseId,
    new: Create,
) -> Task {
    let Create {
        phase_id: _, // decided by the caller
        task_type,
        title,
        description,
        priority,
        key,
        estimate,
        mut depends_on,
        agent_type,
        mut required_capabilities,
        max_attempts,
    } = new;
    depends_on.sort_unstable();
    depends_on.dedup();
    let mut seen = std::collections::BTreeSet::new();
    required_capabilities.retain(|capability| seen.insert(capability.clone()));
    Task {
        id,
        ticket_id,
        key,
        phase_id,
        task_type: task_type.unwrap_or_default(),
        title,
        description,
        priority: priority.unwrap_or(priority_of_ticket),
        estimate,
        agent_type: agent_type.unwrap_or(AgentType::Worker),
        required_capabilities,
        status: TaskState::Pending,
        result: None,
        error_message: None,
        depends_on,
        finished_at: None,
        finished_by: None,
        max_attempts: max_attempts.unwrap_or(settings.retry.max_attempts),
        attempts_used: 0,
        failures_in_a_row: 0,
        losses_in_a_row: 0,
        fencing_token: 0,
        agent_id: None,
        lease_expires_at: None,
        available_at: None,
        version: 1,
        created_at: call.now,
        updated_at: call.now,
    }
}

async fn insert(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ticket: Uuid,
    new: &Create,
) -> Result<Task> {
    if !new.depends_on.is_empty() {
        // Two that each close half of a circle must not be made at the same moment.
        tickets::one_import_at_a_time(tx).await?;
    }
    let ticket = tickets::find(tx.connection(), ticket).await?.ok_or_else(|| no_ticket(ticket))?;
    call.expect(Noun::Ticket, ticket.id, ticket.version)?;
    let workflow = workflow(&ticket.workflow_id)?;
    if workflow.is_terminal(&ticket.position.phase) {
        return Err(Error::TicketCompleted { id: ticket.id, phase: ticket.position.phase });
    }
    let phase = new.phase_id.clone();
    let phase = phase.unwrap_or_else(|| ticket.position.work_phase(workflow).clone());
    let phase = workable(workflow, phase)?;
    let existing = match new.depends_on.as_slice() {
        [] => Vec::new(),
        ids => tasks::existing(tx.connection(), ids).await?,
    };
    if let Some(index) = new.depends_on.iter().position(|id| !existing.contains(id)) {
        let id = new.depends_on[index];
        return Err(Error::UnknownDependency { field: "depends_on", index, id });
    }
    let of = (ticket.id, ticket.priority);
    let task = fresh(call, settings, of, call.sources.id(), phase, new.clone());
    if let Some(cycle) = backlog::cycle_with(tx, &ticket, &task).await? {
        return Err(Error::DependencyCycle { cycle });
    }
    tasks::insert(tx, workflow, std::slice::from_ref(&task)).await?;
    tx.announce(announce::task_created(call, &task));
    if settings.advances(&ticket) {
        flow::settle_after_making(tx, call, settings, &task).await?;
    }
    Ok(task)
}

fn workable(workflow: &Workflow, phase: PhaseId) -> Result<PhaseId> {
    workflow.require(&phase)?;
    if workflow.works(&phase) { Ok(phase) } else { Err(Error::NotWorkable { phase }) }
}
