//! What the databases walk: for tests that a statement reads no more than it has to.

use std::{fs, path::PathBuf};

use phaseline_migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Database};

use crate::{Backend, Db, DbOptions, query::Query};

/// Enough that no planner would rather read it all.
const TICKETS: u32 = 2_000;

/// The plan of a statement, a line for each step.
pub(crate) async fn plan(db: &Db, query: &Query) -> String {
    let backend = db.reader().backend();
    let steps: Vec<String> = match backend {
        Backend::Sqlite => {
            let text = format!("EXPLAIN QUERY PLAN {}", query.text());
            let explained = Query::written(backend, &text, query.values().to_vec());
            let rows: Vec<(i64, i64, i64, String)> = db.reader().all(explained).await.unwrap();
            rows.into_iter().map(|(.., step)| step).collect()
        }
        Backend::Postgres => {
            let rows: Vec<(String,)> = db.reader().all(explain(query)).await.unwrap();
            rows.into_iter().map(|(step,)| step).collect()
        }
    };
    steps.join("\n")
}

/// A statement that answers how PostgreSQL would run this one.
pub(crate) fn explain(query: &Query) -> Query {
    Query::raw(format!("EXPLAIN {}", query.text()), query.values().to_vec())
}

/// Tickets with five pending tasks each.
pub(crate) async fn seed(db: &Db) {
    seed_of(db, TICKETS).await;
}

/// The same of so many tickets.
pub(crate) async fn seed_of(db: &Db, tickets: u32) {
    let sqlite = db.reader().backend() == Backend::Sqlite;
    let rows = |count: u32| match sqlite {
        true => format!(
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             SELECT i FROM n) AS n"
        ),
        false => format!("generate_series(1, {count}) AS n(i)"),
    };
    let id = |number: &str| match sqlite {
        true => format!("unhex(printf('%032x', {number}))"),
        false => format!("lpad(to_hex({number}), 32, '0')::uuid"),
    };
    let made = if sqlite { "'2026-01-01T00:00:00+00:00'" } else { "timestamptz '2026-01-01'" };
    let outside = db.outside().await.unwrap();
    for statement in [
        format!(
            "INSERT INTO tickets (id, title, description, workflow_id, phase_id, \
               history_sequence, phase_since, priority, context, context_summary, answers, \
               templated_phases, rework_since, version, created_at, updated_at) \
             SELECT {}, 'A', 'B', 'standard', 'PHASE_DESIGN', 1, {made}, 'MEDIUM', '{{}}', '', \
               '[]', '[]', 0, 1, {made}, {made} FROM {}",
            id("i"),
            rows(tickets)
        ),
        format!(
            "INSERT INTO tasks (id, ticket_id, phase_id, phase_rank, task_type, description, \
               priority, priority_rank, agent_type, required_capabilities, status, max_attempts, \
               attempts_used, failures_in_a_row, losses_in_a_row, fencing_token, version, \
               created_at, updated_at) \
             SELECT {}, {}, 'PHASE_DESIGN', 2, 'design', 'C', 'MEDIUM', 2, 'worker', '[\"rust\"]', \
               'pending', 3, 0, 0, 0, 0, 1, {made}, {made} FROM {}",
            id("i"),
            id(&format!("(i % {tickets}) + 1")),
            rows(5 * tickets)
        ),
        "ANALYZE".to_owned(),
    ] {
        outside.execute_unprepared(&statement).await.unwrap();
    }
}

/// A migrated database of this test's own.
pub(crate) struct Place {
    url: String,
    name: String,
}

impl Place {
    pub(crate) async fn new(test: &str) -> Self {
        let name = format!("phaseline_{test}_{}", std::process::id());
        let url = match server() {
            Some(server) => {
                let admin = Database::connect(&server).await.unwrap();
                admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
                format!("{}/{name}", server.rsplit_once('/').unwrap().0)
            }
            None => format!("sqlite://{}?mode=rwc", file(&name).display()),
        };
        let db = Database::connect(&url).await.unwrap();
        Migrator::up(&db, None).await.unwrap();
        db.close().await.unwrap();
        Self { url, name }
    }

    /// A connection to it.
    pub(crate) async fn open(&self) -> Db {
        Db::open(&DbOptions { connections: 2, ..DbOptions::new(&self.url) }).await.unwrap()
    }

    pub(crate) async fn gone(self) {
        match server() {
            Some(server) => {
                let admin = Database::connect(&server).await.unwrap();
                let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
                admin.execute_unprepared(&drop).await.unwrap();
            }
            None => {
                for suffix in ["db", "db-shm", "db-wal"] {
                    // Whether the last two are there depends on who let go of the file last.
                    let _ = fs::remove_file(file(&self.name).with_extension(suffix));
                }
            }
        }
    }
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{name}.db"))
}

/// The PostgreSQL server of the test run, if it is one on PostgreSQL.
#[expect(clippy::disallowed_methods, reason = "libtest passes no arguments on to the tests")]
fn server() -> Option<String> {
    let postgres = std::env::var("PHASELINE_TEST_DATABASE").is_ok_and(|name| name == "postgres");
    postgres.then(|| std::env::var("PHASELINE_TEST_POSTGRES_URL").unwrap())
}

mod tests {
    use phaseline_phases::Phase;
    use phaseline_tasks::TaskState;
    use uuid::Uuid;

    use super::*;
    use crate::{
        Page,
        tasks::{self, Filter},
        why,
    };

    #[tokio::test]
    async fn what_is_asked_of_few_tickets_is_not_looked_for_in_half_of_all_tasks() {
        let place = Place::new("few").await;
        let db = place.open().await;
        seed(&db).await;
        let backend = db.reader().backend();
        let (ticket, phase) = (Uuid::from_u128(7), Phase::Design.id());
        let of_ticket = Filter {
            ticket_id: Some(ticket),
            status: Some(TaskState::Completed),
            phase_id: Some(phase.clone()),
            ..Filter::default()
        };
        let statements = [
            tasks::completed(backend, ticket, &phase),
            tasks::listed(backend, &of_ticket, Page::first(10)),
            why::unfinished_of(backend, &[ticket, Uuid::nil()]),
            why::completed_of(backend, &[ticket, Uuid::nil()]),
        ];
        for statement in statements {
            let plan = plan(&db, &Query::of(backend, &statement)).await;
            assert!(!plan.contains("Seq Scan"), "{plan}");
            let by_ticket = plan.contains("_tasks_ticket_id") && !plan.contains("_tasks_status");
            assert!(by_ticket, "{plan}");
        }
        let finished =
            plan(&db, &Query::of(backend, &tasks::completed(backend, ticket, &phase))).await;
        assert!(finished.contains("ix_tasks_ticket_id_phase_id"), "{finished}");
        assert!(!finished.contains("ix_tasks_phase_id"), "{finished}");
        db.close().await.unwrap();
        place.gone().await;
    }
}
