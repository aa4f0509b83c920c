//! Seeded data: the same in every run.

pub(crate) mod tables;

use chrono::{DateTime, TimeDelta, Utc};
use phaseline_context::Outline;
use phaseline_persistence::{
    Db, DbOptions,
    agents::{self, StoredAgent},
};
use phaseline_registry::{
    Agent, AgentStatus, AgentType, Capabilities, Capability, Capacity, Health, HeartbeatRecord,
    Tags,
};
use uuid::Uuid;

use super::world::{Kind, Place, block_on};
use crate::chance::Chance;

/// How many capabilities there are; the popularity of each is one by its place (Zipf's law).
const CAPABILITIES: usize = 200;
const AGENTS_AT_ONCE: usize = 2_000;
/// When the seeded things were made, in milliseconds of Unix time.
const MADE_MS: u64 = 1_780_000_000_000;

/// What seeded tickets look like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tickets {
    /// How many there are.
    pub(crate) count: u64,
    /// The first one's number; numbers are never used twice.
    pub(crate) first: u64,
    /// How many rows of history each has: 1, where it stands in the backlog, or 5.
    pub(crate) history: u64,
    /// How many pending tasks each has, which require `rust`.
    pub(crate) tasks: u64,
}

/// Draws capabilities by their popularity.
#[derive(Debug)]
pub(crate) struct Popularity(Vec<f64>);

impl Popularity {
    pub(crate) fn new() -> Self {
        let mut sum = 0.0;
        let steps = (1..=CAPABILITIES).map(|place| {
            sum += 1.0 / place as f64;
            sum
        });
        Self(steps.collect())
    }

    /// So many different ones.
    pub(crate) fn draw(&self, chance: &mut Chance, count: usize) -> Vec<Capability> {
        let mut drawn: Vec<usize> = Vec::with_capacity(count);
        let all = self.0.last().copied().unwrap_or_default();
        while drawn.len() < count {
            let at = chance.below(1 << 30) as f64 / (1_u64 << 30) as f64 * all;
            let place = self.0.partition_point(|sum| *sum <= at);
            if !drawn.contains(&place) {
                drawn.push(place);
            }
        }
        drawn
            .iter()
            .filter_map(|place| Capability::parse(&format!("skill-{place:03}")).ok())
            .collect()
    }
}

/// Agents of mixed states, with 3 to 8 capabilities each.
pub(crate) fn fleet(count: usize, now: DateTime<Utc>) -> anyhow::Result<Vec<Agent>> {
    let (mut chance, popularity) = (Chance::new(7), Popularity::new());
    (0..count).map(|number| agent(&mut chance, &popularity, number as u64, now)).collect()
}

fn agent(
    chance: &mut Chance,
    popularity: &Popularity,
    number: u64,
    now: DateTime<Utc>,
) -> anyhow::Result<Agent> {
    use AgentStatus::{Degraded, Failed, Idle, Maintenance, Running};
    let skills = chance.between(3, 8) as usize;
    let names = popularity.draw(chance, skills);
    let capabilities = Capabilities::parse(names.iter().map(Capability::as_str))?;
    let capacity = chance.between(1, 8);
    let status = match chance.below(100) {
        0..55 => Idle,
        55..90 => Running,
        90..94 => Maintenance,
        94..97 => Degraded,
        _ => Failed,
    };
    let slots_taken = if status == Running { chance.between(1, capacity) } else { 0 };
    let announced_health = match chance.below(100) {
        0..85 => Health::Healthy,
        85..93 => Health::Degraded,
        93..97 => Health::Unknown,
        _ => Health::Unresponsive,
    };
    let phases = ["PHASE_DESIGN", "PHASE_IMPLEMENTATION", "PHASE_TESTING"];
    let bound = chance.percent(20).then(|| chance.one(&phases).to_owned());
    let tags = Tags::parse([chance.one(&["eu", "us", "gpu"])])?;
    let made = now - TimeDelta::days(1);
    let blank =
        Agent::new(id(1, number), AgentType::Worker, capabilities, Capacity::new(capacity)?, made);
    Ok(Agent {
        phase_id: bound,
        status,
        slots_taken,
        tags,
        heartbeat: HeartbeatRecord {
            last_at: (announced_health != Health::Unknown).then_some(made),
            ..HeartbeatRecord::default()
        },
        announced_health,
        ..blank
    })
}

/// Puts agents into the table.
pub(crate) fn store(place: &Place, fleet: &[Agent], now: DateTime<Utc>) -> anyhow::Result<()> {
    block_on(async {
        let db = Db::open(&DbOptions::new(&place.url)).await?;
        for agents in fleet.chunks(AGENTS_AT_ONCE) {
            let stored = |agent: &Agent| StoredAgent {
                agent: agent.clone(),
                metrics: None,
                updated_at: now,
            };
            let rows: Vec<StoredAgent> = agents.iter().map(stored).collect();
            db.write(rows, |tx, rows| {
                Box::pin(async move {
                    for row in rows {
                        agents::insert(tx, row).await?;
                    }
                    Ok::<_, phaseline_persistence::Error>(())
                })
            })
            .await?;
        }
        Ok(db.close().await?)
    })
}

/// Workers that have `rust`, with room for much.
pub(crate) fn rustaceans(
    place: &Place,
    count: usize,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<String>> {
    let capabilities = Capabilities::parse(["rust"])?;
    let capacity = Capacity::new(1000)?;
    let worker = |number: usize| {
        let id = id(1, number as u64);
        Agent::new(id, AgentType::Worker, capabilities.clone(), capacity, now)
    };
    let workers: Vec<Agent> = (0..count).map(worker).collect();
    store(place, &workers, now)?;
    Ok(workers.iter().map(|worker| worker.id.to_string()).collect())
}

/// Puts tickets with their histories and tasks into the tables, in a few statements.
pub(crate) fn tickets(place: &Place, wanted: Tickets) -> anyhow::Result<Vec<String>> {
    let Tickets { count, first, history, tasks } = wanted;
    let (rows, made) = (numbers(place.kind, first, count), time(place.kind, MADE_MS));
    let id = |kind, number: &str| id_of(place.kind, kind, number);
    let context = serde_json::to_string(&Outline::default())?;
    let (phase, previous) = match (tasks, history) {
        (0, 1) => ("PHASE_BACKLOG", "NULL"),
        (0, _) => ("PHASE_DESIGN", "'PHASE_REQUIREMENTS'"),
        (_, _) => ("PHASE_IMPLEMENTATION", "NULL"),
    };
    let mut statements = vec![format!(
        "INSERT INTO tickets (id, \"key\", title, description, workflow_id, phase_id, \
           previous_phase_id, history_sequence, phase_since, priority, context, context_summary, \
           answers, templated_phases, rework_since, version, created_at, updated_at) \
         SELECT {}, 'T' || i, 'Ticket ' || i, 'What is wanted, in a sentence or two that say it.', \
           'standard', '{phase}', {previous}, {history}, {made}, 'MEDIUM', '{context}', '', \
           '[]', '[]', 0, {history}, {made}, {made} FROM {rows}",
        id(2, "i"),
    )];
    let walked = [
        ("NULL", phase_of(history, phase), "create"),
        ("'PHASE_BACKLOG'", "PHASE_REQUIREMENTS", "advance"),
        ("'PHASE_REQUIREMENTS'", "PHASE_BLOCKED", "block"),
        ("'PHASE_BLOCKED'", "PHASE_REQUIREMENTS", "resume"),
        ("'PHASE_REQUIREMENTS'", "PHASE_DESIGN", "advance"),
    ];
    for (place_in_history, (from, to, kind)) in walked.iter().enumerate().take(history as usize) {
        let forced = if place.kind == Kind::Sqlite { "0" } else { "FALSE" };
        let stayed = if place_in_history == 0 { "NULL" } else { "60.5" };
        statements.push(format!(
            "INSERT INTO phase_history (ticket_id, sequence, from_phase, to_phase, kind, reason, \
               transitioned_by, artifacts, forced, seconds_in_previous, created_at) \
             SELECT {}, {}, {from}, '{to}', '{kind}', NULL, 'seed', '[]', {forced}, {stayed}, \
               {made} FROM {rows}",
            id(2, "i"),
            place_in_history + 1,
        ));
    }
    for number in 0..tasks {
        statements.push(format!(
            "INSERT INTO tasks (id, ticket_id, phase_id, phase_rank, task_type, title, description, \
               priority, priority_rank, agent_type, required_capabilities, status, max_attempts, \
               attempts_used, failures_in_a_row, losses_in_a_row, fencing_token, version, \
               created_at, updated_at) \
             SELECT {}, {}, 'PHASE_IMPLEMENTATION', 3, 'implementation', 'Task ' || i, \
               'Do what the ticket says.', 'MEDIUM', 2, 'worker', '[\"rust\"]', 'pending', 3, 0, \
               0, 0, 0, 1, {made}, {made} FROM {rows}",
            id(3 + number, "i"),
            id(2, "i"),
        ));
    }
    if place.kind == Kind::Postgres {
        // As its autovacuum would soon do. SQLite does nothing of the kind by itself.
        statements.push("VACUUM ANALYZE".to_owned());
    }
    place.execute(&statements)?;
    Ok((first..first + count).map(|number| self::id(2, number).to_string()).collect())
}

/// Puts completed tasks with results into a phase of a ticket; their numbers begin with `first`.
pub(crate) fn results(
    place: &Place,
    ticket: &str,
    phase: &str,
    first: u64,
    count: u64,
) -> anyhow::Result<()> {
    let (rows, made) = (numbers(place.kind, first, count), time(place.kind, MADE_MS));
    let id = id_of(place.kind, 20, "i");
    let ticket = match place.kind {
        Kind::Sqlite => format!("unhex('{}')", ticket.replace('-', "")),
        Kind::Postgres => format!("'{ticket}'::uuid"),
    };
    let text = |text: &str| format!("'{text} ' || i");
    let found = |name: &str| format!("'\"{name}\":[\"' || {} || '\"]'", text(name));
    let result = format!(
        "'{{\"summary\":\"' || {} || '\",\"outputs\":null,\"context\":{{' || {} || ',' || {} || ',' \
         || {} || '}},\"artifacts\":[]}}'",
        text("Looked at the keys of one service and wrote down what signs with them, task"),
        found("decisions"),
        found("risks"),
        found("notes"),
    );
    let result = if place.kind == Kind::Postgres { format!("({result})::json") } else { result };
    place.execute(&[format!(
        "INSERT INTO tasks (id, ticket_id, phase_id, phase_rank, task_type, title, description, \
           priority, priority_rank, agent_type, required_capabilities, status, result, finished_at, \
           finished_by, max_attempts, attempts_used, failures_in_a_row, losses_in_a_row, \
           fencing_token, version, created_at, updated_at) \
         SELECT {id}, {ticket}, '{phase}', 3, 'implementation', 'Task ' || i, 'Do it.', 'MEDIUM', 2, \
           'worker', '[]', 'completed', {result}, {made}, 'seed', 3, 0, 0, 0, 0, 2, {made}, {made} \
         FROM {rows}"
    )])
}

/// Puts them into an order that has nothing to do with that of their making; the same in every run.
pub(crate) fn shuffle<T>(things: &mut [T]) {
    let mut chance = Chance::new(23);
    for end in (1..things.len()).rev() {
        things.swap(end, chance.below(end + 1));
    }
}

const fn phase_of(history: u64, phase: &'static str) -> &'static str {
    if history == 1 { phase } else { "PHASE_BACKLOG" }
}

/// The id of the thing of this kind and number: a UUIDv7 that grows with the number.
pub(crate) fn id(kind: u64, number: u64) -> Uuid {
    let time = u128::from(MADE_MS + number) << 80;
    Uuid::from_u128(time | 0x7000_8000_0000_0000_0000 | u128::from(kind) << 40 | u128::from(number))
}

/// The same as an expression of SQL.
pub(super) fn id_of(database: Kind, kind: u64, number: &str) -> String {
    let low = format!("({} + {number})", kind << 40);
    match database {
        Kind::Sqlite => {
            format!("unhex(printf('%012x70008000%012x', {MADE_MS} + {number}, {low}))")
        }
        Kind::Postgres => format!(
            "(lpad(to_hex({MADE_MS} + {number}), 12, '0') || '70008000' \
              || lpad(to_hex({low}), 12, '0'))::uuid"
        ),
    }
}

fn time(database: Kind, ms: u64) -> String {
    let at = DateTime::from_timestamp_millis(ms as i64).unwrap_or_default().to_rfc3339();
    match database {
        Kind::Sqlite => format!("'{at}'"),
        Kind::Postgres => format!("timestamptz '{at}'"),
    }
}

/// A table of numbers, in its column `i`.
fn numbers(database: Kind, first: u64, count: u64) -> String {
    let last = first + count - 1;
    match database {
        Kind::Sqlite => format!(
            "(WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n \
              WHERE i < {last}) SELECT i FROM n)"
        ),
        Kind::Postgres => format!("generate_series({first}::bigint, {last}::bigint) AS n(i)"),
    }
}
