//! Who can do a piece of work.

use actix_web::{HttpResponse, get, web::Data};
use phaseline_engine::Error;
use phaseline_phases::PhaseId;
use phaseline_registry::{self as registry, AgentType, Capability, Tag};
use phaseline_wire::{
    AgentTypeName, Match, Matches, StandardPhase, TagList, WantedCapabilities, limits,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Api, answer,
    document::{FitRefusals, ListRefusals},
    extract::{Limit, Query, known_phase},
    problem::Refusal,
    routes::ServiceConfig,
    view,
};

/// The JSON of a match with some capabilities is hardly longer.
const MATCH_BYTES: usize = 1024;

/// What somebody looks for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// What the agent should be able to do; repeat it for several. An agent that can do none of
    /// it is no match.
    #[serde(default)]
    #[param(value_type = WantedCapabilities, inline, required = false)]
    capabilities: Vec<Capability>,
    /// The phase to work in. Agents that are bound to no phase match any.
    #[param(value_type = Option<StandardPhase>, inline)]
    phase_id: Option<PhaseId>,
    /// What the agent should be there for.
    #[param(value_type = Option<AgentTypeName>, inline)]
    agent_type: Option<AgentType>,
    /// What the agent must be marked with, all of it.
    #[serde(default)]
    #[param(value_type = TagList, inline, required = false)]
    tags: Vec<Tag>,
    /// Whether to see those that are draining, in maintenance, failed, quarantined, terminated or unresponsive, too.
    #[serde(default)]
    #[param(default = false)]
    include_unavailable: bool,
    /// How many matches at most.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100, default = 10)]
    limit: Option<Limit>,
}

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(search).service(best_fit);
}

/// Search for agents
///
/// The best first, each with the sum that explains its place.
#[utoipa::path(
    tag = "agents",
    operation_id = "search_agents",
    params(Wanted),
    responses((status = 200, description = "The matches.", body = Matches), ListRefusals)
)]
#[get("/search")]
async fn search(api: Data<Api>, query: Query<Wanted>) -> Result<HttpResponse, Refusal> {
    let wanted = wanted(query.0)?;
    let now = api.engine.sources().now();
    let found = api.engine.fleet().search(&wanted, now);
    let items: Vec<Match> =
        found.into_iter().map(|found| view::found(&api.engine, found, now)).collect();
    let bytes = (items.len() + 1) * MATCH_BYTES;
    Ok(answer::sized(&Matches { items }, bytes))
}

/// The one agent that fits best
///
/// It has every required capability and a free slot.
#[utoipa::path(
    tag = "agents",
    operation_id = "find_best_fit",
    params(Wanted),
    responses((status = 200, description = "The agent.", body = Match), FitRefusals)
)]
#[get("/best-fit")]
async fn best_fit(api: Data<Api>, query: Query<Wanted>) -> Result<HttpResponse, Refusal> {
    let wanted = wanted(query.0)?;
    let now = api.engine.sources().now();
    let found = api.engine.fleet().best_fit(&wanted, now).map_err(|no_fit| {
        let nearest = no_fit.nearest.clone();
        let nearest = nearest.map(|nearest| view::found(&api.engine, *nearest, now));
        Refusal::from(Error::NoFit(Box::new(no_fit))).with("nearest", nearest)
    })?;
    Ok(answer::sized(&view::found(&api.engine, found, now), MATCH_BYTES))
}

fn wanted(query: Wanted) -> Result<registry::Wanted, Refusal> {
    let Wanted { capabilities, phase_id, agent_type, tags, include_unavailable, limit } = query;
    if let Some(phase) = &phase_id {
        known_phase("phase_id", phase)?;
    }
    for (parameter, count, most) in [
        ("capabilities", capabilities.len(), limits::CAPABILITIES),
        ("tags", tags.len(), limits::TAGS),
    ] {
        if count as u64 > most {
            let fact = format!("`{parameter}`: at most {most} can be asked for");
            return Err(Refusal::malformed(fact));
        }
    }
    let usual = registry::Wanted::default();
    Ok(registry::Wanted {
        capabilities,
        phase_id: phase_id.map(|phase| phase.to_string()),
        agent_type,
        tags,
        include_unavailable,
        limit: limit.and_then(|limit| usize::try_from(limit.get()).ok()).unwrap_or(usual.limit),
    })
}
