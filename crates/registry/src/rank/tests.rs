//! Who matches, and in which order.

use super::rank;
use crate::HealthPolicy;
use crate::testing::{agents, at, describe, wanted};

/// Ranks a fleet at second 100, watched from the beginning, and shows the matches.
#[track_caller]
fn check(fleet: &str, query: &str, expected: &str) {
    let matches = rank(&agents(fleet), &wanted(query), &HealthPolicy::default(), at(0), at(100));
    assert_eq!(describe(&matches), expected);
}

#[test]
fn more_hits_rank_first_and_ids_break_ties() {
    check(
        "zed: rust, beat 99\n amy: rust, beat 99\n bob: rust sql, beat 99",
        "rust sql",
        "bob=1.45 amy=0.95 zed=0.95",
    );
}

#[test]
fn more_free_slots_rank_before_the_smaller_id() {
    check(
        "amy: rust, 0 of 5 taken, beat 99\n bob: rust, 1 of 8 taken, beat 99",
        "rust",
        "bob=1.65 amy=1.65",
    );
}

#[test]
fn idle_healthy_and_free_agents_rank_first() {
    check(
        "amy: rust, beat 10
        bob: rust, running, beat 99
        cat: rust, beat 99
        dan: rust, 1 of 1 taken, beat 99
        eve: rust, degraded, 1 of 1 taken, beat 10",
        "rust",
        "cat=1.45 dan=1.4 amy=1.25 bob=1.25 eve=1",
    );
}

#[test]
fn an_agent_with_none_of_the_capabilities_is_no_match() {
    check("amy: go, beat 99\n bob: sql, beat 99", "rust sql", "bob=0.95");
}

#[test]
fn nothing_required_is_covered_by_everybody() {
    check("amy: go, beat 99\n bob: sql, beat 99", "-", "amy=1.45 bob=1.45");
}

#[test]
fn a_capability_that_is_required_twice_counts_once() {
    check("amy: rust, beat 99", "rust rust sql", "amy=0.95");
}

#[test]
fn unavailable_agents_are_left_out_unless_asked_for() {
    let fleet = "amy: rust, maintenance, beat 99
        bob: rust, failed, beat 99
        cat: rust, quarantined, beat 99
        dan: rust, terminated, beat 99
        eve: rust, beat 9
        fay: rust, degraded, beat 99
        gus: rust, draining, beat 99";
    check(fleet, "rust", "fay=1.25");
    check(fleet, "rust, all", "gus=1.45 amy=1.25 bob=1.25 cat=1.25 dan=1.25 eve=1.25 fay=1.25");
}

#[test]
fn agents_of_no_phase_work_in_any() {
    let fleet =
        "amy: rust, in PHASE_A, beat 99\n bob: rust, in PHASE_B, beat 99\n cat: rust, beat 99";
    check(fleet, "rust, in PHASE_A", "amy=1.45 cat=1.45");
    check(fleet, "rust, in PHASE_C", "cat=1.45");
    check(fleet, "rust", "amy=1.45 bob=1.45 cat=1.45");
}

#[test]
fn every_wanted_tag_and_the_type_must_be_there() {
    let fleet = "amy: rust, #gpu, #eu, beat 99\n bob: rust, #gpu, monitor, beat 99";
    check(fleet, "rust, #gpu", "amy=1.45 bob=1.45");
    check(fleet, "rust, #gpu, #eu", "amy=1.45");
    check(fleet, "rust, monitor", "bob=1.45");
    check(fleet, "rust, guardian", "");
}

#[test]
fn no_more_than_the_limit_are_answered() {
    let fleet = "amy: rust, beat 99\n bob: rust, beat 99\n cat: rust, beat 99";
    check(fleet, "rust, limit 2", "amy=1.45 bob=1.45");
    check(fleet, "rust, limit 0", "");
}

#[test]
fn a_match_says_what_it_has_and_what_it_lacks_in_the_order_asked() {
    let matches = rank(
        &agents("amy: sql rust"),
        &wanted("go rust c sql"),
        &HealthPolicy::default(),
        at(0),
        at(0),
    );
    assert_eq!(format!("{:?}", matches[0].matched), r#"["rust", "sql"]"#);
    assert_eq!(format!("{:?}", matches[0].missing), r#"["go", "c"]"#);
}
