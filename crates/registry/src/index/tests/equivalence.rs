//! The index answers as the plain rules do, whatever was done to it.

use proptest::bool::weighted;
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use strum::IntoEnumIterator;
use uuid::Uuid;

use super::{POLICY, able};
use crate::testing::at;
use crate::{
    Agent, AgentStatus, AgentType, Capabilities, Capability, Capacity, Health, HeartbeatRecord,
    Index, Tag, Tags, Wanted, Work, best_fit, rank, stale, statistics,
};

const WATCHED_SINCE_S: i64 = 50;

/// What can be done to an index.
#[derive(Debug, Clone)]
enum Step {
    Upsert(Agent),
    Remove(Uuid),
    Heartbeat(Uuid, Option<u64>, i64),
    Seen(Uuid, i64),
    Merge(Uuid, HeartbeatRecord),
    Judge(usize, usize, i64),
    Announced(Uuid, Health),
}

fn labels(all: &'static [&'static str], least: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(all, least..=all.len()).prop_shuffle()
}

fn some_id() -> impl Strategy<Value = Uuid> {
    (0..24_u128).prop_map(Uuid::from_u128)
}

fn some_agent() -> impl Strategy<Value = Agent> {
    let status = select(AgentStatus::iter().collect::<Vec<_>>());
    let agent_type = select(AgentType::iter().collect::<Vec<_>>());
    let phase_id = option::of(select(vec!["A", "B"]));
    let slots = (prop_oneof![1..=8_u32, Just(1000)], 0..=6_u32);
    let last_at = option::of(0..120_i64);
    (
        (some_id(), agent_type, phase_id, status, slots),
        labels(&["rust", "sql", "go", "perl"], 1),
        labels(&["gpu", "eu"], 0),
        (0..120_i64, last_at, 1..4_i64, select(Health::iter().collect::<Vec<_>>())),
        (weighted(0.2), option::of(0..120_i64)),
    )
        .prop_map(|(identity, capabilities, tags, times, (draining, progress))| {
            let (registered, beat, version, announced) = times;
            let (id, agent_type, phase_id, status, (capacity, slots_taken)) = identity;
            Agent {
                id,
                agent_type,
                phase_id: phase_id.map(str::to_owned),
                status,
                draining,
                capabilities: Capabilities::parse(capabilities).unwrap(),
                capacity: Capacity::new(capacity).unwrap(),
                slots_taken,
                tags: Tags::parse(tags).unwrap(),
                registered_at: at(registered),
                heartbeat: HeartbeatRecord { last_at: beat.map(at), ..HeartbeatRecord::default() },
                last_progress: progress.map(at),
                announced_health: announced,
                version,
            }
        })
}

fn some_record() -> impl Strategy<Value = HeartbeatRecord> {
    (option::of(0..140_i64), option::of(0..9_u64), 0..9_u64).prop_map(
        |(last_at, sequence, missed)| HeartbeatRecord {
            last_at: last_at.map(at),
            sequence,
            missed,
        },
    )
}

fn some_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => some_agent().prop_map(Step::Upsert),
        1 => some_id().prop_map(Step::Remove),
        3 => (some_id(), option::of(0..9_u64), 0..140_i64)
            .prop_map(|(id, sequence, second)| Step::Heartbeat(id, sequence, second)),
        1 => (some_id(), 0..140_i64).prop_map(|(id, second)| Step::Seen(id, second)),
        1 => (some_id(), some_record()).prop_map(|(id, record)| Step::Merge(id, record)),
        2 => (0..4_usize, prop_oneof![0..8_usize, Just(usize::MAX)], 0..140_i64)
            .prop_map(|(from, count, second)| Step::Judge(from, count, second)),
        1 => (some_id(), select(Health::iter().collect::<Vec<_>>()))
            .prop_map(|(id, health)| Step::Announced(id, health)),
    ]
}

fn some_wanted() -> impl Strategy<Value = Wanted> {
    let capabilities = labels(&["rust", "sql", "go", "perl", "nobody has this"], 0);
    let phase_id = option::of(select(vec!["A", "B", "C"]));
    let agent_type = option::weighted(0.2, select(AgentType::iter().collect::<Vec<_>>()));
    let tags = btree_set(select(vec!["gpu", "eu", "no such tag"]), 0..2);
    let limit = prop_oneof![0..6_usize, Just(usize::MAX)];
    (capabilities, phase_id, agent_type, tags, any::<bool>(), limit).prop_map(
        |(capabilities, phase_id, agent_type, tags, include_unavailable, limit)| Wanted {
            capabilities: capabilities
                .into_iter()
                .map(|text| Capability::parse(text).unwrap())
                .collect(),
            phase_id: phase_id.map(str::to_owned),
            agent_type,
            tags: tags.into_iter().map(|text| Tag::parse(text).unwrap()).collect(),
            include_unavailable,
            limit,
        },
    )
}

/// Does to a plain list what a step does to an index.
fn apply(agents: &mut Vec<Agent>, step: &Step) {
    match step {
        Step::Upsert(agent) => match agents.iter_mut().find(|known| known.id == agent.id) {
            None => agents.push(agent.clone()),
            Some(known) if known.version > agent.version => {}
            Some(known) => {
                let heartbeat = known.heartbeat.fresher(agent.heartbeat);
                let last_progress = known.last_progress.max(agent.last_progress);
                *known = Agent { heartbeat, last_progress, ..agent.clone() };
            }
        },
        Step::Remove(id) => agents.retain(|agent| agent.id != *id),
        Step::Heartbeat(id, sequence, second) => {
            if let Some(agent) = find(agents, id)
                && let Ok((record, _)) = agent.take_heartbeat(*sequence, at(*second))
            {
                agent.heartbeat = record;
            }
        }
        Step::Seen(id, second) => {
            if let Some(agent) = find(agents, id)
                && agent.status != AgentStatus::Terminated
            {
                agent.heartbeat.last_at = agent.heartbeat.last_at.max(Some(at(*second)));
            }
        }
        Step::Merge(id, record) => {
            if let Some(agent) = find(agents, id)
                && record.last_at > agent.heartbeat.last_at
            {
                agent.heartbeat = *record;
            }
        }
        // What is known of the health of all is kept for speed, and what was announced for others.
        Step::Judge(..) | Step::Announced(..) => {}
    }
}

fn tell(index: &mut Index, step: Step) {
    match step {
        Step::Upsert(agent) => {
            index.upsert(agent);
        }
        Step::Remove(id) => {
            index.remove(&id);
        }
        Step::Heartbeat(id, sequence, second) => {
            let _ = index.heartbeat(&id, sequence, at(second));
        }
        Step::Seen(id, second) => {
            index.seen(&id, at(second));
        }
        Step::Merge(id, record) => {
            index.merge_heartbeat(&id, record);
        }
        Step::Judge(from, count, second) => {
            index.judge(from, count, at(second), |_| {});
        }
        Step::Announced(id, health) => index.announced(&id, health),
    }
}

fn find<'a>(agents: &'a mut [Agent], id: &Uuid) -> Option<&'a mut Agent> {
    agents.iter_mut().find(|agent| agent.id == *id)
}

/// Who could do what is wanted at all, in order of their ids.
fn holders(agents: &[Agent], wanted: &Wanted) -> Vec<Uuid> {
    let Wanted { capabilities, phase_id, agent_type, .. } = wanted;
    let mut ids: Vec<Uuid> = agents
        .iter()
        .filter(|agent| agent.status != AgentStatus::Terminated)
        .filter(|agent| capabilities.iter().all(|wanted| agent.capabilities.contains(wanted)))
        .filter(|agent| {
            phase_id.is_none() || agent.phase_id.is_none() || agent.phase_id == *phase_id
        })
        .filter(|agent| agent_type.is_none_or(|wanted| agent.agent_type == wanted))
        .map(|agent| agent.id)
        .collect();
    ids.sort();
    ids
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn the_index_answers_as_the_plain_rules_do(
        steps in vec(some_step(), 0..60),
        queries in vec((some_wanted(), 0..200_i64), 1..8),
        (unable, named) in (btree_set(some_id(), 0..3), 0..12_usize),
    ) {
        let watched_since = at(WATCHED_SINCE_S);
        let mut index = Index::new(POLICY, watched_since);
        let mut plain = Vec::new();
        for step in &steps {
            apply(&mut plain, step);
            tell(&mut index, step.clone());
        }
        prop_assert_eq!(index.len(), plain.len());
        prop_assert_eq!(index.iter().count(), plain.len());
        for (wanted, second) in &queries {
            let now = at(*second);
            prop_assert_eq!(
                index.search(wanted, now),
                rank(&plain, wanted, &POLICY, watched_since, now)
            );
            prop_assert_eq!(
                index.best_fit(wanted, now),
                best_fit(&plain, wanted, &POLICY, watched_since, now)
            );
            prop_assert_eq!(index.statistics(now), statistics(&plain, &POLICY, watched_since, now));
            prop_assert_eq!(
                index.stale(now, None),
                stale(&plain, &POLICY, watched_since, now, None)
            );
            for agent in &plain {
                let progress = agent.progress(&POLICY, watched_since, now);
                prop_assert_eq!(index.progress(&agent.id, now), Some(progress));
            }
            let Wanted { capabilities, phase_id, agent_type, .. } = wanted;
            let mut found: Vec<Uuid> = index
                .holders(capabilities, phase_id.as_deref(), *agent_type)
                .map(|agent| agent.id)
                .collect();
            found.sort();
            prop_assert_eq!(found, holders(&plain, wanted));
            let work = Work {
                capabilities,
                phase_id: phase_id.as_deref().unwrap_or("A"),
                agent_type: agent_type.unwrap_or(AgentType::Worker),
                unable: &unable.iter().copied().collect::<Vec<_>>(),
            };
            prop_assert_eq!(
                index.able(&work, named, now),
                able::plain(&index, &plain, &work, named, (watched_since, now))
            );
            for capability in capabilities {
                let alone = Wanted { capabilities: vec![capability.clone()], ..Wanted::default() };
                let count = holders(&plain, &alone).len() as u64;
                prop_assert_eq!(index.holder_count(capability), count);
                prop_assert_eq!(index.known_capability(capability), count > 0);
            }
        }
    }
}
