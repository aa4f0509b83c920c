//! What is known of health without looking at anybody, and who should be looked after.

use super::POLICY;
use crate::testing::{agents, at, describe, id, name_of, wanted};
use crate::{Health, Index};

/// Judges a fleet at a second, two agents at a time, and shows whom it found.
#[track_caller]
fn check(fleet: &str, second: i64, expected: &str) {
    let mut index = Index::new(POLICY, at(0));
    for agent in agents(fleet) {
        index.upsert(agent);
    }
    assert_eq!(judged(&mut index, second), expected);
}

fn judged(index: &mut Index, second: i64) -> String {
    let (mut found, mut from) = (Vec::new(), Some(0));
    while let Some(place) = from {
        from = index.judge(place, 2, at(second), |finding| found.push(finding));
    }
    let said = found.iter().map(|finding| {
        let name = name_of(index.get(&finding.id).unwrap());
        format!("{name} {} {}", finding.announced, finding.health)
    });
    said.collect::<Vec<_>>().join(", ")
}

#[test]
fn whoever_is_not_what_was_announced_is_found() {
    let fleet = "amy: rust, beat 0\n bob: rust\n cat: rust, beat 30\n dan: rust, terminated";
    check(fleet, 5, "amy unknown healthy, cat unknown healthy");
    check(fleet, 35, "amy unknown degraded, bob unknown degraded, cat unknown healthy");
}

#[test]
fn whoever_does_not_answer_is_found_again_while_it_has_work() {
    let mut index = Index::new(POLICY, at(0));
    for agent in agents("amy: rust, beat 0, 1 of 2 taken\n bob: rust, beat 0") {
        index.upsert(agent);
    }
    assert_eq!(judged(&mut index, 90), "amy unknown unresponsive, bob unknown unresponsive");
    for name in ["amy", "bob", "nobody"] {
        index.announced(&id(name), Health::Unresponsive);
    }
    assert_eq!(judged(&mut index, 91), "amy unresponsive unresponsive");
    index.heartbeat(&id("bob"), None, at(92)).unwrap();
    assert_eq!(judged(&mut index, 93), "amy unresponsive unresponsive, bob unresponsive healthy");
}

#[test]
fn an_older_row_does_not_turn_back_what_was_announced() {
    let mut index = Index::new(POLICY, at(0));
    index.upsert(agents("amy: rust, beat 5").remove(0));
    index.announced(&id("amy"), Health::Healthy);
    index.upsert(agents("amy: rust go, beat 5, version 2").remove(0));
    assert_eq!(judged(&mut index, 6), "");
}

#[test]
fn a_search_after_a_judgement_finds_the_same() {
    let mut fleet = String::from("zoe: rust, running, beat 60");
    for number in 10..90 {
        fleet.push_str(&format!("\n x{number}: rust, beat 0"));
    }
    let mut index = Index::new(POLICY, at(0));
    for agent in agents(&fleet) {
        index.upsert(agent);
    }
    let before = index.search(&wanted("rust, limit 2"), at(62));
    assert_eq!(describe(&before), "zoe=1.25");
    assert!(!judged(&mut index, 61).is_empty());
    assert_eq!(index.search(&wanted("rust, limit 2"), at(62)), before);
    index.heartbeat(&id("x50"), None, at(62)).unwrap();
    assert_eq!(describe(&index.search(&wanted("rust, limit 2"), at(62))), "x50=1.45 zoe=1.25");
    // A clock that was set back.
    assert_eq!(describe(&index.search(&wanted("rust, limit 1"), at(3))), "x10=1.45");
}
