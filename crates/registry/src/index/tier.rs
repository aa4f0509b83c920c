//! Tiers: what makes one agent better than another whatever is asked for, as far as it changes only
//! when the agent does.

use crate::agent::Agent;
use crate::score::static_micros;

/// The static part of a score and the free slots, which break ties. The greater one is the better
/// one; a fleet has few different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tier {
    pub(super) micros: u32,
    pub(super) free_slots: u32,
}

impl Tier {
    pub(super) fn of(agent: &Agent) -> Tier {
        let free_slots = agent.free_slots();
        Tier { micros: static_micros(agent.status, free_slots), free_slots }
    }
}
