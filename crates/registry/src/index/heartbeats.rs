//! Signs of life: what the index is told between two versions of an agent.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Entry, Index};
use crate::agent::AgentGone;
use crate::health::{Health, HealthPolicy, Outlook};
use crate::heartbeat::{HeartbeatRecord, Taken};

/// What a heartbeat did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// What is remembered of the agent's heartbeats now.
    pub record: HeartbeatRecord,
    /// What the heartbeat said.
    pub taken: Taken,
    /// How well the agent was a moment before.
    pub before: Health,
    /// How well it is now.
    pub after: Health,
}

/// There is no such agent in the index. Removed agents are not remembered: whether there ever was
/// one is a question for the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no agent {id}")]
pub struct UnknownAgent {
    /// Which agent was meant.
    pub id: Uuid,
}

/// Why a heartbeat was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeartbeatError {
    /// There is no such agent.
    #[error(transparent)]
    Unknown(#[from] UnknownAgent),
    /// There was one, and it is terminated.
    #[error(transparent)]
    Gone(#[from] AgentGone),
}

impl Index {
    /// Takes a heartbeat that was received at `now`.
    ///
    /// # Errors
    ///
    /// [`HeartbeatError`] if the agent is unknown or terminated; a heartbeat revives nobody.
    pub fn heartbeat(
        &mut self,
        id: &Uuid,
        sequence: Option<u64>,
        now: DateTime<Utc>,
    ) -> Result<Beat, HeartbeatError> {
        let (policy, watched_since) = (self.policy, self.watched_since);
        let entry = self.entry_mut(id).ok_or(UnknownAgent { id: *id })?;
        let (record, taken) = entry.agent.take_heartbeat(sequence, now)?;
        let before = entry.outlook.at(now);
        entry.remember(record, &policy, watched_since);
        Ok(Beat { record, taken, before, after: entry.outlook.at(now) })
    }

    /// Takes a sign of life without a number: a claim, an extension or a result proves as well as a
    /// heartbeat that the agent lives. Says whether anything changed.
    ///
    /// The time of the last heartbeat never goes back, no gap is counted, and a terminated agent
    /// stays as it is.
    pub fn seen(&mut self, id: &Uuid, now: DateTime<Utc>) -> bool {
        let (policy, watched_since) = (self.policy, self.watched_since);
        let Some(entry) = self.entry_mut(id) else {
            return false;
        };
        match entry.agent.take_heartbeat(None, now) {
            Ok((record, _)) => entry.remember(record, &policy, watched_since),
            Err(AgentGone { .. }) => false,
        }
    }

    /// Takes what another process has stored of an agent's heartbeats, if its last one came later
    /// than the last one known here; says whether it did. Servers that share a database learn so
    /// of the heartbeats that others received.
    pub fn merge_heartbeat(&mut self, id: &Uuid, record: HeartbeatRecord) -> bool {
        let (policy, watched_since) = (self.policy, self.watched_since);
        self.entry_mut(id).is_some_and(|entry| {
            let fresher = entry.agent.heartbeat.fresher(record);
            entry.remember(fresher, &policy, watched_since)
        })
    }
}

impl Entry {
    /// Says whether that was news.
    fn remember(
        &mut self,
        record: HeartbeatRecord,
        policy: &HealthPolicy,
        watched_since: DateTime<Utc>,
    ) -> bool {
        if self.agent.heartbeat == record {
            return false;
        }
        // Copies the agent only while somebody still holds a match with it.
        Arc::make_mut(&mut self.agent).heartbeat = record;
        self.outlook = Outlook::new(&self.agent.vitals(watched_since), policy);
        true
    }
}
