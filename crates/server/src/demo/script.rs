//! What is played: who is in the team, what comes of which task, and what happens on the way.

use phaseline_client::{
    Capabilities, Capability, Capacity, LeaseTime, PhaseId, TaskType, wire::TaskResult,
};
use serde::Deserialize;

/// The cast and what it does, as in `script.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    pub(super) agents: Vec<AgentRole>,
    pub(super) acts: Vec<Act>,
}

/// An agent of the team.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentRole {
    pub(super) name: String,
    pub(super) capabilities: Capabilities,
    pub(super) capacity: Capacity,
    pub(super) phase_id: Option<PhaseId>,
    /// For how long it claims.
    #[serde(default)]
    pub(super) lease_s: LeaseTime,
}

/// A task by its key, and what comes of it, whoever claims it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Act {
    pub(super) task: String,
    /// What happens to the first who claims it.
    pub(super) twist: Option<Twist>,
    pub(super) result: TaskResult,
}

/// Something that does not go as it should.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Twist {
    /// The agent tries a move that the table does not have.
    Refused { to: PhaseId },
    /// The agent dies in the middle of it.
    Dies {},
    /// The agent falls silent, and comes back when somebody else has done its task.
    Stalls {},
    /// The agent cannot go on without an answer.
    Asks { question: String, answer: String },
    /// The agent finds that the ticket has to go back, and what is to be done then.
    SendsBack { to: PhaseId, reason: String, tasks: Vec<Extra> },
}

/// A task that comes up on the way.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extra {
    pub(super) key: String,
    pub(super) title: String,
    pub(super) task_type: TaskType,
    pub(super) required_capabilities: Vec<Capability>,
}

impl Script {
    pub(super) fn read() -> serde_json::Result<Self> {
        serde_json::from_str(include_str!("script.json"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use phaseline_client::wire::Backlog;

    use super::*;

    #[test]
    fn every_task_has_one_act() {
        let backlog: Backlog = serde_json::from_str(super::super::BACKLOG).unwrap();
        let acts = Script::read().unwrap().acts;
        let mut tasks: BTreeSet<&str> =
            backlog.tasks.iter().map(|task| task.key.as_str()).collect();
        for act in &acts {
            if let Some(Twist::SendsBack { tasks: extra, .. }) = &act.twist {
                tasks.extend(extra.iter().map(|task| task.key.as_str()));
            }
        }
        let played: BTreeSet<&str> = acts.iter().map(|act| act.task.as_str()).collect();
        assert_eq!(played, tasks);
        assert_eq!(acts.len(), tasks.len());
    }

    #[test]
    fn each_twist_happens_once() {
        let acts = Script::read().unwrap().acts;
        let mut twists: Vec<&str> = acts
            .iter()
            .filter_map(|act| act.twist.as_ref())
            .map(|twist| match twist {
                Twist::Refused { .. } => "refused",
                Twist::Dies {} => "dies",
                Twist::Stalls {} => "stalls",
                Twist::Asks { .. } => "asks",
                Twist::SendsBack { .. } => "sends back",
            })
            .collect();
        twists.sort_unstable();
        assert_eq!(twists, ["asks", "dies", "refused", "sends back", "stalls"]);
    }
}
