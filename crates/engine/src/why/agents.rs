//! What it means for a task who could do it, in words.

use std::collections::BTreeMap;

use phaseline_persistence::tasks::Task;
use phaseline_registry::{Able, AgentStatus, Difference, Group, Hindrance, Nobody};
use uuid::Uuid;

use super::{Cause, CauseCode, able::NAMED, words};

/// What it means for a task who could do it.
pub(super) fn cause(task: &Task, able: &Able) -> Cause {
    let cause = match able {
        Able::Nobody(nobody) => incapable(task, nobody),
        Able::Busy(hindered) => busy(task, hindered),
        Able::Free(Group { count, first }) => {
            let is = if *count == 1 { "agent is" } else { "agents are" };
            let detail = format!(
                "Nothing keeps {}: {count} {is} able and free, and none has claimed it yet.",
                words::task(task),
            );
            let help = "An agent gets it with POST /api/v1/agents/{id}/claim, the most urgent and oldest tasks first.";
            let who = format!("agent {}", words::list(first, "or"));
            Cause { agent_ids: first.clone(), ..Cause::new(CauseCode::Ready, detail, help, who) }
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
        Nobody::Elsewhere { agents, differences } => {
            let mut are: Vec<String> = differences.iter().map(what).collect();
            are.sort_unstable();
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
                words::list(&are, "or")
            );
            Cause { agent_ids: agents.first.clone(), ..new(detail, register) }
        }
        Nobody::Declined(agents) => {
            let help = format!(
                "{register} GET /api/v1/tasks/{}/attempts shows what the others said; the task may require a capability that it does not name.",
                task.id
            );
            let agent_ids = agents.first.clone();
            Cause { agent_ids, ..new(declined(&subject, agents.count), help) }
        }
    }
}

fn declined(subject: &str, count: u64) -> String {
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

fn busy(task: &Task, hindered: &BTreeMap<Hindrance, Group>) -> Cause {
    let subject = words::task(task);
    let total: u64 = hindered.values().map(|agents| agents.count).sum();
    let reasons: Vec<String> = hindered
        .iter()
        .map(|(why, agents)| format!("{} {}", agents.count, says(*why, agents.count)))
        .collect();
    let mut helps: Vec<&str> = hindered.keys().map(|why| help(*why)).collect();
    helps.dedup();
    let agents = hindered.values().flat_map(|agents| &agents.first);
    let agent_ids: Vec<Uuid> = agents.copied().take(NAMED).collect();
    let detail = if total == 1 {
        let why = hindered.keys().next().map_or("is busy", |why| says(*why, 1));
        format!("The only agent that could do {subject} {why}.")
    } else {
        format!(
            "None of the {total} agents that could do {subject} takes work now: {}.",
            words::list(&reasons, "and")
        )
    };
    let help = words::sentence(&format!("{}, or register another agent.", helps.join(", or ")));
    let who = "the agents, or whoever runs them";
    Cause { agent_ids, ..Cause::new(CauseCode::CapableAgentsBusy, detail, help, who) }
}

fn says(why: Hindrance, count: u64) -> &'static str {
    let (one, many) = match why {
        Hindrance::Full => ("has all its slots taken", "have all their slots taken"),
        Hindrance::Draining => ("is draining", "are draining"),
        Hindrance::Unresponsive => ("is unresponsive", "are unresponsive"),
        Hindrance::Status(status) => match status {
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

const fn help(why: Hindrance) -> &'static str {
    match why {
        Hindrance::Full => "wait until a slot is free",
        Hindrance::Draining => "POST /api/v1/agents/{id}/resume ends the draining",
        Hindrance::Status(_) => "bring an agent back into service",
        Hindrance::Unresponsive => "have an agent send heartbeats again",
    }
}

/// In what an agent is another one than wanted.
fn what(difference: &Difference) -> String {
    let Difference { agent_type, phase_id } = difference;
    let kind = agent_type.map(|other| format!("of the type {other}"));
    let bound = phase_id.as_deref().map(|other| format!("bound to {other}"));
    [kind, bound].into_iter().flatten().collect::<Vec<_>>().join(" and ")
}
