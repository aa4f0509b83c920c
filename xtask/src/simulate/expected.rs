//! What the answer to a call has to be, by the rows as they were before it.

use chrono::{DateTime, Utc};
use phaseline_engine::{Settings, agents::Change, tickets::Move};
use phaseline_persistence::{tasks::Task, tickets::Ticket};
use phaseline_phases::{Note, PhaseId, Workflow};
use phaseline_registry::{Agent, AgentStatus};
use phaseline_tasks::TaskState;
use uuid::Uuid;

use super::{
    journal::Rows,
    op::{Fleet, Op},
    reference::{gate_met, is_blocked, is_done, is_live, is_open},
};

/// What has to come of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Done,
    Refused(&'static str),
    /// Either; but nothing that is nobody's fault.
    Unsaid,
}

use Expected::{Done, Refused, Unsaid};

pub(super) fn expected(op: &Op, rows: &Rows, settings: &Settings, now: DateTime<Utc>) -> Expected {
    let ticket = |id: &Uuid| rows.tickets.get(id);
    let gone = Refused("not-found");
    match op {
        Op::CreateTicket(_) | Op::Import(_) | Op::Restart | Op::Pass(_) => Done,
        Op::EditTicket(id, _) | Op::AddArtifact(id, _) | Op::UpdateContext(id, _) => {
            ticket(id).map_or(gone, |_| Done)
        }
        Op::Approve(id, _) => ticket(id).map_or(gone, |_| Done),
        Op::DeleteTicket(id) => ticket(id).map_or(gone, |_| deletion(rows, *id)),
        Op::Transition(id, step) => {
            ticket(id).map_or(gone, |ticket| transition(rows, settings, ticket, step, now))
        }
        Op::Answer(id, to) => ticket(id).map_or(gone, |ticket| answer(ticket, to.as_ref(), now)),
        Op::CreateTask(id, new) => ticket(id).map_or(gone, |ticket| {
            if is_done(ticket) {
                Refused("ticket-completed")
            } else if new.depends_on.iter().all(|on| rows.tasks.contains_key(on)) {
                Unsaid // it may close a circle
            } else {
                Refused("unknown-dependency")
            }
        }),
        Op::Claim(id, _) => rows.agents.get(id).map_or(gone, |stored| serving(&stored.agent, Done)),
        Op::Extend(id, token, _) | Op::Release(id, token) => {
            rows.tasks.get(id).map_or(gone, |task| holder(task, Some(*token), now))
        }
        Op::Complete(id, token, _) | Op::Fail(id, token, _) => {
            rows.tasks.get(id).map_or(gone, |task| holder(task, *token, now))
        }
        Op::Cancel(id) => rows
            .tasks
            .get(id)
            .map_or(gone, |task| if is_open(task) { Done } else { Refused("illegal-task-state") }),
        Op::Retry(id) => rows.tasks.get(id).map_or(gone, |task| retry(rows, task)),
        Op::Fleet(op) => fleet(op, rows),
    }
}

/// Whoever shows the token of the live lease in time is never refused; nobody else gets through.
fn holder(task: &Task, token: Option<i64>, now: DateTime<Utc>) -> Expected {
    match token {
        Some(token) => {
            let in_time = task.lease_expires_at.is_some_and(|end| now < end);
            let holds = is_live(task) && token == task.fencing_token && in_time;
            if holds { Done } else { Refused("lease-lost") }
        }
        None if is_live(task) => Refused("lease-required"),
        None if task.status == TaskState::Pending => Done,
        None => Refused("illegal-task-state"),
    }
}

fn retry(rows: &Rows, task: &Task) -> Expected {
    if is_live(task) {
        return Refused("lease-required");
    }
    if task.status != TaskState::Failed {
        return Refused("illegal-task-state");
    }
    if rows.tickets.get(&task.ticket_id).is_some_and(is_done) {
        return Refused("ticket-completed");
    }
    Done
}

fn deletion(rows: &Rows, id: Uuid) -> Expected {
    let of = |task: &Uuid| rows.tasks.get(task).is_some_and(|task| task.ticket_id == id);
    let tasks = rows.tasks.values();
    let needed = rows.tickets.values().any(|other| other.blocked_by.contains(&id))
        || tasks.filter(|task| task.ticket_id != id).any(|task| task.depends_on.iter().any(of));
    if needed { Refused("still-needed") } else { Done }
}

fn transition(
    rows: &Rows,
    settings: &Settings,
    ticket: &Ticket,
    step: &Move,
    now: DateTime<Utc>,
) -> Expected {
    let workflow = Workflow::standard();
    let Move { to, reason, artifacts, force, blocker } = step;
    if blocker.is_some() && !workflow.is_parking(to) {
        return Refused("not-blocking");
    }
    if *force && reason.is_none() {
        return Refused("reason-required");
    }
    if !legal(ticket, to, now) {
        return Refused("illegal-transition");
    }
    let from = &ticket.position.phase;
    let forward = match (workflow.rank(from), workflow.rank(to)) {
        (Some(from), Some(to)) => to > from,
        (_, _) => false,
    };
    let met = || gate_met(rows, settings, ticket.id, from, ticket.version, artifacts);
    if forward && settings.gates_on(ticket) && !*force && !met() {
        return Refused("gate-unmet");
    }
    Done
}

fn legal(ticket: &Ticket, to: &PhaseId, now: DateTime<Utc>) -> bool {
    ticket.position.move_to(Workflow::standard(), to, Note::default(), now).is_ok()
}

fn answer(ticket: &Ticket, to: Option<&PhaseId>, now: DateTime<Utc>) -> Expected {
    if !is_blocked(ticket) {
        return Refused("not-blocked");
    }
    match to {
        Some(to) if !legal(ticket, to, now) => Refused("illegal-transition"),
        Some(_) | None => Done,
    }
}

fn serving(agent: &Agent, otherwise: Expected) -> Expected {
    if agent.status == AgentStatus::Terminated { Refused("agent-gone") } else { otherwise }
}

fn fleet(op: &Fleet, rows: &Rows) -> Expected {
    let of = |id: &Uuid, otherwise: &dyn Fn(&Agent) -> Expected| {
        rows.agents
            .get(id)
            .map_or(Refused("not-found"), |stored| serving(&stored.agent, otherwise(&stored.agent)))
    };
    match op {
        Fleet::Register(_)
        | Fleet::Flush
        | Fleet::Sweep
        | Fleet::Reclaim
        | Fleet::Tick
        | Fleet::Clean => Done,
        Fleet::Drain(id) | Fleet::Resume(id) | Fleet::Terminate(id) => of(id, &|_| Done),
        Fleet::Beats(beats) => {
            beats.iter().map(|(id, _)| of(id, &|_| Done)).find(|one| *one != Done).unwrap_or(Done)
        }
        Fleet::Availability(id, yes) => of(id, &|agent| {
            let possible = agent.status.with_availability(*yes).is_ok();
            if possible { Done } else { Refused("illegal-agent-status") }
        }),
        Fleet::EditAgent(id, change) => of(id, &|agent| edit(agent, change)),
    }
}

fn edit(agent: &Agent, change: &Change) -> Expected {
    let Change { agent_type: _, phase_id: _, status, capabilities: _, capacity, tags: _ } = change;
    if status.is_some_and(|to| to != agent.status && agent.status.move_to(to).is_err()) {
        return Refused("illegal-agent-status");
    }
    if capacity.is_some_and(|capacity| capacity.get() < agent.slots_taken) {
        return Refused("capacity-in-use");
    }
    Done
}
