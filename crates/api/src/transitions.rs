//! Moves of a ticket, where it can go, and where it has been.

use actix_web::{HttpResponse, get, post, web::Data};
use phaseline_engine::{Error, tickets};
use phaseline_persistence::{Slice, history};
use phaseline_wire::{
    HistoryEntry, List, NewAnswer, NewBlocker, NewTransition, Transition, ValidTransitions,
};

use crate::{
    Api, answer,
    cursor::Scope,
    document::{Actor, AnswerRefusals, Conditional, MoveRefusals, Once, Paged, ReadRefusals},
    extract::{Command, Cut, Id, Part, Query, numbered},
    problem::Refusal,
    routes::ServiceConfig,
    tickets::find,
    view,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(transition).service(answered).service(valid).service(past);
}

/// Move a ticket to another phase
///
/// What the phase left has found out is aggregated with it. A refusal says where it could go, or
/// what the gate of the phase asks for and who can meet it; `force` with a reason passes. A
/// regression beyond the rework budget blocks the ticket instead: look at where it is afterwards.
#[utoipa::path(
    tag = "tickets",
    operation_id = "transition_ticket",
    params(("id" = Uuid, Path, description = "The ticket."), Conditional, Once, Actor),
    request_body = NewTransition,
    responses(
        (status = 200, description = "The move that was made.", body = Transition, headers(
            ("ETag" = String, description = "The version of the ticket."),
        )),
        MoveRefusals,
    )
)]
#[post("/{id}/transition")]
async fn transition(
    api: Data<Api>,
    id: Id,
    command: Command<NewTransition>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body } = command;
    let NewTransition { to_phase, reason, artifacts, force, blocker } = body;
    let artifacts = artifacts.into_iter().map(Into::into).collect();
    let blocker = blocker.map(|NewBlocker { kind, question }| (kind, question));
    let step = tickets::Move { to: to_phase, reason, artifacts, force, blocker };
    let moved = tickets::transition(&api.engine, &call, id.0, step)
        .await
        .map_err(|error| Refusal::from(error).at("/to_phase"))?;
    Ok(answer::versioned(moved.version, view::moved(moved)))
}

/// Answer what a blocked ticket asks
///
/// It goes on where it was blocked, or in an earlier phase. The answer comes first in the packs of
/// whoever works on it next.
#[utoipa::path(
    tag = "tickets",
    operation_id = "answer_ticket",
    params(("id" = Uuid, Path, description = "The ticket."), Conditional, Once, Actor),
    request_body = NewAnswer,
    responses(
        (status = 200, description = "The move that was made.", body = Transition, headers(
            ("ETag" = String, description = "The version of the ticket."),
        )),
        AnswerRefusals,
    )
)]
#[post("/{id}/answer")]
async fn answered(
    api: Data<Api>,
    id: Id,
    command: Command<NewAnswer>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body: NewAnswer { answer, to_phase } } = command;
    let moved = tickets::answer(&api.engine, &call, id.0, answer, to_phase)
        .await
        .map_err(|error| Refusal::from(error).at("/to_phase"))?;
    Ok(answer::versioned(moved.version, view::moved(moved)))
}

/// Where a ticket can go
///
/// A blocked ticket goes back to where it was blocked, or to an earlier phase.
#[utoipa::path(
    tag = "tickets",
    operation_id = "get_valid_transitions",
    params(("id" = Uuid, Path, description = "The ticket.")),
    responses(
        (status = 200, description = "Where it can go.", body = ValidTransitions, headers(
            ("ETag" = String, description = "The version of the ticket."),
        )),
        ReadRefusals,
    )
)]
#[get("/{id}/valid-transitions")]
async fn valid(api: Data<Api>, id: Id) -> Result<HttpResponse, Refusal> {
    let ticket = find(&api, id).await?;
    let workflow = tickets::workflow(&ticket.workflow_id)?;
    let body = ValidTransitions {
        ticket_id: ticket.id,
        valid_transitions: ticket.position.allowed(workflow).map_err(Error::from)?,
        current_phase: ticket.position.phase,
    };
    Ok(answer::versioned(ticket.version, body))
}

/// Where a ticket has been
///
/// One row a transition, the oldest first, numbered from 1 without gaps.
#[utoipa::path(
    tag = "tickets",
    operation_id = "list_phase_history",
    params(("id" = Uuid, Path, description = "The ticket."), Paged),
    responses(
        (status = 200, description = "A page of its history.", body = List<HistoryEntry>),
        ReadRefusals,
    )
)]
#[get("/{id}/phase-history")]
async fn past(api: Data<Api>, id: Id, query: Query<Part>) -> Result<HttpResponse, Refusal> {
    let Part { limit, cursor } = query.0;
    let ticket = find(&api, id).await?;
    let cut = Cut::new(Scope::of("phase-history", &ticket.id), cursor.as_deref(), limit)?;
    let after = u32::try_from(cut.after_number()).unwrap_or(u32::MAX);
    let slice: Slice<_> =
        history::list(api.engine.db().reader(), ticket.id, after, limit.get()).await?;
    Ok(answer::plain(cut.list(slice, |row| numbered(row.sequence), HistoryEntry::from)))
}
