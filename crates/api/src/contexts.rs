//! What the phases of a ticket found out: the document, and the pack for whoever works next.

use actix_web::{
    HttpResponse, get, post,
    web::{self, Data},
};
use phaseline_context::{pack, render};
use phaseline_engine::{Noun, claims, contexts, tickets};
use phaseline_persistence::tickets::{self as stored, StoredContext};
use phaseline_phases::{PhaseId, Workflow};
use phaseline_wire::{Context, Pack, SequencePhase, UpdateContext, limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{
    Api, answer,
    document::{Actor, Conditional, EditRefusals, Once, ReadRefusals},
    extract::{Command, Id, Query, Whole, known_phase},
    problem::Refusal,
    tickets::find,
    view,
};

/// Which part of a context, in which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The phase that is to be worked next: the answer is a pack of the phases before it.
    #[param(value_type = Option<SequencePhase>, inline)]
    for_phase: Option<PhaseId>,
    /// The most tokens (o200k_base) of the pack; only with `for_phase`.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000_000)]
    max_tokens: Option<Whole<1, { limits::BUDGET_TOKENS as u64 }>>,
    /// JSON, or the items as Markdown.
    #[serde(default)]
    #[param(inline)]
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Markdown,
}

/// Either form of a context.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum ContextOrPack {
    Context(Context),
    Pack(Pack),
}

pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get).service(update);
}

/// What the phases of a ticket found out
///
/// Without `for_phase` the whole document; with it a pack of the phases before that one, and of
/// those that the ticket went back from, within `max_tokens`: what people answered first, then
/// decisions and risks, then summaries, tasks and notes, newer phases before older ones, and no item
/// cut. Decisions that were superseded are left out and named. The whole document has the version of the ticket; a pack has the
/// hash of its content instead.
#[utoipa::path(
    tag = "tickets",
    operation_id = "get_ticket_context",
    params(("id" = Uuid, Path, description = "The ticket."), Wanted),
    responses(
        (status = 200, description = "The document, or a pack of it.", content(
            (ContextOrPack = "application/json"),
            (String = "text/markdown"),
        ), headers(
            ("ETag" = String, description = "The version of the ticket; not with a pack."),
        )),
        ReadRefusals,
    )
)]
#[get("/{id}/context")]
async fn get(api: Data<Api>, id: Id, query: Query<Wanted>) -> Result<HttpResponse, Refusal> {
    let Wanted { for_phase, max_tokens, format } = query.0;
    if for_phase.is_none() && max_tokens.is_some() {
        return Err(Refusal::malformed(
            "`max_tokens`: only a pack has a budget; name `for_phase`, too",
        ));
    }
    // Before its context: should both change in between, the version is the old one, and a change
    // that depends on it is refused.
    let ticket = find(&api, id).await?;
    let workflow = tickets::workflow(&ticket.workflow_id)?;
    let context = stored::context(api.engine.db().reader(), ticket.id)
        .await?
        .ok_or_else(|| view::missing(Noun::Ticket, ticket.id))?;
    let markdown = format == Some(Format::Markdown);
    let Some(target) = for_phase else {
        return Ok(if markdown {
            let render = move || render(&context.document, workflow.sequence());
            answer::versioned_markdown(ticket.version, aside(render).await?)
        } else {
            let body = ContextOrPack::Context(whole(ticket.id, ticket.version, context));
            answer::versioned(ticket.version, body)
        });
    };
    let before = before(workflow, &target)?;
    let budget_tokens = max_tokens.map(Whole::saturating_u32);
    let pinned = claims::pinned(&ticket);
    let make = move || pack(&context.document, before, &target, &pinned, budget_tokens);
    let pack = aside(make).await?;
    Ok(if markdown {
        answer::markdown(pack.summary)
    } else {
        answer::plain(ContextOrPack::Pack(Pack::of(ticket.id, pack)))
    })
}

/// Aggregate a phase of a ticket
///
/// Takes the completed tasks of the phase into the document. Leaving a phase does the same. Where
/// nothing has changed, nothing changes.
#[utoipa::path(
    tag = "tickets",
    operation_id = "update_ticket_context",
    params(("id" = Uuid, Path, description = "The ticket."), Conditional, Once, Actor),
    request_body = UpdateContext,
    responses(
        (status = 200, description = "The document.", body = Context, headers(
            ("ETag" = String, description = "The version of the ticket."),
        )),
        EditRefusals,
    )
)]
#[post("/{id}/update-context")]
async fn update(
    api: Data<Api>,
    id: Id,
    command: Command<UpdateContext>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body: UpdateContext { phase_id } } = command;
    let contexts::ContextState { ticket_id, document, summary, version } =
        contexts::update(&api.engine, &call, id.0, phase_id)
            .await
            .map_err(|error| Refusal::from(error).at("/phase_id"))?;
    Ok(answer::versioned(version, whole(ticket_id, version, StoredContext { document, summary })))
}

/// Does what may take seconds on a thread where nobody else waits.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    web::block(work).await.map_err(|error| Refusal::internal(&error))
}

fn whole(ticket_id: Uuid, version: i64, context: StoredContext) -> Context {
    let StoredContext { document, summary } = context;
    let last_updated_phase = document.last_updated_phase.clone();
    Context { ticket_id, full_context: document.into(), summary, last_updated_phase, version }
}

fn before<'w>(workflow: &'w Workflow, target: &PhaseId) -> Result<&'w [PhaseId], Refusal> {
    known_phase("for_phase", target)?;
    workflow.before(target).map_err(|_| {
        let fact = format!("`for_phase`: no phase comes before {target}, where tickets only wait");
        Refusal::malformed(fact)
    })
}
