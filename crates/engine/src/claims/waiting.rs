//! Waiting for work: those who wait for the same look once for all, however many they are.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use phaseline_persistence::{agents, idempotency, tasks};
use phaseline_registry::{Agent, AgentStatus, AgentType, Capability};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{Ask, Claimed, claim, empty, refusal, wanted};
use crate::{Call, Engine, Error, Result, agents::missing};

/// How often a waiting agent looks for itself: leases end and back-offs pass without a commit.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon it looks again after a commit, so that many commits are looked at once.
const SETTLE: Duration = Duration::from_millis(10);
/// How many tasks are found at once, for as many of those that wait.
const FOUND_AT_ONCE: u64 = 100;

/// Who waits for what.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<HashMap<Profile, Arc<Shared>>>);

/// What decides which work is for an agent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Profile {
    agent_type: AgentType,
    phase_id: Option<String>,
    capabilities: Vec<Capability>,
}

/// What all that want the same work know of it.
#[derive(Debug, Default)]
struct Shared {
    look: tokio::sync::Mutex<Look>,
    /// Whether the last claim got nothing: then the next one had better look before it disturbs the
    /// writers, since it may have to pass over very many tasks.
    dry: AtomicBool,
}

#[derive(Debug, Default)]
struct Look {
    /// When it was taken; `None` before the first.
    at: Option<Instant>,
    /// After how many commits.
    commits: u64,
    /// How many tasks it found that nobody of those that wait has gone for.
    left: usize,
}

/// Claims, waiting until there is something to get, for so long at most. `stop` ends the wait.
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
    if wait.is_zero() {
        return claim(engine, call, agent, ask).await;
    }
    let deadline = Instant::now() + wait;
    let mut commits = engine.db.commits();
    let mut call = call.clone();
    let mut told = false;
    tokio::pin!(stop);
    loop {
        let woken_at = *commits.borrow_and_update();
        let late = Instant::now() >= deadline;
        // Only whoever will get something, or has waited for long enough, disturbs the writers.
        if late
            || answered(engine, &call).await?
            || promising(engine, agent, &call, told.then_some(woken_at)).await?
        {
            let claimed = claim(engine, &call, agent, ask).await?;
            if late || !claimed.items.is_empty() || call.once.is_some() {
                return Ok(claimed);
            }
        }
        let next = (Instant::now() + LOOK_EVERY).min(deadline);
        tokio::select! {
            () = &mut stop => return claim(engine, &call, agent, Ask { max: 0, ..ask }).await,
            () = sleep_until(next) => told = false,
            Ok(()) = commits.changed() => {
                told = true;
                sleep_until((Instant::now() + SETTLE).min(deadline)).await;
            }
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

/// Whether a claim would get something now. After a commit the fleet in memory says well enough
/// whether the agent is free; now and then the table is asked.
async fn promising(engine: &Engine, id: Uuid, call: &Call, told: Option<u64>) -> Result<bool> {
    let reader = engine.db.reader();
    let known = told.and_then(|_| engine.fleet.look(|index| index.get(&id).cloned()));
    let agent = match known {
        Some(agent) => agent,
        None => Arc::new(agents::find(reader, id).await?.ok_or_else(|| missing(id))?.agent),
    };
    if agent.status == AgentStatus::Terminated {
        return Err(Error::AgentGone { id });
    }
    if refusal(&agent).is_some() {
        return Ok(false);
    }
    let shared = engine.board.of(&agent);
    let mut look = shared.look.lock().await;
    let capabilities: Vec<Capability> = agent.capabilities.iter().cloned().collect();
    let own = wanted(&agent, &capabilities, &engine.settings, call.now);
    let commits = *engine.db.commits().borrow();
    let fresh = look.at.is_some_and(|at| at.elapsed() < LOOK_EVERY / 2);
    // A look that was taken after the commit that woke this agent is good enough for it.
    if !fresh || look.commits < told.unwrap_or(commits) {
        // Nobody in particular: what one of them cannot do is for the others.
        let any = tasks::Claimable { agent_id: Uuid::nil(), ..own.clone() };
        let found = tasks::claimable(reader, &any, FOUND_AT_ONCE).await?;
        *look = Look { at: Some(Instant::now()), commits, left: found.len() };
    }
    if look.left == 0 || tasks::claimable(reader, &own, 1).await?.is_empty() {
        return Ok(false);
    }
    look.left -= 1;
    Ok(true)
}

/// What a claim would answer that gets nothing, where that need not be kept under a key and the last
/// claim for the same work got nothing either.
pub(super) async fn nothing(engine: &Engine, call: &Call, id: Uuid) -> Result<Option<Claimed>> {
    let known = engine.fleet.look(|index| index.get(&id).cloned());
    let dry = known.is_some_and(|agent| engine.board.of(&agent).dry.load(Ordering::Relaxed));
    if call.once.is_some() || !dry {
        return Ok(None);
    }
    let reader = engine.db.reader();
    let stored = agents::find(reader, id).await?.ok_or_else(|| missing(id))?;
    if stored.agent.status == AgentStatus::Terminated {
        return Err(Error::AgentGone { id });
    }
    if refusal(&stored.agent).is_none() {
        let capabilities: Vec<Capability> = stored.agent.capabilities.iter().cloned().collect();
        let own = wanted(&stored.agent, &capabilities, &engine.settings, call.now);
        if !tasks::claimable(reader, &own, 1).await?.is_empty() {
            return Ok(None);
        }
    }
    Ok(Some(empty(stored)))
}

impl Board {
    /// Notes what came of a claim.
    pub(super) fn note(&self, claimed: &Claimed) {
        let Claimed { items, reason: _, agent } = claimed;
        let dry = items.is_empty() && refusal(&agent.agent).is_none();
        self.of(&agent.agent).dry.store(dry, Ordering::Relaxed);
    }

    /// The place of those that wait for the same as this agent.
    fn of(&self, agent: &Agent) -> Arc<Shared> {
        let profile = Profile {
            agent_type: agent.agent_type,
            phase_id: agent.phase_id.clone(),
            capabilities: agent.capabilities.iter().cloned().collect(),
        };
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // There are few more kinds of agents than at any one time.
        if places.len() > 1_000 {
            places.retain(|_, place| Arc::strong_count(place) > 1);
        }
        Arc::clone(places.entry(profile).or_default())
    }
}
