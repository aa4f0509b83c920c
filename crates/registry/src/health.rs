//! How well an agent is, judged by how long ago it last gave a sign of life.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumIter, EnumString};

/// How well an agent is. In lower case on the wire.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    AsRefStr,
    EnumIter,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Health {
    /// No heartbeat yet, and it is too early to worry.
    Unknown,
    /// Heartbeats come as they should.
    Healthy,
    /// Heartbeats are late.
    Degraded,
    /// Heartbeats have stopped.
    Unresponsive,
}

/// When a silence means what. Any values give an answer; [`validated`](Self::validated) finds those
/// that make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthPolicy {
    /// How many seconds a heartbeat is good for.
    pub ttl_s: u32,
    /// After more than this many times to live without a heartbeat an agent is degraded.
    pub degraded_after_ttls: u32,
    /// After more than this many times to live without a heartbeat an agent is unresponsive.
    pub unresponsive_after_ttls: u32,
    /// For how many seconds an agent that was just registered may take its time.
    pub grace_s: u32,
    /// After more than this many seconds without progress an agent that has work in hand is stalled;
    /// see [`Progress`](crate::Progress).
    pub stalled_after_s: u32,
}

/// Why a policy makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHealthPolicy {
    /// A heartbeat that is good for no time at all.
    #[error("the time to live of a heartbeat must be at least a second")]
    NoTimeToLive,
    /// An agent would be degraded between two heartbeats that come in time.
    #[error("an agent can be degraded after one time to live at the earliest")]
    DegradedAtOnce,
    /// The worse state would come before the better one.
    #[error(
        "an agent cannot be unresponsive after {unresponsive_after_ttls} times to live \
         and degraded only after {degraded_after_ttls}"
    )]
    WrongOrder {
        /// When it would be degraded.
        degraded_after_ttls: u32,
        /// When it would be unresponsive.
        unresponsive_after_ttls: u32,
    },
    /// Whoever has just claimed a task would be stalled already.
    #[error("an agent can be stalled after a second at the earliest")]
    StalledAtOnce,
}

/// The times from which an agent's health follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// When the agent registered.
    pub registered_at: DateTime<Utc>,
    /// When its last heartbeat was received, if one was.
    pub last_heartbeat: Option<DateTime<Utc>>,
    /// The health that was last announced.
    pub announced: Health,
    /// Since when this process has been listening. What it did not hear before says nothing about
    /// the agent: the restart of a monitor must not make everybody unresponsive, nor anybody well.
    pub watched_since: DateTime<Utc>,
}

/// The health of an agent for all of time, if no further heartbeat comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outlook {
    /// Healthy until the last heartbeat is too old.
    fresh_until: DateTime<Utc>,
    /// Then what was announced, for as long as silence from before watching began is excused.
    stale: Health,
    stale_until: DateTime<Utc>,
    degraded_until: DateTime<Utc>,
}

/// The health of an agent at `now`.
///
/// An agent that has not been heard since watching began, and whose last heartbeat is too old, is
/// no better than was last announced.
/// Silence is counted from the last heartbeat, or from when watching began if that is later. At the
/// very limit an agent is still in the better state. Without any heartbeat it is unknown during the
/// grace period and degraded at best afterwards: silence never proves that it is healthy. If `now`
/// lies before the last heartbeat, because a clock was set back, no time has passed.
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use phaseline_registry::{Health, HealthPolicy, Vitals, health};
///
/// let start = DateTime::UNIX_EPOCH;
/// let vitals = Vitals {
///     registered_at: start,
///     last_heartbeat: Some(start),
///     announced: Health::Unknown,
///     watched_since: start,
/// };
/// let after = |seconds| health(&vitals, &HealthPolicy::default(), start + TimeDelta::seconds(seconds));
///
/// assert_eq!(after(60), Health::Healthy);
/// assert_eq!(after(61), Health::Degraded);
/// assert_eq!(after(91), Health::Unresponsive);
/// ```
pub fn health(vitals: &Vitals, policy: &HealthPolicy, now: DateTime<Utc>) -> Health {
    Outlook::new(vitals, policy).at(now)
}

impl Outlook {
    pub(crate) fn new(vitals: &Vitals, policy: &HealthPolicy) -> Outlook {
        let Vitals { registered_at, last_heartbeat, announced, watched_since } = *vitals;
        let degraded_after_s = policy.ttls(policy.degraded_after_ttls);
        let unresponsive_after_s = policy.ttls(policy.unresponsive_after_ttls);
        let never = DateTime::<Utc>::MIN_UTC;
        let silent_since = last_heartbeat.unwrap_or(registered_at).max(watched_since);
        let heard = last_heartbeat.is_some_and(|heartbeat| heartbeat >= watched_since);
        let (stale, stale_until) = match (last_heartbeat, announced) {
            (None, Health::Unknown | Health::Healthy) => {
                (Health::Unknown, after(silent_since, i64::from(policy.grace_s)))
            }
            (Some(_), Health::Unknown | Health::Healthy) if !heard => {
                (announced, after(silent_since, degraded_after_s))
            }
            (_, _) => (Health::Degraded, never),
        };
        let unresponsive_already = !heard && announced == Health::Unresponsive;
        Outlook {
            fresh_until: last_heartbeat.map_or(never, |last| after(last, degraded_after_s)),
            stale,
            stale_until,
            degraded_until: if unresponsive_already {
                never
            } else {
                after(silent_since, unresponsive_after_s)
            },
        }
    }

    pub(crate) fn at(&self, now: DateTime<Utc>) -> Health {
        if now <= self.fresh_until {
            Health::Healthy
        } else if now <= self.stale_until {
            self.stale
        } else if now <= self.degraded_until {
            Health::Degraded
        } else {
            Health::Unresponsive
        }
    }
}

impl HealthPolicy {
    /// The policy itself, if it makes sense.
    ///
    /// # Errors
    ///
    /// [`InvalidHealthPolicy`] if the time to live or the time without progress is zero, or if
    /// the limits are not in their order.
    pub fn validated(self) -> Result<HealthPolicy, InvalidHealthPolicy> {
        if self.ttl_s == 0 {
            return Err(InvalidHealthPolicy::NoTimeToLive);
        }
        if self.degraded_after_ttls == 0 {
            return Err(InvalidHealthPolicy::DegradedAtOnce);
        }
        if self.unresponsive_after_ttls < self.degraded_after_ttls {
            return Err(InvalidHealthPolicy::WrongOrder {
                degraded_after_ttls: self.degraded_after_ttls,
                unresponsive_after_ttls: self.unresponsive_after_ttls,
            });
        }
        if self.stalled_after_s == 0 {
            return Err(InvalidHealthPolicy::StalledAtOnce);
        }
        Ok(self)
    }

    fn ttls(&self, count: u32) -> i64 {
        i64::try_from(u64::from(self.ttl_s) * u64::from(count)).unwrap_or(i64::MAX)
    }
}

/// Degraded after two times to live of 30 seconds, unresponsive after three, 60 seconds of grace;
/// stalled after 15 minutes without progress.
impl Default for HealthPolicy {
    fn default() -> Self {
        HealthPolicy {
            ttl_s: 30,
            degraded_after_ttls: 2,
            unresponsive_after_ttls: 3,
            grace_s: 60,
            stalled_after_s: 900,
        }
    }
}

/// A time so many seconds later, or the last time there is.
pub(crate) fn after(start: DateTime<Utc>, seconds: i64) -> DateTime<Utc> {
    TimeDelta::try_seconds(seconds)
        .and_then(|span| start.checked_add_signed(span))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
