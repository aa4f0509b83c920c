//! The one agent for a piece of work, or why there is none.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::agent::Agent;
use crate::capability::Capability;
use crate::health::HealthPolicy;
use crate::label::joined;
use crate::rank::{Match, Wanted, rank};

/// No agent has a free slot and every required capability.
#[derive(Debug, Clone, PartialEq)]
pub struct NoFit {
    /// The required capabilities that nobody has who could be asked at all.
    pub missing: Vec<Capability>,
    /// Who lacks the fewest, free slot or not; among those, who ranks first.
    pub nearest: Option<Box<Match>>,
    /// Whether somebody has every required capability, and only a free slot is wanting.
    pub all_busy: bool,
}

/// The first of the [`rank`]ed agents that has a free slot and every required capability.
///
/// This looks at everybody, as [`rank`] does; [`Index::best_fit`](crate::Index::best_fit) gives the
/// same answer faster. `wanted.limit` makes no difference. Draining agents are not asked, even if
/// unavailable ones are: they take no new work, whoever asks.
///
/// # Errors
///
/// [`NoFit`], which says what is missing and who comes nearest.
pub fn best_fit(
    agents: &[Agent],
    wanted: &Wanted,
    policy: &HealthPolicy,
    watched_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Match, NoFit> {
    let everybody = Wanted { limit: usize::MAX, ..wanted.clone() };
    let mut matches = rank(agents, &everybody, policy, watched_since, now);
    matches.retain(|found| !found.agent.draining);
    if let Some(fit) =
        matches.iter().find(|found| found.missing.is_empty() && found.agent.free_slots() > 0)
    {
        return Ok(fit.clone());
    }
    let mut missing = wanted.required();
    missing.retain(|capability| !matches.iter().any(|found| found.matched.contains(capability)));
    // The first of the smallest: `min_by_key` keeps the order of the ranking.
    let nearest = matches.into_iter().min_by_key(|found| found.missing.len());
    Err(NoFit::new(missing, nearest))
}

impl NoFit {
    /// Must be given only if no agent fits.
    pub(crate) fn new(missing: Vec<Capability>, nearest: Option<Match>) -> NoFit {
        NoFit {
            missing,
            all_busy: nearest.as_ref().is_some_and(|found| found.missing.is_empty()),
            nearest: nearest.map(Box::new),
        }
    }
}

impl fmt::Display for NoFit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(nearest) = &self.nearest else {
            return match self.missing.as_slice() {
                [] => out.write_str("no agent may be asked for this"),
                missing => write!(out, "no agent that may be asked has {}", joined(missing)),
            };
        };
        if self.all_busy {
            return out.write_str("every agent that could do the work is busy");
        }
        match self.missing.as_slice() {
            [] => out.write_str("no single agent can do all of the work")?,
            missing => write!(out, "no agent has {}", joined(missing))?,
        }
        let (id, lacks) = (nearest.agent.id, joined(&nearest.missing));
        write!(out, "; agent {id} comes nearest and lacks {lacks}")
    }
}

impl std::error::Error for NoFit {}

#[cfg(test)]
mod tests;
