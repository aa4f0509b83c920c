//! One run: a database, an engine over it, the agents that use it, and one step after the other.

use std::collections::BTreeMap;

use anyhow::Context;
use phaseline_engine::{Call, Engine, Once, Settings};
use phaseline_persistence::{Db, DbOptions};
use sea_orm_migration::sea_orm::{ConnectOptions, Database};
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    check::{self, View, Violation, hold},
    clock::Virtual,
    context,
    expected::{Expected, expected},
    journal::{Change, Journal, Rows, watch},
    op::{Answer, Fleet, Op, perform, refusal},
    reference, settings,
    trace::Trace,
    upkeep,
};
use crate::chance::Chance;

/// How often the copy in memory is compared with the tables.
const COMPARE_EVERY: usize = 100;

/// What an agent remembers of the outside: it may forget, and it may remember too long.
#[derive(Debug, Clone, Default)]
pub(super) struct Worker {
    /// The tasks that it believes it has, with their tokens.
    pub(super) held: Vec<(Uuid, i64)>,
    /// Those that it once had.
    pub(super) old: Vec<(Uuid, i64)>,
    /// Whether it has stopped doing anything.
    pub(super) silent: bool,
    pub(super) beats: u64,
}

/// A call that carried an idempotency key and went through.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) op: Op,
    pub(super) call: Call,
    pub(super) answer: String,
}

/// Everything of one run.
pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) clock: Virtual,
    pub(super) engine: Engine,
    pub(super) settings: Settings,
    pub(super) rows: Rows,
    pub(super) workers: BTreeMap<Uuid, Worker>,
    pub(super) kept: Vec<Kept>,
    pub(super) signs: upkeep::Signs,
    pub(super) trace: Trace,
    pub(super) made: usize,
    journal: Journal,
    steps: usize,
    _folder: TempDir,
}

/// A migrated database with its triggers, to be copied for every run.
pub(super) async fn template() -> anyhow::Result<Vec<u8>> {
    use phaseline_migration::{Migrator, MigratorTrait};
    let folder = folder()?;
    let file = folder.path().join("template.db");
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    Migrator::up(&db, None).await?;
    watch(&db).await?;
    db.close().await?;
    Ok(std::fs::read(&file)?)
}

/// A folder in memory where the system has one: a run is not about surviving a power cut.
fn folder() -> anyhow::Result<TempDir> {
    let shared = std::path::Path::new("/dev/shm");
    let made = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).context("no temporary folder")
}

impl World {
    pub(super) async fn open(seed: u64, template: &[u8], aloud: bool) -> anyhow::Result<Self> {
        let folder = folder()?;
        let file = folder.path().join("run.db");
        std::fs::write(&file, template)?;
        let url = format!("sqlite://{}", file.display());
        let db = Db::open(&DbOptions { connections: 1, ..DbOptions::new(url) }).await?;
        let mut chance = Chance::new(seed);
        let settings = settings::drawn(&mut chance);
        let clock = Virtual::new(seed);
        let journal = Journal::open(&db).await?;
        let engine = Engine::start(db, settings.clone(), clock.sources()).await?;
        Ok(Self {
            chance,
            clock,
            engine,
            settings,
            rows: Rows::default(),
            workers: BTreeMap::new(),
            kept: Vec::new(),
            signs: upkeep::Signs::default(),
            trace: Trace::new(aloud),
            made: 0,
            journal,
            steps: 0,
            _folder: folder,
        })
    }

    /// Lets go of the database.
    pub(super) async fn close(self) -> anyhow::Result<Trace> {
        self.journal.close().await?;
        self.engine.db().close().await?;
        Ok(self.trace)
    }

    /// A call of now.
    pub(super) fn call(&mut self) -> Call {
        let call = Call::new(self.clock.sources());
        if self.chance.percent(50) {
            let who = self.chance.one(&["ada", "bob", "cyd"]);
            call.by(who)
        } else {
            call
        }
    }

    /// Asks for something, and checks everything that must be true then.
    ///
    /// # Errors
    /// What is not true. What cannot be done at all is a violation as well.
    pub(super) async fn step(&mut self, op: Op) -> Result<Option<Answer>, Violation> {
        let mut call = self.call();
        if self.chance.percent(10) && keyed(&op) {
            let key = format!("key {}", self.steps);
            call.once = Some(Once { fingerprint: key.clone(), key });
        }
        let answer = self.asked(&op, &call).await?;
        if let (Some(answer), true) = (&answer, call.once.is_some()) {
            self.kept.push(Kept { op, call, answer: answer.shown() });
        }
        Ok(answer)
    }

    async fn asked(&mut self, op: &Op, call: &Call) -> Result<Option<Answer>, Violation> {
        self.steps += 1;
        let mut due = None;
        if let Op::Claim(agent, ask) = op
            && let Some(stored) = self.rows.agents.get(agent)
        {
            due = Some(reference::due(&self.rows, &self.settings, stored, ask.max, call.now));
        }
        let wanted = expected(op, &self.rows, &self.settings, call.now);
        if let Op::Restart = op {
            self.restart().await?;
        }
        if let Op::Pass(time) = op {
            self.clock.pass(*time);
        }
        let outcome = Box::pin(perform(&self.engine, call, op)).await;
        let shown = match &outcome {
            Ok(answer) => answer.shown(),
            Err(error) => format!("{}: {error}", refusal(error)),
        };
        let line =
            format!("{:>5} {} {} -> {shown}", self.steps, call.now.format("%H:%M:%S"), op.shown());
        let change = self.absorb(&line).await?;
        hold(
            match (&outcome, wanted) {
                (Ok(_), Expected::Done | Expected::Unsaid) => true,
                (Err(error), Expected::Refused(kind)) => refusal(error) == kind,
                (Err(error), Expected::Unsaid) => refusal(error) != "storage",
                (Ok(_), Expected::Refused(_)) | (Err(_), Expected::Done) => false,
            },
            "a call is answered as the rules say",
            || format!("expected {wanted:?} and got {shown}"),
        )?;
        hold(outcome.is_ok() || change.is_nothing(), "a refusal changes nothing", || {
            format!("{:?}", change.events)
        })?;
        let answer = outcome.ok();
        let (rows, settings, now) = (&self.rows, &self.settings, call.now);
        let view = View { op, answer: answer.as_ref(), rows, change: &change, settings, now };
        check::all(view)?;
        if let (Some(Answer::Claimed(claimed)), Some(due)) = (&answer, due) {
            check::handed_out(view, &due, claimed)?;
        }
        upkeep::check(view, &self.engine, &mut self.signs)?;
        if self.steps.is_multiple_of(COMPARE_EVERY) {
            self.compare().await?;
        }
        Ok(answer)
    }

    /// Reads what a step has changed, and tells the trace.
    async fn absorb(&mut self, line: &str) -> Result<Change, Violation> {
        let read = self.journal.read(self.engine.db(), &mut self.rows).await;
        let change = read.map_err(|error| Violation {
            rule: "what is stored can be read, and what was written down stays",
            found: format!("{error:#}"),
        });
        if let Ok(change) = &change {
            change.after.tickets.keys().for_each(|id| self.trace.name(*id, 'T'));
            change.after.tasks.keys().for_each(|id| self.trace.name(*id, 't'));
            change.after.agents.keys().for_each(|id| self.trace.name(*id, 'a'));
        }
        self.trace.add(line);
        if let Ok(change) = &change {
            for event in &change.events {
                self.trace.digest(&format!("{} {} {}", event.kind, event.subject, event.data));
            }
        }
        change
    }

    /// The same call with the same key again: the same answer, and nothing done twice.
    pub(super) async fn again(&mut self, kept: &Kept) -> Result<(), Violation> {
        self.steps += 1;
        let outcome = Box::pin(perform(&self.engine, &kept.call, &kept.op)).await;
        let shown = match &outcome {
            Ok(answer) => answer.shown(),
            Err(error) => format!("{}: {error}", refusal(error)),
        };
        let change =
            self.absorb(&format!("{:>5} again {} -> {shown}", self.steps, kept.op.shown())).await?;
        hold(
            change.is_nothing() && shown == kept.answer,
            "a repeat with its key gets the first answer and changes nothing",
            || format!("{} the first time, now {shown}", kept.answer),
        )
    }

    /// The same process anew: what was only in memory is gone.
    async fn restart(&mut self) -> Result<(), Violation> {
        let db = self.engine.db().clone();
        let started = Engine::start(db, self.settings.clone(), self.clock.sources()).await;
        self.engine = started.map_err(|error| Violation {
            rule: "the engine starts over what is stored",
            found: error.to_string(),
        })?;
        self.signs.restarted(self.clock.now());
        Ok(())
    }

    /// The copy in memory is what the tables hold.
    pub(super) async fn compare(&self) -> Result<(), Violation> {
        let rule = "the journal has seen every change";
        let all = self
            .journal
            .everything(self.engine.db())
            .await
            .map_err(|error| Violation { rule, found: format!("{error:#}") })?;
        hold(all == self.rows, rule, || {
            "the rows in memory are not those of the tables".to_owned()
        })?;
        context::check(&self.rows, self.engine.db()).await
    }
}

/// Whether an operation takes an idempotency key and tells what it did.
fn keyed(op: &Op) -> bool {
    !matches!(
        op,
        Op::Restart
            | Op::Pass(_)
            | Op::Fleet(Fleet::Flush | Fleet::Sweep | Fleet::Reclaim | Fleet::Tick | Fleet::Clean)
            | Op::Fleet(Fleet::Beats(_))
    )
}
