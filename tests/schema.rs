//! Entities and migrations agree, column by column and value by value.

use std::{collections::BTreeSet, fmt::Debug};

use phaseline_persistence::{
    Db,
    entity::{
        agent, agent_heartbeat, event, event_log, idempotency_key, phase_history, task,
        task_attempt, task_dependency, ticket, ticket_approval, ticket_artifact, ticket_context,
        ticket_dependency,
    },
};
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, IdenStatic, IntoActiveModel, Iterable, ModelTrait,
    PrimaryKeyToColumn,
};

use crate::{
    kit::{backend, database, outside, query, tables},
    rows::{self, insert},
};

#[tokio::test]
async fn every_entity_has_the_columns_of_its_table() {
    let place = database().await;
    let db = place.open().await;
    let known = BTreeSet::from([
        agree::<agent::Entity>(&db).await,
        agree::<agent_heartbeat::Entity>(&db).await,
        agree::<event::Entity>(&db).await,
        agree::<event_log::Entity>(&db).await,
        agree::<idempotency_key::Entity>(&db).await,
        agree::<phase_history::Entity>(&db).await,
        agree::<task::Entity>(&db).await,
        agree::<task_attempt::Entity>(&db).await,
        agree::<task_dependency::Entity>(&db).await,
        agree::<ticket::Entity>(&db).await,
        agree::<ticket_approval::Entity>(&db).await,
        agree::<ticket_artifact::Entity>(&db).await,
        agree::<ticket_context::Entity>(&db).await,
        agree::<ticket_dependency::Entity>(&db).await,
    ]);
    let there: BTreeSet<_> = tables(&db).await.into_keys().collect();
    assert_eq!(known, there, "every table has an entity");
}

#[tokio::test]
async fn a_full_row_comes_back_as_it_was_written() {
    let place = database().await;
    let db = place.open().await;
    keeps(&db, rows::blocker()).await;
    keeps(&db, rows::ticket()).await;
    keeps(&db, rows::ticket_dependency()).await;
    keeps(&db, rows::phase_history()).await;
    keeps(&db, rows::ticket_context()).await;
    keeps(&db, rows::needed_task()).await;
    keeps(&db, rows::task()).await;
    keeps(&db, rows::task_dependency()).await;
    keeps(&db, rows::task_attempt()).await;
    keeps(&db, rows::ticket_artifact()).await;
    keeps(&db, rows::ticket_approval()).await;
    keeps(&db, rows::agent()).await;
    keeps(&db, rows::agent_heartbeat()).await;
    keeps(&db, rows::event()).await;
    keeps(&db, rows::idempotency_key()).await;
    let log = outside(&db, async |db| event_log::Entity::find().all(db).await.unwrap()).await;
    assert_eq!(log, [event_log::Model { id: 1, trimmed_through: 0 }]);
}

async fn keeps<M>(db: &Db, row: M)
where
    M: ModelTrait + PartialEq + Debug,
    M: IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    M::Entity: EntityTrait<Model = M>,
{
    insert(db, row.clone()).await;
    let stored = outside(db, async |db| M::Entity::find().all(db).await.unwrap()).await;
    assert!(stored.contains(&row), "{row:#?} is not among {stored:#?}");
}

async fn agree<E: EntityTrait>(db: &Db) -> String {
    let table = E::default().table_name().to_owned();
    let keys: Vec<_> =
        E::PrimaryKey::iter().map(|key| key.into_column().as_str().to_owned()).collect();
    let told: BTreeSet<_> = E::Column::iter()
        .map(|column| {
            let definition = column.def();
            line(
                column.as_str(),
                kind(&format!("{:?}", definition.get_column_type())),
                definition.is_null(),
                keys.iter().any(|key| key == column.as_str()),
            )
        })
        .collect();
    assert_eq!(told, columns(db, &table).await, "the columns of {table}");
    table
}

async fn columns(db: &Db, table: &str) -> BTreeSet<String> {
    let statement = if backend() == DbBackend::Postgres {
        format!(
            "SELECT c.column_name::text, c.data_type::text, (c.is_nullable = 'YES')::int, \
               (SELECT count(*)::int FROM information_schema.key_column_usage k \
                JOIN information_schema.table_constraints t USING (constraint_name, table_name) \
                WHERE t.constraint_type = 'PRIMARY KEY' AND k.table_name = c.table_name \
                  AND k.column_name = c.column_name) \
             FROM information_schema.columns c WHERE c.table_name = '{table}'"
        )
    } else {
        format!(
            "SELECT name, lower(type), NOT \"notnull\", pk > 0 FROM pragma_table_info('{table}')"
        )
    };
    query(db, &statement)
        .await
        .iter()
        .map(|row| {
            let name: String = row.try_get_by_index(0).unwrap();
            let declared: String = row.try_get_by_index(1).unwrap();
            // SQLite still calls it what it was made as; both are text to it.
            let was_json =
                declared == "json_text" && (table, &*name) == ("ticket_contexts", "document");
            let declared = if was_json { "text".to_owned() } else { declared };
            let nullable: i32 = row.try_get_by_index(2).unwrap();
            let key: i32 = row.try_get_by_index(3).unwrap();
            line(&name, kind(&declared), nullable != 0, key != 0)
        })
        .collect()
}

fn line(name: &str, kind: &str, nullable: bool, key: bool) -> String {
    let null = if nullable { " null" } else { "" };
    let key = if key { " key" } else { "" };
    format!("{name} {kind}{null}{key}")
}

/// One name for what SeaORM, PostgreSQL and SQLite call by three.
fn kind(declared: &str) -> &str {
    let plain = declared.split('(').next().unwrap();
    match plain {
        "Uuid" | "uuid" | "uuid_text" => "uuid",
        "TimestampWithTimeZone" | "timestamp with time zone" | "timestamp_with_timezone_text" => {
            "time"
        }
        "String" | "character varying" | "varchar" => "name",
        "Text" | "text" => "text",
        "Json" | "json" | "json_text" => "json",
        "Boolean" | "boolean" => "flag",
        "Double" | "double precision" | "double" => "double",
        // SQLite has one kind of whole number, and numbers rows itself only in `integer`.
        "Integer" | "integer" | "BigInteger" | "bigint" if backend() == DbBackend::Sqlite => {
            "whole"
        }
        "Integer" | "integer" => "32 bits",
        "BigInteger" | "bigint" => "64 bits",
        other => panic!("a type that no column has had so far: {other}"),
    }
}
