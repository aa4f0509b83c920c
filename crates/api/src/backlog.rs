//! Importing a backlog.

use actix_web::{HttpResponse, post, web::Data};
use phaseline_engine::backlog;
use phaseline_persistence::tickets::Flow;
use phaseline_wire::{Backlog, BacklogTask, BacklogTicket, Imported};

use crate::{
    Api, answer,
    document::{Actor, CreateRefusals, Once},
    extract::Command,
    problem::Refusal,
    routes::ServiceConfig,
    view,
};

pub(crate) fn configure(config: &mut ServiceConfig<'_, '_>) {
    config.service(import);
}

/// Import a backlog
///
/// All of it or nothing. Tickets and tasks whose keys are there already are left as they are, so
/// a backlog can be imported twice.
#[utoipa::path(
    tag = "tickets",
    operation_id = "import_backlog",
    params(Once, Actor),
    request_body = Backlog,
    responses((status = 200, description = "What was made.", body = Imported), CreateRefusals)
)]
#[post("/backlog")]
async fn import(api: Data<Api>, command: Command<Backlog>) -> Result<HttpResponse, Refusal> {
    let Command { call, body: Backlog { tickets, tasks } } = command;
    let backlog = backlog::Backlog {
        tickets: tickets.into_iter().map(ticket).collect(),
        tasks: tasks.into_iter().map(task).collect(),
    };
    let imported = backlog::import(&api.engine, &call, backlog).await?;
    Ok(answer::plain(view::imported(imported)))
}

fn ticket(ticket: BacklogTicket) -> backlog::BacklogTicket {
    let BacklogTicket {
        key,
        title,
        description,
        priority,
        estimate,
        phase_id,
        blocked_by,
        gates,
        templates,
        auto_advance,
        skip_empty_phases,
    } = ticket;
    backlog::BacklogTicket {
        key,
        title,
        description,
        priority,
        estimate,
        phase_id,
        blocked_by,
        flow: Flow { gates, templates, auto_advance, skip_empty_phases },
    }
}

fn task(task: BacklogTask) -> backlog::BacklogTask {
    let BacklogTask {
        key,
        ticket,
        title,
        description,
        task_type,
        phase_id,
        priority,
        estimate,
        depends_on,
        required_capabilities,
        agent_type,
        max_attempts,
    } = task;
    backlog::BacklogTask {
        key,
        ticket,
        title,
        description,
        task_type,
        phase_id,
        priority,
        estimate,
        depends_on,
        agent_type,
        required_capabilities,
        max_attempts,
    }
}
