//! Spending the budget: which items are taken.

use std::collections::BTreeSet;

use crate::pack::item::{Heading, Item};
use crate::tokens::count_tokens;

/// Which of the items, most important first, the budget takes.
pub(super) fn spend(budget: u64, items: &[Item<'_>]) -> Vec<bool> {
    let mut left = budget;
    let mut paid = BTreeSet::new();
    let mut group = None;
    let mut unpaid: Vec<(Heading, u64)> = Vec::new();
    let take = |item: &Item<'_>| {
        // Items under the same headings come one after the other.
        if group.replace((item.kind, item.phase)) != Some((item.kind, item.phase)) {
            let headings = item.headings().into_iter().filter(|heading| !paid.contains(heading));
            unpaid = headings
                .map(|heading| {
                    let tokens = u64::from(count_tokens(&heading.line));
                    (heading, tokens)
                })
                .collect();
        }
        let headings = unpaid.iter().map(|(_, tokens)| tokens).sum::<u64>();
        let cost = u64::from(item.tokens) + headings;
        let fits = cost <= left;
        if fits {
            left -= cost;
            paid.extend(unpaid.drain(..).map(|(heading, _)| heading));
        }
        fits
    };
    items.iter().map(take).collect()
}
