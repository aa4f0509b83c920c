//! Who could do a piece of work at all, whether or not they may be asked just now: what it takes to
//! say why work does not move.

use std::sync::Arc;

use super::Index;
use crate::agent::{Agent, AgentType};
use crate::capability::Capability;
use crate::similar::similarity;

impl Index {
    /// The agents that have all of these capabilities and are not terminated, whatever their status,
    /// health and free slots, in no order that means anything.
    ///
    /// If a phase is given, those that are bound to another one are left out; if a type is given,
    /// those of another one.
    ///
    /// ```
    /// use chrono::DateTime;
    /// use phaseline_registry::{
    ///     Agent, AgentType, Capabilities, Capability, Capacity, HealthPolicy, Index,
    /// };
    /// use uuid::Uuid;
    ///
    /// let now = DateTime::UNIX_EPOCH;
    /// let capabilities = Capabilities::parse(["rust", "sql"])?;
    /// let amy = Agent::new(Uuid::from_u128(1), AgentType::Worker, capabilities, Capacity::MIN, now);
    /// let mut index = Index::new(HealthPolicy::default(), now);
    /// index.upsert(Agent { draining: true, ..amy });
    ///
    /// let wanted = [Capability::parse("sql")?];
    /// assert_eq!(index.holders(&wanted, Some("PHASE_TESTING"), None).count(), 1);
    /// assert_eq!(index.holders(&wanted, None, Some(AgentType::Monitor)).count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn holders(
        &self,
        wanted: &[Capability],
        phase_id: Option<&str>,
        agent_type: Option<AgentType>,
    ) -> impl Iterator<Item = &Arc<Agent>> + use<'_> {
        self.postings
            .holding(wanted, phase_id, agent_type)
            .into_iter()
            .filter_map(|slot| self.entry(slot))
            .map(|entry| &entry.agent)
    }

    /// How many agents that are not terminated have this capability.
    pub fn holder_count(&self, capability: &Capability) -> u64 {
        self.postings.holder_count(capability)
    }

    /// Whether any agent that is not terminated has this capability.
    pub fn known_capability(&self, capability: &Capability) -> bool {
        self.holder_count(capability) > 0
    }

    /// The capabilities that somebody may have meant by `wanted`, the closest first, then by name;
    /// `limit` of them at most.
    ///
    /// They are those that an agent has which is not terminated, and that are within a distance
    /// (insertions, deletions, replacements and swaps of neighbours) of a third of the length of
    /// `wanted`, or of which one is the beginning or a part of the other. `wanted` itself is not
    /// among them.
    ///
    /// ```
    /// use chrono::DateTime;
    /// use phaseline_registry::{Agent, AgentType, Capabilities, Capacity, HealthPolicy, Index};
    /// use uuid::Uuid;
    ///
    /// let now = DateTime::UNIX_EPOCH;
    /// let capabilities = Capabilities::parse(["python", "python testing", "rust"])?;
    /// let amy = Agent::new(Uuid::from_u128(1), AgentType::Worker, capabilities, Capacity::MIN, now);
    /// let mut index = Index::new(HealthPolicy::default(), now);
    /// index.upsert(amy);
    ///
    /// assert_eq!(index.closest("pyhton", 3), ["python"]);
    /// assert_eq!(index.closest("testing", 3), ["python testing"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn closest(&self, wanted: &str, limit: usize) -> Vec<String> {
        let wanted = wanted.trim().to_lowercase();
        let mut found: Vec<_> = self
            .postings
            .held()
            .map(Capability::as_str)
            .filter(|name| *name != wanted)
            .filter_map(|name| similarity(&wanted, name).map(|similarity| (similarity, name)))
            .collect();
        found.sort_unstable();
        found.truncate(limit);
        found.into_iter().map(|(_, name)| name.to_owned()).collect()
    }
}
