//! Who could do a piece of work, against the plain way of looking at everybody.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::POLICY;
use crate::testing::{agents, at, id, name_of, wanted};
use crate::{
    Able, Agent, AgentStatus, AgentType, Capability, Difference, Group, Health, Hindrance, Index,
    Nobody, Work,
};

/// Who could do this among these agents, all of whom are looked at. The index is asked only for
/// names that are close to others.
pub(super) fn plain(
    index: &Index,
    agents: &[Agent],
    work: &Work<'_>,
    named: usize,
    (watched_since, now): (DateTime<Utc>, DateTime<Utc>),
) -> Able {
    let mut fitting: Vec<&Agent> = agents
        .iter()
        .filter(|agent| has_all(agent, work) && difference(agent, work).is_none())
        .collect();
    fitting.sort_by_key(|agent| agent.id);
    let (declined, fitting): (Vec<&Agent>, Vec<&Agent>) =
        fitting.into_iter().partition(|agent| work.unable.contains(&agent.id));
    if fitting.is_empty() {
        return Able::Nobody(nobody(index, agents, work, &declined, named));
    }
    let mut free = Group::default();
    let mut hindered: BTreeMap<Hindrance, Group> = BTreeMap::new();
    for agent in fitting {
        let silent = agent.health(&POLICY, watched_since, now) == Health::Unresponsive;
        let hindrance = if !agent.status.is_available() {
            Some(Hindrance::Status(agent.status))
        } else if silent {
            Some(Hindrance::Unresponsive)
        } else if agent.draining {
            Some(Hindrance::Draining)
        } else {
            (agent.free_slots() == 0).then_some(Hindrance::Full)
        };
        let group = hindrance.map_or(&mut free, |why| hindered.entry(why).or_default());
        *group = joined(group, agent, named);
    }
    if free.count > 0 { Able::Free(free) } else { Able::Busy(hindered) }
}

fn nobody(
    index: &Index,
    agents: &[Agent],
    work: &Work<'_>,
    declined: &[&Agent],
    named: usize,
) -> Nobody {
    let group = |agents: &[&Agent]| {
        agents.iter().fold(Group::default(), |group, agent| joined(&group, agent, named))
    };
    let mut there: Vec<&Agent> =
        agents.iter().filter(|agent| agent.status != AgentStatus::Terminated).collect();
    there.sort_by_key(|agent| agent.id);
    let count = |name: &Capability| {
        there.iter().filter(|agent| agent.capabilities.contains(name)).count() as u64
    };
    let unknown: BTreeMap<String, Vec<String>> = work
        .capabilities
        .iter()
        .filter(|name| count(name) == 0)
        .map(|name| (name.to_string(), index.closest(name.as_str(), 3)))
        .collect();
    let elsewhere: Vec<&Agent> =
        there.iter().filter(|agent| has_all(agent, work)).copied().collect();
    if !declined.is_empty() {
        Nobody::Declined(group(declined))
    } else if there.is_empty() {
        Nobody::NoAgents
    } else if !unknown.is_empty() {
        Nobody::Unknown(unknown)
    } else if elsewhere.is_empty() {
        Nobody::Scattered(
            work.capabilities.iter().map(|name| (name.clone(), count(name))).collect(),
        )
    } else {
        let differences = elsewhere.iter().filter_map(|agent| difference(agent, work)).collect();
        Nobody::Elsewhere { agents: group(&elsewhere), differences }
    }
}

fn joined(group: &Group, agent: &Agent, named: usize) -> Group {
    let first = group.first.iter().copied().chain([agent.id]).take(named).collect();
    Group { count: group.count + 1, first }
}

fn has_all(agent: &Agent, work: &Work<'_>) -> bool {
    agent.status != AgentStatus::Terminated
        && work.capabilities.iter().all(|wanted| agent.capabilities.contains(wanted))
}

fn difference(agent: &Agent, work: &Work<'_>) -> Option<Difference> {
    let phase_id = agent.phase_id.clone().filter(|bound| *bound != work.phase_id);
    let agent_type = Some(agent.agent_type).filter(|other| *other != work.agent_type);
    let differs = phase_id.is_some() || agent_type.is_some();
    differs.then_some(Difference { agent_type, phase_id })
}

fn work<'a>(capabilities: &'a [Capability], unable: &'a [Uuid]) -> Work<'a> {
    Work { capabilities, phase_id: "PHASE_A", agent_type: AgentType::Worker, unable }
}

/// So many copies of each of these agents, with ids in this order.
fn many(kinds: &str, count: u128, number: impl Fn(u128) -> u128) -> Vec<Agent> {
    let kinds = agents(kinds);
    (0..count)
        .flat_map(|round| kinds.iter().zip((round * kinds.len() as u128)..))
        .map(|(kind, place)| Agent { id: Uuid::from_u128(number(place)), ..kind.clone() })
        .collect()
}

fn index_of(agents: &[Agent]) -> Index {
    let mut index = Index::new(POLICY, at(0));
    agents.iter().for_each(|agent| assert!(index.upsert(agent.clone())));
    index
}

/// Compares what is found for those who have `rust` at a second at which everybody was looked at.
#[track_caller]
fn check_many(fleet: &[Agent], second: i64) -> Able {
    let mut index = index_of(fleet);
    index.judge(0, usize::MAX, at(second), |_| {});
    let wanted = wanted("rust").capabilities;
    let unable = [fleet[0].id, fleet[1].id, id("nobody")];
    let work = work(&wanted, &unable);
    let found = index.able(&work, 10, at(second));
    assert_eq!(found, plain(&index, fleet, &work, 10, (at(0), at(second))));
    found
}

const MIXED: &str = "a: rust, 1 of 1 taken, running, beat 40\n b: rust, draining, beat 40\n \
    c: rust, failed\n d: rust, beat 0, 1 of 1 taken\n e: rust sql, in PHASE_B, beat 40\n \
    f: rust, quarantined, draining\n g: rust, beat 0";

#[test]
fn a_large_fleet_is_counted_as_it_was_when_everybody_was_looked_at() {
    // From second 41 on whoever was last heard at 0 is silent.
    let busy = check_many(&many(MIXED, 200, |place| place), 60);
    assert!(matches!(busy, Able::Busy(reasons) if reasons.len() == 5));
    let free = check_many(&many(MIXED, 200, |place| place), 40);
    assert!(matches!(free, Able::Free(free) if free.count == 200));
    let elsewhere = "a: rust, monitor\n b: rust, in PHASE_B\n c: rust, monitor, in PHASE_B";
    let nobody = check_many(&many(elsewhere, 200, |place| place), 40);
    assert!(matches!(nobody, Able::Nobody(Nobody::Elsewhere { .. })));
}

#[test]
fn the_first_are_named_where_ids_come_in_several_sequences() {
    for sequences in [2, 5, 11] {
        let count = 1400;
        let number = |place| place % sequences * count + place / sequences;
        check_many(&many(MIXED, 200, number), 40);
        check_many(&many(MIXED, 200, number), 60);
    }
}

#[test]
fn of_many_without_an_order_some_are_named_and_all_counted() {
    let fleet = many(MIXED, 200, |place| 2000 - place);
    let index = index_of(&fleet);
    let rust = wanted("rust").capabilities;
    let found = index.able(&work(&rust, &[]), 10, at(40));
    assert!(matches!(found, Able::Free(free) if free.count == 200 && free.first.len() == 10));
}

#[test]
fn those_who_fell_silent_since_the_last_look_are_counted_with_the_others_but_not_named() {
    let mut fleet = many("a: rust, beat 0", 100, |place| place);
    let mut index = index_of(&fleet);
    index.judge(0, usize::MAX, at(40), |_| {});
    let awake = fleet.remove(70).id;
    let rust = wanted("rust").capabilities;
    let ask = |index: &Index| index.able(&work(&rust, &[]), 10, at(41));
    // Nobody is free, and that is found although nobody has looked at everybody since.
    assert!(matches!(ask(&index), Able::Busy(_)));
    index.heartbeat(&awake, None, at(41)).unwrap();
    assert_eq!(ask(&index), Able::Free(Group { count: 100, first: vec![awake] }));
    index.judge(0, usize::MAX, at(41), |_| {});
    assert_eq!(ask(&index), Able::Free(Group { count: 1, first: vec![awake] }));
}

#[test]
fn a_clock_that_was_set_back_hides_nobody() {
    let fleet = many("a: rust, beat 0", 100, |place| place);
    let mut index = index_of(&fleet);
    index.judge(0, usize::MAX, at(90), |_| {});
    let rust = wanted("rust").capabilities;
    let found = index.able(&work(&rust, &[]), 1, at(30));
    assert_eq!(found, Able::Free(Group { count: 100, first: vec![fleet[0].id] }));
}

#[test]
fn whoever_is_named_comes_first() {
    let mut fleet = agents("cat: rust\n bob: rust\n amy: rust");
    let index = index_of(&fleet);
    let rust = wanted("rust").capabilities;
    let Able::Free(free) = index.able(&work(&rust, &[]), 2, at(0)) else { panic!("all are free") };
    fleet.retain(|agent| free.first.contains(&agent.id));
    let mut names: Vec<String> = fleet.iter().map(name_of).collect();
    names.sort();
    assert_eq!((free.count, names.join(" ").as_str()), (3, "amy bob"));
}
