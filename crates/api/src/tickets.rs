//! Tickets: make, list, read, change, delete.

use actix_web::{HttpResponse, delete, get, patch, post, web::Data};
use phaseline_engine::{Noun, tickets};
use phaseline_persistence::tickets::{self as stored, Flow};
use phaseline_phases::{PhaseId, Status, Workflow};
use phaseline_tasks::Priority;
use phaseline_wire::{
    List, NewTicket, PriorityName, StandardPhase, Ticket, TicketPatch, TicketStatusName,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Api, answer,
    cursor::Scope,
    document::{
        Actor, Conditional, CreateRefusals, DeleteRefusals, EditRefusals, ListRefusals, Once,
        Paged, ReadRefusals,
    },
    extract::{Command, Cut, Id, Limit, Nothing, Query, known_phase},
    problem::Refusal,
    routes::ServiceConfig,
    view,
};

/// Which tickets a list holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only those in this phase.
    #[param(value_type = Option<StandardPhase>, inline)]
    phase_id: Option<PhaseId>,
    /// Only those of this status.
    #[param(value_type = Option<TicketStatusName>, inline)]
    status: Option<Status>,
    /// Only those of this priority.
    #[param(value_type = Option<PriorityName>, inline)]
    priority: Option<Priority>,
    /// Only the one with this key.
    #[param(pattern = r"^[^\u0000]*$")]
    key: Option<String>,
    #[serde(default)]
    #[param(ignore)]
    limit: Limit,
    #[param(ignore)]
    cursor: Option<String>,
}

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(create).service(list).service(get).service(edit).service(delete);
}

/// Make a ticket
///
/// It starts in the first phase of its workflow unless it says otherwise.
#[utoipa::path(
    tag = "tickets",
    operation_id = "create_ticket",
    params(Once, Actor),
    request_body = NewTicket,
    responses(
        (status = 201, description = "The ticket.", body = Ticket, headers(
            ("Location" = String, description = "Its path."),
            ("ETag" = String, description = "Its version."),
        )),
        CreateRefusals,
    )
)]
#[post("")]
async fn create(api: Data<Api>, command: Command<NewTicket>) -> Result<HttpResponse, Refusal> {
    let Command { call, body } = command;
    let ticket = tickets::create(&api.engine, &call, new(body)?).await.map_err(at_phase)?;
    let (id, version) = (ticket.id, ticket.version);
    Ok(answer::created(format!("/api/v1/tickets/{id}"), version, view::ticket(ticket)?))
}

/// List tickets
///
/// In order of creation.
#[utoipa::path(
    tag = "tickets",
    operation_id = "list_tickets",
    params(Filter, Paged),
    responses((status = 200, description = "A page of tickets.", body = List<Ticket>), ListRefusals)
)]
#[get("")]
async fn list(api: Data<Api>, query: Query<Filter>) -> Result<HttpResponse, Refusal> {
    let Filter { phase_id, status, priority, key, limit, cursor } = query.0;
    let phases = phases(phase_id.as_ref(), status)?;
    let filter = stored::Filter { phases, priority, key };
    let cut = Cut::new(Scope::of("tickets", &filter), cursor.as_deref(), limit)?;
    let slice = stored::list(api.engine.db().reader(), &filter, cut.page()).await?;
    let List { items, next_cursor } = cut.list(slice, |ticket| ticket.id, view::ticket);
    let items = items.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(answer::plain(List { items, next_cursor }))
}

/// Read a ticket
#[utoipa::path(
    tag = "tickets",
    operation_id = "get_ticket",
    params(("id" = Uuid, Path, description = "The ticket.")),
    responses(
        (status = 200, description = "The ticket.", body = Ticket, headers(
            ("ETag" = String, description = "Its version."),
        )),
        ReadRefusals,
    )
)]
#[get("/{id}")]
async fn get(api: Data<Api>, id: Id) -> Result<HttpResponse, Refusal> {
    let ticket = find(&api, id).await?;
    Ok(answer::versioned(ticket.version, view::ticket(ticket)?))
}

/// Change a ticket
///
/// What is left out stays as it is. Its phase changes by a transition only.
#[utoipa::path(
    tag = "tickets",
    operation_id = "edit_ticket",
    params(("id" = Uuid, Path, description = "The ticket."), Conditional, Actor),
    request_body = TicketPatch,
    responses(
        (status = 200, description = "The ticket as it is now.", body = Ticket, headers(
            ("ETag" = String, description = "Its version."),
        )),
        EditRefusals,
    )
)]
#[patch("/{id}")]
async fn edit(
    api: Data<Api>,
    id: Id,
    command: Command<TicketPatch>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body } = command;
    let TicketPatch {
        title,
        description,
        priority,
        estimate,
        gates,
        templates,
        auto_advance,
        skip_empty_phases,
    } = body;
    let change = tickets::Change {
        title,
        description,
        priority,
        estimate,
        gates,
        templates,
        auto_advance,
        skip_empty_phases,
    };
    let ticket = tickets::edit(&api.engine, &call, id.0, change).await?;
    Ok(answer::versioned(ticket.version, view::ticket(ticket)?))
}

/// Delete a ticket
///
/// With its tasks and its history. A ticket that others wait for stays.
#[utoipa::path(
    tag = "tickets",
    operation_id = "delete_ticket",
    params(("id" = Uuid, Path, description = "The ticket."), Conditional, Actor),
    responses((status = 204, description = "It is gone."), DeleteRefusals)
)]
#[delete("/{id}")]
async fn delete(
    api: Data<Api>,
    id: Id,
    command: Command<Nothing>,
) -> Result<HttpResponse, Refusal> {
    tickets::delete(&api.engine, &command.call, id.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The ticket of a path.
pub(crate) async fn find(api: &Api, id: Id) -> Result<stored::Ticket, Refusal> {
    stored::find(api.engine.db().reader(), id.0)
        .await?
        .ok_or_else(|| view::missing(Noun::Ticket, id.0))
}

fn new(body: NewTicket) -> Result<tickets::Create, Refusal> {
    let NewTicket {
        title,
        description,
        workflow_id,
        phase_id,
        priority,
        key,
        estimate,
        blocked_by,
        gates,
        templates,
        auto_advance,
        skip_empty_phases,
    } = body;
    let workflow_id = workflow_id.unwrap_or_default();
    if tickets::workflow(&workflow_id).is_err() {
        let fact = format!("there is no workflow {workflow_id}");
        return Err(Refusal::new(crate::ProblemKind::Invalid, fact).at("/workflow_id"));
    }
    Ok(tickets::Create {
        title,
        description,
        workflow_id,
        phase_id,
        priority,
        key,
        estimate,
        blocked_by,
        flow: Flow { gates, templates, auto_advance, skip_empty_phases },
    })
}

fn at_phase(error: phaseline_engine::Error) -> Refusal {
    Refusal::from(error).at("/phase_id")
}

/// The phases that a filter leaves: the one it names, and those of the status it names.
fn phases(
    phase: Option<&PhaseId>,
    status: Option<Status>,
) -> Result<Option<Vec<PhaseId>>, Refusal> {
    if let Some(phase) = phase {
        known_phase("phase_id", phase)?;
    }
    if phase.is_none() && status.is_none() {
        return Ok(None);
    }
    let workflow = Workflow::standard();
    let left = workflow
        .phases()
        .filter(|known| phase.is_none_or(|phase| phase == *known))
        .filter(|known| status.is_none_or(|status| workflow.status_of(known) == Ok(status)));
    Ok(Some(left.cloned().collect()))
}

#[cfg(test)]
mod tests {
    use phaseline_phases::Phase;

    use super::*;

    #[test]
    fn a_status_stands_for_its_phases() {
        let blocked = phases(None, Some(Status::Blocked)).unwrap().unwrap();
        assert_eq!(blocked, [Phase::Blocked.id()]);
        let both = phases(Some(&Phase::Design.id()), Some(Status::Blocked)).unwrap().unwrap();
        assert!(both.is_empty());
        assert_eq!(phases(None, None).unwrap(), None);
    }
}
