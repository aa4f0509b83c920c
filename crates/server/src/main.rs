//! The `phaseline` binary: serve the control plane, import a backlog, do its work, show a demonstration.

mod config;
mod demo;
mod import;
mod serve;
mod telemetry;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Options, Settings};

/// Many small pieces on several threads: the allocator of the C library gives less back and takes
/// longer. SQLite uses it, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The control plane of a team of AI agents: phases, claims, context, registry.
#[derive(Debug, Parser)]
#[command(
    name = "phaseline",
    version,
    about = "The control plane of a team of AI agents: phases, claims, context, registry",
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the REST API over a database, which is brought up to date first (the default).
    Serve(Box<Options>),
    /// Load tickets and tasks from a JSON file: all of them or none, and none twice.
    Import(import::Options),
    /// Work on tasks with any program: claim them, run it for each, and report what came of it.
    Worker(Box<worker::Options>),
    /// Show a team of agents carry tickets through all phases, over a database of its own.
    Demo,
}

fn main() -> ExitCode {
    let Cli { command, serve } = Cli::parse();
    let outcome = match command {
        None => serve_until_stopped(serve),
        Some(Command::Serve(options)) => serve_until_stopped(*options),
        Some(Command::Import(options)) => block_on(import::run(options)),
        Some(Command::Worker(options)) => work_until_stopped(*options),
        Some(Command::Demo) => block_on(demo::run()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn serve_until_stopped(options: Options) -> anyhow::Result<()> {
    let settings = Settings::resolve(options)?;
    telemetry::start(&settings.telemetry)?;
    block_on(serve::until_stopped(settings))
}

fn work_until_stopped(options: worker::Options) -> anyhow::Result<()> {
    telemetry::start(&options.telemetry())?;
    block_on(worker::run(options))
}

/// The API's workers have threads of their own; this runtime carries all that goes on beside them.
fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Says what went wrong and why, each thing once: causes often repeat each other.
fn complain(error: &anyhow::Error) {
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    eprintln!("error: {said}");
}

/// Whoever reads our output has had enough of it, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let of_io = |cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().filter_map(|cause| cause.downcast_ref()).any(of_io)
}
