//! When a silence means what.

use super::*;
use crate::testing::at;

/// An agent registered at 0; shows its health at each of the times.
#[track_caller]
fn check(policy: HealthPolicy, heartbeat: Option<i64>, watched: i64, now: &str, expected: &str) {
    check_announced(policy, heartbeat, (watched, Health::Unknown), now, expected);
}

/// The same for an agent whose health was announced before watching began.
#[track_caller]
fn check_announced(
    policy: HealthPolicy,
    heartbeat: Option<i64>,
    (watched, announced): (i64, Health),
    now: &str,
    expected: &str,
) {
    let vitals = Vitals {
        registered_at: at(0),
        last_heartbeat: heartbeat.map(at),
        announced,
        watched_since: at(watched),
    };
    let seen: Vec<String> = now
        .split_whitespace()
        .map(|second| health(&vitals, &policy, at(second.parse().unwrap())).to_string())
        .collect();
    assert_eq!(seen.join(" "), expected);
}

#[test]
fn at_the_limit_an_agent_is_still_in_the_better_state() {
    check(
        HealthPolicy::default(),
        Some(100),
        0,
        "100 160 161 190 191",
        "healthy healthy degraded degraded unresponsive",
    );
}

#[test]
fn an_agent_without_a_heartbeat_has_a_grace_period_and_is_never_healthy() {
    check(
        HealthPolicy::default(),
        None,
        0,
        "0 60 61 90 91",
        "unknown unknown degraded degraded unresponsive",
    );
    let impatient = HealthPolicy { grace_s: 10, ..HealthPolicy::default() };
    check(impatient, None, 0, "10 11 91", "unknown degraded unresponsive");
    let patient = HealthPolicy { grace_s: 600, ..HealthPolicy::default() };
    check(patient, None, 0, "600 601", "unknown unresponsive");
}

#[test]
fn the_restart_of_a_monitor_makes_nobody_worse_and_nobody_well() {
    let policy = HealthPolicy::default();
    let restarted = |announced, expected| {
        check_announced(policy, Some(100), (1000, announced), "1000 1060 1061 1091", expected);
    };
    restarted(Health::Healthy, "healthy healthy degraded unresponsive");
    restarted(Health::Unknown, "unknown unknown degraded unresponsive");
    restarted(Health::Degraded, "degraded degraded degraded unresponsive");
    restarted(Health::Unresponsive, "unresponsive unresponsive unresponsive unresponsive");
    check(policy, None, 1000, "1060 1061 1091", "unknown degraded unresponsive");
    let never = (1000, Health::Unresponsive);
    check_announced(policy, None, never, "1000 1060", "unresponsive unresponsive");
}

#[test]
fn a_heartbeat_just_before_the_restart_still_counts() {
    let just_before = (1000, Health::Unknown);
    check_announced(
        HealthPolicy::default(),
        Some(990),
        just_before,
        "1000 1050 1051 1061 1091",
        "healthy healthy unknown degraded unresponsive",
    );
}

#[test]
fn a_heartbeat_makes_an_agent_well_whatever_was_announced() {
    let policy = HealthPolicy::default();
    let announced = (1000, Health::Unresponsive);
    check_announced(policy, Some(1001), announced, "1001 1062", "healthy degraded");
}

#[test]
fn a_clock_that_was_set_back_changes_nothing() {
    check(HealthPolicy::default(), Some(100), 0, "-500 99", "healthy healthy");
    check(HealthPolicy::default(), None, 0, "-500", "unknown");
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let endless = HealthPolicy {
        ttl_s: u32::MAX,
        degraded_after_ttls: u32::MAX,
        unresponsive_after_ttls: u32::MAX,
        grace_s: u32::MAX,
        stalled_after_s: u32::MAX,
    };
    check(endless, Some(0), 0, "1000000000", "healthy");
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    let policy = HealthPolicy::default();
    assert_eq!(policy.validated(), Ok(policy));
    assert_eq!(policy.stalled_after_s, 15 * 60);
    let refusals = [
        HealthPolicy { ttl_s: 0, ..policy },
        HealthPolicy { degraded_after_ttls: 0, ..policy },
        HealthPolicy { degraded_after_ttls: 4, ..policy },
        HealthPolicy { stalled_after_s: 0, ..policy },
    ]
    .map(|policy| policy.validated().map_err(|invalid| invalid.to_string()).unwrap_err());
    insta::assert_debug_snapshot!(refusals, @r#"
    [
        "the time to live of a heartbeat must be at least a second",
        "an agent can be degraded after one time to live at the earliest",
        "an agent cannot be unresponsive after 3 times to live and degraded only after 4",
        "an agent can be stalled after a second at the earliest",
    ]
    "#);
}
