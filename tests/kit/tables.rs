//! Looking at a database from outside.

use std::collections::BTreeMap;

use phaseline_persistence::{Backend, Db};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};

/// The rows that a statement answers.
pub(crate) async fn query(db: &Db, statement: &str) -> Vec<QueryResult> {
    outside(db, async |outside| {
        let statement = Statement::from_string(outside.get_database_backend(), statement);
        outside.query_all_raw(statement).await.unwrap()
    })
    .await
}

/// Looks at a database past its door, and lets go of it.
pub(crate) async fn outside<T>(db: &Db, look: impl AsyncFnOnce(&DatabaseConnection) -> T) -> T {
    let outside = db.outside().await.unwrap();
    let seen = look(&outside).await;
    if outside.get_database_backend() == DbBackend::Sqlite {
        outside.close().await.unwrap();
    }
    seen
}

/// How many rows each table has; the books of the databases and of the migrations are left out.
pub(crate) async fn tables(db: &Db) -> BTreeMap<String, i64> {
    let names = if db.reader().backend() == Backend::Postgres {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
    } else {
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    };
    let mut rows = BTreeMap::new();
    for row in query(db, names).await {
        let table: String = row.try_get_by_index(0).unwrap();
        if table != "seaql_migrations" {
            let count = query(db, &format!("SELECT count(*) FROM {table}")).await;
            rows.insert(table, count[0].try_get_by_index(0).unwrap());
        }
    }
    rows
}
