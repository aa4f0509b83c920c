//! The way of a ticket: its history, its gates, its templates, its rework budget.

use std::collections::{BTreeMap, BTreeSet};

use phaseline_persistence::tickets::Ticket;
use phaseline_phases::{BlockerKind, HistoryEntry, PhaseId, TransitionKind, Workflow, replay};
use phaseline_tasks::TaskState;

use super::{Verdict, View, hold, touched};
use crate::simulate::{
    op::Op,
    reference::{gate_met, is_blocked, is_done, is_open},
};

pub(super) fn check(view: View<'_>) -> Verdict {
    let change = view.change;
    for (id, before, after) in touched(&change.before.tickets, &change.after.tickets) {
        let Some(after) = after else { continue };
        let history = view.rows.history.get(&id).map_or(&[][..], Vec::as_slice);
        replays(after, history)?;
        rework(view, before, after, history)?;
        gates(view, before, after, history)?;
        templates(view, before, after)?;
        hold(
            after.blocker.is_some() == is_blocked(after),
            "a ticket has a blocker exactly while it is blocked",
            || format!("ticket {id}: {:?} in {}", after.blocker, after.position.phase),
        )?;
    }
    advanced(view)
}

fn replays(ticket: &Ticket, history: &[HistoryEntry]) -> Verdict {
    let replayed = replay(Workflow::standard(), history);
    let same = replayed.as_ref().is_ok_and(|position| *position == ticket.position);
    hold(same, "the history of a ticket replays to where it stands", || {
        format!("ticket {}: {replayed:?} against {:?}", ticket.id, ticket.position)
    })
}

/// Since the last answer to a spent budget no edge back was taken more often than is allowed.
fn rework(
    view: View<'_>,
    before: Option<&Ticket>,
    after: &Ticket,
    history: &[HistoryEntry],
) -> Verdict {
    let spent = |ticket: &Ticket| {
        ticket.blocker.as_ref().is_some_and(|blocker| blocker.kind == BlockerKind::ReworkBudget)
    };
    let resumed = before.is_some_and(spent) && !spent(after);
    let since = before.map_or(0, |ticket| ticket.rework_since);
    hold(
        resumed || after.rework_since == since,
        "the rework budget is renewed only by leaving the block that it caused",
        || format!("ticket {}: {since} became {}", after.id, after.rework_since),
    )?;
    let mut edges: BTreeMap<(Option<&PhaseId>, &PhaseId), u32> = BTreeMap::new();
    for row in history.iter().filter(|row| row.sequence > after.rework_since) {
        if row.kind == TransitionKind::Regress {
            *edges.entry((row.from.as_ref(), &row.to)).or_default() += 1;
        }
    }
    let budget = view.settings.rework_budget;
    hold(
        edges.values().all(|times| *times <= budget),
        "no ticket goes back over one edge more often than the rework budget allows",
        || format!("ticket {}: {edges:?} with a budget of {budget}", after.id),
    )
}

/// Whatever left a phase forward in this step, not by force, was let through by its gate as the
/// ticket stood then.
fn gates(
    view: View<'_>,
    before: Option<&Ticket>,
    after: &Ticket,
    history: &[HistoryEntry],
) -> Verdict {
    let known = before.map_or(0, |ticket| ticket.position.sequence);
    // An edit that changes how a ticket flows does so before it lets the ticket go on.
    let on = view.settings.gates_on(after);
    let subject = format!("tickets/{}", after.id);
    for row in history.iter().filter(|row| row.sequence > known && on && !row.forced) {
        let forward = matches!(row.kind, TransitionKind::Advance | TransitionKind::Complete);
        let Some(from) = row.from.as_ref().filter(|_| forward) else { continue };
        let event = view.change.events.iter().find(|event| {
            event.subject == subject && event.data["sequence"].as_u64() == Some(row.sequence.into())
        });
        let version = event.and_then(|event| event.data["version"].as_i64()).unwrap_or_default();
        let met = gate_met(view.rows, view.settings, after.id, from, version - 1, &row.artifacts);
        hold(met, "nothing but force passes a gate that is not met", || {
            format!("ticket {} left {from} at version {}", after.id, version - 1)
        })?;
    }
    Ok(())
}

/// Entering a phase makes the tasks of its templates, once.
fn templates(view: View<'_>, before: Option<&Ticket>, after: &Ticket) -> Verdict {
    let once: BTreeSet<&PhaseId> = after.templated_phases.iter().collect();
    hold(once.len() == after.templated_phases.len(), "templates are made once a phase", || {
        format!("ticket {}: {:?}", after.id, after.templated_phases)
    })?;
    let own = || view.rows.tasks.values().filter(|task| task.ticket_id == after.id);
    let keys: BTreeSet<&str> = own().filter_map(|task| task.key.as_deref()).collect();
    for phase in once {
        let plan = view.settings.template_plan.for_phase(phase);
        hold(
            plan.iter().all(|template| keys.contains(template.key.as_str())),
            "a phase that had its templates made has their tasks",
            || format!("ticket {}, {phase}", after.id),
        )?;
    }
    let entered = before.is_none_or(|before| before.position.phase != after.position.phase);
    let plan = view.settings.template_plan.for_phase(&after.position.phase);
    let due = entered && view.settings.templates_on(after) && !plan.is_empty();
    hold(
        !due || after.templated_phases.contains(&after.position.phase),
        "entering a phase makes the tasks of its templates",
        || format!("ticket {} in {}", after.id, after.position.phase),
    )?;
    let known = before.map_or(0, |before| before.templated_phases.len());
    let makes = matches!(view.op, Op::CreateTask(..) | Op::Import(_));
    let made = view.change.after.tasks.values().filter(|task| {
        task.ticket_id == after.id && !view.change.before.tasks.contains_key(&task.id)
    });
    hold(
        makes || made.count() == 0 || after.templated_phases.len() > known,
        "tasks come from whoever makes them, or from templates that were due",
        || format!("ticket {}", after.id),
    )
}

/// The last task of a phase takes the ticket on, where it is to advance by itself.
fn advanced(view: View<'_>) -> Verdict {
    let Op::Complete(id, ..) = view.op else { return Ok(()) };
    let done = view.change.after.tasks.get(id).filter(|task| task.status == TaskState::Completed);
    let Some(task) = done else { return Ok(()) };
    let Some(now) = view.rows.tickets.get(&task.ticket_id) else { return Ok(()) };
    let was = view.change.before.tickets.get(&task.ticket_id).unwrap_or(now);
    let phase = &was.position.phase;
    let still = &now.position.phase == phase && !is_done(now) && !is_blocked(now);
    if !still || &task.phase_id != phase || !view.settings.advances(now) {
        return Ok(());
    }
    let rank = |phase: &PhaseId| Workflow::standard().rank(phase);
    let waits = view.rows.tasks.values().filter(|other| other.ticket_id == now.id).any(|other| {
        let failed = other.status == TaskState::Failed && &other.phase_id == phase;
        failed || (is_open(other) && rank(&other.phase_id) <= rank(phase))
    });
    // Work may be done by hand on a ticket that waits for another; it goes on when that is done.
    let held_up = now
        .blocked_by
        .iter()
        .any(|other| view.rows.tickets.get(other).is_some_and(|t| !is_done(t)));
    let met = !view.settings.gates_on(now)
        || gate_met(view.rows, view.settings, now.id, phase, now.version, &[]);
    hold(waits || held_up || !met, "the last task of a phase takes the ticket on", || {
        format!("ticket {} stays in {phase}", now.id)
    })
}
