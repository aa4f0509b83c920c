//! What finished tasks found out is on their ticket once it has left their phase, however late they
//! finish.

use std::collections::BTreeSet;

use phaseline_persistence::{Db, tickets};
use phaseline_phases::Workflow;
use phaseline_tasks::TaskState;
use uuid::Uuid;

use super::{
    check::{Verdict, Violation, hold},
    journal::Rows,
};

/// Looks at the context of every ticket.
pub(super) async fn check(rows: &Rows, db: &Db) -> Verdict {
    let rule = "what was found out in the phases before is on the ticket";
    let workflow = Workflow::standard();
    for ticket in rows.tickets.values() {
        let stored = tickets::context(db.reader(), ticket.id).await;
        let stored = stored.map_err(|error| Violation { rule, found: error.to_string() })?;
        let document = stored.map(|stored| stored.document).unwrap_or_default();
        let before = workflow.before(ticket.position.work_phase(workflow)).unwrap_or_default();
        for phase in before {
            let done = rows.tasks.values().filter(|task| {
                task.ticket_id == ticket.id
                    && &task.phase_id == phase
                    && task.status == TaskState::Completed
            });
            let done: BTreeSet<Uuid> = done.map(|task| task.id).collect();
            let told = document.phases.get(phase);
            let told: BTreeSet<Uuid> =
                told.into_iter().flat_map(|told| &told.tasks).map(|task| task.task_id).collect();
            hold(done == told, rule, || {
                format!("ticket {}, {phase}: {done:?}, {told:?}", ticket.id)
            })?;
        }
    }
    Ok(())
}
