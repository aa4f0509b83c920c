//! Work on a task: keep it, end it, give it back, begin anew.

use actix_web::{HttpResponse, post, web::Data};
use phaseline_engine::tasks;
use phaseline_persistence::tasks as stored;
use phaseline_tasks::FailureClass;
use phaseline_wire::{
    Empty, FieldError, LeaseExtension, Task, TaskCancellation, TaskCompletion, TaskFailure,
    TaskRelease,
};

use crate::{
    Api, answer,
    document::{Actor, Conditional, FinishRefusals, LeaseRefusals, Once, OperatorRefusals},
    extract::{Command, Id},
    problem::Refusal,
    routes::ServiceConfig,
    view,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config
        .service(extend)
        .service(complete)
        .service(fail)
        .service(release)
        .service(cancel)
        .service(retry);
}

/// Lengthen the lease of a task
///
/// It ends so long after now, as long as it was claimed for unless it is said. The first time says
/// that work has begun.
#[utoipa::path(
    tag = "tasks",
    operation_id = "extend_lease",
    params(("id" = Uuid, Path, description = "The task."), Conditional, Once, Actor),
    request_body = LeaseExtension,
    responses(
        (status = 200, description = "The task as it is now.", body = Task, headers(
            ("ETag" = String, description = "Its version."),
        )),
        LeaseRefusals,
    )
)]
#[post("/{id}/extend")]
async fn extend(
    api: Data<Api>,
    id: Id,
    command: Command<LeaseExtension>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body: LeaseExtension { fencing_token, lease_s } } = command;
    let task = tasks::extend(&api.engine, &call, id.0, fencing_token, lease_s).await?;
    Ok(shown(task))
}

/// Complete a task
///
/// What it leaves behind reaches the workers of later phases. With the token of its claim; without
/// one where nobody has claimed it, which is an act of an operator.
#[utoipa::path(
    tag = "tasks",
    operation_id = "complete_task",
    params(("id" = Uuid, Path, description = "The task."), Conditional, Once, Actor),
    request_body = TaskCompletion,
    responses(
        (status = 200, description = "The task as it is now.", body = Task, headers(
            ("ETag" = String, description = "Its version."),
        )),
        FinishRefusals,
    )
)]
#[post("/{id}/complete")]
async fn complete(
    api: Data<Api>,
    id: Id,
    command: Command<TaskCompletion>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body: TaskCompletion { fencing_token, result } } = command;
    let task = tasks::complete(&api.engine, &call, id.0, fencing_token, result.into()).await?;
    Ok(shown(task))
}

/// Say that a task could not be done
///
/// With the token of its claim that ends the attempt: the class decides whether it uses one up, and
/// whether the task waits before it can be claimed again. Without one, where nobody has claimed it,
/// the task has failed, which is an act of an operator.
#[utoipa::path(
    tag = "tasks",
    operation_id = "fail_task",
    params(("id" = Uuid, Path, description = "The task."), Conditional, Once, Actor),
    request_body = TaskFailure,
    responses(
        (status = 200, description = "The task as it is now.", body = Task, headers(
            ("ETag" = String, description = "Its version."),
        )),
        FinishRefusals,
    )
)]
#[post("/{id}/fail")]
async fn fail(
    api: Data<Api>,
    id: Id,
    command: Command<TaskFailure>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body } = command;
    let TaskFailure { fencing_token, error_message, failure_class, question } = body;
    if fencing_token.is_none() {
        without_claim(failure_class, question.as_deref())?;
    }
    let failure = tasks::Failure { message: error_message, class: failure_class, question };
    let task = tasks::fail(&api.engine, &call, id.0, fencing_token, failure).await?;
    Ok(shown(task))
}

/// Refuses what is said of an attempt where there is none.
fn without_claim(class: FailureClass, question: Option<&str>) -> Result<(), Refusal> {
    let said = [("/failure_class", class != FailureClass::Task), ("/question", question.is_some())];
    let detail = "is only said of an attempt; give its `fencing_token`, or leave this out";
    let errors: Vec<FieldError> = said
        .into_iter()
        .filter(|(_, is_said)| *is_said)
        .map(|(pointer, _)| FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Refusal::invalid(errors)) }
}

/// Give a task back undone
///
/// It is at once there for others.
#[utoipa::path(
    tag = "tasks",
    operation_id = "release_task",
    params(("id" = Uuid, Path, description = "The task."), Conditional, Once, Actor),
    request_body = TaskRelease,
    responses(
        (status = 200, description = "The task as it is now.", body = Task, headers(
            ("ETag" = String, description = "Its version."),
        )),
        LeaseRefusals,
    )
)]
#[post("/{id}/release")]
async fn release(
    api: Data<Api>,
    id: Id,
    command: Command<TaskRelease>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body: TaskRelease { fencing_token, reason } } = command;
    let task = tasks::release(&api.engine, &call, id.0, fencing_token, reason).await?;
    Ok(shown(task))
}

/// Cancel a task
///
/// It is not needed any more, whoever has it: an act of an operator. What waits for it waits no
/// longer. The body may be left out.
#[utoipa::path(
    tag = "tasks",
    operation_id = "cancel_task",
    params(("id" = Uuid, Path, description = "The task."), Conditional, Once, Actor),
    request_body = Option<TaskCancellation>,
    responses(
        (status = 200, description = "The task as it is now.", body = Task, headers(
            ("ETag" = String, description = "Its version."),
        )),
        OperatorRefusals,
    )
)]
#[post("/{id}/cancel")]
async fn cancel(
    api: Data<Api>,
    id: Id,
    command: Command<TaskCancellation>,
) -> Result<HttpResponse, Refusal> {
    let Command { call, body: TaskCancellation { reason } } = command;
    let task = tasks::cancel(&api.engine, &call, id.0, reason).await?;
    Ok(shown(task))
}

/// Try a failed task again
///
/// With a fresh set of attempts: an act of an operator. The body may be left out.
#[utoipa::path(
    tag = "tasks",
    operation_id = "retry_task",
    params(("id" = Uuid, Path, description = "The task."), Conditional, Once, Actor),
    request_body = Option<Empty>,
    responses(
        (status = 200, description = "The task as it is now.", body = Task, headers(
            ("ETag" = String, description = "Its version."),
        )),
        OperatorRefusals,
    )
)]
#[post("/{id}/retry")]
async fn retry(api: Data<Api>, id: Id, command: Command<Empty>) -> Result<HttpResponse, Refusal> {
    let Command { call, body: Empty {} } = command;
    let task = tasks::retry(&api.engine, &call, id.0).await?;
    Ok(shown(task))
}

fn shown(task: stored::Task) -> HttpResponse {
    answer::versioned(task.version, view::task(task))
}
