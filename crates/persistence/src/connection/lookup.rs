//! Rows that many look for at the same moment, each by its id: PostgreSQL is asked for all of them
//! at once.

use std::{
    collections::{HashMap, VecDeque},
    marker::PhantomData,
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{
    ColumnTrait, QueryResult, Value,
    sea_query::{Expr, ExprTrait, Func},
};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    gather::{Gather, Serve},
    pool::Pool,
};
use crate::{
    Error, Result,
    query::Query,
    row::{Cells, FromRow, Row},
};

/// How many ids one statement asks for.
const MOST: usize = 128;
/// How many statements are under way at once.
pub(super) const LANES: usize = 2;

/// A row that is found by its id, which is its first column.
pub(crate) trait ById: FromRow + 'static {
    /// The statement that answers the rows of which the ids are in `$1`, a text that PostgreSQL
    /// reads as an array.
    fn among() -> &'static str;
}

/// Whether a key is among those in the first value, for [`ById::among`].
pub(crate) fn among(key: impl ColumnTrait) -> Expr {
    let ids = Expr::cust_with_values("$1::uuid[]", [""]);
    Expr::col(key.as_column_ref()).eq(Func::cust("ANY").arg(ids))
}

/// Looks for rows of one kind.
#[derive(Debug)]
pub(crate) struct Lookup<T: ById> {
    gather: Gather<Finder<T>>,
    patience: Duration,
}

struct Finder<T> {
    pool: Arc<Pool>,
    rows: PhantomData<fn() -> T>,
}

struct Wanted<T> {
    id: Uuid,
    until: Instant,
    reply: oneshot::Sender<Result<Option<T>>>,
}

impl<T: ById> Lookup<T> {
    /// Over these connections; a caller waits for its turn no longer than it has patience.
    pub(crate) fn new(pool: Arc<Pool>, patience: Duration) -> Self {
        Self { gather: Gather::new(Finder { pool, rows: PhantomData }, LANES), patience }
    }

    /// The row with this id, as it is committed.
    pub(crate) async fn find(&self, id: Uuid) -> Result<Option<T>> {
        let (reply, answer) = oneshot::channel();
        self.gather.give(Wanted { id, until: Instant::now() + self.patience, reply })?;
        answer.await.unwrap_or(Err(Error::Closed))
    }
}

impl<T: ById> Serve for Finder<T> {
    type Job = Wanted<T>;

    fn pick(&self, waiting: &mut VecDeque<Wanted<T>>) -> Vec<Wanted<T>> {
        let (now, length) = (Instant::now(), waiting.len());
        let mut picked = Vec::with_capacity(length.min(MOST));
        for job in waiting.drain(..length.min(MOST)) {
            if job.until < now {
                let _ = job.reply.send(Err(Error::Busy { waiting: length }));
            } else if !job.reply.is_closed() {
                picked.push(job);
            }
        }
        picked
    }

    async fn serve(&self, jobs: Vec<Wanted<T>>) {
        let ids: Vec<String> = jobs.iter().map(|job| job.id.to_string()).collect();
        let ids = Value::from(format!("{{{}}}", ids.join(",")));
        let query = Query::raw(T::among().to_owned(), vec![ids]);
        match self.pool.all(query).await {
            Ok(rows) => answer(&rows, jobs),
            Err(error) => {
                for Wanted { reply, .. } in jobs {
                    let _ = reply.send(Err(error.shared()));
                }
            }
        }
    }
}

/// Gives each caller its row. One that does not decode is the trouble of those alone who want it.
fn answer<T: ById>(rows: &[QueryResult], jobs: Vec<Wanted<T>>) {
    let mut asked: HashMap<Uuid, Vec<_>> = HashMap::with_capacity(jobs.len());
    for Wanted { id, until: _, reply } in jobs {
        asked.entry(id).or_default().push(reply);
    }
    for row in rows {
        let cells = || Row::new(Cells::Postgres(row), T::TABLE);
        let Ok(id) = cells().get::<Uuid>("id") else { continue };
        for reply in asked.remove(&id).unwrap_or_default() {
            // Whoever asked may have gone.
            let _ = reply.send(T::from_row(&mut cells()).map(Some));
        }
    }
    for reply in asked.into_values().flatten() {
        let _ = reply.send(Ok(None));
    }
}
