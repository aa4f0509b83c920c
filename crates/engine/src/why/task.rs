//! What keeps a task: each rule by which it could not be claimed is a cause.

use phaseline_persistence::{tasks::Task, tickets::Ticket};
use phaseline_registry::{Health, Progress};
use phaseline_tasks::TaskState;
use uuid::Uuid;

use super::{
    Cause, CauseCode, Why, agents,
    scene::{Facts, Holder, Scene},
    words,
};

impl Scene {
    /// Why this task does not move; `None` for one that is not known here.
    pub(super) fn task(&self, id: Uuid) -> Option<Why> {
        let task = self.tasks.get(&id)?;
        let facts = self.tickets.get(&task.ticket_id)?;
        let causes = self.of_task(facts, task, 0);
        Some(Why {
            ticket_id: task.ticket_id,
            task_id: Some(id),
            moving: self.is_live(task),
            causes,
        })
    }

    /// Whether somebody is at work on it.
    pub(super) fn is_live(&self, task: &Task) -> bool {
        task.status.is_live() && task.lease_expires_at.is_some_and(|until| until > self.now)
    }

    /// What keeps a task, the most telling first.
    pub(super) fn of_task(&self, facts: &Facts, task: &Task, depth: usize) -> Vec<Cause> {
        let causes = match task.status {
            TaskState::Pending => self.pending(facts, task, depth),
            TaskState::Claimed | TaskState::Running => vec![self.leased(task)],
            TaskState::Failed => vec![self.failed(facts, task)],
            TaskState::Completed | TaskState::Cancelled => vec![over(task)],
        };
        causes.into_iter().map(|cause| cause.of_task(task)).collect()
    }

    fn pending(&self, facts: &Facts, task: &Task, depth: usize) -> Vec<Cause> {
        let phase = &facts.ticket.position.phase;
        if facts.workflow.is_terminal(phase) {
            return vec![left_over(&facts.ticket, task)];
        }
        let held = [
            facts.blocked(),
            self.waits_for_ticket(facts, depth),
            self.waits_for_task(task, depth),
            self.earlier_phase_open(facts, task, depth),
            self.phase_not_reached(facts, task),
            self.backing_off(task),
        ];
        let mut causes: Vec<Cause> = held.into_iter().flatten().collect();
        if let Some(able) = self.able.get(&task.id) {
            let cause = agents::cause(task, able);
            // Free agents do not matter while something else keeps it.
            if cause.code != CauseCode::Ready || causes.is_empty() {
                causes.push(cause);
            }
        }
        causes.sort_by_key(|cause| cause.code);
        causes
    }

    fn phase_not_reached(&self, facts: &Facts, task: &Task) -> Option<Cause> {
        let standing = &facts.ticket.position.phase;
        let ahead = facts.workflow.rank(&task.phase_id) > facts.workflow.rank(standing);
        // Blocked says what is the matter then.
        if !ahead || facts.begins_with_work() || facts.workflow.is_parking(standing) {
            return None;
        }
        let own = self.standstill(facts).into_iter().next();
        let open = self.open_up_to(facts).count();
        let detail = words::told(
            &format!(
                "{} is work of {}, and its ticket stands in {standing}{}.",
                words::task(task),
                task.phase_id,
                if open == 0 {
                    String::new()
                } else {
                    format!(" with {} open", words::count(open, "task"))
                },
            ),
            own.iter().map(|cause| cause.detail.clone()),
        );
        let help = format!(
            "It can begin when the ticket has come to {}.{}",
            task.phase_id,
            own.as_ref().map(|cause| format!(" {}", cause.help)).unwrap_or_default()
        );
        let who = own.map_or_else(
            || format!("whoever works on {standing}, or moves the ticket"),
            |cause| cause.who,
        );
        Some(Cause::new(CauseCode::PhaseNotReached, detail, help, who))
    }

    fn backing_off(&self, task: &Task) -> Option<Cause> {
        let until = task.available_at.filter(|until| *until > self.now)?;
        let after = if task.losses_in_a_row > 0 {
            let losses = usize::try_from(task.losses_in_a_row).unwrap_or(usize::MAX);
            format!("{} in a row", words::count(losses, "lost lease"))
        } else {
            let failures = usize::try_from(task.failures_in_a_row).unwrap_or(usize::MAX);
            format!("{} in a row", words::count(failures, "failure"))
        };
        let last = task.error_message.as_ref().map(|last| format!(", the last one: {last:?}"));
        let detail = format!(
            "{} is not tried again before {until}, after {after}{}.",
            words::sentence(&words::task(task)),
            last.unwrap_or_default()
        );
        let help = "Wait: it can be claimed again by then.";
        let who = "nobody needs to do anything";
        let cause = Cause::new(CauseCode::BackingOff, detail, help, who);
        Some(Cause { until: Some(until), ..cause })
    }

    fn leased(&self, task: &Task) -> Cause {
        let agent = task.agent_id.unwrap_or_default();
        let until = task.lease_expires_at;
        let lease = match until {
            Some(until) if self.is_live(task) => format!("until {until}"),
            Some(until) => {
                format!("under a lease that ended at {until} and is about to be taken back")
            }
            None => "without a lease".to_owned(),
        };
        let holder = match self.holders.get(&agent) {
            None => " The agent is not registered any more.",
            Some(Holder { health: Health::Unresponsive, .. }) => {
                " The agent is unresponsive: its work is about to be taken back."
            }
            Some(Holder { progress: Progress::Stalled, .. }) => {
                " The agent is stalled: it has neither extended nor ended any of its tasks for too long."
            }
            Some(Holder { health: Health::Degraded, .. }) => {
                " The heartbeats of the agent are late."
            }
            Some(_) => "",
        };
        let detail = format!(
            "Agent {agent} has {} {lease} (fencing token {}).{holder}",
            words::task(task),
            task.fencing_token
        );
        let help = format!(
            "Wait for its result, or for the lease to end: then the task is there for others. POST /api/v1/tasks/{}/cancel takes it away for good.",
            task.id
        );
        let who = format!("agent {agent}");
        let cause = Cause::new(CauseCode::Leased, detail, help, who);
        Cause { agent_ids: vec![agent], until, ..cause }
    }

    fn failed(&self, facts: &Facts, task: &Task) -> Cause {
        let subject = words::sentence(&words::task(task));
        let used_up = task.attempts_used >= task.max_attempts;
        let detail = if used_up {
            let max = usize::try_from(task.max_attempts).unwrap_or(usize::MAX);
            let told = self.failures.get(&task.id).map(|told| told.join("; "));
            let told = told.or_else(|| task.error_message.clone()).unwrap_or_default();
            format!("{subject} has used up its {}: {told}.", words::count(max, "attempt"))
        } else {
            let by = task.finished_by.as_deref().unwrap_or("an operator");
            let message = task.error_message.as_deref().unwrap_or_default();
            format!("{subject} has failed; {by} said so: {message}.")
        };
        let retry = format!("POST /api/v1/tasks/{}/retry has it tried anew", task.id);
        let help = if facts.answer_frees(task) {
            format!(
                "POST /api/v1/tickets/{}/answer lets the ticket go on, and has it tried anew with the answer.",
                task.ticket_id
            )
        } else {
            format!("{retry}.")
        };
        Cause::new(CauseCode::AttemptsUsedUp, detail, help, "an operator")
    }

    /// The tasks of a ticket that are neither completed nor cancelled, in the order of work.
    pub(super) fn work_of<'a>(&'a self, facts: &'a Facts) -> impl Iterator<Item = &'a Task> {
        facts.tasks.iter().filter_map(|id| self.tasks.get(id))
    }
}

/// What is the matter with a task that is completed or cancelled.
pub(super) fn over(task: &Task) -> Cause {
    let at = task.finished_at.map(|at| format!(" at {at}")).unwrap_or_default();
    let by = task.finished_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let subject = words::sentence(&words::task(task));
    let (code, detail) = if task.status == TaskState::Cancelled {
        let reason = task.error_message.as_ref().map(|reason| format!(": {reason}"));
        let reason = reason.unwrap_or_default();
        (CauseCode::Cancelled, format!("{subject} was cancelled{at}{by}{reason}."))
    } else {
        (CauseCode::Done, format!("{subject} was completed{at}{by}."))
    };
    let help = "Nothing is left to do. For more work make a new task.";
    Cause::new(code, detail, help, "nobody needs to do anything").of_task(task)
}

/// A task that was not done when its ticket was.
fn left_over(ticket: &Ticket, task: &Task) -> Cause {
    let detail = format!(
        "{} is pending, but its ticket has come to {}, which is an end: nobody gets it any more.",
        words::sentence(&words::task(task)),
        ticket.position.phase
    );
    let help = format!("POST /api/v1/tasks/{}/cancel puts it away.", task.id);
    Cause::new(CauseCode::Done, detail, help, "an operator")
}
