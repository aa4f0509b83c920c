//! How agents get work: claim it, take no more, take it again.

use std::time::Duration;

use actix_web::{HttpResponse, post, web::Data};
use phaseline_engine::{agents, claims};
use phaseline_wire::{Agent, Claims, Empty, NewClaim};

use crate::{
    Api,
    agents::versioned,
    answer,
    document::{Actor, Conditional, DrainRefusals, HeartbeatRefusals, Once},
    extract::{Command, Id},
    problem::Refusal,
    routes::ServiceConfig,
    view,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(claim).service(drain).service(resume);
}

/// Claim work for an agent
///
/// The best pending tasks that it is able and free to do, each under a lease and with a fencing
/// token, and with what the phases before found out. Where there is none, `wait_s` holds the call
/// until there is; an empty answer says why. A server that shuts down answers at once. The body may
/// be left out.
#[utoipa::path(
    tag = "agents",
    operation_id = "claim_tasks",
    params(("id" = Uuid, Path, description = "The agent."), Once, Actor),
    request_body = Option<NewClaim>,
    responses(
        (status = 200, description = "What the agent has got.", body = Claims),
        HeartbeatRefusals,
    )
)]
#[post("/{id}/claim")]
async fn claim(
    api: Data<Api>,
    id: Id,
    command: Command<NewClaim>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body: NewClaim { max, lease_s, wait_s, max_tokens } } = command;
    let ask = claims::Ask { max, lease: lease_s, max_tokens };
    let wait = Duration::from_secs(wait_s.into());
    let stop = api.shutdown.cancelled();
    let claimed = claims::claim_within(&api.engine, &call, id.0, ask, wait, stop).await?;
    Ok(answer::plain(view::claims(claimed)?))
}

/// Give an agent no new work
///
/// It keeps what it has in hand, and an event says when it has nothing left. The body may be left
/// out.
#[utoipa::path(
    tag = "agents",
    operation_id = "drain_agent",
    params(("id" = Uuid, Path, description = "The agent."), Conditional, Once, Actor),
    request_body = Option<Empty>,
    responses(
        (status = 200, description = "The agent as it is now.", body = Agent, headers(
            ("ETag" = String, description = "Its version."),
        )),
        DrainRefusals,
    )
)]
#[post("/{id}/drain")]
async fn drain(api: Data<Api>, id: Id, command: Command<Empty>) -> Result<HttpResponse, Refusal> {
    let stored = agents::drain(&api.engine, &command.call, id.0).await?;
    Ok(versioned(&api, stored, command.call.now))
}

/// Give an agent new work again
///
/// The body may be left out.
#[utoipa::path(
    tag = "agents",
    operation_id = "resume_agent",
    params(("id" = Uuid, Path, description = "The agent."), Conditional, Once, Actor),
    request_body = Option<Empty>,
    responses(
        (status = 200, description = "The agent as it is now.", body = Agent, headers(
            ("ETag" = String, description = "Its version."),
        )),
        DrainRefusals,
    )
)]
#[post("/{id}/resume")]
async fn resume(api: Data<Api>, id: Id, command: Command<Empty>) -> Result<HttpResponse, Refusal> {
    let stored = agents::resume(&api.engine, &command.call, id.0).await?;
    Ok(versioned(&api, stored, command.call.now))
}
