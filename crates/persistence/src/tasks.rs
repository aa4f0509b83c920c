//! Tasks: reading them, and the writes that a decision allows.

mod claimable;
mod done;
mod hands;
mod held;
mod write;

use chrono::{DateTime, Utc};
use phaseline_context::TaskResult;
use phaseline_phases::PhaseId;
use phaseline_registry::{AgentType, Capability};
use phaseline_tasks::{Priority, TaskState, TaskType};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, IdenStatic, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select, Value, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Backend, Connection, Page, Result, Slice,
    connection::lookup::{ById, among},
    entity::{task, task_dependency},
    page::Along,
    query::{Text, beside, beside_unless_rarer},
    row::{FromRow, Row},
    tickets::{ROWS_AT_ONCE, ids_of},
};

pub(crate) use claimable::offers;
pub use claimable::{Claimable, Given, claim, claimable};

#[cfg(test)]
pub(crate) use done::completed;
pub use done::{counts, finished, finished_by, last_completed};
pub use hands::end_held;
pub use held::{Taken, TicketSeen, held_by, hold_all_of, live_of, overdue, see, take};
pub use write::{insert, replace};

const TABLE: &str = "tasks";

/// A task as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: Uuid,
    /// The ticket that it belongs to.
    pub ticket_id: Uuid,
    /// The name that its backlog gave it, unique within its ticket.
    pub key: Option<String>,
    /// The phase that it is work of.
    pub phase_id: PhaseId,
    /// What kind of work it is.
    pub task_type: TaskType,
    /// One line.
    pub title: Option<String>,
    /// What is to be done.
    pub description: String,
    /// How urgent it is.
    pub priority: Priority,
    /// The size that its backlog gave it, as free text.
    pub estimate: Option<String>,
    /// The type of agent that it is work for.
    pub agent_type: AgentType,
    /// What an agent must be able to do to get it.
    pub required_capabilities: Vec<Capability>,
    /// How far it is.
    pub status: TaskState,
    /// What it left behind, once completed.
    pub result: Option<TaskResult>,
    /// Why it failed, once failed.
    pub error_message: Option<String>,
    /// The tasks that it waits for.
    pub depends_on: Vec<Uuid>,
    /// When it completed or failed.
    pub finished_at: Option<DateTime<Utc>>,
    /// Who ended it: `agents/{id}`, or an operator as they call themselves.
    pub finished_by: Option<String>,
    /// How many of its attempts may fail by its own fault.
    pub max_attempts: u32,
    /// How many have.
    pub attempts_used: u32,
    /// How many attempts in a row have failed, whatever the class.
    pub failures_in_a_row: u32,
    /// How many leases in a row were lost.
    pub losses_in_a_row: u32,
    /// The token of its last claim; 0 when it was never claimed.
    pub fencing_token: i64,
    /// The agent that has it, while it is claimed or running.
    pub agent_id: Option<Uuid>,
    /// Until when that agent has it.
    pub lease_expires_at: Option<DateTime<Utc>>,
    /// Not to be claimed before this time.
    pub available_at: Option<DateTime<Utc>>,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Which tasks a list holds.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of this ticket.
    pub ticket_id: Option<Uuid>,
    /// Only those that this agent has.
    pub agent_id: Option<Uuid>,
    /// Only those of this phase.
    pub phase_id: Option<PhaseId>,
    /// Only those in this state.
    pub status: Option<TaskState>,
}

/// What a task is read from, in the order of [`Task::from_row`].
const COLUMNS: [task::Column; 27] = {
    use task::Column as C;
    [
        C::Id,
        C::TicketId,
        C::Key,
        C::PhaseId,
        C::TaskType,
        C::Title,
        C::Description,
        C::Priority,
        C::Estimate,
        C::AgentType,
        C::RequiredCapabilities,
        C::Status,
        C::Result,
        C::ErrorMessage,
        C::FinishedAt,
        C::FinishedBy,
        C::MaxAttempts,
        C::AttemptsUsed,
        C::FailuresInARow,
        C::LossesInARow,
        C::FencingToken,
        C::AgentId,
        C::LeaseExpiresAt,
        C::AvailableAt,
        C::Version,
        C::CreatedAt,
        C::UpdatedAt,
    ]
};

/// The columns of a task under this name, with what it waits for.
fn columns_of(backend: Backend, name: &str) -> String {
    let dependencies = ids_of(backend, "task_dependencies", "task_id", "depends_on_id", name);
    let columns: Vec<String> =
        COLUMNS.iter().map(|column| format!("{name}.\"{}\"", column.as_str())).collect();
    format!("{}, {dependencies} AS depends_on", columns.join(", "))
}

/// The task with this id.
///
/// # Errors
/// Storage failures.
pub async fn find(db: &Connection, id: Uuid) -> Result<Option<Task>> {
    static TEXT: Text = Text::new();
    if let Some(lookups) = db.lookups().await {
        return lookups.tasks.find(id).await;
    }
    let query = TEXT.with(db.backend(), vec![id.into()], || {
        whole(db.backend()).filter(task::Column::Id.eq(id)).into_query()
    });
    db.first(query).await
}

/// The tasks with these ids, in no order.
///
/// # Errors
/// Storage failures.
pub async fn with_ids(db: &Connection, ids: &[Uuid]) -> Result<Vec<Task>> {
    if let [id] = ids {
        return Ok(find(db, *id).await?.into_iter().collect());
    }
    let mut found = Vec::new();
    for ids in ids.chunks(ROWS_AT_ONCE) {
        let query = whole(db.backend()).filter(task::Column::Id.is_in(ids.iter().copied()));
        found.extend(db.select::<Task>(&query).await?);
    }
    Ok(found)
}

/// A page of tasks, in order of creation.
///
/// # Errors
/// Storage failures.
pub async fn list(db: &Connection, filter: &Filter, page: Page) -> Result<Slice<Task>> {
    Ok(Slice::cut(db.select(&listed(db.backend(), filter, page)).await?, page.limit))
}

pub(crate) fn listed(backend: Backend, filter: &Filter, page: Page) -> Select<task::Entity> {
    use task::Column as C;
    let Filter { ticket_id, agent_id, phase_id, status } = filter;
    let rows = whole(backend)
        .apply_if(*ticket_id, |rows, ticket| rows.filter(C::TicketId.eq(ticket)))
        .apply_if(*agent_id, |rows, agent| rows.filter(C::AgentId.eq(agent)));
    let mut wanted = [
        status.map(|status| (C::Status, status.to_string().into())),
        phase_id.as_ref().map(|phase| (C::PhaseId, phase.as_str().into())),
    ]
    .into_iter()
    .flatten();
    // A ticket and an agent have few tasks, whatever else is wanted of these.
    let are_few = ticket_id.is_some() || agent_id.is_some();
    let along = if are_few { None } else { wanted.next() };
    let compared = if are_few { beside } else { beside_unless_rarer };
    let rows = wanted.fold(rows, |rows, (column, value): (C, Value)| {
        rows.filter(compared(backend, column).eq(value))
    });
    let after = page.after.map(Into::into);
    Along { backend, key: C::Id, after, value: along }.of(rows).limit(page.limit + 1)
}

/// All tasks of these tickets, in no order.
///
/// # Errors
/// Storage failures.
pub async fn of_tickets(db: &Connection, tickets: &[Uuid]) -> Result<Vec<Task>> {
    let mut found = Vec::new();
    for tickets in tickets.chunks(ROWS_AT_ONCE) {
        let query =
            whole(db.backend()).filter(task::Column::TicketId.is_in(tickets.iter().copied()));
        found.extend(db.select::<Task>(&query).await?);
    }
    Ok(found)
}

/// The tickets of these tasks.
///
/// # Errors
/// Storage failures.
pub async fn tickets_of(db: &Connection, tasks: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut found = Vec::new();
    for tasks in tasks.chunks(ROWS_AT_ONCE) {
        let query = task::Entity::find()
            .select_only()
            .column(task::Column::TicketId)
            .distinct()
            .filter(task::Column::Id.is_in(tasks.iter().copied()));
        found.extend(db.select(&query).await?.into_iter().map(|(ticket,): (Uuid,)| ticket));
    }
    Ok(found)
}

/// Which of these tasks there are.
///
/// # Errors
/// Storage failures.
pub async fn existing(db: &Connection, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let query = task::Entity::find()
        .select_only()
        .column(task::Column::Id)
        .filter(task::Column::Id.is_in(ids.iter().copied()));
    Ok(db.select(&query).await?.into_iter().map(|(id,)| id).collect())
}

/// The tasks of other tickets that wait for a task of this one.
///
/// # Errors
/// Storage failures.
pub async fn waiting_for_ticket(db: &Connection, ticket: Uuid) -> Result<Vec<Uuid>> {
    let own = || {
        task::Entity::find()
            .select_only()
            .column(task::Column::Id)
            .filter(task::Column::TicketId.eq(ticket))
            .into_query()
    };
    let query = task_dependency::Entity::find()
        .select_only()
        .column(task_dependency::Column::TaskId)
        .filter(task_dependency::Column::DependsOnId.in_subquery(own()))
        .filter(task_dependency::Column::TaskId.not_in_subquery(own()))
        .order_by_asc(task_dependency::Column::TaskId)
        .distinct();
    Ok(db.select(&query).await?.into_iter().map(|(id,)| id).collect())
}

/// Tasks with what they wait for.
fn whole(backend: Backend) -> Select<task::Entity> {
    let dependencies = ids_of(backend, "task_dependencies", "task_id", "depends_on_id", "tasks");
    task::Entity::find()
        .select_only()
        .columns(COLUMNS)
        .expr_as(Expr::cust(dependencies), "depends_on")
}

impl ById for Task {
    fn among() -> &'static str {
        static TEXT: Text = Text::new();
        TEXT.fixed(Backend::Postgres, || whole(Backend::Postgres).filter(among(task::Column::Id)))
    }
}

impl FromRow for Task {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            ticket_id: row.get("ticket_id")?,
            key: row.get("key")?,
            phase_id: row.parsed("phase_id")?,
            task_type: row.parsed("task_type")?,
            title: row.get("title")?,
            description: row.get("description")?,
            priority: row.parsed("priority")?,
            estimate: row.get("estimate")?,
            agent_type: row.parsed("agent_type")?,
            required_capabilities: row.document("required_capabilities")?,
            status: row.parsed("status")?,
            result: row.document_or_null("result")?,
            error_message: row.get("error_message")?,
            finished_at: row.get("finished_at")?,
            finished_by: row.get("finished_by")?,
            max_attempts: row.number::<i32, _>("max_attempts")?,
            attempts_used: row.number::<i32, _>("attempts_used")?,
            failures_in_a_row: row.number::<i32, _>("failures_in_a_row")?,
            losses_in_a_row: row.number::<i32, _>("losses_in_a_row")?,
            fencing_token: row.get("fencing_token")?,
            agent_id: row.get("agent_id")?,
            lease_expires_at: row.get("lease_expires_at")?,
            available_at: row.get("available_at")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            depends_on: row.ids("depends_on")?,
        })
    }
}
