//! Who could do a piece of work at all, and which capability was meant.

use super::POLICY;
use crate::testing::{agents, at, name_of, wanted};
use crate::{Capability, Index, Wanted};

const FLEET: &str = "amy: rust sql, draining
    bob: rust, in PHASE_A, 1 of 1 taken
    cat: rust sql, in PHASE_B, quarantined
    dan: sql, monitor, maintenance
    end: rust sql perl, terminated";

fn index(fleet: &str) -> Index {
    let mut index = Index::new(POLICY, at(0));
    for agent in agents(fleet) {
        index.upsert(agent);
    }
    index
}

/// Shows who could do what is wanted.
#[track_caller]
fn check(query: &str, expected: &str) {
    let index = index(FLEET);
    let Wanted { capabilities, phase_id, agent_type, .. } = wanted(query);
    let mut names: Vec<String> = index
        .holders(&capabilities, phase_id.as_deref(), agent_type)
        .map(|agent| name_of(agent))
        .collect();
    names.sort();
    assert_eq!(names.join(" "), expected);
}

/// Shows which of one agent's capabilities, as a comma-separated list, may have been meant.
#[track_caller]
fn check_closest(capabilities: &str, wanted: &str, limit: usize, expected: &str) {
    let mut index = index("end: rusty, terminated");
    let capabilities = crate::Capabilities::parse(capabilities.split(", ")).unwrap();
    let amy = agents("amy: rust").remove(0);
    index.upsert(crate::Agent { capabilities, ..amy });
    assert_eq!(index.closest(wanted, limit).join(", "), expected);
}

#[test]
fn holders_have_every_capability_whatever_their_status() {
    check("rust", "amy bob cat");
    check("rust sql", "amy cat");
    check("sql rust sql", "amy cat");
    check("-", "amy bob cat dan");
}

#[test]
fn holders_work_in_the_phase_and_are_of_the_type() {
    check("rust, in PHASE_A", "amy bob");
    check("rust sql, in PHASE_B", "amy cat");
    check("rust, in PHASE_C", "amy");
    check("sql, monitor", "dan");
    check("rust, guardian", "");
}

#[test]
fn what_only_terminated_agents_have_is_not_known() {
    check("perl", "");
    check("rust nothing", "");
    let index = index(FLEET);
    let counts = ["rust", "sql", "perl", "nothing"].map(|name| {
        let capability = Capability::parse(name).unwrap();
        assert_eq!(index.known_capability(&capability), index.holder_count(&capability) > 0);
        index.holder_count(&capability)
    });
    assert_eq!(counts, [3, 3, 0, 0]);
}

#[test]
fn the_closest_names_come_first_and_then_by_name() {
    let all = "rust testing, rest, rust, bust, trust, go, runs";
    check_closest(all, "rusp", 9, "rust");
    check_closest(all, "rust", 9, "bust, rest, trust, rust testing");
    check_closest("ab, abcdef, xx abcd, abcxe, abdce", "abcde", 9, "abcdef, abcxe, abdce, ab");
    check_closest(
        "code review, review of code, reviews, reviewing, peer review, a review",
        "Review ",
        9,
        "reviews, a review, reviewing, review of code, code review, peer review",
    );
}

#[test]
fn no_more_names_than_the_limit_are_answered() {
    check_closest("rest, bust, trust", "rust", 2, "bust, rest");
    check_closest("rest, bust, trust", "rust", 0, "");
}

#[test]
fn what_only_terminated_agents_have_is_no_suggestion() {
    check_closest("go", "rust", 9, "");
}

#[test]
fn nothing_wanted_is_like_nothing() {
    check_closest("go", "  ", 9, "");
}
