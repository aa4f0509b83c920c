//! Agents come, go, fall silent and are managed.

use phaseline_engine::agents::{Change, Register};
use phaseline_phases::Workflow;
use phaseline_registry::{AgentStatus, AgentType, Capabilities, Capacity, Tags};

use uuid::Uuid;

use super::{any_agent, busy_agent, make::CAPABILITIES};
use crate::chance::Chance;
use crate::simulate::{
    check::Violation,
    op::{Answer, Fleet, Op},
    world::{Worker, World},
};

/// An agent registers.
pub(super) async fn register(world: &mut World) -> Result<(), Violation> {
    let chance = &mut world.chance;
    let bound = chance.percent(15);
    let Some(capabilities) = some_capabilities(chance) else { return Ok(()) };
    let new = Register {
        agent_type: kind(chance),
        phase_id: bound.then(|| chance.one(&Workflow::standard().sequence()[1..6])),
        capabilities,
        capacity: capacity(chance),
        tags: Tags::default(),
    };
    if let Some(Answer::Agent(id)) = world.step(Op::Fleet(Fleet::Register(new))).await? {
        world.workers.insert(id, Worker::default());
    }
    Ok(())
}

/// Everybody who is not silent sends a heartbeat; some numbers are lost or left out. Now and then
/// somebody beats who is gone.
pub(super) async fn beat(world: &mut World) -> Result<(), Violation> {
    let gone = |id: &Uuid| {
        world
            .rows
            .agents
            .get(id)
            .is_none_or(|stored| stored.agent.status == AgentStatus::Terminated)
    };
    let speaking = world.workers.iter_mut().filter(|(id, worker)| !worker.silent && !gone(id));
    let mut beats = Vec::new();
    for (id, worker) in speaking {
        worker.beats += if world.chance.percent(5) { 2 } else { 1 };
        beats.push((*id, Some(worker.beats).filter(|_| world.chance.percent(90))));
    }
    if world.chance.percent(5) {
        beats = any_agent(world).map(|id| (id, None)).into_iter().collect();
    }
    world.step(Op::Fleet(Fleet::Beats(beats))).await?;
    Ok(())
}

/// An agent crashes and forgets everything, falls silent, or comes back.
pub(super) async fn mishap(world: &mut World) -> Result<(), Violation> {
    let Some(id) = any_agent(world) else { return Ok(()) };
    let (crash, forget) = (world.chance.percent(50), world.chance.percent(50));
    let mut happened = "nothing";
    if let Some(worker) = world.workers.get_mut(&id) {
        happened = match (worker.silent, crash) {
            (true, _) => "comes back",
            (false, true) => "crashes",
            (false, false) => "stalls",
        };
        worker.silent = !worker.silent;
        if crash && worker.silent && forget {
            let held = std::mem::take(&mut worker.held);
            worker.old.extend(held);
        }
    }
    world.trace.add(&format!("      {id} {happened}"));
    Ok(())
}

/// Somebody drains, edits, removes an agent, or takes it out of service.
pub(super) async fn manage(world: &mut World) -> Result<(), Violation> {
    let Some(id) = any_agent(world) else { return Ok(()) };
    let op = match world.chance.below(12) {
        0 | 1 => Fleet::Drain(id),
        2..5 => Fleet::Resume(id),
        5 => Fleet::Availability(id, false),
        6 | 7 => Fleet::Availability(id, true),
        8 | 9 => Fleet::EditAgent(id, edit(&mut world.chance)),
        10 => Fleet::Terminate(id),
        _ => return replace(world).await,
    };
    world.step(Op::Fleet(op)).await?;
    Ok(())
}

/// An agent is removed, and another one comes in its place.
async fn replace(world: &mut World) -> Result<(), Violation> {
    if let Some(id) = busy_agent(world) {
        world.step(Op::Fleet(Fleet::Terminate(id))).await?;
        register(world).await?;
    }
    Ok(())
}

fn edit(chance: &mut Chance) -> Change {
    use AgentStatus::{Degraded, Failed, Idle, Maintenance, Quarantined, Running};
    let status = [Idle, Idle, Running, Maintenance, Degraded, Failed, Quarantined];
    match chance.below(4) {
        0 => Change { capacity: Some(capacity(chance)), ..Change::default() },
        1 => Change { capabilities: some_capabilities(chance), ..Change::default() },
        2 => Change { phase_id: Some(None), ..Change::default() },
        _ => Change { status: Some(chance.one(&status)), ..Change::default() },
    }
}

fn kind(chance: &mut Chance) -> AgentType {
    if chance.percent(85) { AgentType::Worker } else { AgentType::Monitor }
}

fn capacity(chance: &mut Chance) -> Capacity {
    Capacity::new(chance.between(1, 4)).unwrap_or(Capacity::MIN)
}

fn some_capabilities(chance: &mut Chance) -> Option<Capabilities> {
    let mut names: Vec<&str> = CAPABILITIES.into_iter().filter(|_| chance.percent(60)).collect();
    if names.is_empty() {
        names.push(CAPABILITIES[0]);
    }
    Capabilities::parse(names).ok()
}
