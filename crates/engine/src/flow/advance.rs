//! Tickets that go on by themselves: from their first work to their end, as far as gates and work let
//! them.

use futures::future::BoxFuture;
use phaseline_persistence::{
    Tx, history,
    tasks::{self, Task},
    tickets::{self, Ticket},
};
use phaseline_phases::{PhaseId, TransitionKind};
use uuid::Uuid;

use super::{Work, work};
use crate::{
    Call, Result, Settings, announce, contexts, gates,
    tickets::{Step, step, workflow},
};

/// Advances a ticket as far as the end of this task lets it, in the same transaction.
pub(crate) async fn settle(tx: &Tx, call: &Call, settings: &Settings, task: &Task) -> Result<()> {
    match advancing(tx, settings, task.ticket_id).await? {
        Some(ticket) => settle_held(tx, call, settings, task, ticket).await,
        None => Ok(()),
    }
}

/// The same for a ticket that this transaction holds already.
pub(crate) async fn settle_held(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    task: &Task,
    ticket: Ticket,
) -> Result<()> {
    if !advances(settings, &ticket)? {
        return Ok(());
    }
    let workflow = workflow(&ticket.workflow_id)?;
    // Work that was begun before a ticket went back does not carry it forward again.
    let ahead = workflow.rank(&task.phase_id) > workflow.rank(&ticket.position.phase);
    if ahead && ticket.position.phase != *workflow.initial() {
        return Ok(());
    }
    advance(tx, call, settings, ticket).await
}

/// Advances a ticket whose work was done already and whose gate may be met now.
pub(crate) async fn settle_after_evidence(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ticket: Uuid,
) -> Result<()> {
    let Some(ticket) = advancing(tx, settings, ticket).await? else {
        return Ok(());
    };
    if !settings.gates_on(&ticket) || outdated(tx, &ticket).await? {
        return Ok(());
    }
    advance(tx, call, settings, ticket).await
}

/// Advances a ticket that has come back from being blocked, if its work was done meanwhile.
pub(crate) async fn settle_after_resume(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ticket: Ticket,
) -> Result<()> {
    if !advances(settings, &ticket)? {
        return Ok(());
    }
    let (workflow, phase) = (workflow(&ticket.workflow_id)?, &ticket.position.phase);
    let work = work(tx.connection(), workflow, ticket.id, phase).await?;
    if work.completed + work.ahead == 0 || outdated(tx, &ticket).await? {
        return Ok(());
    }
    advance(tx, call, settings, ticket).await
}

/// Advances a ticket that waits in a phase without work for what was just made.
pub(crate) async fn settle_after_making(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    task: &Task,
) -> Result<()> {
    let Some(ticket) = advancing(tx, settings, task.ticket_id).await? else {
        return Ok(());
    };
    let workflow = workflow(&ticket.workflow_id)?;
    if ticket.position.phase == *workflow.initial() {
        return start(tx, call, settings, ticket.id, true).await;
    }
    let ahead = workflow.rank(&task.phase_id) > workflow.rank(&ticket.position.phase);
    if !ahead || outdated(tx, &ticket).await? {
        return Ok(());
    }
    advance(tx, call, settings, ticket).await
}

/// Whether all that was completed in the phase where the ticket stands was completed before it
/// last came there: after a regression the work of the last time does not count. To come back from
/// being blocked is not to come there anew.
async fn outdated(tx: &Tx, ticket: &Ticket) -> Result<bool> {
    let phase = &ticket.position.phase;
    let Some(last) = tasks::last_completed(tx.connection(), ticket.id, phase).await? else {
        return Ok(false);
    };
    let rows = history::list(tx.connection(), ticket.id, 0, u64::from(u32::MAX)).await?.items;
    let came = rows.iter().rev().find(|row| match row.kind {
        TransitionKind::Resume | TransitionKind::Block => false,
        TransitionKind::Create
        | TransitionKind::Advance
        | TransitionKind::Regress
        | TransitionKind::Complete => true,
    });
    // One that resumed in an earlier phase has gone back, too.
    let came = match came {
        Some(row) if row.to == *phase => row.at,
        Some(_) | None => ticket.position.since,
    };
    Ok(last < came)
}

/// The ticket, held, if it advances by itself from where it stands.
async fn advancing(tx: &Tx, settings: &Settings, id: Uuid) -> Result<Option<Ticket>> {
    // Most tickets do not, and need not be held to know it.
    match tickets::find(tx.connection(), id).await? {
        Some(ticket) if settings.advances(&ticket) => {}
        Some(_) | None => return Ok(None),
    }
    let Some(ticket) = tickets::find_and_hold(tx, id).await? else {
        return Ok(None);
    };
    Ok(advances(settings, &ticket)?.then_some(ticket))
}

/// Whether a ticket advances by itself from where it stands.
fn advances(settings: &Settings, ticket: &Ticket) -> Result<bool> {
    if !settings.advances(ticket) {
        return Ok(false);
    }
    let (workflow, phase) = (workflow(&ticket.workflow_id)?, &ticket.position.phase);
    Ok(!workflow.is_parking(phase) && !workflow.is_terminal(phase))
}

/// Advances a ticket that somebody has moved forward, if it has work in a later phase and none where
/// it is now. Where there is none either way, somebody may be about to make it.
pub(crate) async fn settle_after_move(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ticket: Ticket,
) -> Result<()> {
    if !advances(settings, &ticket)? {
        return Ok(());
    }
    let workflow = workflow(&ticket.workflow_id)?;
    let work = work(tx.connection(), workflow, ticket.id, &ticket.position.phase).await?;
    if work.ahead == 0 || outdated(tx, &ticket).await? {
        return Ok(());
    }
    advance(tx, call, settings, ticket).await
}

async fn advance(tx: &Tx, call: &Call, settings: &Settings, mut ticket: Ticket) -> Result<()> {
    let workflow = workflow(&ticket.workflow_id)?;
    if !awaits_nobody(tx, &ticket).await? {
        return Ok(());
    }
    loop {
        let phase = ticket.position.phase.clone();
        let Some(next) = workflow.next(&phase).cloned() else {
            return Ok(());
        };
        let Work { open, completed, failed, behind, ahead } =
            work(tx.connection(), workflow, ticket.id, &phase).await?;
        let empty = settings.skips_empty(&ticket) || ahead > 0;
        if open + failed + behind > 0 || !(completed > 0 || empty) {
            return Ok(());
        }
        if let Some(report) = gates::unmet(tx, settings, &ticket, &phase, &[]).await? {
            tx.announce(announce::gate_unmet(call, ticket.id, &phase, &report));
            return Ok(());
        }
        let reason = if completed > 0 {
            format!("the work of {phase} is done")
        } else {
            format!("{phase} has no tasks")
        };
        let (moved, _) = step(tx, call, settings, &ticket, Step::by_itself(next, reason)).await?;
        ticket = moved;
        if workflow.is_terminal(&ticket.position.phase) {
            return Ok(());
        }
        // What was found out there before it went back has to be looked at again.
        let document = contexts::document(tx.connection(), ticket.id).await?;
        if document.under_review.contains(&ticket.position.phase) {
            return Ok(());
        }
        // Somebody may want to make the tasks of the phase that it has come to.
        let Work { open, ahead, .. } =
            work(tx.connection(), workflow, ticket.id, &ticket.position.phase).await?;
        if open > 0 || !(ahead > 0 || settings.skips_empty(&ticket)) {
            return Ok(());
        }
    }
}

/// Lets a ticket begin that waits for nobody any more. It leaves its first phase by itself where no
/// claim will: templates make its work on the way, gates watch the way to it, or, with
/// `skip_empty_phases`, there is none at all. One that stands in a later phase goes on if it has
/// nothing to do there. A ticket that was just `made` may be about to get its tasks.
pub(crate) fn start<'t>(
    tx: &'t Tx,
    call: &'t Call,
    settings: &'t Settings,
    id: Uuid,
    made: bool,
) -> BoxFuture<'t, Result<()>> {
    Box::pin(async move {
        let Some(mut ticket) = advancing(tx, settings, id).await? else {
            return Ok(());
        };
        let workflow = workflow(&ticket.workflow_id)?;
        if !awaits_nobody(tx, &ticket).await? {
            return Ok(());
        }
        if ticket.position.phase != *workflow.initial() {
            if made || outdated(tx, &ticket).await? {
                return Ok(());
            }
            return advance(tx, call, settings, ticket).await;
        }
        let work = work(tx.connection(), workflow, ticket.id, workflow.initial()).await?;
        let idle = work.open + work.ahead + work.completed + work.failed == 0;
        if settings.templates_on(&ticket) {
            if work.open > 0 {
                return Ok(());
            }
            let Some(next) = workflow.next(&ticket.position.phase).cloned() else {
                return Ok(());
            };
            let phase = ticket.position.phase.clone();
            if let Some(report) = gates::unmet(tx, settings, &ticket, &phase, &[]).await? {
                tx.announce(announce::gate_unmet(call, ticket.id, &phase, &report));
                return Ok(());
            }
            let begun = Step::by_itself(next, "templates make its work".to_owned());
            ticket = step(tx, call, settings, &ticket, begun).await?.0;
            return advance(tx, call, settings, ticket).await;
        }
        let nothing_to_do = idle && !made && settings.skips_empty(&ticket);
        if nothing_to_do || settings.gates_on(&ticket) && work.ahead > 0 {
            return advance(tx, call, settings, ticket).await;
        }
        Ok(())
    })
}

/// Lets the tickets begin that waited for one that is done now.
pub(crate) async fn released(tx: &Tx, call: &Call, settings: &Settings, done: Uuid) -> Result<()> {
    if !tx.follow_up(done) {
        return Ok(()); // whoever is in the loop below comes to it
    }
    while let Some(done) = tx.next_follow_up() {
        for follower in tickets::waiting_for(tx.connection(), done).await? {
            start(tx, call, settings, follower, false).await?;
        }
    }
    Ok(())
}

/// Whether every ticket that this one waits for is done. The ticket is held, so of two that end at
/// the same moment the second one sees the first.
async fn awaits_nobody(tx: &Tx, ticket: &Ticket) -> Result<bool> {
    for blocker in tickets::with_ids(tx.connection(), &ticket.blocked_by).await? {
        if !workflow(&blocker.workflow_id)?.is_terminal(&blocker.position.phase) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Brings a ticket that is still in its first phase to the one whose work begins.
pub(crate) async fn begin(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ticket: Uuid,
    phase: &PhaseId,
) -> Result<()> {
    let Some(mut ticket) = tickets::find_and_hold(tx, ticket).await? else {
        return Ok(());
    };
    let workflow = workflow(&ticket.workflow_id)?;
    while workflow.rank(&ticket.position.phase) < workflow.rank(phase) {
        let Some(next) = workflow.next(&ticket.position.phase).cloned() else {
            return Ok(());
        };
        let reason = format!("work of {phase} begins");
        ticket = step(tx, call, settings, &ticket, Step::by_itself(next, reason)).await?.0;
    }
    Ok(())
}
