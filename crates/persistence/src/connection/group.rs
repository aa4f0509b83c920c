//! Writes that are committed together: units of work that ask for the same statements with other
//! values are one statement over all of these (`docs/adr/0021-together-on-postgresql.md`).

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::DatabaseConnection;
use tokio::sync::oneshot;

use super::{
    gather::{Gather, Serve},
    pool::Pool,
    writes::Writes,
};
use crate::{Error, Result, query::Query};

/// How many units share one commit at most.
const MOST: usize = 64;
/// How many bytes of values one statement carries, unless one unit alone has more: as many as leave
/// as one record of TLS. The second one would wait until the server has acknowledged the first.
const MOST_BYTES: usize = 15 << 10;
/// How many commits are under way at once.
const LANES: u32 = 2;
/// A lane does not wait for longer for what somebody else holds: whoever has to, waits by itself.
const LANE: [(&str, &str); 1] = [("lock_timeout", "20ms")];
/// For how many statements nobody is put together with others after that has failed.
const WARY: u32 = 64;

/// Whoever comes to write while others commit is in the next commit with whoever else came.
#[derive(Debug)]
pub(super) struct Group {
    gather: Gather<Writer>,
    lanes: Arc<Pool>,
    patience: Duration,
}

struct Writer {
    lanes: Arc<Pool>,
    /// For those that have to be alone.
    pool: Arc<Pool>,
    wary: AtomicU32,
}

struct Job {
    writes: Writes,
    /// Its values as an object of JSON; `None` where it has to be alone.
    row: Option<String>,
    /// Until when it may wait for its turn.
    until: Instant,
    /// Whether it must not be put together with others for now.
    is_apart: bool,
    reply: oneshot::Sender<Result<()>>,
}

impl Group {
    /// Beside a pool, for those that cannot be put together with others.
    pub(super) fn new(server: &DatabaseConnection, pool: Arc<Pool>, patience: Duration) -> Self {
        let lanes = Pool::beside(server, LANES, patience, &LANE);
        let writer = Writer { lanes: Arc::clone(&lanes), pool, wary: AtomicU32::new(0) };
        Self { gather: Gather::new(writer, LANES as usize), lanes, patience }
    }

    /// Writes all of it, durably.
    ///
    /// # Errors
    /// [`Error::ChangedHands`] if the guard found nothing to change, or what it would change is being
    /// changed by somebody else.
    pub(super) async fn write(&self, writes: Writes) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let (row, until) = (writes.row(), Instant::now() + self.patience);
        self.gather.give(Job { writes, row, until, is_apart: false, reply })?;
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// Lets go of the server.
    pub(super) async fn close(&self) {
        self.lanes.close().await;
    }
}

impl Serve for Writer {
    type Job = Job;

    /// The first one with those like it.
    fn pick(&self, waiting: &mut VecDeque<Job>) -> Vec<Job> {
        let length = waiting.len();
        let Some(first) = waiting.pop_front() else { return Vec::new() };
        if first.until < Instant::now() {
            first.answer(Err(Error::Busy { waiting: length }));
            return Vec::new();
        }
        let wary = self.wary.load(Ordering::Relaxed);
        if wary > 0 {
            self.wary.store(wary - 1, Ordering::Relaxed);
            return vec![Job { is_apart: true, ..first }];
        }
        let Some(mut bytes) = first.row.as_ref().map(String::len) else { return vec![first] };
        let mut jobs = vec![first];
        let mut others = VecDeque::with_capacity(waiting.len());
        for job in waiting.drain(..) {
            let more = job.row.as_ref().map_or(usize::MAX, String::len);
            let fits = jobs.len() < MOST && bytes.saturating_add(more) <= MOST_BYTES;
            if fits && job.writes.is_like(&jobs[0].writes) {
                bytes += more;
                jobs.push(job);
            } else {
                others.push_back(job);
            }
        }
        *waiting = others;
        jobs
    }

    async fn serve(&self, jobs: Vec<Job>) {
        let together: Option<Vec<&str>> = jobs.iter().map(|job| job.row.as_deref()).collect();
        let outcome = match (jobs.as_slice(), together) {
            ([], _) => return,
            ([job], _) if job.is_apart => return self.each_by_itself(jobs),
            ([job], _) => job.alone(&self.lanes).await.map(|applied| vec![applied]),
            ([first, ..], Some(rows)) => self.written(&first.writes, &rows).await,
            // Only those are picked together that can be written together.
            (_, None) => return self.each_by_itself(jobs),
        };
        match outcome {
            Ok(applied) => {
                for (job, applied) in jobs.into_iter().zip(applied) {
                    job.answer(Ok(applied));
                }
            }
            // It has waited for somebody for too long.
            Err(Error::Serialization(_)) => self.each_by_itself(jobs),
            Err(error) if jobs.len() == 1 || !error.is_of_the_statement() => {
                for job in jobs {
                    job.answer(Err(error.shared()));
                }
            }
            // One of them has spoilt it for all. The server has said so: nothing is written.
            Err(_) => {
                self.wary.store(WARY, Ordering::Relaxed);
                self.each_by_itself(jobs);
            }
        }
    }
}

impl Writer {
    /// Which units were written by one statement.
    async fn written(&self, like: &Writes, rows: &[&str]) -> Result<Vec<bool>> {
        let all = Query::raw(like.of_many(), vec![format!("[{}]", rows.join(",")).into()]);
        if like.guard.is_none() {
            self.lanes.execute(all).await?;
            return Ok(vec![true; rows.len()]);
        }
        let mut applied = vec![false; rows.len()];
        for row in self.lanes.all(all).await? {
            let unit: i64 =
                row.try_get_by_index(0).map_err(|why| Error::Unavailable(why.into()))?;
            let place = usize::try_from(unit - 1).ok().and_then(|unit| applied.get_mut(unit));
            if let Some(place) = place {
                *place = true;
            }
        }
        Ok(applied)
    }

    /// Beside the lanes, so that nobody else waits for them.
    fn each_by_itself(&self, jobs: Vec<Job>) {
        for job in jobs {
            let pool = Arc::clone(&self.pool);
            tokio::spawn(async move {
                let done = job.alone(&pool).await;
                job.answer(done);
            });
        }
    }
}

impl Job {
    /// Writes it by itself; says whether the guard let it.
    async fn alone(&self, pool: &Arc<Pool>) -> Result<bool> {
        let changed = pool.execute(self.writes.of_one()).await?;
        Ok(self.writes.guard.is_none() || changed > 0)
    }

    fn answer(self, applied: Result<bool>) {
        let done = match applied {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::ChangedHands),
            Err(error) => Err(error),
        };
        // Whoever asked may have gone.
        let _ = self.reply.send(done);
    }
}
