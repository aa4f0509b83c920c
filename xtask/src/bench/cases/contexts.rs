//! Context of many tasks: aggregating it, packing it, and reading it.

use std::time::Instant;

use anyhow::Context;
use serde_json::json;

use super::{Bench, Plan};
use crate::bench::{
    figure::{Figure, median},
    http::Http,
    seed::{self, Tickets},
    targets::Goal,
    world::{Kind, Place, Program},
};

/// How many completed tasks the phase has.
const TASKS: u64 = 1_000;
const PHASES: [&str; 4] =
    ["PHASE_REQUIREMENTS", "PHASE_DESIGN", "PHASE_IMPLEMENTATION", "PHASE_TESTING"];

/// `update-context`, the pack of four such phases, and reading it again.
pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for kind in bench.databases() {
        let place = Place::fresh(kind, bench.postgres.as_deref())?;
        let wanted = Tickets { count: 10, first: 1, history: 5, tasks: 0 };
        let tickets = seed::tickets(&place, wanted)?;
        let program = Program::start(&place, &[])?;
        let mut http = Http::connect(&program.address)?;
        let mut update = figure(kind, "update-context, 1,000 completed tasks", Goal::UpdateContext);
        let mut pack = figure(kind, "pack of four such phases in 2,000 tokens", Goal::Pack);
        let mut again = figure(kind, "the same pack again", Goal::PackAgain);
        for ticket in tickets.iter().take(bench.rounds + 1) {
            bench.progress.say(&update.name);
            let (mut updates, mut agains) = (Vec::new(), Vec::new());
            for phase in PHASES {
                completed(&place, ticket, phase)?;
            }
            let mut http_ms = |path: &str, body: Option<String>| -> anyhow::Result<f64> {
                let began = Instant::now();
                match body {
                    Some(body) => http.post(path, &body)?,
                    None => http.get(path)?,
                };
                Ok(began.elapsed().as_secs_f64() * 1e3)
            };
            for phase in PHASES {
                let path = format!("/api/v1/tickets/{ticket}/update-context");
                let body = json!({ "phase_id": phase }).to_string();
                updates.push(http_ms(&path, Some(body))?);
            }
            let path = format!(
                "/api/v1/tickets/{ticket}/context?for_phase=PHASE_DEPLOYMENT&max_tokens=2000"
            );
            pack.subject.push(http_ms(&path, None)?);
            for _ in 0..25 {
                agains.push(http_ms(&path, None)?);
            }
            update.subject.push(median(&updates));
            again.subject.push(median(&agains));
        }
        // The tokenizer is loaded by the first pack of all.
        for figure in [&mut update, &mut pack, &mut again] {
            figure.subject.remove(0);
        }
        for figure in [update, pack, again] {
            bench.keep(figure);
        }
        program.stop()?;
    }
    Ok(())
}

fn figure(kind: Kind, name: &str, goal: Goal) -> Figure {
    let plan = Plan {
        name: name.to_owned(),
        database: kind.name(),
        connections: 1,
        against: String::new(),
        goal: Some(goal),
        note: "over HTTP",
    };
    plan.figure("ms")
}

/// Puts completed tasks into a phase of a ticket.
fn completed(place: &Place, ticket: &str, phase: &str) -> anyhow::Result<()> {
    let number: u64 = PHASES.iter().position(|name| *name == phase).context("a phase")? as u64;
    let of_ticket = u64::from_str_radix(ticket.get(24..).context("an id")?, 16)? & 0xff_ffff;
    let first = (of_ticket * 10 + number) * TASKS;
    seed::results(place, ticket, phase, first, TASKS)
}
