//! The best so far, at most so many of them.

use std::collections::BinaryHeap;

use crate::score::Standing;

/// An agent that is among the best so far; the smaller one is the better one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) standing: Standing,
    pub(super) slot: u32,
}

/// The best so far, the worst of them on top.
#[derive(Debug, Clone)]
pub(super) struct Best {
    limit: usize,
    heap: BinaryHeap<Candidate>,
}

impl Best {
    pub(super) fn of(limit: usize) -> Best {
        Best { limit, heap: BinaryHeap::new() }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether somebody who stands there or further down has no chance any more.
    pub(super) fn is_closed_to(&self, standing: &Standing) -> bool {
        self.heap.len() >= self.limit
            && self.heap.peek().is_none_or(|worst| worst.standing <= *standing)
    }

    /// The same for somebody in this slot with this score and these free slots, where whoever is in a
    /// greater slot has a greater id.
    pub(super) fn is_closed_behind(&self, slot: u32, micros: u32, free_slots: u32) -> bool {
        self.heap.len() >= self.limit
            && self.heap.peek().is_none_or(|worst| {
                worst.slot < slot && worst.standing.is_before_later(micros, free_slots)
            })
    }

    pub(super) fn offer(&mut self, candidate: Candidate) {
        if self.heap.len() < self.limit {
            self.heap.push(candidate);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate < *worst
        {
            *worst = candidate;
        }
    }

    /// They themselves, the best first.
    pub(super) fn into_sorted(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec()
    }
}
