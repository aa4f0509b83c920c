//! How well the agents are, and the fleet in numbers. Reading never changes anything.

use actix_web::{HttpResponse, get, web::Data};
use phaseline_persistence::agents;
use phaseline_wire::{AgentHealth, FleetHealth, FleetStatistics, StaleAgents};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    Api,
    agents::find,
    answer,
    cursor::Scope,
    document::{ListRefusals, Paged, ReadRefusals},
    extract::{Cut, Id, Limit, Part, Query, Whole},
    problem::Refusal,
    routes::ServiceConfig,
    view,
};

/// The most seconds that can be asked for: three years and a bit.
const OLDEST_S: u64 = 100_000_000;
/// A place in the list of the silent: microseconds since 1970, and an id.
const PLACE_BYTES: usize = 8 + 16;

/// How long a silence must be.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Silence {
    /// Only those silent for more than this many seconds; without it those that are degraded or
    /// unresponsive.
    #[param(value_type = Option<u32>, minimum = 0, maximum = 100_000_000)]
    older_than_s: Option<Whole<0, OLDEST_S>>,
    #[serde(default)]
    #[param(ignore)]
    limit: Limit,
    #[param(ignore)]
    cursor: Option<String>,
}

/// Where an agent stands among the silent: its last sign of life, then its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(i64, Uuid);

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(fleet).service(stale).service(statistics).service(one);
}

/// How well the agents are
///
/// A page of agents in order of registration, with counts of all of them.
#[utoipa::path(
    tag = "agents",
    operation_id = "list_agent_health",
    params(Paged),
    responses(
        (status = 200, description = "A page of agents and the counts.", body = FleetHealth),
        ListRefusals,
    )
)]
#[get("/health")]
async fn fleet(api: Data<Api>, query: Query<Part>) -> Result<HttpResponse, Refusal> {
    let Part { limit, cursor } = query.0;
    let cut = Cut::new(Scope::of("agents/health", &()), cursor.as_deref(), limit)?;
    let everybody = agents::Filter::default();
    let slice = agents::list(api.engine.db().reader(), &everybody, cut.page()).await?;
    let now = api.engine.sources().now();
    let next_cursor = cut.next(&slice, |stored| stored.agent.id);
    let items =
        slice.items.iter().map(|stored| view::health(&api.engine, &stored.agent, now)).collect();
    let counts = api.engine.fleet().statistics(now).by_health;
    Ok(answer::plain(FleetHealth { counts, items, next_cursor }))
}

/// The agents that have been silent for too long
///
/// The longest silence first. An agent that shows itself while you read leaves the list.
#[utoipa::path(
    tag = "agents",
    operation_id = "list_stale_agents",
    params(Silence, Paged),
    responses(
        (status = 200, description = "A page of agents.", body = StaleAgents),
        ListRefusals,
    )
)]
#[get("/stale")]
async fn stale(api: Data<Api>, query: Query<Silence>) -> Result<HttpResponse, Refusal> {
    let Silence { older_than_s, limit, cursor } = query.0;
    let older_than_s = older_than_s.map(Whole::saturating_u32);
    let scope = Scope::of("agents/stale", &older_than_s);
    let after = cursor.map(|cursor| scope.read(&cursor)).transpose()?.map(Place::decode);
    let now = api.engine.sources().now();
    // One more than the page holds tells whether there is a next one.
    let mut room = limit.get() + 1;
    let silent = api.engine.fleet().stale(now, older_than_s, |silent| {
        let place = Place(silent.last_sign_of_life.timestamp_micros(), silent.agent.id);
        let fits = room > 0 && after.is_none_or(|after| place > after);
        room -= u64::from(fits);
        fits.then(|| (place, silent.agent.clone()))
    });
    let mut silent = silent.into_iter().flatten();
    let mut next_cursor = None;
    let mut items = Vec::new();
    for (place, agent) in silent.by_ref().take(limit.get() as usize) {
        items.push(view::health(&api.engine, &agent, now));
        next_cursor = Some(scope.cursor(&place.encode()));
    }
    let next_cursor = next_cursor.filter(|_| silent.next().is_some());
    Ok(answer::plain(StaleAgents { items, next_cursor }))
}

/// The fleet in numbers
#[utoipa::path(
    tag = "agents",
    operation_id = "get_fleet_statistics",
    responses(
        (status = 200, description = "The numbers.", body = FleetStatistics),
        ListRefusals,
    )
)]
#[get("/statistics")]
async fn statistics(api: Data<Api>) -> HttpResponse {
    let now = api.engine.sources().now();
    answer::plain(FleetStatistics::from(api.engine.fleet().statistics(now)))
}

/// How well an agent is
#[utoipa::path(
    tag = "agents",
    operation_id = "get_agent_health",
    params(("id" = Uuid, Path, description = "The agent.")),
    responses(
        (status = 200, description = "How well it is.", body = AgentHealth),
        ReadRefusals,
    )
)]
#[get("/{id}/health")]
async fn one(api: Data<Api>, id: Id) -> Result<HttpResponse, Refusal> {
    let stored = find(&api, id).await?;
    let now = api.engine.sources().now();
    Ok(answer::plain(view::health(&api.engine, &stored.agent, now)))
}

impl Place {
    fn encode(self) -> [u8; PLACE_BYTES] {
        let Self(at_us, id) = self;
        let mut bytes = [0; PLACE_BYTES];
        bytes[..8].copy_from_slice(&at_us.to_be_bytes());
        bytes[8..].copy_from_slice(id.as_bytes());
        bytes
    }

    fn decode(bytes: [u8; PLACE_BYTES]) -> Self {
        let (mut at_us, mut id) = ([0; 8], [0; 16]);
        at_us.copy_from_slice(&bytes[..8]);
        id.copy_from_slice(&bytes[8..]);
        Self(i64::from_be_bytes(at_us), Uuid::from_bytes(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_from_its_bytes() {
        for place in [Place(0, Uuid::nil()), Place(-7, Uuid::max()), Place(i64::MAX, Uuid::max())] {
            assert_eq!(Place::decode(place.encode()), place);
        }
    }
}
