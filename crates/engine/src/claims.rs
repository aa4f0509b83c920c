//! Claiming: an agent gets the best tasks that it is able and free to do, each under a lease.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use phaseline_context::{Pack, Pinned, pack};
use phaseline_persistence::{
    Connection, Tx,
    agents::{self, StoredAgent},
    attempts::{self, Attempt},
    idempotency,
    tasks::{self, Claimable, Task},
    tickets::{self, Ticket},
};
use phaseline_phases::Workflow;
use phaseline_registry::{Agent, AgentStatus, Capability};
use phaseline_tasks::{AttemptOutcome, LeaseTime};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::{
    Call, Engine, Error, Result, Settings, agents::missing, announce, contexts, flow, holding,
    tickets::workflow,
};

/// How often a waiting agent looks for itself: leases end and back-offs pass without a commit.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon it looks again after a commit, so that many commits are looked at once.
const SETTLE: Duration = Duration::from_millis(10);

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
    let input = (agent, ask, Arc::clone(&engine.settings));
    let claimed = engine
        .write(call, input, |tx, call, (agent, ask, settings)| {
            Box::pin(take(tx, call, settings, *agent, *ask))
        })
        .await?;
    engine.fleet.upsert(&claimed.agent);
    engine.fleet.seen(agent, call.now);
    Ok(claimed)
}

/// The same, waiting until there is something to get, for so long at most. `stop` ends the wait.
///
/// # Errors
/// An unknown or terminated agent.
pub async fn claim_within(
    engine: &Engine,
    call: &Call,
    agent: Uuid,
    ask: Ask,
    wait: Duration,
    stop: impl Future<Output = ()>,
) -> Result<Claimed> {
    let deadline = Instant::now() + wait;
    let mut commits = engine.db.commits();
    let mut call = call.clone();
    tokio::pin!(stop);
    loop {
        commits.mark_unchanged();
        let late = Instant::now() >= deadline;
        // Only whoever will get something, or has waited for long enough, disturbs the writers.
        if late || answered(engine, &call).await? || promising(engine, agent, call.now).await? {
            let claimed = claim(engine, &call, agent, ask).await?;
            if late || !claimed.items.is_empty() || call.once.is_some() {
                return Ok(claimed);
            }
        }
        let next = (Instant::now() + LOOK_EVERY).min(deadline);
        tokio::select! {
            () = &mut stop => return claim(engine, &call, agent, Ask { max: 0, ..ask }).await,
            () = sleep_until(next) => {}
            Ok(()) = commits.changed() => sleep_until((Instant::now() + SETTLE).min(deadline)).await,
        }
        call.now = engine.sources.now();
        engine.fleet.seen(agent, call.now);
    }
}

/// Whether this claim was made before under its key: the answer is there.
async fn answered(engine: &Engine, call: &Call) -> Result<bool> {
    let Some(once) = &call.once else { return Ok(false) };
    Ok(idempotency::find(engine.db.reader(), &once.key).await?.is_some())
}

/// Whether a claim would get something now.
async fn promising(engine: &Engine, agent: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let reader = engine.db.reader();
    let stored = agents::find(reader, agent).await?.ok_or_else(|| missing(agent))?;
    if stored.agent.status == AgentStatus::Terminated {
        return Err(Error::AgentGone { id: agent });
    }
    if refusal(&stored.agent).is_some() {
        return Ok(false);
    }
    let capabilities: Vec<Capability> = stored.agent.capabilities.iter().cloned().collect();
    let wanted = wanted(&stored.agent, &capabilities, &engine.settings, now);
    Ok(!tasks::claimable(reader, &wanted, 1).await?.is_empty())
}

async fn take(tx: &Tx, call: &Call, settings: &Settings, agent: Uuid, ask: Ask) -> Result<Claimed> {
    let stored = agents::find_and_hold(tx, agent).await?.ok_or_else(|| missing(agent))?;
    if stored.agent.status == AgentStatus::Terminated {
        return Err(Error::AgentGone { id: agent });
    }
    if let Some(reason) = refusal(&stored.agent) {
        return Ok(Claimed { items: Vec::new(), reason: Some(reason), agent: stored });
    }
    let capabilities: Vec<Capability> = stored.agent.capabilities.iter().cloned().collect();
    let wanted = wanted(&stored.agent, &capabilities, settings, call.now);
    let most = ask.max.min(stored.agent.free_slots());
    let ids = tasks::hold_claimable(tx, &wanted, u64::from(most)).await?;
    if ids.is_empty() {
        let reason = "no pending task that this agent could do is ready".to_owned();
        return Ok(Claimed { items: Vec::new(), reason: Some(reason), agent: stored });
    }
    // Whoever waited for the write door claims now, and not before what it waited for was done.
    let call = &Call { now: call.now.max(call.sources.now()), ..call.clone() };
    let until = ask.lease.until(call.now);
    let given = tasks::claim(tx, &ids, agent, until, call.now).await?;
    if given != ids.len() as u64 {
        return Err(phaseline_persistence::Error::ChangedHands.into());
    }
    let slots = stored.agent.slots_taken + u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let stored = holding::load(tx, call, stored, slots, true).await?;
    let items = hand_over(tx, call, settings, &ids, until, ask.max_tokens).await?;
    let attempts: Vec<Attempt> =
        items.iter().map(|item| begun(item, agent, ask.lease, call.now)).collect();
    attempts::insert(tx, &attempts).await?;
    for item in &items {
        tx.announce(announce::claimed(call, &item.task, &item.pack.content_hash));
    }
    Ok(Claimed { items, reason: None, agent: stored })
}

/// Puts together what the worker of each task needs, the tasks in this order.
async fn hand_over(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ids: &[Uuid],
    until: DateTime<Utc>,
    max_tokens: Option<u32>,
) -> Result<Vec<ClaimedTask>> {
    let connection = tx.connection();
    let found = tasks::with_ids(connection, ids).await?;
    let mut tasks: HashMap<Uuid, Task> = found.into_iter().map(|task| (task.id, task)).collect();
    let mut known = Known::default();
    let mut items = Vec::with_capacity(ids.len());
    for task in ids.iter().filter_map(|id| tasks.remove(id)) {
        let ticket = begun_ticket(tx, call, settings, &task).await?;
        let pack = known.pack(connection, &ticket, &task, max_tokens).await?;
        let fencing_token = task.fencing_token;
        items.push(ClaimedTask { task, ticket, fencing_token, lease_expires_at: until, pack });
    }
    Ok(items)
}

/// The ticket of a task whose work begins: where it advances by itself, it leaves its first phase.
async fn begun_ticket(tx: &Tx, call: &Call, settings: &Settings, task: &Task) -> Result<Ticket> {
    let gone = || crate::tickets::missing(task.ticket_id);
    let ticket = tickets::find(tx.connection(), task.ticket_id).await?.ok_or_else(gone)?;
    let workflow = workflow(&ticket.workflow_id)?;
    let early =
        ticket.position.phase == *workflow.initial() && task.phase_id != *workflow.initial();
    if !early || !settings.advances(&ticket) {
        return Ok(ticket);
    }
    flow::begin(tx, call, settings, ticket.id, &task.phase_id).await?;
    tickets::find(tx.connection(), task.ticket_id).await?.ok_or_else(gone)
}

/// Packs, each made once.
#[derive(Default)]
struct Known {
    packs: HashMap<(Uuid, String), Pack>,
}

impl Known {
    async fn pack(
        &mut self,
        db: &Connection,
        ticket: &Ticket,
        task: &Task,
        max_tokens: Option<u32>,
    ) -> Result<Pack> {
        let key = (ticket.id, task.phase_id.to_string());
        if let Some(pack) = self.packs.get(&key) {
            return Ok(pack.clone());
        }
        let workflow = workflow(&ticket.workflow_id)?;
        let document = contexts::document(db, ticket.id).await?;
        let before = workflow.before(&task.phase_id)?;
        let made = pack(&document, before, &task.phase_id, &pinned(ticket), max_tokens);
        self.packs.insert(key, made.clone());
        Ok(made)
    }
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

/// Why an agent gets no work at all.
fn refusal(agent: &Agent) -> Option<String> {
    if agent.draining {
        Some("the agent is draining: it takes no new work until it is resumed".to_owned())
    } else if !agent.status.is_available() {
        Some(format!("the agent is {}", agent.status))
    } else if agent.free_slots() == 0 {
        Some(format!("all {} slots of the agent are taken", agent.capacity.get()))
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
        workflow: Workflow::standard(),
        agent_id: agent.id,
        agent_type: agent.agent_type,
        phase_id: agent.phase_id.as_deref(),
        capabilities,
        gates: settings.flow.gates,
        templates: settings.flow.templates,
        now,
    }
}
