//! What agents were given lately: whoever completes it need not look for it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use phaseline_persistence::tasks::{Task, TicketSeen};
use uuid::Uuid;

use super::{Claimed, heard_of};
use crate::{Fleet, holding::Holding};

/// How many are remembered.
const MOST: usize = 4_096;
/// Tasks with more to read than this, in bytes, are looked for.
const LONGEST: usize = 4_096;

/// Tasks as they were when their agents got them, the last ones. It is hearsay: others may have changed
/// them since, and whoever goes by it writes at the versions that it names, or looks whether they are
/// still these.
#[derive(Debug, Default)]
pub(crate) struct GivenLately {
    tasks: Mutex<Lately<Heard>>,
    /// Tickets that have had results since tasks of them were given: that belongs to no version.
    results: Mutex<Lately<()>>,
}

/// The last ones of something, by id.
#[derive(Debug)]
struct Lately<T> {
    known: HashMap<Uuid, T>,
    /// In the order in which they came; some are gone.
    order: VecDeque<Uuid>,
}

/// A task that somebody got, and what its ticket said.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    task: Task,
    ticket: TicketSeen,
}

impl GivenLately {
    /// Remembers what an agent was given.
    pub(super) fn note(&self, claimed: &Claimed) {
        let mut tasks = locked(&self.tasks);
        for item in claimed.items.iter().filter(|item| to_read(&item.task) <= LONGEST) {
            let ticket = TicketSeen {
                auto_advance: item.ticket.flow.auto_advance,
                has_results: item.ticket.has_results,
                is_in_phase: item.ticket.position.phase == item.task.phase_id,
                version: item.ticket.version,
            };
            tasks.put(item.task.id, Heard { task: item.task.clone(), ticket });
        }
    }

    /// Remembers how a task is now, if it was remembered before.
    pub(crate) fn renew(&self, task: &Task) {
        if let Some(heard) = locked(&self.tasks).known.get_mut(&task.id) {
            heard.task = task.clone();
        }
    }

    /// Remembers that a task of this ticket was completed.
    pub(crate) fn note_results(&self, ticket: Uuid) {
        locked(&self.results).put(ticket, ());
    }

    /// What there is to be told of a task, for the last time.
    pub(crate) fn take(&self, id: Uuid) -> Option<Heard> {
        let mut heard = locked(&self.tasks).known.remove(&id)?;
        heard.ticket.has_results |= locked(&self.results).known.contains_key(&heard.task.ticket_id);
        Some(heard)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the texts of a task are that may be long.
fn to_read(task: &Task) -> usize {
    let error = task.error_message.as_ref().map_or(0, String::len);
    task.description.len() + error + 16 * (task.depends_on.len() + task.required_capabilities.len())
}

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self { known: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Lately<T> {
    fn put(&mut self, id: Uuid, what: T) {
        if self.known.insert(id, what).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

impl Heard {
    /// Whether a task of its ticket is known to have been completed.
    pub(crate) const fn has_results(&self) -> bool {
        self.ticket.has_results
    }

    /// The same with the agent that has the task, as the fleet knows it.
    pub(crate) fn holding(&self, fleet: &Fleet, now: DateTime<Utc>) -> Option<Holding> {
        let agent = heard_of(fleet, self.task.agent_id?, now)?;
        Some(Holding { task: self.task.clone(), agent: Some(agent), ticket: self.ticket })
    }
}

#[cfg(test)]
mod tests {
    use phaseline_phases::Phase;

    use super::*;
    use crate::why::tests::task;

    fn given(number: u128) -> (Uuid, Heard) {
        let ticket =
            TicketSeen { auto_advance: None, has_results: false, is_in_phase: true, version: 1 };
        let task = task(number, Phase::Design);
        (task.id, Heard { task, ticket })
    }

    fn remembering(numbers: impl Iterator<Item = u128>) -> GivenLately {
        let lately = GivenLately::default();
        for number in numbers {
            let (id, heard) = given(number);
            locked(&lately.tasks).put(id, heard);
        }
        lately
    }

    #[test]
    fn the_last_ones_are_remembered_each_until_it_is_told() {
        let lately = remembering(0..=MOST as u128);
        assert!(lately.take(Uuid::from_u128(0)).is_none(), "the oldest is forgotten");
        let last = Uuid::from_u128(MOST as u128);
        assert!(lately.take(last).is_some() && lately.take(last).is_none());
        let tasks = locked(&lately.tasks);
        assert!(tasks.known.len() < MOST && tasks.order.len() <= MOST);
    }

    #[test]
    fn a_change_is_remembered_of_what_was_given_alone() {
        let lately = GivenLately::default();
        let (id, Heard { task, .. }) = given(1);
        let changed = Task { version: 7, ..task };
        lately.renew(&changed);
        assert!(lately.take(id).is_none());
        let lately = remembering(1..2);
        lately.renew(&changed);
        assert_eq!(lately.take(id).map(|heard| heard.task.version), Some(7));
    }

    #[test]
    fn results_are_remembered_of_all_tasks_of_a_ticket() {
        let lately = remembering(1..3);
        let first = lately.take(Uuid::from_u128(1)).unwrap();
        assert!(!first.has_results());
        lately.note_results(first.task.ticket_id);
        assert!(lately.take(Uuid::from_u128(2)).unwrap().has_results());
    }

    #[test]
    fn what_is_long_is_not_remembered() {
        let (_, Heard { task, .. }) = given(1);
        assert!(to_read(&task) <= LONGEST);
        let long = "x".repeat(LONGEST + 1);
        let failed = Task { error_message: Some(long.clone()), ..task.clone() };
        assert!(
            to_read(&failed) > LONGEST && to_read(&Task { description: long, ..task }) > LONGEST
        );
    }
}
