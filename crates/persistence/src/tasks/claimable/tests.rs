//! What the databases walk for a claim.

use std::{fs, path::PathBuf};

use phaseline_migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Database};

use super::*;
use crate::{Db, DbOptions};

/// Enough that no planner would rather read it all.
const TICKETS: u32 = 2_000;
const INDEX: &str = "ix_tasks_agent_type_priority_rank_created_at_id";

#[tokio::test]
async fn a_claim_walks_its_index_in_order_and_reads_no_table() {
    let place = Place::new().await;
    let db = Db::open(&DbOptions { connections: 2, ..DbOptions::new(&place.url) }).await.unwrap();
    seed(&db).await;
    let capabilities = [Capability::parse("rust").unwrap()];
    let wanted = Claimable {
        agent_id: Uuid::nil(),
        agent_type: AgentType::Worker,
        phase_id: None,
        capabilities: &capabilities,
        gates: false,
        templates: false,
        now: DateTime::UNIX_EPOCH,
    };
    assert_eq!(claimable(db.reader(), &wanted, 3).await.unwrap().len(), 3);

    let backend = db.reader().backend();
    let mut claim = values(&wanted).unwrap();
    claim.push(wanted.now.into());
    let claim = Query::written(backend, &claiming(backend, "1"), claim);
    for query in [looking(backend, &wanted, 1).unwrap(), claim] {
        let plan = plan(&db, &query).await;
        assert!(plan.contains(INDEX), "{plan}");
        for waste in
            ["Sort", "TEMP B-TREE", "Seq Scan", "BLOOM FILTER ON", "SCAN t", "SCAN k", "SCAN e"]
        {
            assert!(!plan.contains(waste), "{waste} in\n{plan}");
        }
    }
    db.close().await.unwrap();
    place.gone().await;
}

async fn plan(db: &Db, query: &Query) -> String {
    let explained = |word: &str| {
        let text = format!("{word} {}", query.text());
        Query::written(db.reader().backend(), &text, query.values().to_vec())
    };
    let steps: Vec<String> = match db.reader().backend() {
        Backend::Sqlite => {
            let rows: Vec<(i64, i64, i64, String)> =
                db.reader().all(explained("EXPLAIN QUERY PLAN")).await.unwrap();
            rows.into_iter().map(|(.., step)| step).collect()
        }
        Backend::Postgres => {
            let rows: Vec<(String,)> = db.reader().all(explained("EXPLAIN")).await.unwrap();
            rows.into_iter().map(|(step,)| step).collect()
        }
    };
    steps.join("\n")
}

/// Tickets with five pending tasks each.
async fn seed(db: &Db) {
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
            rows(TICKETS)
        ),
        format!(
            "INSERT INTO tasks (id, ticket_id, phase_id, phase_rank, task_type, description, \
               priority, priority_rank, agent_type, required_capabilities, status, max_attempts, \
               attempts_used, failures_in_a_row, losses_in_a_row, fencing_token, version, \
               created_at, updated_at) \
             SELECT {}, {}, 'PHASE_DESIGN', 2, 'design', 'C', 'MEDIUM', 2, 'worker', '[\"rust\"]', \
               'pending', 3, 0, 0, 0, 0, 1, {made}, {made} FROM {}",
            id("i"),
            id(&format!("(i % {TICKETS}) + 1")),
            rows(5 * TICKETS)
        ),
        "ANALYZE".to_owned(),
    ] {
        outside.execute_unprepared(&statement).await.unwrap();
    }
}

/// A migrated database of this test's own.
struct Place {
    url: String,
    name: String,
}

impl Place {
    async fn new() -> Self {
        let name = format!("phaseline_plan_{}", std::process::id());
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

    async fn gone(self) {
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
