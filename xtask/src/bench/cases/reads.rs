//! What is answered from memory, and the smallest read of the database.

use anyhow::Context;

use super::{Bench, Plan, now};
use crate::{
    bench::{
        http::Http,
        load::{Generator, Script},
        seed::{self, Popularity, Tickets},
        targets::Goal,
        world::{Kind, Place, Program},
    },
    chance::Chance,
};

/// Seeded agents must not all become degraded while they are measured.
pub(super) const CALM: &[(&str, &str)] = &[("PHASELINE_HEARTBEAT_TTL_S", "86400")];
const CONNECTIONS: [u32; 2] = [16, 64];

/// Heartbeats against a route that parses and answers as much.
pub(super) fn heartbeats(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.agents();
    let place = Place::fresh(Kind::Sqlite, None)?;
    let fleet = seed::fleet(count, now())?;
    seed::store(&place, &fleet, now())?;
    let program = Program::start(&place, CALM)?;
    let load = Generator::new(&program.address)?;
    let beats: Vec<String> = fleet
        .iter()
        .step_by(5)
        .map(|agent| format!("/api/v1/agents/{}/heartbeat\t{{\"sequence\":#}}", agent.id))
        .collect();
    let mut http = Http::connect(&program.address)?;
    let path = beats.first().and_then(|beat| beat.split('\t').next()).context("an agent")?;
    let answer = http.post(path, r#"{"sequence":1}"#)?;
    let echo = vec![format!("/floor/echo\t{}", String::from_utf8(answer)?)];
    for &connections in bench.connections(&CONNECTIONS) {
        let plan = Plan {
            name: format!("heartbeats, {count} agents"),
            database: Kind::Sqlite.name(),
            connections,
            against: "echo".to_owned(),
            goal: Some(Goal::Heartbeat),
            note: "",
        };
        bench.alternate(
            plan,
            |seconds| {
                Ok(load.run(Script::Requests, &echo, connections, seconds)?.checked()?.rate())
            },
            |seconds| load.run(Script::Requests, &beats, connections, seconds),
        )?;
    }
    program.stop()
}

/// Search and best-fit against a constant answer of the same length.
pub(super) fn search(bench: &mut Bench) -> anyhow::Result<()> {
    let count = bench.agents();
    let place = Place::fresh(Kind::Sqlite, None)?;
    seed::store(&place, &seed::fleet(count, now())?, now())?;
    let program = Program::start(&place, CALM)?;
    let load = Generator::new(&program.address)?;
    let (mut chance, popularity) = (Chance::new(11), Popularity::new());
    let questions: Vec<String> = (0..1000)
        .map(|_| {
            let wanted = popularity.draw(&mut chance, 3);
            let names: Vec<String> =
                wanted.iter().map(|name| format!("capabilities={name}")).collect();
            names.join("&")
        })
        .collect();
    for (name, path) in [("search", "search?limit=5&"), ("best-fit", "best-fit?")] {
        let mut http = Http::connect(&program.address)?;
        let mut asked = Vec::new();
        let (mut bytes, mut refused) = (0, None);
        for question in &questions {
            let path = format!("/api/v1/agents/{path}{question}");
            // Where nobody fits, best-fit is a refusal.
            match http.get(&path) {
                Ok(answer) => {
                    bytes += answer.len();
                    asked.push(path);
                }
                Err(why) => refused = Some(why),
            }
        }
        if let (true, Some(why)) = (asked.len() < 100, refused) {
            return Err(why.context("hardly any question has an answer"));
        }
        let hello = vec![format!("/floor/hello/{}", bytes / asked.len().max(1))];
        for &connections in bench.connections(&CONNECTIONS) {
            let plan = Plan {
                name: format!("{name}, {count} agents, 3 capabilities"),
                database: Kind::Sqlite.name(),
                connections,
                against: "hello of the same length".to_owned(),
                goal: Some(Goal::Search),
                note: "",
            };
            bench.alternate(
                plan,
                |seconds| {
                    Ok(load.run(Script::Requests, &hello, connections, seconds)?.checked()?.rate())
                },
                |seconds| load.run(Script::Requests, &asked, connections, seconds),
            )?;
        }
    }
    program.stop()
}

/// One ticket against a constant answer of the same length.
pub(super) fn read(bench: &mut Bench) -> anyhow::Result<()> {
    for kind in bench.databases() {
        let place = Place::fresh(kind, bench.postgres.as_deref())?;
        let wanted = Tickets { count: 10_000, first: 1, history: 1, tasks: 0 };
        let tickets = seed::tickets(&place, wanted)?;
        let program = Program::start(&place, &[])?;
        let load = Generator::new(&program.address)?;
        let mut reads: Vec<String> =
            tickets.iter().map(|id| format!("/api/v1/tickets/{id}")).collect();
        seed::shuffle(&mut reads);
        let first = reads.first().context("a ticket")?;
        let bytes = Http::connect(&program.address)?.get(first)?.len();
        let hello = vec![format!("/floor/hello/{bytes}")];
        for &connections in bench.connections(&CONNECTIONS) {
            let goal = match kind {
                Kind::Sqlite => Goal::ReadSqlite,
                Kind::Postgres => Goal::ReadPostgres,
            };
            let plan = Plan {
                name: "one ticket read".to_owned(),
                database: kind.name(),
                connections,
                against: "hello of the same length".to_owned(),
                goal: Some(goal),
                note: "",
            };
            bench.alternate(
                plan,
                |seconds| {
                    Ok(load.run(Script::Requests, &hello, connections, seconds)?.checked()?.rate())
                },
                |seconds| load.run(Script::Requests, &reads, connections, seconds),
            )?;
        }
        program.stop()?;
    }
    Ok(())
}

impl Bench {
    /// How many agents the registry is measured with.
    pub(super) const fn agents(&self) -> usize {
        if self.quick { 20_000 } else { 100_000 }
    }

    /// The databases that there are to measure.
    pub(super) fn databases(&self) -> Vec<Kind> {
        let sqlite = self.sqlite.then_some(Kind::Sqlite);
        sqlite.into_iter().chain(self.postgres.as_ref().map(|_| Kind::Postgres)).collect()
    }
}
