//! Who is the best fit, and what is said when nobody is.

use super::{NoFit, best_fit};
use crate::HealthPolicy;
use crate::label::joined;
use crate::testing::{agents, at, describe, name_of, wanted};

/// Looks for the best fit and shows who it is, or what is missing and who comes nearest.
#[track_caller]
fn check(fleet: &str, query: &str, expected: &str) {
    let seen = match find(fleet, query) {
        Ok(found) => found,
        Err(NoFit { missing, nearest, all_busy }) => format!(
            "missing [{}], nearest {}{}",
            joined(&missing),
            nearest.map_or("nobody".to_owned(), |found| name_of(&found.agent)),
            if all_busy { ", all busy" } else { "" }
        ),
    };
    assert_eq!(seen, expected);
}

/// Looks for the best fit, finds none, and shows the sentence that says so.
#[track_caller]
fn check_sentence(fleet: &str, query: &str, expected: &str) {
    let sentence = find(fleet, query).unwrap_err().to_string();
    assert_eq!(sentence, expected);
}

fn find(fleet: &str, query: &str) -> Result<String, NoFit> {
    let policy = HealthPolicy::default();
    best_fit(&agents(fleet), &wanted(query), &policy, at(0), at(0)).map(|found| describe(&[found]))
}

#[test]
fn the_first_with_every_capability_and_a_free_slot_fits() {
    check(
        "amy: rust\n bob: rust sql, 1 of 1 taken\n cat: rust sql, running\n dan: rust sql, degraded",
        "rust sql",
        "cat=1.05",
    );
    check("amy: rust", "-, limit 0", "amy=1.25");
}

#[test]
fn who_lacks_the_fewest_comes_nearest_even_if_it_scores_less() {
    check(
        "amy: rust, 0 of 5 taken\n bob: rust sql, running, 1 of 1 taken",
        "rust sql go",
        "missing [go], nearest bob",
    );
}

#[test]
fn capabilities_that_somebody_has_are_not_missing() {
    check("amy: rust\n bob: sql", "rust sql", "missing [], nearest amy");
}

#[test]
fn all_busy_means_that_only_a_free_slot_is_wanting() {
    check(
        "amy: rust\n bob: rust sql, 2 of 2 taken",
        "rust sql",
        "missing [], nearest bob, all busy",
    );
    check("amy: rust, 1 of 1 taken", "-", "missing [], nearest amy, all busy");
}

#[test]
fn what_only_unavailable_agents_have_is_missing() {
    check(
        "amy: sql, failed\n bob: rust, in PHASE_B",
        "rust sql, in PHASE_A",
        "missing [rust, sql], nearest nobody",
    );
    check("", "rust", "missing [rust], nearest nobody");
}

#[test]
fn a_draining_agent_never_fits_whoever_is_asked() {
    let fleet = "amy: rust sql, draining\n bob: rust";
    check(fleet, "rust sql", "missing [sql], nearest bob");
    check(fleet, "rust sql, all", "missing [sql], nearest bob");
    check("amy: rust, draining", "rust, all", "missing [rust], nearest nobody");
    check("amy: rust, draining\n bob: rust, running, maintenance", "rust, all", "bob=1.05");
}

#[test]
fn the_refusal_is_a_sentence() {
    check_sentence(
        "amy: rust",
        "rust sql go",
        "no agent has sql, go; agent 616d7900-0000-0000-0000-000000000000 comes nearest and lacks sql, go",
    );
    check_sentence(
        "amy: rust\n bob: sql",
        "rust sql",
        "no single agent can do all of the work; \
         agent 616d7900-0000-0000-0000-000000000000 comes nearest and lacks sql",
    );
    check_sentence("amy: rust, 1 of 1 taken", "rust", "every agent that could do the work is busy");
    check_sentence("", "rust", "no agent that may be asked has rust");
    check_sentence("", "-", "no agent may be asked for this");
}
