//! What can be done with an agent.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use phaseline_persistence::{
    Tx,
    agents::{self, StoredAgent},
};
use phaseline_phases::{PhaseId, Workflow};
use phaseline_registry::{
    Agent, AgentStatus, AgentType, Capabilities, Capacity, Health, Tags, changes,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Call, Engine, Error, Noun, Result, announce, tasks::take_work_from};

/// An agent to register.
#[derive(Debug, Clone)]
pub struct Register {
    /// What it is there for.
    pub agent_type: AgentType,
    /// The one phase that it works in; any when `None`.
    pub phase_id: Option<PhaseId>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// How many tasks it works on at a time.
    pub capacity: Capacity,
    /// What people mark it with.
    pub tags: Tags,
}

/// What to change of an agent; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What it is there for.
    pub agent_type: Option<AgentType>,
    /// The one phase that it works in; `Some(None)` lets it work in any.
    pub phase_id: Option<Option<PhaseId>>,
    /// What it is up to.
    pub status: Option<AgentStatus>,
    /// What it can do.
    pub capabilities: Option<Capabilities>,
    /// How many tasks it works on at a time.
    pub capacity: Option<Capacity>,
    /// What people mark it with.
    pub tags: Option<Tags>,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beat {
    /// Whose it was.
    pub agent_id: Uuid,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// How well the agent is now.
    pub health: Health,
    /// What the agent is up to, as the registry has it.
    pub status: AgentStatus,
    /// The highest number that a heartbeat of it has carried.
    pub sequence: Option<u64>,
    /// How many heartbeats are missing before this one.
    pub missed_now: u64,
    /// Whether one with a higher number came before.
    pub out_of_order: bool,
}

/// Registers an agent: idle, its health unknown until its first heartbeat.
///
/// # Errors
/// An unknown phase.
pub async fn register(engine: &Engine, call: &Call, new: Register) -> Result<StoredAgent> {
    let stored = engine
        .write(call, new, |tx, call, new| {
            Box::pin(async move {
                let Register { agent_type, phase_id, capabilities, capacity, tags } = new.clone();
                let agent = Agent {
                    phase_id: known(phase_id)?,
                    tags,
                    ..Agent::new(call.sources.id(), agent_type, capabilities, capacity, call.now)
                };
                let stored = StoredAgent { agent, metrics: None, updated_at: call.now };
                agents::insert(tx, &stored).await?;
                tx.announce(announce::registered(call, &stored));
                Ok(stored)
            })
        })
        .await?;
    engine.fleet.upsert(&stored);
    Ok(stored)
}

/// Changes what an agent is. A change to what it is already changes nothing.
///
/// # Errors
/// An unknown or terminated agent, an unknown phase, a status that the table does not allow, a
/// version that is not the expected one, a lost race.
pub async fn edit(engine: &Engine, call: &Call, id: Uuid, change: Change) -> Result<StoredAgent> {
    let input = (id, change, Arc::clone(&engine.settings));
    let stored = engine
        .write(call, input, |tx, call, (id, change, settings)| {
            Box::pin(async move {
                let stored = get(tx, call, *id).await?;
                let changed = changed(&stored.agent, change)?;
                if changed.capacity.get() < changed.slots_taken {
                    let (slots_taken, capacity) = (changed.slots_taken, changed.capacity.get());
                    return Err(Error::CapacityInUse { id: *id, slots_taken, capacity });
                }
                let stored = replace(tx, call, stored, changed).await?;
                if stored.agent.status.keeps_leases() || stored.agent.slots_taken == 0 {
                    return Ok(stored);
                }
                let why = if stored.agent.status == AgentStatus::Terminated {
                    "its agent was removed".to_owned()
                } else {
                    format!("its agent was put into the status {}", stored.agent.status)
                };
                let freed = take_work_from(tx, call, settings, *id, &why).await?;
                Ok(freed.unwrap_or(stored))
            })
        })
        .await?;
    engine.fleet.upsert(&stored);
    Ok(stored)
}

/// Lets an agent finish what it has and gives it nothing new. An event says when it has nothing
/// left. To drain one that is draining changes nothing.
///
/// # Errors
/// An unknown or terminated agent, a version that is not the expected one, a lost race.
pub async fn drain(engine: &Engine, call: &Call, id: Uuid) -> Result<StoredAgent> {
    set_draining(engine, call, id, true).await
}

/// Gives a draining agent new work again. To resume one that is not draining changes nothing.
///
/// # Errors
/// An unknown or terminated agent, a version that is not the expected one, a lost race.
pub async fn resume(engine: &Engine, call: &Call, id: Uuid) -> Result<StoredAgent> {
    set_draining(engine, call, id, false).await
}

async fn set_draining(
    engine: &Engine,
    call: &Call,
    id: Uuid,
    draining: bool,
) -> Result<StoredAgent> {
    let stored = engine
        .write(call, (id, draining), |tx, call, (id, draining)| {
            Box::pin(async move {
                let before = get(tx, call, *id).await?;
                if before.agent.draining == *draining {
                    return Ok(before);
                }
                let version = before.agent.version;
                let agent =
                    Agent { draining: *draining, version: version + 1, ..before.agent.clone() };
                if !agents::replace(tx, &agent, version, call.now).await? {
                    return Err(stale(tx, *id).await);
                }
                let stored = StoredAgent { agent, updated_at: call.now, ..before };
                if *draining {
                    tx.announce(announce::drain_started(call, &stored));
                    if stored.agent.slots_taken == 0 {
                        tx.announce(announce::drained(call, &stored));
                    }
                } else {
                    tx.announce(announce::resumed(call, &stored));
                }
                Ok(stored)
            })
        })
        .await?;
    engine.fleet.upsert(&stored);
    Ok(stored)
}

/// Takes an agent out of service for maintenance, or makes it idle again.
///
/// # Errors
/// An unknown or terminated agent, a status that the table does not allow, a version that is not
/// the expected one, a lost race.
pub async fn set_availability(
    engine: &Engine,
    call: &Call,
    id: Uuid,
    available: bool,
) -> Result<StoredAgent> {
    let stored = engine
        .write(call, (id, available), |tx, call, (id, available)| {
            Box::pin(async move {
                let stored = get(tx, call, *id).await?;
                let status = stored.agent.status.with_availability(*available)?;
                let status = busy(status, stored.agent.slots_taken);
                let changed = Agent { status, ..stored.agent.clone() };
                replace(tx, call, stored, changed).await
            })
        })
        .await?;
    engine.fleet.upsert(&stored);
    Ok(stored)
}

/// Terminates an agent for good; its row stays, for what refers to it. What it has in hand goes back
/// at once.
///
/// # Errors
/// An unknown agent, one that is terminated already, a version that is not the expected one, a
/// lost race.
pub async fn terminate(engine: &Engine, call: &Call, id: Uuid) -> Result<()> {
    let change = Change { status: Some(AgentStatus::Terminated), ..Change::default() };
    edit(engine, call, id, change).await.map(|_| ())
}

/// Takes a heartbeat. It is kept in memory and written within [`crate::Settings::flush_every`].
///
/// # Errors
/// An unknown or terminated agent.
pub async fn heartbeat(
    engine: &Engine,
    call: &Call,
    id: Uuid,
    sequence: Option<u64>,
    metrics: Option<Value>,
) -> Result<Beat> {
    if call.once.is_none() {
        return engine.fleet.heartbeat(id, sequence, metrics, call.now);
    }
    // The transaction may run more than once, and the heartbeat has come once.
    let input = (engine.clone(), id, sequence, metrics, OnceLock::new());
    engine
        .write(call, input, |_, call, (engine, id, sequence, metrics, taken)| {
            Box::pin(async move {
                if let Some(beat) = taken.get() {
                    return Ok(Beat::clone(beat));
                }
                let beat = engine.fleet.heartbeat(*id, *sequence, metrics.clone(), call.now)?;
                Ok(taken.get_or_init(|| beat).clone())
            })
        })
        .await
}

async fn replace(tx: &Tx, call: &Call, before: StoredAgent, changed: Agent) -> Result<StoredAgent> {
    let fields = differences(&before.agent, &changed);
    if fields.is_empty() {
        return Ok(before);
    }
    let agent = Agent { version: before.agent.version + 1, ..changed };
    if !agents::replace(tx, &agent, before.agent.version, call.now).await? {
        return Err(stale(tx, agent.id).await);
    }
    announce_change(tx, call, &before.agent, &agent, &fields);
    Ok(StoredAgent { agent, updated_at: call.now, ..before })
}

/// One change can be several facts: each has its event, and the first says all fields.
fn announce_change(tx: &Tx, call: &Call, old: &Agent, new: &Agent, fields: &[&str]) {
    if new.status == AgentStatus::Terminated {
        tx.announce(announce::terminated(call, new, old.status));
        return;
    }
    tx.announce(announce::agent_updated(call, new, fields));
    let capabilities = changes(&old.capabilities, &new.capabilities);
    if !capabilities.is_empty() {
        tx.announce(announce::capabilities_updated(call, new, &capabilities));
    }
    if old.status.is_available() != new.status.is_available() {
        tx.announce(announce::availability_changed(call, new, old.status));
    }
}

fn changed(agent: &Agent, change: &Change) -> Result<Agent> {
    let Change { agent_type, phase_id, status, capabilities, capacity, tags } = change.clone();
    let status = match status {
        Some(status) if status != agent.status => agent.status.move_to(status)?,
        Some(_) | None => agent.status,
    };
    let phase_id = match phase_id {
        Some(phase) => known(phase)?,
        None => agent.phase_id.clone(),
    };
    Ok(Agent {
        agent_type: agent_type.unwrap_or(agent.agent_type),
        phase_id,
        status: busy(status, agent.slots_taken),
        capabilities: capabilities.unwrap_or_else(|| agent.capabilities.clone()),
        capacity: capacity.unwrap_or(agent.capacity),
        tags: tags.unwrap_or_else(|| agent.tags.clone()),
        ..agent.clone()
    })
}

/// Whoever has work in hand is not idle, whatever is asked for.
fn busy(status: AgentStatus, slots_taken: u32) -> AgentStatus {
    if slots_taken > 0 { status.with_load(slots_taken) } else { status }
}

fn differences(old: &Agent, new: &Agent) -> Vec<&'static str> {
    [
        ("agent_type", old.agent_type != new.agent_type),
        ("phase_id", old.phase_id != new.phase_id),
        ("status", old.status != new.status),
        ("capabilities", old.capabilities != new.capabilities),
        ("capacity", old.capacity != new.capacity),
        ("tags", old.tags != new.tags),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(name, _)| name)
    .collect()
}

/// The phase as the registry keeps it, if the workflow has it.
fn known(phase: Option<PhaseId>) -> Result<Option<String>> {
    if let Some(phase) = &phase {
        Workflow::standard().require(phase)?;
    }
    Ok(phase.map(|phase| phase.to_string()))
}

async fn get(tx: &Tx, call: &Call, id: Uuid) -> Result<StoredAgent> {
    // Held: claims change the row of an agent all the time, and whoever edits it need not lose to
    // them.
    let stored = agents::find_and_hold(tx, id).await?.ok_or_else(|| missing(id))?;
    if stored.agent.status == AgentStatus::Terminated {
        return Err(Error::AgentGone { id });
    }
    call.expect(Noun::Agent, id, stored.agent.version)?;
    Ok(stored)
}

pub(crate) fn missing(id: Uuid) -> Error {
    Error::NotFound { what: Noun::Agent, id: id.to_string() }
}

/// What is true now, for the loser of a race.
async fn stale(tx: &Tx, id: Uuid) -> Error {
    match agents::find(tx.connection(), id).await {
        Ok(Some(stored)) => {
            Error::Stale { what: Noun::Agent, id, current: stored.agent.version, phase: None }
        }
        Ok(None) => missing(id),
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use phaseline_registry::HeartbeatRecord;

    use super::*;

    #[test]
    fn a_record_of_heartbeats_is_not_a_difference() {
        let capabilities = Capabilities::parse(["rust"]).unwrap();
        let agent = Agent::new(
            Uuid::nil(),
            AgentType::Worker,
            capabilities,
            Capacity::MIN,
            DateTime::UNIX_EPOCH,
        );
        let beaten = Agent {
            heartbeat: HeartbeatRecord { sequence: Some(3), ..HeartbeatRecord::default() },
            ..agent.clone()
        };
        assert!(differences(&agent, &beaten).is_empty());
    }
}
