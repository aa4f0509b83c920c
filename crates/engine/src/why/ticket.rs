//! What keeps a ticket: what it waits for as a whole, and what keeps its tasks.

use std::collections::BTreeSet;

use phaseline_persistence::tasks::Task;
use phaseline_phases::{BlockerKind, GatePoint, GateReport};
use phaseline_tasks::TaskState;
use uuid::Uuid;

use super::{
    Cause, CauseCode, Why,
    scene::{Facts, Scene},
    words,
};

impl Scene {
    /// Why this ticket does not move; `None` for one that is not known here.
    pub(super) fn ticket(&self, id: Uuid) -> Option<Why> {
        let facts = self.tickets.get(&id)?;
        let moving = self.work_of(facts).any(|task| self.is_live(task));
        Some(Why { ticket_id: id, task_id: None, moving, causes: self.of_ticket(facts, 0) })
    }

    /// What keeps a ticket: its own causes, then those of the tasks that are next, each of both the
    /// most telling first.
    pub(super) fn of_ticket(&self, facts: &Facts, depth: usize) -> Vec<Cause> {
        if facts.workflow.is_terminal(&facts.ticket.position.phase) {
            return vec![facts.done()];
        }
        let own = [facts.blocked(), self.waits_for_ticket(facts, depth)].into_iter().flatten();
        let mut causes: Vec<Cause> = own.chain(self.standstill(facts)).collect();
        causes.sort_by_key(|cause| cause.code);
        let mut of_tasks = self.of_next_tasks(facts, depth);
        of_tasks.sort_by_key(|cause| cause.code);
        let mut seen = BTreeSet::new();
        causes.extend(of_tasks);
        causes.retain(|cause| seen.insert((cause.code, cause.task_id, cause.detail.clone())));
        causes
    }

    /// What keeps the tasks that are next, as far as it is not what keeps the ticket.
    fn of_next_tasks(&self, facts: &Facts, depth: usize) -> Vec<Cause> {
        let here = facts.rank();
        let rank = |task: &Task| facts.workflow.rank(&task.phase_id);
        let idle = self.open_up_to(facts).next().is_none();
        let ahead = self.work_of(facts).filter(|task| task.status == TaskState::Pending);
        let next = ahead.map(rank).filter(|rank| idle && *rank > here).min();
        let begins = facts.begins_with_work();
        self.work_of(facts)
            .filter(|task| match task.status {
                TaskState::Claimed | TaskState::Running => true,
                TaskState::Pending => rank(task) <= here || Some(rank(task)) == next,
                TaskState::Failed => true,
                TaskState::Completed | TaskState::Cancelled => false,
            })
            .flat_map(|task| {
                let soon = rank(task) <= here || begins || task.status.is_live();
                let causes = self.of_task(facts, task, depth).into_iter();
                causes.filter(move |cause| is_its_own(cause.code, soon))
            })
            .collect()
    }

    /// Why a ticket whose work is done does not leave the phase that it stands in; empty where there
    /// is work, or where it is not for the phase to say.
    pub(super) fn standstill(&self, facts: &Facts) -> Vec<Cause> {
        if !self.is_idle(facts) {
            return Vec::new();
        }
        let here = facts.rank();
        let failed = self.work_of(facts).any(|task| {
            task.status == TaskState::Failed && facts.workflow.rank(&task.phase_id) == here
        });
        let gate = facts.gate.as_ref().filter(|report| !report.is_met());
        let gate = gate.map(|report| facts.gate_unmet(report));
        let completed = facts.completed.get(&facts.ticket.position.phase);
        let next = match completed {
            // Its failed tasks are what keeps it.
            _ if failed => None,
            _ if gate.is_some() => None,
            Some((count, last)) => Some(facts.not_advanced(*count, *last)),
            None => Some(facts.no_tasks(self.ahead(facts))),
        };
        gate.into_iter().chain(next).collect()
    }

    /// Whether a ticket stands in a phase that is worked in without anything to do there, and is not
    /// one that begins with work of a later phase.
    pub(super) fn is_idle(&self, facts: &Facts) -> bool {
        facts.workflow.works(&facts.ticket.position.phase)
            && self.open_up_to(facts).next().is_none()
            && !(facts.begins_with_work() && self.ahead(facts) > 0)
    }

    /// The open tasks of the phase of a ticket and of earlier ones.
    pub(super) fn open_up_to<'a>(&'a self, facts: &'a Facts) -> impl Iterator<Item = &'a Task> {
        let here = facts.rank();
        self.work_of(facts).filter(move |task| {
            task.status.is_open() && facts.workflow.rank(&task.phase_id) <= here
        })
    }

    /// How many open tasks a ticket has in later phases.
    fn ahead(&self, facts: &Facts) -> usize {
        let open = self.work_of(facts).filter(|task| task.status.is_open());
        open.count() - self.open_up_to(facts).count()
    }
}

/// Whether a cause of a task says more than those of its ticket. Of work that is not next only that
/// nobody can do it.
pub(super) const fn is_its_own(code: CauseCode, soon: bool) -> bool {
    match code {
        CauseCode::NoCapableAgent | CauseCode::AttemptsUsedUp => true,
        CauseCode::WaitsForTask
        | CauseCode::BackingOff
        | CauseCode::CapableAgentsBusy
        | CauseCode::Ready
        | CauseCode::Leased => soon,
        CauseCode::Blocked
        | CauseCode::WaitsForTicket
        | CauseCode::EarlierPhaseOpen
        | CauseCode::PhaseNotReached
        | CauseCode::GateUnmet
        | CauseCode::NotAdvanced
        | CauseCode::NoTasks
        | CauseCode::Done
        | CauseCode::Cancelled => false,
    }
}

impl Facts {
    /// The place in the order of work of the phase that its work belongs to.
    fn rank(&self) -> Option<usize> {
        self.workflow.rank(self.ticket.position.work_phase(self.workflow))
    }

    /// Whether it has not left its first phase, and begins with its first work wherever that is.
    pub(super) fn begins_with_work(&self) -> bool {
        let first = self.ticket.position.phase == *self.workflow.initial();
        first && !self.rules.gates && !self.rules.templates
    }

    /// Whether it is blocked, so that the answer has this task tried anew, which has failed.
    pub(super) fn answer_frees(&self, task: &Task) -> bool {
        let is_blocked = self.workflow.is_parking(&self.ticket.position.phase);
        is_blocked && task.attempts_used >= task.max_attempts
    }

    fn done(&self) -> Cause {
        let position = &self.ticket.position;
        let subject = words::sentence(&words::ticket(&self.ticket));
        let detail = format!("{subject} is in {} since {}.", position.phase, position.since);
        let help = "Nothing is left to do. For more work make a new ticket.";
        let who = "nobody needs to do anything";
        Cause::new(CauseCode::Done, detail, help, who).of_ticket(self.ticket.id)
    }

    /// What holds it up, if it waits in the parking phase.
    pub(super) fn blocked(&self) -> Option<Cause> {
        let ticket = &self.ticket;
        let position = &ticket.position;
        if !self.workflow.is_parking(&position.phase) {
            return None;
        }
        let subject = words::sentence(&words::ticket(ticket));
        let place = position.previous.as_ref().map(|phase| format!(" in {phase}"));
        let place = place.unwrap_or_default();
        let mut detail = format!("{subject} is blocked{place} since {}", position.since);
        if let Some(blocker) = &ticket.blocker {
            let by = blocker.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            detail = format!("{detail}{by}: {}.", holds(blocker.kind));
            if let Some(question) = &blocker.question {
                detail = format!("{detail} It is asked: {question:?}");
            }
            if !blocker.reasons.is_empty() {
                detail = format!("{detail} What led to it: {}", blocker.reasons.join("; "));
            }
        } else {
            detail.push('.');
        }
        let help = format!(
            "POST /api/v1/tickets/{}/answer says what is to be done and lets it go on where it was blocked, or in an earlier phase.",
            ticket.id
        );
        let who = "whoever can answer";
        let cause = Cause::new(CauseCode::Blocked, detail, help, who);
        Some(cause.of_ticket(ticket.id))
    }

    fn gate_unmet(&self, report: &GateReport) -> Cause {
        let points: Vec<&GatePoint> = report.unmet().collect();
        let says: Vec<String> =
            points.iter().map(|point| format!("{}, and {}", point.demand, point.found)).collect();
        let mut who: Vec<&str> = points.iter().map(|point| point.satisfied_by.as_str()).collect();
        let mut seen = BTreeSet::new();
        who.retain(|name| seen.insert(*name));
        let id = self.ticket.id;
        let detail = format!(
            "{} cannot leave {}, whose gate is not met: {}.",
            words::sentence(&words::ticket(&self.ticket)),
            self.ticket.position.phase,
            says.join("; ")
        );
        let help = format!(
            "POST /api/v1/tickets/{id}/artifacts and /approvals bring what is missing; POST /api/v1/tickets/{id}/transition with force and a reason passes the gate all the same.",
        );
        Cause::new(CauseCode::GateUnmet, detail, help, who.join("; ")).of_ticket(id)
    }

    fn not_advanced(&self, count: u64, last: Option<chrono::DateTime<chrono::Utc>>) -> Cause {
        let ticket = &self.ticket;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let position = &ticket.position;
        let came_back = last.is_some_and(|last| last < position.since);
        let why = if came_back {
            format!("that was before it came there at {}, and there is no new one", position.since)
        } else if self.rules.advances {
            "nothing has happened since that would have moved it on".to_owned()
        } else {
            "it does not advance by itself".to_owned()
        };
        let detail = format!(
            "{} stands in {}, where {} completed and none is open; {why}.",
            words::sentence(&words::ticket(ticket)),
            position.phase,
            if count == 1 { "1 task is".to_owned() } else { format!("{count} tasks are") },
        );
        let help = format!(
            "{}{}",
            self.move_on(),
            if came_back { " Or make a task for what has to change." } else { "" }
        );
        let who = "whoever may move the ticket";
        Cause::new(CauseCode::NotAdvanced, detail, help, who).of_ticket(ticket.id)
    }

    fn no_tasks(&self, ahead: usize) -> Cause {
        let ticket = &self.ticket;
        let why = if !self.rules.advances {
            "it does not advance by itself"
        } else if self.rules.skips_empty || ahead > 0 {
            "nothing has happened that would have moved it on"
        } else {
            "it does not pass by itself through phases that have no tasks"
        };
        let later = match ahead {
            0 => String::new(),
            1 => " 1 task of a later phase waits for it.".to_owned(),
            ahead => format!(" {ahead} tasks of later phases wait for it."),
        };
        let detail = format!(
            "{} stands in {}, where it has no task to do; {why}.{later}",
            words::sentence(&words::ticket(ticket)),
            ticket.position.phase
        );
        let help =
            format!("POST /api/v1/tickets/{}/tasks makes a task. {}", ticket.id, self.move_on());
        let who = "whoever may make tasks or move the ticket";
        Cause::new(CauseCode::NoTasks, detail, help, who).of_ticket(ticket.id)
    }

    fn move_on(&self) -> String {
        let next = self.workflow.next(&self.ticket.position.phase);
        let to = next.map(|phase| format!(" to {phase}")).unwrap_or_default();
        format!("POST /api/v1/tickets/{}/transition moves it on{to}.", self.ticket.id)
    }
}

const fn holds(kind: BlockerKind) -> &'static str {
    match kind {
        BlockerKind::Dependency => "something that it needs is not there (dependency)",
        BlockerKind::NeedsInput => "somebody has to say or decide something (needs_input)",
        BlockerKind::FailingChecks => "its work keeps failing (failing_checks)",
        BlockerKind::Environment => "something around the work is broken (environment)",
        BlockerKind::ReworkBudget => "it was sent back as often as is allowed (rework_budget)",
    }
}
