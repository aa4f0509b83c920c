//! Signs of life: what the index is told between two versions of an agent.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use uuid::Uuid;

use super::Index;
use crate::agent::AgentGone;
use crate::health::{Health, Outlook};
use crate::heartbeat::{HeartbeatRecord, Taken};
use crate::status::AgentStatus;

/// What a heartbeat did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// What is remembered of the agent's heartbeats now.
    pub record: HeartbeatRecord,
    /// What the heartbeat said.
    pub taken: Taken,
    /// What the agent is up to, which a heartbeat does not change.
    pub status: AgentStatus,
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

/// Whose signs of life nobody had asked for yet.
#[derive(Debug)]
pub struct Heard(RoaringBitmap);

impl Heard {
    /// Whether all were taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes so many of them, as they are now. Nobody comes twice.
    pub fn take(&mut self, index: &Index, count: usize) -> Vec<(Uuid, HeartbeatRecord)> {
        let slots: Vec<u32> = self.0.iter().take(count).collect();
        self.0.remove_smallest(slots.len() as u64);
        let entries = slots.into_iter().filter_map(|slot| index.entry(slot));
        entries.map(|entry| (entry.id, entry.agent.heartbeat)).collect()
    }
}

impl Index {
    /// Takes away who was heard since the last time, for somebody who stores it.
    pub fn take_heard(&mut self) -> Heard {
        Heard(std::mem::take(&mut self.heard))
    }

    /// Puts an agent among those who were heard, since storing it has failed.
    pub fn give_back_heard(&mut self, id: &Uuid) {
        if let Some(slot) = self.slots.get(id) {
            self.heard.insert(*slot);
        }
    }

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
        let slot = *self.slots.get(id).ok_or(UnknownAgent { id: *id })?;
        let entry = self.entry(slot).ok_or(UnknownAgent { id: *id })?;
        let (record, taken) = entry.agent.take_heartbeat(sequence, now)?;
        let (status, before) = (entry.agent.status, entry.outlook.at(now));
        self.remember(slot, record);
        self.heard.insert(slot);
        let after = self.entry(slot).map_or(before, |entry| entry.outlook.at(now));
        Ok(Beat { record, taken, status, before, after })
    }

    /// Takes a sign of life without a number: a claim, an extension or a result proves as well as a
    /// heartbeat that the agent lives. Says whether anything changed.
    ///
    /// The time of the last heartbeat never goes back, no gap is counted, and a terminated agent
    /// stays as it is.
    pub fn seen(&mut self, id: &Uuid, now: DateTime<Utc>) -> bool {
        let Some(slot) = self.slots.get(id).copied() else {
            return false;
        };
        match self.entry(slot).map(|entry| entry.agent.take_heartbeat(None, now)) {
            Some(Ok((record, _))) => {
                let news = self.remember(slot, record);
                if news {
                    self.heard.insert(slot);
                }
                news
            }
            Some(Err(AgentGone { .. })) | None => false,
        }
    }

    /// Takes what another process has stored of an agent's heartbeats, if its last one came later
    /// than the last one known here; says whether it did. Servers that share a database learn so
    /// of the heartbeats that others received.
    pub fn merge_heartbeat(&mut self, id: &Uuid, record: HeartbeatRecord) -> bool {
        let Some(slot) = self.slots.get(id).copied() else {
            return false;
        };
        let known = self.entry(slot).map(|entry| entry.agent.heartbeat);
        known.is_some_and(|known| self.remember(slot, known.fresher(record)))
    }

    /// Says whether that was news.
    fn remember(&mut self, slot: u32, record: HeartbeatRecord) -> bool {
        let Some(entry) = self.entries.get_mut(slot as usize).and_then(Option::as_mut) else {
            return false;
        };
        if entry.agent.heartbeat == record {
            return false;
        }
        // Copies the agent only while somebody still holds a match with it.
        Arc::make_mut(&mut entry.agent).heartbeat = record;
        entry.outlook = Outlook::new(&entry.agent.vitals(self.watched_since), &self.policy);
        self.judgement.insert(slot, entry);
        true
    }
}
