//! Load over HTTP, by `wrk` in a process of its own.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use tempfile::TempDir;

/// Threads of the load generator: each has its share of the connections and of the lines.
const THREADS: u32 = 2;

/// The scripts and the lines that they work on.
#[derive(Debug)]
pub(crate) struct Generator {
    folder: TempDir,
    address: String,
}

/// How requests are made from lines.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    /// Each line is a request: a path, or a path, a tab and a body; again and again.
    Requests,
    /// Each line is a ticket, which is moved through all its phases.
    Walk,
    /// Each line is an agent, which claims a task and completes it.
    Pairs,
}

/// What came of it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Outcome {
    requests: u64,
    duration_us: u64,
    p50_us: u64,
    p99_us: u64,
    refused: u64,
    broken: u64,
}

impl Generator {
    /// A generator for the server at this address.
    pub(crate) fn new(address: &str) -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, address: address.to_owned() })
    }

    /// Loads for so many seconds at most, over so many connections that stay open.
    pub(crate) fn run(
        &self,
        script: Script,
        lines: &[String],
        connections: u32,
        seconds: u32,
    ) -> anyhow::Result<Outcome> {
        let (name, text) = match script {
            Script::Requests => ("requests", include_str!("lua/requests.lua")),
            Script::Walk => ("walk", include_str!("lua/walk.lua")),
            Script::Pairs => ("pairs", include_str!("lua/pairs.lua")),
        };
        let script = self.write(&format!("{name}.lua"), &[include_str!("lua/common.lua"), text])?;
        // Each thread has lines of its own.
        let all = lines.iter().map(String::as_str);
        let lines: Vec<&str> = match lines {
            [only] => vec![only.as_str(); THREADS as usize],
            _ => all.collect(),
        };
        let file = self.write("lines", &lines)?;
        let output = Command::new("wrk")
            .arg(format!("-t{}", THREADS.min(connections)))
            .arg(format!("-c{connections}"))
            .arg(format!("-d{seconds}s"))
            .args(["--timeout", "30s", "-s"])
            .arg(script)
            .arg(format!("http://{}", self.address))
            .arg("--")
            .arg(file)
            .arg(THREADS.min(connections).to_string())
            .output()
            .context("the load generator cannot be started: apt-get install wrk")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let report = said.lines().rev().find(|line| line.starts_with('{'));
        let Some(report) = report else {
            bail!("the load generator failed: {said}{}", String::from_utf8_lossy(&output.stderr));
        };
        Ok(serde_json::from_str(report)?)
    }

    fn write(&self, name: &str, parts: &[&str]) -> anyhow::Result<PathBuf> {
        let path: &Path = self.folder.path();
        let path = path.join(name);
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
        for part in parts {
            writeln!(file, "{part}")?;
        }
        file.flush()?;
        Ok(path)
    }
}

impl Outcome {
    /// Answers in all.
    pub(crate) const fn requests(&self) -> u64 {
        self.requests
    }

    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 * 1e6 / self.duration_us.max(1) as f64
    }

    pub(crate) fn p50_ms(&self) -> f64 {
        self.p50_us as f64 / 1e3
    }

    pub(crate) fn p99_ms(&self) -> f64 {
        self.p99_us as f64 / 1e3
    }

    /// The same, of which only so many count.
    pub(crate) fn counted(self, requests: u64) -> Self {
        Self { requests, ..self }
    }

    /// Fails where more than a few answers were no success: then something else was measured.
    pub(crate) fn checked(self) -> anyhow::Result<Self> {
        let Self { requests, refused, broken, .. } = self;
        let few = (requests / 200).max(THREADS.into());
        ensure!(broken == 0, "{broken} connections of the load generator broke");
        ensure!(refused <= few, "{refused} of {requests} requests were refused");
        Ok(self)
    }
}
