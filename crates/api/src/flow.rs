//! What does not move and why, and how work flows in figures.

use actix_web::{HttpResponse, get, web::Data};
use phaseline_engine::{statistics as figures, why};
use phaseline_wire::{FlowStatistics, List, Why};

use crate::{
    Api, answer,
    cursor::Scope,
    document::{ListRefusals, Paged, ReadRefusals},
    extract::{Cut, Id, Part, Query},
    problem::Refusal,
    routes::ServiceConfig,
    view,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(fleet).service(statistics);
}

pub(crate) fn configure_tickets(config: &mut ServiceConfig<'_, '_>) {
    config.service(ticket);
}

pub(crate) fn configure_tasks(config: &mut ServiceConfig<'_, '_>) {
    config.service(task);
}

/// Why a ticket does not move
///
/// Each cause with what would help and who could do it: what keeps the ticket itself, then what
/// keeps its tasks.
#[utoipa::path(
    tag = "flow",
    operation_id = "get_ticket_why",
    params(("id" = Uuid, Path, description = "The ticket.")),
    responses((status = 200, description = "The causes.", body = Why), ReadRefusals)
)]
#[get("/{id}/why")]
async fn ticket(api: Data<Api>, id: Id) -> Result<HttpResponse, Refusal> {
    Ok(answer::plain(view::why(why::ticket(&api.engine, id.0).await?)))
}

/// Why a task does not move
///
/// Each cause with what would help and who could do it, the most telling first; or who works on it.
#[utoipa::path(
    tag = "flow",
    operation_id = "get_task_why",
    params(("id" = Uuid, Path, description = "The task.")),
    responses((status = 200, description = "The causes.", body = Why), ReadRefusals)
)]
#[get("/{id}/why")]
async fn task(api: Data<Api>, id: Id) -> Result<HttpResponse, Refusal> {
    Ok(answer::plain(view::why(why::task(&api.engine, id.0).await?)))
}

/// What does not move, and why
///
/// Every ticket that is not done and does not move, or of which a part is stuck, with the causes of
/// its tasks; in order of creation.
#[utoipa::path(
    tag = "flow",
    operation_id = "list_why",
    params(Paged),
    responses((status = 200, description = "A page of it.", body = List<Why>), ListRefusals)
)]
#[get("/why")]
async fn fleet(api: Data<Api>, query: Query<Part>) -> Result<HttpResponse, Refusal> {
    let Part { limit, cursor } = query.0;
    let cut = Cut::new(Scope::of("why", &()), cursor.as_deref(), limit)?;
    let slice = why::fleet(&api.engine, cut.page()).await?;
    Ok(answer::plain(cut.list(slice, |why| why.ticket_id, view::why)))
}

/// How work flows, in figures
///
/// From history alone: time in phase, regressions, first-pass yield, what waits, how attempts ended.
#[utoipa::path(
    tag = "flow",
    operation_id = "get_flow_statistics",
    responses(
        (status = 200, description = "The figures.", body = FlowStatistics),
        ListRefusals,
    )
)]
#[get("/statistics")]
async fn statistics(api: Data<Api>) -> Result<HttpResponse, Refusal> {
    Ok(answer::plain(view::flow(figures::flow(&api.engine).await?)))
}
