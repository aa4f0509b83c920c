//! What goes on by itself has to leave behind: no lease that has ended, no work in the hands of
//! those that do not answer; and nobody who answers may lose work.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use phaseline_engine::Engine;
use phaseline_registry::{AgentStatus, Health};
use uuid::Uuid;

use super::{
    check::{Verdict, View, hold},
    op::{Answer, Fleet, Op},
    reference::is_live,
};

/// When each agent last gave a sign of life, and since when anybody has listened.
#[derive(Debug, Default)]
pub(super) struct Signs {
    last: BTreeMap<Uuid, DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
}

impl Signs {
    /// What was heard before, and since when: silence does not count from before.
    pub(super) fn restarted(&mut self, now: DateTime<Utc>) {
        self.since = Some(now);
    }

    fn heard(&mut self, agent: Uuid, now: DateTime<Utc>) {
        self.last.insert(agent, now);
    }

    fn silence(&self, agent: Uuid, now: DateTime<Utc>) -> Option<TimeDelta> {
        let last = self.last.get(&agent).copied();
        last.max(self.since).map(|last| now - last)
    }
}

/// Notes signs of life, and checks what upkeep leaves behind.
pub(super) fn check(view: View<'_>, engine: &Engine, signs: &mut Signs) -> Verdict {
    if view.answer.is_some() {
        note(view, signs);
    }
    let reclaims = matches!(view.op, Op::Fleet(Fleet::Tick | Fleet::Reclaim));
    let sweeps = matches!(view.op, Op::Fleet(Fleet::Tick | Fleet::Sweep));
    if reclaims {
        let over =
            view.rows.tasks.values().find(|task| {
                is_live(task) && task.lease_expires_at.is_none_or(|end| end <= view.now)
            });
        hold(over.is_none(), "leases that have ended give their tasks back", || {
            format!("{:?}", over.map(|task| task.id))
        })?;
    }
    if sweeps { swept(view, engine, signs) } else { Ok(()) }
}

fn note(view: View<'_>, signs: &mut Signs) {
    match (view.op, view.answer) {
        (Op::Fleet(Fleet::Register(_)), Some(Answer::Agent(id))) => signs.heard(*id, view.now),
        (Op::Fleet(Fleet::Beats(beats)), _) => {
            beats.iter().for_each(|(id, _)| signs.heard(*id, view.now));
        }
        (Op::Claim(id, _), _) => signs.heard(*id, view.now),
        (
            Op::Extend(id, ..)
            | Op::Release(id, _)
            | Op::Complete(id, Some(_), _)
            | Op::Fail(id, Some(_), _),
            _,
        ) => {
            let was = view.change.before.tasks.get(id).and_then(|task| task.agent_id);
            if let Some(agent) = was {
                signs.heard(agent, view.now);
            }
        }
        _ => {}
    }
}

fn swept(view: View<'_>, engine: &Engine, signs: &Signs) -> Verdict {
    let policy = view.settings.health;
    let patience = i64::from(policy.ttl_s) * i64::from(policy.unresponsive_after_ttls);
    for (id, stored) in &view.rows.agents {
        if stored.agent.status == AgentStatus::Terminated {
            continue;
        }
        let health = engine.fleet().vitals(*id, view.now).map(|vitals| vitals.health);
        hold(
            health == Some(stored.agent.announced_health),
            "after a sweep everybody's health is announced",
            || format!("agent {id}: {health:?}, announced {}", stored.agent.announced_health),
        )?;
        let was = view.change.before.agents.get(id).map(|stored| stored.agent.announced_health);
        let gone = health == Some(Health::Unresponsive);
        let newly = gone && was.is_some_and(|was| was != Health::Unresponsive);
        hold(
            !gone || stored.agent.slots_taken == 0,
            "whoever does not answer has no work",
            || format!("agent {id} has {} tasks", stored.agent.slots_taken),
        )?;
        let silence = signs.silence(*id, view.now);
        hold(
            !newly || silence.is_none_or(|silence| silence > TimeDelta::seconds(patience)),
            "nobody who answers is called unresponsive",
            || format!("agent {id} was heard {silence:?} ago"),
        )?;
    }
    Ok(())
}
