//! The agents of the demonstration: registered, alive, and each with a client of its own.

use std::{io, time::Duration};

use anyhow::bail;
use phaseline_client::{
    AgentType, Capability, Client, Health, HeartbeatLoop, LeaseTime, Tags,
    wire::{Agent, NewAgent},
};
use tokio::time::sleep;
use uuid::Uuid;

use super::{narrator::Narrator, script::AgentRole};

const HEARTBEAT_EVERY: Duration = Duration::from_secs(1);

/// The agents that are there.
#[derive(Debug)]
pub(super) struct Team(Vec<Member>);

/// One of them.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// Speaks in its name.
    pub(super) client: Client,
    /// For how long it claims.
    pub(super) lease_s: LeaseTime,
    agent: Agent,
    alive: HeartbeatLoop,
}

impl Team {
    /// Registers agents, and waits until all of them are known to be well.
    pub(super) async fn register(
        client: &Client,
        server: &str,
        roles: Vec<AgentRole>,
    ) -> anyhow::Result<Self> {
        let mut members = Vec::new();
        for AgentRole { name, capabilities, capacity, phase_id, lease_s } in roles {
            let new = NewAgent {
                agent_type: AgentType::Worker,
                phase_id,
                capabilities,
                capacity,
                tags: Tags::parse([&name])?,
            };
            let agent = client.agents().register(&new).await?;
            let client = Client::builder(server).actor(&name).build()?;
            let load = || serde_json::json!({ "load": 0.2 }).as_object().cloned();
            let alive = HeartbeatLoop::start(&client, agent.agent_id, HEARTBEAT_EVERY, load);
            members.push(Member { name, client, lease_s, agent, alive });
        }
        for member in &members {
            member.wait_until_well().await?;
        }
        Ok(Self(members))
    }

    /// Tells who is there.
    pub(super) fn introduce(&self, narrator: &Narrator) -> io::Result<()> {
        for Member { name, agent, .. } in &self.0 {
            let phase = agent.phase_id.as_deref().map(|phase| format!(", only in {phase}"));
            let phase = phase.unwrap_or_default();
            narrator.say("agent", name, &format!("can do {}{phase}", agent.capabilities))?;
        }
        Ok(())
    }

    /// Its members, in order of registration.
    pub(super) fn members(&self) -> &[Member] {
        &self.0
    }

    /// Stops the heartbeats.
    pub(super) async fn dismiss(self) {
        for Member { alive, .. } in self.0 {
            alive.stop().await;
        }
    }
}

impl Member {
    /// Its id.
    pub(super) const fn id(&self) -> Uuid {
        self.agent.agent_id
    }

    /// Whether it can do all of this, in any phase.
    pub(super) fn can(&self, required: &[Capability]) -> bool {
        let capabilities = &self.agent.capabilities;
        self.agent.phase_id.is_none() && required.iter().all(|wanted| capabilities.contains(wanted))
    }

    async fn wait_until_well(&self) -> anyhow::Result<()> {
        for _ in 0..200 {
            let health = self.client.agents().health(self.agent.agent_id).await?;
            if health.health_status == Health::Healthy {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        bail!("no heartbeat of {} has arrived", self.name)
    }
}
