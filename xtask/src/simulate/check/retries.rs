//! What uses up an attempt, and what follows when none is left.

use phaseline_persistence::tasks::Task;
use phaseline_tasks::TaskState;

use super::{Verdict, View, hold, touched};
use crate::simulate::{
    journal::Attempt,
    reference::{is_blocked, is_done, is_open},
};

pub(super) fn check(view: View<'_>) -> Verdict {
    let View { rows, change, .. } = view;
    for (id, before, after) in touched(&change.before.tasks, &change.after.tasks) {
        let (Some(before), Some(after)) = (before, after) else { continue };
        let attempts = rows.attempts.get(&id).map_or(&[][..], Vec::as_slice);
        used(view, before, after, attempts)?;
        hold(
            after.attempts_used < after.max_attempts || !is_open(after),
            "a task that has used up its attempts has failed",
            || format!("task {id} is {} after {} attempts", after.status, after.attempts_used),
        )?;
        let given_up = after.status == TaskState::Failed
            && before.status != TaskState::Failed
            && after.attempts_used >= after.max_attempts;
        let ticket = rows.tickets.get(&after.ticket_id);
        hold(
            !given_up || ticket.is_some_and(|ticket| is_blocked(ticket) || is_done(ticket)),
            "a task that has used up its attempts blocks its ticket",
            || format!("task {id}: ticket {} goes on", after.ticket_id),
        )?;
    }
    Ok(())
}

/// Only a failure of class `task` counts, once; only a fresh start takes the count back.
fn used(view: View<'_>, before: &Task, after: &Task, attempts: &[Attempt]) -> Verdict {
    let ended_now = attempts.iter().filter(|attempt| {
        attempt.ended.is_some()
            && attempt.token == before.fencing_token
            && before.agent_id.is_some()
    });
    let counts = ended_now
        .filter(|attempt| attempt.outcome == "failed" && attempt.class.as_deref() == Some("task"));
    let counted = u32::try_from(counts.count()).unwrap_or(u32::MAX);
    let subject = format!("tasks/{}", after.id);
    let anew = view
        .change
        .events
        .iter()
        .any(|event| event.kind == "task.retried" && event.subject == subject);
    let expected = if anew { 0 } else { before.attempts_used + counted };
    hold(after.attempts_used == expected, "only a failure of class task uses up an attempt", || {
        format!("task {}: {} became {}", after.id, before.attempts_used, after.attempts_used)
    })
}
