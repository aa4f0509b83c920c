//! Taking hold of a task with the agent that has it, and taking it away from that agent.

use chrono::{DateTime, Utc};
use phaseline_persistence::{
    self as persistence, Tx,
    agents::{self, StoredAgent},
    attempts::{self, Attempt, End},
    events::NewEvent,
    tasks::{self, Taken, Task, TicketSeen},
};
use phaseline_registry::Agent;
use phaseline_tasks::{AttemptOutcome, FailureClass, Held as Lease, TaskState, check_lease};
use uuid::Uuid;

use crate::{Call, Error, Noun, Result, announce, error::LeaseLost};

/// A task and the agent that has it. Both are held until the transaction ends, the agent first, since
/// everybody takes them in that order; or else both are written back as they were seen, while the ticket is
/// at the version that was seen, or nothing is.
pub(crate) struct Holding {
    pub(crate) task: Task,
    pub(crate) agent: Option<StoredAgent>,
    pub(crate) ticket: TicketSeen,
}

/// How a task stops being an agent's.
pub(crate) struct Parting<'a> {
    pub(crate) outcome: AttemptOutcome,
    pub(crate) class: Option<FailureClass>,
    pub(crate) message: Option<&'a str>,
    /// Whether the agent has shown that it gets on.
    pub(crate) progress: bool,
}

/// Takes hold of a task.
pub(crate) async fn take(tx: &Tx, id: Uuid) -> Result<Holding> {
    whole(tasks::take(tx, id).await?.ok_or_else(|| missing(id))?)
}

/// The same without taking hold, where all will be written back as it was seen or `heard`, or nothing:
/// `None` where the task had better be held.
pub(crate) async fn see(tx: &Tx, id: Uuid, heard: Option<Holding>) -> Result<Option<Holding>> {
    let heard = heard.map(|Holding { task, agent, ticket }| Taken { task, agent, ticket });
    tasks::see(tx, id, heard).await?.map(whole).transpose()
}

fn whole(taken: Taken) -> Result<Holding> {
    let Taken { task, agent, ticket } = taken;
    if task.agent_id != agent.as_ref().map(|stored| stored.agent.id) {
        return Err(persistence::Error::ChangedHands.into());
    }
    Ok(Holding { task, agent, ticket })
}

impl Holding {
    /// Checks that the caller may act on the task: with the token of the live claim, or, where
    /// nobody has it, without any.
    pub(crate) async fn check(
        &self,
        tx: &Tx,
        token: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let task = &self.task;
        let live = live(task);
        match (token, &live) {
            (None, None) => Ok(()),
            (None, Some(lease)) => Err(Error::LeaseRequired {
                task: task.id,
                agent: task.agent_id.unwrap_or_default(),
                until: lease.expires_at,
            }),
            (Some(token), live) => match check_lease(live.as_ref(), token, now) {
                Ok(()) => Ok(()),
                Err(_) => Err(lost(tx, task, token).await?),
            },
        }
    }

    /// Whether the caller may end the claim of a task that is only heard of. What speaks against it is not
    /// said on hearsay.
    pub(crate) fn is_claimed_by(&self, token: Option<i64>, now: DateTime<Utc>) -> bool {
        let lease = live(&self.task);
        let has_slot = self.agent.as_ref().is_some_and(|holder| holder.agent.slots_taken > 0);
        has_slot && token.is_some_and(|token| check_lease(lease.as_ref(), token, now).is_ok())
    }

    /// Stores where the task has got, and, if somebody has it, ends the attempt that is under way and
    /// frees the slot of its agent. Says what the agent is then.
    pub(crate) async fn part(
        &mut self,
        tx: &Tx,
        call: &Call,
        parting: &Parting<'_>,
        task: &Task,
    ) -> Result<Option<StoredAgent>> {
        let before = &self.task;
        let agent = self.agent.take().filter(|_| before.status.is_live());
        let Some(holder) = agent else {
            keep(tx, task).await?;
            return Ok(None);
        };
        let taken = holder.agent.slots_taken.checked_sub(1);
        let taken = taken.ok_or_else(|| persistence::Error::Corrupt {
            table: "agents",
            column: "slots_taken",
            why: format!("it is 0 while the agent has task {}", task.id),
        })?;
        let status = holder.agent.status;
        let freed = loaded(call, holder, taken, parting.progress);
        let end = End {
            outcome: parting.outcome,
            failure_class: parting.class,
            error_message: parting.message,
            at: call.now,
        };
        let moved = freed.agent.status != status;
        if !tasks::end_held(tx, task, before.version, end, &freed.agent, moved, call.now).await? {
            return Err(persistence::Error::ChangedHands.into());
        }
        if freed.agent.draining && taken == 0 {
            tx.announce(announce::drained(call, &freed));
        }
        Ok(Some(freed))
    }
}

/// Takes the tasks of a ticket that is being deleted from the agents that have them. Says what these
/// agents are then.
pub(crate) async fn let_go(tx: &Tx, call: &Call, ticket: Uuid) -> Result<Vec<StoredAgent>> {
    let mut agents = Vec::new();
    // A claim under way is waited for, and none begins any more.
    tasks::hold_all_of(tx, ticket).await?;
    for task in tasks::live_of(tx.connection(), ticket).await? {
        let mut holding = take(tx, task).await?;
        let agent = holding.task.agent_id;
        let parting = Parting {
            outcome: AttemptOutcome::Cancelled,
            class: None,
            message: Some("the ticket was deleted"),
            progress: false,
        };
        let task = Task {
            error_message: parting.message.map(str::to_owned),
            ..freed(&holding.task, TaskState::Cancelled, call.now)
        };
        if let Some(freed) = holding.part(tx, call, &parting, &task).await? {
            agents.push(freed);
        }
        tx.announce(announce::cancelled(call, &task, agent));
    }
    Ok(agents)
}

/// Stores how much an agent that this transaction holds has in hand.
pub(crate) async fn load(
    tx: &Tx,
    call: &Call,
    stored: StoredAgent,
    slots_taken: u32,
    progress: bool,
) -> Result<StoredAgent> {
    let (status, version) = (stored.agent.status, stored.agent.version);
    let stored = loaded(call, stored, slots_taken, progress);
    let moved = stored.agent.status != status;
    if !agents::load(tx, &stored.agent, moved, version, call.now).await? {
        return Err(persistence::Error::ChangedHands.into());
    }
    Ok(stored)
}

/// The agent with its next version, with so much in hand.
pub(crate) fn loaded(
    call: &Call,
    stored: StoredAgent,
    slots_taken: u32,
    progress: bool,
) -> StoredAgent {
    let before = stored.agent;
    let agent = Agent {
        slots_taken,
        status: before.status.with_load(slots_taken),
        last_progress: if progress { Some(call.now) } else { before.last_progress },
        version: before.version + 1,
        ..before
    };
    StoredAgent { agent, updated_at: call.now, ..stored }
}

/// Stores a changed task that this transaction holds, and announces it.
pub(crate) async fn store(tx: &Tx, task: &Task, event: NewEvent) -> Result<()> {
    keep(tx, task).await?;
    tx.announce(event);
    Ok(())
}

async fn keep(tx: &Tx, task: &Task) -> Result<()> {
    if tasks::replace(tx, task, task.version - 1).await? {
        Ok(())
    } else {
        Err(persistence::Error::ChangedHands.into())
    }
}

/// The task with its next version, in nobody's hands.
pub(crate) fn freed(task: &Task, status: TaskState, now: DateTime<Utc>) -> Task {
    Task {
        status,
        agent_id: None,
        lease_expires_at: None,
        version: task.version + 1,
        updated_at: now,
        ..task.clone()
    }
}

/// The lease under which a task is held.
pub(crate) fn live(task: &Task) -> Option<Lease> {
    let expires_at = task.lease_expires_at.filter(|_| task.status.is_live())?;
    Some(Lease { token: task.fencing_token, expires_at })
}

pub(crate) fn missing(id: Uuid) -> Error {
    Error::NotFound { what: Noun::Task, id: id.to_string() }
}

/// When and why the claim with this token is no longer one.
async fn lost(tx: &Tx, task: &Task, given: i64) -> Result<Error> {
    let attempt = attempts::find(tx.connection(), task.id, given).await?;
    let (lost_at, why) = match attempt {
        None => (None, "no claim of it ever had this token".to_owned()),
        // The lease ended when it was to end, and not when somebody noticed.
        Some(Attempt { outcome: AttemptOutcome::Expired, lease_expires_at: at, .. })
        | Some(Attempt { lease_expires_at: at, ended_at: None, .. }) => {
            (Some(at), format!("{} at {at}", AttemptOutcome::Expired.why()))
        }
        // It was said then whether the agent had stopped answering or was removed.
        Some(Attempt {
            outcome: AttemptOutcome::AgentLost,
            error_message: Some(why),
            ended_at: Some(at),
            ..
        }) => (Some(at), format!("{why} at {at}")),
        Some(Attempt { outcome, ended_at: Some(at), .. }) => {
            (Some(at), format!("{} at {at}", outcome.why()))
        }
    };
    let current = task.fencing_token;
    Ok(Error::LeaseLost(Box::new(LeaseLost { task: task.id, given, current, lost_at, why })))
}
