//! Moving a ticket through its phases.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use phaseline_persistence::{
    Tx, tasks,
    tickets::{self, Ticket},
};
use phaseline_phases::{
    Answer, Artifact, Blocker, BlockerKind, Note, PhaseId, Transition, TransitionKind, Workflow,
};
use phaseline_tasks::TaskState;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{get, overtaken, workflow};
use crate::{
    Call, Engine, Error, Result, Settings, announce,
    contexts::{self, Prepared},
    flow, gates, holding,
    tasks::retried,
};

/// A move to make.
#[derive(Debug, Clone)]
pub struct Move {
    /// Where to.
    pub to: PhaseId,
    /// Why.
    pub reason: Option<String>,
    /// What the phase left has produced.
    pub artifacts: Vec<Artifact>,
    /// Whether to pass a gate that is not met; takes a reason.
    pub force: bool,
    /// What holds the ticket up, for a move that blocks it.
    pub blocker: Option<(BlockerKind, Option<String>)>,
}

/// A move that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// The ticket.
    pub ticket_id: Uuid,
    /// Where it was.
    pub previous_phase: PhaseId,
    /// Where it is.
    pub current_phase: PhaseId,
    /// What kind of move it was.
    pub kind: TransitionKind,
    /// Why it was made.
    pub reason: Option<String>,
    /// Who made it.
    pub transitioned_by: Option<String>,
    /// When.
    pub transitioned_at: DateTime<Utc>,
    /// Whether it passed a gate that was not met.
    pub forced: bool,
    /// The version of the ticket after it.
    pub version: i64,
}

/// A move that was decided on, with all that is written down with it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) to: PhaseId,
    pub(crate) reason: Option<String>,
    pub(crate) by: Option<String>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) forced: bool,
    pub(crate) blocker: Option<Blocker>,
    pub(crate) answer: Option<Answer>,
    pub(crate) prepared: Prepared,
}

impl Move {
    /// A move without a reason.
    #[must_use]
    pub const fn to(phase: PhaseId) -> Self {
        Self { to: phase, reason: None, artifacts: Vec::new(), force: false, blocker: None }
    }
}

impl Step {
    /// A move that nobody asked for.
    pub(crate) fn by_itself(to: PhaseId, reason: String) -> Self {
        Self {
            to,
            reason: Some(reason),
            by: Some("phaseline".to_owned()),
            artifacts: Vec::new(),
            forced: false,
            blocker: None,
            answer: None,
            prepared: Prepared::default(),
        }
    }
}

/// Moves a ticket to another phase, and aggregates what the phase left has found out.
///
/// A regression beyond the rework budget blocks the ticket instead, with the reasons collated.
///
/// # Errors
/// An unknown ticket or phase, a move that the table does not have, a gate that is not met, force
/// without a reason, a version that is not the expected one, a lost race.
pub async fn transition(engine: &Engine, call: &Call, id: Uuid, step: Move) -> Result<Moved> {
    let prepared = contexts::prepare(engine, id, None).await?;
    let input = (id, step, prepared, Arc::clone(&engine.settings));
    engine
        .write(call, input, |tx, call, (id, asked, prepared, settings)| {
            Box::pin(async move {
                let ticket = get(tx, call, *id).await?;
                let mut decided = decide(tx, call, settings, &ticket, asked).await?;
                decided.prepared = prepared.clone();
                let (ticket, moved) = self::step(tx, call, settings, &ticket, decided).await?;
                match moved.kind {
                    TransitionKind::Resume => {
                        flow::settle_after_resume(tx, call, settings, ticket).await?;
                    }
                    TransitionKind::Advance => {
                        flow::settle_after_move(tx, call, settings, ticket).await?;
                    }
                    TransitionKind::Create
                    | TransitionKind::Regress
                    | TransitionKind::Block
                    | TransitionKind::Complete => {}
                }
                Ok(moved)
            })
        })
        .await
}

/// Answers what a blocked ticket asks and lets it go on: where it was blocked, or in an earlier
/// phase. The answer is pinned in the packs of whoever works on it next, and a task that used up
/// its attempts is tried anew.
///
/// # Errors
/// An unknown ticket, one that is not blocked, a phase that it may not resume in, a version that
/// is not the expected one, a lost race.
pub async fn answer(
    engine: &Engine,
    call: &Call,
    id: Uuid,
    answer: String,
    to: Option<PhaseId>,
) -> Result<Moved> {
    let input = (id, answer, to, Arc::clone(&engine.settings));
    engine
        .write(call, input, |tx, call, (id, answer, to, settings)| {
            Box::pin(answered(tx, call, settings, *id, answer, to.as_ref()))
        })
        .await
}

async fn answered(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    id: Uuid,
    text: &str,
    to: Option<&PhaseId>,
) -> Result<Moved> {
    let ticket = get(tx, call, id).await?;
    let workflow = workflow(&ticket.workflow_id)?;
    let phase = &ticket.position.phase;
    if !workflow.is_parking(phase) {
        return Err(Error::NotBlocked { id, phase: phase.clone() });
    }
    let blocked_in = ticket.position.previous.clone();
    let blocked_in = blocked_in.unwrap_or_else(|| workflow.initial().clone());
    let blocker = ticket.blocker.clone();
    let (kind, question, reasons) = match blocker {
        Some(Blocker { kind, question, reasons, .. }) => (kind, question, reasons),
        None => (BlockerKind::NeedsInput, None, Vec::new()),
    };
    let answer = Answer {
        kind,
        question,
        reasons,
        answer: text.to_owned(),
        by: call.actor.clone(),
        at: call.now,
        phase: blocked_in.clone(),
    };
    let resume = Step {
        by: call.actor.clone(),
        answer: Some(answer.clone()),
        ..Step::by_itself(to.cloned().unwrap_or(blocked_in), format!("answered: {text}"))
    };
    // The task first: whoever needs a task and a ticket takes them in that order.
    try_anew(tx, call, id).await?;
    let (ticket, moved) = step(tx, call, settings, &ticket, resume).await?;
    tx.announce(announce::answered(call, id, &answer, moved.version));
    flow::settle_after_resume(tx, call, settings, ticket).await?;
    Ok(moved)
}

/// The tasks that used up their attempts get a fresh set of them: the first one blocked the ticket,
/// others may have failed while it was blocked.
async fn try_anew(tx: &Tx, call: &Call, ticket: Uuid) -> Result<()> {
    for task in tasks::of_tickets(tx.connection(), &[ticket]).await? {
        if task.status == TaskState::Failed && task.attempts_used >= task.max_attempts {
            retried(tx, call, &holding::take(tx, task.id).await?.task).await?;
        }
    }
    Ok(())
}

/// Whether and how a move is made that somebody asks for.
async fn decide(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ticket: &Ticket,
    asked: &Move,
) -> Result<Step> {
    let Move { to, reason, artifacts, force, blocker } = asked.clone();
    let workflow = workflow(&ticket.workflow_id)?;
    workflow.require(&to)?;
    let blocks = workflow.is_parking(&to);
    if blocker.is_some() && !blocks {
        let parking = workflow.phases().filter(|phase| workflow.is_parking(phase));
        let parking = parking.map(PhaseId::as_str).collect::<Vec<_>>().join(" or ");
        return Err(Error::NotBlocking { to, parking });
    }
    if force && reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Error::ReasonRequired);
    }
    // An illegal move is refused for what it is, before anything is said of gates.
    ticket.position.move_to(workflow, &to, Note::default(), call.now)?;
    let mut step = Step {
        by: call.actor.clone(),
        artifacts,
        blocker: blocks.then(|| named(call, blocker, reason.as_ref())),
        reason,
        ..Step::by_itself(to, String::new())
    };
    let from = &ticket.position.phase;
    match direction(workflow, from, &step.to) {
        Direction::Forward => {
            let unmet = gates::unmet(tx, settings, ticket, from, &step.artifacts).await?;
            if let Some(report) = unmet {
                if !force {
                    let (ticket, phase) = (ticket.id, from.clone());
                    return Err(Error::GateUnmet { ticket, phase, report: Box::new(report) });
                }
                step.forced = true;
            }
        }
        Direction::Back => {
            if let Some(spent) = flow::rework_spent(tx, settings, ticket, &step.to).await? {
                let parking = ticket.position.allowed(workflow)?;
                if let Some(parking) = parking.into_iter().find(|to| workflow.is_parking(to)) {
                    let asked = step.reason.replace(spent.to_string());
                    step.blocker = Some(flow::rework_blocker(&spent, asked, call));
                    step.to = parking;
                }
            }
        }
        Direction::Aside => {}
    }
    Ok(step)
}

/// Makes a move: the row, its history, what the phase left has found out, and the tasks of the
/// phase that is entered.
pub(crate) async fn step(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ticket: &Ticket,
    step: Step,
) -> Result<(Ticket, Moved)> {
    let workflow = workflow(&ticket.workflow_id)?;
    let Step { to, reason, by, artifacts, forced, blocker, answer, prepared } = step;
    let note = Note { reason, by, artifacts, forced };
    let transition = ticket.position.move_to(workflow, &to, note, call.now)?;
    let spent = ticket.blocker.as_ref().is_some_and(|was| was.kind == BlockerKind::ReworkBudget);
    let rework_since = if spent { transition.sequence() } else { ticket.rework_since };
    let answers: Vec<Answer> = ticket.answers.iter().cloned().chain(answer).collect();
    if !tickets::apply(tx, ticket, &transition, blocker.as_ref(), &answers, rework_since).await? {
        return Err(overtaken(tx, ticket).await);
    }
    // A task that completes at the same moment either was counted before, which is seen here, or
    // sees that its phase was left and catches up.
    let left = &ticket.position.phase;
    let version = ticket.version + 1;
    let context = contexts::left(tx, workflow, ticket, &transition, &prepared, call.now).await?;
    if let Some(context) = &context {
        tickets::attach_context(tx, ticket, &context.stored).await?;
        if context.aggregated {
            let document = &context.stored.document;
            tx.announce(announce::context_updated(call, ticket.id, left, document, version));
        }
    }
    tx.announce(announce::transitioned(call, ticket.id, &transition, version));
    let moved = moved(ticket.id, left, &transition, version);
    let mut ticket = Ticket {
        position: transition.position(),
        blocker,
        answers,
        rework_since,
        version,
        updated_at: call.now,
        ..ticket.clone()
    };
    flow::enter(tx, call, settings, &mut ticket).await?;
    if workflow.is_terminal(&ticket.position.phase) {
        flow::released(tx, call, settings, ticket.id).await?;
    }
    Ok((ticket, moved))
}

enum Direction {
    Forward,
    Back,
    Aside,
}

/// Into and out of the parking phase a ticket goes neither forward nor back.
fn direction(workflow: &Workflow, from: &PhaseId, to: &PhaseId) -> Direction {
    match (workflow.rank(from), workflow.rank(to)) {
        (Some(from), Some(to)) if to > from => Direction::Forward,
        (Some(_), Some(_)) => Direction::Back,
        (None, _) | (_, None) => Direction::Aside,
    }
}

fn named(
    call: &Call,
    blocker: Option<(BlockerKind, Option<String>)>,
    reason: Option<&String>,
) -> Blocker {
    let (kind, question) = blocker.unwrap_or((BlockerKind::NeedsInput, None));
    Blocker {
        kind,
        question: question.or_else(|| reason.cloned()),
        reasons: reason.cloned().into_iter().collect(),
        since: call.now,
        by: call.actor.clone(),
        task_id: None,
    }
}

fn moved(ticket_id: Uuid, left: &PhaseId, step: &Transition, version: i64) -> Moved {
    Moved {
        ticket_id,
        previous_phase: left.clone(),
        current_phase: step.to().clone(),
        kind: step.kind(),
        reason: step.reason().map(str::to_owned),
        transitioned_by: step.by().map(str::to_owned),
        transitioned_at: step.at(),
        forced: step.forced(),
        version,
    }
}
