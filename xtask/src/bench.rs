//! `cargo xtask bench`: what the release binary does, against the floors of the same machine in the
//! same run (`docs/benchmarks.md`).

pub(crate) mod bare;
mod cases;
mod figure;
mod floor;
mod http;
mod load;
mod machine;
mod plots;
mod report;
mod seed;
mod targets;
mod world;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::Tools;
use cases::{Bench, CASES, Case};
use figure::Verdict;
use report::{Progress, Report};

/// What to measure, and how thoroughly.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// `sqlite`, or the URL of a PostgreSQL server, on which databases are made and dropped; both
    /// where PHASELINE_TEST_POSTGRES_URL names one and this says nothing.
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,
    /// About two minutes instead of twenty-five: smaller tables, shorter turns, fewer of them. It
    /// tells what misses a target and does not fail for it, since the targets speak of full sizes.
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
    /// Write results.md and the plots into this folder.
    #[arg(
        long,
        value_name = "FOLDER",
        num_args = 0..=1,
        default_missing_value = "docs/benchmarks"
    )]
    write_docs: Option<PathBuf>,
}

/// Builds what is measured, and measures it.
///
/// # Errors
/// Something cannot be built or started; a target is missed by more than the noise of the run.
pub(crate) fn run(options: &Options, tools: &Tools) -> anyhow::Result<()> {
    let chosen = chosen(&options.only)?;
    if cfg!(debug_assertions) {
        return in_release(tools);
    }
    let mut bench = prepared(options, tools, chosen.len())?;
    for case in chosen {
        bench.group = case.name;
        (case.run)(&mut bench)
            .with_context(|| format!("the group {} cannot be measured", case.name))?;
        bench.progress.step();
    }
    bench.progress.end();
    told(options, &bench)
}

/// The groups of these names; all where none is named.
fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static Case>> {
    let known: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    if let Some(unknown) = only.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no group {unknown:?}; they are {}", known.join(", "));
    }
    let chosen = |case: &&Case| only.is_empty() || only.iter().any(|name| name == case.name);
    Ok(CASES.iter().filter(chosen).collect())
}

/// Looks for what the run needs.
fn prepared(options: &Options, tools: &Tools, groups: usize) -> anyhow::Result<Bench> {
    let Options { database, quick, rounds, seconds, .. } = options;
    needed("wrk", "wrk", "--version")?;
    needed("cc", "gcc", "--version")?;
    let postgres = match database.as_deref() {
        Some("sqlite") => None,
        Some(url) => Some(url.to_owned()),
        None => tools.test_postgres_url.clone(),
    };
    match &postgres {
        Some(url) => {
            needed("pgbench", "postgresql", "--version")?;
            world::version(url).context("the PostgreSQL server does not answer")?;
        }
        None if database.is_none() => eprintln!(
            "PHASELINE_TEST_POSTGRES_URL names no PostgreSQL server: SQLite alone is measured"
        ),
        None => {}
    }
    ensure!(
        options.write_docs.is_none() || !*quick && options.only.is_empty(),
        "results are written of a full run only: without --quick and --only"
    );
    Ok(Bench {
        sqlite: database.as_deref().is_none_or(|database| database == "sqlite"),
        postgres,
        rounds: rounds.unwrap_or(if *quick { 2 } else { 5 }).max(1),
        seconds: seconds.unwrap_or(if *quick { 1 } else { 2 }).max(1),
        quick: *quick,
        began: Instant::now(),
        group: "",
        figures: Vec::new(),
        curves: Vec::new(),
        progress: Progress::new(groups as u64),
    })
}

/// Says what came of it, and fails where a target is missed.
fn told(options: &Options, bench: &Bench) -> anyhow::Result<()> {
    let report = Report::new(bench);
    println!("{}\n{}", report.table(), report.conditions());
    if let Some(file) = &options.json {
        report.write_json(file)?;
    }
    if let Some(folder) = &options.write_docs {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        report.write_docs(&workspace.join(folder))?;
    }
    for goal in report.unmeasured() {
        if options.only.is_empty() {
            println!("not measured: {}", goal.words());
        }
    }
    let missed: Vec<&str> = bench
        .figures
        .iter()
        .filter(|figure| figure.verdict() == Verdict::Missed)
        .map(|figure| figure.name.as_str())
        .collect();
    if bench.quick && !missed.is_empty() {
        println!("missed, at sizes that the targets do not speak of: {}", missed.join("; "));
        return Ok(());
    }
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

/// Sees to it that a program is there.
fn needed(program: &str, package: &str, asks: &str) -> anyhow::Result<()> {
    let there = Command::new(program).arg(asks).output().is_ok();
    ensure!(there, "the benchmark needs {program}: apt-get install {package}");
    Ok(())
}
