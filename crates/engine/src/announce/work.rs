//! Events of work: claims, leases and how they end.

use phaseline_persistence::{agents::StoredAgent, events::NewEvent, tasks::Task};
use phaseline_tasks::FailureClass;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    AGENT_DRAIN_STARTED, AGENT_DRAINED, AGENT_RESUMED, TASK_ATTEMPT_FAILED, TASK_CANCELLED,
    TASK_CLAIMED, TASK_COMPLETED, TASK_FAILED, TASK_LEASE_EXTENDED, TASK_RELEASED, TASK_RETRIED,
    TASK_STARTED, agent_subject_of, event, task_subject,
};
use crate::Call;

pub(crate) fn claimed(call: &Call, task: &Task, content_hash: &str) -> NewEvent {
    let mut data = held(task, task.agent_id);
    data["lease_expires_at"] = json!(task.lease_expires_at);
    data["content_hash"] = json!(content_hash);
    event(call, TASK_CLAIMED, task_subject(task.id), data)
}

/// The first extension says that work has begun.
pub(crate) fn extended(call: &Call, task: &Task, first: bool) -> NewEvent {
    let mut data = held(task, task.agent_id);
    data["lease_expires_at"] = json!(task.lease_expires_at);
    let kind = if first { TASK_STARTED } else { TASK_LEASE_EXTENDED };
    event(call, kind, task_subject(task.id), data)
}

/// A task that its agent no longer has, of the type given: expired, lost or released.
pub(crate) fn given_back(
    call: &Call,
    kind: &'static str,
    task: &Task,
    agent: Uuid,
    why: Option<&str>,
) -> NewEvent {
    let mut data = held(task, Some(agent));
    data["available_at"] = json!(task.available_at);
    data["reason"] = json!(why);
    debug_assert!(kind != TASK_RELEASED || task.agent_id.is_none());
    event(call, kind, task_subject(task.id), data)
}

pub(crate) fn attempt_failed(
    call: &Call,
    task: &Task,
    agent: Uuid,
    class: FailureClass,
    why: &str,
) -> NewEvent {
    let mut data = held(task, Some(agent));
    data["failure_class"] = json!(class);
    data["error_message"] = json!(why);
    data["attempts_used"] = json!(task.attempts_used);
    data["max_attempts"] = json!(task.max_attempts);
    data["available_at"] = json!(task.available_at);
    event(call, TASK_ATTEMPT_FAILED, task_subject(task.id), data)
}

/// The agent is `None` where an operator did it.
pub(crate) fn completed(call: &Call, task: &Task, agent: Option<Uuid>) -> NewEvent {
    event(call, TASK_COMPLETED, task_subject(task.id), ended(task, agent))
}

/// The agent is `None` where an operator did it.
pub(crate) fn failed(call: &Call, task: &Task, agent: Option<Uuid>) -> NewEvent {
    let mut data = ended(task, agent);
    data["error_message"] = json!(task.error_message);
    event(call, TASK_FAILED, task_subject(task.id), data)
}

pub(crate) fn cancelled(call: &Call, task: &Task, agent: Option<Uuid>) -> NewEvent {
    let mut data = ended(task, agent);
    data["reason"] = json!(task.error_message);
    event(call, TASK_CANCELLED, task_subject(task.id), data)
}

pub(crate) fn retried(call: &Call, task: &Task) -> NewEvent {
    event(call, TASK_RETRIED, task_subject(task.id), held(task, None))
}

pub(crate) fn drain_started(call: &Call, stored: &StoredAgent) -> NewEvent {
    slots(call, AGENT_DRAIN_STARTED, stored)
}

pub(crate) fn drained(call: &Call, stored: &StoredAgent) -> NewEvent {
    slots(call, AGENT_DRAINED, stored)
}

pub(crate) fn resumed(call: &Call, stored: &StoredAgent) -> NewEvent {
    slots(call, AGENT_RESUMED, stored)
}

fn slots(call: &Call, kind: &'static str, stored: &StoredAgent) -> NewEvent {
    let agent = &stored.agent;
    let data = json!({
        "agent_id": agent.id,
        "slots_taken": agent.slots_taken,
        "version": agent.version,
    });
    event(call, kind, agent_subject_of(agent.id), data)
}

fn held(task: &Task, agent: Option<Uuid>) -> Value {
    json!({
        "task_id": task.id,
        "ticket_id": task.ticket_id,
        "phase_id": task.phase_id,
        "agent_id": agent,
        "fencing_token": task.fencing_token,
        "version": task.version,
    })
}

fn ended(task: &Task, agent: Option<Uuid>) -> Value {
    json!({
        "task_id": task.id,
        "ticket_id": task.ticket_id,
        "phase_id": task.phase_id,
        "agent_id": agent,
        "fencing_token": task.fencing_token,
        "by_operator": agent.is_none(),
        "finished_by": task.finished_by,
        "version": task.version,
    })
}
