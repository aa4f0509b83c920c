//! What follows a failure, and how long it takes.

use proptest::prelude::*;
use strum::IntoEnumIterator;

use super::*;

fn policy() -> RetryPolicy {
    RetryPolicy::default()
}

/// Any policy that makes sense.
fn policies() -> impl Strategy<Value = RetryPolicy> {
    let waits = (any::<u32>(), any::<u32>()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    (1..=MAX_ATTEMPTS, waits, 0.0..=1.0).prop_map(|(max_attempts, (base_s, max_s), jitter)| {
        RetryPolicy { max_attempts, base_s, max_s, jitter }
    })
}

#[test]
fn waits_double_up_to_the_longest() {
    let rows = [0.0, 0.5, 0.999_999].map(|random| {
        let waits = [0, 1, 2, 3, 6, 7, 8, 64, 65, 66, u32::MAX]
            .map(|failures| policy().delay(failures, random).as_seconds_f64().to_string());
        format!("random {random}: {}", waits.join(" "))
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    random 0: 0 8 16 32 256 480 480 480 480 480 480
    random 0.5: 0 10 20 40 320 600 600 600 600 600 600
    random 0.999999: 0 11.999 23.999 47.999 383.999 719.999 719.999 719.999 719.999 719.999 719.999
    ");
}

/// What follows when a task of three attempts has used up some of them before this failure, its
/// second in a row.
fn row(class: FailureClass, used: u32) -> String {
    match after_failure(class, used, 3, 2, &policy(), 0.5) {
        Next::Retry { attempts_used, wait } => {
            format!("{class} after {used}: again in {} s, used {attempts_used}", wait.num_seconds())
        }
        Next::GiveUp { attempts_used } => {
            format!("{class} after {used}: given up, used {attempts_used}")
        }
    }
}

#[test]
fn what_follows_after_a_failure_reads_like_this() {
    let rows = FailureClass::iter().flat_map(|class| [0, 1, 2, 3].map(|used| row(class, used)));
    insta::assert_snapshot!(rows.collect::<Vec<_>>().join("\n"), @r"
    task after 0: again in 20 s, used 1
    task after 1: again in 20 s, used 2
    task after 2: given up, used 3
    task after 3: given up, used 4
    transient after 0: again in 20 s, used 0
    transient after 1: again in 20 s, used 1
    transient after 2: again in 20 s, used 2
    transient after 3: again in 20 s, used 3
    capability after 0: again in 0 s, used 0
    capability after 1: again in 0 s, used 1
    capability after 2: again in 0 s, used 2
    capability after 3: again in 0 s, used 3
    needs_input after 0: again in 0 s, used 0
    needs_input after 1: again in 0 s, used 1
    needs_input after 2: again in 0 s, used 2
    needs_input after 3: again in 0 s, used 3
    dependency after 0: again in 20 s, used 0
    dependency after 1: again in 20 s, used 1
    dependency after 2: again in 20 s, used 2
    dependency after 3: again in 20 s, used 3
    ");
}

#[test]
fn a_caller_that_has_not_counted_this_failure_yet_still_makes_the_task_wait() {
    let next = |in_a_row| after_failure(FailureClass::Transient, 0, 3, in_a_row, &policy(), 0.5);
    assert_eq!(next(0), next(1));
}

#[test]
fn a_task_that_loses_its_leases_waits_from_the_third_time_on() {
    let waits = [0, 1, 2, 3, 4, 5, u32::MAX]
        .map(|losses| after_lost_lease(losses, &policy(), 0.5).num_seconds().to_string());
    assert_eq!(waits.join(" "), "0 0 0 10 20 40 600");
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    let sensible = policy();
    let said = [
        RetryPolicy { max_attempts: 0, ..sensible },
        RetryPolicy { max_attempts: 101, ..sensible },
        RetryPolicy { base_s: 601, ..sensible },
        RetryPolicy { jitter: -0.1, ..sensible },
        RetryPolicy { jitter: 1.1, ..sensible },
        RetryPolicy { jitter: f64::NAN, ..sensible },
    ]
    .map(|policy| policy.validated().unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"), @r"
    a task cannot have 0 attempts: it has 1 to 100
    a task cannot have 101 attempts: it has 1 to 100
    the first wait cannot last 601 seconds and the longest one only 600
    a jitter of -0.1 is not possible: it lies between 0 and 1
    a jitter of 1.1 is not possible: it lies between 0 and 1
    a jitter of NaN is not possible: it lies between 0 and 1
    ");
    for edge in [
        sensible,
        RetryPolicy { max_attempts: 1, base_s: 0, max_s: 0, jitter: 0.0 },
        RetryPolicy { max_attempts: 100, base_s: 600, max_s: 600, jitter: 1.0 },
    ] {
        assert_eq!(edge.validated(), Ok(edge));
    }
}

#[test]
fn a_policy_is_read_with_what_it_leaves_out_as_usual() {
    let read: RetryPolicy = serde_json::from_str(r#"{"base_s":1}"#).unwrap();
    assert_eq!(read, RetryPolicy { base_s: 1, ..policy() });
    assert!(serde_json::from_str::<RetryPolicy>(r#"{"base":1}"#).is_err());
}

#[test]
fn numbers_that_are_none_give_an_answer_too() {
    for given in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 2.0] {
        let wait = policy().delay(1, given).num_milliseconds();
        assert!((8_000..=12_000).contains(&wait), "random {given}: {wait}");
        let wait = RetryPolicy { jitter: given, ..policy() }.delay(1, 0.9).num_milliseconds();
        assert!((0..=20_000).contains(&wait), "jitter {given}: {wait}");
    }
}

proptest! {
    #[test]
    fn a_wait_lies_within_its_jitter_and_never_above_the_longest(
        policy in policies(),
        failures in prop_oneof![1_u32..80, any::<u32>()],
        random in 0.0..1.0,
    ) {
        let wait = policy.delay(failures, random).as_seconds_f64();
        let full = policy.delay(failures, 0.5).as_seconds_f64();
        prop_assert!(wait >= 0.0);
        prop_assert!(wait <= f64::from(policy.max_s) * (1.0 + policy.jitter));
        prop_assert!(full <= f64::from(policy.max_s));
        // A wait has whole milliseconds.
        prop_assert!((wait - full).abs() <= full * policy.jitter + 0.002, "{} {}", wait, full);
    }

    #[test]
    fn more_failures_never_make_a_wait_shorter_nor_does_a_larger_random_number(
        policy in policies(),
        failures in 0_u32..80,
        (low, high) in (0.0..1.0, 0.0..1.0).prop_map(|(a, b): (f64, f64)| (a.min(b), a.max(b))),
    ) {
        prop_assert!(policy.delay(failures, low) <= policy.delay(failures + 1, low));
        prop_assert!(policy.delay(failures, low) <= policy.delay(failures, high));
        if failures > 0 && u64::from(policy.base_s) << (failures - 1).min(31) <= policy.max_s.into()
        {
            let expected = f64::from(policy.base_s) * 2_f64.powi(failures as i32 - 1);
            let capped = expected.min(policy.max_s.into());
            prop_assert!((policy.delay(failures, 0.5).as_seconds_f64() - capped).abs() < 0.002);
        }
    }

    #[test]
    fn a_task_is_given_up_exactly_when_its_own_failures_have_used_up_its_attempts(
        classes in proptest::collection::vec(0_usize..5, 1..40),
        max_attempts in 1_u32..6,
        random in 0.0..1.0,
    ) {
        let (mut used, mut own) = (0, 0);
        for (before, class) in classes.into_iter().enumerate() {
            let class = FailureClass::iter().nth(class).unwrap();
            own += u32::from(class == FailureClass::Task);
            let in_a_row = before as u32 + 1;
            match after_failure(class, used, max_attempts, in_a_row, &policy(), random) {
                Next::Retry { attempts_used, .. } => {
                    prop_assert!(attempts_used == own && own < max_attempts);
                    used = attempts_used;
                }
                Next::GiveUp { attempts_used } => {
                    prop_assert_eq!(class, FailureClass::Task);
                    prop_assert!(attempts_used == own && own == max_attempts);
                    return Ok(());
                }
            }
        }
    }
}
