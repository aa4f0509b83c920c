//! The rules once more, in plain loops over all rows, written from what they are meant to say and
//! not from the statements that carry them out.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use phaseline_engine::Settings;
use phaseline_persistence::{agents::StoredAgent, tasks::Task, tickets::Ticket};
use phaseline_phases::{Artifact, ArtifactDemand, Criterion, Gate, Grade, PhaseId, Workflow};
use phaseline_registry::AgentStatus;
use phaseline_tasks::TaskState;
use uuid::Uuid;

use super::journal::Rows;

/// The tasks that an agent should get that asks for so many, best first.
pub(super) fn due(
    rows: &Rows,
    settings: &Settings,
    stored: &StoredAgent,
    max: u32,
    now: DateTime<Utc>,
) -> Vec<Uuid> {
    let agent = &stored.agent;
    let serving = match agent.status {
        AgentStatus::Idle | AgentStatus::Running | AgentStatus::Degraded => !agent.draining,
        AgentStatus::Maintenance
        | AgentStatus::Failed
        | AgentStatus::Quarantined
        | AgentStatus::Terminated => false,
    };
    if !serving {
        return Vec::new();
    }
    let mut due: Vec<&Task> =
        rows.tasks.values().filter(|task| may_have(rows, settings, stored, task, now)).collect();
    due.sort_by_key(|task| (task.priority.rank(), task.created_at, task.id));
    let free = agent.capacity.get().saturating_sub(agent.slots_taken);
    let most = usize::try_from(max.min(free)).unwrap_or(usize::MAX);
    due.iter().take(most).map(|task| task.id).collect()
}

/// Whether an agent is able to do a task, and the task is ready to be done.
fn may_have(
    rows: &Rows,
    settings: &Settings,
    stored: &StoredAgent,
    task: &Task,
    now: DateTime<Utc>,
) -> bool {
    let agent = &stored.agent;
    let fits = agent.agent_type == task.agent_type
        && agent.phase_id.as_ref().is_none_or(|phase| phase == task.phase_id.as_str());
    let able = task.required_capabilities.iter().all(|needed| agent.capabilities.contains(needed));
    let given_up =
        rows.attempts.get(&task.id).into_iter().flatten().any(|attempt| {
            attempt.agent == agent.id && attempt.class.as_deref() == Some("capability")
        });
    fits && able && !given_up && ready(rows, settings, task, now)
}

/// Whether a task waits for nothing but an agent.
fn ready(rows: &Rows, settings: &Settings, task: &Task, now: DateTime<Utc>) -> bool {
    let Some(ticket) = rows.tickets.get(&task.ticket_id) else { return false };
    let rested = task.available_at.is_none_or(|at| at <= now);
    task.status == TaskState::Pending
        && rested
        && reached(settings, ticket, task)
        && !task.depends_on.iter().any(|on| rows.tasks.get(on).is_some_and(unfinished))
        && !rows.tasks.values().any(|other| earlier(other, task) && is_open(other))
        && !ticket.blocked_by.iter().any(|on| rows.tickets.get(on).is_some_and(|on| !is_done(on)))
}

/// A ticket is worked on up to the phase that it is in. One that has not begun may begin with
/// any, unless it has to go through gates or the phases before have yet to get their tasks.
fn reached(settings: &Settings, ticket: &Ticket, task: &Task) -> bool {
    let workflow = Workflow::standard();
    let phase = &ticket.position.phase;
    if workflow.is_parking(phase) || workflow.is_terminal(phase) {
        return false;
    }
    let fresh = phase == workflow.initial();
    let strict = settings.gates_on(ticket) || settings.templates_on(ticket);
    workflow.rank(&task.phase_id) <= workflow.rank(phase) || (fresh && !strict)
}

fn earlier(other: &Task, than: &Task) -> bool {
    let rank = |task: &Task| Workflow::standard().rank(&task.phase_id);
    other.ticket_id == than.ticket_id && rank(other) < rank(than)
}

pub(super) fn is_open(task: &Task) -> bool {
    match task.status {
        TaskState::Pending | TaskState::Claimed | TaskState::Running => true,
        TaskState::Completed | TaskState::Failed | TaskState::Cancelled => false,
    }
}

pub(super) fn is_live(task: &Task) -> bool {
    matches!(task.status, TaskState::Claimed | TaskState::Running)
}

/// A cancelled task is not waited for: somebody decided that it is not needed.
fn unfinished(task: &Task) -> bool {
    !matches!(task.status, TaskState::Completed | TaskState::Cancelled)
}

pub(super) fn is_done(ticket: &Ticket) -> bool {
    Workflow::standard().is_terminal(&ticket.position.phase)
}

pub(super) fn is_blocked(ticket: &Ticket) -> bool {
    Workflow::standard().is_parking(&ticket.position.phase)
}

/// Whether the gate of a phase lets a ticket pass that is at this version.
pub(super) fn gate_met(
    rows: &Rows,
    settings: &Settings,
    ticket: Uuid,
    phase: &PhaseId,
    version: i64,
    brought: &[Artifact],
) -> bool {
    let Some(gate) = settings.gate_plan.gate(phase) else { return true };
    let Gate { artifacts, tasks_completed, approvals } = gate;
    // Nobody approves what comes along only with the move.
    let unseen = if *approvals > 0 { &[] } else { brought };
    let work: Vec<&Task> = rows
        .tasks
        .values()
        .filter(|task| task.ticket_id == ticket && &task.phase_id == phase)
        .collect();
    let undone = work.iter().any(|task| is_open(task) || task.status == TaskState::Failed);
    if *tasks_completed && undone {
        return false;
    }
    let added: Vec<_> = rows
        .artifacts
        .get(&ticket)
        .into_iter()
        .flatten()
        .filter(|added| &added.phase_id == phase)
        .collect();
    let done: Vec<&&Task> =
        work.iter().filter(|task| task.status == TaskState::Completed).collect();
    let reported = done.iter().filter_map(|task| task.result.as_ref());
    let told: Vec<&Artifact> =
        reported.flat_map(|result| &result.artifacts).chain(unseen).collect();
    let shown = |demand: &ArtifactDemand| {
        let selves = demand.grade == Grade::SelfReported;
        added.iter().any(|added| added.grade >= demand.grade && serves(demand, &added.artifact))
            || (selves && told.iter().any(|artifact| serves(demand, artifact)))
    };
    let mut authors: BTreeSet<String> =
        added.iter().filter_map(|added| added.added_by.clone()).collect();
    for worker in done.iter().filter_map(|task| task.finished_by.clone()) {
        authors.extend(worker.strip_prefix("agents/").map(str::to_owned));
        authors.insert(worker);
    }
    let maker = rows.history.get(&ticket).and_then(|rows| rows.first()?.by.clone());
    authors.extend(maker);
    let last = done.iter().filter_map(|task| task.finished_at).max();
    let approved: BTreeSet<&String> = rows
        .approvals
        .get(&ticket)
        .into_iter()
        .flatten()
        .filter(|approval| approval.ticket_version == version)
        .filter(|approval| last.is_none_or(|last| last <= approval.created_at))
        .map(|approval| &approval.approved_by)
        .filter(|by| !authors.contains(*by))
        .collect();
    artifacts.iter().all(shown) && approved.len() >= usize::try_from(*approvals).unwrap_or_default()
}

/// The simulation's gates ask for flags at most.
fn serves(demand: &ArtifactDemand, artifact: &Artifact) -> bool {
    artifact.kind == demand.kind
        && demand.criteria.iter().all(|criterion| {
            let Criterion::Flag { field } = criterion else { return false };
            artifact.content.as_ref().is_some_and(|content| content[field] == true)
        })
}
