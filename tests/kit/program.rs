//! The real programs of the workspace, built and run as processes.

use std::{
    io::{BufRead, BufReader},
    ops::Deref,
    path::PathBuf,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use cargo_metadata::Message;
use tokio::sync::OnceCell;

use super::{database::environment, http::Http, wait::eventually};

const PATIENCE: Duration = Duration::from_secs(20);

/// A `phaseline` process that serves; killed when this is dropped.
pub(crate) struct Program {
    http: Http,
    process: Child,
}

/// Starts `phaseline serve` over a database and waits for the line with its address.
pub(crate) async fn program(database_url: &str) -> Program {
    let mut process = Command::new(path("phaseline").await)
        .args(["serve", "--listen", "127.0.0.1:0", "--database-url", database_url])
        .args(["--log", "warn"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = lines_of(process.stdout.take().expect("its output is piped"));
    let mut program = Program { http: Http::new(""), process };
    let line = lines.recv_timeout(PATIENCE).expect("the program prints its address");
    let address = line.split_whitespace().find(|word| word.starts_with("http://"));
    program.http = Http::new(address.unwrap_or_else(|| panic!("no address in {line:?}")));
    program
}

/// Runs a program to its end and answers what it printed; panics when it fails.
pub(crate) async fn run(name: &'static str, arguments: &[&str]) -> String {
    let (status, printed, said) = try_run(name, arguments).await;
    assert!(status.success(), "{name} {arguments:?} ended with {status}: {said}");
    printed
}

/// Runs a program to its end: its status, its standard output and its standard error.
pub(crate) async fn try_run(
    name: &'static str,
    arguments: &[&str],
) -> (ExitStatus, String, String) {
    let mut command = Command::new(path(name).await);
    command.args(arguments);
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("it ends");
    let ended = ended.expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the program prints text");
    (ended.status, text(ended.stdout), text(ended.stderr))
}

impl Program {
    /// Asks it to end, by SIGTERM, and waits until it has.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        // No crate of ours may call the system itself (`unsafe_code`); the shell can.
        let kill = format!("kill -TERM {}", self.process.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("sh is there");
        assert!(sent.success(), "SIGTERM was sent");
        let process = std::cell::RefCell::new(&mut self.process);
        eventually("the program ends", || async {
            process.borrow_mut().try_wait().expect("its status")
        })
        .await
    }

    /// What it has in memory, in KiB, where the system says so.
    pub(crate) fn memory_kib(&self) -> Option<u64> {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// Ends it by SIGKILL, in the middle of whatever it does.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

impl Deref for Program {
    type Target = Http;

    fn deref(&self) -> &Http {
        &self.http
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads to the end on a thread, so that the process never waits for a full pipe.
fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Only the first line is asked for.
            let _ = sender.send(line);
        }
    });
    lines
}

/// Where the program is, built once per process.
async fn path(name: &'static str) -> PathBuf {
    static PHASELINE: OnceCell<PathBuf> = OnceCell::const_new();
    static XTASK: OnceCell<PathBuf> = OnceCell::const_new();
    let (cell, package) = match name {
        "phaseline" => (&PHASELINE, "phaseline-server"),
        "xtask" => (&XTASK, "xtask"),
        other => panic!("there is no program {other}"),
    };
    cell.get_or_init(|| async { build(package, name) }).await.clone()
}

fn build(package: &str, program: &str) -> PathBuf {
    let cargo = environment("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--package", package, "--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit());
    // What cargo told this test of itself: build scripts look at it, and would run again for it,
    // below the feet of the `cargo test` that is still going on.
    for (name, _) in std::env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if told {
            command.env_remove(name);
        }
    }
    let built = command.output().expect("cargo starts");
    assert!(built.status.success(), "cargo build --package {package}: {}", built.status);
    Message::parse_stream(built.stdout.as_slice())
        .filter_map(Result::ok)
        .find_map(|message| {
            let Message::CompilerArtifact(artifact) = message else { return None };
            artifact.executable.filter(|_| artifact.target.name == program)
        })
        .map(Into::into)
        .expect("the package has this program")
}
