//! What it means for a task who could do it, in words.

use std::collections::BTreeMap;

use phaseline_persistence::tasks::Task;
use phaseline_registry::AgentStatus;
use uuid::Uuid;

use super::{
    Cause, CauseCode,
    able::{Able, Hindrance, Nobody},
    words,
};

/// How many agents a cause names.
const NAMED: usize = 10;

/// What it means for a task who could do it.
pub(super) fn cause(task: &Task, able: &Able) -> Cause {
    let cause = match able {
        Able::Nobody(nobody) => incapable(task, nobody),
        Able::Busy(hindered) => busy(task, hindered),
        Able::Free(agents) => {
            let is = if agents.len() == 1 { "agent is" } else { "agents are" };
            let detail = format!(
                "Nothing keeps {}: {} {is} able and free, and none has claimed it yet.",
                words::task(task),
                agents.len(),
            );
            let help = "An agent gets it with POST /api/v1/agents/{id}/claim, the most urgent and oldest tasks first.";
            let who = format!("agent {}", words::list(&named(agents), "or"));
            Cause { agent_ids: named(agents), ..Cause::new(CauseCode::Ready, detail, help, who) }
        }
    };
    let capabilities = if cause.capabilities.is_empty() {
        task.required_capabilities.iter().map(ToString::to_string).collect()
    } else {
        cause.capabilities
    };
    Cause { capabilities, ..cause }.of_task(task)
}

fn incapable(task: &Task, nobody: &Nobody) -> Cause {
    let required: Vec<String> =
        task.required_capabilities.iter().map(ToString::to_string).collect();
    let all = if required.is_empty() {
        String::new()
    } else {
        format!(" with {}", words::capabilities(&required))
    };
    let wanted = format!("an agent of the type {} for {}{all}", task.agent_type, task.phase_id);
    let register = format!("Register {wanted}.");
    let new = |detail: String, help: String| {
        Cause::new(CauseCode::NoCapableAgent, detail, help, "whoever registers agents")
    };
    let subject = words::task(task);
    match nobody {
        Nobody::NoAgents => {
            new(format!("No agent is registered, and {subject} takes {wanted}."), register)
        }
        Nobody::Unknown(closest) => unknown(&subject, closest, &register),
        Nobody::Scattered(counts) => {
            let each: Vec<String> = counts
                .iter()
                .map(|(name, count)| {
                    let count = usize::try_from(*count).unwrap_or(usize::MAX);
                    format!("{name} ({})", words::count(count, "agent"))
                })
                .collect();
            let detail = format!(
                "No single agent has all that {subject} requires: {}.",
                words::list(&each, "and")
            );
            new(detail, format!("{register} Or add to the capabilities of one, or split the task."))
        }
        Nobody::Elsewhere { agents, are } => {
            let has = if required.is_empty() {
                "There are agents"
            } else {
                "There are agents that have all that it requires"
            };
            let detail = format!(
                "{}, but {subject} is for agents of the type {} in {}, and they are {}.",
                has,
                task.agent_type,
                task.phase_id,
                words::list(are, "or")
            );
            Cause { agent_ids: named(agents), ..new(detail, register) }
        }
        Nobody::Declined(agents) => {
            let help = format!(
                "{register} GET /api/v1/tasks/{}/attempts shows what the others said; the task may require a capability that it does not name.",
                task.id
            );
            Cause { agent_ids: named(agents), ..new(declined(&subject, agents.len()), help) }
        }
    }
}

fn declined(subject: &str, count: usize) -> String {
    if count == 1 {
        format!("The only agent that could do {subject} has said that it cannot.")
    } else {
        format!("All {count} agents that could do {subject} have said that they cannot.")
    }
}

fn unknown(subject: &str, closest: &BTreeMap<String, Vec<String>>, register: &str) -> Cause {
    let names: Vec<String> = closest.keys().cloned().collect();
    let guesses: Vec<String> = closest
        .iter()
        .filter(|(_, guesses)| !guesses.is_empty())
        .map(|(name, guesses)| format!("closest to {name} is {}", words::list(guesses, "or")))
        .collect();
    let mut detail = format!(
        "No registered agent has {}, which {subject} requires",
        words::capabilities(&names)
    );
    if !guesses.is_empty() {
        detail = format!("{detail}; {}", guesses.join(", "));
    }
    let help = if guesses.is_empty() {
        register.to_owned()
    } else {
        format!("{register} If another name was meant, make the task anew with that one.")
    };
    let who = "whoever registers agents";
    Cause {
        capabilities: names,
        closest: closest.clone(),
        ..Cause::new(CauseCode::NoCapableAgent, format!("{detail}."), help, who)
    }
}

fn busy(task: &Task, hindered: &BTreeMap<Hindrance, Vec<Uuid>>) -> Cause {
    let subject = words::task(task);
    let total: usize = hindered.values().map(Vec::len).sum();
    let reasons: Vec<String> = hindered
        .iter()
        .map(|(why, agents)| format!("{} {}", agents.len(), why.says(agents.len())))
        .collect();
    let mut helps: Vec<&str> = hindered.keys().map(|why| why.help()).collect();
    helps.dedup();
    let agents: Vec<Uuid> = hindered.values().flatten().copied().collect();
    let detail = if total == 1 {
        let why = hindered.keys().next().map_or("is busy", |why| why.says(1));
        format!("The only agent that could do {subject} {why}.")
    } else {
        format!(
            "None of the {total} agents that could do {subject} takes work now: {}.",
            words::list(&reasons, "and")
        )
    };
    let help = words::sentence(&format!("{}, or register another agent.", helps.join(", or ")));
    let who = "the agents, or whoever runs them";
    Cause {
        agent_ids: named(&agents),
        ..Cause::new(CauseCode::CapableAgentsBusy, detail, help, who)
    }
}

impl Hindrance {
    fn says(self, count: usize) -> &'static str {
        let (one, many) = match self {
            Self::Full => ("has all its slots taken", "have all their slots taken"),
            Self::Draining => ("is draining", "are draining"),
            Self::Unresponsive => ("is unresponsive", "are unresponsive"),
            Self::Status(status) => match status {
                AgentStatus::Maintenance => ("is in maintenance", "are in maintenance"),
                AgentStatus::Failed => ("has failed", "have failed"),
                AgentStatus::Quarantined => ("is quarantined", "are quarantined"),
                AgentStatus::Terminated => ("is terminated", "are terminated"),
                AgentStatus::Idle | AgentStatus::Running | AgentStatus::Degraded => {
                    ("is at work", "are at work")
                }
            },
        };
        if count == 1 { one } else { many }
    }

    const fn help(self) -> &'static str {
        match self {
            Self::Full => "wait until a slot is free",
            Self::Draining => "POST /api/v1/agents/{id}/resume ends the draining",
            Self::Status(_) => "bring an agent back into service",
            Self::Unresponsive => "have an agent send heartbeats again",
        }
    }
}

fn named(agents: &[Uuid]) -> Vec<Uuid> {
    agents.iter().take(NAMED).copied().collect()
}
