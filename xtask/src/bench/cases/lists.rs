//! Whether anything grows with the size of the tables.

use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{Bench, Plan};
use crate::bench::{
    figure::{Figure, median},
    http::Http,
    plots::Plot,
    seed::{
        self,
        tables::{self, HISTORY},
    },
    targets::Goal,
    world::{Kind, Place, Program},
};

const SMALL: u64 = 1_000;
/// Small and large tables take turns in each round, with a new connection each time, and the least
/// counts: with the thread of the server that has the connection on a core of its own the same page takes
/// 27 µs, and next to the client 16.
const TURNS: usize = 10;
/// Reads of one page in each turn.
const READS: usize = 25;
/// Transitions in each round, so many that a commit now and then does not matter.
const MOVES: usize = 1_000;
/// How many pages of half of the small table there are, so that each list has the last one.
const PAGES: usize = 100;

/// Every list that grows with the tables, each with a page size of which the small tables have a
/// hundred: what a filter leaves is half of the table.
const LISTS: [&str; 17] = [
    "/api/v1/tickets?limit=10",
    "/api/v1/tickets?limit=5&phase_id=PHASE_DESIGN",
    "/api/v1/tickets?limit=5&status=in_progress",
    "/api/v1/tickets?limit=5&priority=HIGH",
    "/api/v1/why?limit=5",
    "/api/v1/tasks?limit=10",
    "/api/v1/tasks?limit=5&status=pending",
    "/api/v1/tasks?limit=5&phase_id=PHASE_DESIGN",
    "/api/v1/agents?limit=10",
    "/api/v1/agents?limit=10&status=terminated",
    "/api/v1/agents?limit=5&agent_type=monitor",
    "/api/v1/agents?limit=5&phase_id=PHASE_DESIGN",
    "/api/v1/events?limit=10",
    "/api/v1/events?limit=5&types=task.created",
    "/api/v1/events?limit=5&types=task.created,task.completed",
    "/api/v1/tickets/TICKET/phase-history?limit=10",
    "/api/v1/tickets/TICKET/tasks?limit=10",
];

/// Those of which two lines of the plot are drawn.
const DRAWN: [(&str, &str); 2] = [(LISTS[0], "all tickets"), (LISTS[6], "pending tasks")];

/// The same page, and the same move, of small tables and of large ones.
pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let sizes: &[u64] =
        if bench.quick { &[SMALL, 20_000] } else { &[SMALL, 10_000, 100_000, 1_000_000] };
    for kind in bench.databases() {
        let mut worlds = Vec::new();
        for &count in sizes {
            bench.progress.say(&format!("{}: tables of {count} rows", kind.name()));
            worlds.push(World::fill(bench, kind, count)?);
        }
        pages(bench, kind, &worlds)?;
        moves(bench, kind, &mut worlds)?;
    }
    Ok(())
}

fn pages(bench: &mut Bench, kind: Kind, worlds: &[World]) -> anyhow::Result<()> {
    let [small, .., large] = worlds else { return Ok(()) };
    let mut pages = Vec::new();
    for list in LISTS {
        for (nth, name) in [(1, "first"), (PAGES, "hundredth")] {
            bench.progress.say(&format!("{}: {name} page of {list}", kind.name()));
            let paths = worlds.iter().map(|world| world.page(list, nth));
            let paths = paths.collect::<anyhow::Result<Vec<_>>>()?;
            let name = format!("{name} page of {list}");
            let figure = figure(kind, name, Goal::Page, large.count);
            pages.push((list, figure, paths));
        }
    }
    // One page takes milliseconds to measure, and whatever disturbs it lasts for longer: its rounds lie
    // apart.
    for round in 1..=bench.rounds {
        for (_, figure, paths) in &mut pages {
            let [of_small, .., of_large] = paths.as_slice() else { return Ok(()) };
            let place = format!("({round}/{})", bench.rounds);
            bench.progress.say(&format!("{}: {} {place}", kind.name(), figure.name));
            let (mut floor, mut subject) = (f64::INFINITY, f64::INFINITY);
            for _ in 0..TURNS {
                floor = small.times(of_small)?.min(floor);
                subject = large.times(of_large)?.min(subject);
            }
            figure.floor.push(floor);
            figure.subject.push(subject);
        }
    }
    for (list, figure, paths) in pages {
        if let Some((_, words)) = DRAWN.iter().find(|(drawn, _)| *drawn == list) {
            let page = figure.name.split(' ').next().unwrap_or_default();
            let line = format!("{page} page of {words}, {}", kind.words());
            for (world, path) in worlds.iter().zip(&paths) {
                bench.point(Plot::Pages, &line, world.count as f64, world.times(path)?);
            }
        }
        bench.keep(figure);
    }
    Ok(())
}

fn moves(bench: &mut Bench, kind: Kind, worlds: &mut [World]) -> anyhow::Result<()> {
    let large = worlds.last().map_or(0, |world| world.count);
    let mut figure = figure(kind, "a transition".to_owned(), Goal::TransitionOfMany, large);
    for round in 0..=bench.rounds {
        bench.progress.say(&format!("{}: transitions ({round}/{})", kind.name(), bench.rounds));
        let [small, .., large] = &mut *worlds else { return Ok(()) };
        let (small, large) = (small.transition()?, large.transition()?);
        // The first one warms up.
        if round > 0 {
            figure.floor.push(small);
            figure.subject.push(large);
        }
    }
    bench.keep(figure);
    for world in worlds {
        let line = kind.words();
        bench.point(Plot::TransitionBySize, line, world.count as f64, world.transition()?);
    }
    Ok(())
}

fn figure(kind: Kind, name: String, goal: Goal, large: u64) -> Figure {
    let plan = Plan {
        name,
        database: kind.name(),
        connections: 1,
        against: format!("of {SMALL} rows"),
        goal: Some(goal),
        note: "",
    };
    let mut figure = plan.figure("ms");
    figure.note = format!("{large} rows, of history {}", large * HISTORY);
    figure
}

/// A server over so many rows of everything.
struct World {
    count: u64,
    program: Program,
    /// Open tickets, in no order.
    open: Vec<String>,
    /// How often one of them was moved: each is blocked, and in the next turn taken up again.
    moved: usize,
    _place: Place,
}

impl World {
    fn fill(bench: &Bench, kind: Kind, count: u64) -> anyhow::Result<Self> {
        let place = Place::fresh(kind, bench.postgres.as_deref())?;
        tables::fill(&place, count)?;
        let mut open: Vec<String> =
            (count / 2 + 1..=count).map(|number| seed::id(2, number).to_string()).collect();
        seed::shuffle(&mut open);
        let program = Program::start(&place, super::reads::CALM)?;
        Ok(Self { count, program, open, moved: 0, _place: place })
    }

    /// The path of a page of a list, or of its last one.
    fn page(&self, list: &str, nth: usize) -> anyhow::Result<String> {
        let list = list.replace("TICKET", self.open.first().context("an open ticket")?);
        let mut http = Http::connect(&self.program.address)?;
        let mut path = list.clone();
        for _ in 1..nth {
            let page: Value = serde_json::from_slice(&http.get(&path)?)?;
            let next = if list.contains("/events") { "after" } else { "cursor" };
            let cursor = &page["next_cursor"];
            let Some(cursor) = cursor.as_str().map(str::to_owned) else { break };
            path = format!("{list}&{next}={cursor}");
        }
        let page: Value = serde_json::from_slice(&http.get(&path)?)?;
        let items = page["items"].as_array().map_or(0, Vec::len);
        ensure!(items > 0, "the page {path} of {} rows is empty", self.count);
        Ok(path)
    }

    /// How long it takes to read a page, in milliseconds.
    fn times(&self, path: &str) -> anyhow::Result<f64> {
        let mut http = Http::connect(&self.program.address)?;
        http.times(path, READS / 4)?;
        Ok(median(&http.times(path, READS)?))
    }

    /// How long a transition takes, one after the other, in milliseconds.
    fn transition(&mut self) -> anyhow::Result<f64> {
        let mut http = Http::connect(&self.program.address)?;
        let began = Instant::now();
        for nth in self.moved..self.moved + MOVES {
            let (ticket, turn) = (&self.open[nth % self.open.len()], nth / self.open.len());
            let to = if turn.is_multiple_of(2) { "BLOCKED" } else { "DESIGN" };
            let path = format!("/api/v1/tickets/{ticket}/transition");
            http.post(&path, &format!("{{\"to_phase\":\"PHASE_{to}\"}}"))?;
        }
        self.moved += MOVES;
        Ok(began.elapsed().as_secs_f64() * 1e3 / MOVES as f64)
    }
}
