//! Logging by `tracing`, to standard error: standard output belongs to the program's own lines.

use std::io::IsTerminal;

use anyhow::{Context, anyhow};
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, Telemetry};

/// The driver warns of a parameter of the database URL that it does not know, with its value: that may be
/// a password under a mistyped name.
const UNSAID: &str = "sqlx_postgres::options=error";

/// Starts logging for the whole process.
pub(crate) fn start(telemetry: &Telemetry) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&telemetry.filter)
        .with_context(|| format!("log is not a filter: {}", telemetry.filter))?
        .add_directive(UNSAID.parse()?);
    let colours = std::io::stderr().is_terminal();
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let started = match telemetry.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| anyhow!("logging cannot be started: {error}"))
}
