//! The write door of SQLite: a line of callers, served by one thread, with one commit for all that
//! wait (`docs/adr/0015-one-thread-writes-sqlite.md`).

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use futures::executor::block_on;
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot, watch,
    },
};

use super::{Fault, Tx, Work, tell};
use crate::{Connection, DbOptions, Error, Result, connection::sqlite::Lanes};

/// How many callers share one commit at most.
const MOST: usize = 256;
/// How long a transaction takes in more of them.
const LONGEST: Duration = Duration::from_millis(10);
/// For how many batches units get savepoints after one has failed that had written.
const WARY: u32 = 64;
/// What the consequences of one unit may need.
const STACK_BYTES: usize = 8 << 20;

/// The line at the door.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    line: mpsc::Sender<Message>,
    length: usize,
    patience: Duration,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

enum Message {
    Unit(Box<dyn Unit>),
    Stop,
}

/// Somebody's unit of work, whatever its types are.
trait Unit: Send {
    /// Whether somebody still waits for it, and has not waited for too long.
    fn is_wanted(&mut self) -> bool;

    /// Does the work in the open transaction.
    fn run(&mut self, writer: &Lanes) -> Ran;

    /// Answers, now that it is known whether the work was committed.
    fn answer(self: Box<Self>, committed: Result<(), &Error>);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ran {
    /// It changed something, and announced it.
    Announced,
    /// It did what it was to do, and there is nothing to tell.
    Quietly,
    /// It failed: whatever it changed is to be undone.
    Failed,
}

struct Waiting<I, T, E> {
    input: I,
    work: Work<I, T, E>,
    until: Instant,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl Queue {
    /// Opens the door.
    pub(super) fn start(
        writer: Lanes,
        options: &DbOptions,
        committed: watch::Sender<u64>,
    ) -> Result<Self> {
        let length = options.queue.max(1);
        let (line, waiting) = mpsc::channel(length);
        let runtime = Handle::try_current().ok();
        let thread = thread::Builder::new()
            .name("write-door".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                // For units that wait for something else than the database.
                let _entered = runtime.as_ref().map(Handle::enter);
                serve(&writer, waiting, &committed);
            })
            .map_err(|why: io::Error| Error::Unavailable(why.into()))?;
        let thread = Arc::new(Mutex::new(Some(thread)));
        Ok(Self { line, length, patience: options.acquire_timeout, thread })
    }

    /// Waits in line, runs a unit of work, and answers after its commit.
    pub(super) async fn run<I, T, E>(&self, input: I, work: Work<I, T, E>) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: Fault,
    {
        let (reply, answer) = oneshot::channel();
        let until = Instant::now() + self.patience;
        let unit = Box::new(Waiting { input, work, until, outcome: None, reply });
        match self.line.try_send(Message::Unit(unit)) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(Error::Closed.into())),
            Err(TrySendError::Full(_)) => Err(Error::Busy { waiting: self.length }.into()),
            Err(TrySendError::Closed(_)) => Err(Error::Closed.into()),
        }
    }

    /// Serves who waits, and closes the door.
    pub(super) async fn close(&self) -> Result<()> {
        let told = self.line.send(Message::Stop).await.is_ok();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (true, Some(thread)) = (told, thread) {
            let ended = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(ended, Ok(Ok(()))) {
                return Err(Error::Closed);
            }
        }
        Ok(())
    }
}

/// Serves the line until it is told to stop, or nobody is left who could come.
fn serve(writer: &Lanes, mut line: mpsc::Receiver<Message>, committed: &watch::Sender<u64>) {
    let (mut stopped, mut wary) = (false, 0_u32);
    while !stopped && let Some(Message::Unit(first)) = line.blocking_recv() {
        let mut batch = Batch::new(writer, wary > 0);
        let began = Instant::now();
        let mut next = Some(first);
        while let Some(unit) = next.take() {
            batch.take(unit);
            if batch.lost.is_some() || batch.ran.len() >= MOST || began.elapsed() >= LONGEST {
                break;
            }
            match line.try_recv() {
                Ok(Message::Unit(unit)) => next = Some(unit),
                Ok(Message::Stop) => stopped = true,
                Err(_) => {}
            }
        }
        wary = if batch.undone { WARY } else { wary.saturating_sub(1) };
        batch.end(committed);
    }
    if let Err(error) = writer.close() {
        tracing::error!(error = &error as &dyn std::error::Error, "the database was not closed");
    }
}

/// The units that share one commit.
struct Batch<'w> {
    writer: &'w Lanes,
    ran: Vec<(Box<dyn Unit>, Ran)>,
    begun: bool,
    /// Whether each unit gets a savepoint. Most units that fail do so before they write, and need
    /// none; where one did not, all of the others run again, with savepoints.
    wary: bool,
    /// Whether a unit failed after it had written.
    undone: bool,
    announced: bool,
    /// Why nothing of it can be committed.
    lost: Option<Error>,
}

impl<'w> Batch<'w> {
    const fn new(writer: &'w Lanes, wary: bool) -> Self {
        Self {
            writer,
            ran: Vec::new(),
            begun: false,
            wary,
            undone: false,
            announced: false,
            lost: None,
        }
    }

    /// Runs a unit so that it harms none of the others.
    fn take(&mut self, mut unit: Box<dyn Unit>) {
        if !unit.is_wanted() {
            return unit.answer(Err(&Error::Busy { waiting: self.ran.len() }));
        }
        let (ran, lost) = match self.run(&mut *unit) {
            Ok(ran) => (ran, None),
            Err(error) => (Ran::Failed, Some(error)),
        };
        self.ran.push((unit, ran));
        self.lost = lost;
    }

    fn run(&mut self, unit: &mut dyn Unit) -> Result<Ran> {
        if !self.begun {
            self.writer.command("BEGIN IMMEDIATE")?;
            self.begun = true;
        }
        if self.wary {
            self.writer.command("SAVEPOINT unit")?;
        }
        let before = self.writer.changed();
        let ran = unit.run(self.writer);
        // A disk that is full or fails takes the transaction away.
        if self.writer.is_idle() {
            return Err(Error::NotCommitted { why: "the database rolled it back".to_owned() });
        }
        let spoilt = ran == Ran::Failed && self.writer.changed() != before;
        self.undone |= spoilt;
        if self.wary {
            if spoilt {
                self.writer.command("ROLLBACK TO unit")?;
            }
            self.writer.command("RELEASE unit")?;
        } else if spoilt {
            self.again()?;
        }
        self.announced |= ran == Ran::Announced;
        Ok(ran)
    }

    /// Undoes everything, and does again what had succeeded.
    fn again(&mut self) -> Result<()> {
        self.writer.command("ROLLBACK")?;
        (self.begun, self.wary, self.announced) = (false, true, false);
        let mut others = std::mem::take(&mut self.ran);
        let redone =
            others.iter_mut().filter(|(_, ran)| *ran != Ran::Failed).try_for_each(|(unit, ran)| {
                *ran = self.run(&mut **unit)?;
                Ok(())
            });
        self.ran = others;
        redone
    }

    /// Commits, and only then answers.
    fn end(mut self, committed: &watch::Sender<u64>) {
        if self.ran.is_empty() {
            return;
        }
        if self.lost.is_none() && self.begun {
            self.lost = self.writer.command("COMMIT").err();
        }
        if let Some(error) = &self.lost {
            tracing::error!(error = error as &dyn std::error::Error, "nothing was committed");
            if !self.writer.is_idle()
                && let Err(error) = self.writer.command("ROLLBACK")
            {
                tracing::error!(error = &error as &dyn std::error::Error, "nor rolled back");
            }
        }
        if self.announced && self.lost.is_none() {
            tell(committed);
        }
        for (unit, _) in self.ran {
            unit.answer(self.lost.as_ref().map_or(Ok(()), Err));
        }
    }
}

impl<I, T, E> Unit for Waiting<I, T, E>
where
    I: Send + Sync,
    T: Send,
    E: Fault,
{
    fn is_wanted(&mut self) -> bool {
        !self.reply.is_closed() && Instant::now() < self.until
    }

    fn run(&mut self, writer: &Lanes) -> Ran {
        let once = || {
            let tx = Tx::new(Connection::sqlite(writer.clone()));
            // Statements of SQLite run at once, so this hardly ever waits.
            block_on(async {
                let value = (self.work)(&tx, &self.input).await?;
                let any = tx.store_events().await?;
                Ok((value, if any { Ran::Announced } else { Ran::Quietly }))
            })
        };
        let outcome = catch_unwind(AssertUnwindSafe(once))
            .unwrap_or_else(|_| Err(E::from(Error::Database("the unit of work panicked".into()))));
        let (outcome, ran) = match outcome {
            Ok((value, ran)) => (Ok(value), ran),
            Err(fault) => (Err(fault), Ran::Failed),
        };
        self.outcome = Some(outcome);
        ran
    }

    fn answer(self: Box<Self>, committed: Result<(), &Error>) {
        let Self { outcome, reply, .. } = *self;
        let answer = match (committed, outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(Error::Closed.into()),
            (Err(error), _) => Err(E::from(error.for_another())),
        };
        // Whoever asked may have gone.
        let _ = reply.send(answer);
    }
}
