//! What the same database does when nobody stands in its way: the rows of a transition, written by
//! bare prepared statements.

use std::{
    io::Write,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use chrono::Utc;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{
    seed::{self, Tickets},
    world::{Kind, Place},
};

/// How many tickets a floor is written over.
const TICKETS: u64 = 10_000;

/// One guarded update and two inserts.
const UPDATE: &str = "UPDATE tickets SET version = version + 1, phase_id = ?2, \
     previous_phase_id = ?3, history_sequence = history_sequence + 1, phase_since = ?4, \
     updated_at = ?4 WHERE id = ?1 AND version > 0";
const HISTORY: &str = "INSERT INTO phase_history (ticket_id, sequence, from_phase, to_phase, kind, \
     artifacts, forced, seconds_in_previous, created_at) \
     VALUES (?1, ?2, 'PHASE_BACKLOG', 'PHASE_REQUIREMENTS', 'advance', '[]', 0, 1.5, ?3)";
const EVENT: &str = "INSERT INTO events (id, event_type, subject, time, data) \
     VALUES (?1, 'ticket.phase.transitioned', ?2, ?3, ?4)";

/// SQLite without anything before it, on the same disk.
#[derive(Debug)]
pub(crate) struct Bare {
    place: Place,
    sequence: i64,
}

impl Bare {
    /// A database of the same schema with tickets in it.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let place = Place::fresh(Kind::Sqlite, None)?;
        seed::tickets(&place, Tickets { count: TICKETS, first: 1, history: 1, tasks: 0 })?;
        Ok(Self { place, sequence: 1 })
    }

    /// How many transitions a second it writes durably, with so many in each commit.
    pub(crate) fn rate(&mut self, in_one_commit: u32, time: Duration) -> anyhow::Result<f64> {
        let file = self.place.file().context("it is a file")?;
        let db = Connection::open(file)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        let (mut update, mut history, mut event) =
            (db.prepare(UPDATE)?, db.prepare(HISTORY)?, db.prepare(EVENT)?);
        let (mut done, mut number) = (0_u64, 0_u64);
        let began = Instant::now();
        while began.elapsed() < time {
            db.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..in_one_commit {
                if number == 0 {
                    self.sequence += 1;
                }
                number = (number + 1) % TICKETS;
                let ticket = seed::id(2, number + 1);
                let now = now();
                update.execute(params![ticket.as_bytes(), "PHASE_DESIGN", "PHASE_BACKLOG", now])?;
                history.execute(params![ticket.as_bytes(), self.sequence, now])?;
                let data = format!("{{\"ticket_id\":\"{ticket}\",\"version\":{}}}", self.sequence);
                let subject = format!("tickets/{ticket}");
                event.execute(params![event_id(self.sequence, number), subject, now, data])?;
                done += 1;
            }
            db.execute_batch("COMMIT")?;
        }
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }
}

/// An id that was not used before, in the order of time as the program's are.
fn event_id(sequence: i64, number: u64) -> Vec<u8> {
    Uuid::from_u64_pair(sequence as u64, number | 1 << 60).as_bytes().to_vec()
}

#[expect(clippy::disallowed_methods, reason = "a floor has no engine that would read the clock")]
fn now() -> String {
    Utc::now().to_rfc3339()
}

/// The same change in one statement, which commits by itself.
const ONE_STATEMENT: &str = "\
\\set n random(1, 10000)
WITH moved AS (
  UPDATE tickets SET version = version + 1, phase_id = 'PHASE_DESIGN',
    previous_phase_id = 'PHASE_BACKLOG', history_sequence = history_sequence + 1,
    phase_since = now(), updated_at = now()
  WHERE \"key\" = 'T' || :n::int::text AND version > 0 RETURNING id, history_sequence, version
), history AS (
  INSERT INTO phase_history (ticket_id, sequence, from_phase, to_phase, kind, artifacts, forced,
    seconds_in_previous, created_at)
  SELECT id, history_sequence, 'PHASE_BACKLOG', 'PHASE_DESIGN', 'advance', '[]', FALSE, 1.5, now()
  FROM moved
)
INSERT INTO events (sequence, id, event_type, subject, time, data)
SELECT nextval('event_positions') * 65536, gen_random_uuid(), 'ticket.phase.transitioned',
  'tickets/' || id, now(), json_build_object('ticket_id', id, 'version', version)
FROM moved;
";

/// The same in five.
const FIVE_STATEMENTS: &str = "\
\\set n random(1, 10000)
BEGIN;
UPDATE tickets SET version = version + 1, phase_id = 'PHASE_DESIGN',
  previous_phase_id = 'PHASE_BACKLOG', history_sequence = history_sequence + 1,
  phase_since = now(), updated_at = now()
  WHERE \"key\" = 'T' || :n::int::text AND version > 0;
INSERT INTO phase_history (ticket_id, sequence, from_phase, to_phase, kind, artifacts, forced,
  seconds_in_previous, created_at)
SELECT id, history_sequence, 'PHASE_BACKLOG', 'PHASE_DESIGN', 'advance', '[]', FALSE, 1.5, now()
  FROM tickets WHERE \"key\" = 'T' || :n::int::text;
INSERT INTO events (sequence, id, event_type, subject, time, data)
SELECT nextval('event_positions') * 65536, gen_random_uuid(), 'ticket.phase.transitioned',
  'tickets/' || id, now(), json_build_object('ticket_id', id, 'version', version)
  FROM tickets WHERE \"key\" = 'T' || :n::int::text;
COMMIT;
";

/// PostgreSQL without anything before it: `pgbench`, prepared statements, default durability.
#[derive(Debug)]
pub(crate) struct Pgbench {
    place: Place,
}

impl Pgbench {
    /// A database of the same schema with tickets in it.
    pub(crate) fn new(server: Option<&str>) -> anyhow::Result<Self> {
        let place = Place::fresh(Kind::Postgres, server)?;
        seed::tickets(&place, Tickets { count: TICKETS, first: 1, history: 1, tasks: 0 })?;
        Ok(Self { place })
    }

    /// How many transitions a second 16 clients write, each in one statement or in five.
    pub(crate) fn rate(&self, in_one_statement: bool, seconds: u32) -> anyhow::Result<f64> {
        let mut script = tempfile::NamedTempFile::new()?;
        let text = if in_one_statement { ONE_STATEMENT } else { FIVE_STATEMENTS };
        script.write_all(text.as_bytes())?;
        let output = Command::new("pgbench")
            .args(["--no-vacuum", "--protocol=prepared", "--client=16", "--jobs=2"])
            .arg(format!("--time={seconds}"))
            .arg(format!("--file={}", script.path().display()))
            .arg(&self.place.url)
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
