//! Gates: what a phase asks for, and the evidence and approvals that meet it.

use actix_web::{HttpResponse, get, post, web::Data};
use phaseline_engine::gates;
use phaseline_persistence::gates as stored;
use phaseline_phases::{Artifact, PhaseId};
use phaseline_wire::{
    Approval, Gate, List, NewApproval, NewTicketArtifact, StandardPhase, TicketArtifact,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Api, answer,
    cursor::Scope,
    document::{Actor, Conditional, EditRefusals, Once, Paged, ReadRefusals},
    extract::{Command, Cut, Id, Part, Query, known_phase},
    problem::Refusal,
    routes::ServiceConfig,
    tickets::find,
    view,
};

/// Which gate.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The phase that it is at the end of; that where the ticket is, or was blocked, unless it is
    /// said.
    #[param(value_type = Option<StandardPhase>, inline)]
    phase_id: Option<PhaseId>,
}

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(gate).service(add).service(artifacts).service(approve).service(approvals);
}

/// What a phase asks for before a ticket leaves it
///
/// Each point, whether it is met, what there is, and who can meet it. Where gates are off for the
/// ticket the points are for information.
#[utoipa::path(
    tag = "tickets",
    operation_id = "get_gate",
    params(("id" = Uuid, Path, description = "The ticket."), Wanted),
    responses((status = 200, description = "The gate.", body = Gate), ReadRefusals)
)]
#[get("/{id}/gate")]
async fn gate(api: Data<Api>, id: Id, query: Query<Wanted>) -> Result<HttpResponse, Refusal> {
    let Wanted { phase_id } = query.0;
    if let Some(phase) = &phase_id {
        known_phase("phase_id", phase)?;
    }
    let state = gates::report(&api.engine, id.0, phase_id).await?;
    Ok(answer::plain(view::gate(state)))
}

/// Add evidence to a ticket
///
/// That is a change of the ticket: approvals that were given before no longer stand.
#[utoipa::path(
    tag = "tickets",
    operation_id = "add_artifact",
    params(("id" = Uuid, Path, description = "The ticket."), Conditional, Once, Actor),
    request_body = NewTicketArtifact,
    responses(
        (status = 201, description = "What was added.", body = TicketArtifact, headers(
            ("Location" = String, description = "The path of the list that it is in."),
        )),
        EditRefusals,
    )
)]
#[post("/{id}/artifacts")]
async fn add(
    api: Data<Api>,
    id: Id,
    command: Command<NewTicketArtifact>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body } = command;
    let NewTicketArtifact { kind, path, content, phase_id, grade } = body;
    let artifact = Artifact { kind, path, content };
    let new = gates::NewArtifact { artifact, phase_id, grade };
    let stored = gates::add_artifact(&api.engine, &call, id.0, new)
        .await
        .map_err(|error| Refusal::from(error).at("/phase_id"))?;
    let path = format!("/api/v1/tickets/{}/artifacts", stored.ticket_id);
    Ok(answer::added(path, view::artifact(stored)))
}

/// List the evidence of a ticket
///
/// What was added to it, in order of creation. What its tasks have left behind is with the tasks.
#[utoipa::path(
    tag = "tickets",
    operation_id = "list_artifacts",
    params(("id" = Uuid, Path, description = "The ticket."), Paged),
    responses(
        (status = 200, description = "A page of artifacts.", body = List<TicketArtifact>),
        ReadRefusals,
    )
)]
#[get("/{id}/artifacts")]
async fn artifacts(api: Data<Api>, id: Id, query: Query<Part>) -> Result<HttpResponse, Refusal> {
    let Part { limit, cursor } = query.0;
    let ticket = find(&api, id).await?;
    let cut = Cut::new(Scope::of("artifacts", &ticket.id), cursor.as_deref(), limit)?;
    let slice = stored::artifacts(api.engine.db().reader(), ticket.id, cut.page()).await?;
    Ok(answer::plain(cut.list(slice, |artifact| artifact.id, view::artifact)))
}

/// Approve a ticket as it stands
///
/// A later change of the ticket voids it. Whoever worked on the phase may approve, but that does
/// not count. The body may be left out where `Phaseline-Actor` says who approves.
#[utoipa::path(
    tag = "tickets",
    operation_id = "approve_ticket",
    params(("id" = Uuid, Path, description = "The ticket."), Conditional, Once, Actor),
    request_body = Option<NewApproval>,
    responses(
        (status = 201, description = "The approval.", body = Approval, headers(
            ("Location" = String, description = "The path of the list that it is in."),
        )),
        EditRefusals,
    )
)]
#[post("/{id}/approvals")]
async fn approve(
    api: Data<Api>,
    id: Id,
    command: Command<NewApproval>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body: NewApproval { comment, approved_by } } = command;
    let stored = gates::approve(&api.engine, &call, id.0, approved_by, comment).await?;
    let path = format!("/api/v1/tickets/{}/approvals", stored.ticket_id);
    // The approval may be what the ticket waited for to advance.
    let ticket = find(&api, id).await?;
    Ok(answer::added(path, view::approval(stored, ticket.version)))
}

/// List the approvals of a ticket
///
/// In order of creation, each with whether it still stands.
#[utoipa::path(
    tag = "tickets",
    operation_id = "list_approvals",
    params(("id" = Uuid, Path, description = "The ticket."), Paged),
    responses(
        (status = 200, description = "A page of approvals.", body = List<Approval>),
        ReadRefusals,
    )
)]
#[get("/{id}/approvals")]
async fn approvals(api: Data<Api>, id: Id, query: Query<Part>) -> Result<HttpResponse, Refusal> {
    let Part { limit, cursor } = query.0;
    let ticket = find(&api, id).await?;
    let cut = Cut::new(Scope::of("approvals", &ticket.id), cursor.as_deref(), limit)?;
    let slice = stored::approvals(api.engine.db().reader(), ticket.id, cut.page()).await?;
    let view = |approval| view::approval(approval, ticket.version);
    Ok(answer::plain(cut.list(slice, |approval| approval.id, view)))
}
