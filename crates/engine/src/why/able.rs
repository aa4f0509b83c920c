//! Who could do a task: nobody at all, somebody who takes no work now, or somebody who is free.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use phaseline_persistence::tasks::Task;
use phaseline_phases::PhaseId;
use phaseline_registry::{Agent, AgentStatus, AgentType, Capability, Health, Index};
use uuid::Uuid;

/// How many names are offered for a capability that nobody has.
const GUESSES: usize = 3;

/// What an agent must be to do a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) capabilities: Vec<Capability>,
    pub(super) phase_id: PhaseId,
    pub(super) agent_type: AgentType,
    /// Those that have said that they cannot, in order.
    pub(super) unable: Vec<Uuid>,
}

/// Who could do a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Able {
    /// Nobody, as things are.
    Nobody(Nobody),
    /// Somebody, but nobody who takes work now: the reasons with who each is true of.
    Busy(BTreeMap<Hindrance, Vec<Uuid>>),
    /// These, at once.
    Free(Vec<Uuid>),
}

/// Why nobody could ever do a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Nobody {
    /// There is no agent at all.
    NoAgents,
    /// Nobody has these capabilities; the closest names that somebody has.
    Unknown(BTreeMap<String, Vec<String>>),
    /// Each capability is there, but no agent has all of them: how many agents have each.
    Scattered(Vec<(String, u64)>),
    /// Those that have them are of other types or bound to other phases.
    Elsewhere {
        /// The agents.
        agents: Vec<Uuid>,
        /// What they are: their type, and their phase if they are bound to one.
        are: Vec<String>,
    },
    /// All that could have said that they cannot.
    Declined(Vec<Uuid>),
}

/// Why an agent that could do a task takes none now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hindrance {
    /// All its slots are taken.
    Full,
    /// It takes no new work.
    Draining,
    /// It is out of service.
    Status(AgentStatus),
    /// It no longer answers.
    Unresponsive,
}

impl Wanted {
    /// What this task wants, of whoever has not said that they cannot do it.
    pub(super) fn of(task: &Task, mut unable: Vec<Uuid>) -> Self {
        unable.sort_unstable();
        Self {
            capabilities: task.required_capabilities.clone(),
            phase_id: task.phase_id.clone(),
            agent_type: task.agent_type,
            unable,
        }
    }
}

/// Looks for whoever could do this.
pub(super) fn able(index: &Index, wanted: &Wanted, now: DateTime<Utc>) -> Able {
    let Wanted { capabilities, phase_id, agent_type, unable } = wanted;
    let holders = index.holders(capabilities, Some(phase_id.as_str()), Some(*agent_type));
    let mut fitting: Vec<&Arc<Agent>> = holders.collect();
    fitting.sort_unstable_by_key(|agent| agent.id);
    let (declined, fitting): (Vec<_>, Vec<_>) =
        fitting.into_iter().partition(|agent| unable.binary_search(&agent.id).is_ok());
    if fitting.is_empty() {
        return Able::Nobody(nobody(index, wanted, &declined));
    }
    let mut hindered: BTreeMap<Hindrance, Vec<Uuid>> = BTreeMap::new();
    let mut free = Vec::new();
    for agent in fitting {
        match hindrance(agent, index.health(&agent.id, now)) {
            Some(why) => hindered.entry(why).or_default().push(agent.id),
            None => free.push(agent.id),
        }
    }
    if free.is_empty() { Able::Busy(hindered) } else { Able::Free(free) }
}

fn hindrance(agent: &Agent, health: Option<Health>) -> Option<Hindrance> {
    if !agent.status.is_available() {
        Some(Hindrance::Status(agent.status))
    } else if health == Some(Health::Unresponsive) {
        Some(Hindrance::Unresponsive)
    } else if agent.draining {
        Some(Hindrance::Draining)
    } else if agent.free_slots() == 0 {
        Some(Hindrance::Full)
    } else {
        None
    }
}

fn nobody(index: &Index, wanted: &Wanted, declined: &[&Arc<Agent>]) -> Nobody {
    let Wanted { capabilities, phase_id, agent_type, .. } = wanted;
    if !declined.is_empty() {
        return Nobody::Declined(declined.iter().map(|agent| agent.id).collect());
    }
    if index.holders(&[], None, None).next().is_none() {
        return Nobody::NoAgents;
    }
    let unknown: BTreeMap<String, Vec<String>> = capabilities
        .iter()
        .filter(|capability| !index.known_capability(capability))
        .map(|capability| (capability.to_string(), index.closest(capability.as_str(), GUESSES)))
        .collect();
    if !unknown.is_empty() {
        return Nobody::Unknown(unknown);
    }
    let mut elsewhere: Vec<&Arc<Agent>> = index.holders(capabilities, None, None).collect();
    if elsewhere.is_empty() {
        let counts = capabilities.iter().map(|c| (c.to_string(), index.holder_count(c)));
        return Nobody::Scattered(counts.collect());
    }
    elsewhere.sort_unstable_by_key(|agent| agent.id);
    let mut are: Vec<String> =
        elsewhere.iter().map(|agent| what(agent, phase_id, *agent_type)).collect();
    are.sort_unstable();
    are.dedup();
    Nobody::Elsewhere { agents: elsewhere.iter().map(|agent| agent.id).collect(), are }
}

/// In what an agent is another one than wanted.
fn what(agent: &Agent, phase: &PhaseId, agent_type: AgentType) -> String {
    let kind =
        (agent.agent_type != agent_type).then(|| format!("of the type {}", agent.agent_type));
    let other = agent.phase_id.as_deref().filter(|bound| *bound != phase.as_str());
    let bound = other.map(|bound| format!("bound to {bound}"));
    [kind, bound].into_iter().flatten().collect::<Vec<_>>().join(" and ")
}
