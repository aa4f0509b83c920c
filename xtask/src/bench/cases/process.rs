//! How long a server takes to start, and how much memory it takes.

use std::time::Duration;

use super::{Bench, Plan, now, reads::CALM};
use crate::bench::{
    figure::Figure,
    http::Http,
    seed,
    targets::Goal,
    world::{Kind, Place, Program},
};

/// How long after the start memory is looked at.
const SETTLED: Duration = Duration::from_secs(2);

/// Start and memory, on an empty database and with many agents.
pub(super) fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let agents = bench.agents();
    let empty = figures("an empty database", Goal::StartEmpty, Goal::MemoryIdle);
    measured(bench, empty, |_| Ok(()))?;
    let full = figures(&format!("{agents} agents"), Goal::StartFull, Goal::MemoryFull);
    let fleet = seed::fleet(agents, now())?;
    measured(bench, full, |place| seed::store(place, &fleet, now()))
}

fn figures(with: &str, start: Goal, memory: Goal) -> [Figure; 2] {
    let plan = |name: &str, goal, unit| {
        let plan = Plan {
            name: format!("{name}, {with}"),
            database: Kind::Sqlite.name(),
            connections: 0,
            against: String::new(),
            goal: Some(goal),
            note: "",
        };
        plan.figure(unit)
    };
    [plan("start", start, "ms"), plan("resident memory", memory, "MiB")]
}

fn measured(
    bench: &mut Bench,
    figures: [Figure; 2],
    fill: impl Fn(&Place) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let [mut start, mut memory] = figures;
    for _ in 0..bench.rounds {
        bench.progress.say(&start.name);
        // An empty one is migrated by the server itself.
        let place = Place::unmigrated(Kind::Sqlite, None)?;
        if start.name.contains("agents") {
            place.migrate()?;
            fill(&place)?;
        }
        let program = Program::start(&place, CALM)?;
        start.subject.push(program.started_in.as_secs_f64() * 1e3);
        Http::connect(&program.address)?.get("/healthz")?;
        std::thread::sleep(SETTLED);
        memory.subject.push(program.memory_mib()?);
        program.stop()?;
    }
    bench.keep(start);
    bench.keep(memory);
    Ok(())
}
