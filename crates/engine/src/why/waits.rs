//! What waits for other tasks and tickets, and what keeps those.

use std::collections::HashSet;

use phaseline_persistence::{tasks::Task, tickets::Ticket, why::Standing};
use phaseline_tasks::TaskState;
use uuid::Uuid;

use super::{
    Cause, CauseCode,
    scene::{Facts, Scene, is_over},
    ticket::is_its_own,
    words,
};

/// How deep a cause tells of what keeps that which is waited for.
const DEPTH: usize = 3;
/// How many of the things that are waited for it tells that of.
const TOLD: usize = 3;

impl Scene {
    pub(super) fn waits_for_task(&self, task: &Task, depth: usize) -> Option<Cause> {
        let awaited = task.depends_on.iter().filter_map(|id| self.standings.get(id));
        let awaited: Vec<&Standing> = awaited.filter(|other| !is_over(other.status)).collect();
        if awaited.is_empty() {
            return None;
        }
        let each: Vec<(String, String)> = awaited
            .iter()
            .map(|other| (words::standing(other), state(other.status).to_owned()))
            .collect();
        let keep = awaited.iter().filter_map(|other| self.keeps_task(other.id, task, depth));
        let keep = keep.take(TOLD).collect();
        let detail = words::waits(&words::task(task), "task", &each);
        let failed: Vec<Uuid> = awaited
            .iter()
            .filter(|other| other.status == TaskState::Failed)
            .map(|other| other.id)
            .collect();
        let waits_for = awaited.iter().map(|other| other.id).collect();
        let help = "It can begin when each of them is completed or cancelled.";
        let who = "whoever works on them";
        let cause = Cause::new(CauseCode::WaitsForTask, detail, help, who).behind(keep);
        let cause = match failed.first() {
            None => cause,
            Some(id) => {
                let help = format!(
                    "POST /api/v1/tasks/{id}/retry has the failed one tried anew; or make a task that does not need it in place of this one."
                );
                Cause { help, who: "an operator".to_owned(), ..cause }
            }
        };
        Some(Cause { waits_for, ..cause })
    }

    /// What keeps a task that another one waits for; `None` where it moves. What keeps the ticket of
    /// both is said of the other one already.
    fn keeps_task(&self, id: Uuid, other: &Task, depth: usize) -> Option<Cause> {
        let Some(task) = self.tasks.get(&id) else {
            return self.standings.get(&id).map(beyond);
        };
        if task.status.is_live() {
            return None;
        }
        let elsewhere = task.ticket_id != other.ticket_id;
        let (task, depth, passed) =
            if depth < DEPTH { (task, depth + 1, 0) } else { self.end_of(task)? };
        let facts = self.tickets.get(&task.ticket_id)?;
        let mut causes = self.of_task(facts, task, depth).into_iter();
        let cause = causes.find(|cause| elsewhere || is_its_own(cause.code, true))?;
        if passed == 0 {
            return Some(cause);
        }
        let more = words::count(passed, "more task");
        let detail = format!("At the end of {more} that wait for each other: {}", cause.detail);
        Some(Cause { detail, ..cause })
    }

    /// Follows what a task waits for to its end: the last one, and how many were passed; `None` where
    /// that goes round in a circle or somebody is at work on it.
    fn end_of<'a>(&'a self, task: &'a Task) -> Option<(&'a Task, usize, usize)> {
        let mut seen = HashSet::new();
        let mut last = task;
        while seen.insert(last.id) {
            let facts = self.tickets.get(&last.ticket_id)?;
            let awaited = last.depends_on.iter().filter_map(|id| self.tasks.get(id));
            let earlier = self.earlier(facts, last).into_iter();
            let Some(next) = awaited.chain(earlier).find(|task| !is_over(task.status)) else {
                return Some((last, DEPTH, seen.len()));
            };
            if next.status.is_live() {
                return None;
            }
            last = next;
        }
        None
    }

    pub(super) fn waits_for_ticket(&self, facts: &Facts, depth: usize) -> Option<Cause> {
        let ticket = &facts.ticket;
        let awaited = ticket.blocked_by.iter().filter_map(|id| self.awaited.get(id));
        // All tickets of this program follow workflows of the same kind: an end is an end.
        let awaited: Vec<&Ticket> =
            awaited.filter(|other| !facts.workflow.is_terminal(&other.position.phase)).collect();
        if awaited.is_empty() {
            return None;
        }
        let each: Vec<(String, String)> = awaited
            .iter()
            .map(|other| (words::ticket(other), format!("is in {}", other.position.phase)))
            .collect();
        let keep = awaited.iter().filter_map(|other| self.keeps_ticket(other.id, depth));
        let keep = keep.take(TOLD).collect();
        let detail = words::waits(&words::ticket(ticket), "ticket", &each);
        let help = "Its tasks can be claimed when each of these tickets is done.";
        let waits_for = awaited.iter().map(|other| other.id).collect();
        let who = "whoever works on these tickets";
        let cause = Cause::new(CauseCode::WaitsForTicket, detail, help, who).behind(keep);
        Some(Cause { waits_for, ..cause }.of_ticket(ticket.id))
    }

    /// What keeps a ticket that another one waits for; `None` where somebody is at work on it.
    fn keeps_ticket(&self, id: Uuid, depth: usize) -> Option<Cause> {
        let mut seen = HashSet::new();
        let mut last = self.tickets.get(&id)?;
        // Beyond a certain depth only the end is told.
        while depth >= DEPTH && seen.insert(last.ticket.id) {
            let open = |facts: &&Facts| !facts.workflow.is_terminal(&facts.ticket.position.phase);
            let awaited = last.ticket.blocked_by.iter().filter_map(|id| self.tickets.get(id));
            let Some(next) = awaited.into_iter().find(open) else { break };
            last = next;
        }
        if self.work_of(last).any(|task| self.is_live(task)) {
            return None;
        }
        let cause = self.of_ticket(last, depth.min(DEPTH - 1) + 1).into_iter().next()?;
        if last.ticket.id == id {
            return Some(cause);
        }
        let more = words::count(seen.len().saturating_sub(1).max(1), "more ticket");
        let detail = format!("At the end of {more} that wait for each other: {}", cause.detail);
        Some(Cause { detail, ..cause })
    }

    /// The open tasks of a ticket that come before this one by their phase.
    fn earlier<'a>(&'a self, facts: &'a Facts, task: &Task) -> Vec<&'a Task> {
        let rank = facts.workflow.rank(&task.phase_id);
        let open = self.work_of(facts).filter(|other| other.status.is_open());
        open.filter(|other| facts.workflow.rank(&other.phase_id) < rank).collect()
    }

    pub(super) fn earlier_phase_open(
        &self,
        facts: &Facts,
        task: &Task,
        depth: usize,
    ) -> Option<Cause> {
        let earlier = self.earlier(facts, task);
        if earlier.is_empty() {
            return None;
        }
        let each: Vec<String> = earlier
            .iter()
            .map(|other| {
                let state = state(other.status);
                format!("{} of {}, which {state}", words::task(other), other.phase_id)
            })
            .collect();
        let detail = format!(
            "{} is work of {}, and work of earlier phases of its ticket comes first: {}.",
            words::sentence(&words::task(task)),
            task.phase_id,
            words::list(&each, "and")
        );
        let help = "It can begin when each of them is completed, failed or cancelled.";
        let waits_for = earlier.iter().map(|other| other.id).collect();
        let who = "whoever works on them";
        let keep = earlier.iter().filter_map(|other| self.keeps_task(other.id, task, depth));
        let keep = keep.take(TOLD).collect();
        let cause = Cause::new(CauseCode::EarlierPhaseOpen, detail, help, who).behind(keep);
        Some(Cause { waits_for, ..cause })
    }
}

/// What is said of a task that lies beyond what is followed.
fn beyond(task: &Standing) -> Cause {
    let name = words::standing(task);
    let detail = format!("What keeps {name} is further away than is looked at here.");
    let help = format!("GET /api/v1/tasks/{}/why says it.", task.id);
    let code = CauseCode::WaitsForTask;
    Cause::new(code, detail, help, "whoever wants to know")
}

const fn state(state: TaskState) -> &'static str {
    match state {
        TaskState::Pending => "is pending",
        TaskState::Claimed => "is claimed",
        TaskState::Running => "is running",
        TaskState::Completed => "is completed",
        TaskState::Failed => "has failed",
        TaskState::Cancelled => "was cancelled",
    }
}
