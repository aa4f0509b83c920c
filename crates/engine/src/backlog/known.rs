//! What the database has already of a backlog, and what that waits for.

use std::collections::{BTreeSet, HashMap, HashSet};

use phaseline_persistence::{
    Tx,
    tasks::{self, Task},
    tickets::{self, Ticket},
};
use phaseline_phases::PhaseId;
use phaseline_tasks::find_cycle_through;
use uuid::Uuid;

use super::{
    Backlog, Item,
    order::{Waits, add_phases},
    plan::Reference,
};
use crate::{Result, tickets::workflow};

/// What the database has already, by key.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) tickets: HashMap<String, Ticket>,
    pub(super) tasks: HashMap<Reference, Uuid>,
    /// Who of them waits for whom, and so on, as far as it is not finished; without what phases ask
    /// for.
    pub(super) waits: Waits,
    /// The open tasks among them, with their phases.
    pub(super) work: Vec<(Item, PhaseId)>,
}

impl Known {
    /// Reads what a backlog names, and whatever that waits for.
    pub(super) async fn read(tx: &Tx, backlog: &Backlog) -> Result<Self> {
        let keys: Vec<String> = named(backlog).into_iter().collect();
        let named = tickets::with_keys(tx.connection(), &keys).await?;
        let named: HashMap<String, Ticket> =
            named.into_iter().filter_map(|ticket| Some((ticket.key.clone()?, ticket))).collect();
        let all = Reached::from(tx, named.values().cloned().collect()).await?;
        let tasks = all
            .tasks
            .values()
            .filter_map(|task| {
                let ticket = all.tickets.get(&task.ticket_id)?.key.clone()?;
                let key = task.key.clone()?;
                Some(((ticket, key), task.id))
            })
            .collect();
        Ok(Self { waits: all.waits()?, work: all.work(), tickets: named, tasks })
    }
}

/// The circle that a new task of a ticket would close: who waits for whom, by name.
pub(crate) async fn cycle_with(
    tx: &Tx,
    ticket: &Ticket,
    task: &Task,
) -> Result<Option<Vec<String>>> {
    if task.depends_on.is_empty() {
        return Ok(None);
    }
    let mut open = tasks::tickets_of(tx.connection(), &task.depends_on).await?;
    open.push(ticket.id);
    open.sort_unstable();
    open.dedup();
    let open = tickets::with_ids(tx.connection(), &open).await?;
    let mut all = Reached::from(tx, open).await?;
    all.tasks.insert(task.id, task.clone());
    let Some(new) = all.task(&task.id) else { return Ok(None) };
    let (mut waits, work) = (all.waits()?, all.work());
    let work = work.iter().map(|(item, phase)| (item, phase));
    add_phases(&mut waits, workflow(&ticket.workflow_id)?, work);
    let circle = find_cycle_through(&waits, &new);
    Ok(circle.map(|items| items.iter().map(ToString::to_string).collect()))
}

/// Every key that can be that of a ticket. What stands before a `/` may be one, too.
fn named(backlog: &Backlog) -> HashSet<String> {
    let prefixes = |name: &String| {
        let ends: Vec<usize> = name.match_indices('/').map(|(at, _)| at).collect();
        ends.into_iter().map(|at| name[..at].to_owned()).collect::<Vec<_>>()
    };
    let tickets = backlog
        .tickets
        .iter()
        .flat_map(|ticket| std::iter::once(&ticket.key).chain(&ticket.blocked_by));
    let of_tasks = backlog.tasks.iter().map(|task| &task.ticket);
    let dependencies = backlog.tasks.iter().flat_map(|task| &task.depends_on).flat_map(prefixes);
    tickets.chain(of_tasks).cloned().chain(dependencies).collect()
}

/// Stored tickets with their tasks, and those that they wait for.
#[derive(Debug, Default)]
struct Reached {
    tickets: HashMap<Uuid, Ticket>,
    tasks: HashMap<Uuid, Task>,
}

impl Reached {
    async fn from(tx: &Tx, mut open: Vec<Ticket>) -> Result<Self> {
        let mut reached = Self::default();
        while !open.is_empty() {
            let ids: Vec<Uuid> = open.iter().map(|ticket| ticket.id).collect();
            let mut next: BTreeSet<Uuid> =
                open.iter().flat_map(|ticket| ticket.blocked_by.iter().copied()).collect();
            reached.tickets.extend(open.into_iter().map(|ticket| (ticket.id, ticket)));
            let tasks = tasks::of_tickets(tx.connection(), &ids).await?;
            let awaited: Vec<Uuid> =
                tasks.iter().flat_map(|task| task.depends_on.iter().copied()).collect();
            reached.tasks.extend(tasks.into_iter().map(|task| (task.id, task)));
            let unknown: Vec<Uuid> =
                awaited.into_iter().filter(|id| !reached.tasks.contains_key(id)).collect();
            next.extend(tasks::tickets_of(tx.connection(), &unknown).await?);
            let next: Vec<Uuid> =
                next.into_iter().filter(|id| !reached.tickets.contains_key(id)).collect();
            open = tickets::with_ids(tx.connection(), &next).await?;
        }
        Ok(reached)
    }

    /// The open tasks, with their phases.
    fn work(&self) -> Vec<(Item, PhaseId)> {
        let open = self.tasks.values().filter(|task| task.status.is_open());
        open.filter_map(|task| Some((self.task(&task.id)?, task.phase_id.clone()))).collect()
    }

    fn waits(&self) -> Result<Waits> {
        let mut waits = Waits::new();
        let mut blockers = HashMap::new();
        for ticket in self.tickets.values() {
            if workflow(&ticket.workflow_id)?.is_terminal(&ticket.position.phase) {
                continue;
            }
            let awaited: Vec<Item> =
                ticket.blocked_by.iter().filter_map(|id| self.ticket(id)).collect();
            if let Some(item) = self.ticket(&ticket.id) {
                waits.entry(item).or_default().extend(awaited.clone());
            }
            blockers.insert(ticket.id, awaited);
        }
        for task in self.tasks.values().filter(|task| task.status.is_open()) {
            let (Some(item), Some(ticket)) = (self.task(&task.id), self.ticket(&task.ticket_id))
            else {
                continue;
            };
            let before = blockers.get(&task.ticket_id).into_iter().flatten().cloned();
            let awaited = task.depends_on.iter().filter_map(|id| self.task(id));
            waits.entry(item.clone()).or_default().extend(awaited.chain(before));
            waits.entry(ticket).or_default().push(item);
        }
        for awaited in waits.values_mut() {
            awaited.sort();
        }
        Ok(waits)
    }

    fn ticket(&self, id: &Uuid) -> Option<Item> {
        Some(Item::Ticket(self.name(id)?))
    }

    fn task(&self, id: &Uuid) -> Option<Item> {
        let task = self.tasks.get(id)?;
        let key = task.key.clone().unwrap_or_else(|| id.to_string());
        Some(Item::Task(self.name(&task.ticket_id)?, key))
    }

    fn name(&self, ticket: &Uuid) -> Option<String> {
        let ticket = self.tickets.get(ticket)?;
        Some(ticket.key.clone().unwrap_or_else(|| ticket.id.to_string()))
    }
}
