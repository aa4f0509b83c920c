//! What was asked of a task is what is stored of it.

use chrono::{DateTime, TimeDelta, Utc};
use phaseline_engine::tasks::Failure;
use phaseline_persistence::tasks::Task;
use phaseline_tasks::{FailureClass, TaskState};

use super::{Verdict, View, hold};
use crate::simulate::{
    op::Op,
    reference::{is_blocked, is_done},
};

pub(super) fn check(view: View<'_>) -> Verdict {
    let change = view.change;
    let of = |id| Some((change.before.tasks.get(id)?, change.after.tasks.get(id)?));
    match view.op {
        Op::Complete(id, _, result) => of(id).map_or(Ok(()), |(before, after)| {
            let kept = after.status == TaskState::Completed
                && after.result.as_ref() == Some(result)
                && after.finished_at == Some(view.now)
                && by_its_agent(before, after);
            hold(kept, "a completed task keeps what it was completed with", || format!("{after:?}"))
        }),
        Op::Fail(id, _, failure) => {
            of(id).map_or(Ok(()), |(before, after)| failed(view, before, after, failure))
        }
        Op::Release(id, _) => of(id).map_or(Ok(()), |(before, after)| {
            let back = after.status == TaskState::Pending
                && after.available_at.is_none()
                && after.attempts_used == before.attempts_used;
            hold(
                back && ended(view, before, "released", None),
                "what is given back is there at once",
                || format!("{after:?}"),
            )
        }),
        Op::Extend(id, _, lease) => of(id).map_or(Ok(()), |(_, after)| {
            let until = lease.map(|lease| lease.until(view.now));
            let longer = after.lease_expires_at > Some(view.now);
            let right = longer && until.is_none_or(|until| after.lease_expires_at == Some(until));
            hold(
                right && after.status == TaskState::Running,
                "an extension ends when it says",
                || format!("{after:?}"),
            )
        }),
        Op::Cancel(id) => of(id).map_or(Ok(()), |(_, after)| {
            hold(after.status == TaskState::Cancelled, "a cancelled task is cancelled", || {
                format!("{after:?}")
            })
        }),
        Op::Retry(id) => of(id).map_or(Ok(()), |(_, after)| anew(after)),
        Op::Fleet(_) => expired(view),
        Op::CreateTicket(_)
        | Op::Import(_)
        | Op::EditTicket(..)
        | Op::DeleteTicket(_)
        | Op::Transition(..)
        | Op::Answer(..)
        | Op::AddArtifact(..)
        | Op::Approve(..)
        | Op::UpdateContext(..)
        | Op::CreateTask(..)
        | Op::Claim(..)
        | Op::Restart
        | Op::Pass(_) => Ok(()),
    }
}

fn anew(after: &Task) -> Verdict {
    let counts = (after.attempts_used, after.failures_in_a_row, after.losses_in_a_row);
    let fresh = after.status == TaskState::Pending
        && after.available_at.is_none()
        && after.result.is_none()
        && counts == (0, 0, 0);
    hold(fresh, "a task that is tried anew has a fresh set of attempts", || format!("{after:?}"))
}

/// Whoever held it ended it, or an operator under a name.
fn by_its_agent(before: &Task, after: &Task) -> bool {
    match (before.agent_id, &after.finished_by) {
        (Some(agent), Some(by)) => *by == format!("agents/{agent}"),
        (None, Some(by)) => !by.starts_with("agents/"),
        (_, None) => false,
    }
}

/// Whether the attempt that was under way has ended now, in this way.
fn ended(view: View<'_>, before: &Task, outcome: &str, class: Option<&str>) -> bool {
    let attempts = view.rows.attempts.get(&before.id);
    attempts.into_iter().flatten().any(|attempt| {
        attempt.token == before.fencing_token
            && attempt.ended == Some(view.now)
            && attempt.outcome == outcome
            && attempt.class.as_deref() == class
    })
}

fn failed(view: View<'_>, before: &Task, after: &Task, failure: &Failure) -> Verdict {
    let rule = "a failure is kept, and has the consequences of its class";
    let found = || format!("{failure:?} left {after:?}");
    if before.agent_id.is_none() {
        let given_up = after.status == TaskState::Failed && by_its_agent(before, after);
        return hold(given_up, rule, found);
    }
    let class = failure.class;
    let given_up = class == FailureClass::Task && before.attempts_used + 1 >= before.max_attempts;
    let state = if given_up { TaskState::Failed } else { TaskState::Pending };
    let kept = after.status == state
        && after.error_message.as_ref() == Some(&failure.message)
        && after.failures_in_a_row == before.failures_in_a_row + 1
        && ended(view, before, "failed", Some(class.as_ref()));
    let waits = match class {
        FailureClass::Task | FailureClass::Transient | FailureClass::Dependency => !given_up,
        FailureClass::Capability | FailureClass::NeedsInput => false,
    };
    let rests = rests(view, after.available_at, after.failures_in_a_row);
    let rested = if waits { rests } else { after.available_at.is_none() };
    let ticket = view.rows.tickets.get(&after.ticket_id);
    let stopped = ticket.is_some_and(|ticket| is_blocked(ticket) || is_done(ticket));
    let stops = class == FailureClass::NeedsInput || given_up;
    hold(kept && rested && (stopped || !stops), rule, found)
}

/// Whether the wait is the base doubled with each failure, at most the longest, give or take jitter.
fn rests(view: View<'_>, until: Option<DateTime<Utc>>, failures: u32) -> bool {
    let policy = view.settings.retry;
    let doubled = (1..failures).fold(policy.base_s, |wait, _| wait.saturating_mul(2));
    let wait = f64::from(doubled.min(policy.max_s));
    let (least, most) = (wait * (1.0 - policy.jitter), wait * (1.0 + policy.jitter));
    let rest = until.map_or(TimeDelta::zero(), |until| until - view.now).as_seconds_f64();
    (least - 0.01..=most + 0.01).contains(&rest)
}

/// Whoever lost a task in this step lost it for the reason that is written down.
fn expired(view: View<'_>) -> Verdict {
    for (id, before) in &view.change.before.tasks {
        let lost = before.agent_id.is_some();
        let Some(after) = view.change.after.tasks.get(id).filter(|_| lost) else { continue };
        let overdue = before.lease_expires_at.is_some_and(|end| end <= view.now);
        let known = ended(view, before, "agent_lost", None)
            || (overdue && ended(view, before, "expired", None));
        let counted = after.losses_in_a_row == before.losses_in_a_row + 1;
        hold(
            known && counted && after.status == TaskState::Pending,
            "upkeep takes a task back for a lease that ended or an agent that is gone",
            || format!("{before:?} became {after:?}"),
        )?;
    }
    Ok(())
}
