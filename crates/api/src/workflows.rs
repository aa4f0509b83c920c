//! The table of legal moves, as data.

use actix_web::{HttpResponse, get, web, web::Data};
use phaseline_engine::{Error, tickets};
use phaseline_phases::{self as phases, WorkflowId};
use phaseline_wire::Workflow;

use crate::{
    Api, answer,
    document::{ListRefusals, ReadRefusals},
    problem::Refusal,
    routes::ServiceConfig,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(standard).service(get);
}

/// The phases of the standard workflow
///
/// In order, each with where it leads.
#[utoipa::path(
    tag = "workflows",
    operation_id = "get_phases",
    responses((status = 200, description = "The workflow.", body = Workflow), ListRefusals)
)]
#[get("/phases")]
async fn standard(_: Data<Api>) -> Result<HttpResponse, Refusal> {
    shown(phases::Workflow::standard())
}

/// Read a workflow
#[utoipa::path(
    tag = "workflows",
    operation_id = "get_workflow",
    params(("id" = String, Path, description = "The workflow.", pattern = "^[a-z][a-z0-9_-]{0,63}$")),
    responses((status = 200, description = "The workflow.", body = Workflow), ReadRefusals)
)]
#[get("/workflows/{id}")]
async fn get(id: web::Path<String>) -> Result<HttpResponse, Refusal> {
    let id = WorkflowId::parse(&id).map_err(Refusal::malformed)?;
    shown(tickets::workflow(&id)?)
}

fn shown(workflow: &phases::Workflow) -> Result<HttpResponse, Refusal> {
    Ok(answer::plain(Workflow::try_from(workflow).map_err(Error::from)?))
}
