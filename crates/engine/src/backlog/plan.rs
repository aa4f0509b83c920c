//! What the names of a backlog refer to: a pure check that finds the first thing that is wrong.

use std::collections::{HashMap, HashSet};

use phaseline_phases::{PhaseId, Workflow};
use phaseline_tasks::find_cycle;

use super::{
    Backlog, BacklogTask,
    fault::{BacklogFault, InvalidBacklog, Item},
    known::Known,
    order::{Waits, add_phases, held_by_its_phase},
};

/// A task by the keys of its ticket and its own.
pub(super) type Reference = (String, String);

/// The phase of each task and what it waits for, in the order of the backlog's tasks.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) phases: Vec<PhaseId>,
    pub(super) dependencies: Vec<Vec<Reference>>,
}

/// Resolves every name, or says which one cannot be.
pub(super) fn resolve(backlog: &Backlog, known: &Known) -> Result<Plan, InvalidBacklog> {
    let tickets = ticket_keys(backlog, known)?;
    let names = Names::collect(backlog, known, &tickets)?;
    let mut dependencies = Vec::new();
    for (index, task) in backlog.tasks.iter().enumerate() {
        let mut awaited = Vec::new();
        for (place, name) in task.depends_on.iter().enumerate() {
            let found = names.find(task, name);
            awaited.push(
                found.map_err(|fault| fault.at(format!("/tasks/{index}/depends_on/{place}")))?,
            );
        }
        dependencies.push(awaited);
    }
    let mut plan = Plan { phases: phases(backlog, known)?, dependencies };
    bring_forward(backlog, &mut plan);
    while let Some(path) = circle(backlog, known, &plan) {
        if !break_up(backlog, known, &mut plan, &path) {
            return Err(BacklogFault::Cycle { path }.at(""));
        }
    }
    Ok(plan)
}

/// A circle in who waits for whom.
fn circle(backlog: &Backlog, known: &Known, plan: &Plan) -> Option<Vec<Item>> {
    let workflow = Workflow::standard();
    let items: Vec<Item> = backlog.tasks.iter().map(item_of).collect();
    let planned = || items.iter().zip(&plan.phases);
    let work = || known.work.iter().map(|(item, phase)| (item, phase));
    // A backlog that contradicts itself is refused even where it changes nothing.
    let mut alone = waits(Waits::new(), backlog, &plan.dependencies, |_| true);
    add_phases(&mut alone, workflow, planned());
    if let Some(circle) = find_cycle(&alone) {
        return Some(circle);
    }
    // A circle that is stored already, closed a task at a time, is not the fault of this backlog.
    let mut stored = known.waits.clone();
    add_phases(&mut stored, workflow, work());
    if find_cycle(&stored).is_some() {
        return None;
    }
    let mut all =
        waits(known.waits.clone(), backlog, &plan.dependencies, |item| is_new(item, known));
    add_phases(&mut all, workflow, work().chain(planned().filter(|(item, _)| is_new(item, known))));
    find_cycle(&all)
}

/// Breaks a circle up that goes through the phase of a task, if it can: work that earlier work of its
/// ticket waits for, over whatever way, is work of that earlier phase, unless the backlog says
/// otherwise.
fn break_up(backlog: &Backlog, known: &Known, plan: &mut Plan, circle: &[Item]) -> bool {
    let place = |item: &Item| backlog.tasks.iter().position(|task| item_of(task) == *item);
    let phase_of = |item: &Item, plan: &Plan| match place(item) {
        Some(place) => Some(plan.phases[place].clone()),
        None => known.work.iter().find(|(known, _)| known == item).map(|(_, phase)| phase.clone()),
    };
    for (held, earlier) in held_by_its_phase(circle) {
        let Some(place) = place(held).filter(|_| is_new(held, known)) else { continue };
        let Some(phase) = phase_of(earlier, plan) else { continue };
        if backlog.tasks[place].phase_id.is_none() {
            plan.phases[place] = phase;
            return true;
        }
    }
    false
}

fn item_of(task: &BacklogTask) -> Item {
    Item::Task(task.ticket.clone(), task.key.clone())
}

/// Work that earlier work of the same ticket waits for is work of that earlier phase, unless the
/// backlog says otherwise: a phase begins when the one before has no work left. What waits over other
/// tickets shows up as a circle, but this is what most backlogs have, and quicker.
fn bring_forward(backlog: &Backlog, plan: &mut Plan) {
    let workflow = Workflow::standard();
    let places: HashMap<(&str, &str), usize> = backlog
        .tasks
        .iter()
        .enumerate()
        .map(|(place, task)| ((task.ticket.as_str(), task.key.as_str()), place))
        .collect();
    // Each round moves something to an earlier phase, so there is an end.
    let mut moved = true;
    while moved {
        moved = false;
        for (place, task) in backlog.tasks.iter().enumerate() {
            for (ticket, key) in &plan.dependencies[place] {
                let awaited = places.get(&(ticket.as_str(), key.as_str())).copied();
                let Some(awaited) = awaited.filter(|_| *ticket == task.ticket) else { continue };
                let (mine, theirs) = (&plan.phases[place], &plan.phases[awaited]);
                let later = workflow.rank(theirs) > workflow.rank(mine);
                if later && backlog.tasks[awaited].phase_id.is_none() {
                    plan.phases[awaited] = mine.clone();
                    moved = true;
                }
            }
        }
    }
}

fn is_new(item: &Item, known: &Known) -> bool {
    match item {
        Item::Ticket(key) => !known.tickets.contains_key(key),
        Item::Task(ticket, key) => !known.tasks.contains_key(&(ticket.clone(), key.clone())),
        Item::Phase(..) => true,
    }
}

fn ticket_keys<'a>(
    backlog: &'a Backlog,
    known: &'a Known,
) -> Result<HashSet<&'a str>, InvalidBacklog> {
    let mut keys = HashSet::new();
    for (index, ticket) in backlog.tickets.iter().enumerate() {
        if !keys.insert(ticket.key.as_str()) {
            let fault = BacklogFault::DuplicateTicket { key: ticket.key.clone() };
            return Err(fault.at(format!("/tickets/{index}/key")));
        }
    }
    keys.extend(known.tickets.keys().map(String::as_str));
    for (index, ticket) in backlog.tickets.iter().enumerate() {
        let missing = |key: &String| !keys.contains(key.as_str());
        if let Some(place) = ticket.blocked_by.iter().position(missing) {
            let (ticket, blocker) = (ticket.key.clone(), ticket.blocked_by[place].clone());
            let fault = BacklogFault::UnknownBlocker { ticket, blocker };
            return Err(fault.at(format!("/tickets/{index}/blocked_by/{place}")));
        }
    }
    Ok(keys)
}

/// The phase of each task, in the order of the backlog's tasks.
fn phases(backlog: &Backlog, known: &Known) -> Result<Vec<PhaseId>, InvalidBacklog> {
    let workflow = Workflow::standard();
    for (index, ticket) in backlog.tickets.iter().enumerate() {
        let checked = ticket.phase_id.as_ref().map_or(Ok(()), |phase| workflow.require(phase));
        checked.map_err(|unknown| {
            let item = Item::Ticket(ticket.key.clone());
            BacklogFault::UnknownPhase { item, unknown }.at(format!("/tickets/{index}/phase_id"))
        })?;
    }
    let phase_of = |(index, task): (usize, &BacklogTask)| {
        let item = Item::Task(task.ticket.clone(), task.key.clone());
        let stored = known.tickets.get(&task.ticket).map(|ticket| ticket.position.phase.clone());
        let of_ticket = || backlog.tickets.iter().find(|ticket| ticket.key == task.ticket);
        let standing = stored.or_else(|| of_ticket()?.phase_id.clone());
        if let Some(phase) = standing.filter(|phase| workflow.is_terminal(phase))
            && is_new(&item, known)
        {
            let fault = BacklogFault::TicketCompleted { item, phase };
            return Err(fault.at(format!("/tasks/{index}/ticket")));
        }
        let Some(phase) = task.phase_id.clone() else {
            return Ok(task.task_type.clone().unwrap_or_default().phase(workflow));
        };
        let fault = match workflow.require(&phase) {
            Ok(()) if workflow.works(&phase) => return Ok(phase),
            Ok(()) => BacklogFault::NotWorkable { item, phase },
            Err(unknown) => BacklogFault::UnknownPhase { item, unknown },
        };
        Err(fault.at(format!("/tasks/{index}/phase_id")))
    };
    backlog.tasks.iter().enumerate().map(phase_of).collect()
}

/// The tasks that can be named: those of the backlog, and the stored ones of its tickets.
struct Names<'a> {
    tasks: HashSet<(&'a str, &'a str)>,
    by_key: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Names<'a> {
    fn collect(
        backlog: &'a Backlog,
        known: &'a Known,
        tickets: &HashSet<&str>,
    ) -> Result<Self, InvalidBacklog> {
        let mut tasks = HashSet::new();
        for (index, BacklogTask { key, ticket, .. }) in backlog.tasks.iter().enumerate() {
            let named = (key.clone(), ticket.clone());
            if !tickets.contains(ticket.as_str()) {
                let (key, ticket) = named;
                let fault = BacklogFault::UnknownTicket { key, ticket };
                return Err(fault.at(format!("/tasks/{index}/ticket")));
            }
            if !tasks.insert((ticket.as_str(), key.as_str())) {
                let (key, ticket) = named;
                let fault = BacklogFault::DuplicateTask { ticket, key };
                return Err(fault.at(format!("/tasks/{index}/key")));
            }
        }
        tasks.extend(known.tasks.keys().map(|(ticket, key)| (ticket.as_str(), key.as_str())));
        let mut by_key: HashMap<_, Vec<_>> = HashMap::new();
        for (ticket, key) in &tasks {
            by_key.entry(*key).or_default().push(*ticket);
        }
        for tickets in by_key.values_mut() {
            tickets.sort_unstable();
        }
        Ok(Self { tasks, by_key })
    }

    /// The task of its own ticket that is called so, else the only one of that name, else the one
    /// that `ticket/task` spells out.
    fn find(&self, task: &BacklogTask, name: &str) -> Result<Reference, BacklogFault> {
        let (ticket, key, dependency) = (task.ticket.clone(), task.key.clone(), name.to_owned());
        if self.tasks.contains(&(ticket.as_str(), name)) {
            return Ok((ticket, dependency));
        }
        match self.by_key.get(name).map(Vec::as_slice) {
            Some([only]) => return Ok(((*only).to_owned(), dependency)),
            Some(tickets) => {
                let candidates = tickets.iter().map(|ticket| format!("{ticket}/{name}")).collect();
                return Err(BacklogFault::AmbiguousDependency {
                    ticket,
                    key,
                    dependency,
                    candidates,
                });
            }
            None => {}
        }
        name.match_indices('/')
            .map(|(at, _)| (&name[..at], &name[at + 1..]))
            .find(|reference| self.tasks.contains(reference))
            .map(|(ticket, key)| (ticket.to_owned(), key.to_owned()))
            .ok_or(BacklogFault::UnknownDependency { ticket, key, dependency })
    }
}

/// Who waits for whom: a ticket is done after its tasks and its blockers, and a task begins after
/// the tasks that it depends on and after the blockers of its ticket. Of the backlog only what
/// `counts` adds to what is given.
fn waits(
    mut waits: Waits,
    backlog: &Backlog,
    dependencies: &[Vec<Reference>],
    counts: impl Fn(&Item) -> bool,
) -> Waits {
    for ticket in &backlog.tickets {
        let item = Item::Ticket(ticket.key.clone());
        if counts(&item) {
            let awaited = ticket.blocked_by.iter().cloned().map(Item::Ticket);
            waits.entry(item).or_default().extend(awaited);
        }
    }
    for (task, dependencies) in backlog.tasks.iter().zip(dependencies) {
        let ticket = Item::Ticket(task.ticket.clone());
        let item = Item::Task(task.ticket.clone(), task.key.clone());
        if counts(&item) {
            let is_ticket = |awaited: &&Item| matches!(awaited, Item::Ticket(_));
            let mut awaited: Vec<Item> =
                waits.get(&ticket).into_iter().flatten().filter(is_ticket).cloned().collect();
            let tasks = dependencies.iter().cloned();
            awaited.extend(tasks.map(|(ticket, key)| Item::Task(ticket, key)));
            waits.entry(item.clone()).or_default().extend(awaited);
            waits.entry(ticket).or_default().push(item);
        }
    }
    waits
}

#[cfg(test)]
mod tests;
