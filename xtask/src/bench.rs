//! `cargo xtask bench`: what the release binary does, against the floors of the same machine in the
//! same run (`docs/benchmarks.md`).

mod cases;
mod figure;
mod floor;
mod http;
mod load;
mod report;
mod seed;
mod world;

use std::{path::PathBuf, process::Command};

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::Tools;
use cases::{Bench, CASES};
use figure::Verdict;
use report::{Progress, Report};

/// What to measure, and how thoroughly.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// `sqlite`, or the URL of a PostgreSQL server, on which databases are made and dropped; both
    /// where PHASELINE_TEST_POSTGRES_URL names one and this says nothing.
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,
    /// A few minutes instead of half an hour: smaller tables, shorter turns, fewer of them.
    #[arg(long)]
    quick: bool,
    /// Write everything that was measured to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure only these groups.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    only: Vec<String>,
    /// How often floor and subject take turns.
    #[arg(long)]
    rounds: Option<usize>,
    /// How many seconds each turn takes.
    #[arg(long)]
    seconds: Option<u32>,
    /// Write the table as Markdown to this file.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Builds what is measured, and measures it.
///
/// # Errors
/// Something cannot be built or started; a target is missed by more than the noise of the run.
pub(crate) fn run(options: &Options, tools: &Tools) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        return in_release(tools);
    }
    installed("wrk", "wrk", "--version")?;
    let postgres = match options.database.as_deref() {
        Some("sqlite") => None,
        Some(url) => Some(url.to_owned()),
        None => tools.test_postgres_url.clone(),
    };
    if postgres.is_some() {
        installed("pgbench", "postgresql-contrib", "--version")?;
    }
    let known: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    if let Some(unknown) = options.only.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no group {unknown:?}; they are {}", known.join(", "));
    }
    let chosen = || {
        CASES.iter().filter(|case| {
            options.only.is_empty() || options.only.iter().any(|name| name == case.name)
        })
    };
    let mut bench = Bench {
        sqlite: options.database.as_deref().is_none_or(|database| database == "sqlite"),
        postgres,
        rounds: options.rounds.unwrap_or(if options.quick { 3 } else { 5 }).max(1),
        seconds: options.seconds.unwrap_or(if options.quick { 2 } else { 5 }).max(1),
        quick: options.quick,
        figures: Vec::new(),
        progress: Progress::new(chosen().count() as u64),
    };
    for case in chosen() {
        (case.run)(&mut bench)
            .with_context(|| format!("the group {} cannot be measured", case.name))?;
        bench.progress.step();
    }
    bench.progress.end();
    let report = Report::new(&bench);
    println!("{}", report.table());
    if let Some(file) = &options.json {
        report.write_json(file)?;
    }
    if let Some(file) = &options.markdown {
        std::fs::write(file, report.markdown())?;
    }
    let missed: Vec<&str> = bench
        .figures
        .iter()
        .filter(|figure| figure.verdict() == Verdict::Missed)
        .map(|figure| figure.name.as_str())
        .collect();
    ensure!(missed.is_empty(), "missed by more than the noise of this run: {}", missed.join("; "));
    Ok(())
}

/// The same in release mode: what is measured in this process must be built as what is measured
/// beside it.
fn in_release(tools: &Tools) -> anyhow::Result<()> {
    for arguments in [
        ["build", "--release", "--package", "phaseline-server"].as_slice(),
        ["build", "--release", "--package", "xtask"].as_slice(),
    ] {
        let built = Command::new(&tools.cargo).args(arguments).status()?;
        ensure!(built.success(), "cargo {} failed", arguments.join(" "));
    }
    let program = world::target().join("release/xtask");
    let arguments = std::env::args_os().skip(1);
    let ended = Command::new(program).args(arguments).status()?;
    ensure!(ended.success(), "the benchmark has failed");
    Ok(())
}

/// Sees to it that a program is there; on Debian as root it is installed.
fn installed(program: &str, package: &str, asks: &str) -> anyhow::Result<()> {
    let there = || Command::new(program).arg(asks).output().is_ok();
    if there() {
        return Ok(());
    }
    println!("installing {package}");
    let _ = Command::new("apt-get").args(["install", "-qq", "-y", package]).status();
    ensure!(there(), "{program} is missing: apt-get install {package}");
    Ok(())
}
