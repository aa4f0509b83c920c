//! How a task ends: completed, failed, cancelled; and how a failed one begins anew.

use std::sync::Arc;

use phaseline_context::TaskResult;
use phaseline_persistence::{
    Tx, attempts,
    tasks::{Task, TicketSeen},
    tickets,
};
use phaseline_phases::{Blocker, BlockerKind};
use phaseline_tasks::{
    AttemptOutcome, FailureClass, IllegalTaskMove, Next, TaskState, after_failure,
};
use uuid::Uuid;

use super::{Done, expect};
use crate::{
    Call, Engine, Error, Result, Settings, announce, contexts, flow,
    holding::{self, Holding, Parting, freed},
    tickets::{missing as no_ticket, workflow},
};

/// The last reasons that a ticket is blocked with.
const REASONS: u64 = 10;

/// Why a task could not be done.
#[derive(Debug, Clone, Default)]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// What kind of failure it is; it decides what follows. Of no matter where nobody has the task.
    pub class: FailureClass,
    /// What somebody has to answer before the work can go on. Likewise.
    pub question: Option<String>,
}

/// Completes a task with what it leaves behind: with the token of its claim, or, where nobody has
/// claimed it, without.
///
/// # Errors
/// An unknown task, one that has ended, a claim that is lost, a version that is not the expected
/// one.
pub async fn complete(
    engine: &Engine,
    call: &Call,
    id: Uuid,
    token: Option<i64>,
    result: TaskResult,
) -> Result<Task> {
    let heard = engine.given.take(id).map(|heard| (heard, Arc::clone(&engine.fleet)));
    let is_first = heard.as_ref().is_some_and(|(heard, _)| !heard.has_results());
    let input = (id, token, result, Arc::clone(&engine.settings), heard);
    let done = engine
        .write(call, input, |tx, call, (id, token, result, settings, heard)| {
            Box::pin(async move {
                let heard =
                    heard.as_ref().and_then(|(heard, fleet)| heard.holding(fleet, call.now));
                let holding = to_complete(tx, call, settings, *id, *token, heard).await?;
                completed(tx, call, settings, holding, *token, result).await
            })
        })
        .await?;
    if is_first {
        engine.given.note_results(done.task.ticket_id);
    }
    Ok(done.told(engine, call))
}

/// Says that a task could not be done. With the token of a claim that is an attempt, and the class
/// decides what follows; without, where nobody has claimed it, the task has failed.
///
/// # Errors
/// An unknown task, one that has ended, a claim that is lost, a version that is not the expected
/// one.
pub async fn fail(
    engine: &Engine,
    call: &Call,
    id: Uuid,
    token: Option<i64>,
    failure: Failure,
) -> Result<Task> {
    let input = (id, token, failure, Arc::clone(&engine.settings));
    let done = engine
        .write(call, input, |tx, call, (id, token, failure, settings)| {
            Box::pin(failed(tx, call, settings, *id, *token, failure))
        })
        .await?;
    engine.given.take(id);
    Ok(done.told(engine, call))
}

/// Cancels a task that is not needed any more, whoever has it.
///
/// # Errors
/// An unknown task, one that has ended, a version that is not the expected one.
pub async fn cancel(
    engine: &Engine,
    call: &Call,
    id: Uuid,
    reason: Option<String>,
) -> Result<Task> {
    let input = (id, reason, Arc::clone(&engine.settings));
    let done = engine
        .write(call, input, |tx, call, (id, reason, settings)| {
            Box::pin(async move {
                let mut holding = holding::take(tx, *id).await?;
                expect(call, &holding.task)?;
                holding.task.status.move_to(TaskState::Cancelled)?;
                let task = Task {
                    error_message: reason.clone(),
                    ..ended(&holding, TaskState::Cancelled, call, None)
                };
                let agent = holding.task.agent_id;
                let parting = Parting {
                    outcome: AttemptOutcome::Cancelled,
                    class: None,
                    message: reason.as_deref(),
                    progress: false,
                };
                let stored = holding.part(tx, call, &parting, &task).await?;
                tx.announce(announce::cancelled(call, &task, agent));
                flow::settle(tx, call, settings, &task).await?;
                Ok(Done { task, agent: stored })
            })
        })
        .await?;
    engine.given.take(id);
    // An operator's act says nothing about the agent.
    if let Some(agent) = &done.agent {
        engine.fleet.upsert(agent);
    }
    Ok(done.task)
}

/// Gives a failed task a fresh set of attempts.
///
/// # Errors
/// An unknown task, one that has not failed, a ticket that is done, a version that is not the
/// expected one.
pub async fn retry(engine: &Engine, call: &Call, id: Uuid) -> Result<Task> {
    engine
        .write(call, id, |tx, call, id| {
            Box::pin(async move {
                let holding = holding::take(tx, *id).await?;
                expect(call, &holding.task)?;
                holding.check(tx, None, call.now).await?;
                retried(tx, call, &holding.task).await
            })
        })
        .await
}

/// A failed task that begins anew.
pub(crate) async fn retried(tx: &Tx, call: &Call, task: &Task) -> Result<Task> {
    if task.status != TaskState::Failed {
        let allowed = &[TaskState::Failed];
        let (from, to) = (task.status, TaskState::Pending);
        debug_assert!(!allowed.contains(&from));
        return Err(IllegalTaskMove { from, to, allowed: from.exits() }.into());
    }
    let ticket = tickets::find(tx.connection(), task.ticket_id)
        .await?
        .ok_or_else(|| no_ticket(task.ticket_id))?;
    if workflow(&ticket.workflow_id)?.is_terminal(&ticket.position.phase) {
        return Err(Error::TicketCompleted { id: ticket.id, phase: ticket.position.phase });
    }
    let task = Task {
        error_message: None,
        finished_at: None,
        finished_by: None,
        attempts_used: 0,
        failures_in_a_row: 0,
        losses_in_a_row: 0,
        available_at: None,
        ..freed(task, TaskState::Pending, call.now)
    };
    holding::store(tx, &task, announce::retried(call, &task)).await?;
    Ok(task)
}

/// A task that is to be completed: as it was heard of or seen, or held where more than it changes.
async fn to_complete(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    id: Uuid,
    token: Option<i64>,
    heard: Option<Holding>,
) -> Result<Holding> {
    let stays = |seen: &Holding| seen.ticket.is_in_phase && !advances(settings, seen.ticket);
    let heard = heard.filter(|heard| {
        stays(heard) && heard.is_claimed_by(token, call.now) && expect(call, &heard.task).is_ok()
    });
    match holding::see(tx, id, heard).await?.filter(stays) {
        Some(seen) => Ok(seen),
        None => holding::take(tx, id).await,
    }
}

async fn completed(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    mut holding: Holding,
    token: Option<i64>,
    result: &TaskResult,
) -> Result<Done> {
    expect(call, &holding.task)?;
    holding.check(tx, token, call.now).await?;
    holding.task.status.move_to(TaskState::Completed)?;
    let agent = holding.task.agent_id;
    let task = Task {
        result: Some(result.clone()),
        error_message: None,
        failures_in_a_row: 0,
        losses_in_a_row: 0,
        ..ended(&holding, TaskState::Completed, call, agent)
    };
    let parting =
        Parting { outcome: AttemptOutcome::Completed, class: None, message: None, progress: true };
    let stored = holding.part(tx, call, &parting, &task).await?;
    tx.announce(announce::completed(call, &task, agent));
    carry_on(tx, call, settings, &task, holding.ticket).await?;
    Ok(Done { task, agent: stored })
}

/// What a completed task means for its ticket. One that advances by itself is held for that. Any
/// other has only to stay where it is until the result is there: whoever moves it on gathers that,
/// and tasks that are completed at the same time do not wait for each other.
async fn carry_on(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    task: &Task,
    seen: TicketSeen,
) -> Result<()> {
    let TicketSeen { auto_advance: _, has_results, is_in_phase, version } = seen;
    let id = task.ticket_id;
    let stays = is_in_phase && !advances(settings, seen);
    if stays && (tx.is_alone() || !tx.is_held().await) {
        let stayed = match has_results {
            false => tickets::mark_results_at(tx, id, version).await?,
            true => tickets::keep_at(tx, id, version).await?,
        };
        return if stayed {
            Ok(())
        } else {
            Err(phaseline_persistence::Error::ChangedHands.into())
        };
    }
    let shared = has_results && stays;
    let found = match (has_results, shared) {
        (false, _) => tickets::mark_results(tx, id).await?,
        (true, true) => tickets::find_and_keep(tx, id).await?,
        (true, false) => tickets::find_and_hold(tx, id).await?,
    };
    let ticket = found.ok_or_else(|| no_ticket(id))?;
    if !contexts::is_late(&ticket, task)? && !settings.advances(&ticket) {
        return Ok(());
    }
    if shared {
        // It was moved a moment ago. Who shares a lock must not ask for more: two would wait for each
        // other. The next look knows.
        return Err(phaseline_persistence::Error::ChangedHands.into());
    }
    let ticket = contexts::catch_up(tx, call, task, ticket).await?;
    flow::settle_held(tx, call, settings, task, ticket).await
}

/// Whether a ticket advances by itself, by what was seen of it.
fn advances(settings: &Settings, ticket: TicketSeen) -> bool {
    ticket.auto_advance.unwrap_or(settings.flow.auto_advance)
}

async fn failed(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    id: Uuid,
    token: Option<i64>,
    failure: &Failure,
) -> Result<Done> {
    let mut holding = holding::take(tx, id).await?;
    expect(call, &holding.task)?;
    holding.check(tx, token, call.now).await?;
    let Some(agent) = holding.task.agent_id else {
        return given_up(tx, call, &holding, failure).await;
    };
    let Failure { message, class, question } = failure;
    let before = &holding.task;
    let failures = before.failures_in_a_row.saturating_add(1);
    let random = call.sources.random();
    let used = before.attempts_used;
    let next = after_failure(*class, used, before.max_attempts, failures, &settings.retry, random);
    let task = match next {
        Next::Retry { attempts_used, wait } => Task {
            attempts_used,
            failures_in_a_row: failures,
            losses_in_a_row: 0,
            error_message: Some(message.clone()),
            available_at: (!wait.is_zero()).then(|| call.now + wait),
            ..freed(before, TaskState::Pending, call.now)
        },
        Next::GiveUp { attempts_used } => Task {
            attempts_used,
            failures_in_a_row: failures,
            error_message: Some(message.clone()),
            ..ended(&holding, TaskState::Failed, call, Some(agent))
        },
    };
    let parting = Parting {
        outcome: AttemptOutcome::Failed,
        class: Some(*class),
        message: Some(message),
        progress: true,
    };
    let stored = holding.part(tx, call, &parting, &task).await?;
    tx.announce(announce::attempt_failed(call, &task, agent, *class, message));
    if task.status == TaskState::Failed {
        tx.announce(announce::failed(call, &task, Some(agent)));
        let blocker = used_up(tx, &task, call).await?;
        flow::block(tx, call, settings, task.ticket_id, blocker).await?;
    } else if *class == FailureClass::NeedsInput {
        let blocker = Blocker {
            kind: BlockerKind::NeedsInput,
            question: Some(question.clone().unwrap_or_else(|| message.clone())),
            reasons: vec![message.clone()],
            since: call.now,
            by: Some(format!("agents/{agent}")),
            task_id: Some(id.to_string()),
        };
        flow::block(tx, call, settings, task.ticket_id, blocker).await?;
    }
    Ok(Done { task, agent: stored })
}

/// An operator's word that nobody need try.
async fn given_up(tx: &Tx, call: &Call, holding: &Holding, failure: &Failure) -> Result<Done> {
    holding.task.status.move_to(TaskState::Failed)?;
    let task = Task {
        error_message: Some(failure.message.clone()),
        ..ended(holding, TaskState::Failed, call, None)
    };
    holding::store(tx, &task, announce::failed(call, &task, None)).await?;
    Ok(Done { task, agent: None })
}

/// Why the ticket of a task that used up its attempts cannot go on.
async fn used_up(tx: &Tx, task: &Task, call: &Call) -> Result<Blocker> {
    let failures = attempts::failures(tx.connection(), task.id, REASONS).await?;
    let name = task.title.as_deref().or(task.key.as_deref()).unwrap_or(task.task_type.as_str());
    let reasons = failures.into_iter().map(|(token, class, message)| {
        let class = class.unwrap_or_default();
        format!("attempt {token} ({class}): {message}")
    });
    let attempts = match task.max_attempts {
        1 => "only attempt".to_owned(),
        most => format!("{most} attempts"),
    };
    Ok(Blocker {
        kind: BlockerKind::FailingChecks,
        question: Some(format!(
            "Task {name:?} has used up its {attempts}: what should be done differently?"
        )),
        reasons: reasons.collect(),
        since: call.now,
        by: task.finished_by.clone(),
        task_id: Some(task.id.to_string()),
    })
}

/// The task with its next version, at an end by the hand of its agent, or else of whoever calls.
fn ended(holding: &Holding, status: TaskState, call: &Call, agent: Option<Uuid>) -> Task {
    let operator = || call.actor.clone().unwrap_or_else(|| "operator".to_owned());
    let by = agent.map_or_else(operator, |agent| format!("agents/{agent}"));
    Task {
        finished_at: Some(call.now),
        finished_by: Some(by),
        available_at: None,
        ..freed(&holding.task, status, call.now)
    }
}
