//! Agents: register, list, read, change, take out of service, terminate.

use actix_web::{HttpResponse, delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use phaseline_engine::{Noun, agents};
use phaseline_persistence::agents::{self as stored, StoredAgent};
use phaseline_phases::PhaseId;
use phaseline_registry::{AgentStatus, AgentType};
use phaseline_wire::{
    Agent, AgentPatch, AgentStatusName, AgentTypeName, Availability, Heartbeat, List, NewAgent,
    NewHeartbeat, StandardPhase,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::{
    Api, answer,
    cursor::Scope,
    document::{
        Actor, AgentRefusals, Conditional, CreateRefusals, HeartbeatRefusals, ListRefusals, Once,
        Paged, ReadRefusals, TerminateRefusals,
    },
    extract::{Command, Cut, Id, Limit, Nothing, Query, known_phase},
    problem::Refusal,
    routes::ServiceConfig,
    view,
};

/// Which agents a list holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only those in this status.
    #[param(value_type = Option<AgentStatusName>, inline)]
    status: Option<AgentStatus>,
    /// Only those of this type.
    #[param(value_type = Option<AgentTypeName>, inline)]
    agent_type: Option<AgentType>,
    /// Only those bound to this phase.
    #[param(value_type = Option<StandardPhase>, inline)]
    phase_id: Option<PhaseId>,
    #[serde(default)]
    #[param(ignore)]
    limit: Limit,
    #[param(ignore)]
    cursor: Option<String>,
}

/// The first of all: nothing is asked for as often, and routes are tried in their order.
pub(crate) fn configure_heartbeats(config: &mut ServiceConfig<'_, '_>) {
    config.service(heartbeat);
}

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config
        .service(register)
        .service(list)
        .service(get)
        .service(edit)
        .service(terminate)
        .service(set_availability);
}

/// Register an agent
///
/// It is idle, and its health unknown until its first heartbeat.
#[utoipa::path(
    tag = "agents",
    operation_id = "register_agent",
    params(Once, Actor),
    request_body = NewAgent,
    responses(
        (status = 201, description = "The agent.", body = Agent, headers(
            ("Location" = String, description = "Its path."),
            ("ETag" = String, description = "Its version."),
        )),
        CreateRefusals,
    )
)]
#[post("/register")]
async fn register(api: Data<Api>, command: Command<NewAgent>) -> Result<HttpResponse, Refusal> {
    let Command { call, body } = command;
    let NewAgent { agent_type, phase_id, capabilities, capacity, tags } = body;
    let new = agents::Register { agent_type, phase_id, capabilities, capacity, tags };
    let stored = agents::register(&api.engine, &call, new)
        .await
        .map_err(|error| Refusal::from(error).at("/phase_id"))?;
    let (id, version) = (stored.agent.id, stored.agent.version);
    let agent = view::agent(&api.engine, stored, call.now);
    Ok(answer::created(format!("/api/v1/agents/{id}"), version, agent))
}

/// List agents
///
/// In order of registration.
#[utoipa::path(
    tag = "agents",
    operation_id = "list_agents",
    params(Filter, Paged),
    responses((status = 200, description = "A page of agents.", body = List<Agent>), ListRefusals)
)]
#[get("")]
async fn list(api: Data<Api>, query: Query<Filter>) -> Result<HttpResponse, Refusal> {
    let Filter { status, agent_type, phase_id, limit, cursor } = query.0;
    if let Some(phase) = &phase_id {
        known_phase("phase_id", phase)?;
    }
    let phase_id = phase_id.map(|phase| phase.to_string());
    let filter = stored::Filter { status, agent_type, phase_id };
    let cut = Cut::new(Scope::of("agents", &filter), cursor.as_deref(), limit)?;
    let slice = stored::list(api.engine.db().reader(), &filter, cut.page()).await?;
    let now = api.engine.sources().now();
    let list =
        cut.list(slice, |stored| stored.agent.id, |stored| view::agent(&api.engine, stored, now));
    Ok(answer::plain(list))
}

/// Read an agent
#[utoipa::path(
    tag = "agents",
    operation_id = "get_agent",
    params(("id" = Uuid, Path, description = "The agent.")),
    responses(
        (status = 200, description = "The agent.", body = Agent, headers(
            ("ETag" = String, description = "Its version."),
        )),
        ReadRefusals,
    )
)]
#[get("/{id}")]
async fn get(api: Data<Api>, id: Id) -> Result<HttpResponse, Refusal> {
    let stored = find(&api, id).await?;
    let now = api.engine.sources().now();
    Ok(versioned(&api, stored, now))
}

/// Change an agent
///
/// What is left out stays as it is. In a status in which it cannot work, what it has in hand goes
/// back at once.
#[utoipa::path(
    tag = "agents",
    operation_id = "edit_agent",
    params(("id" = Uuid, Path, description = "The agent."), Conditional, Actor),
    request_body = AgentPatch,
    responses(
        (status = 200, description = "The agent as it is now.", body = Agent, headers(
            ("ETag" = String, description = "Its version."),
        )),
        AgentRefusals,
    )
)]
#[patch("/{id}")]
async fn edit(
    api: Data<Api>,
    id: Id,
    command: Command<AgentPatch>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body } = command;
    let AgentPatch { agent_type, phase_id, status, capabilities, capacity, tags } = body;
    let change = agents::Change { agent_type, phase_id, status, capabilities, capacity, tags };
    let stored = agents::edit(&api.engine, &call, id.0, change)
        .await
        .map_err(|error| Refusal::from(error).at("/phase_id"))?;
    Ok(versioned(&api, stored, call.now))
}

/// Terminate an agent
///
/// For good: it stays in the table, and no heartbeat revives it. What it has in hand goes back at
/// once.
#[utoipa::path(
    tag = "agents",
    operation_id = "terminate_agent",
    params(("id" = Uuid, Path, description = "The agent."), Conditional, Actor),
    responses((status = 204, description = "It is terminated."), TerminateRefusals)
)]
#[delete("/{id}")]
async fn terminate(
    api: Data<Api>,
    id: Id,
    command: Command<Nothing>,
) -> Result<HttpResponse, Refusal> {
    agents::terminate(&api.engine, &command.call, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take an agent out of service, or back in
///
/// Unavailable is maintenance, available is idle.
#[utoipa::path(
    tag = "agents",
    operation_id = "set_agent_availability",
    params(("id" = Uuid, Path, description = "The agent."), Conditional, Once, Actor),
    request_body = Availability,
    responses(
        (status = 200, description = "The agent as it is now.", body = Agent, headers(
            ("ETag" = String, description = "Its version."),
        )),
        AgentRefusals,
    )
)]
#[post("/{id}/availability")]
async fn set_availability(
    api: Data<Api>,
    id: Id,
    command: Command<Availability>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body: Availability { available } } = command;
    let stored = agents::set_availability(&api.engine, &call, id.0, available).await?;
    Ok(versioned(&api, stored, call.now))
}

/// Say that an agent is there
///
/// Cheap: taken in memory, written in batches. The body may be left out.
#[utoipa::path(
    tag = "agents",
    operation_id = "send_heartbeat",
    params(("id" = Uuid, Path, description = "The agent."), Once, Actor),
    request_body = Option<NewHeartbeat>,
    responses(
        (status = 200, description = "How the agent is seen.", body = Heartbeat),
        HeartbeatRefusals,
    )
)]
#[post("/{id}/heartbeat")]
async fn heartbeat(
    api: Data<Api>,
    id: Id,
    command: Command<NewHeartbeat>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body: NewHeartbeat { sequence, metrics } } = command;
    let metrics = metrics.map(Value::Object);
    let beat = agents::heartbeat(&api.engine, &call, id.0, sequence, metrics).await?;
    Ok(answer::plain(view::beat(&beat)))
}

/// The agent of a path.
pub(crate) async fn find(api: &Api, id: Id) -> Result<StoredAgent, Refusal> {
    stored::find(api.engine.db().reader(), id.0)
        .await?
        .ok_or_else(|| view::missing(Noun::Agent, id.0))
}

/// An agent at its version.
pub(crate) fn versioned(api: &Api, stored: StoredAgent, now: DateTime<Utc>) -> HttpResponse {
    answer::versioned(stored.agent.version, view::agent(&api.engine, stored, now))
}
