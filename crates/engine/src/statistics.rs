//! Flow in numbers: how long phases take, how often work is sent back, what waits for whom, and how
//! attempts end.

use chrono::{DateTime, Utc};
use phaseline_persistence::{
    attempts,
    statistics::{self, Finished, Stays, Waiting},
};
use phaseline_phases::{PhaseId, Workflow};
use phaseline_tasks::{AttemptOutcome, FailureClass};
use serde::{Deserialize, Serialize};

use crate::{Engine, Result};

/// How work flows, from history alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowStatistics {
    /// How long tickets stay in each phase, in the order of work, the parking phase last.
    pub time_in_phase: Vec<TimeInPhase>,
    /// How often tickets were sent back, by the way that they took, in the order of work.
    pub regressions: Vec<Regressions>,
    /// How many tickets got through without being sent back.
    pub first_pass: FirstPass,
    /// What waits for agents, by the capability that it requires: none first, then by name.
    pub queue: Vec<Queue>,
    /// How attempts ended, or that they have not.
    pub attempts: Vec<Attempts>,
}

/// How long tickets stay in a phase; only stays that have ended count. The percentiles are nearest
/// ranks: each is a time that some ticket did take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeInPhase {
    /// The phase.
    pub phase_id: PhaseId,
    /// How many stays have ended.
    pub count: u64,
    /// Half of them were no longer than this, in seconds.
    pub p50_s: f64,
    /// Nine in ten of them were no longer than this, in seconds.
    pub p90_s: f64,
}

/// How often tickets were sent back from one phase to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regressions {
    /// The phase that sent them back.
    pub from_phase: PhaseId,
    /// The phase that got them back.
    pub to_phase: PhaseId,
    /// How often.
    pub count: u64,
}

/// How many tickets got through without being sent back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FirstPass {
    /// How many tickets have come to an end; those that were made there have not.
    pub finished: u64,
    /// How many of them were never sent back.
    pub without_regression: u64,
    /// The part of them that was never sent back, 0 to 1; `None` while there are none.
    #[serde(rename = "yield")]
    pub first_pass_yield: Option<f64>,
}

/// The pending tasks that require a capability, whatever else they wait for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// The capability; `None` is work that requires none.
    pub capability: Option<String>,
    /// How many tasks wait.
    pub waiting: u64,
    /// How long ago the oldest was made, in seconds.
    pub oldest_s: f64,
    /// Half of them were made no longer ago than this, in seconds; a nearest rank.
    pub p50_s: f64,
}

/// How many attempts ended in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// How they ended.
    pub outcome: AttemptOutcome,
    /// What kind of failure it was, of those that failed.
    pub failure_class: Option<FailureClass>,
    /// How many.
    pub count: u64,
}

/// Counts how work flows, from the phase history, the tasks and their attempts. Ages are those at
/// the time of the engine.
///
/// # Errors
/// Storage failures.
pub async fn flow(engine: &Engine) -> Result<FlowStatistics> {
    let (reader, workflow) = (engine.db.reader(), Workflow::standard());
    let now = engine.sources.now();
    let ended = workflow.phases().filter(|phase| workflow.is_terminal(phase));
    let queue = statistics::waiting(reader).await?;
    let attempts = attempts::count_by_outcome(reader).await?;
    Ok(FlowStatistics {
        time_in_phase: times(workflow, statistics::stays(reader).await?),
        regressions: regressions(workflow, statistics::regressions(reader).await?),
        first_pass: first_pass(statistics::finished(reader, ended).await?),
        queue: queue.into_iter().map(|waiting| aged(waiting, now)).collect(),
        attempts: attempts
            .into_iter()
            .map(|(outcome, failure_class, count)| Attempts { outcome, failure_class, count })
            .collect(),
    })
}

fn times(workflow: &Workflow, stays: Vec<Stays>) -> Vec<TimeInPhase> {
    let mut times: Vec<TimeInPhase> = stays
        .into_iter()
        .map(|Stays { phase_id, count, p50_s, p90_s }| TimeInPhase {
            phase_id,
            count,
            p50_s,
            p90_s,
        })
        .collect();
    times.sort_by_key(|time| place(workflow, &time.phase_id));
    times
}

fn regressions(workflow: &Workflow, edges: Vec<(PhaseId, PhaseId, u64)>) -> Vec<Regressions> {
    let mut regressions: Vec<Regressions> = edges
        .into_iter()
        .map(|(from_phase, to_phase, count)| Regressions { from_phase, to_phase, count })
        .collect();
    regressions
        .sort_by_key(|edge| (place(workflow, &edge.from_phase), place(workflow, &edge.to_phase)));
    regressions
}

/// The place of a phase in the order of work; what is beside it comes last.
fn place(workflow: &Workflow, phase: &PhaseId) -> usize {
    workflow.rank(phase).unwrap_or(usize::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "fewer than 2^53 tickets")]
fn first_pass(Finished { tickets, without_regression }: Finished) -> FirstPass {
    FirstPass {
        finished: tickets,
        without_regression,
        first_pass_yield: (tickets > 0).then(|| without_regression as f64 / tickets as f64),
    }
}

fn aged(waiting: Waiting, now: DateTime<Utc>) -> Queue {
    let Waiting { capability, count, oldest, median } = waiting;
    // A clock that was set back gives 0, never less.
    let age = |made: DateTime<Utc>| (now - made).as_seconds_f64().max(0.0);
    Queue { capability, waiting: count, oldest_s: age(oldest), p50_s: age(median) }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use phaseline_phases::Phase;

    use super::*;

    #[test]
    fn nothing_finished_has_no_yield() {
        let yield_of = |tickets, without_regression| {
            first_pass(Finished { tickets, without_regression }).first_pass_yield
        };
        assert_eq!([yield_of(0, 0), yield_of(4, 0), yield_of(4, 3)], [None, Some(0.0), Some(0.75)]);
    }

    #[test]
    fn times_are_in_the_order_of_work_and_the_parking_phase_is_last() {
        let stays = [Phase::Blocked, Phase::Testing, Phase::Backlog].map(|phase| Stays {
            phase_id: phase.id(),
            count: 1,
            p50_s: 1.0,
            p90_s: 1.0,
        });
        let order: Vec<PhaseId> = times(Workflow::standard(), stays.to_vec())
            .into_iter()
            .map(|time| time.phase_id)
            .collect();
        assert_eq!(order, [Phase::Backlog.id(), Phase::Testing.id(), Phase::Blocked.id()]);
    }

    #[test]
    fn regressions_are_in_the_order_of_work() {
        let edge = |from: Phase, to: Phase| (from.id(), to.id(), 1);
        let edges = vec![
            edge(Phase::Testing, Phase::Implementation),
            edge(Phase::Testing, Phase::Design),
            edge(Phase::Design, Phase::Requirements),
        ];
        let order: Vec<String> = regressions(Workflow::standard(), edges)
            .into_iter()
            .map(|edge| format!("{}>{}", edge.from_phase, edge.to_phase).replace("PHASE_", ""))
            .collect();
        assert_eq!(order, ["DESIGN>REQUIREMENTS", "TESTING>DESIGN", "TESTING>IMPLEMENTATION"]);
    }

    #[test]
    fn ages_are_never_negative() {
        let now = DateTime::UNIX_EPOCH;
        let made = |ago| now - TimeDelta::seconds(ago);
        let waiting = Waiting { capability: None, count: 2, oldest: made(90), median: made(-5) };
        let Queue { oldest_s, p50_s, .. } = aged(waiting, now);
        assert_eq!((oldest_s, p50_s), (90.0, 0.0));
    }
}
