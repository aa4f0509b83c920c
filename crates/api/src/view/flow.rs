//! What does not move and how work flows, as clients see it.

use phaseline_engine::{
    statistics::{Attempts, FirstPass, FlowStatistics, Queue, Regressions, TimeInPhase},
    why::{Cause, Why},
};
use phaseline_wire as wire;

/// Why a ticket or a task does not move.
pub(crate) fn why(why: Why) -> wire::Why {
    let Why { ticket_id, task_id, moving, causes } = why;
    wire::Why { ticket_id, task_id, moving, causes: causes.into_iter().map(cause).collect() }
}

/// One thing that keeps a ticket or a task.
pub(crate) fn cause(cause: Cause) -> wire::Cause {
    let Cause {
        code,
        detail,
        help,
        who,
        ticket_id,
        task_id,
        agent_ids,
        capabilities,
        closest,
        waits_for,
        root,
        until,
    } = cause;
    wire::Cause {
        code: code.to_string(),
        detail,
        help,
        who,
        ticket_id,
        task_id,
        agent_ids,
        capabilities,
        closest,
        waits_for,
        root: root.map(|root| root.to_string()),
        until: until.map(Into::into),
    }
}

/// How work flows, in figures.
pub(crate) fn flow(statistics: FlowStatistics) -> wire::FlowStatistics {
    let FlowStatistics { time_in_phase, regressions, first_pass, queue, attempts } = statistics;
    let FirstPass { finished, without_regression, first_pass_yield } = first_pass;
    wire::FlowStatistics {
        time_in_phase: time_in_phase.into_iter().map(time).collect(),
        regressions: regressions.into_iter().map(back).collect(),
        first_pass: wire::FirstPass { finished, without_regression, first_pass_yield },
        queue: queue.into_iter().map(waiting).collect(),
        attempts: attempts.into_iter().map(ended).collect(),
    }
}

fn time(time: TimeInPhase) -> wire::TimeInPhase {
    let TimeInPhase { phase_id, count, p50_s, p90_s } = time;
    wire::TimeInPhase { phase_id, count, p50_s, p90_s }
}

fn back(regressions: Regressions) -> wire::Regressions {
    let Regressions { from_phase, to_phase, count } = regressions;
    wire::Regressions { from_phase, to_phase, count }
}

fn waiting(queue: Queue) -> wire::Queue {
    let Queue { capability, waiting, oldest_s, p50_s } = queue;
    wire::Queue { capability, waiting, oldest_s, p50_s }
}

fn ended(attempts: Attempts) -> wire::Attempts {
    let Attempts { outcome, failure_class, count } = attempts;
    wire::Attempts { outcome, failure_class, count }
}
