//! What must be durable before it is answered, against the same rows written by bare statements.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use super::{Bench, Plan, now};
use crate::bench::{
    floor::{Bare, MOST_PAIRS_A_SECOND, Pgbench, STEPS, Turns},
    load::{Generator, Outcome, Script},
    seed::{self, Tickets},
    targets::Goal,
    world::{Kind, Place, Program},
};

/// What an fsync is made to cost for the measurement of a slow disk.
const SLOW_FSYNC_MS: u32 = 5;

/// A floor of one of the databases.
enum Floor {
    /// Bare SQLite, with so many transitions in each commit.
    Bare(Bare, u32),
    /// PostgreSQL by `pgbench`.
    Pgbench(Pgbench, bool),
}

impl Floor {
    fn of(bench: &Bench, kind: Kind) -> anyhow::Result<Self> {
        Ok(match kind {
            Kind::Sqlite => Self::Bare(Bare::new()?, 64),
            Kind::Postgres => Self::Pgbench(Pgbench::new(bench.postgres.as_deref())?, true),
        })
    }

    fn words(&self) -> String {
        match self {
            Self::Bare(_, 1) => "bare SQLite, one a commit".to_owned(),
            Self::Bare(_, many) => format!("bare SQLite, {many} a commit"),
            Self::Pgbench(_, true) => "pgbench, one statement".to_owned(),
            Self::Pgbench(_, false) => "pgbench, five statements".to_owned(),
        }
    }

    fn rate(&mut self, seconds: u32) -> anyhow::Result<f64> {
        match self {
            Self::Bare(bare, many) => bare.rate(*many, seconds),
            Self::Pgbench(pgbench, one) => pgbench.rate(*one, seconds),
        }
    }
}

/// How many connections a database is measured with: what the targets speak of comes first.
const fn connections(kind: Kind) -> [u32; 2] {
    match kind {
        Kind::Sqlite => [64, 16],
        Kind::Postgres => [16, 64],
    }
}

/// Transitions.
pub(super) fn transitions(bench: &mut Bench) -> anyhow::Result<()> {
    for kind in bench.databases() {
        let mut floor = Floor::of(bench, kind)?;
        let goal = match kind {
            Kind::Sqlite => Goal::TransitionSqlite,
            Kind::Postgres => Goal::TransitionPostgres,
        };
        for (nth, &connections) in bench.connections(&connections(kind)).iter().enumerate() {
            walked(bench, kind, connections, &mut floor, (nth == 0).then_some(goal))?;
        }
        match floor {
            Floor::Pgbench(pgbench, _) => {
                let mut five = Floor::Pgbench(pgbench, false);
                walked(bench, kind, 16, &mut five, Some(Goal::TransitionPostgresFive))?;
            }
            Floor::Bare(bare, _) => {
                walked(bench, kind, 64, &mut Floor::Bare(bare, 1), None)?;
            }
        }
    }
    Ok(())
}

/// Transitions while every fsync takes milliseconds: one commit must serve many.
pub(super) fn slow_disk(bench: &mut Bench) -> anyhow::Result<()> {
    if !bench.sqlite {
        return Ok(());
    }
    let (_folder, shim) = slow_fsync()?;
    let shim = shim.display().to_string();
    let milliseconds = SLOW_FSYNC_MS.to_string();
    let variables = [("LD_PRELOAD", shim.as_str()), ("SLOW_FSYNC_MS", milliseconds.as_str())];
    // One transition a commit, one fsync a commit: there is no need to measure it.
    let floor = 1000.0 / f64::from(SLOW_FSYNC_MS);
    let place = Place::fresh(Kind::Sqlite, None)?;
    let program = Program::start(&place, &variables)?;
    let load = Generator::new(&program.address)?;
    let mut turns = Turns::default();
    let plan = Plan {
        name: format!("transitions, fsync {SLOW_FSYNC_MS} ms"),
        database: Kind::Sqlite.name(),
        connections: 64,
        against: "SQLite, one a commit: one fsync each".to_owned(),
        goal: Some(Goal::TransitionSlowDisk),
        note: "",
    };
    bench.alternate(plan, |_| Ok(floor), |seconds| walk(&place, &load, 64, seconds, &mut turns))?;
    program.stop()
}

fn walked(
    bench: &mut Bench,
    kind: Kind,
    connections: u32,
    floor: &mut Floor,
    goal: Option<Goal>,
) -> anyhow::Result<()> {
    let place = Place::fresh(kind, bench.postgres.as_deref())?;
    let program = Program::start(&place, &[])?;
    let load = Generator::new(&program.address)?;
    let plan = Plan {
        name: "transitions".to_owned(),
        database: kind.name(),
        connections,
        against: floor.words(),
        goal,
        note: "",
    };
    let mut turns = Turns::default();
    bench.alternate(
        plan,
        |seconds| floor.rate(seconds),
        |seconds| walk(&place, &load, connections, seconds, &mut turns),
    )?;
    program.stop()
}

/// Moves fresh tickets through their phases.
pub(super) fn walk(
    place: &Place,
    load: &Generator,
    connections: u32,
    seconds: u32,
    turns: &mut Turns,
) -> anyhow::Result<Outcome> {
    let tickets = turns.next(place, seconds)?;
    let outcome = load.run(Script::Walk, &tickets, connections, seconds)?;
    let most = (tickets.len() * STEPS) as u64;
    ensure!(outcome.requests() < most, "there are too few tickets for this machine");
    Ok(outcome)
}

/// Tickets, tasks and agents that are made.
pub(super) fn creations(bench: &mut Bench) -> anyhow::Result<()> {
    for kind in bench.databases() {
        let mut floor = Floor::of(bench, kind)?;
        let place = Place::fresh(kind, bench.postgres.as_deref())?;
        let wanted = Tickets { count: 5_000, first: 1, history: 1, tasks: 0 };
        let mut tickets = seed::tickets(&place, wanted)?;
        seed::shuffle(&mut tickets);
        let program = Program::start(&place, super::reads::CALM)?;
        let load = Generator::new(&program.address)?;
        let ticket = r#"{"title":"Rotate the keys","description":"All of them, this quarter.","priority":"HIGH"}"#;
        let task = r#"{"title":"List the keys","description":"All that are in use.","required_capabilities":["rust"]}"#;
        let agent =
            r#"{"agent_type":"worker","capabilities":["rust","sql","testing"],"capacity":4}"#;
        let of_tickets = tickets.iter().map(|id| format!("/api/v1/tickets/{id}/tasks\t{task}"));
        for (name, lines) in [
            ("tickets made", vec![format!("/api/v1/tickets\t{ticket}")]),
            ("tasks made", of_tickets.collect()),
            ("agents registered", vec![format!("/api/v1/agents/register\t{agent}")]),
        ] {
            for (nth, &connections) in bench.connections(&connections(kind)).iter().enumerate() {
                let plan = Plan {
                    name: name.to_owned(),
                    database: kind.name(),
                    connections,
                    against: floor.words(),
                    goal: (nth == 0).then_some(Goal::Creation),
                    note: "",
                };
                bench.alternate(
                    plan,
                    |seconds| floor.rate(seconds),
                    |seconds| load.run(Script::Requests, &lines, connections, seconds),
                )?;
            }
        }
        program.stop()?;
    }
    Ok(())
}

/// Pairs of a claim and the completion of what it gave.
pub(super) fn claims(bench: &mut Bench) -> anyhow::Result<()> {
    for kind in bench.databases() {
        let mut floor = Floor::of(bench, kind)?;
        for (nth, &connections) in bench.connections(&connections(kind)).iter().enumerate() {
            let place = Place::fresh(kind, bench.postgres.as_deref())?;
            let agents = seed::rustaceans(&place, 64, now())?;
            let program = Program::start(&place, super::reads::CALM)?;
            let load = Generator::new(&program.address)?;
            let plan = Plan {
                name: "pairs of claim and completion".to_owned(),
                database: kind.name(),
                connections,
                against: floor.words(),
                goal: (nth == 0).then_some(Goal::Pair),
                note: "",
            };
            let mut first = 1;
            bench.alternate(
                plan,
                |seconds| floor.rate(seconds),
                |seconds| {
                    let count = MOST_PAIRS_A_SECOND * u64::from(seconds) / 10;
                    let wanted = Tickets { count, first, history: 1, tasks: 10 };
                    first += count;
                    seed::tickets(&place, wanted)?;
                    let before = completed(&place)?;
                    let outcome = load.run(Script::Pairs, &agents, connections, seconds)?;
                    let pairs = completed(&place)? - before;
                    ensure!(pairs > 0, "no task was completed");
                    ensure!(pairs < count * 10, "there are too few tasks for this machine");
                    Ok(outcome.counted(pairs))
                },
            )?;
            program.stop()?;
        }
        if let Floor::Pgbench(pgbench, one) = &mut floor {
            bare_pairs(bench, kind, |seconds| pgbench.rate(*one, seconds))?;
        }
    }
    Ok(())
}

/// What is left to be wanted of pairs: those that the database makes when nothing stands before it.
fn bare_pairs(
    bench: &mut Bench,
    kind: Kind,
    mut floor: impl FnMut(u32) -> anyhow::Result<f64>,
) -> anyhow::Result<()> {
    let plan = Plan {
        name: "pairs by pgbench, two statements each".to_owned(),
        database: kind.name(),
        connections: 16,
        against: "pgbench, one statement".to_owned(),
        goal: None,
        note: "without the program",
    };
    let (mut figure, mut pairs) =
        (plan.figure("a second"), Pgbench::new(bench.postgres.as_deref())?);
    bench.progress.say(&figure.name);
    for _ in 0..bench.rounds {
        figure.floor.push(floor(bench.seconds)?);
        figure.subject.push(pairs.pairs(bench.seconds)?);
    }
    bench.keep(figure);
    Ok(())
}

fn completed(place: &Place) -> anyhow::Result<u64> {
    let query = "SELECT CAST(COUNT(*) AS VARCHAR(20)) FROM tasks WHERE status = 'completed'";
    Ok(place.column(query)?.first().context("a count")?.parse()?)
}

/// A library that makes fsync and fdatasync take longer, in front of those of the system.
fn slow_fsync() -> anyhow::Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let (source, library) = (folder.path().join("slow.c"), folder.path().join("slow.so"));
    std::fs::write(&source, include_str!("../slow_fsync.c"))?;
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&library)
        .arg(&source)
        .arg("-ldl")
        .status()
        .context("the C compiler cannot be started")?;
    ensure!(compiled.success(), "slow_fsync.c does not compile");
    Ok((folder, library))
}
