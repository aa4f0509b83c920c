//! What is measured, and what is wanted of it.

mod clients;
mod contexts;
mod floors;
mod index;
mod lists;
mod process;
mod reads;
mod streams;
mod writes;

use std::time::Instant;

use chrono::{DateTime, Utc};

use super::{
    figure::{Figure, median},
    load::Outcome,
    plots::{Curve, Plot},
    report::Progress,
    targets::{Goal, Target},
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
    Case { name: "floors", run: floors::run },
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
    Case { name: "clients", run: clients::run },
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
    /// When the run began.
    pub(crate) began: Instant,
    /// The group that is measured now.
    pub(crate) group: &'static str,
    /// What was measured so far.
    pub(crate) figures: Vec<Figure>,
    /// What is drawn of it.
    pub(crate) curves: Vec<Curve>,
    /// The bar.
    pub(crate) progress: Progress,
}

/// What is measured, before it is.
pub(crate) struct Plan<'p> {
    pub(crate) name: String,
    pub(crate) database: &'p str,
    pub(crate) connections: u32,
    pub(crate) against: String,
    pub(crate) goal: Option<Goal>,
    pub(crate) note: &'p str,
}

impl Bench {
    /// Lets a floor and a subject warm up and then take turns of so many seconds, and keeps what
    /// came of it.
    pub(crate) fn alternate(
        &mut self,
        plan: Plan<'_>,
        mut floor: impl FnMut(u32) -> anyhow::Result<f64>,
        mut subject: impl FnMut(u32) -> anyhow::Result<Outcome>,
    ) -> anyhow::Result<()> {
        let mut figure = plan.figure("a second");
        self.progress.say(&format!("{} (warms up)", figure.name));
        floor(1)?;
        subject(1)?.checked()?;
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        for round in 1..=self.rounds {
            self.progress.say(&format!("{} ({round}/{})", figure.name, self.rounds));
            figure.floor.push(floor(self.seconds)?);
            let outcome = subject(self.seconds)?.checked()?;
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
    pub(crate) fn keep(&mut self, mut figure: Figure) {
        figure.group = self.group;
        self.progress.tell(&figure);
        self.figures.push(figure);
    }

    /// Keeps a point of a line of a plot.
    pub(crate) fn point(&mut self, plot: Plot, line: &str, x: f64, y: f64) {
        let known = |curve: &&mut Curve| curve.plot == plot && curve.line == line;
        match self.curves.iter_mut().find(known) {
            Some(curve) => curve.points.push((x, y)),
            None => self.curves.push(Curve { plot, line: line.to_owned(), points: vec![(x, y)] }),
        }
    }

    /// Of the counts of connections those that there is time for: the target's own comes first.
    pub(crate) fn connections<'c>(&self, all: &'c [u32]) -> &'c [u32] {
        all.get(..1).filter(|_| self.quick).unwrap_or(all)
    }
}

impl Plan<'_> {
    /// A figure that has nothing in it yet.
    pub(crate) fn figure(self, unit: &'static str) -> Figure {
        let Self { name, database, connections, against, goal, note } = self;
        Figure {
            group: "",
            name,
            database: database.to_owned(),
            connections,
            against,
            unit,
            floor: Vec::new(),
            subject: Vec::new(),
            p50_ms: None,
            p99_ms: None,
            goal,
            target: goal.map_or(Target::None, Goal::target),
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
