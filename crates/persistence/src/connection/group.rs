//! Writes that are committed together: units of work that ask for the same statements with other
//! values are one statement over all of these (`docs/adr/0021-together-on-postgresql.md`).

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::DatabaseConnection;
use tokio::sync::oneshot;

use super::{
    gather::{Gather, Serve},
    many::Texts,
    pool::{Pool, Wire},
    writes::{About, Guard, Need, Writes},
};
use crate::{Error, Result, query::Query};

/// How many units share one commit at most.
const MOST: usize = 64;
/// How many bytes of values one statement carries, unless one unit alone has more: as many as leave
/// as one record of TLS. The second one would wait until the server has acknowledged the first.
const MOST_BYTES: usize = 15 << 10;
/// How many commits are under way at once.
const LANES: u32 = 2;
/// A lane does not wait for longer for what somebody else holds: whoever has to, waits by itself. And
/// each unit finds its rows by their keys: a table is no longer as large as when that was planned.
const LANE: [(&str, &str); 3] =
    [("lock_timeout", "20ms"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off")];
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
    texts: Arc<Texts>,
    wary: AtomicU32,
    /// The rows of the commits that are under way.
    under_way: Mutex<Rows>,
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
        let (texts, wary) = (Arc::default(), AtomicU32::new(0));
        let under_way = Mutex::default();
        let writer = Writer { lanes: Arc::clone(&lanes), pool, texts, wary, under_way };
        Self { gather: Gather::new(writer, LANES as usize), lanes, patience }
    }

    /// Writes all of it, durably.
    ///
    /// # Errors
    /// [`Error::ChangedHands`] if the guard found nothing to change, or what it would change is being
    /// changed by somebody else.
    pub(super) async fn write(&self, writes: Writes) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        // What goes alone for its length is sent as it is where that takes one statement.
        let is_apart = writes.is_for_one() && writes.is_longer_than(MOST_BYTES);
        let row = if is_apart { None } else { writes.row() };
        let until = Instant::now() + self.patience;
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

    /// The first one that no commit under way is about, with those like it.
    fn pick(&self, waiting: &mut VecDeque<Job>) -> Vec<Job> {
        let (now, length) = (Instant::now(), waiting.len());
        let wary = self.wary.load(Ordering::Relaxed);
        let mut under_way = self.under_way();
        let mut batch = Batch::default();
        // Nobody overtakes who needs the same row otherwise.
        let mut passed = Rows::default();
        let mut others = VecDeque::with_capacity(length);
        for mut job in waiting.drain(..) {
            if job.until < now {
                job.answer(Err(Error::Busy { waiting: length }));
                continue;
            }
            job.is_apart = wary > 0;
            let is_free = job
                .writes
                .needs()
                .all(|(row, need)| under_way.are_free(row, need) && passed.are_free(row, need));
            if let Some(job) = if is_free { batch.take(job).err() } else { Some(job) } {
                passed.add(job.writes.needs());
                others.push_back(job);
            }
        }
        *waiting = others;
        if !batch.jobs.is_empty() {
            self.wary.store(wary.saturating_sub(1), Ordering::Relaxed);
        }
        for job in &batch.jobs {
            under_way.add(job.writes.needs());
        }
        batch.jobs
    }

    async fn serve(&self, jobs: Vec<Job>) {
        let under_way = UnderWay {
            writer: self,
            needs: jobs.iter().flat_map(|job| job.writes.needs()).collect(),
        };
        let together: Option<Vec<&str>> = jobs.iter().map(|job| job.row.as_deref()).collect();
        let outcome = match (jobs.as_slice(), together) {
            ([], _) => return,
            ([job], _) if job.is_apart => return self.each_by_itself(jobs),
            ([job], _) => job.alone(&self.texts, &self.lanes).await.map(|applied| vec![applied]),
            ([first, ..], Some(rows)) => {
                let text = self.texts.of_many(&first.writes);
                first.writes.written(&text, &self.lanes, &rows).await
            }
            // Only those are picked together that can be written together.
            (_, None) => return self.each_by_itself(jobs),
        };
        drop(under_way);
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

/// Units to be written by one statement.
#[derive(Default)]
struct Batch {
    jobs: Vec<Job>,
    rows: Rows,
    bytes: usize,
    is_full: bool,
}

impl Batch {
    /// Takes in a job, if it may be put together with those that are in.
    fn take(&mut self, job: Job) -> Result<(), Job> {
        let bytes = self.bytes.saturating_add(job.row.as_ref().map_or(usize::MAX, String::len));
        let fits = self.jobs.first().is_none_or(|first| {
            !self.is_full
                && self.jobs.len() < MOST
                && bytes <= MOST_BYTES
                && job.writes.is_like(&first.writes)
                && job.writes.needs().all(|(row, need)| self.rows.are_shared(row, need))
        });
        if !fits {
            return Err(job);
        }
        self.is_full = job.is_apart || job.row.is_none();
        self.bytes = bytes;
        self.rows.add(job.writes.needs());
        self.jobs.push(job);
        Ok(())
    }
}

/// Rows, and what is done to them by how many.
#[derive(Debug, Default)]
struct Rows(HashMap<About, (Need, usize)>);

impl Rows {
    fn add(&mut self, needs: impl Iterator<Item = (About, Need)>) {
        for (row, need) in needs {
            self.0.entry(row).or_insert((need, 0)).1 += 1;
        }
    }

    fn remove(&mut self, needs: impl Iterator<Item = (About, Need)>) {
        for (row, _) in needs {
            if let Entry::Occupied(mut entry) = self.0.entry(row) {
                entry.get_mut().1 -= 1;
                if entry.get().1 == 0 {
                    entry.remove();
                }
            }
        }
    }

    /// Whether a row may be needed so by the same statement.
    fn are_shared(&self, row: About, need: Need) -> bool {
        self.0.get(&row).is_none_or(|(other, _)| *other == need && need != Need::Change)
    }

    /// Whether a row may be needed so by another statement.
    fn are_free(&self, row: About, need: Need) -> bool {
        self.0.get(&row).is_none_or(|(other, _)| *other == need && need == Need::Keep)
    }
}

/// The rows of a commit, until it is known what became of it.
struct UnderWay<'w> {
    writer: &'w Writer,
    needs: Vec<(About, Need)>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.writer.under_way().remove(self.needs.drain(..));
    }
}

impl Writer {
    fn under_way(&self) -> MutexGuard<'_, Rows> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Beside the lanes, so that nobody else waits for them.
    fn each_by_itself(&self, jobs: Vec<Job>) {
        for job in jobs {
            let (texts, pool) = (Arc::clone(&self.texts), Arc::clone(&self.pool));
            tokio::spawn(async move {
                let done = job.alone(&texts, &pool).await;
                job.answer(done);
            });
        }
    }
}

impl Writes {
    /// Which of the units like this one were written by one statement, by their rows.
    async fn written(&self, text: &str, pool: &Arc<Pool>, rows: &[&str]) -> Result<Vec<bool>> {
        let all = Query::raw(text.to_owned(), vec![format!("[{}]", rows.join(",")).into()]);
        if self.guards.is_empty() {
            pool.execute(all).await?;
            return Ok(vec![true; rows.len()]);
        }
        let mut applied = vec![false; rows.len()];
        for row in pool.all(all).await? {
            let unit: i64 =
                row.try_get_by_index(0).map_err(|why| Error::Unavailable(why.into()))?;
            let place = usize::try_from(unit - 1).ok().and_then(|unit| applied.get_mut(unit));
            if let Some(place) = place {
                *place = true;
            }
        }
        Ok(applied)
    }

    /// Writes it in a transaction of its own; says whether the guards let it.
    async fn one_by_one(&self, pool: &Arc<Pool>) -> Result<bool> {
        let mut transaction = pool.take().await?;
        transaction.begin().await?;
        match self.run(&mut transaction).await {
            Ok(()) => transaction.commit().await.map(|()| true),
            Err(Error::ChangedHands) => transaction.rollback().await.map(|()| false),
            Err(error) => {
                transaction.rollback().await?;
                Err(error)
            }
        }
    }

    /// Writes it in an open transaction, one statement after the other.
    ///
    /// # Errors
    /// [`Error::ChangedHands`] if a guard does not find its row.
    pub(super) async fn run(&self, transaction: &mut Wire) -> Result<()> {
        for Guard { about: _, query } in &self.guards {
            if transaction.execute(query.clone()).await? == 0 {
                return Err(Error::ChangedHands);
            }
        }
        for query in &self.rest {
            transaction.execute(query.clone()).await?;
        }
        Ok(())
    }
}

impl Job {
    /// Writes it by itself; says whether the guard let it.
    async fn alone(&self, texts: &Texts, pool: &Arc<Pool>) -> Result<bool> {
        let Self { writes, row, .. } = self;
        match (writes.of_one(), row) {
            (Some(one), _) => {
                let changed = pool.execute(one).await?;
                Ok(writes.guards.is_empty() || changed > 0)
            }
            (None, Some(row)) => {
                let text = texts.of_many(writes);
                Ok(writes.written(&text, pool, &[row]).await? == [true])
            }
            (None, None) => writes.one_by_one(pool).await,
        }
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_what_does_not_disturb_each_other_is_done_at_once() {
        let row = About::Ticket(Uuid::nil());
        let other = About::Task(Uuid::nil());
        for (need, with, shared, free) in [
            (Need::Change, Need::Change, false, false),
            (Need::Change, Need::Mark, false, false),
            (Need::Mark, Need::Mark, true, false),
            (Need::Mark, Need::Keep, false, false),
            (Need::Keep, Need::Keep, true, true),
        ] {
            for (need, with) in [(need, with), (with, need)] {
                let mut rows = Rows::default();
                rows.add([(row, need), (row, need)].into_iter());
                assert_eq!(rows.are_shared(row, with), shared, "{need:?} and {with:?}");
                assert_eq!(rows.are_free(row, with), free, "{need:?} beside {with:?}");
                assert!(rows.are_shared(other, with) && rows.are_free(other, with));
                rows.remove([(row, need)].into_iter());
                assert_eq!(rows.are_free(row, with), free, "one of two is under way still");
                rows.remove([(row, need)].into_iter());
                assert!(rows.are_free(row, Need::Change));
            }
        }
    }
}
