//! Tickets that cannot go on: blocked for a task, or for going back too often.

use phaseline_persistence::{
    Tx, history,
    tickets::{self, Ticket},
};
use phaseline_phases::{Blocker, BlockerKind, PhaseId, Spent, rework::over_budget};
use uuid::Uuid;

use crate::{
    Call, Result, Settings, announce,
    tickets::{Step, stale, step, workflow},
};

/// Blocks the ticket of a task, unless it is done. One that is blocked already asks for this as well.
pub(crate) async fn block(
    tx: &Tx,
    call: &Call,
    settings: &Settings,
    ticket: Uuid,
    blocker: Blocker,
) -> Result<()> {
    let Some(ticket) = tickets::find_and_hold(tx, ticket).await? else {
        return Ok(());
    };
    let workflow = workflow(&ticket.workflow_id)?;
    if workflow.is_parking(&ticket.position.phase) {
        return ask_as_well(tx, call, ticket, blocker).await;
    }
    let parking =
        ticket.position.allowed(workflow)?.into_iter().find(|phase| workflow.is_parking(phase));
    let Some(parking) = parking else {
        return Ok(());
    };
    let reason = blocker.question.clone().unwrap_or_else(|| blocker.kind.to_string());
    let parked = Step { blocker: Some(blocker), ..Step::by_itself(parking, reason) };
    step(tx, call, settings, &ticket, parked).await?;
    Ok(())
}

/// Adds what a task of a blocked ticket asks to what is asked already.
async fn ask_as_well(tx: &Tx, call: &Call, ticket: Ticket, blocker: Blocker) -> Result<()> {
    let both = match &ticket.blocker {
        Some(known) => known.and(blocker),
        None => Some(blocker),
    };
    let Some(both) = both else {
        return Ok(());
    };
    if !tickets::ask(tx, &ticket, &both, call.now).await? {
        return Err(stale(tx, ticket.id).await);
    }
    let asked = Ticket { version: ticket.version + 1, ..ticket };
    tx.announce(announce::ticket_updated(call, &asked, &["blocker"]));
    Ok(())
}

/// Why a ticket must not go back over this edge once more.
pub(crate) async fn rework_spent(
    tx: &Tx,
    settings: &Settings,
    ticket: &Ticket,
    to: &PhaseId,
) -> Result<Option<Spent>> {
    let after = ticket.rework_since;
    let rows = history::list(tx.connection(), ticket.id, after, u64::from(u32::MAX)).await?.items;
    Ok(over_budget(&rows, after, &ticket.position.phase, to, settings.rework_budget))
}

/// The blocker of a ticket that has used up its rework budget; the last reason is that of the move
/// that was asked for.
pub(crate) fn rework_blocker(spent: &Spent, reason: Option<String>, call: &Call) -> Blocker {
    Blocker {
        kind: BlockerKind::ReworkBudget,
        question: Some(format!(
            "{} has sent this ticket back to {} {} times: what has to change before it is tried again?",
            spent.from, spent.to, spent.count
        )),
        reasons: spent.reasons.iter().cloned().chain(reason).collect(),
        since: call.now,
        by: call.actor.clone(),
        task_id: None,
    }
}
