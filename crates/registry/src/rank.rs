//! What somebody looks for, who matches it, and in which order.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::agent::{Agent, AgentType};
use crate::capability::Capability;
use crate::health::{Health, HealthPolicy};
use crate::score::{Score, Standing};
use crate::tag::Tag;

/// What somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What the agent should be able to do; one that can do none of it is no match. If nothing is
    /// required, everybody covers it.
    pub capabilities: Vec<Capability>,
    /// The phase that the agent is to work in. Agents that are bound to no phase match any.
    pub phase_id: Option<String>,
    /// What the agent should be there for.
    pub agent_type: Option<AgentType>,
    /// What the agent must be marked with, all of it.
    pub tags: Vec<Tag>,
    /// Whether to see agents that are draining, in maintenance, failed, quarantined, terminated or
    /// unresponsive, too.
    pub include_unavailable: bool,
    /// The most matches to answer.
    pub limit: usize,
}

/// An agent that matches, and the sum that explains its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Who matches.
    pub agent: Arc<Agent>,
    /// How well it is.
    pub health: Health,
    /// How well it fits.
    pub score: Score,
    /// The required capabilities that it has, in the order in which they were asked for.
    pub matched: Vec<Capability>,
    /// The required capabilities that it lacks, in the same order.
    pub missing: Vec<Capability>,
}

/// All matches among `agents`, the best first.
///
/// The score is the part of the required capabilities that an agent has, 0.2 if it is idle, 0.2 if
/// it is healthy, 0.05 for each free slot up to five. Equal scores are put in order by more free
/// slots, then by the smaller id. This is the rule in its plainest form, which looks at everybody;
/// [`Index::search`](crate::Index::search) gives the same answer faster.
///
/// ```
/// use chrono::DateTime;
/// use phaseline_registry::{
///     Agent, AgentType, Capabilities, Capability, Capacity, HealthPolicy, Wanted, rank,
/// };
/// use uuid::Uuid;
///
/// let now = DateTime::UNIX_EPOCH;
/// let capabilities = Capabilities::parse(["rust"])?;
/// let amy = Agent::new(Uuid::from_u128(1), AgentType::Worker, capabilities, Capacity::MIN, now);
/// let wanted = Wanted { capabilities: vec![Capability::parse("rust")?], ..Wanted::default() };
///
/// let matches = rank(&[amy], &wanted, &HealthPolicy::default(), now, now);
/// assert_eq!(matches[0].score.total(), 1.25);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rank(
    agents: &[Agent],
    wanted: &Wanted,
    policy: &HealthPolicy,
    watched_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Vec<Match> {
    let required = wanted.required();
    let mut matches: Vec<Match> = agents
        .iter()
        .filter(|agent| wanted.admits(agent))
        .map(|agent| {
            let health = agent.health(policy, watched_since, now);
            Match::new(Arc::new(agent.clone()), health, &required)
        })
        .filter(|found| wanted.admits_health(found.health))
        .filter(|found| required.is_empty() || !found.matched.is_empty())
        .collect();
    matches.sort_by_key(Match::standing);
    matches.truncate(wanted.limit);
    matches
}

impl Wanted {
    /// What is required, each capability once.
    pub(crate) fn required(&self) -> Vec<Capability> {
        let mut required: Vec<Capability> = Vec::with_capacity(self.capabilities.len());
        for capability in &self.capabilities {
            if !required.contains(capability) {
                required.push(capability.clone());
            }
        }
        required
    }

    pub(crate) fn admits_health(&self, health: Health) -> bool {
        self.include_unavailable || health != Health::Unresponsive
    }

    fn admits(&self, agent: &Agent) -> bool {
        let phase_fits = match (&self.phase_id, &agent.phase_id) {
            (Some(wanted), Some(bound)) => wanted == bound,
            (None, _) | (_, None) => true,
        };
        phase_fits
            && self.agent_type.is_none_or(|wanted| wanted == agent.agent_type)
            && self.tags.iter().all(|tag| agent.tags.contains(tag))
            && (self.include_unavailable || agent.takes_work())
    }
}

impl Match {
    pub(crate) fn new(agent: Arc<Agent>, health: Health, required: &[Capability]) -> Match {
        let (matched, missing): (Vec<Capability>, Vec<Capability>) = required
            .iter()
            .cloned()
            .partition(|capability| agent.capabilities.contains(capability));
        Match::scored(agent, health, matched, missing)
    }

    /// A match that has all that is required.
    pub(crate) fn of_all(agent: Arc<Agent>, health: Health, required: Vec<Capability>) -> Match {
        Match::scored(agent, health, required, Vec::new())
    }

    fn scored(
        agent: Arc<Agent>,
        health: Health,
        matched: Vec<Capability>,
        missing: Vec<Capability>,
    ) -> Match {
        let required = matched.len() + missing.len();
        let score = Score::new(matched.len(), required, agent.status, health, agent.free_slots());
        Match { agent, health, score, matched, missing }
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing::new(self.score.micros(), self.agent.free_slots(), self.id())
    }

    fn id(&self) -> Uuid {
        self.agent.id
    }
}

/// Ten agents of any kind.
impl Default for Wanted {
    fn default() -> Self {
        Wanted {
            capabilities: Vec::new(),
            phase_id: None,
            agent_type: None,
            tags: Vec::new(),
            include_unavailable: false,
            limit: 10,
        }
    }
}

#[cfg(test)]
mod tests;
