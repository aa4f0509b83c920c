//! Work is made, moved, answered, evidenced, edited and deleted.

use phaseline_engine::{
    backlog::{Backlog, BacklogTask, BacklogTicket},
    gates::NewArtifact,
    tasks,
    tickets::{self, Move},
};
use phaseline_persistence::tickets::Flow;
use phaseline_phases::{Artifact, BlockerKind, Grade, Phase, PhaseId, Workflow};
use phaseline_registry::{AgentType, Capability};
use phaseline_tasks::Priority;
use serde_json::json;
use uuid::Uuid;

use super::{any_task, any_ticket};
use crate::{
    chance::Chance,
    simulate::{check::Violation, op::Op, reference, world::World},
};

pub(super) const CAPABILITIES: [&str; 4] = ["rust", "sql", "docs", "ops"];
const PRIORITIES: [Priority; 4] =
    [Priority::Critical, Priority::High, Priority::Medium, Priority::Low];

/// Some tickets that wait for each other, with tasks that do.
pub(super) fn backlog(world: &mut World, tickets: u32) -> Backlog {
    let mut backlog = Backlog::default();
    for _ in 0..tickets {
        world.made += 1;
        let key = format!("K{}", world.made);
        let before: Vec<String> =
            backlog.tickets.iter().map(|ticket: &BacklogTicket| ticket.key.clone()).collect();
        let chance = &mut world.chance;
        let waits = chance.percent(30);
        let on = chance.pick(&before).cloned().filter(|_| waits);
        backlog.tickets.push(BacklogTicket {
            key: key.clone(),
            title: key.clone(),
            description: String::new(),
            priority: chance.one(&PRIORITIES),
            estimate: None,
            phase_id: start(chance),
            blocked_by: on.into_iter().collect(),
            flow: flow(chance),
        });
        let count = chance.between(2, 6);
        let first = backlog.tasks.len();
        for number in 0..count {
            let own = &backlog.tasks[first..];
            let task = backlog_task(chance, &key, number, own);
            backlog.tasks.push(task);
        }
    }
    backlog
}

fn backlog_task(
    chance: &mut Chance,
    ticket: &str,
    number: u32,
    own: &[BacklogTask],
) -> BacklogTask {
    let waits = chance.percent(35);
    let on = chance.pick(own).filter(|_| waits);
    // A backlog that contradicts itself would be refused: what is waited for is of no later phase,
    // or of one that may be brought forward.
    let rank = |phase: &PhaseId| Workflow::standard().rank(phase);
    let least = on.and_then(|task| task.phase_id.clone());
    let drawn = working_phase(chance);
    let phase = least.filter(|least| rank(least) > rank(&drawn)).unwrap_or(drawn);
    let named = on.is_some() || chance.percent(70);
    let on = on.map(|task| task.key.clone());
    BacklogTask {
        key: format!("t{number}"),
        ticket: ticket.to_owned(),
        title: None,
        description: "work".to_owned(),
        task_type: None,
        phase_id: named.then_some(phase),
        priority: Some(chance.one(&PRIORITIES)).filter(|_| chance.percent(50)),
        estimate: None,
        depends_on: on.into_iter().collect(),
        agent_type: Some(kind(chance)),
        required_capabilities: needed(chance),
        max_attempts: None,
    }
}

/// A ticket, a task, or a few of both.
pub(super) async fn work(world: &mut World) -> Result<(), Violation> {
    let op = match world.chance.below(10) {
        0 => Op::Import(backlog(world, 2)),
        1 | 2 => Op::CreateTicket(ticket(world)),
        _ => {
            let Some(ticket) = any_ticket(world) else { return Ok(()) };
            let (waits, on) = (world.chance.percent(40), any_task(world));
            let chance = &mut world.chance;
            let new = tasks::Create {
                phase_id: chance.percent(70).then(|| working_phase(chance)),
                description: "more work".to_owned(),
                priority: Some(chance.one(&PRIORITIES)),
                depends_on: on.filter(|_| waits).into_iter().collect(),
                agent_type: Some(kind(chance)),
                required_capabilities: needed(chance),
                max_attempts: chance.percent(20).then(|| chance.between(1, 2)),
                ..tasks::Create::default()
            };
            Op::CreateTask(ticket, new)
        }
    };
    world.step(op).await?;
    Ok(())
}

fn ticket(world: &mut World) -> tickets::Create {
    let (waits, on) = (world.chance.percent(30), any_ticket(world));
    let chance = &mut world.chance;
    tickets::Create {
        phase_id: start(chance),
        priority: chance.one(&PRIORITIES),
        blocked_by: on.filter(|_| waits).into_iter().collect(),
        flow: flow(chance),
        ..tickets::Create::titled("a ticket")
    }
}

/// Somebody moves a ticket: mostly where it may go, sometimes back, sometimes anywhere.
pub(super) async fn transition(world: &mut World) -> Result<(), Violation> {
    let Some(id) = any_ticket(world) else { return Ok(()) };
    let Some(ticket) = world.rows.tickets.get(&id) else { return Ok(()) };
    let workflow = Workflow::standard();
    let allowed = ticket.position.allowed(workflow).unwrap_or_default();
    let on = allowed.iter().filter(|phase| !workflow.is_parking(phase)).cloned().collect();
    let choice = match world.chance.below(10) {
        0 => workflow.phases().cloned().collect(),
        1 => allowed,
        2..6 if ticket.position.phase == Phase::Testing.id()
            && allowed.contains(&Phase::Implementation.id()) =>
        {
            vec![Phase::Implementation.id()]
        }
        _ => on,
    };
    let to = world.chance.pick(&choice).cloned().unwrap_or_else(|| Phase::Blocked.id());
    // Often over the edge that has a way back.
    let bounces = to == Phase::Testing.id();
    let chance = &mut world.chance;
    let force = chance.percent(if bounces { 50 } else { 8 });
    let kinds = [BlockerKind::Environment, BlockerKind::NeedsInput, BlockerKind::Dependency];
    let blocks = workflow.is_parking(&to) && chance.percent(50);
    let step = Move {
        reason: chance.percent(if force { 90 } else { 50 }).then(|| "because".to_owned()),
        artifacts: chance.percent(10).then(|| artifact(chance)).into_iter().collect(),
        force,
        blocker: blocks.then(|| (chance.one(&kinds), Some("what is missing?".to_owned()))),
        ..Move::to(to)
    };
    world.step(Op::Transition(id, step)).await?;
    Ok(())
}

/// Somebody answers a blocked ticket.
pub(super) async fn answer(world: &mut World) -> Result<(), Violation> {
    let blocked = world.rows.tickets.values().filter(|ticket| reference::is_blocked(ticket));
    let blocked: Vec<Uuid> = blocked.map(|ticket| ticket.id).collect();
    let any = if world.chance.percent(5) { any_ticket(world) } else { None };
    let chosen = any.or_else(|| world.chance.pick(&blocked).copied());
    if let Some(id) = chosen {
        let to = world.chance.percent(15).then(|| working_phase(&mut world.chance));
        world.step(Op::Answer(id, to)).await?;
    }
    Ok(())
}

/// An artifact or an approval.
pub(super) async fn evidence(world: &mut World) -> Result<(), Violation> {
    let Some(id) = any_ticket(world) else { return Ok(()) };
    let chance = &mut world.chance;
    let op = if chance.percent(50) {
        let grade = chance.one(&[Grade::SelfReported, Grade::Peer, Grade::Ci]);
        let phase_id = chance.percent(20).then(|| working_phase(chance));
        Op::AddArtifact(id, NewArtifact { artifact: artifact(chance), phase_id, grade })
    } else {
        Op::Approve(id, chance.one(&["ada", "dot", "eve"]).to_owned())
    };
    world.step(op).await?;
    Ok(())
}

pub(super) async fn edit(world: &mut World) -> Result<(), Violation> {
    let Some(id) = any_ticket(world) else { return Ok(()) };
    let chance = &mut world.chance;
    let op = if chance.percent(30) {
        Op::UpdateContext(id, working_phase(chance))
    } else {
        let change = tickets::Change {
            priority: Some(chance.one(&PRIORITIES)),
            gates: chance.percent(30).then(|| switch(chance)),
            auto_advance: chance.percent(30).then(|| switch(chance)),
            templates: chance.percent(20).then(|| switch(chance)),
            ..tickets::Change::default()
        };
        Op::EditTicket(id, change)
    };
    world.step(op).await?;
    Ok(())
}

pub(super) async fn delete(world: &mut World) -> Result<(), Violation> {
    // Mostly one that somebody works on: there is more that can go wrong.
    let busy = world.rows.tasks.values().filter(|task| reference::is_live(task));
    let busy: Vec<Uuid> = busy.map(|task| task.ticket_id).collect();
    let any = any_ticket(world);
    let chosen = world.chance.pick(&busy).copied().filter(|_| world.chance.percent(60)).or(any);
    if let Some(id) = chosen {
        world.step(Op::DeleteTicket(id)).await?;
    }
    Ok(())
}

fn artifact(chance: &mut Chance) -> Artifact {
    let kinds = ["requirements_document", "code_changes", "test_results", "notes"];
    let content = Some(json!({ "all_passed": chance.percent(70) }));
    Artifact { kind: chance.one(&kinds).to_owned(), path: None, content }
}

fn flow(chance: &mut Chance) -> Flow {
    Flow {
        gates: switch(chance),
        templates: switch(chance),
        auto_advance: switch(chance),
        skip_empty_phases: switch(chance),
    }
}

fn switch(chance: &mut Chance) -> Option<bool> {
    chance.one(&[None, None, None, Some(true), Some(false)])
}

fn start(chance: &mut Chance) -> Option<PhaseId> {
    chance.percent(25).then(|| working_phase(chance))
}

fn working_phase(chance: &mut Chance) -> PhaseId {
    chance.one(&Workflow::standard().sequence()[1..6])
}

fn kind(chance: &mut Chance) -> AgentType {
    if chance.percent(90) { AgentType::Worker } else { AgentType::Monitor }
}

fn needed(chance: &mut Chance) -> Vec<Capability> {
    let names = CAPABILITIES.into_iter().filter(|_| chance.percent(20));
    let names: Vec<&str> = names.collect();
    names.into_iter().filter_map(|name| Capability::parse(name).ok()).collect()
}
