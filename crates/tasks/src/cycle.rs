//! Work that waits for itself.

use std::collections::{BTreeMap, BTreeSet};

/// The first circle in who waits for whom: each of the answer waits for the next, and the last one
/// for the first. The same graph always gives the same answer. Takes time and memory in proportion
/// to the graph, however long its chains.
///
/// A depth-first search that keeps the way it came; a step onto what is begun and not finished
/// closes a circle (Tarjan, *Depth-first search and linear graph algorithms*, 1972).
///
/// ```
/// use std::collections::BTreeMap;
///
/// use phaseline_tasks::find_cycle;
///
/// assert_eq!(find_cycle(&BTreeMap::from([(1, vec![2]), (2, vec![3])])), None);
/// assert_eq!(find_cycle(&BTreeMap::from([(1, vec![2]), (2, vec![2])])), Some(vec![2]));
/// ```
#[must_use]
pub fn find_cycle<K: Clone + Ord>(waits: &BTreeMap<K, Vec<K>>) -> Option<Vec<K>> {
    let (mut begun, mut finished) = (BTreeSet::<&K>::new(), BTreeSet::<&K>::new());
    for start in waits.keys() {
        let mut way: Vec<(&K, std::slice::Iter<'_, K>)> = Vec::new();
        let mut next = Some(start);
        loop {
            if let Some(node) = next.filter(|node| !finished.contains(node)) {
                if !begun.insert(node) {
                    let circle = way.iter().map(|(node, _)| *node).skip_while(|on| *on != node);
                    return Some(circle.cloned().collect());
                }
                way.push((node, waits.get(node).map_or([].iter(), |awaited| awaited.iter())));
            }
            let Some((node, awaited)) = way.last_mut() else { break };
            next = awaited.next();
            if next.is_none() {
                finished.insert(*node);
                way.pop();
            }
        }
    }
    None
}

/// A circle through `start` in who waits for whom: `start` first, each waits for the next, and the
/// last one for `start`. Circles elsewhere do not matter. Takes time and memory in proportion to the
/// graph.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use phaseline_tasks::find_cycle_through;
///
/// let waits = BTreeMap::from([(1, vec![2]), (2, vec![3]), (3, vec![2])]);
/// assert_eq!(find_cycle_through(&waits, &1), None);
/// assert_eq!(find_cycle_through(&waits, &3), Some(vec![3, 2]));
/// ```
#[must_use]
pub fn find_cycle_through<K: Clone + Ord>(
    waits: &BTreeMap<K, Vec<K>>,
    start: &K,
) -> Option<Vec<K>> {
    let awaited_by = |node: &K| waits.get(node).map_or([].iter(), |awaited| awaited.iter());
    let mut seen = BTreeSet::new();
    let mut way = vec![(start, awaited_by(start))];
    while let Some((_, awaited)) = way.last_mut() {
        match awaited.next() {
            None => {
                way.pop();
            }
            Some(node) if node == start => {
                return Some(way.into_iter().map(|(node, _)| node.clone()).collect());
            }
            Some(node) => {
                if seen.insert(node) {
                    way.push((node, awaited_by(node)));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Kahn's way to tell: what is left when nothing that waits for nobody is left.
    fn has_cycle(waits: &BTreeMap<u8, Vec<u8>>) -> bool {
        let mut left = waits.clone();
        loop {
            let free: Vec<u8> = left
                .iter()
                .filter(|(_, awaited)| awaited.iter().all(|node| !left.contains_key(node)))
                .map(|(node, _)| *node)
                .collect();
            if free.is_empty() {
                return !left.is_empty();
            }
            left.retain(|node, _| !free.contains(node));
        }
    }

    /// `a>b c; b>a`: `a` waits for `b` and `c`, and `b` for `a`.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let rows = text.split(';').filter_map(|row| row.trim().split_once('>'));
        let waits: BTreeMap<&str, Vec<&str>> =
            rows.map(|(node, awaited)| (node, awaited.split_whitespace().collect())).collect();
        assert_eq!(find_cycle(&waits).unwrap_or_default().join(" "), expected, "{text}");
    }

    #[test]
    fn a_circle_is_told_in_the_order_of_waiting() {
        check("", "");
        check("a>b c; b>d; c>d", ""); // two ways to one place are no circle
        check("a>a", "a");
        check("a>b; b>a", "a b");
        check("a>b; b>c; c>d; d>b", "b c d"); // the way to the circle is not part of it
        check("a>x c; c>b; b>c", "c b"); // x waits for nobody
        check("c>d; d>c; a>b; b>a", "a b"); // of two circles, the one of the smallest
    }

    proptest! {
        #[test]
        fn a_circle_is_found_exactly_where_there_is_one(
            waits in proptest::collection::btree_map(
                0_u8..12,
                proptest::collection::vec(0_u8..12, 0..3),
                0..12,
            )
        ) {
            match find_cycle(&waits) {
                None => prop_assert!(!has_cycle(&waits)),
                Some(circle) => {
                    prop_assert!(has_cycle(&waits));
                    let distinct: BTreeSet<&u8> = circle.iter().collect();
                    prop_assert_eq!(distinct.len(), circle.len(), "{:?}", circle);
                    for (at, node) in circle.iter().enumerate() {
                        let awaited = &circle[(at + 1) % circle.len()];
                        prop_assert!(waits[node].contains(awaited), "{:?}", circle);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn there_is_a_circle_where_one_goes_through_somebody(
            waits in proptest::collection::btree_map(
                0_u8..9,
                proptest::collection::vec(0_u8..9, 0..3),
                0..9,
            )
        ) {
            let through: Vec<Vec<u8>> =
                waits.keys().filter_map(|node| find_cycle_through(&waits, node)).collect();
            prop_assert_eq!(find_cycle(&waits).is_some(), !through.is_empty());
            for circle in through {
                for (at, node) in circle.iter().enumerate() {
                    let awaited = &circle[(at + 1) % circle.len()];
                    prop_assert!(waits[node].contains(awaited), "{:?}", circle);
                }
            }
        }
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_is_walked_without_running_out_of_stack() {
        let mut waits: BTreeMap<u32, Vec<u32>> =
            (0..100_000).map(|node| (node, vec![node + 1])).collect();
        assert_eq!(find_cycle(&waits), None);
        waits.insert(100_000, vec![99_999]);
        assert_eq!(find_cycle(&waits), Some(vec![99_999, 100_000]));
    }
}
