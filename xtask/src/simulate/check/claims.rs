//! What a claim hands out is what the plain reference says, in its order.

use phaseline_engine::claims::Claimed;
use uuid::Uuid;

use super::{Verdict, View, Violation, hold};
use crate::simulate::{op::Op, reference};

/// Holds the answer to a claim against what was due to the agent before it.
pub(in crate::simulate) fn handed_out(view: View<'_>, due: &[Uuid], claimed: &Claimed) -> Verdict {
    let got: Vec<Uuid> = claimed.items.iter().map(|item| item.task.id).collect();
    hold(
        got == due,
        "a claim gives the best tasks that the agent is able and free to do, and all of them",
        || format!("it got {got:?} and should have got {due:?}"),
    )?;
    let Op::Claim(agent, ask) = view.op else { return Ok(()) };
    for item in &claimed.items {
        let rule = "a claim says what is stored";
        let stored = view.rows.tasks.get(&item.task.id);
        let told = Violation { rule, found: format!("{:?} against {stored:?}", item.task) };
        let task = stored.ok_or_else(|| told.clone())?;
        let same = *task == item.task
            && task.agent_id == Some(*agent)
            && task.fencing_token == item.fencing_token
            && task.lease_expires_at == Some(item.lease_expires_at)
            && item.lease_expires_at == ask.lease.until(view.now);
        if !same {
            return Err(told);
        }
        let ticket = view.rows.tickets.get(&task.ticket_id);
        hold(
            ticket.is_some_and(|ticket| {
                !reference::is_blocked(ticket) && !reference::is_done(ticket)
            }),
            "a ticket that is blocked or done gives no work",
            || format!("task {}", task.id),
        )?;
        let pending = task.depends_on.iter().filter_map(|on| view.rows.tasks.get(on));
        hold(
            pending.clone().all(|on| !reference::is_open(on)),
            "nobody gets a task that waits for another one",
            || format!("task {} waits for {:?}", task.id, pending.collect::<Vec<_>>()),
        )?;
    }
    Ok(())
}
