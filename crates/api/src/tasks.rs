//! Tasks: make, list, read, and what was tried.

use actix_web::{HttpResponse, get, post, web::Data};
use phaseline_engine::{Noun, tasks, why};
use phaseline_persistence::{attempts as tried, tasks as stored};
use phaseline_phases::PhaseId;
use phaseline_tasks::TaskState;
use phaseline_wire::{Attempt, CreatedTask, List, NewTask, StandardPhase, Task, TaskStateName};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    Api, answer,
    cursor::Scope,
    document::{Actor, Conditional, CreateTaskRefusals, ListRefusals, Once, Paged, ReadRefusals},
    extract::{Command, Cut, Id, Limit, Part, Query, known_phase, numbered},
    problem::Refusal,
    routes::ServiceConfig,
    tickets, view,
};

/// Which tasks of a ticket a list holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only those of this phase.
    #[param(value_type = Option<StandardPhase>, inline)]
    phase_id: Option<PhaseId>,
    /// Only those in this state.
    #[param(value_type = Option<TaskStateName>, inline)]
    status: Option<TaskState>,
    #[serde(default)]
    #[param(ignore)]
    limit: Limit,
    #[param(ignore)]
    cursor: Option<String>,
}

/// Which tasks of all tickets a list holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Search {
    /// Only those in this state.
    #[param(value_type = Option<TaskStateName>, inline)]
    status: Option<TaskState>,
    /// Only those of this phase.
    #[param(value_type = Option<StandardPhase>, inline)]
    phase_id: Option<PhaseId>,
    /// Only those that this agent has.
    #[param(value_type = Option<Uuid>)]
    agent_id: Option<Id>,
    /// Only those of this ticket.
    #[param(value_type = Option<Uuid>)]
    ticket_id: Option<Id>,
    #[serde(default)]
    #[param(ignore)]
    limit: Limit,
    #[param(ignore)]
    cursor: Option<String>,
}

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(search).service(get).service(attempts);
}

pub(crate) fn configure_tickets(config: &mut ServiceConfig<'_, '_>) {
    config.service(create).service(list);
}

/// Make a task of a ticket
///
/// Without a phase it belongs to the one that the ticket is in. The warnings say why nobody could
/// ever do it as things are.
#[utoipa::path(
    tag = "tasks",
    operation_id = "create_task",
    params(("id" = Uuid, Path, description = "The ticket."), Conditional, Once, Actor),
    request_body = NewTask,
    responses(
        (status = 201, description = "The task.", body = CreatedTask, headers(
            ("Location" = String, description = "Its path."),
            ("ETag" = String, description = "Its version."),
        )),
        CreateTaskRefusals,
    )
)]
#[post("/{id}/tasks")]
async fn create(
    api: Data<Api>,
    id: Id,
    command: Command<NewTask>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body } = command;
    let task = tasks::create(&api.engine, &call, id.0, new(body))
        .await
        .map_err(|error| Refusal::from(error).at("/phase_id"))?;
    let warnings = why::warnings(&api.engine, &task).await?;
    let warnings = warnings.into_iter().map(view::cause).collect();
    let (path, version) = (format!("/api/v1/tasks/{}", task.id), task.version);
    Ok(answer::created(path, version, CreatedTask { task: view::task(task), warnings }))
}

/// List the tasks of a ticket
///
/// In order of creation.
#[utoipa::path(
    tag = "tasks",
    operation_id = "list_tasks",
    params(("id" = Uuid, Path, description = "The ticket."), Filter, Paged),
    responses((status = 200, description = "A page of tasks.", body = List<Task>), ReadRefusals)
)]
#[get("/{id}/tasks")]
async fn list(api: Data<Api>, id: Id, query: Query<Filter>) -> Result<HttpResponse, Refusal> {
    let Filter { phase_id, status, limit, cursor } = query.0;
    if let Some(phase) = &phase_id {
        known_phase("phase_id", phase)?;
    }
    let ticket_id = Some(tickets::find(&api, id).await?.id);
    let filter = stored::Filter { ticket_id, agent_id: None, phase_id, status };
    page(&api, "tasks", &filter, cursor.as_deref(), limit).await
}

/// List the tasks of all tickets
///
/// In order of creation.
#[utoipa::path(
    tag = "tasks",
    operation_id = "search_tasks",
    params(Search, Paged),
    responses((status = 200, description = "A page of tasks.", body = List<Task>), ListRefusals)
)]
#[get("")]
async fn search(api: Data<Api>, query: Query<Search>) -> Result<HttpResponse, Refusal> {
    let Search { status, phase_id, agent_id, ticket_id, limit, cursor } = query.0;
    if let Some(phase) = &phase_id {
        known_phase("phase_id", phase)?;
    }
    let (ticket_id, agent_id) = (ticket_id.map(|id| id.0), agent_id.map(|id| id.0));
    let filter = stored::Filter { ticket_id, agent_id, phase_id, status };
    page(&api, "all tasks", &filter, cursor.as_deref(), limit).await
}

async fn page(
    api: &Api,
    scope: &str,
    filter: &stored::Filter,
    cursor: Option<&str>,
    limit: Limit,
) -> Result<HttpResponse, Refusal> {
    let cut = Cut::new(Scope::of(scope, filter), cursor, limit)?;
    let slice = stored::list(api.engine.db().reader(), filter, cut.page()).await?;
    Ok(answer::plain(cut.list(slice, |task| task.id, view::task)))
}

/// Read a task
#[utoipa::path(
    tag = "tasks",
    operation_id = "get_task",
    params(("id" = Uuid, Path, description = "The task.")),
    responses(
        (status = 200, description = "The task.", body = Task, headers(
            ("ETag" = String, description = "Its version."),
        )),
        ReadRefusals,
    )
)]
#[get("/{id}")]
async fn get(api: Data<Api>, id: Id) -> Result<HttpResponse, Refusal> {
    let task = find(&api, id).await?;
    Ok(answer::versioned(task.version, view::task(task)))
}

/// List the attempts at a task
///
/// One for each claim, the oldest first, with the pack that its agent was given.
#[utoipa::path(
    tag = "tasks",
    operation_id = "list_attempts",
    params(("id" = Uuid, Path, description = "The task."), Paged),
    responses(
        (status = 200, description = "A page of attempts.", body = List<Attempt>),
        ReadRefusals,
    )
)]
#[get("/{id}/attempts")]
async fn attempts(api: Data<Api>, id: Id, query: Query<Part>) -> Result<HttpResponse, Refusal> {
    let Part { limit, cursor } = query.0;
    let task = find(&api, id).await?;
    let cut = Cut::new(Scope::of("attempts", &task.id), cursor.as_deref(), limit)?;
    let after = i64::try_from(cut.after_number()).unwrap_or(i64::MAX);
    let slice = tried::list(api.engine.db().reader(), task.id, after, limit.get()).await?;
    let number = |attempt: &tried::Attempt| numbered(attempt.fencing_token.unsigned_abs());
    let ticket = task.ticket_id;
    Ok(answer::plain(cut.list(slice, number, |attempt| view::attempt(ticket, attempt))))
}

/// The task of a path.
async fn find(api: &Api, id: Id) -> Result<stored::Task, Refusal> {
    stored::find(api.engine.db().reader(), id.0)
        .await?
        .ok_or_else(|| view::missing(Noun::Task, id.0))
}

fn new(body: NewTask) -> tasks::Create {
    let NewTask {
        phase_id,
        task_type,
        title,
        description,
        priority,
        key,
        estimate,
        depends_on,
        required_capabilities,
        agent_type,
        max_attempts,
    } = body;
    tasks::Create {
        phase_id,
        task_type,
        title,
        description,
        priority,
        key,
        estimate,
        depends_on,
        agent_type,
        required_capabilities,
        max_attempts,
    }
}
