//! `cargo xtask test` and `cargo xtask ci`: what a change must pass.

use std::process::{Command, Stdio};

use crate::{
    Tools, openapi, postgres,
    simulate::{self, Simulate},
    steps::Steps,
};

const DATABASE: &str = "PHASELINE_TEST_DATABASE";

/// Format, lints and all tests.
///
/// # Errors
/// The first step that fails; PostgreSQL is named but does not answer.
pub(crate) fn test(tools: &Tools) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    if let Some(url) = &tools.test_postgres_url {
        steps.take("PostgreSQL answers", || postgres::answers(url))?;
    }
    steps.run("format", cargo(tools, &["fmt", "--all", "--check"]))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    steps.run("lints", cargo(tools, &clippy))?;
    // The tests start the real program; built here, its build is seen and no test waits for it.
    steps.run("the program", cargo(tools, &["build", "--package", "phaseline-server"]))?;
    let mut on_sqlite = cargo(tools, &["test", "--workspace"]);
    on_sqlite.env(DATABASE, "sqlite");
    steps.run("tests on SQLite", on_sqlite)?;
    if tools.test_postgres_url.is_some() {
        // `--workspace` although few packages know of a database: another selection of packages would be
        // another set of features, and a second build of most dependencies.
        let mut on_postgres = cargo(tools, &["test", "--workspace", "--lib", "--test", "all"]);
        on_postgres.env(DATABASE, "postgres");
        steps.run("tests on PostgreSQL", on_postgres)?;
    } else {
        println!("\nPHASELINE_TEST_POSTGRES_URL is not set: nothing was tested on PostgreSQL");
    }
    Ok(())
}

/// The OpenAPI file, the documentation of the code, the dependencies, and a few hundred
/// simulations.
///
/// # Errors
/// The first step that fails.
pub(crate) fn ci(tools: &Tools) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    steps.take("docs/openapi.json is current", openapi::check)?;
    let mut docs = cargo(tools, &["doc", "--workspace", "--no-deps"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    steps.run("documentation of the code", docs)?;
    if has_deny(tools) {
        // cargo-deny reads the crates of every platform; a build has fetched those of this one.
        steps.run("crates of all platforms", cargo(tools, &["fetch", "--locked"]))?;
        // Advisories need the network and change without the code; they are not checked here.
        let deny = ["deny", "--offline", "check", "bans", "licenses", "sources"];
        steps.run("dependencies", cargo(tools, &deny))?;
    } else {
        println!("\ncargo-deny is not installed: the dependencies were not checked");
    }
    steps.take("simulations", || simulate::run(&Simulate::of_a_commit()))
}

/// Cargo, not told what the cargo that runs this task says of xtask: build scripts look at it, and
/// dependencies would be built again each time this task and a plain `cargo test` take turns.
fn cargo(tools: &Tools, arguments: &[&str]) -> Command {
    let mut command = Command::new(&tools.cargo);
    command.args(arguments);
    for (name, _) in std::env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if told {
            command.env_remove(name);
        }
    }
    command
}

fn has_deny(tools: &Tools) -> bool {
    cargo(tools, &["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
