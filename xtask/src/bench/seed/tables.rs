//! Tables of any size, in a few statements: the older half of everything is done with, the younger
//! half is open, so that a filter cannot be answered by looking at the first rows.

use anyhow::bail;
use phaseline_context::TicketContext;

use super::{MADE_MS, id_of, numbers, time};
use crate::bench::world::{Kind, Place};

/// How many rows of history each ticket has.
pub(crate) const HISTORY: u64 = 5;

/// The columns of a ticket's history that differ from row to row.
const WALK: &str = "SELECT 1 AS s, NULL AS f, 'PHASE_BACKLOG' AS t, 'create' AS k \
    UNION ALL SELECT 2, 'PHASE_BACKLOG', 'PHASE_REQUIREMENTS', 'advance' \
    UNION ALL SELECT 3, 'PHASE_REQUIREMENTS', 'PHASE_BLOCKED', 'block' \
    UNION ALL SELECT 4, 'PHASE_BLOCKED', 'PHASE_REQUIREMENTS', 'resume' \
    UNION ALL SELECT 5, 'PHASE_REQUIREMENTS', 'PHASE_DESIGN', 'advance'";

/// So many tickets with five rows of history each, and as many tasks, agents and events.
pub(crate) fn fill(place: &Place, count: u64) -> anyhow::Result<()> {
    if count < 2 {
        bail!("there are no halves of {count}");
    }
    let tables = Tables { kind: place.kind, count };
    let mut statements = tables.before();
    statements.extend([
        tables.tickets()?,
        tables.history(),
        tables.tasks(),
        tables.agents(),
        tables.events(),
    ]);
    if place.kind == Kind::Postgres {
        // As its autovacuum would soon do. SQLite does nothing of the kind by itself.
        statements.push("VACUUM ANALYZE".to_owned());
    }
    place.execute(&statements)
}

struct Tables {
    kind: Kind,
    count: u64,
}

impl Tables {
    /// Nothing of what is filled in need survive a crash, and the rows refer to each other rightly.
    fn before(&self) -> Vec<String> {
        let statements: &[&str] = match self.kind {
            Kind::Sqlite => &[
                "PRAGMA foreign_keys = OFF",
                "PRAGMA journal_mode = OFF",
                "PRAGMA synchronous = OFF",
                "PRAGMA cache_size = -400000",
            ],
            Kind::Postgres => {
                &["SET synchronous_commit = off", "SET session_replication_role = replica"]
            }
        };
        statements.iter().map(|&statement| statement.to_owned()).collect()
    }

    /// What the older half has, or else the younger one.
    fn halves(&self, older: &str, younger: &str) -> String {
        format!("CASE WHEN i <= {} THEN {older} ELSE {younger} END", self.count / 2)
    }

    fn id(&self, kind: u64) -> String {
        id_of(self.kind, kind, "i")
    }

    fn rows(&self) -> String {
        numbers(self.kind, 1, self.count)
    }

    fn made(&self) -> String {
        time(self.kind, MADE_MS)
    }

    const fn no(&self) -> &'static str {
        match self.kind {
            Kind::Sqlite => "0",
            Kind::Postgres => "FALSE",
        }
    }

    fn json(&self, text: &str) -> String {
        match self.kind {
            Kind::Sqlite => format!("'{text}'"),
            Kind::Postgres => format!("'{text}'::json"),
        }
    }

    fn tickets(&self) -> anyhow::Result<String> {
        let context = serde_json::to_string(&TicketContext::default())?;
        let (id, made, rows) = (self.id(2), self.made(), self.rows());
        Ok(format!(
            "INSERT INTO tickets (id, \"key\", title, description, workflow_id, phase_id, \
               previous_phase_id, history_sequence, phase_since, priority, context, \
               context_summary, answers, templated_phases, rework_since, version, created_at, \
               updated_at) \
             SELECT {id}, 'T' || i, 'Ticket ' || i, \
               'What is wanted, in a sentence or two that say it.', 'standard', {}, \
               'PHASE_REQUIREMENTS', {HISTORY}, {made}, {}, '{context}', '', '[]', '[]', 0, \
               {HISTORY}, {made}, {made} FROM {rows}",
            self.halves("'PHASE_DONE'", "'PHASE_DESIGN'"),
            self.halves("'LOW'", "'HIGH'"),
        ))
    }

    fn history(&self) -> String {
        let (id, made, no, rows) = (self.id(2), self.made(), self.no(), self.rows());
        format!(
            "INSERT INTO phase_history (ticket_id, sequence, from_phase, to_phase, kind, reason, \
               transitioned_by, artifacts, forced, seconds_in_previous, created_at) \
             SELECT {id}, s, f, CASE WHEN s = {HISTORY} AND {} THEN 'PHASE_DONE' ELSE t END, k, \
               NULL, 'seed', '[]', {no}, CASE WHEN s = 1 THEN NULL ELSE 60.5 END, {made} \
             FROM {rows} CROSS JOIN ({WALK}) AS walk",
            format_args!("i <= {}", self.count / 2)
        )
    }

    fn tasks(&self) -> String {
        let result = r#"{"summary":"It is done.","outputs":null,"context":{},"artifacts":[]}"#;
        let (id, ticket, made, rows) = (self.id(3), self.id(2), self.made(), self.rows());
        format!(
            "INSERT INTO tasks (id, ticket_id, phase_id, phase_rank, task_type, description, \
               priority, priority_rank, agent_type, required_capabilities, status, result, \
               finished_at, finished_by, max_attempts, attempts_used, failures_in_a_row, \
               losses_in_a_row, fencing_token, version, created_at, updated_at) \
             SELECT {id}, {ticket}, {}, 2, 'design', 'Do it.', 'MEDIUM', 2, 'worker', '[]', {}, \
               {}, {}, {}, 3, 0, 0, 0, 0, 1, {made}, {made} FROM {rows}",
            self.halves("'PHASE_REQUIREMENTS'", "'PHASE_DESIGN'"),
            self.halves("'completed'", "'pending'"),
            self.halves(&self.json(result), "NULL"),
            self.halves(&made, "NULL"),
            self.halves("'seed'", "NULL"),
        )
    }

    fn agents(&self) -> String {
        let (id, made, no, rows) = (self.id(1), self.made(), self.no(), self.rows());
        format!(
            "INSERT INTO agents (id, agent_type, phase_id, status, capabilities, capacity, \
               slots_taken, draining, tags, announced_health, version, created_at, updated_at) \
             SELECT {id}, {}, {}, 'terminated', '[\"rust\"]', 1, 0, {no}, '[]', 'unknown', 1, \
               {made}, {made} FROM {rows}",
            self.halves("'worker'", "'monitor'"),
            self.halves("NULL", "'PHASE_DESIGN'"),
        )
    }

    fn events(&self) -> String {
        let (sequence, number) = match self.kind {
            Kind::Sqlite => ("", ""),
            Kind::Postgres => ("sequence, ", "nextval('event_positions') * 65536, "),
        };
        let (id, made, rows) = (self.id(30), self.made(), self.rows());
        format!(
            "INSERT INTO events ({sequence}id, event_type, subject, time, data) \
             SELECT {number}{id}, {}, 'tickets/' || i, {made}, '{{}}' FROM {rows}",
            self.halves("'ticket.created'", "'task.created'"),
        )
    }
}
