//! The order that phases give to the tasks of a ticket: each waits for all work of earlier phases.

use std::collections::BTreeMap;

use phaseline_phases::{PhaseId, Workflow};

use super::Item;

/// Who waits for whom.
pub(super) type Waits = BTreeMap<Item, Vec<Item>>;

/// Adds what the tasks of each ticket wait for by their phases. Each phase that has tasks stands
/// between those of later ones and its own, so that what is added grows with the tasks and not with
/// their pairs.
pub(super) fn add_phases<'a>(
    waits: &mut Waits,
    workflow: &Workflow,
    tasks: impl IntoIterator<Item = (&'a Item, &'a PhaseId)>,
) {
    let mut tickets: BTreeMap<&str, BTreeMap<usize, Vec<&Item>>> = BTreeMap::new();
    for (item, phase) in tasks {
        if let (Item::Task(ticket, _), Some(rank)) = (item, workflow.rank(phase)) {
            tickets.entry(ticket).or_default().entry(rank).or_default().push(item);
        }
    }
    for (ticket, phases) in tickets {
        let mut before: Option<Item> = None;
        for (rank, tasks) in phases {
            let Some(phase) = workflow.sequence().get(rank) else { continue };
            let done = Item::Phase(ticket.to_owned(), Box::new((rank, phase.clone())));
            let awaited = waits.entry(done.clone()).or_default();
            awaited.extend(before.clone());
            awaited.extend(tasks.iter().copied().cloned());
            if let Some(before) = before.replace(done) {
                for task in tasks {
                    waits.entry(task.clone()).or_default().push(before.clone());
                }
            }
        }
    }
}

/// The first task of a circle that waits there for earlier work of its ticket, and that earlier
/// task.
pub(super) fn held_by_its_phase(circle: &[Item]) -> impl Iterator<Item = (&Item, &Item)> {
    let after = |at: usize| circle.iter().cycle().skip(at + 1).take(circle.len());
    circle.iter().enumerate().filter_map(move |(at, item)| {
        let by_phase = matches!(after(at).next(), Some(Item::Phase(..)));
        let earlier = after(at).find(|item| matches!(item, Item::Task(..)));
        matches!(item, Item::Task(..)).then_some(item).filter(|_| by_phase).zip(earlier)
    })
}
