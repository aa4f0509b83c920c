//! Statements: what is asked of a database, with its values.

use std::{borrow::Cow, sync::OnceLock};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, Insert, Iterable, QueryTrait, Statement,
    StatementBuilder, Value, sea_query::Expr,
};

use crate::{Backend, Result, Tx};

/// A statement with its values, ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

impl Query {
    /// A statement as SeaORM writes it, written anew each time: for those that differ from call to
    /// call.
    pub(crate) fn of(backend: Backend, statement: &impl QueryTrait) -> Self {
        Self::built(backend, statement.as_query())
    }

    /// A statement as SeaQuery writes it.
    pub(crate) fn built(backend: Backend, statement: &impl StatementBuilder) -> Self {
        let Statement { sql, values, db_backend: _ } = statement.build(&backend.into());
        Self { text: sql.into(), values: values.map_or_else(Vec::new, |values| values.0) }
    }

    /// A statement in our own words, in which `$1` is the first value.
    pub(crate) fn written(
        backend: Backend,
        text: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Self {
        // In SQLite `$1` is a name, numbered by where it comes first.
        let text = match backend {
            Backend::Sqlite => text.replace('$', "?"),
            Backend::Postgres => text.to_owned(),
        };
        Self { text: text.into(), values: values.into_iter().collect() }
    }

    /// A statement of which everything is given.
    pub(crate) const fn raw(text: String, values: Vec<Value>) -> Self {
        Self { text: Cow::Owned(text), values }
    }

    /// Its text and its values.
    pub(crate) fn into_parts(self) -> (Cow<'static, str>, Vec<Value>) {
        (self.text, self.values)
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }
}

/// The text of a statement that runs often: written once for each database, and prepared once by
/// each connection.
#[derive(Debug)]
pub(crate) struct Text {
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

impl Text {
    pub(crate) const fn new() -> Self {
        Self { sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    /// The statement with these values, which are in the order in which `write` names them. What
    /// values `write` itself puts in does not matter.
    pub(crate) fn with<S: StatementBuilder>(
        &'static self,
        backend: Backend,
        values: Vec<Value>,
        write: impl FnOnce() -> S,
    ) -> Query {
        let text = self.place(backend).get_or_init(|| {
            let Query { text, values: examples } = Query::built(backend, &write());
            debug_assert_eq!(examples.len(), values.len(), "{text}");
            text.into_owned()
        });
        Query { text: Cow::Borrowed(text), values }
    }

    /// The text alone.
    pub(crate) fn fixed<S: QueryTrait>(
        &'static self,
        backend: Backend,
        write: impl FnOnce() -> S,
    ) -> &'static str {
        self.place(backend).get_or_init(|| Query::of(backend, &write()).text.into_owned())
    }

    /// The statement with these values, written in our own words, in which `$1` is the first value.
    pub(crate) fn written(
        &'static self,
        backend: Backend,
        values: Vec<Value>,
        write: impl FnOnce() -> String,
    ) -> Query {
        let text = self
            .place(backend)
            .get_or_init(|| Query::written(backend, &write(), []).text.into_owned());
        Query { text: Cow::Borrowed(text), values }
    }

    const fn place(&self, backend: Backend) -> &OnceLock<String> {
        match backend {
            Backend::Sqlite => &self.sqlite,
            Backend::Postgres => &self.postgres,
        }
    }
}

/// A column that is compared beside a key that leads to few rows, and never leads to rows itself. SQLite
/// does not know how many rows have a value, and PostgreSQL what it knew of a table that has grown since:
/// either might take the index of this column, with half of the table behind it.
pub(crate) fn beside(backend: Backend, column: impl ColumnTrait) -> Expr {
    match backend {
        Backend::Sqlite => Expr::cust_with_expr("+?", Expr::col(column.as_column_ref())),
        Backend::Postgres => as_expression(backend, column),
    }
}

/// A text column in the words of an index of expressions: no index of the column itself leads to it.
pub(crate) fn as_expression(backend: Backend, column: impl ColumnTrait) -> Expr {
    let text = match backend {
        Backend::Sqlite => "(? || '')",
        Backend::Postgres => "($1 || '')",
    };
    Expr::cust_with_expr(text, Expr::col(column.as_column_ref()))
}

/// The same beside a column that leads to many rows, unless PostgreSQL knows that it is the better one.
pub(crate) fn beside_unless_rarer(backend: Backend, column: impl ColumnTrait) -> Expr {
    match backend {
        Backend::Sqlite => beside(backend, column),
        Backend::Postgres => Expr::col(column.as_column_ref()),
    }
}

/// The place of a value in the text of a statement.
pub(crate) fn any() -> Expr {
    Expr::value(0)
}

/// Inserts rows that have every column set. `text` is that of one row, which is the usual case.
pub(crate) async fn insert_rows<A>(tx: &Tx, text: &'static Text, mut rows: Vec<A>) -> Result<()>
where
    A: ActiveModelTrait,
{
    let db = tx.connection();
    if rows.len() != 1 {
        if rows.is_empty() {
            return Ok(());
        }
        return db.follow(Query::of(db.backend(), &A::Entity::insert_many(rows))).await;
    }
    let Some(mut row) = rows.pop() else { return Ok(()) };
    let example = row.clone();
    let columns = <A::Entity as EntityTrait>::Column::iter();
    let values = columns.filter_map(|column| row.take(column).into_value()).collect();
    let query = text.with(db.backend(), values, || Insert::one(example).into_query());
    db.follow(query).await
}
