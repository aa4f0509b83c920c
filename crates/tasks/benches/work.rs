//! How long it takes to order what waits and to find work that waits for itself:
//! `cargo bench -p phaseline-tasks`.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use divan::{Bencher, black_box};
use phaseline_tasks::{
    FailureClass, Priority, RetryPolicy, Waiting, after_failure, find_cycle, find_cycle_through,
};

fn main() {
    divan::main();
}

/// Each task waits for the three before it.
fn waits(count: u32) -> BTreeMap<u32, Vec<u32>> {
    (0..count).map(|task| (task, (task.saturating_sub(3)..task).collect())).collect()
}

#[divan::bench(args = [100, 10_000])]
fn a_graph_without_a_cycle_searched(bencher: Bencher<'_, '_>, count: u32) {
    let waits = waits(count);
    bencher.bench(|| find_cycle(black_box(&waits)));
}

#[divan::bench(args = [100, 10_000])]
fn one_task_of_it_looked_at(bencher: Bencher<'_, '_>, count: u32) {
    let waits = waits(count);
    bencher.bench(|| find_cycle_through(black_box(&waits), &(count - 1)));
}

#[divan::bench(args = [100, 10_000])]
fn what_waits_put_in_order(bencher: Bencher<'_, '_>, count: u32) {
    let priorities = [Priority::Low, Priority::High, Priority::Medium];
    let waiting = move || {
        (0..count)
            .zip(priorities.into_iter().cycle())
            .map(|(id, priority)| {
                let age = TimeDelta::seconds(i64::from(id * 7_919 % count));
                Waiting { priority, created_at: DateTime::UNIX_EPOCH + age, id }
            })
            .collect::<Vec<_>>()
    };
    bencher.with_inputs(waiting).bench_refs(|waiting| waiting.sort());
}

#[divan::bench]
fn what_follows_a_failure_decided() -> phaseline_tasks::Next {
    let policy = RetryPolicy::default();
    after_failure(black_box(FailureClass::Task), 0, 3, 1, &policy, 0.5)
}
