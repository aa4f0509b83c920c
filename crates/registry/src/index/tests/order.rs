//! Large fleets, in which groups are walked in the order of ids, whatever order they came in.

use uuid::Uuid;

use super::POLICY;
use crate::testing::{agents, at, wanted};
use crate::{Agent, Index, best_fit, rank};

const AGENTS: u128 = 3000;

/// Puts in agents whose numbers come in this order, and compares what is found with the plain rule.
#[track_caller]
fn check(numbers: impl Iterator<Item = u128>) {
    let kinds = agents(
        "a: rust, beat 40, 0 of 3 taken\n b: rust sql, beat 0\n c: sql, running, 1 of 3 taken\n \
         d: rust sql go, beat 40, 0 of 7 taken\n e: go, maintenance",
    );
    let mut index = Index::new(POLICY, at(0));
    let plain: Vec<Agent> = numbers
        .map(|number| {
            let kind = kinds[number as usize * 7 % 11 % kinds.len()].clone();
            Agent { id: Uuid::from_u128(number), ..kind }
        })
        .collect();
    for agent in &plain {
        index.upsert(agent.clone());
    }
    let left: Vec<Agent> =
        plain.iter().filter(|agent| agent.id.as_u128() % 13 != 0).cloned().collect();
    compare(&index, &plain);
    for agent in plain.iter().filter(|agent| agent.id.as_u128() % 13 == 0) {
        assert!(index.remove(&agent.id).is_some());
    }
    compare(&index, &left);
    index.judge(0, usize::MAX, at(45), |_| {});
    compare(&index, &left);
    for agent in plain.iter().filter(|agent| agent.id.as_u128() % 13 == 0) {
        assert!(index.upsert(agent.clone()));
    }
    compare(&index, &plain);
}

#[track_caller]
fn compare(index: &Index, plain: &[Agent]) {
    for query in
        ["rust", "rust sql", "rust sql go", "go perl, limit 70", "-", "sql, all, limit 200"]
    {
        let wanted = wanted(query);
        for now in [at(30), at(45), at(120)] {
            let expected = rank(plain, &wanted, &POLICY, at(0), now);
            assert_eq!(index.search(&wanted, now), expected, "{query}");
            let expected = best_fit(plain, &wanted, &POLICY, at(0), now);
            assert_eq!(index.best_fit(&wanted, now), expected, "{query}");
        }
    }
}

#[test]
fn ids_that_grow() {
    check(0..AGENTS);
}

#[test]
fn ids_that_fall() {
    check((0..AGENTS).rev());
}

#[test]
fn ids_of_two_servers_that_take_turns() {
    check((0..AGENTS / 2).flat_map(|number| [number, number + AGENTS / 2]));
}

#[test]
fn ids_in_no_order() {
    check((0..AGENTS).map(|number| number * 1_103 % AGENTS));
}
