//! Keeping a task, giving it back, and losing it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use phaseline_persistence::{
    Tx,
    agents::StoredAgent,
    attempts,
    tasks::{self, Task},
};
use phaseline_tasks::{AttemptOutcome, LeaseTime, TaskState, after_lost_lease};
use uuid::Uuid;

use super::{Done, expect};
use crate::{
    Call, Engine, Result, Settings, announce,
    holding::{self, Holding, Parting, freed},
};

/// Lengthens the lease of a task: it ends so long after now, as long as it was claimed for when
/// `lease` is `None`. The first time says that work has begun.
///
/// # Errors
/// An unknown task, a claim that is lost, a version that is not the expected one.
pub async fn extend(
    engine: &Engine,
    call: &Call,
    id: Uuid,
    token: i64,
    lease: Option<LeaseTime>,
) -> Result<Task> {
    let done = engine
        .write(call, (id, token, lease), |tx, call, (id, token, lease)| {
            Box::pin(extended(tx, call, *id, *token, *lease))
        })
        .await?;
    engine.given.renew(&done.task);
    Ok(done.told(engine, call))
}

/// Gives a task back undone: it is at once there for others.
///
/// # Errors
/// An unknown task, a claim that is lost, a version that is not the expected one.
pub async fn release(
    engine: &Engine,
    call: &Call,
    id: Uuid,
    token: i64,
    reason: Option<String>,
) -> Result<Task> {
    let done = engine
        .write(call, (id, token, reason), |tx, call, (id, token, reason)| {
            Box::pin(async move {
                let mut holding = holding::take(tx, *id).await?;
                expect(call, &holding.task)?;
                holding.check(tx, Some(*token), call.now).await?;
                let parting = Parting {
                    outcome: AttemptOutcome::Released,
                    class: None,
                    message: reason.as_deref(),
                    progress: true,
                };
                let task = freed(&holding.task, TaskState::Pending, call.now);
                let agent = holding.part(tx, call, &parting, &task).await?;
                let from = holding.task.agent_id.unwrap_or_default();
                let kind = announce::TASK_RELEASED;
                tx.announce(announce::given_back(call, kind, &task, from, reason.as_deref()));
                Ok(Done { task, agent })
            })
        })
        .await?;
    engine.given.take(id);
    Ok(done.told(engine, call))
}

/// How an agent loses a task against its will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss<'a> {
    /// Its lease has ended.
    Expired,
    /// It no longer answers, or was removed: in words, for itself and for whoever reads the log.
    Agent(Uuid, &'a str),
}

/// Takes a task back, if that is still called for. Says what its agent is then.
async fn give_back(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    id: Uuid,
    loss: Loss<'_>,
) -> Result<Option<StoredAgent>> {
    let mut holding = holding::take(tx, id).await?;
    if !lost(&holding, loss, call.now) {
        return Ok(None);
    }
    let (outcome, kind, message) = match loss {
        Loss::Expired => (AttemptOutcome::Expired, announce::TASK_LEASE_EXPIRED, None),
        Loss::Agent(_, why) => (AttemptOutcome::AgentLost, announce::TASK_AGENT_LOST, Some(why)),
    };
    let losses = holding.task.losses_in_a_row.saturating_add(1);
    let wait = after_lost_lease(losses, &settings.retry, call.sources.random());
    let task = Task {
        losses_in_a_row: losses,
        available_at: (!wait.is_zero()).then(|| call.now + wait),
        ..freed(&holding.task, TaskState::Pending, call.now)
    };
    let from = holding.task.agent_id.unwrap_or_default();
    let parting = Parting { outcome, class: None, message, progress: false };
    let agent = holding.part(tx, call, &parting, &task).await?;
    let why = message.unwrap_or(outcome.why());
    tx.announce(announce::given_back(call, kind, &task, from, Some(why)));
    Ok(agent)
}

fn lost(holding: &Holding, loss: Loss<'_>, now: DateTime<Utc>) -> bool {
    let Some(lease) = holding::live(&holding.task) else {
        return false;
    };
    match loss {
        Loss::Expired => lease.expires_at <= now,
        Loss::Agent(agent, _) => holding.task.agent_id == Some(agent),
    }
}

async fn extended(
    tx: &Tx,
    call: &Call,
    id: Uuid,
    token: i64,
    lease: Option<LeaseTime>,
) -> Result<Done> {
    let holding = holding::take(tx, id).await?;
    expect(call, &holding.task)?;
    holding.check(tx, Some(token), call.now).await?;
    let lease = match lease {
        Some(lease) => lease,
        None => {
            let attempt = attempts::find(tx.connection(), id, token).await?;
            attempt.and_then(|attempt| LeaseTime::new(attempt.lease_s).ok()).unwrap_or_default()
        }
    };
    let until = lease.until(call.now);
    let first = holding.task.status == TaskState::Claimed;
    let task = Task {
        status: TaskState::Running,
        lease_expires_at: Some(until),
        version: holding.task.version + 1,
        updated_at: call.now,
        ..holding.task
    };
    attempts::extend(tx, id, token, until).await?;
    holding::store(tx, &task, announce::extended(call, &task, first)).await?;
    let agent = match holding.agent {
        Some(agent) => {
            let slots = agent.agent.slots_taken;
            Some(holding::load(tx, call, agent, slots, true).await?)
        }
        None => None,
    };
    Ok(Done { task, agent })
}

/// Takes back everything that an agent has, in the transaction that says why. Says what the agent is
/// then; `None` where it had nothing.
pub(crate) async fn take_work_from(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    agent: Uuid,
    why: &str,
) -> Result<Option<StoredAgent>> {
    let mut freed = None;
    for id in tasks::held_by(tx.connection(), agent).await? {
        let now = give_back(tx, call, settings, id, Loss::Agent(agent, why)).await?;
        freed = now.or(freed);
    }
    Ok(freed)
}

/// Takes back the tasks whose lease has ended, each in a transaction of its own; says how many.
pub(crate) async fn give_back_expired(
    engine: &Engine,
    call: &Call,
    tasks: Vec<Uuid>,
) -> Result<usize> {
    let mut count = 0;
    for id in tasks {
        let input = (id, Arc::clone(&engine.settings));
        let agent = engine
            .write(call, input, |tx, call, (id, settings)| {
                Box::pin(give_back(tx, call, settings, *id, Loss::Expired))
            })
            .await?;
        if let Some(agent) = agent {
            engine.fleet.upsert(&agent);
            count += 1;
        }
    }
    Ok(count)
}
