//! Agents: capabilities, health, ranking and the search index.
//!
//! An [`Agent`] is what the registry knows of one worker, [`Wanted`] is what somebody looks for, and
//! a [`Match`] is an agent together with the sum that explains its place. [`rank`] is that rule in
//! its plainest form, over a slice; [`Index`] gives the same answers from compressed bitmaps without
//! walking all agents. Everything here is pure: the time is an argument, and nothing reads a
//! database.
//!
//! Two agents, a search, and why the answer is what it is:
//!
//! ```
//! use chrono::DateTime;
//! use phaseline_registry::{
//!     Agent, AgentType, Capabilities, Capability, Capacity, HealthPolicy, Index, Wanted,
//! };
//! use uuid::Uuid;
//!
//! let now = DateTime::from_timestamp(1_800_000_000, 0).ok_or("no such time")?;
//! let mut index = Index::new(HealthPolicy::default(), now);
//! for (id, capabilities) in [(1, vec!["Rust", "SQL"]), (2, vec!["rust"])] {
//!     index.upsert(Agent::new(
//!         Uuid::from_u128(id),
//!         AgentType::Worker,
//!         Capabilities::parse(capabilities)?,
//!         Capacity::new(2)?,
//!         now,
//!     ));
//! }
//! index.heartbeat(&Uuid::from_u128(1), Some(1), now)?;
//!
//! let wanted = Wanted {
//!     capabilities: vec![Capability::parse("rust")?, Capability::parse("sql")?],
//!     ..Wanted::default()
//! };
//! let found = index.search(&wanted, now);
//!
//! // The first has both capabilities (1.0), is idle (0.2), healthy (0.2), with two free slots (0.1).
//! assert_eq!(found[0].agent.id, Uuid::from_u128(1));
//! assert_eq!(found[0].score.total(), 1.5);
//!
//! // The second has one of two (0.5), is idle (0.2), has not yet sent a heartbeat, two slots (0.1).
//! assert_eq!(found[1].score.total(), 0.8);
//! assert_eq!(found[1].missing, [Capability::parse("sql")?]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use agent::{Agent, AgentGone, AgentType};
pub use capability::{
    Capabilities, Capability, CapabilityChange, InvalidCapabilities, InvalidCapability, changes,
};
pub use capacity::{Capacity, InvalidCapacity};
pub use fit::{NoFit, best_fit};
pub use health::{Health, HealthPolicy, InvalidHealthPolicy, Vitals, health};
pub use heartbeat::{HeartbeatRecord, MOST_MISSED, Taken};
pub use index::{
    Able, Beat, Census, Difference, Finding, Group, Heard, HeartbeatError, Hindrance, Index,
    Nobody, UnknownAgent, Work,
};
pub use label::{InvalidLabel, InvalidLabels, Kind, Label, Labels, MAX_LABEL_CHARS};
pub use progress::{Progress, progress};
pub use rank::{Match, Wanted, rank};
pub use score::Score;
pub use silence::{Silent, stale};
pub use statistics::{Statistics, statistics};
pub use status::{AgentStatus, IllegalStatus};
pub use tag::{InvalidTag, InvalidTags, Tag, Tags};

pub mod capability;
pub mod tag;

mod agent;
mod capacity;
mod fit;
mod health;
mod heartbeat;
mod index;
mod label;
mod progress;
mod rank;
mod score;
mod silence;
mod similar;
mod statistics;
mod status;
#[cfg(test)]
mod testing;
