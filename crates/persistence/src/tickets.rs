//! Tickets: reading them, and the writes that a decision allows.

mod context;
mod hold;
mod lately;
mod write;

use chrono::{DateTime, Utc};
use phaseline_phases::{Answer, Blocker, PhaseId, Position, WorkflowId};
use phaseline_tasks::Priority;
use sea_orm::{
    ColumnTrait, EntityTrait, IdenStatic, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, ExprTrait},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Backend, Connection, Page, Result, Slice, Tx,
    connection::lookup::{ById, among},
    entity::{ticket, ticket_dependency},
    page::{Along, first_of_each},
    query::{Query, Text, beside_unless_rarer},
    row::{FromRow, Row},
};

pub(crate) use context::context_of;
pub use context::{
    ContextChange, ContextText, PhaseText, StoredContext, StoredOutline, attach_context, context,
    context_text, outline, record_context, summaries,
};
pub use hold::{find_and_hold, find_and_keep, keep_at, mark_results, mark_results_at};
pub use write::{Edit, NewTicket, apply, ask, delete, edit, insert, mark_templated, touch};

const TABLE: &str = "tickets";
/// Any number that nobody else of ours locks.
const IMPORT_LOCK: i64 = 0x7068_6173_656c;
/// Rows of one insert: 16 columns stay far below SQLite's 32,766 and PostgreSQL's 65,535 values.
pub(crate) const ROWS_AT_ONCE: usize = 500;

/// A ticket as it stands, without its context document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id.
    pub id: Uuid,
    /// The name that its backlog gave it, unique.
    pub key: Option<String>,
    /// One line.
    pub title: String,
    /// What is wanted, in Markdown.
    pub description: String,
    /// The workflow that it follows.
    pub workflow_id: WorkflowId,
    /// Where it stands.
    pub position: Position,
    /// How urgent it is.
    pub priority: Priority,
    /// The size that its backlog gave it, as free text.
    pub estimate: Option<String>,
    /// The tickets that it waits for.
    pub blocked_by: Vec<Uuid>,
    /// How it flows.
    pub flow: Flow,
    /// Why it is blocked, while it is.
    pub blocker: Option<Blocker>,
    /// What people have answered when it was blocked, oldest first.
    pub answers: Vec<Answer>,
    /// The phases whose templates have made their tasks.
    pub templated_phases: Vec<PhaseId>,
    /// The row of its history after which regressions count against the rework budget.
    pub rework_since: u32,
    /// Whether a task of it was ever completed.
    pub has_results: bool,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// How a ticket flows; `None` is as the operator has configured it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Whether its phases are left only through their gates.
    pub gates: Option<bool>,
    /// Whether entering a phase makes the tasks of its templates.
    pub templates: Option<bool>,
    /// Whether it advances by itself when the work of its phase is done.
    pub auto_advance: Option<bool>,
    /// Whether it then passes through phases that have no tasks.
    pub skip_empty_phases: Option<bool>,
}

/// Which tickets a list holds.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those in one of these phases.
    pub phases: Option<Vec<PhaseId>>,
    /// Only those of this priority.
    pub priority: Option<Priority>,
    /// Only the one with this key.
    pub key: Option<String>,
}

/// What a ticket is read from, in the order of [`Ticket::from_row`].
const COLUMNS: [ticket::Column; 23] = {
    use ticket::Column as C;
    [
        C::Id,
        C::Key,
        C::Title,
        C::Description,
        C::WorkflowId,
        C::PhaseId,
        C::PreviousPhaseId,
        C::HistorySequence,
        C::PhaseSince,
        C::Priority,
        C::Estimate,
        C::Gates,
        C::Templates,
        C::AutoAdvance,
        C::SkipEmptyPhases,
        C::Blocker,
        C::Answers,
        C::TemplatedPhases,
        C::ReworkSince,
        C::HasResults,
        C::Version,
        C::CreatedAt,
        C::UpdatedAt,
    ]
};

/// The ticket with this id.
///
/// # Errors
/// Storage failures.
pub async fn find(db: &Connection, id: Uuid) -> Result<Option<Ticket>> {
    static TEXT: Text = Text::new();
    if let Some(lookups) = db.lookups().await {
        return lookups.tickets.find(id).await;
    }
    let query = TEXT.with(db.backend(), vec![id.into()], || {
        whole(db.backend()).filter(ticket::Column::Id.eq(id)).into_query()
    });
    db.first(query).await
}

/// A page of tickets in order of creation.
///
/// # Errors
/// Storage failures.
pub async fn list(db: &Connection, filter: &Filter, page: Page) -> Result<Slice<Ticket>> {
    let Filter { phases, priority, key } = filter;
    let (backend, most) = (db.backend(), page.limit + 1);
    let rest = |rows: Select<ticket::Entity>| {
        rows.apply_if(key.as_ref(), |rows, key| rows.filter(ticket::Column::Key.eq(key)))
    };
    let along = |rows, value| {
        let after = page.after.map(Into::into);
        rest(Along { backend, key: ticket::Column::Id, after, value }.of(rows))
    };
    let priority = priority.map(|priority| priority.to_string());
    let inside = |rows: Select<ticket::Entity>, phase: &PhaseId| {
        let rows = rows.apply_if(priority.as_ref(), |rows, priority| {
            rows.filter(beside_unless_rarer(backend, ticket::Column::Priority).eq(priority))
        });
        along(rows, Some((ticket::Column::PhaseId, phase.as_str().into())))
    };
    let query = match phases.as_deref() {
        None => {
            let value =
                priority.clone().map(|priority| (ticket::Column::Priority, priority.into()));
            along(whole(backend), value)
        }
        Some([]) => return Ok(Slice::cut(Vec::new(), page.limit)),
        Some([phase]) => inside(whole(backend), phase),
        Some(phases) => {
            let each = phases.iter().map(|phase| inside(ticket::Entity::find(), phase));
            first_of_each(backend, whole(backend), ticket::Column::Id, each, most)
        }
    };
    Ok(Slice::cut(db.select(&query.limit(most)).await?, page.limit))
}

/// The tickets with these keys, in no order.
///
/// # Errors
/// Storage failures.
pub async fn with_keys(db: &Connection, keys: &[String]) -> Result<Vec<Ticket>> {
    let mut found = Vec::new();
    for keys in keys.chunks(ROWS_AT_ONCE) {
        let query = whole(db.backend()).filter(ticket::Column::Key.is_in(keys));
        found.extend(db.select::<Ticket>(&query).await?);
    }
    Ok(found)
}

/// The tickets with these ids, in no order.
///
/// # Errors
/// Storage failures.
pub async fn with_ids(db: &Connection, ids: &[Uuid]) -> Result<Vec<Ticket>> {
    let mut found = Vec::new();
    for ids in ids.chunks(ROWS_AT_ONCE) {
        let query = whole(db.backend()).filter(ticket::Column::Id.is_in(ids.iter().copied()));
        found.extend(db.select::<Ticket>(&query).await?);
    }
    Ok(found)
}

/// Lets one transaction at a time bring in many keys; others wait here. SQLite has one writer
/// anyway.
///
/// # Errors
/// Storage failures.
pub async fn one_import_at_a_time(tx: &Tx) -> Result<()> {
    let db = tx.connection();
    if db.backend() == Backend::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({IMPORT_LOCK})");
        db.execute(Query::written(db.backend(), &lock, [])).await?;
    }
    Ok(())
}

/// Which of these tickets there are.
///
/// # Errors
/// Storage failures.
pub async fn existing(db: &Connection, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = ticket::Entity::find()
        .select_only()
        .column(ticket::Column::Id)
        .filter(ticket::Column::Id.is_in(ids.iter().copied()));
    Ok(db.select(&query).await?.into_iter().map(|(id,)| id).collect())
}

/// The tickets that wait for this one.
///
/// # Errors
/// Storage failures.
pub async fn waiting_for(db: &Connection, id: Uuid) -> Result<Vec<Uuid>> {
    static TEXT: Text = Text::new();
    let query = TEXT.with(db.backend(), vec![id.into()], || {
        ticket_dependency::Entity::find()
            .select_only()
            .column(ticket_dependency::Column::TicketId)
            .filter(ticket_dependency::Column::BlockedById.eq(id))
            .order_by_asc(ticket_dependency::Column::TicketId)
            .into_query()
    });
    Ok(db.all(query).await?.into_iter().map(|(id,)| id).collect())
}

/// The columns of a ticket as [`find`] reads them, of the ticket with this name in a statement of
/// somebody else's.
pub(crate) fn columns_of(backend: Backend, name: &str) -> String {
    let columns: Vec<String> =
        COLUMNS.iter().map(|column| format!("{name}.\"{}\"", column.as_str())).collect();
    let blockers = ids_of(backend, "ticket_dependencies", "ticket_id", "blocked_by_id", name);
    format!("{}, {blockers} AS blocked_by", columns.join(", "))
}

/// Tickets with what they wait for.
fn whole(backend: Backend) -> Select<ticket::Entity> {
    ticket::Entity::find()
        .select_only()
        .columns(COLUMNS)
        .expr_as(Expr::cust(blockers(backend)), "blocked_by")
}

fn blockers(backend: Backend) -> String {
    ids_of(backend, "ticket_dependencies", "ticket_id", "blocked_by_id", "tickets")
}

/// The rows that point from a row of `owner` to others, as a text of their ids: one statement
/// answers them with the row itself.
pub(crate) fn ids_of(backend: Backend, table: &str, from: &str, to: &str, owner: &str) -> String {
    let together = match backend {
        Backend::Sqlite => format!("group_concat(hex(edge.{to}))"),
        Backend::Postgres => format!("string_agg(edge.{to}::text, ',')"),
    };
    format!("(SELECT {together} FROM {table} AS edge WHERE edge.{from} = {owner}.id)")
}

impl ById for Ticket {
    fn among() -> &'static str {
        static TEXT: Text = Text::new();
        TEXT.fixed(Backend::Postgres, || whole(Backend::Postgres).filter(among(ticket::Column::Id)))
    }
}

impl FromRow for Ticket {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            key: row.get("key")?,
            title: row.get("title")?,
            description: row.get("description")?,
            workflow_id: row.parsed("workflow_id")?,
            position: Position {
                phase: row.parsed("phase_id")?,
                previous: row.parsed_or_null("previous_phase_id")?,
                sequence: row.number::<i32, _>("history_sequence")?,
                since: row.get("phase_since")?,
            },
            priority: row.parsed("priority")?,
            estimate: row.get("estimate")?,
            flow: Flow {
                gates: row.get("gates")?,
                templates: row.get("templates")?,
                auto_advance: row.get("auto_advance")?,
                skip_empty_phases: row.get("skip_empty_phases")?,
            },
            blocker: row.document_or_null("blocker")?,
            answers: row.document("answers")?,
            templated_phases: row.document("templated_phases")?,
            rework_since: row.number::<i32, _>("rework_since")?,
            has_results: row.get("has_results")?,
            version: row.get("version")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            blocked_by: row.ids("blocked_by")?,
        })
    }
}
