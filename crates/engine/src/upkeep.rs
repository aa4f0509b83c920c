//! What goes on by itself: heartbeats are written, changes of health announced, old rows removed,
//! and the fleet follows the log.

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use phaseline_persistence::{agents, events, idempotency, tasks};
use phaseline_registry::{Finding, Health};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use uuid::Uuid;

use crate::{
    Call, Engine, Result, announce,
    tasks::{give_back_expired, take_work_from},
};

const CLEAN_EVERY: Duration = Duration::from_secs(60);
const FOLLOW_AT_LEAST_EVERY: Duration = Duration::from_secs(1);
/// Commits are gathered for so long before the fleet follows them. What a process does itself, its
/// fleet knows at once.
const GATHER: Duration = Duration::from_millis(100);
/// How often the last heartbeats are tried to be written. At the end of a program threads have
/// gone already, and a connection that one of them had opened fails once before it is replaced.
const LAST_TRIES: usize = 16;
const EVENTS_AT_ONCE: u64 = 500;
const LEASES_AT_ONCE: u64 = 100;
const AGENTS_AT_ONCE: usize = 500;

/// Runs until `stop` is ready, then writes the last heartbeats. A round that fails is logged and
/// tried again in the next; a round that has begun is finished before `stop` is heard.
pub async fn run(engine: Engine, stop: impl Future<Output = ()> + Send) {
    let every = |period| {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    };
    let mut flushes = every(engine.settings.flush_every);
    let mut sweeps = every(engine.settings.sweep_every);
    let mut cleans = every(CLEAN_EVERY);
    let mut follows = every(FOLLOW_AT_LEAST_EVERY);
    let mut commits = engine.db.commits();
    let mut followed = engine.fleet.loaded_through();
    let mut gathered_at = None;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = flushes.tick() => report("flush", flush(&engine).await.map(|_| ())),
            _ = sweeps.tick() => {
                report("reclaim", reclaim(&engine).await.map(|_| ()));
                report("sweep", sweep(&engine).await.map(|_| ()));
            }
            _ = cleans.tick() => report("clean", clean(&engine).await),
            _ = follows.tick() => report("follow", follow(&engine, &mut followed).await),
            Ok(()) = commits.changed(), if gathered_at.is_none() => {
                gathered_at = Some(Instant::now() + GATHER);
            }
            () = until(gathered_at) => {
                gathered_at = None;
                report("follow", follow(&engine, &mut followed).await);
            }
        }
    }
    finish(&engine).await;
}

/// Writes the heartbeats that came until now, for those who end.
pub async fn finish(engine: &Engine) {
    for _ in 1..LAST_TRIES {
        if flush(engine).await.is_ok() {
            return;
        }
    }
    report("flush", flush(engine).await.map(|_| ()));
}

/// Writes the heartbeats that came since the last time; says how many.
///
/// # Errors
/// Storage failures; the heartbeats are kept for the next time.
pub async fn flush(engine: &Engine) -> Result<usize> {
    let heartbeats = engine.fleet.take_unwritten();
    if heartbeats.is_empty() {
        return Ok(0);
    }
    let written = engine
        .db
        .write(heartbeats.clone(), |tx, heartbeats| {
            Box::pin(async move { agents::record_heartbeats(tx, heartbeats).await })
        })
        .await;
    if let Err(error) = written {
        engine.fleet.give_back(&heartbeats);
        return Err(error.into());
    }
    Ok(heartbeats.len())
}

/// Announces the health of every agent whose health is not what was last announced, and takes back
/// the work of those that no longer answer; says how many changes of health it announced.
///
/// # Errors
/// Storage failures.
pub async fn sweep(engine: &Engine) -> Result<usize> {
    let call = engine.call();
    // Other processes may have heard of them meanwhile.
    let mut suspects: Vec<Uuid> =
        engine.fleet.findings(call.now).into_iter().map(|finding| finding.id).collect();
    // Every server in the same order, so that two do not wait for each other in turn.
    suspects.sort_unstable();
    if suspects.is_empty() {
        return Ok(0);
    }
    // Not all at once: it may be the whole fleet, which would be in memory twice.
    for suspects in suspects.chunks(AGENTS_AT_ONCE) {
        for stored in agents::with_ids(engine.db.reader(), suspects).await? {
            engine.fleet.heard(&stored);
            engine.fleet.learn_announced(&stored);
        }
    }
    let mut announced = 0;
    // Not all in one transaction: when a whole fleet falls silent, others want to write, too.
    for findings in engine.fleet.findings_of(&suspects, call.now).chunks(AGENTS_AT_ONCE) {
        announced += announce_health(engine, &call, findings.to_vec()).await?;
    }
    Ok(announced)
}

/// Announces what was found, where it still holds; says how much that was.
async fn announce_health(engine: &Engine, call: &Call, findings: Vec<Finding>) -> Result<usize> {
    let input = (findings, Arc::clone(&engine.settings));
    let (announced, freed) = engine
        .write(call, input, |tx, call, (findings, settings)| {
            Box::pin(async move {
                let (mut announced, mut freed) = (Vec::new(), Vec::new());
                for finding in findings {
                    let Finding { id, announced: from, health: to, last_heartbeat } = *finding;
                    // Held first: whoever needs an agent and a task takes them in that order.
                    let Some(stored) = agents::find_and_hold_if_free(tx, id).await? else {
                        continue; // whoever has it must not hold up all others; the next round looks
                    };
                    if stored.agent.heartbeat.last_at > last_heartbeat {
                        continue; // it has shown a sign of life meanwhile, to somebody else
                    }
                    if from != to {
                        if !agents::announce_health(tx, id, from, to).await? {
                            continue;
                        }
                        tx.announce(announce::health_changed(call, id, from, to));
                        announced.push((id, to));
                    }
                    if to == Health::Unresponsive {
                        let why = "its agent stopped answering";
                        freed.extend(take_work_from(tx, call, settings, id, why).await?);
                    }
                }
                Ok((announced, freed))
            })
        })
        .await?;
    // What another process has announced meanwhile, the log will tell.
    for (id, health) in &announced {
        engine.fleet.announced(*id, *health);
    }
    for agent in &freed {
        engine.fleet.upsert(agent);
    }
    Ok(announced.len())
}

/// Takes back the tasks whose lease has ended; says how many.
///
/// # Errors
/// Storage failures.
pub async fn reclaim(engine: &Engine) -> Result<usize> {
    let mut count = 0;
    loop {
        let call = engine.call();
        let overdue = tasks::overdue(engine.db.reader(), call.now, LEASES_AT_ONCE).await?;
        let (found, back) = (overdue.len(), give_back_expired(engine, &call, overdue).await?);
        count += back;
        // What somebody else has taken back meanwhile is nobody's now; it is not looked at again.
        if found < LEASES_AT_ONCE as usize || back == 0 {
            return Ok(count);
        }
    }
}

/// Removes events and idempotency keys that are older than they are kept.
///
/// # Errors
/// Storage failures.
pub async fn clean(engine: &Engine) -> Result<()> {
    let now = engine.sources.now();
    let keys_before = now - engine.settings.idempotency_ttl;
    let events_before = engine.settings.event_retention.map(|kept| now - kept);
    engine
        .db
        .write((keys_before, events_before), |tx, (keys_before, events_before)| {
            Box::pin(async move {
                idempotency::expire(tx, *keys_before).await?;
                if let Some(before) = events_before {
                    events::trim(tx, *before).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Brings the fleet up to date with the changes of agents that the log tells of, whoever made
/// them.
async fn follow(engine: &Engine, followed: &mut i64) -> Result<()> {
    let reader = engine.db.reader();
    let types: Vec<String> = announce::FLEET_TYPES.iter().map(|&kind| kind.to_owned()).collect();
    loop {
        let newest = events::latest(reader).await?;
        let slice = events::list(reader, *followed, &types, EVENTS_AT_ONCE).await?;
        let agents: BTreeSet<Uuid> = slice.items.iter().filter_map(announce::agent_of).collect();
        let agents: Vec<Uuid> = agents.into_iter().collect();
        for stored in agents::with_ids(reader, &agents).await? {
            engine.fleet.upsert(&stored);
            engine.fleet.learn_announced(&stored);
        }
        let last = slice.items.last().map(|event| event.sequence);
        *followed = (*followed).max(last.unwrap_or(newest));
        if !slice.more {
            return Ok(());
        }
    }
}

/// Waits for a moment, or for ever where there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn report(round: &'static str, outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(round, error = &error as &dyn std::error::Error, "upkeep failed");
    }
}
