//! Whether anything grows with the size of the tables.

use anyhow::Context;
use serde_json::Value;

use super::{Bench, Plan};
use crate::bench::{
    figure::{Target, median},
    http::Http,
    load::{Generator, Script},
    seed::{self, Tickets},
    world::{Kind, Place, Program},
};

const SMALL: u64 = 1_000;
/// Every list that grows with the tables.
const LISTS: [&str; 5] = [
    "/api/v1/tickets?limit=100",
    "/api/v1/tickets?limit=100&phase_id=PHASE_DESIGN",
    "/api/v1/tasks?limit=100&status=pending",
    "/api/v1/agents?limit=100",
    "/api/v1/events?limit=100",
];
const READS: usize = 40;

/// The same page, and the same move, of small tables and of large ones.
pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let large = if bench.quick { 50_000 } else { 1_000_000 };
    for kind in bench.databases() {
        let mut worlds = Vec::new();
        for count in [SMALL, large] {
            bench.progress.say(&format!("a database of {count} tickets"));
            worlds.push(World::fill(bench, kind, count)?);
        }
        for list in LISTS {
            for (page, name) in [(0, "first"), (99, "hundredth")] {
                let plan = Plan {
                    name: format!("{name} page of {list}"),
                    database: kind.name(),
                    connections: 1,
                    against: format!("of {SMALL} rows"),
                    target: Target::AtMost(1.5),
                    note: "",
                };
                let mut figure = plan.figure("ms");
                for _ in 0..bench.rounds {
                    figure.floor.push(worlds[0].page(list, page)?);
                    figure.subject.push(worlds[1].page(list, page)?);
                }
                figure.note = format!("{large} rows");
                bench.keep(figure);
            }
        }
        let plan = Plan {
            name: format!("a transition among {large} tickets and 5 times as many rows of history"),
            database: kind.name(),
            connections: 1,
            against: format!("among {SMALL} tickets"),
            target: Target::AtMost(1.3),
            note: "",
        };
        let mut figure = plan.figure("ms");
        for round in 0..bench.rounds {
            figure.floor.push(worlds[0].move_some(bench.seconds, round)?);
            figure.subject.push(worlds[1].move_some(bench.seconds, round)?);
        }
        bench.keep(figure);
    }
    Ok(())
}

/// A server over so many rows of everything.
struct World {
    program: Program,
    load: Generator,
    tickets: Vec<String>,
    _place: Place,
}

impl World {
    fn fill(bench: &Bench, kind: Kind, count: u64) -> anyhow::Result<Self> {
        let place = Place::fresh(kind, bench.postgres.as_deref())?;
        let wanted = Tickets { count, first: 1, history: 5, tasks: 0 };
        let tickets = seed::tickets(&place, wanted)?;
        seed::side_tables(&place, count)?;
        let program = Program::start(&place, super::reads::CALM)?;
        let load = Generator::new(&program.address)?;
        Ok(Self { program, load, tickets, _place: place })
    }

    /// How long a page of a list takes, in milliseconds: the first, or the last one that there is
    /// within so many.
    fn page(&self, list: &str, pages: usize) -> anyhow::Result<f64> {
        let mut http = Http::connect(&self.program.address)?;
        let mut path = list.to_owned();
        for _ in 0..pages {
            let page: Value = serde_json::from_slice(&http.get(&path)?)?;
            // Of a small table the hundredth page is its last one.
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            let next = if list.contains("/events") { "after" } else { "cursor" };
            let full = format!("{list}&{next}={cursor}");
            if pages > 1 && self.tickets.len() < 100 * pages && page["items"].is_null() {
                break;
            }
            path = full;
        }
        // A page that is not full would be no comparison.
        if pages > 0 && self.tickets.len() as u64 <= SMALL {
            path = self.full_page_before(&mut http, list)?;
        }
        http.times(&path, READS / 4)?;
        Ok(median(&http.times(&path, READS)?))
    }

    /// The last page that is full.
    fn full_page_before(&self, http: &mut Http, list: &str) -> anyhow::Result<String> {
        let mut path = list.to_owned();
        for _ in 0..8 {
            let page: Value = serde_json::from_slice(&http.get(&path)?)?;
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            let next = if list.contains("/events") { "after" } else { "cursor" };
            path = format!("{list}&{next}={cursor}");
        }
        Ok(path)
    }

    /// How long a transition takes, one after the other, in milliseconds.
    fn move_some(&self, seconds: u32, round: usize) -> anyhow::Result<f64> {
        // Scattered over the whole table, and each ticket only once.
        let share = (self.tickets.len() / 64).max(1);
        let lines: Vec<String> = (0..64)
            .flat_map(|part| {
                self.tickets.get(part * share + round * 15..).unwrap_or_default().iter().take(15)
            })
            .map(|id| {
                format!(
                    "/api/v1/tickets/{id}/transition\t{{\"to_phase\":\"PHASE_IMPLEMENTATION\"}}"
                )
            })
            .collect();
        let outcome = self.load.run(Script::Once, &lines, 1, seconds)?.checked()?;
        Some(1e3 / outcome.rate()).filter(|ms| ms.is_finite()).context("nothing was moved")
    }
}
