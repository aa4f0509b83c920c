//! Why something does not move: every rule that keeps a task from being claimed, or a ticket from
//! advancing, as a cause with what would help and who could do it.
//!
//! One part reads what is to be known, of many tickets at once; what follows from it is decided
//! without a database.

mod able;
mod agents;
mod scene;
mod task;
#[cfg(test)]
pub(crate) mod tests;
mod ticket;
mod waits;
mod words;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use phaseline_persistence::{Page, Slice, tasks as stored, tasks::Task, tickets as stored_tickets};
use phaseline_phases::{PhaseId, Workflow};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString};
use uuid::Uuid;

use crate::{Engine, Result, holding::missing as no_task, tickets::missing as no_ticket};
use scene::Scene;

/// Whether a ticket or a task moves, and what keeps it if it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The ticket.
    pub ticket_id: Uuid,
    /// The task; `None` where it is about the ticket as a whole.
    pub task_id: Option<Uuid>,
    /// Whether somebody is at work on it: a lease of the task, or of one of the ticket's tasks, is
    /// live.
    pub moving: bool,
    /// What keeps it, or what it is up to; never empty.
    pub causes: Vec<Cause>,
}

/// One thing that keeps a ticket or a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What kind of thing it is.
    pub code: CauseCode,
    /// What is the matter, in one or more sentences.
    pub detail: String,
    /// What would help.
    pub help: String,
    /// Who could do that.
    pub who: String,
    /// The ticket that it is about.
    pub ticket_id: Option<Uuid>,
    /// The task that it is about.
    pub task_id: Option<Uuid>,
    /// The agents that it is about, at most ten of them.
    pub agent_ids: Vec<Uuid>,
    /// The capabilities that it is about.
    pub capabilities: Vec<String>,
    /// For each capability that nobody has, the closest names that somebody has.
    pub closest: BTreeMap<String, Vec<String>>,
    /// The tasks or tickets that are waited for.
    pub waits_for: Vec<Uuid>,
    /// What stands at the end of what is waited for, where that goes on for ever unless somebody
    /// does something; then `help` and `who` are about that.
    pub root: Option<CauseCode>,
    /// Until when.
    pub until: Option<DateTime<Utc>>,
}

/// The kinds of causes, the most telling first. In `snake_case` on the wire.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CauseCode {
    /// The ticket waits in the parking phase.
    Blocked,
    /// The task has failed; nobody tries it again unless asked to.
    AttemptsUsedUp,
    /// No registered agent could ever do the task.
    NoCapableAgent,
    /// The ticket waits for another one.
    WaitsForTicket,
    /// The task waits for another one.
    WaitsForTask,
    /// Work of an earlier phase comes first.
    EarlierPhaseOpen,
    /// The ticket has not come to the phase of the task.
    PhaseNotReached,
    /// The gate of the phase asks for what is not there.
    GateUnmet,
    /// The work of the phase is done and nobody has moved the ticket on.
    NotAdvanced,
    /// There is nothing to do in the phase, and nothing moves the ticket on.
    NoTasks,
    /// The task waits before it is tried again.
    BackingOff,
    /// There are agents that could do the task; none of them takes work now.
    CapableAgentsBusy,
    /// An agent could claim the task now.
    Ready,
    /// An agent is at work on the task.
    Leased,
    /// It is done.
    Done,
    /// The task was cancelled.
    Cancelled,
}

/// Why a task does not move: everything that keeps it, the most telling first; or who works on it.
///
/// # Errors
/// An unknown task.
pub async fn task(engine: &Engine, id: Uuid) -> Result<Why> {
    let task = find(engine, id).await?;
    if scene::is_over(task.status) {
        return Ok(ended(&task));
    }
    let scene = Scene::of(engine, &[task.ticket_id]).await?;
    match scene.task(id) {
        Some(why) => Ok(why),
        // It has ended meanwhile.
        None => find(engine, id).await.map(|task| ended(&task)),
    }
}

/// Why a ticket does not move: what keeps the ticket itself, then what keeps the open tasks of its
/// phase, or those of the next phase that has any where these could begin. Each cause names its
/// task.
///
/// # Errors
/// An unknown ticket.
pub async fn ticket(engine: &Engine, id: Uuid) -> Result<Why> {
    let scene = Scene::of(engine, &[id]).await?;
    scene.ticket(id).ok_or_else(|| no_ticket(id))
}

/// Why the tickets do not move that are not done: one answer a ticket, with the causes of its tasks,
/// in order of creation. A ticket that moves is there if something of it is stuck all the same: it
/// is blocked, a task of its phase has failed, or nobody could ever do one.
///
/// # Errors
/// Storage failures.
pub async fn fleet(engine: &Engine, page: Page) -> Result<Slice<Why>> {
    let workflow = Workflow::standard();
    let open: Vec<PhaseId> =
        workflow.phases().filter(|phase| !workflow.is_terminal(phase)).cloned().collect();
    let filter = stored_tickets::Filter { phases: Some(open), ..stored_tickets::Filter::default() };
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    let mut after = page.after;
    // Those that move are passed over. They are no more than there are slots, so this ends soon.
    while items.len() <= limit {
        // One more than is wanted tells in the same read whether another page follows.
        let next = Page { after, limit: page.limit.saturating_add(1) };
        let slice = stored_tickets::list(engine.db.reader(), &filter, next).await?;
        let ids: Vec<Uuid> = slice.items.iter().map(|ticket| ticket.id).collect();
        after = ids.last().copied();
        let scene = Scene::of(engine, &ids).await?;
        items.extend(ids.into_iter().filter_map(|id| scene.ticket(id)).filter(Why::is_stuck));
        if !slice.more {
            break;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    Ok(Slice { items, more })
}

/// Why nobody could ever do this task as things are; empty where somebody could. It does not matter
/// whether they could now.
///
/// # Errors
/// Storage failures.
pub async fn warnings(engine: &Engine, task: &Task) -> Result<Vec<Cause>> {
    let unable = match task.fencing_token {
        0 => Vec::new(), // nobody has tried it
        _ => phaseline_persistence::attempts::unable(engine.db.reader(), task.id).await?,
    };
    let now = engine.sources.now();
    let able = engine.fleet.look(|index| able::able(index, &able::Wanted::of(task, unable), now));
    let cause = agents::cause(task, &able);
    Ok(Some(cause).filter(|cause| cause.code == CauseCode::NoCapableAgent).into_iter().collect())
}

async fn find(engine: &Engine, id: Uuid) -> Result<Task> {
    stored::find(engine.db.reader(), id).await?.ok_or_else(|| no_task(id))
}

fn ended(task: &Task) -> Why {
    let causes = vec![task::over(task)];
    Why { ticket_id: task.ticket_id, task_id: Some(task.id), moving: false, causes }
}

impl Why {
    /// Whether a fleet that looks for what is stuck should see it.
    fn is_stuck(&self) -> bool {
        let needs_somebody = |cause: &Cause| cause.code.needs_somebody() || cause.root.is_some();
        !self.moving || self.causes.iter().any(needs_somebody)
    }
}

impl CauseCode {
    /// Whether it goes on for ever unless somebody does something about it.
    const fn needs_somebody(self) -> bool {
        match self {
            Self::Blocked | Self::AttemptsUsedUp | Self::NoCapableAgent => true,
            Self::WaitsForTicket
            | Self::WaitsForTask
            | Self::EarlierPhaseOpen
            | Self::PhaseNotReached
            | Self::GateUnmet
            | Self::NotAdvanced
            | Self::NoTasks
            | Self::BackingOff
            | Self::CapableAgentsBusy
            | Self::Ready
            | Self::Leased
            | Self::Done
            | Self::Cancelled => false,
        }
    }
}

impl Cause {
    /// A cause that is about nothing in particular yet.
    fn new(
        code: CauseCode,
        detail: impl Into<String>,
        help: impl Into<String>,
        who: impl Into<String>,
    ) -> Self {
        Self {
            code,
            detail: detail.into(),
            help: help.into(),
            who: who.into(),
            ticket_id: None,
            task_id: None,
            agent_ids: Vec::new(),
            capabilities: Vec::new(),
            closest: BTreeMap::new(),
            waits_for: Vec::new(),
            root: None,
            until: None,
        }
    }

    /// The same, waiting for what these say of themselves: it tells of each, and of the first that
    /// needs somebody what would help.
    fn behind(self, awaited: Vec<Self>) -> Self {
        let stuck = awaited
            .iter()
            .find_map(|cause| {
                let code = Some(cause.code).filter(|code| code.needs_somebody());
                Some((cause.root.or(code)?, cause))
            })
            .map(|(root, cause)| (root, cause.clone()));
        let detail = words::told(&self.detail, awaited.into_iter().map(|cause| cause.detail));
        match stuck {
            None => Self { detail, ..self },
            Some((root, Self { help, who, capabilities, closest, .. })) => {
                Self { detail, help, who, capabilities, closest, root: Some(root), ..self }
            }
        }
    }

    /// The same, about this task.
    fn of_task(self, task: &Task) -> Self {
        Self { ticket_id: Some(task.ticket_id), task_id: Some(task.id), ..self }
    }

    /// The same, about this ticket.
    fn of_ticket(self, ticket: Uuid) -> Self {
        Self { ticket_id: Some(ticket), ..self }
    }
}
