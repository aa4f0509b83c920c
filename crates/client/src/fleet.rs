//! The agents together: who fits, who is well, who is silent, and how many there are.

use phaseline_phases::PhaseId;
use phaseline_registry::{AgentType, Capability, Tag};
use phaseline_wire::{FleetHealth, FleetStatistics, Match, Matches, StaleAgents};

use crate::{Client, Page, Request, query::Parameters};

/// The agents together; [`Client::fleet`].
#[derive(Debug, Clone, Copy)]
pub struct Fleet<'a>(pub(crate) &'a Client);

/// What somebody looks for in an agent.
///
/// ```
/// use phaseline_client::{Capability, Phase, Wanted};
///
/// let wanted = Wanted {
///     capabilities: vec![Capability::parse("rust")?],
///     phase_id: Some(Phase::Implementation.id()),
///     ..Wanted::default()
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What it should be able to do.
    pub capabilities: Vec<Capability>,
    /// The phase that it is to work in; agents that are bound to no phase match any.
    pub phase_id: Option<PhaseId>,
    /// What it should be there for.
    pub agent_type: Option<AgentType>,
    /// What it must be marked with, all of it.
    pub tags: Vec<Tag>,
    /// Whether to see agents that cannot work now, too. For [`Fleet::search`] alone.
    pub include_unavailable: bool,
    /// How many matches at most, 1 to 100; 10 unless it is said. For [`Fleet::search`] alone.
    pub limit: Option<u32>,
}

impl Fleet<'_> {
    /// The agents that match, the best first.
    pub fn search(&self, wanted: &Wanted) -> Request<Matches> {
        Request::get(self.0, "/api/v1/agents/search").query(wanted.parameters())
    }

    /// The best agent that has a free slot and every capability; refused as `no-fitting-agent` if
    /// there is none.
    pub fn best_fit(&self, wanted: &Wanted) -> Request<Match> {
        Request::get(self.0, "/api/v1/agents/best-fit").query(wanted.parameters())
    }

    /// A page of how well the agents are, in order of registration, with counts of all of them.
    pub fn health(&self, page: &Page) -> Request<FleetHealth> {
        Request::get(self.0, "/api/v1/agents/health").query(page.parameters())
    }

    /// A page of the agents that have been silent for more than so many seconds, or of those that
    /// are degraded or unresponsive; the longest silence first.
    pub fn stale(&self, older_than_s: Option<u32>, page: &Page) -> Request<StaleAgents> {
        let parameters = page.parameters().with("older_than_s", older_than_s);
        Request::get(self.0, "/api/v1/agents/stale").query(parameters)
    }

    /// The fleet in numbers.
    pub fn statistics(&self) -> Request<FleetStatistics> {
        Request::get(self.0, "/api/v1/agents/statistics")
    }
}

impl Wanted {
    fn parameters(&self) -> Parameters {
        let Self { capabilities, phase_id, agent_type, tags, include_unavailable, limit } = self;
        Parameters::default()
            .with("capabilities", capabilities)
            .with("phase_id", phase_id)
            .with("agent_type", agent_type)
            .with("tags", tags)
            .with("include_unavailable", include_unavailable.then_some(true))
            .with("limit", limit)
    }
}
