//! What is measured, and what is wanted of it.

mod contexts;
mod index;
mod lists;
mod process;
mod reads;
mod streams;
mod writes;

use chrono::{DateTime, Utc};

use super::{
    figure::{Figure, Target, median},
    load::Outcome,
    report::Progress,
};

/// A group of measurements.
pub(crate) struct Case {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// Measures it.
    pub(crate) run: fn(&mut Bench) -> anyhow::Result<()>,
}

/// Every group, in the order in which they run.
pub(crate) const CASES: &[Case] = &[
    Case { name: "process", run: process::run },
    Case { name: "index", run: index::run },
    Case { name: "contexts", run: contexts::run },
    Case { name: "heartbeats", run: reads::heartbeats },
    Case { name: "search", run: reads::search },
    Case { name: "read", run: reads::read },
    Case { name: "transitions", run: writes::transitions },
    Case { name: "slow-disk", run: writes::slow_disk },
    Case { name: "creations", run: writes::creations },
    Case { name: "claims", run: writes::claims },
    Case { name: "streams", run: streams::run },
    Case { name: "lists", run: lists::run },
];

/// How to measure, and what was measured so far.
#[derive(Debug)]
pub(crate) struct Bench {
    /// A PostgreSQL server to make databases on, if there is one.
    pub(crate) postgres: Option<String>,
    /// Whether SQLite is measured.
    pub(crate) sqlite: bool,
    /// How often floor and subject take turns.
    pub(crate) rounds: usize,
    /// How long each turn takes.
    pub(crate) seconds: u32,
    /// Whether sizes are smaller than the targets speak of.
    pub(crate) quick: bool,
    /// What was measured so far.
    pub(crate) figures: Vec<Figure>,
    /// The bar.
    pub(crate) progress: Progress,
}

/// What is measured, before it is.
pub(crate) struct Plan<'p> {
    pub(crate) name: String,
    pub(crate) database: &'p str,
    pub(crate) connections: u32,
    pub(crate) against: String,
    pub(crate) target: Target,
    pub(crate) note: &'p str,
}

impl Bench {
    /// Lets a floor and a subject take turns, and keeps what came of it.
    pub(crate) fn alternate(
        &mut self,
        plan: Plan<'_>,
        mut floor: impl FnMut() -> anyhow::Result<f64>,
        mut subject: impl FnMut() -> anyhow::Result<Outcome>,
    ) -> anyhow::Result<()> {
        let mut figure = plan.figure("a second");
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            self.progress.say(&format!("{} ({}/{})", figure.name, round + 1, self.rounds));
            figure.floor.push(floor()?);
            let outcome = subject()?.checked()?;
            figure.subject.push(outcome.rate());
            p50.push(outcome.p50_ms());
            p99.push(outcome.p99_ms());
        }
        figure.p50_ms = Some(median(&p50));
        figure.p99_ms = Some(median(&p99));
        self.keep(figure);
        Ok(())
    }

    /// Keeps what was measured otherwise.
    pub(crate) fn keep(&mut self, figure: Figure) {
        self.progress.tell(&figure);
        self.figures.push(figure);
    }
}

impl Plan<'_> {
    /// A figure that has nothing in it yet.
    pub(crate) fn figure(self, unit: &'static str) -> Figure {
        let Self { name, database, connections, against, target, note } = self;
        Figure {
            name,
            database: database.to_owned(),
            connections,
            against,
            unit,
            floor: Vec::new(),
            subject: Vec::new(),
            p50_ms: None,
            p99_ms: None,
            target,
            note: note.to_owned(),
        }
    }
}

/// The time of the machine.
#[expect(
    clippy::disallowed_methods,
    reason = "seeded agents must look as if they had just been seen"
)]
pub(crate) fn now() -> DateTime<Utc> {
    use chrono::SubsecRound;
    Utc::now().trunc_subsecs(6)
}
