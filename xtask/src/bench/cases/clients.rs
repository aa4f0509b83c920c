//! Throughput against the number of clients, which is only drawn.

use anyhow::Context;

use super::{Bench, now, writes::walk};
use crate::bench::{
    floor::Turns,
    http::Http,
    load::{Generator, Script},
    plots::Plot,
    seed::{self, Tickets},
    world::{Kind, Place, Program},
};

const CLIENTS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];
const TICKETS: u64 = 10_000;
const AGENTS: usize = 10_000;

/// Transitions, heartbeats and reads, each beside its floor.
pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    for kind in bench.databases() {
        let place = Place::fresh(kind, bench.postgres.as_deref())?;
        let wanted = Tickets { count: TICKETS, first: 1, history: 1, tasks: 0 };
        let mut tickets = seed::tickets(&place, wanted)?;
        seed::shuffle(&mut tickets);
        let fleet = seed::fleet(AGENTS, now())?;
        seed::store(&place, &fleet, now())?;
        let program = Program::start(&place, super::reads::CALM)?;
        let load = Generator::new(&program.address)?;
        let reads: Vec<String> = tickets.iter().map(|id| format!("/api/v1/tickets/{id}")).collect();
        repeated(bench, &load, &format!("one ticket read, {}", kind.words()), &reads)?;
        if kind == Kind::Sqlite {
            let beats: Vec<String> = fleet
                .iter()
                .map(|agent| format!("/api/v1/agents/{}/heartbeat\t{{\"sequence\":#}}", agent.id))
                .collect();
            let mut http = Http::connect(&program.address)?;
            let bytes = http.get(reads.first().context("a ticket")?)?.len();
            let beat = beats.first().and_then(|beat| beat.split('\t').next()).context("a beat")?;
            let answer = String::from_utf8(http.post(beat, r#"{"sequence":0}"#)?)?;
            repeated(bench, &load, "heartbeat", &beats)?;
            repeated(bench, &load, "hello (floor)", &[format!("/floor/hello/{bytes}")])?;
            repeated(bench, &load, "echo (floor)", &[format!("/floor/echo\t{answer}")])?;
        }
        let mut turns = Turns::after(TICKETS);
        for clients in counts(bench) {
            let line = kind.words();
            bench.progress.say(&format!("transitions, {line}, {clients} clients"));
            let outcome = walk(&place, &load, clients, bench.seconds, &mut turns)?.checked()?;
            bench.point(Plot::WritesByClients, line, clients.into(), outcome.rate());
        }
        program.stop()?;
    }
    Ok(())
}

fn repeated(
    bench: &mut Bench,
    load: &Generator,
    line: &str,
    lines: &[String],
) -> anyhow::Result<()> {
    for clients in counts(bench) {
        bench.progress.say(&format!("{line}, {clients} clients"));
        let outcome = load.run(Script::Requests, lines, clients, bench.seconds)?.checked()?;
        bench.point(Plot::ReadsByClients, line, clients.into(), outcome.rate());
    }
    Ok(())
}

fn counts(bench: &Bench) -> impl Iterator<Item = u32> + use<> {
    CLIENTS.into_iter().step_by(if bench.quick { 3 } else { 1 })
}
