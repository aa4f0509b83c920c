//! What a worker is told on its command line.

use std::{ffi::OsString, time::Duration};

use clap::{Args, ValueEnum};
use phaseline_client::{
    AgentType, Capabilities, Capacity, LeaseTime, PhaseId, Tags,
    wire::{NewAgent, limits},
};

use crate::config::{LogFormat, Telemetry};

/// What a worker is, which work it takes, and the command that does it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// What it can do, with commas between: it gets tasks that require no more than this
    #[arg(long, value_name = "NAME,…", value_parser = capabilities)]
    pub(super) capabilities: Capabilities,
    /// Which type of agent it is: it gets tasks for this type
    #[arg(long, value_name = "TYPE", default_value = "worker", value_parser = agent_type)]
    pub(super) agent_type: AgentType,
    /// The one phase that it works in [default: any]
    #[arg(long, value_name = "PHASE_X", value_parser = phase)]
    pub(super) phase: Option<PhaseId>,
    /// The server that has the work
    #[arg(long, env = "PHASELINE_SERVER", value_name = "URL")]
    #[arg(default_value = "http://127.0.0.1:8080")]
    pub(super) server: String,
    /// How many commands run at once, 1 to 1000
    #[arg(long, value_name = "N", default_value = "1", value_parser = capacity)]
    pub(super) capacity: Capacity,
    /// How many seconds a task stays its own without a sign of life, 5 to 86400
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = lease)]
    pub(super) lease_s: LeaseTime,
    /// How many seconds one call for work waits where there is none, 0 to 30
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=i64::from(limits::WAIT_S)))]
    pub(super) wait_s: u32,
    /// The most tokens of the context that comes with a task [default: no limit]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::BUDGET_TOKENS)))]
    pub(super) max_tokens: Option<u32>,
    /// How the command gets a task on its standard input
    #[arg(long, value_enum, default_value_t)]
    pub(super) input: Input,
    /// End after one task
    #[arg(long, conflicts_with = "max_tasks")]
    pub(super) once: bool,
    /// End after so many tasks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_tasks: Option<u64>,
    /// End when there was nothing to do for so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) until_idle: Option<u32>,
    /// A tag by which it can be found; may be given several times
    #[arg(long, value_name = "TAG")]
    pub(super) tag: Vec<String>,
    /// A tag to find it by, and the name that its requests carry [default: phaseline worker]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Stop a command after so many seconds; its task has failed then [default: never]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) timeout_s: Option<u32>,
    /// Seconds between two heartbeats; a third of what the server allows is a good pace
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(super) heartbeat_s: u32,
    /// Which events are logged to standard error
    #[arg(long, env = "PHASELINE_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
    /// How they are logged
    #[arg(long, env = "PHASELINE_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    /// The command that does a task, with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

/// How the command gets a task on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Input {
    /// The task, its ticket, the token, the end of the lease and the pack, as one JSON object.
    #[default]
    Json,
    /// What is to be done and what is known so far, as a text to read.
    Markdown,
}

impl Options {
    /// What is logged, and how.
    pub(crate) fn telemetry(&self) -> Telemetry {
        Telemetry { filter: self.log.clone(), format: self.log_format }
    }

    /// The agent to register.
    pub(super) fn agent(&self) -> anyhow::Result<NewAgent> {
        let tags = self.name.iter().chain(&self.tag);
        Ok(NewAgent {
            agent_type: self.agent_type,
            phase_id: self.phase.clone(),
            capabilities: self.capabilities.clone(),
            capacity: self.capacity,
            tags: Tags::parse(tags)?,
        })
    }

    /// Who it says it is.
    pub(super) fn actor(&self) -> &str {
        self.name.as_deref().unwrap_or("phaseline worker")
    }

    /// After how many tasks it ends.
    pub(super) fn most(&self) -> Option<u64> {
        if self.once { Some(1) } else { self.max_tasks }
    }

    /// How long a lease lasts.
    pub(super) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s.seconds().into())
    }
}

fn capabilities(given: &str) -> Result<Capabilities, String> {
    Capabilities::parse(given.split(',')).map_err(|error| error.to_string())
}

fn agent_type(given: &str) -> Result<AgentType, String> {
    let known = || "an agent type is worker, monitor, watchdog or guardian".to_owned();
    given.parse().map_err(|_| known())
}

fn phase(given: &str) -> Result<PhaseId, String> {
    PhaseId::parse(given).map_err(|error| error.to_string())
}

fn capacity(given: &str) -> Result<Capacity, String> {
    let number = given.parse().map_err(|_| "a capacity is a number, 1 to 1000".to_owned())?;
    Capacity::new(number).map_err(|error| error.to_string())
}

fn lease(given: &str) -> Result<LeaseTime, String> {
    let number = given.parse().map_err(|_| "a lease is a number of seconds".to_owned())?;
    LeaseTime::new(number).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(line: &str) -> Result<Options, String> {
        let words = ["worker"].into_iter().chain(line.split_whitespace());
        let line = Line::try_parse_from(words);
        line.map(|line| line.options).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check_refusal(line: &str, expected: &str) {
        let refusal = parse(line).unwrap_err();
        assert!(refusal.contains(expected), "{expected} is not in {refusal}");
    }

    #[test]
    fn a_command_and_capabilities_are_enough() {
        let options = parse("--capabilities Rust,sql -- ./agent --fast").unwrap();
        assert_eq!(options.command, ["./agent", "--fast"]);
        assert_eq!(options.capabilities.to_string(), "rust, sql");
        assert_eq!(
            (options.capacity.get(), options.lease_s.seconds(), options.wait_s),
            (1, 300, 30)
        );
        assert_eq!((options.input, options.most()), (Input::Json, None));
        assert_eq!(options.actor(), "phaseline worker");
    }

    #[test]
    fn its_name_is_a_tag_too() {
        let options = parse("--capabilities a --name Amy --tag night --tag gpu -- x").unwrap();
        let agent = options.agent().unwrap();
        assert_eq!((agent.tags.to_string().as_str(), options.actor()), ("amy, night, gpu", "Amy"));
    }

    #[test]
    fn once_is_a_task_and_max_tasks_are_several() {
        assert_eq!(parse("--capabilities a --once -- x").unwrap().most(), Some(1));
        assert_eq!(parse("--capabilities a --max-tasks 7 -- x").unwrap().most(), Some(7));
        check_refusal("--capabilities a --once --max-tasks 7 -- x", "cannot be used with");
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_was_expected() {
        check_refusal("-- x", "--capabilities");
        check_refusal("--capabilities a", "COMMAND");
        check_refusal("--capabilities a,, -- x", "capability");
        check_refusal("--capabilities a --lease-s 4 -- x", "it lasts 5 to 86400");
        check_refusal("--capabilities a --capacity 0 -- x", "a capacity is 1 to 1000 and not 0");
        check_refusal("--capabilities a --wait-s 31 -- x", "0..=30");
        check_refusal("--capabilities a --input yaml -- x", "json, markdown");
        check_refusal(
            "--capabilities a --agent-type boss -- x",
            "worker, monitor, watchdog or guardian",
        );
        check_refusal("--capabilities a --phase design -- x", "design");
    }
}
