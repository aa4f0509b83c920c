//! What the phases of a ticket found out: the document, and the pack for whoever works next.

pub(crate) mod packs;
mod text;

use actix_web::{
    HttpResponse, get, post,
    web::{self, Bytes, Data},
};
use phaseline_context::render;
use phaseline_engine::{
    Noun, claims,
    contexts::{self, ContextState},
    tickets,
};
use phaseline_persistence::tickets::{self as stored, ContextText, StoredContext, Ticket};
use phaseline_phases::{PhaseId, Workflow};
use phaseline_wire::{Context, Pack, SequencePhase, UpdateContext, limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api, answer,
    contexts::packs::Key,
    document::{Actor, Conditional, EditRefusals, Once, ReadRefusals},
    extract::{Command, Id, Query, Whole, known_phase},
    problem::Refusal,
    routes::ServiceConfig,
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
#[expect(dead_code, reason = "the schema of what is sent as it is stored, or as it was kept")]
enum ContextOrPack {
    Context(Context),
    Pack(Pack),
}

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(get).service(update);
}

/// What the phases of a ticket found out
///
/// Without `for_phase` the whole document; with it a pack of the phases before that one, and of
/// those that the ticket went back from, within `max_tokens`: what people answered first, then
/// decisions and risks, then summaries, tasks and notes, newer phases before older ones, and no item
/// cut. Decisions that were superseded are left out and named. The whole document has the version of
/// the ticket; a pack has the hash of its content instead.
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
    let markdown = format == Some(Format::Markdown);
    let Some(target) = for_phase else {
        return if markdown { rendered(&api, id).await } else { whole(&api, id).await };
    };
    let ticket = find(&api, id).await?;
    let workflow = tickets::workflow(&ticket.workflow_id)?;
    let before = before(workflow, &target)?;
    let budget_tokens = max_tokens.map(Whole::saturating_u32);
    let key = Key { ticket: ticket.id, version: ticket.version, target, budget_tokens, markdown };
    let body = match api.packs.find(&key) {
        Some(body) => body,
        None => packed(&api, &ticket, before, key).await?,
    };
    Ok(if markdown { answer::markdown(body) } else { answer::json(body) })
}

/// The whole document, as it is stored.
async fn whole(api: &Api, id: Id) -> Result<HttpResponse, Refusal> {
    let context = stored::context_text(api.engine.db().reader(), id.0, None)
        .await?
        .ok_or_else(|| view::missing(Noun::Ticket, id.0))?;
    let ContextText { document, phases, summary, summaries: _, version } = context;
    let state = ContextState { ticket_id: id.0, document, phases, summary, version };
    Ok(answer::versioned_json(version, text::of(state)?))
}

/// The whole document in Markdown.
async fn rendered(api: &Api, id: Id) -> Result<HttpResponse, Refusal> {
    let ticket = find(api, id).await?;
    let workflow = tickets::workflow(&ticket.workflow_id)?;
    let StoredContext { document, version, .. } = context_of(api, &ticket).await?;
    let render = move || render(&document, workflow.sequence());
    Ok(answer::versioned_markdown(version, aside(render).await?))
}

async fn context_of(api: &Api, ticket: &Ticket) -> Result<StoredContext, Refusal> {
    stored::context(api.engine.db().reader(), ticket.id)
        .await?
        .ok_or_else(|| view::missing(Noun::Ticket, ticket.id))
}

/// Makes a pack, and keeps it unless the ticket has just changed: what was answered to it would be
/// of one version, and what it found out of another.
async fn packed(
    api: &Api,
    ticket: &Ticket,
    before: &'static [PhaseId],
    key: Key,
) -> Result<Bytes, Refusal> {
    let stored = context_of(api, ticket).await?;
    let version = stored.version;
    let pinned = claims::pinned(ticket);
    let Key { ticket, target, budget_tokens, markdown, .. } = key.clone();
    let make = move || {
        let pack = stored.pack(before, &target, &pinned, budget_tokens);
        if markdown {
            return Ok(pack.summary);
        }
        text::of_pack(ticket, pack)
    };
    let body = Bytes::from(aside(make).await??);
    if version == key.version {
        api.packs.keep(key, body.clone());
    }
    Ok(body)
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
    let state = contexts::update(&api.engine, &call, id.0, phase_id)
        .await
        .map_err(|error| Refusal::from(error).at("/phase_id"))?;
    Ok(answer::versioned_json(state.version, text::of(state)?))
}

/// Does what may take seconds on a thread where nobody else waits.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    web::block(work).await.map_err(|error| Refusal::internal(&error))
}

fn before(workflow: &'static Workflow, target: &PhaseId) -> Result<&'static [PhaseId], Refusal> {
    known_phase("for_phase", target)?;
    workflow.before(target).map_err(|_| {
        let fact = format!("`for_phase`: no phase comes before {target}, where tickets only wait");
        Refusal::malformed(fact)
    })
}
