//! Tasks of contributors: `cargo xtask migrate`, `test`, `openapi`, `simulate`, `bench` and `ci`.
#![expect(clippy::print_stdout, reason = "a command line answers on standard output")]

mod bench;
mod chance;
mod checks;
mod migrate;
mod openapi;
mod postgres;
mod simulate;
mod steps;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::migrate::Direction;

const DEFAULT_DATABASE: &str = "sqlite://phaseline.db";

/// Tasks of contributors.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", version)]
struct Xtask {
    #[command(subcommand)]
    task: Task,
    #[command(flatten)]
    tools: Tools,
}

/// What the tasks start, and where they find it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Tools {
    /// The cargo that started this task.
    #[arg(long, env = "CARGO", default_value = "cargo", hide = true, global = true)]
    pub(crate) cargo: PathBuf,
    /// A PostgreSQL server on which the tests may make and drop databases of their own.
    #[arg(long, env = "PHASELINE_TEST_POSTGRES_URL", global = true, hide_env_values = true)]
    pub(crate) test_postgres_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Bring a database's schema up or down, and say what that did.
    Migrate {
        #[command(subcommand)]
        direction: Direction,
        /// The database; a SQLite file that is not there is made.
        #[arg(
            long,
            env = "PHASELINE_DATABASE_URL",
            default_value = DEFAULT_DATABASE,
            hide_env_values = true,
            global = true
        )]
        database_url: String,
    },
    /// Format, lints and all tests: on SQLite, and again on PostgreSQL where
    /// PHASELINE_TEST_POSTGRES_URL names one.
    Test,
    /// Write docs/openapi.json from the code.
    Openapi {
        /// Write nothing; fail when the file is stale.
        #[arg(long)]
        check: bool,
    },
    /// Drive the whole engine from seeds, with agents that crash, stall and come back late, and
    /// check after every step what must always be true.
    Simulate(simulate::Simulate),
    /// Measure the release binary against what the same machine does without it.
    Bench(bench::Options),
    /// The bare server that the benchmark compares the floors with.
    #[command(hide = true)]
    BareServer {
        /// How many bytes it answers.
        bytes: usize,
    },
    /// What remains to be checked of a commit after `test`: the OpenAPI file, the documentation
    /// of the code, the dependencies where cargo-deny is installed, and a few hundred simulations.
    Ci,
}

fn main() -> ExitCode {
    let Xtask { task, tools } = Xtask::parse();
    match run(task, &tools) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task, tools: &Tools) -> anyhow::Result<()> {
    match task {
        Task::Migrate { direction, database_url } => migrate::run(&direction, &database_url),
        Task::Test => checks::test(tools),
        Task::Openapi { check: true } => openapi::check(),
        Task::Openapi { check: false } => openapi::write(),
        Task::Simulate(asked) => simulate::run(&asked),
        Task::Bench(options) => bench::run(&options, tools),
        Task::BareServer { bytes } => bench::bare::serve(bytes),
        Task::Ci => checks::ci(tools),
    }
}
