//! Whether the server is well, what it counts, and what it speaks.

use actix_web::{
    HttpResponse, get,
    web::{self, Bytes, Data},
};
use phaseline_persistence::events;
use serde::Serialize;
use utoipa::{ToSchema, openapi::OpenApi};

use crate::{
    Api, answer,
    document::{PageRefusals, ServiceRefusals},
    measure::PROMETHEUS,
    pages,
    problem::{ProblemKind, Refusal},
    routes::ServiceConfig,
};

/// That the server is well.
#[derive(Debug, Serialize, ToSchema)]
struct Wellness {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// The document of the API as it is sent.
#[derive(Debug)]
pub(crate) struct Written(Bytes);

impl Written {
    pub(crate) fn of(written: &OpenApi) -> serde_json::Result<Self> {
        Ok(Self(serde_json::to_vec(written)?.into()))
    }
}

const WELL: Wellness = Wellness { status: "ok" };

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(live).service(ready).service(metrics).service(page).service(document);
}

/// Whether the process is alive
#[utoipa::path(
    tag = "service",
    operation_id = "get_liveness",
    responses((status = 200, description = "It is.", body = Wellness), ServiceRefusals)
)]
#[get("/healthz")]
async fn live() -> HttpResponse {
    answer::plain(WELL)
}

/// Whether the server can work
///
/// Its database answers.
#[utoipa::path(
    tag = "service",
    operation_id = "get_readiness",
    responses((status = 200, description = "It can.", body = Wellness), ServiceRefusals)
)]
#[get("/readyz")]
async fn ready(api: Data<Api>) -> Result<HttpResponse, Refusal> {
    events::trimmed_through(api.engine.db().reader()).await.map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
        Refusal::new(ProblemKind::Unavailable, "the database does not answer")
    })?;
    Ok(answer::plain(WELL))
}

/// What the server counts
///
/// In the text format of Prometheus.
#[utoipa::path(
    tag = "service",
    operation_id = "get_metrics",
    responses(
        (status = 200, description = "The counts.", body = String, content_type = "text/plain"),
        ServiceRefusals,
    )
)]
#[get("/metrics")]
async fn metrics(api: Data<Api>) -> HttpResponse {
    let fleet = api.engine.fleet().statistics(api.engine.sources().now());
    HttpResponse::Ok().content_type(PROMETHEUS).body(api.measures.text(&fleet))
}

/// Read about a kind of problem
///
/// The `type` of a problem leads here.
#[utoipa::path(
    tag = "service",
    operation_id = "get_problem_page",
    params(("name" = String, Path, description = "The kind.", example = "illegal-transition")),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/markdown"),
        PageRefusals,
    )
)]
#[get("/problems/{name}")]
async fn page(name: web::Path<String>) -> Result<HttpResponse, Refusal> {
    let kind: ProblemKind = name.parse().map_err(|_| {
        Refusal::new(ProblemKind::NotFound, format!("there is no kind of problem {name}"))
    })?;
    Ok(answer::markdown(pages::of(kind).to_owned()))
}

/// This document
#[utoipa::path(
    tag = "service",
    operation_id = "get_openapi",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object), ServiceRefusals)
)]
#[get("/openapi.json")]
async fn document(document: Data<Written>) -> HttpResponse {
    answer::json(document.0.clone())
}
