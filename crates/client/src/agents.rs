//! Agents, one at a time.

use std::time::Duration;

use futures::Stream;
use phaseline_phases::PhaseId;
use phaseline_registry::{AgentStatus, AgentType};
use phaseline_wire::{
    Agent, AgentHealth, AgentPatch, Availability, Claims, Empty, Heartbeat, List, NewAgent,
    NewClaim, NewHeartbeat,
};
use uuid::Uuid;

use crate::{Client, Page, Request, Result, page};

/// Agents; [`Client::agents`].
#[derive(Debug, Clone, Copy)]
pub struct Agents<'a>(pub(crate) &'a Client);

/// Which agents a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentQuery {
    /// Only those in this status.
    pub status: Option<AgentStatus>,
    /// Only those of this type.
    pub agent_type: Option<AgentType>,
    /// Only those bound to this phase.
    pub phase_id: Option<PhaseId>,
    /// Which part of the list.
    pub page: Page,
}

impl Agents<'_> {
    /// Registers an agent.
    pub fn register(&self, new: &NewAgent) -> Request<Agent> {
        Request::post(self.0, "/api/v1/agents/register", new)
    }

    /// A page of agents, in order of registration.
    pub fn list(&self, query: &AgentQuery) -> Request<List<Agent>> {
        let AgentQuery { status, agent_type, phase_id, page } = query;
        let parameters = page
            .parameters()
            .with("status", status)
            .with("agent_type", agent_type)
            .with("phase_id", phase_id);
        Request::get(self.0, "/api/v1/agents").query(parameters)
    }

    /// All agents of the query, page after page.
    pub fn all(&self, query: AgentQuery) -> impl Stream<Item = Result<Agent>> + use<> {
        let client = self.0.clone();
        page::all(query.page.clone(), move |page| {
            Agents(&client).list(&AgentQuery { page: page.clone(), ..query.clone() })
        })
    }

    /// The agent with this id.
    pub fn get(&self, id: Uuid) -> Request<Agent> {
        Request::get(self.0, format!("/api/v1/agents/{id}"))
    }

    /// Changes what the patch names. Honours [`if_match`](Request::if_match), and is sent again
    /// after a failure only with it.
    pub fn edit(&self, id: Uuid, patch: &AgentPatch) -> Request<Agent> {
        Request::patch(self.0, format!("/api/v1/agents/{id}"), patch)
    }

    /// Terminates an agent. Honours [`if_match`](Request::if_match).
    pub fn terminate(&self, id: Uuid) -> Request<()> {
        Request::delete(self.0, format!("/api/v1/agents/{id}"))
    }

    /// Puts an agent into maintenance, or makes it idle again. Honours
    /// [`if_match`](Request::if_match).
    pub fn set_availability(&self, id: Uuid, available: bool) -> Request<Agent> {
        let availability = Availability { available };
        Request::post(self.0, format!("/api/v1/agents/{id}/availability"), &availability)
    }

    /// Gives an agent the best pending tasks that it is able and free to do; none where there are
    /// none, and then it says why. With `wait_s` it waits for some, and one try of this request may
    /// take so much longer.
    ///
    /// A try whose answer was lost is repeated under the same `Idempotency-Key`, and gets the tasks
    /// that it had been given.
    pub fn claim(&self, id: Uuid, claim: &NewClaim) -> Request<Claims> {
        Request::post(self.0, format!("/api/v1/agents/{id}/claim"), claim)
            .longer(Duration::from_secs(claim.wait_s.into()))
    }

    /// Gives an agent no new work; it keeps what it has in hand. Honours
    /// [`if_match`](Request::if_match).
    pub fn drain(&self, id: Uuid) -> Request<Agent> {
        Request::post(self.0, format!("/api/v1/agents/{id}/drain"), &Empty {})
    }

    /// Gives an agent new work again. Honours [`if_match`](Request::if_match).
    pub fn resume(&self, id: Uuid) -> Request<Agent> {
        Request::post(self.0, format!("/api/v1/agents/{id}/resume"), &Empty {})
    }

    /// Says that an agent is alive. [`HeartbeatLoop`](crate::HeartbeatLoop) does it again and
    /// again.
    pub fn heartbeat(&self, id: Uuid, beat: &NewHeartbeat) -> Request<Heartbeat> {
        Request::post(self.0, format!("/api/v1/agents/{id}/heartbeat"), beat)
    }

    /// How well an agent is.
    pub fn health(&self, id: Uuid) -> Request<AgentHealth> {
        Request::get(self.0, format!("/api/v1/agents/{id}/health"))
    }
}
