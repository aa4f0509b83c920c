//! Storing what a plan allows: new tickets and tasks, with their events.

use std::collections::{BTreeSet, HashMap};

use phaseline_persistence::{
    Tx,
    tasks::{self, Task},
    tickets::{self, NewTicket},
};
use phaseline_phases::{Note, PhaseId, Position, Workflow, WorkflowId};
use phaseline_tasks::Priority;
use uuid::Uuid;

use super::{
    Backlog, BacklogTask, BacklogTicket, Imported,
    known::Known,
    plan::{Plan, Reference},
};
use crate::{
    Call, Result, Settings, announce, flow,
    tasks::{Create, fresh},
    tickets as made,
};

/// Stores what is not there yet.
pub(super) async fn store(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    backlog: &Backlog,
    known: &Known,
    plan: &Plan,
) -> Result<Imported> {
    let mut ids = Ids { call, known, made: HashMap::new() };
    let new_tickets = new_tickets(&mut ids, backlog)?;
    tickets::insert(tx, &new_tickets).await?;
    let new_tasks = new_tasks(&mut ids, settings, backlog, plan);
    tasks::insert(tx, Workflow::standard(), &new_tasks).await?;
    for ticket in &new_tickets {
        let key = ticket.key.as_deref();
        tx.announce(announce::ticket_created(call, ticket.id, key, &ticket.opening));
    }
    for task in &new_tasks {
        tx.announce(announce::task_created(call, task));
    }
    for ticket in &new_tickets {
        flow::enter(tx, call, settings, &mut made::opened(ticket.clone())).await?;
    }
    for ticket in &new_tickets {
        flow::start(tx, call, settings, ticket.id, false).await?;
    }
    Ok(Imported {
        tickets_created: new_tickets.len(),
        tickets_unchanged: backlog.tickets.len() - new_tickets.len(),
        tasks_created: new_tasks.len(),
        tasks_unchanged: backlog.tasks.len() - new_tasks.len(),
    })
}

fn new_tickets(ids: &mut Ids<'_>, backlog: &Backlog) -> Result<Vec<NewTicket>> {
    let known = ids.known;
    let new = backlog.tickets.iter().filter(|ticket| !known.tickets.contains_key(&ticket.key));
    new.map(|ticket| {
        let blocked_by: BTreeSet<Uuid> =
            ticket.blocked_by.iter().map(|key| ids.ticket(key)).collect();
        opened(ids, ticket, blocked_by.into_iter().collect())
    })
    .collect()
}

fn new_tasks(ids: &mut Ids<'_>, settings: &Settings, backlog: &Backlog, plan: &Plan) -> Vec<Task> {
    let known = ids.known;
    let mut priorities: HashMap<&str, Priority> =
        backlog.tickets.iter().map(|ticket| (ticket.key.as_str(), ticket.priority)).collect();
    priorities.extend(known.tickets.iter().map(|(key, ticket)| (key.as_str(), ticket.priority)));
    let planned = backlog.tasks.iter().zip(plan.phases.iter().zip(&plan.dependencies));
    planned
        .filter(|(task, _)| !known.tasks.contains_key(&name_of(task)))
        .map(|(task, (phase, depends_on))| {
            let priority = priorities.get(task.ticket.as_str()).copied().unwrap_or_default();
            let depends_on: BTreeSet<Uuid> = depends_on.iter().map(|name| ids.task(name)).collect();
            let depends_on = depends_on.into_iter().collect();
            pending(ids, settings, task, phase.clone(), priority, depends_on)
        })
        .collect()
}

fn name_of(task: &BacklogTask) -> Reference {
    (task.ticket.clone(), task.key.clone())
}

/// The ids of what is there, and of what is being made: each is minted when it is first named.
struct Ids<'a> {
    call: &'a Call,
    known: &'a Known,
    made: HashMap<(String, Option<String>), Uuid>,
}

impl Ids<'_> {
    fn ticket(&mut self, key: &str) -> Uuid {
        match self.known.tickets.get(key) {
            Some(ticket) => ticket.id,
            None => self.made((key.to_owned(), None)),
        }
    }

    fn task(&mut self, (ticket, key): &Reference) -> Uuid {
        match self.known.tasks.get(&(ticket.clone(), key.clone())) {
            Some(id) => *id,
            None => self.made((ticket.clone(), Some(key.clone()))),
        }
    }

    fn made(&mut self, name: (String, Option<String>)) -> Uuid {
        let sources = &self.call.sources;
        *self.made.entry(name).or_insert_with(|| sources.id())
    }
}

fn opened(ids: &mut Ids<'_>, ticket: &BacklogTicket, blocked_by: Vec<Uuid>) -> Result<NewTicket> {
    let call = ids.call;
    let BacklogTicket {
        key,
        title,
        description,
        priority,
        estimate,
        phase_id,
        blocked_by: _, // resolved
        flow,
    } = ticket.clone();
    let note = Note { by: call.actor.clone(), ..Note::default() };
    Ok(NewTicket {
        id: ids.ticket(&key),
        key: Some(key),
        title,
        description,
        workflow_id: WorkflowId::standard(),
        priority,
        estimate,
        blocked_by,
        flow,
        opening: Position::start(Workflow::standard(), phase_id, note, call.now)?,
    })
}

fn pending(
    ids: &mut Ids<'_>,
    settings: &Settings,
    task: &BacklogTask,
    phase_id: PhaseId,
    ticket_priority: Priority,
    depends_on: Vec<Uuid>,
) -> Task {
    let BacklogTask {
        key,
        ticket,
        title,
        description,
        task_type,
        phase_id: _, // resolved
        priority,
        estimate,
        depends_on: _, // resolved
        agent_type,
        required_capabilities,
        max_attempts,
    } = task.clone();
    let new = Create {
        phase_id: None,
        task_type,
        title,
        description,
        priority,
        key: Some(key),
        estimate,
        depends_on,
        agent_type,
        required_capabilities,
        max_attempts,
    };
    let (id, ticket) = (ids.task(&name_of(task)), ids.ticket(&ticket));
    fresh(ids.call, settings, (ticket, ticket_priority), id, phase_id, new)
}
