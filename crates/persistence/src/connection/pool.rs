//! Connections to PostgreSQL, as many as are wanted and no more.
//!
//! The driver's own pool asks the server after each use whether the connection is still sound: one
//! round trip more for each statement. Here a connection counts as sound if its last statement was
//! answered.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::TryStreamExt;
use sea_orm::{
    DatabaseConnection, DbErr, QueryResult, RuntimeErr, Value,
    sqlx::{
        self, Arguments, AssertSqlSafe, Connection as _, Executor, PgConnection,
        encode::IsNull,
        postgres::{PgArgumentBuffer, PgArguments, PgConnectOptions, PgTypeInfo, types::Oid},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    Error, Result,
    query::Query,
    row::{Cells, FromRow, Row},
};

/// A connection that nobody has needed for so long is not used again: what lies between may have
/// forgotten it.
const IDLE: Duration = Duration::from_secs(300);
/// Nor one that is so old: its server process has grown.
const OLD: Duration = Duration::from_secs(1800);

/// The connections.
#[derive(Debug)]
pub(crate) struct Pool {
    options: Arc<PgConnectOptions>,
    patience: Duration,
    /// How long an answer may take.
    limit: Option<Duration>,
    free: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: PgConnection,
    born: Instant,
    since: Instant,
}

/// A connection that somebody has. It goes back where it came from, unless it is in the middle of
/// something: then it is closed, and the server undoes what was not committed.
#[derive(Debug)]
pub(crate) struct Wire {
    connection: Option<PgConnection>,
    born: Instant,
    /// Whether nothing is under way on it.
    is_at_rest: bool,
    in_transaction: bool,
    /// Whether the transaction must not be committed. The server would not say so: it answers a
    /// commit of what has failed like any other.
    is_spoilt: bool,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// So many connections to the server of this one, opened when they are needed.
    pub(crate) fn like(
        connection: &DatabaseConnection,
        count: u32,
        patience: Duration,
    ) -> Arc<Self> {
        let options = connection.get_postgres_connection_pool().connect_options();
        Self::with(options, count, patience, None)
    }

    /// So many connections beside those, with these settings besides, on which many wait for each
    /// answer: one that does not come in time is given up.
    pub(crate) fn beside(
        connection: &DatabaseConnection,
        count: u32,
        patience: Duration,
        settings: &[(&str, &str)],
    ) -> Arc<Self> {
        let options = connection.get_postgres_connection_pool().connect_options();
        let options = PgConnectOptions::clone(&options).options(settings.iter().copied());
        Self::with(Arc::new(options), count, patience, Some(patience))
    }

    fn with(
        options: Arc<PgConnectOptions>,
        count: u32,
        patience: Duration,
        limit: Option<Duration>,
    ) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(count.max(1) as usize));
        Arc::new(Self { options, patience, limit, free, idle: Mutex::default() })
    }

    /// How long callers wait.
    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }

    /// A connection of one's own.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none comes free in time or nobody answers, [`Error::Closed`].
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Wire> {
        let free = Arc::clone(&self.free).acquire_owned();
        let permit = tokio::time::timeout(self.patience, free)
            .await
            .map_err(|_| Error::Unavailable("all connections are in use".into()))?
            .map_err(|_| Error::Closed)?;
        let (connection, born) = match self.rested() {
            Some(Idle { connection, born, since: _ }) => (connection, born),
            None => {
                let connect = PgConnection::connect_with(&self.options);
                let connection = tokio::time::timeout(self.patience, connect)
                    .await
                    .map_err(|_| Error::Unavailable("the server does not answer".into()))?
                    .map_err(|why| Error::Unavailable(why.into()))?;
                (connection, Instant::now())
            }
        };
        Ok(Wire {
            connection: Some(connection),
            born,
            is_at_rest: true,
            in_transaction: false,
            is_spoilt: false,
            pool: Arc::clone(self),
            _permit: permit,
        })
    }

    /// The rows that a statement answers.
    pub(crate) async fn all(self: &Arc<Self>, query: Query) -> Result<Vec<QueryResult>> {
        self.take().await?.all(query).await
    }

    /// The same, read.
    pub(crate) async fn read<T: FromRow>(self: &Arc<Self>, query: Query) -> Result<Vec<T>> {
        self.take().await?.read(query).await
    }

    /// How many rows a statement changes.
    pub(crate) async fn execute(self: &Arc<Self>, query: Query) -> Result<u64> {
        self.take().await?.execute(query).await
    }

    /// Gives nobody a connection any more, and closes those that are idle.
    pub(crate) async fn close(&self) {
        self.free.close();
        let idle = std::mem::take(&mut *self.idle());
        for Idle { connection, .. } in idle {
            // It may be broken: then there is nothing to take leave of.
            let _ = tokio::time::timeout(self.patience, connection.close()).await;
        }
    }

    /// One that may be used again.
    fn rested(&self) -> Option<Idle> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < IDLE && idle.born.elapsed() < OLD);
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire {
    /// The rows that a statement answers.
    pub(crate) async fn all(&mut self, query: Query) -> Result<Vec<QueryResult>> {
        let statement = statement(query)?;
        let rows = self.ask(async |connection| connection.fetch_all(statement).await).await?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }

    /// The same, each row read while the server still sends the next ones.
    pub(crate) async fn read<T: FromRow>(&mut self, query: Query) -> Result<Vec<T>> {
        let statement = statement(query)?;
        self.ask(async |connection| {
            let mut rows = connection.fetch(statement);
            let mut read = Ok(Vec::new());
            // Were the others left unread, the connection would be of no more use.
            while let Some(row) = rows.try_next().await? {
                if let Ok(values) = &mut read {
                    let row = QueryResult::from(row);
                    match T::from_row(&mut Row::new(Cells::Postgres(&row), T::TABLE)) {
                        Ok(value) => values.push(value),
                        Err(error) => read = Err(error),
                    }
                }
            }
            Ok(read)
        })
        .await?
    }

    /// How many rows a statement changes.
    pub(crate) async fn execute(&mut self, query: Query) -> Result<u64> {
        let statement = statement(query)?;
        let done = self.ask(async |connection| connection.execute(statement).await).await?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn begin(&mut self) -> Result<()> {
        self.in_transaction = true;
        self.command("BEGIN").await
    }

    /// Sees to it that the transaction is not committed.
    pub(crate) const fn spoil(&mut self) {
        self.is_spoilt = true;
    }

    pub(crate) async fn commit(mut self) -> Result<()> {
        if self.is_spoilt {
            self.rollback().await?;
            return Err(Error::NotCommitted { why: "a statement of it has failed".to_owned() });
        }
        self.command("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(crate) async fn rollback(mut self) -> Result<()> {
        self.command("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }

    async fn command(&mut self, text: &'static str) -> Result<()> {
        self.ask(async |connection| sqlx::raw_sql(text).execute(connection).await).await.map(|_| ())
    }

    /// Asks the server for something; a connection whose last answer never came is not used again.
    async fn ask<T>(
        &mut self,
        ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T> {
        let connection = self.connection.as_mut().ok_or(Error::Closed)?;
        if !std::mem::replace(&mut self.is_at_rest, false) {
            return Err(Error::Unavailable("the connection is broken".into()));
        }
        let answer = match self.pool.limit {
            None => ask(connection).await,
            Some(limit) => match tokio::time::timeout(limit, ask(connection)).await {
                Ok(answer) => answer,
                Err(_) => return Err(Error::Unavailable("the server does not answer".into())),
            },
        };
        self.is_spoilt |= answer.is_err();
        self.is_at_rest = answer.as_ref().err().is_none_or(is_survived);
        if !self.is_at_rest {
            // What ended this one has most likely ended the others.
            self.pool.idle().clear();
        }
        answer.map_err(|why| Error::from(DbErr::Query(RuntimeErr::SqlxError(Arc::new(why)))))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.is_at_rest && !self.in_transaction && !self.pool.free.is_closed() {
            let (born, since) = (self.born, Instant::now());
            self.pool.idle().push(Idle { connection, born, since });
        }
    }
}

/// Whether a connection goes on after this. Class 57P is a server that ends it.
fn is_survived(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().map(|error| error.code().unwrap_or_default());
    code.is_some_and(|code| !code.starts_with("57P"))
}

/// A statement with its values, as the driver takes them.
fn statement(query: Query) -> Result<sqlx::query::Query<'static, sqlx::Postgres, PgArguments>> {
    let (text, values) = query.into_parts();
    let mut arguments = PgArguments::default();
    for value in values {
        add(&mut arguments, value).map_err(Error::Database)?;
    }
    Ok(sqlx::query_with(AssertSqlSafe(text), arguments))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "no column has any of all the others")]
fn add(arguments: &mut PgArguments, value: Value) -> Result<(), crate::Cause> {
    match value {
        Value::Bool(value) => arguments.add(value),
        Value::Int(value) => arguments.add(value),
        Value::BigInt(value) => arguments.add(value),
        Value::Unsigned(value) => arguments.add(value.map(i64::from)),
        Value::BigUnsigned(value) => arguments.add(value.map(i64::try_from).transpose()?),
        Value::Double(value) => arguments.add(value),
        Value::String(text) => arguments.add(text),
        Value::Uuid(id) => arguments.add(id),
        Value::Json(document) => arguments.add(document.map(|json| Document(json.to_string()))),
        Value::ChronoDateTimeUtc(time) => arguments.add(time),
        other => Err(format!("no column takes {other:?}").into()),
    }
}

/// The number that every PostgreSQL gives to the type `json` (`pg_type.dat`).
const JSON: Oid = Oid(114);

/// JSON as we write it. The driver would declare it as `jsonb`, of which the server makes a text of
/// its own.
struct Document(String);

impl sqlx::Type<sqlx::Postgres> for Document {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(JSON)
    }
}

impl sqlx::Encode<'_, sqlx::Postgres> for Document {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, crate::Cause> {
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}
