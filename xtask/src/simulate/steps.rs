//! What happens next: drawn at random, from what there is.

mod fleet;
mod make;
mod work;

use chrono::TimeDelta;
use uuid::Uuid;

use super::{
    check::Violation,
    op::{Fleet, Op},
    world::World,
};

/// Lays out the world: some agents, and a backlog.
///
/// # Errors
/// What is not true afterwards.
pub(super) async fn begin(world: &mut World) -> Result<(), Violation> {
    let agents = world.chance.between(6, 24);
    for _ in 0..agents {
        fleet::register(world).await?;
    }
    let tickets = world.chance.between(4, 8);
    let backlog = make::backlog(world, tickets);
    world.step(Op::Import(backlog)).await?;
    Ok(())
}

/// Takes one step; some take a few calls.
///
/// # Errors
/// What is not true afterwards.
pub(super) async fn step(world: &mut World) -> Result<(), Violation> {
    match world.chance.below(1000) {
        0..180 => work::claim(world).await,
        180..390 => work::act(world).await,
        390..430 => work::late(world).await,
        430..450 => work::repeat(world).await,
        450..480 => work::operate(world).await,
        480..600 => pass(world).await,
        600..660 => fleet::beat(world).await,
        660..690 => fleet::mishap(world).await,
        690..740 => fleet::manage(world).await,
        740..800 => make::work(world).await,
        800..880 => make::transition(world).await,
        880..910 => make::answer(world).await,
        910..950 => make::evidence(world).await,
        950..962 => make::edit(world).await,
        962..970 => make::delete(world).await,
        970..985 => upkeep(world).await,
        985..990 => restart(world).await,
        _ => fleet::register(world).await,
    }
}

/// Everybody who still can ends what it has, until nothing is left that anybody could do.
///
/// # Errors
/// What is not true on the way, or work that nobody gets although somebody could.
pub(super) async fn settle(world: &mut World) -> Result<(), Violation> {
    work::settle(world).await
}

/// Time passes; mostly little, and mostly agents and the server go on meanwhile.
async fn pass(world: &mut World) -> Result<(), Violation> {
    let seconds = match world.chance.below(20) {
        0..12 => world.chance.between(1, 15),
        12..17 => world.chance.between(16, 70),
        17..19 => world.chance.between(71, 600),
        _ => world.chance.between(601, 3600),
    };
    world.step(Op::Pass(TimeDelta::seconds(i64::from(seconds)))).await?;
    if world.chance.percent(80) {
        fleet::beat(world).await?;
    }
    if world.chance.percent(70) {
        world.step(Op::Fleet(Fleet::Tick)).await?;
    }
    Ok(())
}

async fn upkeep(world: &mut World) -> Result<(), Violation> {
    let rounds = [Fleet::Flush, Fleet::Sweep, Fleet::Reclaim, Fleet::Tick, Fleet::Clean];
    let round = world.chance.one(&rounds);
    world.step(Op::Fleet(round)).await?;
    Ok(())
}

/// The server dies and comes back. It writes heartbeats before, unless it was killed.
async fn restart(world: &mut World) -> Result<(), Violation> {
    if world.chance.percent(50) {
        world.step(Op::Fleet(Fleet::Flush)).await?;
    }
    world.step(Op::Restart).await?;
    Ok(())
}

/// Any ticket.
fn any_ticket(world: &mut World) -> Option<Uuid> {
    let all: Vec<Uuid> = world.rows.tickets.keys().copied().collect();
    world.chance.pick(&all).copied()
}

/// Any task.
fn any_task(world: &mut World) -> Option<Uuid> {
    let all: Vec<Uuid> = world.rows.tasks.keys().copied().collect();
    world.chance.pick(&all).copied()
}

/// Any agent, gone or not.
fn any_agent(world: &mut World) -> Option<Uuid> {
    let all: Vec<Uuid> = world.rows.agents.keys().copied().collect();
    world.chance.pick(&all).copied()
}

/// An agent that still does something.
fn busy_agent(world: &mut World) -> Option<Uuid> {
    let speaking = world.workers.iter().filter(|(_, worker)| !worker.silent);
    let all: Vec<Uuid> = speaking.map(|(id, _)| *id).collect();
    world.chance.pick(&all).copied()
}
