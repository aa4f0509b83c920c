//! What the same database does when nobody stands in its way: the rows of a transition, written by
//! bare prepared statements.

use std::{
    io::Write,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{
    seed::{self, Tickets},
    world::{Kind, Place},
};

/// One guarded update and two inserts.
const UPDATE: &str = "UPDATE tickets SET version = version + 1, phase_id = ?2, \
     previous_phase_id = ?3, history_sequence = history_sequence + 1, phase_since = ?4, \
     updated_at = ?4 WHERE id = ?1 AND version = ?5";
const HISTORY: &str = "INSERT INTO phase_history (ticket_id, sequence, from_phase, to_phase, kind, \
     artifacts, forced, seconds_in_previous, created_at) \
     VALUES (?1, ?2, ?3, ?4, 'advance', '[]', 0, 1.5, ?5)";
const EVENT: &str = "INSERT INTO events (id, event_type, subject, time, data) \
     VALUES (?1, 'ticket.phase.transitioned', ?2, ?3, ?4)";

/// The way of every ticket.
const PHASES: [&str; 7] = [
    "PHASE_BACKLOG",
    "PHASE_REQUIREMENTS",
    "PHASE_DESIGN",
    "PHASE_IMPLEMENTATION",
    "PHASE_TESTING",
    "PHASE_DEPLOYMENT",
    "PHASE_DONE",
];

/// How often a ticket can be moved.
pub(crate) const STEPS: usize = PHASES.len() - 1;

/// SQLite without anything before it, on the same disk.
#[derive(Debug)]
pub(crate) struct Bare {
    place: Place,
    turns: Turns,
    events: u64,
}

impl Bare {
    /// An empty database of the same schema.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { place: Place::fresh(Kind::Sqlite, None)?, turns: Turns::default(), events: 0 })
    }

    /// How many transitions a second it writes durably, with so many in each commit: of the same
    /// tickets in the same order as the program is asked for. A turn ends early where all of these
    /// have gone all their way.
    pub(crate) fn rate(&mut self, in_one_commit: u32, seconds: u32) -> anyhow::Result<f64> {
        let tickets = self.turns.next(&self.place, seconds)?;
        let tickets =
            tickets.iter().map(|id| Uuid::parse_str(id)).collect::<Result<Vec<_>, _>>()?;
        let file = self.place.file().context("it is a file")?;
        let db = Connection::open(file)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        // As the program's own writer.
        db.pragma_update(None, "temp_store", "MEMORY")?;
        db.pragma_update(None, "cache_size", -16_000)?;
        let (mut update, mut history, mut event) =
            (db.prepare(UPDATE)?, db.prepare(HISTORY)?, db.prepare(EVENT)?);
        let (mut done, time) = (0, Duration::from_secs(seconds.into()));
        let steps = tickets.len() * STEPS;
        let began = Instant::now();
        while began.elapsed() < time && done + in_one_commit as usize <= steps {
            db.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..in_one_commit {
                let (ticket, step) = (&tickets[done % tickets.len()], done / tickets.len());
                let Some([from, to]) = PHASES.array_windows().nth(step) else {
                    bail!("no ticket goes further than {}", PHASES[STEPS]);
                };
                let (id, now, version) = (ticket.as_bytes(), now(), step as i64 + 1);
                let changed = update.execute(params![id, to, from, now, version])?;
                ensure!(changed == 1, "the floor has not moved its ticket");
                history.execute(params![id, version + 1, from, to, now])?;
                let data = format!("{{\"ticket_id\":\"{ticket}\",\"version\":{version}}}");
                let subject = format!("tickets/{ticket}");
                self.events += 1;
                event.execute(params![seed::id(30, self.events).as_bytes(), subject, now, data])?;
                done += 1;
            }
            db.execute_batch("COMMIT")?;
        }
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }
}

/// Fresh tickets for each turn, the same for a floor and for what is measured against it.
#[derive(Debug, Default)]
pub(crate) struct Turns(u64);

/// Transitions a second that no program here comes near: tickets for so many are made. A floor may be
/// faster, and ends its turn early.
const MOST_A_SECOND: u64 = 36_000;

impl Turns {
    /// Those of a database that has so many tickets already.
    pub(crate) const fn after(tickets: u64) -> Self {
        Self(tickets)
    }

    /// Puts the tickets of the next turn into a database; in no order.
    pub(crate) fn next(&mut self, place: &Place, seconds: u32) -> anyhow::Result<Vec<String>> {
        let count = MOST_A_SECOND * u64::from(seconds) / STEPS as u64;
        let wanted = Tickets { count, first: self.0 + 1, history: 1, tasks: 0 };
        self.0 += count;
        let mut tickets = seed::tickets(place, wanted)?;
        seed::shuffle(&mut tickets);
        Ok(tickets)
    }
}

#[expect(clippy::disallowed_methods, reason = "a floor has no engine that would read the clock")]
fn moment() -> DateTime<Utc> {
    Utc::now()
}

fn now() -> String {
    moment().to_rfc3339()
}

/// The same change in one statement, which commits by itself.
const ONE_STATEMENT: &str = "\
\\set n random(:first, :last)
WITH moved AS (
  UPDATE tickets SET version = version + 1,
    phase_id = CASE phase_id WHEN 'PHASE_DESIGN' THEN 'PHASE_TESTING' ELSE 'PHASE_DESIGN' END,
    previous_phase_id = phase_id, history_sequence = history_sequence + 1,
    phase_since = now(), updated_at = now()
  WHERE \"key\" = 'T' || :n::int::text AND version > 0
  RETURNING id, history_sequence, version, phase_id, previous_phase_id
), history AS (
  INSERT INTO phase_history (ticket_id, sequence, from_phase, to_phase, kind, artifacts, forced,
    seconds_in_previous, created_at)
  SELECT id, history_sequence, previous_phase_id, phase_id, 'advance', '[]', FALSE, 1.5, now()
  FROM moved
)
INSERT INTO events (sequence, id, event_type, subject, time, data)
SELECT nextval('event_positions') * 65536, gen_random_uuid(), 'ticket.phase.transitioned',
  'tickets/' || id, now(), json_build_object('ticket_id', id, 'version', version)
FROM moved;
";

/// The same in five.
const FIVE_STATEMENTS: &str = "\
\\set n random(:first, :last)
BEGIN;
UPDATE tickets SET version = version + 1,
  phase_id = CASE phase_id WHEN 'PHASE_DESIGN' THEN 'PHASE_TESTING' ELSE 'PHASE_DESIGN' END,
  previous_phase_id = phase_id, history_sequence = history_sequence + 1,
  phase_since = now(), updated_at = now()
  WHERE \"key\" = 'T' || :n::int::text AND version > 0;
INSERT INTO phase_history (ticket_id, sequence, from_phase, to_phase, kind, artifacts, forced,
  seconds_in_previous, created_at)
SELECT id, history_sequence, previous_phase_id, phase_id, 'advance', '[]', FALSE, 1.5, now()
  FROM tickets WHERE \"key\" = 'T' || :n::int::text;
INSERT INTO events (sequence, id, event_type, subject, time, data)
SELECT nextval('event_positions') * 65536, gen_random_uuid(), 'ticket.phase.transitioned',
  'tickets/' || id, now(), json_build_object('ticket_id', id, 'version', version)
  FROM tickets WHERE \"key\" = 'T' || :n::int::text;
COMMIT;
";

/// A claim of the first task that is pending and its completion, by one of the agents of the client.
const CLAIM_AND_COMPLETE: &str = "\
\\set nth random(0, 3)
WITH picked AS MATERIALIZED (
  SELECT id, ticket_id FROM tasks WHERE agent_type = 'worker' AND status = 'pending'
  ORDER BY priority_rank, created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
), agent AS (
  UPDATE agents SET slots_taken = slots_taken + 1, last_progress = now(), version = version + 1,
    updated_at = now()
  WHERE id = :agent RETURNING id
), task AS (
  UPDATE tasks SET status = 'claimed', agent_id = agent.id,
    lease_expires_at = now() + interval '1 hour', available_at = NULL,
    fencing_token = fencing_token + 1, version = version + 1, updated_at = now()
  FROM picked, agent WHERE tasks.id = picked.id
  RETURNING tasks.id, tasks.fencing_token, tasks.ticket_id, tasks.agent_id
), attempt AS (
  INSERT INTO task_attempts (task_id, fencing_token, agent_id, outcome, lease_s, claimed_at,
    lease_expires_at, pack)
  SELECT id, fencing_token, agent_id, 'running', 3600, now(), now() + interval '1 hour',
    json_build_object('content_hash', md5(id::text) || md5(id::text), 'items', '[]'::json)
  FROM task
), event AS (
  INSERT INTO events (sequence, id, event_type, subject, time, data)
  SELECT nextval('event_positions') * 65536, gen_random_uuid(), 'task.claimed', 'tasks/' || id, now(),
    json_build_object('task_id', id, 'agent_id', agent_id, 'fencing_token', fencing_token)
  FROM task
)
SELECT id::text AS task, fencing_token AS token, ticket_id::text AS ticket FROM task \\gset
WITH task AS (
  UPDATE tasks SET status = 'completed', finished_at = now(), finished_by = 'pgbench',
    result = '{\"summary\":\"It is done.\",\"context\":{\"notes\":[\"as asked\"]}}',
    agent_id = NULL, lease_expires_at = NULL, attempts_used = attempts_used + 1,
    version = version + 1, updated_at = now()
  WHERE id = :task::uuid AND fencing_token = :token RETURNING id, ticket_id
), agent AS (
  UPDATE agents SET slots_taken = slots_taken - 1, last_progress = now(), version = version + 1,
    updated_at = now()
  WHERE id = :agent
), ticket AS (
  UPDATE tickets SET has_results = TRUE WHERE id = :ticket::uuid AND NOT has_results
), attempt AS (
  UPDATE task_attempts SET outcome = 'completed', ended_at = now()
  WHERE task_id = :task::uuid AND fencing_token = :token
)
INSERT INTO events (sequence, id, event_type, subject, time, data)
SELECT nextval('event_positions') * 65536, gen_random_uuid(), 'task.completed', 'tasks/' || id, now(),
  json_build_object('task_id', id, 'ticket_id', ticket_id)
FROM task;
";

/// The clients of `pgbench`.
const CLIENTS: usize = 16;
const AGENTS_OF_A_CLIENT: usize = 4;
/// Pairs a second that nothing here comes near: so many are prepared for each turn.
pub(crate) const MOST_PAIRS_A_SECOND: u64 = 15_000;

/// Within the machine the program does not encrypt what it says to PostgreSQL; nor does its floor.
const PLAIN: (&str, &str) = ("PGSSLMODE", "disable");

/// PostgreSQL without anything before it: `pgbench`, prepared statements, default durability.
#[derive(Debug)]
pub(crate) struct Pgbench {
    place: Place,
    turns: Turns,
}

impl Pgbench {
    /// An empty database of the same schema.
    pub(crate) fn new(server: Option<&str>) -> anyhow::Result<Self> {
        Ok(Self { place: Place::fresh(Kind::Postgres, server)?, turns: Turns::default() })
    }

    /// How many transitions a second 16 clients write, each in one statement or in five, of as many
    /// tickets as the program is asked for.
    pub(crate) fn rate(&mut self, in_one_statement: bool, seconds: u32) -> anyhow::Result<f64> {
        let first = self.turns.0 + 1;
        self.turns.next(&self.place, seconds)?;
        self.run(if in_one_statement { ONE_STATEMENT } else { FIVE_STATEMENTS }, first, seconds)
    }

    /// How many pairs of a claim and a completion 16 clients write a second, each in a statement: the
    /// rows that the program writes, of the first task that is pending, and no rules.
    pub(crate) fn pairs(&mut self, seconds: u32) -> anyhow::Result<f64> {
        if self.turns.0 == 0 {
            seed::rustaceans(&self.place, CLIENTS * AGENTS_OF_A_CLIENT, moment())?;
        }
        let first = self.turns.0 + 1;
        let count = MOST_PAIRS_A_SECOND * u64::from(seconds) / 10;
        seed::tickets(&self.place, Tickets { count, first, history: 1, tasks: 10 })?;
        self.turns.0 += count;
        let number = format!("(:client_id * {AGENTS_OF_A_CLIENT} + :nth)");
        let agent = seed::id_of(Kind::Postgres, 1, &number);
        self.run(&CLAIM_AND_COMPLETE.replace(":agent", &agent), first, seconds)
    }

    fn run(&self, text: &str, first: u64, seconds: u32) -> anyhow::Result<f64> {
        let mut script = tempfile::NamedTempFile::new()?;
        script.write_all(text.as_bytes())?;
        let output = Command::new("pgbench")
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
            .arg(format!("--client={CLIENTS}"))
            .arg(format!("--time={seconds}"))
            .arg(format!("--define=first={first}"))
            .arg(format!("--define=last={}", self.turns.0))
            .arg(format!("--file={}", script.path().display()))
            .arg(&self.place.url)
            .envs(self.place.is_here().then_some(PLAIN))
            .output()
            .context("pgbench cannot be started: apt-get install postgresql-contrib")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = "));
        match rate.and_then(|rate| rate.split(' ').next()?.parse().ok()) {
            Some(rate) => Ok(rate),
            None => bail!("pgbench failed: {said}{}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}
