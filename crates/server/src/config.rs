//! What an operator sets: flags before variables before the file before what is usual.

mod flow;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, ToSocketAddrs},
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use chrono::TimeDelta;
use clap::{Args, ValueEnum};
use phaseline_api::MOST_WORKERS;
use phaseline_engine as engine;
use phaseline_phases::{Gate, PhaseId};
use phaseline_registry::HealthPolicy;
use phaseline_tasks::TaskTemplate;
use serde::Deserialize;

use flow::{FlowOptions, RetryOptions};

/// What is logged unless it is said otherwise. What a client sends that is no HTTP is answered with
/// 400, and no error of ours, as which actix would log it.
const USUAL_LOG: &str =
    "info,actix_http::h1::dispatcher=off,actix_server=warn,sea_orm_migration=warn,sqlx=warn";

/// Every setting, as a flag, a variable or a line of the file; absent where it is not set there.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// A TOML file with any of these settings, written with underscores.
    #[arg(long, env = "PHASELINE_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// The address to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "PHASELINE_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// sqlite://FILE or postgres://USER@HOST/NAME [default: sqlite://phaseline.db]
    #[arg(long, env = "PHASELINE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// Threads that answer requests [default: one for each core]
    #[arg(long, env = "PHASELINE_WORKERS", value_name = "N")]
    workers: Option<usize>,
    /// Serve routes that do nothing, to measure what the others cost.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[serde(skip)]
    floors: Option<bool>,
    /// Which events are logged, for example info,sea_orm=debug [default: info, and warn for libraries]
    #[arg(long, env = "PHASELINE_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How they are logged [default: text]
    #[arg(long, env = "PHASELINE_LOG_FORMAT", value_enum)]
    log_format: Option<LogFormat>,
    /// Seconds within which an agent promises its next heartbeat [default: 30]
    #[arg(long, env = "PHASELINE_HEARTBEAT_TTL_S", value_name = "SECONDS")]
    heartbeat_ttl_s: Option<u32>,
    /// Times to live without a heartbeat after which an agent is degraded [default: 2]
    #[arg(long, env = "PHASELINE_DEGRADED_AFTER_TTLS", value_name = "N")]
    degraded_after_ttls: Option<u32>,
    /// Times to live without a heartbeat after which an agent is unresponsive [default: 3]
    #[arg(long, env = "PHASELINE_UNRESPONSIVE_AFTER_TTLS", value_name = "N")]
    unresponsive_after_ttls: Option<u32>,
    /// Seconds after registering in which no heartbeat is expected [default: 60]
    #[arg(long, env = "PHASELINE_HEARTBEAT_GRACE_S", value_name = "SECONDS")]
    heartbeat_grace_s: Option<u32>,
    /// Seconds without progress after which an agent that has work is stalled [default: 900]
    #[arg(long, env = "PHASELINE_STALLED_AFTER_S", value_name = "SECONDS")]
    stalled_after_s: Option<u32>,
    /// Days that events are kept [default: for ever]
    #[arg(long, env = "PHASELINE_EVENT_RETENTION_DAYS", value_name = "DAYS")]
    event_retention_days: Option<u32>,
    /// Hours that an Idempotency-Key is remembered [default: 24]
    #[arg(long, env = "PHASELINE_IDEMPOTENCY_TTL_H", value_name = "HOURS")]
    idempotency_ttl_h: Option<u32>,
    #[command(flatten)]
    flow: FlowOptions,
    #[command(flatten)]
    retry: RetryOptions,
    /// What phases ask for before they are left, instead of what is usual there; only in the file.
    #[arg(skip)]
    gates: BTreeMap<PhaseId, Gate>,
    /// The tasks that entering a phase makes, instead of the usual ones; only in the file.
    #[arg(skip)]
    templates: BTreeMap<PhaseId, Vec<TaskTemplate>>,
}

/// How events are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object for machines.
    Json,
}

/// What `serve` goes by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) database_url: String,
    pub(crate) workers: Option<usize>,
    pub(crate) floors: bool,
    pub(crate) telemetry: Telemetry,
    pub(crate) engine: engine::Settings,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub(crate) struct Telemetry {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

impl Settings {
    /// Puts flags, variables and the file together, and checks them.
    pub(crate) fn resolve(options: Options) -> anyhow::Result<Self> {
        let Some(path) = options.config.clone() else {
            return Self::checked(options);
        };
        Self::checked(options.or(read(&path)?)).with_context(|| {
            format!("the settings with those of {} cannot be used", path.display())
        })
    }

    fn checked(options: Options) -> anyhow::Result<Self> {
        let Options {
            config: _,
            listen,
            database_url,
            workers,
            floors,
            log,
            log_format,
            heartbeat_ttl_s,
            degraded_after_ttls,
            unresponsive_after_ttls,
            heartbeat_grace_s,
            stalled_after_s,
            event_retention_days,
            idempotency_ttl_h,
            flow,
            retry,
            gates,
            templates,
        } = options;
        let usual = HealthPolicy::default();
        let health = HealthPolicy {
            ttl_s: heartbeat_ttl_s.unwrap_or(usual.ttl_s),
            degraded_after_ttls: degraded_after_ttls.unwrap_or(usual.degraded_after_ttls),
            unresponsive_after_ttls: unresponsive_after_ttls
                .unwrap_or(usual.unresponsive_after_ttls),
            grace_s: heartbeat_grace_s.unwrap_or(usual.grace_s),
            stalled_after_s: stalled_after_s.unwrap_or(usual.stalled_after_s),
        };
        if let Some(workers) = workers.filter(|workers| !(1..=MOST_WORKERS).contains(workers)) {
            bail!("workers must be 1 to {MOST_WORKERS} and not {workers}");
        }
        let event_retention_days = event_retention_days
            .map(|days| within("event_retention_days", days, 1..=36_500))
            .transpose()?;
        let idempotency_ttl_h =
            within("idempotency_ttl_h", idempotency_ttl_h.unwrap_or(24), 1..=8_760)?;
        let engine = engine::Settings {
            health: health.validated()?,
            event_retention: event_retention_days.map(|days| TimeDelta::days(days.into())),
            idempotency_ttl: TimeDelta::hours(idempotency_ttl_h.into()),
            flow: flow.defaults(),
            rework_budget: flow.rework_budget()?,
            retry: retry.policy()?,
            gate_plan: flow::gate_plan(gates)?,
            template_plan: flow::template_plan(templates)?,
            ..engine::Settings::default()
        };
        Ok(Self {
            listen: loopback(listen.as_deref().unwrap_or("127.0.0.1:8080"))?,
            database_url: database_url.unwrap_or_else(|| "sqlite://phaseline.db".to_owned()),
            workers,
            floors: floors.unwrap_or_default(),
            telemetry: Telemetry {
                filter: log.unwrap_or_else(|| USUAL_LOG.to_owned()),
                format: log_format.unwrap_or_default(),
            },
            engine,
        })
    }
}

impl Options {
    /// These settings, and those of `other` where they say nothing.
    fn or(self, other: Self) -> Self {
        Self {
            config: self.config.or(other.config),
            listen: self.listen.or(other.listen),
            database_url: self.database_url.or(other.database_url),
            workers: self.workers.or(other.workers),
            floors: self.floors.or(other.floors),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
            heartbeat_ttl_s: self.heartbeat_ttl_s.or(other.heartbeat_ttl_s),
            degraded_after_ttls: self.degraded_after_ttls.or(other.degraded_after_ttls),
            unresponsive_after_ttls: self.unresponsive_after_ttls.or(other.unresponsive_after_ttls),
            heartbeat_grace_s: self.heartbeat_grace_s.or(other.heartbeat_grace_s),
            stalled_after_s: self.stalled_after_s.or(other.stalled_after_s),
            event_retention_days: self.event_retention_days.or(other.event_retention_days),
            idempotency_ttl_h: self.idempotency_ttl_h.or(other.idempotency_ttl_h),
            flow: self.flow.or(other.flow),
            retry: self.retry.or(other.retry),
            gates: other.gates,
            templates: other.templates,
        }
    }
}

fn within(name: &str, number: u32, range: RangeInclusive<u32>) -> anyhow::Result<u32> {
    if !range.contains(&number) {
        bail!("{name} must be {} to {} and not {number}", range.start(), range.end());
    }
    Ok(number)
}

fn read(path: &Path) -> anyhow::Result<Options> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the configuration file {} cannot be read", path.display()))?;
    toml::from_str(&text)
        .with_context(|| format!("the configuration file {} is not valid", path.display()))
}

/// Without credentials, whoever reaches the port can change everything.
fn loopback(listen: &str) -> anyhow::Result<SocketAddr> {
    let address = listen
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .with_context(|| {
            format!("listen must be ADDRESS:PORT, for example 127.0.0.1:8080, and not {listen:?}")
        })?;
    if !address.ip().is_loopback() {
        bail!(
            "refusing to listen on {address}: there are no credentials yet, so anybody who can \
             reach it could change everything; listen on a loopback address such as \
             127.0.0.1:{}, and put a proxy that authenticates in front of it",
            address.port()
        );
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(toml: &str) -> Options {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_what_is_usual() {
        let both = options("listen = '127.0.0.1:1'").or(options("listen = '[::1]:2'\nworkers = 3"));
        let settings = Settings::resolve(both).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:1");
        assert_eq!(settings.workers, Some(3));
        assert_eq!(settings.database_url, "sqlite://phaseline.db");
    }

    #[test]
    fn an_address_that_others_can_reach_is_refused_with_the_reason() {
        for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80"] {
            let refusal = loopback(listen).unwrap_err().to_string();
            assert!(refusal.contains("no credentials yet"), "{refusal}");
        }
        assert!(loopback("127.0.0.2:0").is_ok());
        let refusal = loopback("8080").unwrap_err().to_string();
        assert!(refusal.contains("ADDRESS:PORT"), "{refusal}");
    }

    #[test]
    fn workers_that_no_server_would_start_are_refused() {
        for workers in [0, MOST_WORKERS + 1, usize::MAX] {
            let asked = Options { workers: Some(workers), ..Options::default() };
            let refusal = Settings::resolve(asked).map(|_| ()).unwrap_err().to_string();
            assert!(refusal.contains("workers must be 1 to 512"), "{refusal}");
        }
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let refusal = toml::from_str::<Options>("lisen = 'x'").unwrap_err().to_string();
        assert!(refusal.contains("unknown field `lisen`"), "{refusal}");
    }
}
