//! Health while time goes by: what is known of it without looking at an agent.

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Entry, Index};
use crate::agent::Agent;
use crate::health::Health;

/// Without a heartbeat health only declines. So whoever is not healthy is not healthy later either,
/// and whoever is unresponsive stays so: both can be kept as bitmaps, from the time at which they
/// were looked at onwards. A heartbeat moves a slot in them; nothing else has to.
#[derive(Debug, Clone)]
pub(super) struct Judgement {
    /// The bitmaps hold from then on.
    since: DateTime<Utc>,
    /// Nobody else is healthy.
    perhaps_healthy: RoaringBitmap,
    /// All of these are unresponsive.
    unresponsive: RoaringBitmap,
}

/// An agent whose health somebody should look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which agent.
    pub id: Uuid,
    /// The health that was last announced.
    pub announced: Health,
    /// How well it is.
    pub health: Health,
    /// Its last heartbeat, from which that follows.
    pub last_heartbeat: Option<DateTime<Utc>>,
}

impl Judgement {
    pub(super) fn new(since: DateTime<Utc>) -> Judgement {
        let (perhaps_healthy, unresponsive) = Default::default();
        Judgement { since, perhaps_healthy, unresponsive }
    }

    /// Nobody but these is healthy at `now`; `None` where that is not known.
    pub(super) fn perhaps_healthy(&self, now: DateTime<Utc>) -> Option<&RoaringBitmap> {
        (self.since <= now).then_some(&self.perhaps_healthy)
    }

    /// Some of those that are unresponsive at `now`.
    pub(super) fn unresponsive(&self, now: DateTime<Utc>) -> Option<&RoaringBitmap> {
        (self.since <= now && !self.unresponsive.is_empty()).then_some(&self.unresponsive)
    }

    pub(super) fn insert(&mut self, slot: u32, entry: &Entry) {
        match entry.outlook.at(self.since) {
            Health::Healthy => {
                self.perhaps_healthy.insert(slot);
                self.unresponsive.remove(slot);
            }
            Health::Unknown | Health::Degraded => {
                self.perhaps_healthy.remove(slot);
                self.unresponsive.remove(slot);
            }
            Health::Unresponsive => {
                self.perhaps_healthy.remove(slot);
                self.unresponsive.insert(slot);
            }
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        self.perhaps_healthy.remove(slot);
        self.unresponsive.remove(slot);
    }
}

impl Index {
    /// Looks at the health of up to `count` agents, beginning with the one in this place; gives the
    /// place to go on from, and nothing at the end. Searches are faster where this was done lately.
    ///
    /// `find` is told of every agent whose health is not what was last announced, and of those that
    /// do not answer and have work in hand. Nothing is expected of those that are terminated.
    pub fn judge(
        &mut self,
        from: usize,
        count: usize,
        now: DateTime<Utc>,
        mut find: impl FnMut(Finding),
    ) -> Option<usize> {
        // First: what the bitmaps say must hold whenever they are asked.
        self.judgement.since = self.judgement.since.max(now);
        let next = from.saturating_add(count);
        for (place, entry) in self.entries.iter().enumerate().skip(from).take(count) {
            let (slot, Some(entry)) = (place as u32, entry) else { continue };
            let health = entry.outlook.at(now);
            match health {
                Health::Healthy => {}
                Health::Unknown | Health::Degraded => {
                    self.judgement.perhaps_healthy.remove(slot);
                }
                Health::Unresponsive => {
                    self.judgement.perhaps_healthy.remove(slot);
                    self.judgement.unresponsive.insert(slot);
                }
            }
            if let Some(finding) = entry.finding(health) {
                find(finding);
            }
        }
        (next < self.entries.len()).then_some(next)
    }

    /// What [`judge`](Self::judge) would find of one agent.
    pub fn finding(&self, id: &Uuid, now: DateTime<Utc>) -> Option<Finding> {
        let entry = self.entry(*self.slots.get(id)?)?;
        entry.finding(entry.outlook.at(now))
    }

    /// Learns which health was announced of an agent, by whoever did.
    pub fn announced(&mut self, id: &Uuid, health: Health) {
        if let Some(entry) = self.entry_mut(id) {
            entry.announced = health;
        }
    }
}

impl Entry {
    fn finding(&self, health: Health) -> Option<Finding> {
        let stuck = health == Health::Unresponsive && self.busy;
        (self.expected && (stuck || health != self.announced)).then(|| Finding {
            id: self.id,
            announced: self.announced,
            health,
            last_heartbeat: self.agent.heartbeat.last_at,
        })
    }

    pub(super) fn is_expected(agent: &Agent) -> bool {
        !agent.status.exits().is_empty()
    }
}
