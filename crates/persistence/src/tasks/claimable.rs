//! Which tasks an agent may claim now, best first: one walk, by the same rules on both databases
//! (`docs/adr/0019-how-a-claim-finds-its-task.md`).

pub(crate) mod offers;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use phaseline_phases::{PhaseId, Workflow};
use phaseline_registry::{AgentType, Capability};
use phaseline_tasks::TaskState;
use sea_orm::Value;
use uuid::Uuid;

use super::{TABLE, Task, columns_of};
use crate::{
    Backend, Connection, Error, Result, Tx, agents,
    connection::About,
    decode,
    query::{Query, Text},
    row::{FromRow, Row},
    tickets::{self, StoredContext, Ticket},
};
use offers::Offered;

/// Who asks for work, and by which rules it is given. The tickets follow the standard workflow.
#[derive(Debug, Clone)]
pub struct Claimable<'a> {
    /// The agent.
    pub agent_id: Uuid,
    /// What it is there for.
    pub agent_type: AgentType,
    /// The one phase that it works in; any when `None`.
    pub phase_id: Option<&'a str>,
    /// What it can do.
    pub capabilities: &'a [Capability],
    /// Whether tickets that do not say so have gates.
    pub gates: bool,
    /// Whether tickets that do not say so make the tasks of their phases from templates.
    pub templates: bool,
    /// When.
    pub now: DateTime<Utc>,
}

/// A task that an agent was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The task.
    pub task: Task,
    /// Its ticket, where the same statement could tell.
    pub ticket: Option<Ticket>,
    /// What the phases of its ticket found out, likewise.
    pub context: Option<StoredContext>,
}

/// The tasks that could be claimed now, best first: by priority, then the oldest. It holds nothing.
///
/// # Errors
/// Storage failures.
pub async fn claimable(db: &Connection, wanted: &Claimable<'_>, limit: u64) -> Result<Vec<Uuid>> {
    Ok(db.all(looking(db.backend(), wanted, limit)?).await?.into_iter().map(|(id,)| id).collect())
}

/// Gives the agent the best tasks that it could claim now, until a time: each gets its next token
/// and version. On PostgreSQL those that somebody else holds or is promised are passed over, so that nobody waits;
/// one alone is held only when it is written.
///
/// # Errors
/// Storage failures.
pub async fn claim(
    tx: &Tx,
    wanted: &Claimable<'_>,
    limit: u64,
    until: DateTime<Utc>,
) -> Result<Vec<Given>> {
    static ONE: Text = Text::new();
    static SOME: Text = Text::new();
    let db = tx.connection();
    let backend = db.backend();
    if limit == 1
        && let Some(lookups) = db.lookups_unheld().await
    {
        match lookups.offers.find(wanted).await? {
            Offered::Task(given, promise) => {
                db.promise(promise);
                return Ok(vec![take(db, wanted, *given, until).await?]);
            }
            Offered::Nothing => return Ok(Vec::new()),
            // Whoever needs an agent and a task takes them in that order.
            Offered::Unknown => {
                agents::find_and_hold(tx, wanted.agent_id).await?;
            }
        }
    }
    if limit == 1 && backend == Backend::Sqlite {
        let best: Option<Given> = db.first(best(wanted)?).await?;
        return match best {
            Some(best) => Ok(vec![take(db, wanted, best, until).await?]),
            None => Ok(Vec::new()),
        };
    }
    let mut values = values(wanted)?;
    values.push(until.into());
    if backend == Backend::Postgres {
        values.push(db.promised().into());
    }
    // With the number in its text, PostgreSQL knows how little of the index it has to walk.
    let query = if limit == 1 {
        ONE.written(backend, values, || claiming(backend, "1"))
    } else {
        values.push(limit.into());
        let place = format!("${}", values.len());
        SOME.written(backend, values, || claiming(backend, &place))
    };
    let mut given: Vec<Given> = match backend {
        Backend::Sqlite => {
            let tasks: Vec<Task> = db.all(query).await?;
            tasks.into_iter().map(|task| Given { task, ticket: None, context: None }).collect()
        }
        Backend::Postgres => db.all(query).await?,
    };
    given.sort_unstable_by_key(|Given { task, .. }| {
        (task.priority.rank(), task.created_at, task.id)
    });
    Ok(given)
}

/// The best task on SQLite, with its ticket. Whoever writes there is alone, so what is found stays so:
/// an update that returned it would keep it in two tables of its own meanwhile.
fn best(wanted: &Claimable<'_>) -> Result<Query> {
    static TEXT: Text = Text::new();
    let backend = Backend::Sqlite;
    Ok(TEXT.written(backend, values(wanted)?, || {
        let ready = ready(backend, &format!("{WALK} CROSS JOIN tickets k ON k.id = t.ticket_id"));
        format!(
            "SELECT {}, {} {ready} {} ORDER BY {ORDER} LIMIT 1",
            columns_of(backend, "t"),
            tickets::columns_of(backend, "k"),
            untried(backend)
        )
    }))
}

/// Claims a task that was offered, if it is still as it was then.
async fn take(
    db: &Connection,
    wanted: &Claimable<'_>,
    given: Given,
    until: DateTime<Utc>,
) -> Result<Given> {
    static TEXT: Text = Text::new();
    let Given { task: before, .. } = given;
    let task = Task {
        status: TaskState::Claimed,
        agent_id: Some(wanted.agent_id),
        lease_expires_at: Some(until),
        available_at: None,
        fencing_token: before.fencing_token + 1,
        version: before.version + 1,
        updated_at: wanted.now,
        ..before
    };
    let values = vec![
        wanted.agent_id.into(),
        until.into(),
        task.fencing_token.into(),
        task.version.into(),
        wanted.now.into(),
        task.id.into(),
        before.version.into(),
    ];
    let query = TEXT.written(db.backend(), values, || {
        "UPDATE tasks SET status = 'claimed', agent_id = $1, lease_expires_at = $2, \
           available_at = NULL, fencing_token = $3, version = $4, updated_at = $5 \
         WHERE id = $6 AND version = $7"
            .to_owned()
    });
    if db.guarded(About::Task(task.id), query).await? {
        Ok(Given { task, ..given })
    } else {
        Err(Error::ChangedHands)
    }
}

fn looking(backend: Backend, wanted: &Claimable<'_>, limit: u64) -> Result<Query> {
    static TEXT: Text = Text::new();
    let mut values = values(wanted)?;
    values.push(limit.into());
    Ok(TEXT.written(backend, values, || {
        format!("SELECT t.id {} {} ORDER BY {ORDER} LIMIT $8", walked(backend), untried(backend))
    }))
}

/// The index `ix_tasks_agent_type_priority_rank_created_at_id` is in this order.
const ORDER: &str = "t.priority_rank, t.created_at, t.id";

fn claiming(backend: Backend, limit: &str) -> String {
    let set = "UPDATE tasks SET status = 'claimed', agent_id = $7, lease_expires_at = $8, \
         available_at = NULL, fencing_token = tasks.fencing_token + 1, \
         version = tasks.version + 1, updated_at = $3";
    let ready = format!("{} {}", walked(backend), untried(backend));
    let columns = columns_of(backend, "tasks");
    match backend {
        // Whoever writes to SQLite is alone.
        Backend::Sqlite => format!(
            "{set} WHERE id IN (SELECT t.id {ready} ORDER BY {ORDER} LIMIT {limit}) \
             RETURNING {columns}"
        ),
        Backend::Postgres => format!(
            "WITH picked AS MATERIALIZED (SELECT t.id AS best {ready} \
               AND t.id <> ALL($9::uuid[]) ORDER BY {ORDER} LIMIT {limit} \
               FOR UPDATE OF t SKIP LOCKED) \
             {set} FROM picked, tickets k WHERE tasks.id = best AND k.id = tasks.ticket_id \
             RETURNING {columns}, {}",
            tickets::columns_of(backend, "k")
        ),
    }
}

impl FromRow for Given {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        let (task, ticket) = (Task::from_row(row)?, Ticket::from_row(row)?);
        Ok(Self { task, ticket: Some(ticket), context: None })
    }
}

/// The values of [`ready`].
fn values(wanted: &Claimable<'_>) -> Result<Vec<Value>> {
    let Claimable { agent_id, agent_type, phase_id, capabilities, gates, templates, now } = wanted;
    Ok(vec![
        agent_type.to_string().into(),
        phase_id.map(str::to_owned).into(),
        (*now).into(),
        (*gates).into(),
        (*templates).into(),
        decode::encoded(TABLE, "required_capabilities", capabilities)?.into(),
        (*agent_id).into(),
    ])
}

/// Pending tasks that nothing keeps from this agent. A task whose prerequisite was cancelled waits
/// for it no longer: somebody decided that it is not needed. A ticket that has not left its first
/// phase begins with its first work, unless gates watch its way there or templates make the work on
/// it.
///
/// Every question is a subquery of its own, asked of one task after the other in the order of the
/// index: a join would let the database read whole tables for an answer of one row.
fn walked(backend: Backend) -> String {
    match backend {
        Backend::Sqlite => ready(backend, WALK),
        Backend::Postgres => ready(backend, ""),
    }
}

/// SQLite forgets within an update that a walk in order can stop, and would read and sort it all.
const WALK: &str = "INDEXED BY ix_tasks_agent_type_priority_rank_created_at_id";

/// The same, with what follows the table `t`.
fn ready(backend: Backend, walk: &str) -> String {
    let workflow = Workflow::standard();
    let ended = names(workflow.phases().filter(|phase| workflow.is_terminal(phase)));
    let parked = names(workflow.phases().filter(|phase| workflow.is_parking(phase)));
    let initial = name(workflow.initial());
    let standing = standing(workflow);
    let able = match backend {
        Backend::Sqlite => {
            "(t.required_capabilities = '[]' OR NOT EXISTS (\
               SELECT 1 FROM json_each(t.required_capabilities) AS c \
               WHERE c.value NOT IN (SELECT value FROM json_each($6))))"
        }
        Backend::Postgres => "t.required_capabilities::jsonb <@ $6::jsonb",
    };
    let alone = alone(backend);
    format!(
        "FROM tasks t {walk} WHERE t.status = 'pending' AND t.agent_type = $1 \
         AND (CAST($2 AS text) IS NULL OR t.phase_id = CAST($2 AS text)) \
         AND (t.available_at IS NULL OR t.available_at <= $3) \
         AND {able} \
         AND (SELECT k.phase_id NOT IN ({ended}, {parked}) AND (t.phase_rank <= {standing} \
             OR (k.phase_id = {initial} AND NOT COALESCE(k.gates, $4) \
               AND NOT COALESCE(k.templates, $5))) \
           FROM tickets k WHERE k.id = t.ticket_id) \
         AND NOT EXISTS (SELECT 1 FROM tasks e WHERE e.ticket_id = t.ticket_id \
           AND e.phase_rank < t.phase_rank AND e.status IN ('pending', 'claimed', 'running'){alone}) \
         AND NOT EXISTS (SELECT 1 FROM task_dependencies d JOIN tasks o ON o.id = d.depends_on_id \
           WHERE d.task_id = t.id AND o.status NOT IN ('completed', 'cancelled'){alone}) \
         AND NOT EXISTS (SELECT 1 FROM ticket_dependencies d JOIN tickets b \
           ON b.id = d.blocked_by_id WHERE d.ticket_id = t.ticket_id \
           AND b.phase_id NOT IN ({ended}){alone})"
    )
}

/// Whether this agent has not said of the task that it is not able to do it.
fn untried(backend: Backend) -> String {
    format!(
        "AND NOT EXISTS (SELECT 1 FROM task_attempts a WHERE a.task_id = t.id \
           AND a.agent_id = $7 AND a.failure_class = 'capability'{})",
        alone(backend)
    )
}

/// PostgreSQL makes no join of what has an offset.
const fn alone(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "",
        Backend::Postgres => " OFFSET 0",
    }
}

/// Where the ticket stands in the sequence of its phases.
fn standing(workflow: &Workflow) -> String {
    let ranks = workflow.sequence().iter().enumerate();
    let cases: Vec<String> =
        ranks.map(|(rank, phase)| format!("WHEN {} THEN {rank}", name(phase))).collect();
    format!("(CASE k.phase_id {} ELSE -1 END)", cases.join(" "))
}

fn names<'a>(phases: impl Iterator<Item = &'a PhaseId>) -> String {
    phases.map(name).collect::<Vec<_>>().join(", ")
}

/// A phase of the workflow, which is no input.
fn name(phase: &PhaseId) -> String {
    format!("'{}'", phase.as_str().replace('\'', "''"))
}
