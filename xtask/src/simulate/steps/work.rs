//! Agents claim, work, come late and repeat themselves; operators step in.

use phaseline_context::{Findings, TaskResult};
use phaseline_engine::{claims::Ask, tasks::Failure};
use phaseline_phases::Artifact;
use phaseline_tasks::{FailureClass, LeaseTime};
use serde_json::json;
use uuid::Uuid;

use super::{any_agent, any_task, busy_agent, fleet};
use crate::chance::Chance;
use crate::simulate::{
    check::{Violation, hold},
    op::{Answer, Fleet, Op},
    reference,
    world::World,
};

const CLASSES: [FailureClass; 6] = [
    FailureClass::Task,
    FailureClass::Task,
    FailureClass::Transient,
    FailureClass::Capability,
    FailureClass::NeedsInput,
    FailureClass::Dependency,
];
/// More rounds than any backlog of a run has tasks.
const ROUNDS: usize = 2_000;

/// An agent asks for work.
pub(super) async fn claim(world: &mut World) -> Result<(), Violation> {
    let anyone = world.chance.percent(5);
    let agent = if anyone { any_agent(world) } else { busy_agent(world) };
    let Some(agent) = agent else { return Ok(()) };
    let max = world.chance.between(0, 5);
    let lease = world.chance.one(&[5, 30, 60, 120, 300, 300, 3600]);
    claim_for(world, agent, max, lease).await
}

async fn claim_for(world: &mut World, agent: Uuid, max: u32, lease: u32) -> Result<(), Violation> {
    let ask = Ask { max, lease: LeaseTime::new(lease).unwrap_or_default(), max_tokens: Some(200) };
    if let Some(Answer::Claimed(claimed)) = world.step(Op::Claim(agent, ask)).await?
        && let Some(worker) = world.workers.get_mut(&agent)
    {
        worker.held.extend(claimed.items.iter().map(|item| (item.task.id, item.fencing_token)));
    }
    Ok(())
}

/// An agent does something with a task that it believes it has.
pub(super) async fn act(world: &mut World) -> Result<(), Violation> {
    let holding = world.workers.iter().filter(|(_, one)| !one.silent && !one.held.is_empty());
    let holding: Vec<Uuid> = holding.map(|(id, _)| *id).collect();
    let Some(agent) = world.chance.pick(&holding).copied() else { return claim(world).await };
    let held = world.workers.get(&agent).map(|worker| worker.held.clone()).unwrap_or_default();
    let Some((task, token)) = world.chance.pick(&held).copied() else { return Ok(()) };
    let op = with_token(&mut world.chance, task, token);
    let goes_on = matches!(op, Op::Extend(..));
    let answer = world.step(op).await?;
    if (answer.is_none() || !goes_on)
        && let Some(worker) = world.workers.get_mut(&agent)
    {
        worker.held.retain(|have| *have != (task, token));
        worker.old.push((task, token));
    }
    Ok(())
}

fn with_token(chance: &mut Chance, task: Uuid, token: i64) -> Op {
    match chance.below(10) {
        0..3 => Op::Extend(task, token, chance.percent(50).then(LeaseTime::default)),
        3..7 => Op::Complete(task, Some(token), result(chance)),
        7 | 8 => Op::Fail(task, Some(token), failure(chance)),
        _ => Op::Release(task, token),
    }
}

/// Somebody comes with a token of long ago, or with one that never was.
pub(super) async fn late(world: &mut World) -> Result<(), Violation> {
    let old: Vec<(Uuid, i64)> =
        world.workers.values().flat_map(|worker| worker.old.iter().copied()).collect();
    let known = world.chance.pick(&old).copied();
    let made_up = any_task(world).map(|task| (task, i64::from(world.chance.between(0, 6))));
    let chosen = if world.chance.percent(80) { known.or(made_up) } else { made_up };
    if let Some((task, token)) = chosen {
        let op = with_token(&mut world.chance, task, token);
        world.step(op).await?;
    }
    Ok(())
}

/// A call comes a second time under its key.
pub(super) async fn repeat(world: &mut World) -> Result<(), Violation> {
    let (now, ttl) = (world.clock.now(), world.settings.idempotency_ttl);
    world.kept.retain(|kept| kept.call.now + ttl > now);
    if let Some(kept) = world.chance.pick(&world.kept).cloned() {
        world.again(&kept).await?;
    }
    Ok(())
}

/// An operator completes, fails, cancels or retries a task, without a token.
pub(super) async fn operate(world: &mut World) -> Result<(), Violation> {
    let Some(task) = any_task(world) else { return Ok(()) };
    let op = match world.chance.below(8) {
        0 => Op::Complete(task, None, result(&mut world.chance)),
        1 => Op::Fail(task, None, failure(&mut world.chance)),
        2 | 3 => {
            let needed = world.rows.tasks.values().flat_map(|task| task.depends_on.iter());
            let needed: Vec<Uuid> = needed.copied().collect();
            Op::Cancel(world.chance.pick(&needed).copied().unwrap_or(task))
        }
        _ => {
            let failed = world.rows.tasks.values().filter(|task| {
                !reference::is_open(task) && task.finished_at.is_some() && task.result.is_none()
            });
            let failed: Vec<Uuid> = failed.map(|task| task.id).collect();
            Op::Retry(world.chance.pick(&failed).copied().unwrap_or(task))
        }
    };
    world.step(op).await?;
    Ok(())
}

fn failure(chance: &mut Chance) -> Failure {
    Failure {
        message: "it did not work".to_owned(),
        class: chance.one(&CLASSES),
        question: chance.percent(30).then(|| "what now?".to_owned()),
    }
}

fn result(chance: &mut Chance) -> TaskResult {
    let kinds = ["code_changes", "requirements_document", "test_results"];
    let artifacts = if chance.percent(60) {
        let content = Some(json!({ "all_passed": chance.percent(70) }));
        vec![Artifact { kind: chance.one(&kinds).to_owned(), path: None, content }]
    } else {
        Vec::new()
    };
    let decisions = chance.percent(40).then(|| format!("decision {}", chance.below(20)));
    TaskResult {
        summary: "done".to_owned(),
        context: Findings { decisions: decisions.into_iter().collect(), ..Findings::default() },
        artifacts,
        ..TaskResult::default()
    }
}

/// The end of a run: whoever is left finishes what it has, then everybody claims until nobody gets
/// anything any more. Nothing may stay in anybody's hands.
pub(super) async fn settle(world: &mut World) -> Result<(), Violation> {
    world.step(Op::Pass(chrono::TimeDelta::hours(2))).await?;
    world.step(Op::Fleet(Fleet::Tick)).await?;
    fleet::register(world).await?;
    for _ in 0..ROUNDS {
        let live = world.rows.tasks.values().find(|task| reference::is_live(task));
        if let Some((task, token)) = live.map(|task| (task.id, task.fencing_token)) {
            let done = result(&mut world.chance);
            world.step(Op::Complete(task, Some(token), done)).await?;
            continue;
        }
        let (now, settings) = (world.clock.now(), &world.settings);
        let next = world
            .rows
            .agents
            .values()
            .find(|stored| !reference::due(&world.rows, settings, stored, 1, now).is_empty());
        match next.map(|stored| stored.agent.id) {
            Some(agent) => claim_for(world, agent, 4, 300).await?,
            None => break,
        }
    }
    let held = world.rows.agents.values().find(|stored| stored.agent.slots_taken > 0);
    hold(held.is_none(), "in the end nothing is in anybody's hands", || {
        format!("{:?}", held.map(|stored| stored.agent.id))
    })?;
    world.compare().await
}
