//! What the index does with what it is told.

use super::{HeartbeatError, Index, UnknownAgent};
use crate::testing::{agents, at, describe, id, name_of, wanted};
use crate::{Agent, AgentGone, AgentStatus, Health, HealthPolicy, HeartbeatRecord, Progress};

mod able;
mod equivalence;
mod holders;
mod judgement;
mod order;

const POLICY: HealthPolicy = HealthPolicy {
    ttl_s: 10,
    degraded_after_ttls: 2,
    unresponsive_after_ttls: 4,
    grace_s: 30,
    stalled_after_s: 40,
};

/// Puts agents into an index, one after another, and shows what a search at second 0 finds.
#[track_caller]
fn check(fleet: &str, query: &str, expected: &str) {
    let mut index = Index::new(POLICY, at(0));
    for agent in agents(fleet) {
        index.upsert(agent);
    }
    assert_eq!(describe(&index.search(&wanted(query), at(0))), expected);
}

#[test]
fn a_newer_version_replaces_an_older_one_and_not_the_other_way_round() {
    check("amy: rust\n amy: go, version 2", "rust", "");
    check("amy: rust\n amy: go, version 2", "go", "amy=1.25");
    check("amy: rust, version 2\n amy: go", "rust", "amy=1.25");
    check("amy: rust, version 2\n amy: go", "go", "");
}

#[test]
fn a_walk_that_could_stop_early_still_finds_equal_scores() {
    // Running with five free slots scores as much as idle with one: by free slots bob wins.
    check("amy: rust\n bob: rust, running, 0 of 5 taken", "rust, limit 1", "bob=1.25");
    check("bob: rust, 0 of 5 taken\n amy: rust, 0 of 5 taken", "rust, limit 1", "amy=1.45");
}

#[test]
fn a_healthy_agent_is_found_behind_many_that_are_not() {
    let mut fleet = String::from("zoe: rust, running, beat 0");
    for number in 10..40 {
        fleet.push_str(&format!("\n x{number}: rust, beat -70"));
    }
    let mut index = Index::new(HealthPolicy::default(), at(-100));
    for agent in agents(&fleet) {
        index.upsert(agent);
    }
    assert_eq!(describe(&index.search(&wanted("rust, limit 2"), at(0))), "x10=1.25 x11=1.25");
    index.upsert(agents("zoe: rust, running, beat 0, 0 of 2 taken").remove(0));
    assert_eq!(describe(&index.search(&wanted("rust, limit 1"), at(0))), "zoe=1.3");
}

/// One who lacks one thing of five and is healthy scores as much as one who has all and is not.
#[test]
fn of_equal_scores_of_two_classes_the_smaller_id_wins() {
    let fleet = "amy: a b c d, beat 0\n bob: a b c d e, beat -70";
    let mut index = Index::new(HealthPolicy::default(), at(-100));
    for agent in agents(fleet) {
        index.upsert(agent);
    }
    assert_eq!(describe(&index.search(&wanted("a b c d e"), at(0))), "amy=1.25 bob=1.25");
    assert_eq!(describe(&index.search(&wanted("a b c d e, limit 1"), at(0))), "amy=1.25");
}

#[test]
fn slots_of_removed_agents_are_used_again() {
    let mut index = Index::new(POLICY, at(0));
    for agent in agents("amy: rust\n bob: rust") {
        index.upsert(agent);
    }
    assert!(index.remove(&id("amy")).is_some());
    assert!(index.remove(&id("amy")).is_none());
    index.upsert(agents("cat: go").remove(0));
    assert_eq!(index.entries.len(), 2);
    assert_eq!(index.len(), 2);
    assert_eq!(describe(&index.search(&wanted("rust"), at(0))), "bob=1.25");
    assert_eq!(describe(&index.search(&wanted("go"), at(0))), "cat=1.25");
}

#[test]
fn a_heartbeat_makes_an_agent_healthy_and_says_so() {
    let mut index = Index::new(POLICY, at(0));
    index.upsert(agents("amy: rust").remove(0));
    let beat = index.heartbeat(&id("amy"), Some(3), at(35)).unwrap();
    assert_eq!((beat.before, beat.after), (Health::Degraded, Health::Healthy));
    assert_eq!(beat.status, AgentStatus::Idle);
    assert_eq!(index.get(&id("amy")).unwrap().heartbeat, beat.record);
    assert_eq!(index.health(&id("amy"), at(56)), Some(Health::Degraded));
    let late = index.heartbeat(&id("amy"), Some(2), at(57)).unwrap();
    assert!(late.taken.out_of_order);
    assert_eq!(late.record.sequence, Some(3));
}

#[test]
fn whoever_was_heard_is_told_of_once() {
    let mut index = Index::new(POLICY, at(0));
    for agent in agents("amy: rust\n bob: rust\n cat: rust\n dan: rust") {
        index.upsert(agent);
    }
    let told = |index: &mut Index| {
        let (mut heard, mut names) = (index.take_heard(), Vec::new());
        while !heard.is_empty() {
            for (id, record) in heard.take(index, 2) {
                let agent = index.get(&id).unwrap();
                assert_eq!(agent.heartbeat, record);
                names.push(name_of(agent));
            }
        }
        names.join(" ")
    };
    assert_eq!(told(&mut index), "");
    index.heartbeat(&id("dan"), None, at(1)).unwrap();
    index.heartbeat(&id("bob"), None, at(1)).unwrap();
    index.heartbeat(&id("dan"), None, at(2)).unwrap();
    index.heartbeat(&id("cat"), None, at(2)).unwrap();
    assert!(index.seen(&id("amy"), at(3)));
    index.remove(&id("cat"));
    assert_eq!(told(&mut index), "amy bob dan");
    assert_eq!(told(&mut index), "");
    // What another process has stored need not be stored again.
    let record = HeartbeatRecord { last_at: Some(at(9)), ..HeartbeatRecord::default() };
    assert!(index.merge_heartbeat(&id("amy"), record));
    assert!(!index.seen(&id("amy"), at(8)));
    assert_eq!(told(&mut index), "");
    index.give_back_heard(&id("bob"));
    assert_eq!(told(&mut index), "bob");
}

#[test]
fn agents_share_the_text_of_equal_labels() {
    let mut index = Index::new(POLICY, at(0));
    for agent in agents("amy: rust sql, #gpu\n bob: sql, #gpu\n amy: sql rust, #gpu, version 2") {
        index.upsert(agent);
    }
    let [amy, bob] = ["amy", "bob"].map(|name| index.get(&id(name)).unwrap());
    let text = |label: &str| std::ptr::from_ref(label);
    let first = |agent: &Agent| text(agent.capabilities.iter().next().unwrap().as_str());
    assert!(std::ptr::eq(first(amy), first(bob)));
    let tag = |agent: &Agent| text(agent.tags.iter().next().unwrap().as_str());
    assert!(std::ptr::eq(tag(amy), tag(bob)));
    assert_eq!(amy.capabilities.to_string(), "sql, rust");
}

#[test]
fn agents_share_equal_lists_of_labels() {
    let mut index = Index::new(POLICY, at(0));
    for agent in agents("amy: rust sql, #gpu\n bob: rust sql, #gpu, #eu\n cat: sql rust, #gpu, #eu")
    {
        index.upsert(agent);
    }
    let [amy, bob, cat] = ["amy", "bob", "cat"].map(|name| index.get(&id(name)).unwrap());
    let place = |agent: &Agent| {
        [
            agent.capabilities.iter().as_slice().as_ptr().addr(),
            agent.tags.iter().as_slice().as_ptr().addr(),
        ]
    };
    assert_eq!(place(amy)[0], place(bob)[0]);
    assert_eq!(place(bob)[1], place(cat)[1]);
    assert!(place(bob)[0] != place(cat)[0] && place(amy)[1] != place(bob)[1]);
    assert_eq!(cat.capabilities.to_string(), "sql, rust");
}

#[test]
fn a_match_that_somebody_holds_does_not_change() {
    let mut index = Index::new(POLICY, at(0));
    index.upsert(agents("amy: rust").remove(0));
    let held = index.search(&wanted("rust"), at(0)).remove(0);
    index.heartbeat(&id("amy"), Some(1), at(5)).unwrap();
    assert_eq!(held.agent.heartbeat, HeartbeatRecord::default());
}

#[test]
fn a_heartbeat_revives_neither_terminated_nor_removed_agents() {
    let mut index = Index::new(POLICY, at(0));
    index.upsert(agents("amy: rust, terminated").remove(0));
    let (amy, bob) = (id("amy"), id("bob"));
    assert_eq!(
        index.heartbeat(&amy, None, at(1)),
        Err(HeartbeatError::Gone(AgentGone { id: amy }))
    );
    assert_eq!(
        index.heartbeat(&bob, None, at(1)),
        Err(HeartbeatError::Unknown(UnknownAgent { id: bob }))
    );
    assert_eq!(index.len(), 1);
    assert_eq!(index.get(&amy).unwrap().heartbeat, HeartbeatRecord::default());
}

#[test]
fn a_sign_of_life_makes_an_agent_healthy_and_leaves_its_count_alone() {
    let mut index = Index::new(POLICY, at(0));
    index.upsert(agents("amy: rust").remove(0));
    index.heartbeat(&id("amy"), Some(7), at(10)).unwrap();
    assert!(index.seen(&id("amy"), at(100)));
    assert_eq!(index.health(&id("amy"), at(101)), Some(Health::Healthy));
    let record = HeartbeatRecord { last_at: Some(at(100)), sequence: Some(7), missed: 0 };
    assert_eq!(index.get(&id("amy")).unwrap().heartbeat, record);
    assert!(!index.seen(&id("amy"), at(50)), "the time went back");
    assert_eq!(index.get(&id("amy")).unwrap().heartbeat, record);
    assert!(!index.heartbeat(&id("amy"), Some(8), at(102)).unwrap().taken.out_of_order);
}

#[test]
fn a_sign_of_life_revives_neither_terminated_nor_removed_agents() {
    let mut index = Index::new(POLICY, at(0));
    index.upsert(agents("amy: rust, terminated").remove(0));
    assert!(!index.seen(&id("amy"), at(5)));
    assert!(!index.seen(&id("bob"), at(5)));
    assert_eq!(index.len(), 1);
    assert_eq!(index.get(&id("amy")).unwrap().heartbeat, HeartbeatRecord::default());
}

#[test]
fn what_another_process_stored_is_taken_if_it_is_newer() {
    let mut index = Index::new(POLICY, at(0));
    index.upsert(agents("amy: rust").remove(0));
    index.heartbeat(&id("amy"), Some(7), at(10)).unwrap();
    let known = index.get(&id("amy")).unwrap().heartbeat;
    for (second, newer) in [(9, false), (10, false), (60, true)] {
        let stored = HeartbeatRecord { last_at: Some(at(second)), sequence: Some(9), missed: 1 };
        assert_eq!(index.merge_heartbeat(&id("amy"), stored), newer, "{second}");
        let expected = if newer { stored } else { known };
        assert_eq!(index.get(&id("amy")).unwrap().heartbeat, expected, "{second}");
    }
    assert_eq!(index.health(&id("amy"), at(61)), Some(Health::Healthy));
    assert!(!index.merge_heartbeat(&id("bob"), known));
}

#[test]
fn a_stored_row_turns_back_no_progress() {
    let mut index = Index::new(POLICY, at(0));
    for agent in agents("amy: rust, 1 of 1 taken, progress 30\n amy: rust, 1 of 1 taken, version 2")
    {
        index.upsert(agent);
    }
    assert_eq!(index.get(&id("amy")).unwrap().last_progress, Some(at(30)));
    assert_eq!(index.progress(&id("amy"), at(70)), Some(Progress::Active));
    assert_eq!(index.progress(&id("amy"), at(71)), Some(Progress::Stalled));
    assert_eq!(index.progress(&id("bob"), at(71)), None);
}

#[test]
fn a_stored_row_does_not_turn_back_heartbeats_that_came_after_it() {
    let mut index = Index::new(POLICY, at(0));
    let row = agents("amy: rust").remove(0);
    index.upsert(row.clone());
    let beat = index.heartbeat(&row.id, Some(1), at(40)).unwrap();
    assert!(index.upsert(Agent { version: 2, ..row.clone() }));
    assert_eq!(index.get(&row.id).unwrap().heartbeat, beat.record);
    assert_eq!(index.health(&row.id, at(41)), Some(Health::Healthy));
}
