//! What a step has really changed, whoever changed it: triggers write down every row that any
//! statement touches, and a copy of all rows in memory is kept from that.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use phaseline_persistence::{
    Db, Page, agents,
    agents::StoredAgent,
    entity::task_attempt,
    events::{self, Event},
    gates::{self, StoredApproval, StoredArtifact},
    history, tasks,
    tasks::Task,
    tickets,
    tickets::Ticket,
};
use phaseline_phases::HistoryEntry;
use sea_orm_migration::sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};
use uuid::Uuid;

/// Each table that is watched, with the column that says whose row it is.
const WATCHED: [(&str, &str); 9] = [
    ("tickets", "id"),
    ("tasks", "id"),
    ("agents", "id"),
    (HEARTBEATS, "agent_id"),
    ("task_attempts", "task_id"),
    ("phase_history", "ticket_id"),
    ("ticket_artifacts", "ticket_id"),
    ("ticket_approvals", "ticket_id"),
    ("events", "id"),
];
/// Read as a part of the agents whose they are.
const HEARTBEATS: &str = "agent_heartbeats";
const MANY: u64 = 1_000_000;

/// One claim of a task, without what its agent was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) token: i64,
    pub(super) agent: Uuid,
    pub(super) outcome: String,
    pub(super) class: Option<String>,
    pub(super) until: DateTime<Utc>,
    pub(super) ended: Option<DateTime<Utc>>,
}

/// Every row, as of the last step.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) tickets: BTreeMap<Uuid, Ticket>,
    pub(super) tasks: BTreeMap<Uuid, Task>,
    pub(super) agents: BTreeMap<Uuid, StoredAgent>,
    /// By task.
    pub(super) attempts: BTreeMap<Uuid, Vec<Attempt>>,
    /// By ticket, as the next three.
    pub(super) history: BTreeMap<Uuid, Vec<HistoryEntry>>,
    pub(super) artifacts: BTreeMap<Uuid, Vec<StoredArtifact>>,
    pub(super) approvals: BTreeMap<Uuid, Vec<StoredApproval>>,
}

/// What one step has changed: the rows it touched as they were and as they are, and its events.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) before: Rows,
    pub(super) after: Rows,
    pub(super) events: Vec<Event>,
}

impl Change {
    pub(super) fn is_nothing(&self) -> bool {
        self.events.is_empty() && self.before == self.after
    }
}

/// How far the journal was read, and what it is read with.
#[derive(Debug)]
pub(super) struct Journal {
    outside: DatabaseConnection,
    read: i64,
    events: i64,
}

/// Sets the triggers. They change nothing but the journal.
pub(super) async fn watch(db: &impl ConnectionTrait) -> anyhow::Result<()> {
    db.execute_unprepared(
        "CREATE TABLE simulation_journal (seq INTEGER PRIMARY KEY, tbl TEXT, op TEXT, id BLOB)",
    )
    .await?;
    for (table, key) in WATCHED {
        for (op, row) in [("insert", "NEW"), ("update", "NEW"), ("delete", "OLD")] {
            let sql = format!(
                "CREATE TRIGGER simulation_{table}_{op} AFTER {op} ON {table} BEGIN INSERT INTO \
                 simulation_journal (tbl, op, id) VALUES ('{table}', '{op}', {row}.{key}); END"
            );
            db.execute_unprepared(&sql).await?;
        }
    }
    Ok(())
}

impl Journal {
    /// The journal of a database whose triggers are set.
    pub(super) async fn open(db: &Db) -> anyhow::Result<Self> {
        Ok(Self { outside: db.outside().await?, read: 0, events: 0 })
    }

    /// Lets go of the database.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        Ok(self.outside.close().await?)
    }

    /// Reads what was touched since the last time, and brings the rows in memory up to date.
    pub(super) async fn read(&mut self, db: &Db, rows: &mut Rows) -> anyhow::Result<Change> {
        let sql = format!(
            "SELECT seq, tbl, op, id FROM simulation_journal WHERE seq > {} ORDER BY seq",
            self.read
        );
        let reader = db.reader();
        let query = Statement::from_string(self.outside.get_database_backend(), sql);
        let mut touched: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
        for row in self.outside.query_all_raw(query).await? {
            self.read = row.try_get("", "seq")?;
            let (table, op): (String, String) = (row.try_get("", "tbl")?, row.try_get("", "op")?);
            if op != "insert" && (table == "events" || table == "phase_history") {
                // The history of a ticket goes with it.
                let id: Uuid = row.try_get("", "id")?;
                if table == "events" || tickets::find(reader, id).await?.is_some() {
                    bail!("a row of {table} was changed after it was written ({op})");
                }
            }
            let table = if table == HEARTBEATS { "agents".to_owned() } else { table };
            touched.entry(table).or_default().insert(row.try_get("", "id")?);
        }
        let of = |table: &str| -> Vec<Uuid> {
            touched.get(table).into_iter().flatten().copied().collect()
        };
        let after = load(db, &self.outside, &of).await?;
        let mut before = Rows::default();
        exchange(&of("tickets"), &mut rows.tickets, &after.tickets, &mut before.tickets);
        exchange(&of("tasks"), &mut rows.tasks, &after.tasks, &mut before.tasks);
        exchange(&of("agents"), &mut rows.agents, &after.agents, &mut before.agents);
        exchange(&of("task_attempts"), &mut rows.attempts, &after.attempts, &mut before.attempts);
        exchange(&of("phase_history"), &mut rows.history, &after.history, &mut before.history);
        let (own, now) = (&mut rows.artifacts, &after.artifacts);
        exchange(&of("ticket_artifacts"), own, now, &mut before.artifacts);
        let (own, now) = (&mut rows.approvals, &after.approvals);
        exchange(&of("ticket_approvals"), own, now, &mut before.approvals);
        let events = if of("events").is_empty() {
            Vec::new()
        } else {
            events::list(reader, self.events, &[], MANY).await?.items
        };
        self.events = events.last().map_or(self.events, |event| event.sequence);
        Ok(Change { before, after, events })
    }

    /// Every row as the tables have it, to be compared with what the journal says.
    pub(super) async fn everything(&self, db: &Db) -> anyhow::Result<Rows> {
        everything(db, &self.outside).await
    }
}

async fn everything(db: &Db, outside: &DatabaseConnection) -> anyhow::Result<Rows> {
    let reader = db.reader();
    let all = Page::first(MANY);
    let tickets = tickets::list(reader, &tickets::Filter::default(), all).await?.items;
    let tasks = tasks::list(reader, &tasks::Filter::default(), all).await?.items;
    let agents = agents::list(reader, &agents::Filter::default(), all).await?.items;
    let of = |table: &str| -> Vec<Uuid> {
        match table {
            "task_attempts" => tasks.iter().map(|task| task.id).collect(),
            "tickets" | "tasks" | "agents" => Vec::new(),
            _ => tickets.iter().map(|ticket| ticket.id).collect(),
        }
    };
    let mut rows = load(db, outside, &of).await?;
    rows.tickets = tickets.into_iter().map(|ticket| (ticket.id, ticket)).collect();
    rows.tasks = tasks.into_iter().map(|task| (task.id, task)).collect();
    rows.agents = agents.into_iter().map(|agent| (agent.agent.id, agent)).collect();
    Ok(rows)
}

async fn load(
    db: &Db,
    outside: &DatabaseConnection,
    of: &impl Fn(&str) -> Vec<Uuid>,
) -> anyhow::Result<Rows> {
    let reader = db.reader();
    let mut rows = Rows::default();
    let mut corrupt = "a row does not decode";
    if !of("tickets").is_empty() {
        let found = tickets::with_ids(reader, &of("tickets")).await.context(corrupt)?;
        rows.tickets = found.into_iter().map(|ticket| (ticket.id, ticket)).collect();
    }
    if !of("tasks").is_empty() {
        let found = tasks::with_ids(reader, &of("tasks")).await.context(corrupt)?;
        rows.tasks = found.into_iter().map(|task| (task.id, task)).collect();
    }
    if !of("agents").is_empty() {
        let found = agents::with_ids(reader, &of("agents")).await.context(corrupt)?;
        rows.agents = found.into_iter().map(|agent| (agent.agent.id, agent)).collect();
    }
    if !of("task_attempts").is_empty() {
        rows.attempts = attempts_of(outside, &of("task_attempts")).await?;
    }
    corrupt = "a row beside a ticket does not decode";
    for ticket in of("phase_history") {
        let found = history::list(reader, ticket, 0, MANY).await.context(corrupt)?.items;
        keep(&mut rows.history, ticket, found);
    }
    for ticket in of("ticket_artifacts") {
        let found = gates::artifacts(reader, ticket, Page::first(MANY)).await.context(corrupt)?;
        keep(&mut rows.artifacts, ticket, found.items);
    }
    for ticket in of("ticket_approvals") {
        let found = gates::approvals(reader, ticket, Page::first(MANY)).await.context(corrupt)?;
        keep(&mut rows.approvals, ticket, found.items);
    }
    Ok(rows)
}

type AttemptRow = (Uuid, i64, Uuid, String, Option<String>, DateTime<Utc>, Option<DateTime<Utc>>);

async fn attempts_of(
    db: &DatabaseConnection,
    tasks: &[Uuid],
) -> anyhow::Result<BTreeMap<Uuid, Vec<Attempt>>> {
    use task_attempt::Column;
    let rows: Vec<AttemptRow> = task_attempt::Entity::find()
        .select_only()
        .columns([Column::TaskId, Column::FencingToken, Column::AgentId, Column::Outcome])
        .columns([Column::FailureClass, Column::LeaseExpiresAt, Column::EndedAt])
        .filter(Column::TaskId.is_in(tasks.iter().copied()))
        .order_by_asc(Column::FencingToken)
        .into_tuple()
        .all(db)
        .await?;
    let mut found: BTreeMap<Uuid, Vec<Attempt>> = BTreeMap::new();
    for (task, token, agent, outcome, class, until, ended) in rows {
        let attempt = Attempt { token, agent, outcome, class, until, ended };
        found.entry(task).or_default().push(attempt);
    }
    Ok(found)
}

fn keep<T>(rows: &mut BTreeMap<Uuid, Vec<T>>, of: Uuid, found: Vec<T>) {
    if !found.is_empty() {
        rows.insert(of, found);
    }
}

/// Puts what was loaded in the place of what was known, which goes into `before`.
fn exchange<T: Clone>(
    touched: &[Uuid],
    known: &mut BTreeMap<Uuid, T>,
    loaded: &BTreeMap<Uuid, T>,
    before: &mut BTreeMap<Uuid, T>,
) {
    for id in touched {
        if let Some(old) = known.remove(id) {
            before.insert(*id, old);
        }
        if let Some(new) = loaded.get(id) {
            known.insert(*id, new.clone());
        }
    }
}
