//! Which tasks an agent may claim now, best first: one statement, the same rules on both databases.

use chrono::{DateTime, Utc};
use phaseline_phases::{PhaseId, Workflow};
use phaseline_registry::{AgentType, Capability};
use sea_orm::Value;
use uuid::Uuid;

use crate::{Backend, Connection, Result, Tx, query::Query};

/// Who asks for work, and by which rules it is given.
#[derive(Debug, Clone)]
pub struct Claimable<'a> {
    /// The workflow of the tickets.
    pub workflow: &'a Workflow,
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

/// The tasks that could be claimed now, best first: by priority, then the oldest. It holds nothing.
///
/// # Errors
/// Storage failures.
pub async fn claimable(db: &Connection, wanted: &Claimable<'_>, limit: u64) -> Result<Vec<Uuid>> {
    select(db, wanted, limit, "").await
}

/// The same, each held until the transaction ends. On PostgreSQL those that somebody else holds are
/// passed over, so that nobody waits.
///
/// # Errors
/// Storage failures.
pub async fn hold_claimable(tx: &Tx, wanted: &Claimable<'_>, limit: u64) -> Result<Vec<Uuid>> {
    let postgres = tx.connection().backend() == Backend::Postgres;
    // Whoever writes to SQLite is alone.
    let locks = if postgres { " FOR UPDATE OF t SKIP LOCKED" } else { "" };
    select(tx.connection(), wanted, limit, locks).await
}

async fn select(
    db: &Connection,
    wanted: &Claimable<'_>,
    limit: u64,
    locks: &str,
) -> Result<Vec<Uuid>> {
    let backend = db.backend();
    let mut values = Values(Vec::new());
    let text = format!("{}{locks}", statement(backend, wanted, limit, &mut values));
    let query = Query::written(backend, &text, values.0);
    Ok(db.all(query).await?.into_iter().map(|(id,)| id).collect())
}

/// A task whose prerequisite was cancelled waits for it no longer: somebody decided that it is not
/// needed. A ticket that has not left its first phase begins with its first work, unless gates
/// watch its way there or templates make the work on it.
fn statement(backend: Backend, wanted: &Claimable<'_>, limit: u64, values: &mut Values) -> String {
    let Claimable { workflow, agent_id, agent_type, phase_id, capabilities, gates, templates, now } =
        wanted;
    let ended = values.list(workflow.phases().filter(|phase| workflow.is_terminal(phase)));
    let parked = values.list(workflow.phases().filter(|phase| workflow.is_parking(phase)));
    let initial = values.add(workflow.initial().as_str());
    let standing = rank(workflow, values);
    let phase = phase_id
        .map(|phase| format!(" AND t.phase_id = {}", values.add(phase)))
        .unwrap_or_default();
    let able = able(backend, capabilities, values);
    let (gates, templates) = (values.add(*gates), values.add(*templates));
    let now = values.add(*now);
    let (agent_id, agent_type) = (values.add(*agent_id), values.add(agent_type.to_string()));
    format!(
        "SELECT t.id FROM tasks t JOIN tickets k ON k.id = t.ticket_id \
         WHERE t.status = 'pending' AND t.agent_type = {agent_type}{phase} \
         AND (t.available_at IS NULL OR t.available_at <= {now}) \
         AND k.phase_id NOT IN ({ended}) AND k.phase_id NOT IN ({parked}) \
         AND (t.phase_rank <= {standing} \
           OR (k.phase_id = {initial} AND NOT COALESCE(k.gates, {gates}) \
             AND NOT COALESCE(k.templates, {templates}))) \
         AND NOT EXISTS (SELECT 1 FROM tasks e WHERE e.ticket_id = t.ticket_id \
           AND e.phase_rank < t.phase_rank AND e.status IN ('pending', 'claimed', 'running')) \
         AND NOT EXISTS (SELECT 1 FROM task_dependencies d JOIN tasks o ON o.id = d.depends_on_id \
           WHERE d.task_id = t.id AND o.status NOT IN ('completed', 'cancelled')) \
         AND NOT EXISTS (SELECT 1 FROM ticket_dependencies d JOIN tickets b \
           ON b.id = d.blocked_by_id WHERE d.ticket_id = t.ticket_id \
           AND b.phase_id NOT IN ({ended})) \
         AND NOT EXISTS ({able}) \
         AND NOT EXISTS (SELECT 1 FROM task_attempts a WHERE a.task_id = t.id \
           AND a.agent_id = {agent_id} AND a.failure_class = 'capability') \
         ORDER BY t.priority_rank, t.created_at, t.id LIMIT {limit}"
    )
}

/// Where the ticket stands in the sequence of its phases.
fn rank(workflow: &Workflow, values: &mut Values) -> String {
    let cases: Vec<String> = workflow
        .sequence()
        .iter()
        .enumerate()
        .map(|(rank, phase)| format!("WHEN {} THEN {rank}", values.add(phase.as_str())))
        .collect();
    format!("(CASE k.phase_id {} ELSE -1 END)", cases.join(" "))
}

/// A capability that the task requires and the agent lacks.
fn able(backend: Backend, capabilities: &[Capability], values: &mut Values) -> String {
    let required = if backend == Backend::Postgres {
        "json_array_elements_text(t.required_capabilities) AS c(value)"
    } else {
        "json_each(t.required_capabilities) AS c"
    };
    let had: Vec<String> =
        capabilities.iter().map(|capability| values.add(capability.as_str())).collect();
    format!("SELECT 1 FROM {required} WHERE c.value NOT IN ({})", had.join(", "))
}

/// The values of a statement, each under its number: both databases read `$1`.
struct Values(Vec<Value>);

impl Values {
    fn add(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }

    fn list<'a>(&mut self, phases: impl Iterator<Item = &'a PhaseId>) -> String {
        let places: Vec<String> = phases.map(|phase| self.add(phase.as_str())).collect();
        places.join(", ")
    }
}
