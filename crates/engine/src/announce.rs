//! The events: what each is called, whom it is about and what it carries.
//!
//! Names are `noun.what.happened`. `docs/reference/events.md` lists them with their data.

use phaseline_context::Outline;
use phaseline_persistence::{
    agents::StoredAgent,
    events::{Event, NewEvent},
    tasks::Task,
    tickets::Ticket,
};
use phaseline_phases::{PhaseId, Transition};
use phaseline_registry::{Agent, AgentStatus, CapabilityChange, Health};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Call;

mod flow;
mod work;

pub(crate) use flow::*;
pub(crate) use work::*;

/// A ticket was made.
pub const TICKET_CREATED: &str = "ticket.created";
/// A ticket's title, description, priority or estimate changed.
pub const TICKET_UPDATED: &str = "ticket.updated";
/// A ticket was deleted with its tasks and history.
pub const TICKET_DELETED: &str = "ticket.deleted";
/// A ticket moved to another phase.
pub const TICKET_TRANSITIONED: &str = "ticket.phase.transitioned";
/// What a phase found out was aggregated anew.
pub const TICKET_CONTEXT_UPDATED: &str = "ticket.context.updated";
/// The work of a phase is done and its gate keeps the ticket there.
pub const TICKET_GATE_UNMET: &str = "ticket.gate.unmet";
/// Something was produced for a ticket.
pub const TICKET_ARTIFACT_ADDED: &str = "ticket.artifact.added";
/// Somebody approved a ticket as it stands.
pub const TICKET_APPROVED: &str = "ticket.approved";
/// A blocked ticket was answered.
pub const TICKET_ANSWERED: &str = "ticket.answered";
/// A task was made.
pub const TASK_CREATED: &str = "task.created";
/// A task was given to an agent.
pub const TASK_CLAIMED: &str = "task.claimed";
/// An agent has shown that it works on its task.
pub const TASK_STARTED: &str = "task.started";
/// The lease of a task was lengthened.
pub const TASK_LEASE_EXTENDED: &str = "task.lease.extended";
/// The lease of a task ran out; the task waits for another agent.
pub const TASK_LEASE_EXPIRED: &str = "task.lease.expired";
/// A task was taken back from an agent that no longer answers or was removed.
pub const TASK_AGENT_LOST: &str = "task.agent.lost";
/// An agent gave a task back undone.
pub const TASK_RELEASED: &str = "task.released";
/// An attempt at a task failed; it will be tried again.
pub const TASK_ATTEMPT_FAILED: &str = "task.attempt.failed";
/// A task was completed.
pub const TASK_COMPLETED: &str = "task.completed";
/// A task failed for good.
pub const TASK_FAILED: &str = "task.failed";
/// A task was cancelled.
pub const TASK_CANCELLED: &str = "task.cancelled";
/// A failed task is to be tried again.
pub const TASK_RETRIED: &str = "task.retried";
/// An agent registered.
pub const AGENT_REGISTERED: &str = "agent.registered";
/// An agent's type, phase, status, capacity or tags changed.
pub const AGENT_UPDATED: &str = "agent.updated";
/// An agent gained or lost capabilities.
pub const AGENT_CAPABILITY_UPDATED: &str = "agent.capability.updated";
/// An agent became available or unavailable.
pub const AGENT_AVAILABILITY_CHANGED: &str = "agent.availability.changed";
/// An agent's health changed.
pub const AGENT_HEALTH_CHANGED: &str = "agent.health.changed";
/// An agent takes no new work.
pub const AGENT_DRAIN_STARTED: &str = "agent.drain.started";
/// An agent that takes no new work has none left.
pub const AGENT_DRAINED: &str = "agent.drained";
/// An agent takes new work again.
pub const AGENT_RESUMED: &str = "agent.resumed";
/// An agent was terminated.
pub const AGENT_TERMINATED: &str = "agent.terminated";

/// Every type of event, in the order of the reference.
pub const TYPES: &[&str] = &[
    TICKET_CREATED,
    TICKET_UPDATED,
    TICKET_DELETED,
    TICKET_TRANSITIONED,
    TICKET_CONTEXT_UPDATED,
    TICKET_GATE_UNMET,
    TICKET_ARTIFACT_ADDED,
    TICKET_APPROVED,
    TICKET_ANSWERED,
    TASK_CREATED,
    TASK_CLAIMED,
    TASK_STARTED,
    TASK_LEASE_EXTENDED,
    TASK_LEASE_EXPIRED,
    TASK_AGENT_LOST,
    TASK_RELEASED,
    TASK_ATTEMPT_FAILED,
    TASK_COMPLETED,
    TASK_FAILED,
    TASK_CANCELLED,
    TASK_RETRIED,
    AGENT_REGISTERED,
    AGENT_UPDATED,
    AGENT_CAPABILITY_UPDATED,
    AGENT_AVAILABILITY_CHANGED,
    AGENT_HEALTH_CHANGED,
    AGENT_DRAIN_STARTED,
    AGENT_DRAINED,
    AGENT_RESUMED,
    AGENT_TERMINATED,
];

/// The types of events that are about agents.
pub const AGENT_TYPES: &[&str] = &[
    AGENT_REGISTERED,
    AGENT_UPDATED,
    AGENT_CAPABILITY_UPDATED,
    AGENT_AVAILABILITY_CHANGED,
    AGENT_HEALTH_CHANGED,
    AGENT_DRAIN_STARTED,
    AGENT_DRAINED,
    AGENT_RESUMED,
    AGENT_TERMINATED,
];

/// The types of events after which the fleet must look at an agent again: those about agents, and
/// those about work that takes or frees a slot.
pub(crate) const FLEET_TYPES: &[&str] = &[
    AGENT_REGISTERED,
    AGENT_UPDATED,
    AGENT_CAPABILITY_UPDATED,
    AGENT_AVAILABILITY_CHANGED,
    AGENT_HEALTH_CHANGED,
    AGENT_DRAIN_STARTED,
    AGENT_DRAINED,
    AGENT_RESUMED,
    AGENT_TERMINATED,
    TASK_CLAIMED,
    TASK_STARTED,
    TASK_LEASE_EXTENDED,
    TASK_LEASE_EXPIRED,
    TASK_AGENT_LOST,
    TASK_RELEASED,
    TASK_ATTEMPT_FAILED,
    TASK_COMPLETED,
    TASK_FAILED,
    TASK_CANCELLED,
];

/// The agent that an event concerns: its subject, or the one whose slot it is about.
pub(crate) fn agent_of(event: &Event) -> Option<Uuid> {
    let subject = event.subject.strip_prefix("agents/");
    subject.or_else(|| event.data["agent_id"].as_str())?.parse().ok()
}

pub(crate) fn ticket_created(
    call: &Call,
    id: Uuid,
    key: Option<&str>,
    opening: &Transition,
) -> NewEvent {
    event(
        call,
        TICKET_CREATED,
        ticket_subject(id),
        json!({ "ticket_id": id, "key": key, "phase_id": opening.to(), "version": 1 }),
    )
}

pub(crate) fn ticket_updated(call: &Call, ticket: &Ticket, fields: &[&str]) -> NewEvent {
    let data = json!({ "ticket_id": ticket.id, "fields": fields, "version": ticket.version });
    event(call, TICKET_UPDATED, ticket_subject(ticket.id), data)
}

pub(crate) fn ticket_deleted(call: &Call, ticket: &Ticket) -> NewEvent {
    let data = json!({
        "ticket_id": ticket.id,
        "key": ticket.key,
        "phase_id": ticket.position.phase,
        "version": ticket.version,
    });
    event(call, TICKET_DELETED, ticket_subject(ticket.id), data)
}

pub(crate) fn transitioned(call: &Call, id: Uuid, step: &Transition, version: i64) -> NewEvent {
    let data = json!({
        "ticket_id": id,
        "sequence": step.sequence(),
        "previous_phase": step.from(),
        "current_phase": step.to(),
        "kind": step.kind(),
        "forced": step.forced(),
        "reason": step.reason(),
        "transitioned_by": step.by(),
        "version": version,
    });
    event(call, TICKET_TRANSITIONED, ticket_subject(id), data)
}

pub(crate) fn context_updated(
    call: &Call,
    id: Uuid,
    phase: &PhaseId,
    document: &Outline,
    version: i64,
) -> NewEvent {
    let tasks = document.last(phase).map_or(0, |entry| entry.task_count);
    let data =
        json!({ "ticket_id": id, "phase_id": phase, "task_count": tasks, "version": version });
    event(call, TICKET_CONTEXT_UPDATED, ticket_subject(id), data)
}

pub(crate) fn task_created(call: &Call, task: &Task) -> NewEvent {
    let data = json!({
        "task_id": task.id,
        "ticket_id": task.ticket_id,
        "key": task.key,
        "phase_id": task.phase_id,
        "task_type": task.task_type,
        "version": task.version,
    });
    event(call, TASK_CREATED, task_subject(task.id), data)
}

pub(crate) fn registered(call: &Call, stored: &StoredAgent) -> NewEvent {
    let agent = &stored.agent;
    let data = json!({
        "agent_id": agent.id,
        "agent_type": agent.agent_type,
        "phase_id": agent.phase_id,
        "status": agent.status,
        "capabilities": agent.capabilities,
        "capacity": agent.capacity,
        "version": agent.version,
    });
    event(call, AGENT_REGISTERED, agent_subject_of(agent.id), data)
}

pub(crate) fn agent_updated(call: &Call, agent: &Agent, fields: &[&str]) -> NewEvent {
    let data = json!({
        "agent_id": agent.id,
        "fields": fields,
        "status": agent.status,
        "version": agent.version,
    });
    event(call, AGENT_UPDATED, agent_subject_of(agent.id), data)
}

pub(crate) fn capabilities_updated(
    call: &Call,
    agent: &Agent,
    change: &CapabilityChange,
) -> NewEvent {
    let CapabilityChange { added, removed } = change;
    let data = json!({
        "agent_id": agent.id,
        "added": added,
        "removed": removed,
        "capabilities": agent.capabilities,
        "version": agent.version,
    });
    event(call, AGENT_CAPABILITY_UPDATED, agent_subject_of(agent.id), data)
}

pub(crate) fn availability_changed(call: &Call, agent: &Agent, from: AgentStatus) -> NewEvent {
    let data = json!({
        "agent_id": agent.id,
        "available": agent.status.is_available(),
        "previous_status": from,
        "status": agent.status,
        "version": agent.version,
    });
    event(call, AGENT_AVAILABILITY_CHANGED, agent_subject_of(agent.id), data)
}

pub(crate) fn health_changed(call: &Call, id: Uuid, from: Health, to: Health) -> NewEvent {
    let data = json!({ "agent_id": id, "previous_health": from, "health_status": to });
    event(call, AGENT_HEALTH_CHANGED, agent_subject_of(id), data)
}

pub(crate) fn terminated(call: &Call, agent: &Agent, from: AgentStatus) -> NewEvent {
    let data = json!({ "agent_id": agent.id, "previous_status": from, "version": agent.version });
    event(call, AGENT_TERMINATED, agent_subject_of(agent.id), data)
}

fn event(call: &Call, kind: &'static str, subject: String, data: Value) -> NewEvent {
    NewEvent { id: call.sources.id(), kind, subject, time: call.now, data }
}

fn ticket_subject(id: Uuid) -> String {
    format!("tickets/{id}")
}

fn task_subject(id: Uuid) -> String {
    format!("tasks/{id}")
}

fn agent_subject_of(id: Uuid) -> String {
    format!("agents/{id}")
}
