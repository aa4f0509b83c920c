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
pub(crate) struct GivenLately(Mutex<Tasks>);

#[derive(Debug, Default)]
struct Tasks {
    known: HashMap<Uuid, Heard>,
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
        let short = claimed.items.iter().filter(|item| item.task.description.len() <= LONGEST);
        let mut tasks = self.tasks();
        for item in short {
            let ticket = TicketSeen {
                auto_advance: item.ticket.flow.auto_advance,
                has_results: item.ticket.has_results,
                is_in_phase: item.ticket.position.phase == item.task.phase_id,
                version: item.ticket.version,
            };
            tasks.put(Heard { task: item.task.clone(), ticket });
        }
    }

    /// Remembers how a task is now, if it was remembered before.
    pub(crate) fn renew(&self, task: &Task) {
        if let Some(heard) = self.tasks().known.get_mut(&task.id) {
            heard.task = task.clone();
        }
    }

    /// What there is to be told of a task, for the last time.
    pub(crate) fn take(&self, id: Uuid) -> Option<Heard> {
        self.tasks().known.remove(&id)
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    fn put(&mut self, heard: Heard) {
        let id = heard.task.id;
        self.order.push_back(id);
        self.known.insert(id, heard);
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

impl Heard {
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

    fn heard(number: u128) -> Heard {
        let ticket =
            TicketSeen { auto_advance: None, has_results: false, is_in_phase: true, version: 1 };
        Heard { task: task(number, Phase::Design), ticket }
    }

    #[test]
    fn the_last_ones_are_remembered_each_until_it_is_told() {
        let lately = GivenLately::default();
        for number in 0..=MOST as u128 {
            lately.tasks().put(heard(number));
        }
        assert!(lately.take(Uuid::from_u128(0)).is_none(), "the oldest is forgotten");
        let last = Uuid::from_u128(MOST as u128);
        assert!(lately.take(last).is_some() && lately.take(last).is_none());
        assert!(lately.tasks().known.len() < MOST && lately.tasks().order.len() <= MOST);
    }

    #[test]
    fn a_change_is_remembered_of_what_was_given_alone() {
        let lately = GivenLately::default();
        let changed = Task { version: 7, ..heard(1).task };
        lately.renew(&changed);
        assert!(lately.take(changed.id).is_none());
        lately.tasks().put(heard(1));
        lately.renew(&changed);
        assert_eq!(lately.take(changed.id).map(|heard| heard.task.version), Some(7));
    }
}
