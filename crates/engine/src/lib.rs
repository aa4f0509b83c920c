//! What the system does: one function, one transaction, and the events it announces.
//!
//! Each operation reads, lets the pure crates decide, writes, announces, and commits through the
//! one write door. [`Engine`] is what they share; [`Call`] says when, by whom and on which
//! conditions an operation is asked for. The time and the ids come with it, so a run can be
//! repeated.
//!
//! ```no_run
//! use phaseline_engine::{Engine, Settings, Sources, tickets};
//! use phaseline_persistence::{Db, DbOptions};
//! use phaseline_phases::Phase;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! // The database must be migrated: `phaseline_migration::Migrator::up`.
//! let db = Db::open(&DbOptions::new("sqlite://phaseline.db")).await?;
//! let engine = Engine::start(db, Settings::default(), Sources::system()).await?;
//! let ticket =
//!     tickets::create(&engine, &engine.call(), tickets::Create::titled("Rotate the keys")).await?;
//! let step = tickets::Move::to(Phase::Requirements.id());
//! let moved = tickets::transition(&engine, &engine.call(), ticket.id, step).await?;
//! println!("{} -> {}", moved.previous_phase, moved.current_phase);
//! # Ok(())
//! # }
//! ```

pub mod agents;
pub mod announce;
pub mod backlog;
pub mod claims;
pub mod contexts;
pub mod gates;
pub mod statistics;
pub mod tasks;
pub mod tickets;
pub mod upkeep;
pub mod why;

mod call;
mod error;
mod fleet;
mod flow;
mod holding;
mod sources;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures::future::BoxFuture;
use phaseline_context::{Extractive, Summarize};
use phaseline_persistence::{Db, Tx};
use phaseline_phases::GatePlan;
use phaseline_registry::HealthPolicy;
use phaseline_tasks::{RetryPolicy, TemplatePlan};
use serde::{Serialize, de::DeserializeOwned};

pub use call::{Call, Once};
pub use error::{Error, LeaseLost, Noun, Result};
pub use fleet::{Fleet, Vitals};
pub use flow::FlowDefaults;
pub use sources::Sources;

/// The control plane in a process: the database, the fleet in memory, and how it behaves. Clones
/// share all of it.
#[derive(Clone)]
pub struct Engine {
    db: Db,
    fleet: Arc<Fleet>,
    board: Arc<claims::Board>,
    given: Arc<claims::GivenLately>,
    summarizer: Arc<dyn Summarize>,
    settings: Arc<Settings>,
    sources: Sources,
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When an agent counts as healthy, degraded and unresponsive.
    pub health: HealthPolicy,
    /// How long a summariser may take before the extractive one steps in.
    pub summarize_timeout: Duration,
    /// How long an `Idempotency-Key` is remembered.
    pub idempotency_ttl: TimeDelta,
    /// How long events are kept; for ever when `None`.
    pub event_retention: Option<TimeDelta>,
    /// How often heartbeats are written; what a crash may lose of them.
    pub flush_every: Duration,
    /// How often changes of health and leases that have ended are looked for.
    pub sweep_every: Duration,
    /// How tickets flow that do not say so themselves.
    pub flow: FlowDefaults,
    /// What each phase asks for before it is left, where gates are on.
    pub gate_plan: GatePlan,
    /// The tasks that entering a phase makes, where templates are on.
    pub template_plan: TemplatePlan,
    /// How often a ticket may go back over the same edge before it is blocked instead.
    pub rework_budget: u32,
    /// When a task is tried again, and how often.
    pub retry: RetryPolicy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            health: HealthPolicy::default(),
            summarize_timeout: Duration::from_secs(20),
            idempotency_ttl: TimeDelta::hours(24),
            event_retention: None,
            flush_every: Duration::from_millis(500),
            sweep_every: Duration::from_secs(1),
            flow: FlowDefaults::default(),
            gate_plan: GatePlan::standard(),
            template_plan: TemplatePlan::standard(),
            rework_budget: 3,
            retry: RetryPolicy::default(),
        }
    }
}

impl Engine {
    /// Starts over a migrated database, with every agent loaded into the fleet.
    ///
    /// # Errors
    /// Storage failures.
    pub async fn start(db: Db, settings: Settings, sources: Sources) -> Result<Self> {
        let fleet = Fleet::load(&db, &settings.health, sources.now()).await?;
        Ok(Self {
            db,
            fleet: Arc::new(fleet),
            board: Arc::default(),
            given: Arc::default(),
            summarizer: Arc::new(Extractive),
            settings: Arc::new(settings),
            sources,
        })
    }

    /// The same engine with another summariser, for those who plug in a model.
    #[must_use]
    pub fn with_summarizer(mut self, summarizer: Arc<dyn Summarize>) -> Self {
        self.summarizer = summarizer;
        self
    }

    /// The database, for reading.
    #[must_use]
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// The agents in memory.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// What an operator has set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where time and ids come from.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// A call of now, by nobody in particular and on no condition.
    #[must_use]
    pub fn call(&self) -> Call {
        Call::new(self.sources.clone())
    }

    /// Runs one operation in one transaction, once for its idempotency key: a repeat gets what
    /// the first one got.
    async fn write<I, T>(&self, call: &Call, input: I, work: Work<I, T>) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let expired = call.now - self.settings.idempotency_ttl;
        let unit = call::Unit { call: call.clone(), input, work, expired };
        match (self.db.write(unit, call::run).await, &call.once) {
            (Err(refusal), Some(once)) => once.instead(refusal, self.db.reader(), expired).await,
            (done, _) => done,
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The body of an operation. It may run more than once, so it borrows what it needs.
type Work<I, T> = for<'t> fn(&'t Tx, &'t Call, &'t I) -> BoxFuture<'t, Result<T>>;
