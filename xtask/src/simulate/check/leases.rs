//! One live lease a task at most, slots that follow leases, tokens that grow, ends that stay.

use std::collections::BTreeMap;

use phaseline_persistence::tasks::Task;
use phaseline_registry::AgentStatus;
use phaseline_tasks::TaskState;
use uuid::Uuid;

use super::{Verdict, View, hold, touched};
use crate::simulate::{journal::Attempt, reference::is_live};

pub(super) fn check(view: View<'_>) -> Verdict {
    let View { rows, change, .. } = view;
    for (id, before, after) in touched(&change.before.tasks, &change.after.tasks) {
        if let (Some(before), Some(after)) = (before, after) {
            ends_stay(id, before, after)?;
            tokens_grow(id, before, after)?;
        }
        if let Some(task) = after {
            lease(task, rows.attempts.get(&id).map_or(&[], Vec::as_slice))?;
        }
    }
    for (id, before, after) in touched(&change.before.attempts, &change.after.attempts) {
        if let (Some(before), Some(after)) = (before, after) {
            attempts_stay(id, before, after)?;
        }
        if let Some(task) = rows.tasks.get(&id) {
            lease(task, rows.attempts.get(&id).map_or(&[], Vec::as_slice))?;
        }
    }
    slots(view)
}

fn ends_stay(id: Uuid, before: &Task, after: &Task) -> Verdict {
    let ended = matches!(before.status, TaskState::Completed | TaskState::Cancelled);
    hold(!ended || before == after, "no completed or cancelled task ever changes", || {
        format!("task {id} was {} and is {}: {after:?}", before.status, after.status)
    })
}

fn tokens_grow(id: Uuid, before: &Task, after: &Task) -> Verdict {
    let claimed = i64::from(is_live(after) && before.fencing_token != after.fencing_token);
    hold(
        after.fencing_token == before.fencing_token + claimed,
        "the fencing token of a task grows by one with each claim and by nothing else",
        || format!("task {id}: {} became {}", before.fencing_token, after.fencing_token),
    )
}

/// What the row of a task says of its lease, held against its attempts.
fn lease(task: &Task, attempts: &[Attempt]) -> Verdict {
    let id = task.id;
    let live = is_live(task);
    hold(
        live == task.agent_id.is_some() && live == task.lease_expires_at.is_some(),
        "a task has an agent and a lease exactly while it is claimed or running",
        || {
            format!(
                "task {id} is {}, {:?}, {:?}",
                task.status, task.agent_id, task.lease_expires_at
            )
        },
    )?;
    let tokens = attempts.iter().map(|attempt| attempt.token);
    hold(
        tokens.eq(1..=task.fencing_token),
        "the attempts of a task are its fencing tokens from 1 on",
        || {
            format!(
                "task {id} is at token {} and has {} attempts",
                task.fencing_token,
                attempts.len()
            )
        },
    )?;
    let open: Vec<&Attempt> = attempts.iter().filter(|one| one.ended.is_none()).collect();
    hold(
        open.len() == usize::from(live),
        "a task has one open attempt while it is live, and else none",
        || format!("task {id} is {} and has {} open attempts", task.status, open.len()),
    )?;
    let same = open.iter().all(|attempt| {
        attempt.token == task.fencing_token
            && Some(attempt.agent) == task.agent_id
            && Some(attempt.until) == task.lease_expires_at
            && attempt.outcome == "running"
    });
    hold(same, "the open attempt is the lease of the task", || format!("task {id}: {open:?}"))
}

/// What was written of an attempt that has ended stays.
fn attempts_stay(id: Uuid, before: &[Attempt], after: &[Attempt]) -> Verdict {
    let kept = before.iter().enumerate().all(|(place, was)| {
        let is = after.get(place);
        is == Some(was)
            || (was.ended.is_none()
                && is.is_some_and(|is| is.token == was.token && is.agent == was.agent))
    });
    hold(kept, "an attempt that has ended never changes", || format!("task {id}: {after:?}"))
}

fn slots(view: View<'_>) -> Verdict {
    let View { rows, .. } = view;
    let mut held: BTreeMap<Uuid, u32> = BTreeMap::new();
    for agent in rows.tasks.values().filter_map(|task| task.agent_id) {
        *held.entry(agent).or_default() += 1;
    }
    for (id, stored) in &rows.agents {
        let agent = &stored.agent;
        let held = held.remove(id).unwrap_or_default();
        let (taken, capacity) = (agent.slots_taken, agent.capacity.get());
        hold(
            taken == held && taken <= capacity,
            "the slots taken of an agent are its live leases, and at most its capacity",
            || format!("agent {id} has {held} leases, {taken} of {capacity} slots taken"),
        )?;
        let fits = match agent.status {
            AgentStatus::Idle
            | AgentStatus::Failed
            | AgentStatus::Quarantined
            | AgentStatus::Terminated => taken == 0,
            AgentStatus::Running | AgentStatus::Maintenance | AgentStatus::Degraded => true,
        };
        hold(fits, "whoever is idle, broke down or is gone has no work in hand", || {
            format!("agent {id} is {} and has {taken} slots taken", agent.status)
        })?;
    }
    hold(held.is_empty(), "whoever has a lease is registered", || format!("{held:?}"))
}
