//! What can be done with a ticket.

mod moves;

use std::sync::Arc;

use phaseline_persistence::{
    self as persistence, Tx, tasks,
    tickets::{self, Edit, Flow, NewTicket, Ticket},
};
use phaseline_phases::{Note, PhaseId, Position, Workflow, WorkflowId};
use phaseline_tasks::Priority;
use uuid::Uuid;

use crate::{Call, Engine, Error, Noun, Result, Settings, announce, flow, holding};

pub use moves::{Move, Moved, answer, transition};
pub(crate) use moves::{Step, step};

/// A ticket to make.
#[derive(Debug, Clone, Default)]
pub struct Create {
    /// One line.
    pub title: String,
    /// What is wanted, in Markdown.
    pub description: String,
    /// The workflow to follow.
    pub workflow_id: WorkflowId,
    /// Where it starts; in the first phase when `None`.
    pub phase_id: Option<PhaseId>,
    /// How urgent it is.
    pub priority: Priority,
    /// A name of the caller's, unique.
    pub key: Option<String>,
    /// Its size, as free text.
    pub estimate: Option<String>,
    /// The tickets that it waits for.
    pub blocked_by: Vec<Uuid>,
    /// How it flows; as configured where it does not say.
    pub flow: Flow,
}

/// What to change of a ticket; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// One line.
    pub title: Option<String>,
    /// What is wanted.
    pub description: Option<String>,
    /// How urgent it is.
    pub priority: Option<Priority>,
    /// Its size; `Some(None)` takes it away.
    pub estimate: Option<Option<String>>,
    /// Whether its phases are left only through their gates; `Some(None)` is as configured, here
    /// and below.
    pub gates: Option<Option<bool>>,
    /// Whether entering a phase makes the tasks of its templates.
    pub templates: Option<Option<bool>>,
    /// Whether it advances by itself.
    pub auto_advance: Option<Option<bool>>,
    /// Whether it then passes through phases that have no tasks.
    pub skip_empty_phases: Option<Option<bool>>,
}

impl Create {
    /// A ticket with this title and the usual for everything else.
    pub fn titled(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }
}

/// Makes a ticket.
///
/// # Errors
/// An unknown workflow, phase or blocker; a key that is taken.
pub async fn create(engine: &Engine, call: &Call, new: Create) -> Result<Ticket> {
    let key = new.key.clone();
    engine
        .write(call, (new, Arc::clone(&engine.settings)), |tx, call, (new, settings)| {
            Box::pin(insert(tx, call, settings, new))
        })
        .await
        .map_err(|error| taken(error, Noun::Ticket, key))
}

/// Changes what a ticket says. A change to what it says already changes nothing.
///
/// # Errors
/// An unknown ticket, a version that is not the expected one, a lost race.
pub async fn edit(engine: &Engine, call: &Call, id: Uuid, change: Change) -> Result<Ticket> {
    let input = (id, change, Arc::clone(&engine.settings));
    engine
        .write(call, input, |tx, call, (id, change, settings)| {
            Box::pin(async move {
                let mut ticket = get(tx, call, *id).await?;
                let before = ticket.flow;
                let (edit, fields) = edited(&ticket, change);
                if fields.is_empty() {
                    return Ok(ticket);
                }
                if !tickets::edit(tx, &ticket, &edit, call.now).await? {
                    return Err(stale(tx, *id).await);
                }
                let Edit { title, description, priority, estimate, flow } = edit;
                ticket = Ticket {
                    title,
                    description,
                    priority,
                    estimate,
                    flow,
                    version: ticket.version + 1,
                    updated_at: call.now,
                    ..ticket
                };
                tx.announce(announce::ticket_updated(call, &ticket, &fields));
                if before == ticket.flow {
                    return Ok(ticket);
                }
                begun(tx, call, settings, ticket, false).await
            })
        })
        .await
}

/// Deletes a ticket with its tasks and history. Agents that have one of its tasks lose it, and their
/// slots are free.
///
/// # Errors
/// An unknown ticket, one that others wait for, a version that is not the expected one, a lost
/// race.
pub async fn delete(engine: &Engine, call: &Call, id: Uuid) -> Result<()> {
    let freed = engine
        .write(call, id, |tx, call, id| {
            Box::pin(async move {
                let ticket = get(tx, call, *id).await?;
                let waiting = tickets::waiting_for(tx.connection(), *id).await?;
                let tasks = tasks::waiting_for_ticket(tx.connection(), *id).await?;
                if !waiting.is_empty() || !tasks.is_empty() {
                    return Err(Error::StillNeeded { id: *id, tickets: waiting, tasks });
                }
                let agents = holding::let_go(tx, call, *id).await?;
                if !tickets::delete(tx, &ticket).await? {
                    return Err(stale(tx, *id).await);
                }
                tx.announce(announce::ticket_deleted(call, &ticket));
                Ok(agents)
            })
        })
        .await?;
    for agent in &freed {
        engine.fleet.upsert(agent);
    }
    Ok(())
}

/// The workflow of this name.
///
/// # Errors
/// There is no such workflow.
pub fn workflow(id: &WorkflowId) -> Result<&'static Workflow> {
    let standard = Workflow::standard();
    if id == standard.id() {
        Ok(standard)
    } else {
        Err(Error::NotFound { what: Noun::Workflow, id: id.to_string() })
    }
}

/// The ticket to work on, at the version that the caller expects.
pub(crate) async fn get(tx: &Tx, call: &Call, id: Uuid) -> Result<Ticket> {
    let ticket = tickets::find(tx.connection(), id).await?.ok_or_else(|| missing(id))?;
    call.expect(Noun::Ticket, id, ticket.version)?;
    Ok(ticket)
}

pub(crate) fn missing(id: Uuid) -> Error {
    Error::NotFound { what: Noun::Ticket, id: id.to_string() }
}

/// The database's refusal of a key that is taken, in our words.
pub(crate) fn taken(error: Error, what: Noun, key: Option<String>) -> Error {
    match (error, key) {
        (Error::Storage(persistence::Error::Duplicate(_)), Some(key)) => {
            Error::DuplicateKey { what, key }
        }
        (error, _) => error,
    }
}

async fn insert(tx: &Tx, call: &Call, settings: &Settings, new: &Create) -> Result<Ticket> {
    let Create {
        title,
        description,
        workflow_id,
        phase_id,
        priority,
        key,
        estimate,
        blocked_by,
        flow,
    } = new.clone();
    let existing = tickets::existing(tx.connection(), &blocked_by).await?;
    if let Some(index) = blocked_by.iter().position(|id| !existing.contains(id)) {
        let id = blocked_by[index];
        return Err(Error::UnknownDependency { field: "blocked_by", index, id });
    }
    let note = Note { by: call.actor.clone(), ..Note::default() };
    let opening = Position::start(workflow(&workflow_id)?, phase_id, note, call.now)?;
    let id = call.sources.id();
    let ticket = NewTicket {
        id,
        key,
        title,
        description,
        workflow_id,
        priority,
        estimate,
        blocked_by,
        flow,
        opening,
    };
    tickets::insert(tx, std::slice::from_ref(&ticket)).await?;
    tx.announce(announce::ticket_created(call, id, ticket.key.as_deref(), &ticket.opening));
    let mut ticket = opened(ticket);
    flow::enter(tx, call, settings, &mut ticket).await?;
    begun(tx, call, settings, ticket, true).await
}

/// The ticket, after it has begun by itself where it does.
async fn begun(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ticket: Ticket,
    made: bool,
) -> Result<Ticket> {
    if !settings.advances(&ticket) {
        return Ok(ticket);
    }
    flow::start(tx, call, settings, ticket.id, made).await?;
    let now = tickets::find(tx.connection(), ticket.id).await?;
    now.ok_or_else(|| missing(ticket.id))
}

/// A ticket as it is right after it was made.
pub(crate) fn opened(ticket: NewTicket) -> Ticket {
    let NewTicket {
        id,
        key,
        title,
        description,
        workflow_id,
        priority,
        estimate,
        mut blocked_by,
        flow,
        opening,
    } = ticket;
    blocked_by.sort_unstable();
    Ticket {
        id,
        key,
        title,
        description,
        workflow_id,
        position: opening.position(),
        priority,
        estimate,
        blocked_by,
        flow,
        blocker: None,
        answers: Vec::new(),
        templated_phases: Vec::new(),
        rework_since: 0,
        has_results: false,
        version: 1,
        created_at: opening.at(),
        updated_at: opening.at(),
    }
}

fn edited(ticket: &Ticket, change: &Change) -> (Edit, Vec<&'static str>) {
    let Change {
        title,
        description,
        priority,
        estimate,
        gates,
        templates,
        auto_advance,
        skip_empty_phases,
    } = change.clone();
    let was = ticket.flow;
    let flow = Flow {
        gates: gates.unwrap_or(was.gates),
        templates: templates.unwrap_or(was.templates),
        auto_advance: auto_advance.unwrap_or(was.auto_advance),
        skip_empty_phases: skip_empty_phases.unwrap_or(was.skip_empty_phases),
    };
    let edit = Edit {
        title: title.unwrap_or_else(|| ticket.title.clone()),
        description: description.unwrap_or_else(|| ticket.description.clone()),
        priority: priority.unwrap_or(ticket.priority),
        estimate: estimate.unwrap_or_else(|| ticket.estimate.clone()),
        flow,
    };
    let fields = [
        ("title", edit.title != ticket.title),
        ("description", edit.description != ticket.description),
        ("priority", edit.priority != ticket.priority),
        ("estimate", edit.estimate != ticket.estimate),
        ("gates", flow.gates != was.gates),
        ("templates", flow.templates != was.templates),
        ("auto_advance", flow.auto_advance != was.auto_advance),
        ("skip_empty_phases", flow.skip_empty_phases != was.skip_empty_phases),
    ];
    (edit, fields.iter().filter(|(_, changed)| *changed).map(|(name, _)| *name).collect())
}

/// Why a move was not made: somebody else has moved the ticket, or a task was completed meanwhile,
/// which only asks for another look.
pub(crate) async fn overtaken(tx: &Tx, ticket: &Ticket) -> Error {
    let error = stale(tx, ticket.id).await;
    if matches!(error, Error::Stale { current, .. } if current == ticket.version) {
        return persistence::Error::ChangedHands.into();
    }
    error
}

/// What is true now, for the loser of a race.
pub(crate) async fn stale(tx: &Tx, id: Uuid) -> Error {
    match tickets::find(tx.connection(), id).await {
        Ok(Some(ticket)) => Error::Stale {
            what: Noun::Ticket,
            id,
            current: ticket.version,
            phase: Some(ticket.position.phase),
        },
        Ok(None) => missing(id),
        Err(error) => error.into(),
    }
}
