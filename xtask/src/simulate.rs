//! `cargo xtask simulate`: the whole engine in one process, driven from a seed.
//!
//! Clock, ids and chance come from the seed, and every call is awaited before the next one, so a
//! seed always does the same. After every step the invariants are checked; the first that does not
//! hold ends the run. `docs/architecture/simulation.md` lists them.

mod check;
mod clock;
mod context;
mod expected;
mod journal;
mod op;
mod reference;
mod settings;
mod steps;
mod trace;
mod upkeep;
mod world;

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, bail};
use clap::Args;

use check::Violation;
use world::World;

/// How many runs, and of what length.
#[derive(Debug, Clone, Args)]
pub(crate) struct Simulate {
    /// How many seeds to run, from `--first` on.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub(crate) first: u64,
    /// Run this one seed and show every step of it.
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    pub(crate) seed: Option<u64>,
    /// How many steps a run takes.
    #[arg(long, default_value_t = 300)]
    pub(crate) steps: usize,
    /// How many runs at a time.
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: u64,
}

impl Simulate {
    /// What is run for every commit: under a minute on two cores.
    pub(crate) const fn of_a_commit() -> Self {
        Self { seeds: 200, first: 1, seed: None, steps: 100, threads: 2 }
    }
}

/// How a run ended.
struct Run {
    sum: u64,
    violation: Option<Violation>,
    last: Vec<String>,
}

/// Runs seeds until one fails or all have passed.
///
/// # Errors
/// A seed that breaks an invariant; a run that cannot be set up.
pub(crate) fn run(asked: &Simulate) -> anyhow::Result<()> {
    let template = block_on(world::template())?.context("the database cannot be made")?;
    if let Some(seed) = asked.seed {
        let run = one(seed, asked.steps, &template, true)?;
        println!("digest {:016x}", run.sum);
        return judged(seed, asked.steps, run, false);
    }
    let began = Instant::now();
    same_twice(asked.first, asked.steps, &template)?;
    let (next, failed) = (AtomicU64::new(asked.first), AtomicBool::new(false));
    let end = asked.first.saturating_add(asked.seeds);
    let outcome = Mutex::new(Ok(()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end || failed.load(Ordering::Relaxed) {
                return;
            }
            let judged = one(seed, asked.steps, &template, false)
                .and_then(|run| judged(seed, asked.steps, run, true));
            if judged.is_err() && !failed.swap(true, Ordering::Relaxed) {
                *outcome.lock().unwrap_or_else(PoisonError::into_inner) = judged;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..asked.threads.max(1) {
            scope.spawn(work);
        }
    });
    outcome.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    let took = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
    let rate = asked.seeds as f64 / took;
    println!(
        "{} seeds of {} steps hold every invariant, in {took:.1} s ({rate:.1} seeds/s)",
        asked.seeds, asked.steps
    );
    Ok(())
}

/// A seed is worth something only if it does the same again.
fn same_twice(seed: u64, steps: usize, template: &[u8]) -> anyhow::Result<()> {
    let (one_run, other) = (one(seed, steps, template, false)?, one(seed, steps, template, false)?);
    if one_run.sum != other.sum {
        bail!("seed {seed} did not do the same twice: {:x} and {:x}", one_run.sum, other.sum);
    }
    Ok(())
}

/// One run from its seed to its end, or to the first thing that is not true.
fn one(seed: u64, steps: usize, template: &[u8], aloud: bool) -> anyhow::Result<Run> {
    block_on(async {
        let mut world = World::open(seed, template, aloud).await?;
        let outcome = Box::pin(drive(&mut world, steps)).await;
        let violation = outcome.err().map(|Violation { rule, found }| Violation {
            rule,
            found: world.trace.readable(&found),
        });
        let trace = world.close().await?;
        Ok(Run { sum: trace.sum(), violation, last: trace.last() })
    })?
}

async fn drive(world: &mut World, steps: usize) -> Result<(), Violation> {
    steps::begin(world).await?;
    for _ in 0..steps {
        Box::pin(steps::step(world)).await?;
    }
    Box::pin(steps::settle(world)).await
}

/// Says what went wrong and how to see it again.
fn judged(seed: u64, steps: usize, run: Run, with_trace: bool) -> anyhow::Result<()> {
    let Some(Violation { rule, found }) = run.violation else { return Ok(()) };
    let mut report = format!("seed {seed} breaks an invariant: {rule}\n  {found}\n");
    if with_trace {
        report.push_str("the last steps:\n");
        for line in run.last {
            report.push_str(&format!("  {line}\n"));
        }
    }
    bail!("{report}replay it: cargo xtask simulate --seed {seed} --steps {steps}")
}

fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_does_the_same_again_and_another_one_something_else() {
        let template = block_on(world::template()).unwrap().unwrap();
        let sum = |seed| {
            let run = one(seed, 30, &template, false).unwrap();
            assert!(run.violation.is_none(), "{:?} {:#?}", run.violation, run.last);
            run.sum
        };
        assert_eq!(sum(7), sum(7));
        assert_ne!(sum(7), sum(8));
    }
}
