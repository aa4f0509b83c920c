//! Migrations go down and up again over a filled database.

use std::collections::BTreeMap;

use phaseline_migration::{Migrator, MigratorTrait, dropped_by};
use phaseline_persistence::{Backend, Db, entity::ticket_context};
use sea_orm::DatabaseConnection;
use serde_json::json;

use crate::{
    kit::{database, outside, query, run, tables},
    rows::{self, insert},
};

#[tokio::test]
async fn a_way_down_drops_what_it_says_and_keeps_every_other_row() {
    for steps in 1..=Migrator::migrations().len() {
        let place = database().await;
        let db = place.open().await;
        fill(&db).await;
        let filled = tables(&db).await;
        let dropped = dropped_by_the_last(steps);

        let steps_down = Some(steps.try_into().unwrap());
        outside(&db, async |db| Migrator::down(db, steps_down).await.unwrap()).await;
        let kept: BTreeMap<_, _> =
            filled.iter().filter(|(table, _)| !dropped.contains(&table.as_str())).collect();
        assert_eq!(tables(&db).await.iter().collect::<BTreeMap<_, _>>(), kept);

        outside(&db, async |db| Migrator::up(db, None).await.unwrap()).await;
        for (table, rows) in tables(&db).await {
            let expected = if !dropped.contains(&table.as_str()) {
                filled[&table]
            } else {
                i64::from(table == "event_log")
            };
            assert_eq!(rows, expected, "{table} after {steps} down and up again");
        }
    }
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let place = database().await;
    let db = place.open().await;
    fill(&db).await;
    let before = tables(&db).await;
    outside(&db, async |db| Migrator::up(db, None).await.unwrap()).await;
    assert_eq!(tables(&db).await, before);
}

#[tokio::test]
async fn the_command_says_which_rows_a_way_down_takes() {
    let place = database().await;
    fill(&place.open().await).await;
    let said = xtask_migrate(&["down", "5"], place.url()).await
        + &xtask_migrate(&["status"], place.url()).await
        + &xtask_migrate(&["up"], place.url()).await;
    insta::assert_snapshot!(said, @r"
    m20261127_000010_completed_tasks goes, and no rows with it
    m20261127_000009_contexts_as_text goes, and no rows with it
    m20261126_000008_compression goes, and no rows with it
    m20261124_000007_gates goes, and with it:
      ticket_approvals: 1 row
      ticket_artifacts: 1 row
    m20261124_000006_attempts goes, and with it:
      task_attempts: 1 row
    took back m20261127_000010_completed_tasks
    took back m20261127_000009_contexts_as_text
    took back m20261126_000008_compression
    took back m20261124_000007_gates
    took back m20261124_000006_attempts
    applied  m20261123_000001_tickets
    applied  m20261123_000002_tasks
    applied  m20261123_000003_agents
    applied  m20261123_000004_events
    applied  m20261123_000005_idempotency_keys
    pending  m20261124_000006_attempts
    pending  m20261124_000007_gates
    pending  m20261126_000008_compression
    pending  m20261127_000009_contexts_as_text
    pending  m20261127_000010_completed_tasks
    applied m20261124_000006_attempts
    applied m20261124_000007_gates
    applied m20261126_000008_compression
    applied m20261127_000009_contexts_as_text
    applied m20261127_000010_completed_tasks
    ");
}

#[tokio::test]
async fn postgresql_compresses_long_texts_with_lz4_where_it_can() {
    let place = database().await;
    let db = place.open().await;
    if db.reader().backend() != Backend::Postgres {
        return;
    }
    let methods = "SELECT 'lz4' = ANY(enumvals) FROM pg_settings \
                   WHERE name = 'default_toast_compression'";
    // PostgreSQL 13 knows one method and no such setting.
    let Some(can) = query(&db, methods).await.pop() else { return };
    let can: bool = can.try_get_by_index(0).unwrap();
    let [compressed, plain] = [["documents x, lz4 5"], ["documents e, lz4 0"]];
    assert_eq!(long_texts(&db).await, if can { compressed } else { plain });
    let long = ticket_context::Model {
        document: json!({ "notes": vec!["as asked"; 1000] }).to_string(),
        ..rows::ticket_context()
    };
    insert(&db, rows::ticket()).await;
    insert(&db, long).await;
    let stored = "SELECT COALESCE(pg_column_compression(document), 'plain') FROM ticket_contexts";
    let method = if can { "lz4" } else { "plain" };
    for goes_down in [true, false] {
        let said = query(&db, stored).await;
        let said: Vec<String> = said.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
        assert_eq!(said, [method], "what is there is stored as what comes");
        let step = async |db: &DatabaseConnection| match goes_down {
            true => Migrator::down(db, Some(2)).await.unwrap(),
            false => Migrator::up(db, None).await.unwrap(),
        };
        outside(&db, step).await;
    }
    outside(&db, async |db| Migrator::down(db, Some(2)).await.unwrap()).await;
    assert_eq!(long_texts(&db).await, if can { compressed } else { plain });
    outside(&db, async |db| Migrator::down(db, Some(1)).await.unwrap()).await;
    assert_eq!(long_texts(&db).await, plain);
    outside(&db, async |db| Migrator::up(db, None).await.unwrap()).await;
    assert_eq!(long_texts(&db).await, if can { compressed } else { plain });
}

/// How the documents of contexts are stored, and how many columns are compressed with lz4.
async fn long_texts(db: &Db) -> Vec<String> {
    let stored = "SELECT format('documents %s, lz4 %s', \
                  (SELECT attstorage FROM pg_attribute WHERE attname = 'document' \
                    AND attrelid = 'ticket_contexts'::regclass), \
                  (SELECT count(*) FROM pg_attribute WHERE attcompression = 'l'))";
    query(db, stored).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn xtask_migrate(arguments: &[&str], url: &str) -> String {
    let arguments = [&["migrate", "--database-url", url], arguments].concat();
    run("xtask", &arguments).await
}

fn dropped_by_the_last(steps: usize) -> Vec<&'static str> {
    let migrations = Migrator::migrations();
    migrations.iter().rev().take(steps).flat_map(|last| dropped_by(last.name())).copied().collect()
}

async fn fill(db: &Db) {
    insert(db, rows::blocker()).await;
    insert(db, rows::ticket()).await;
    insert(db, rows::ticket_dependency()).await;
    insert(db, rows::phase_history()).await;
    insert(db, rows::ticket_context()).await;
    insert(db, rows::needed_task()).await;
    insert(db, rows::task()).await;
    insert(db, rows::task_dependency()).await;
    insert(db, rows::task_attempt()).await;
    insert(db, rows::ticket_artifact()).await;
    insert(db, rows::ticket_approval()).await;
    insert(db, rows::agent()).await;
    insert(db, rows::agent_heartbeat()).await;
    insert(db, rows::event()).await;
    insert(db, rows::idempotency_key()).await;
}
