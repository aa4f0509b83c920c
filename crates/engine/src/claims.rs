//! Claiming: an agent gets the best tasks that it is able and free to do, each under a lease.

mod given;
mod waiting;

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use phaseline_context::{Pack, Pinned};
use phaseline_persistence::{
    Tx,
    agents::{self, StoredAgent, ToLoad},
    attempts::{self, Attempt},
    tasks::{self, Claimable, Given, Task},
    tickets::{self, StoredContext, Ticket},
};
use phaseline_phases::PhaseId;
use phaseline_registry::{Agent, AgentStatus, Capability};
use phaseline_tasks::{AttemptOutcome, LeaseTime};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Call, Engine, Error, Fleet, Result, Settings,
    agents::missing,
    announce, flow, holding,
    tickets::{missing as missing_ticket, workflow},
};

pub(crate) use given::GivenLately;
pub(crate) use waiting::Board;
pub use waiting::claim_within;

/// What an agent asks for.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// How many tasks at most.
    pub max: u32,
    /// For how long.
    pub lease: LeaseTime,
    /// The budget of each context pack, in tokens; no limit when `None`.
    pub max_tokens: Option<u32>,
}

/// What an agent got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claimed {
    /// The tasks, the best first.
    pub items: Vec<ClaimedTask>,
    /// Why there are none.
    pub reason: Option<String>,
    /// The agent as it is now.
    pub agent: StoredAgent,
}

/// A claimed task with everything that its worker needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimedTask {
    /// The task.
    pub task: Task,
    /// Its ticket.
    pub ticket: Ticket,
    /// The token that every further call about this claim has to show.
    pub fencing_token: i64,
    /// Until when the agent has the task.
    pub lease_expires_at: DateTime<Utc>,
    /// What the phases before have found out.
    pub pack: Pack,
}

impl Default for Ask {
    fn default() -> Self {
        Self { max: 1, lease: LeaseTime::default(), max_tokens: None }
    }
}

/// Gives an agent the best pending tasks that it is able and free to do: its type and phase fit, it
/// has every required capability, nothing that the task or its ticket waits for is undone, the
/// ticket is not blocked, and a slot is free. The most urgent first, then the oldest.
///
/// # Errors
/// An unknown or terminated agent.
pub async fn claim(engine: &Engine, call: &Call, agent: Uuid, ask: Ask) -> Result<Claimed> {
    let claimed = match waiting::nothing(engine, call, agent).await? {
        Some(nothing) => nothing,
        None => {
            let by = (Arc::clone(&engine.settings), Arc::clone(&engine.fleet));
            let claimed = engine
                .write(call, (agent, ask, by), |tx, call, (agent, ask, (settings, fleet))| {
                    Box::pin(take(tx, call, settings, fleet, *agent, *ask))
                })
                .await?;
            engine.board.note(&claimed);
            engine.given.note(&claimed);
            claimed
        }
    };
    engine.fleet.upsert(&claimed.agent);
    engine.fleet.seen(agent, call.now);
    Ok(claimed)
}

async fn take(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    fleet: &Fleet,
    agent: Uuid,
    ask: Ask,
) -> Result<Claimed> {
    let found = match ask.max {
        1 => agents::find_to_load(tx, agent, || free(fleet, agent, call.now)).await?,
        _ => agents::find_and_hold(tx, agent).await?.map(ToLoad::of_table),
    };
    let ToLoad { stored, is_hearsay } = found.ok_or_else(|| missing(agent))?;
    if stored.agent.status == AgentStatus::Terminated {
        return Err(Error::AgentGone { id: agent });
    }
    if refusal(&stored.agent).is_some() {
        return Ok(empty(stored));
    }
    // Whoever waited for the write door claims now, and not before what it waited for was done.
    let call = &Call { now: call.now.max(call.sources.now()), ..call.clone() };
    let until = ask.lease.until(call.now);
    let tasks = match ask.max.min(stored.agent.free_slots()) {
        0 => Vec::new(),
        most => {
            let capabilities: Vec<Capability> = stored.agent.capabilities.iter().cloned().collect();
            let wanted = wanted(&stored.agent, &capabilities, settings, call.now);
            tasks::claim(tx, &wanted, most.into(), until).await?
        }
    };
    if tasks.is_empty() {
        return match is_hearsay {
            true => nothing_for(tx, &stored).await,
            false => Ok(empty(stored)),
        };
    }
    let slots = stored.agent.slots_taken + u32::try_from(tasks.len()).unwrap_or(u32::MAX);
    let status = stored.agent.status;
    let stored = holding::loaded(call, stored, slots, true);
    let (given, moved) = (&stored.agent, stored.agent.status != status);
    // The agent first: a ticket whose work begins may be held by what follows.
    if !agents::load(tx, given, moved, given.version - 1, call.now).await? {
        return Err(phaseline_persistence::Error::ChangedHands.into());
    }
    let items = hand_over(tx, call, settings, tasks, until, ask.max_tokens).await?;
    let begun: Vec<Attempt> =
        items.iter().map(|item| begun(item, agent, ask.lease, call.now)).collect();
    attempts::insert(tx, &begun).await?;
    for item in &items {
        tx.announce(announce::claimed(call, &item.task, &item.pack.content_hash));
    }
    Ok(Claimed { items, reason: None, agent: stored })
}

/// What the fleet knows of an agent that can take work. If that is not what the table says, the claim
/// does not find it at its version. That an agent gets nothing is never said on hearsay.
fn free(fleet: &Fleet, id: Uuid, now: DateTime<Utc>) -> Option<StoredAgent> {
    heard_of(fleet, id, now).filter(|StoredAgent { agent, .. }| {
        agent.status != AgentStatus::Terminated && refusal(agent).is_none()
    })
}

/// An agent as the fleet knows it.
fn heard_of(fleet: &Fleet, id: Uuid, now: DateTime<Utc>) -> Option<StoredAgent> {
    let agent = fleet.look(|index| index.get(&id).cloned())?;
    let agent = Arc::unwrap_or_clone(agent);
    Some(StoredAgent { agent, metrics: fleet.metrics(id), updated_at: now })
}

/// That there is nothing for an agent that we have only heard of, unless it is another one by now.
async fn nothing_for(tx: &Tx, heard: &StoredAgent) -> Result<Claimed> {
    let id = heard.agent.id;
    let stored = agents::find(tx.connection(), id).await?.ok_or_else(|| missing(id))?;
    if stored.agent.version == heard.agent.version {
        Ok(empty(stored))
    } else {
        Err(phaseline_persistence::Error::ChangedHands.into())
    }
}

/// Puts together what the worker of each task needs.
async fn hand_over(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    given: Vec<Given>,
    until: DateTime<Utc>,
    max_tokens: Option<u32>,
) -> Result<Vec<ClaimedTask>> {
    let mut known = Known::default();
    let mut items = Vec::with_capacity(given.len());
    for Given { task, ticket, context } in given {
        if let Some(ticket) = ticket {
            known.contexts.extend(context.map(|context| (ticket.id, context)));
            known.tickets.entry(ticket.id).or_insert(ticket);
        }
        let ticket = known.begun(tx, call, settings, &task).await?;
        let pack = known.pack(tx, &ticket, &task, max_tokens).await?;
        let fencing_token = task.fencing_token;
        items.push(ClaimedTask { task, ticket, fencing_token, lease_expires_at: until, pack });
    }
    Ok(items)
}

/// Tickets and packs, each read and made once.
#[derive(Default)]
struct Known {
    tickets: HashMap<Uuid, Ticket>,
    contexts: HashMap<Uuid, StoredContext>,
    packs: HashMap<(Uuid, PhaseId), Pack>,
}

impl Known {
    /// The ticket of a task whose work begins: where it advances by itself, it leaves its first
    /// phase.
    async fn begun(
        &mut self,
        tx: &Tx,
        call: &Call,
        settings: &Settings,
        task: &Task,
    ) -> Result<Ticket> {
        let id = task.ticket_id;
        let mut found = match self.tickets.remove(&id) {
            Some(found) => found,
            None => read(tx, id).await?,
        };
        if early(&found, task)? && settings.advances(&found) {
            flow::begin(tx, call, settings, id, &task.phase_id).await?;
            found = read(tx, id).await?;
            self.contexts.remove(&id);
        }
        self.tickets.insert(id, found.clone());
        Ok(found)
    }

    async fn pack(
        &mut self,
        tx: &Tx,
        ticket: &Ticket,
        task: &Task,
        max_tokens: Option<u32>,
    ) -> Result<Pack> {
        let key = (ticket.id, task.phase_id.clone());
        if let Some(pack) = self.packs.get(&key) {
            return Ok(pack.clone());
        }
        // Where no task was ever completed, nothing was found out.
        let stored = match self.contexts.remove(&ticket.id) {
            _ if !ticket.has_results => Some(StoredContext::default()),
            None => tickets::context(tx.connection(), ticket.id).await?,
            known => known,
        };
        let stored = stored.ok_or_else(|| missing_ticket(ticket.id))?;
        let before = workflow(&ticket.workflow_id)?.before(&task.phase_id)?;
        let made = stored.pack(before, &task.phase_id, &pinned(ticket), max_tokens);
        self.packs.insert(key, made.clone());
        Ok(made)
    }
}

/// Whether the work of a task begins before its ticket has left its first phase.
fn early(ticket: &Ticket, task: &Task) -> Result<bool> {
    let initial = workflow(&ticket.workflow_id)?.initial();
    Ok(ticket.position.phase == *initial && task.phase_id != *initial)
}

async fn read(tx: &Tx, id: Uuid) -> Result<Ticket> {
    tickets::find(tx.connection(), id).await?.ok_or_else(|| missing_ticket(id))
}

/// What people have answered, for the next pack of a ticket.
#[must_use]
pub fn pinned(ticket: &Ticket) -> Vec<Pinned> {
    let answers = ticket.answers.iter().map(|answer| Pinned {
        question: answer.question.clone(),
        answer: answer.answer.clone(),
        by: answer.by.clone(),
        phase_id: answer.phase.clone(),
    });
    answers.collect()
}

fn begun(item: &ClaimedTask, agent: Uuid, lease: LeaseTime, now: DateTime<Utc>) -> Attempt {
    Attempt {
        task_id: item.task.id,
        fencing_token: item.fencing_token,
        agent_id: agent,
        outcome: AttemptOutcome::Running,
        failure_class: None,
        error_message: None,
        lease_s: lease.seconds(),
        claimed_at: now,
        lease_expires_at: item.lease_expires_at,
        ended_at: None,
        pack: item.pack.clone(),
    }
}

/// What an agent is answered that gets nothing.
fn empty(agent: StoredAgent) -> Claimed {
    let none = || "no pending task that this agent could do is ready".to_owned();
    let reason = refusal(&agent.agent).unwrap_or_else(none);
    Claimed { items: Vec::new(), reason: Some(reason), agent }
}

/// Why an agent gets no work at all.
fn refusal(agent: &Agent) -> Option<String> {
    if agent.draining {
        Some("the agent is draining: it takes no new work until it is resumed".to_owned())
    } else if !agent.status.is_available() {
        Some(format!("the agent is {}", agent.status))
    } else if agent.free_slots() == 0 {
        Some(match agent.capacity.get() {
            1 => "the only slot of the agent is taken".to_owned(),
            slots => format!("all {slots} slots of the agent are taken"),
        })
    } else {
        None
    }
}

fn wanted<'a>(
    agent: &'a Agent,
    capabilities: &'a [Capability],
    settings: &Settings,
    now: DateTime<Utc>,
) -> Claimable<'a> {
    Claimable {
        agent_id: agent.id,
        agent_type: agent.agent_type,
        phase_id: agent.phase_id.as_deref(),
        capabilities,
        gates: settings.flow.gates,
        templates: settings.flow.templates,
        now,
    }
}
