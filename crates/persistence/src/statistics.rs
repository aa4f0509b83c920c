//! Flow in numbers, counted by the database: the history may have millions of rows.
//!
//! Percentiles are nearest ranks: the smallest value that at least so many per cent of all values
//! do not exceed.

use chrono::{DateTime, Utc};
use phaseline_phases::{PhaseId, TransitionKind};
use sea_orm::Value;

use crate::{
    Backend, Connection, Result,
    query::Query,
    row::{FromRow, Row},
};

const HISTORY: &str = "phase_history";

/// How long the stays in a phase that have ended were, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Stays {
    /// The phase.
    pub phase_id: PhaseId,
    /// How many.
    pub count: u64,
    /// The 50th percentile.
    pub p50_s: f64,
    /// The 90th percentile.
    pub p90_s: f64,
}

/// How many tickets have reached an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// All of them.
    pub tickets: u64,
    /// Those that were never sent back.
    pub without_regression: u64,
}

/// The pending tasks that require a capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The capability; `None` for those that require none.
    pub capability: Option<String>,
    /// How many.
    pub count: u64,
    /// When the oldest of them was made.
    pub oldest: DateTime<Utc>,
    /// When the one was made whose age is the 50th percentile.
    pub median: DateTime<Utc>,
}

/// How long tickets stayed in each phase, by name of the phase. Stays that go on do not count.
///
/// # Errors
/// Storage failures.
pub async fn stays(db: &Connection) -> Result<Vec<Stays>> {
    let sql = "SELECT phase, MAX(total) AS total, \
           MIN(CASE WHEN place * 100 >= total * 50 THEN seconds END) AS p50, \
           MIN(CASE WHEN place * 100 >= total * 90 THEN seconds END) AS p90 \
         FROM (SELECT from_phase AS phase, seconds_in_previous AS seconds, \
             ROW_NUMBER() OVER (PARTITION BY from_phase ORDER BY seconds_in_previous) AS place, \
             COUNT(*) OVER (PARTITION BY from_phase) AS total \
           FROM phase_history \
           WHERE from_phase IS NOT NULL AND seconds_in_previous IS NOT NULL) AS stays \
         GROUP BY phase ORDER BY phase";
    db.all(Query::written(db.backend(), sql, [])).await
}

/// Tickets that went back: to an earlier phase, or out of the parking phase to an earlier one than
/// that which they were blocked in. `$1` is a regression, `$2` is to resume.
const BACK: &str = "SELECT ticket_id, from_phase, to_phase FROM phase_history \
     WHERE kind = $1 AND from_phase IS NOT NULL \
   UNION ALL SELECT resumed.ticket_id, blocked.from_phase, resumed.to_phase \
       FROM phase_history AS resumed \
     JOIN phase_history AS blocked \
       ON blocked.ticket_id = resumed.ticket_id AND blocked.sequence = resumed.sequence - 1 \
     WHERE resumed.kind = $2 AND blocked.from_phase <> resumed.to_phase";

/// How often tickets were sent back from one phase to another, by the names of the phases.
///
/// # Errors
/// Storage failures.
pub async fn regressions(db: &Connection) -> Result<Vec<(PhaseId, PhaseId, u64)>> {
    let sql = format!(
        "SELECT from_phase, to_phase, COUNT(*) AS total FROM ({BACK}) AS back \
         GROUP BY from_phase, to_phase ORDER BY from_phase, to_phase"
    );
    let rows: Vec<Edge> = db.all(Query::written(db.backend(), &sql, back())).await?;
    Ok(rows.into_iter().map(|Edge { from, to, count }| (from, to, count)).collect())
}

/// How many tickets have come to one of these phases. Those that were made there have not come.
///
/// # Errors
/// Storage failures.
pub async fn finished(
    db: &Connection,
    ended: impl IntoIterator<Item = &PhaseId>,
) -> Result<Finished> {
    let ended: Vec<Value> = ended.into_iter().map(|phase| phase.to_string().into()).collect();
    let places: Vec<String> = (3..ended.len() + 3).map(|place| format!("${place}")).collect();
    let sql = format!(
        "SELECT COUNT(*) AS total, \
           COUNT(CASE WHEN f.ticket_id IN (SELECT ticket_id FROM ({BACK}) AS back) \
             THEN NULL ELSE 1 END) AS straight \
         FROM (SELECT DISTINCT ticket_id FROM phase_history \
           WHERE from_phase IS NOT NULL AND to_phase IN ({})) AS f",
        places.join(", ")
    );
    let values = back().into_iter().chain(ended);
    let counted = db.first(Query::written(db.backend(), &sql, values)).await?;
    Ok(counted.unwrap_or(Finished { tickets: 0, without_regression: 0 }))
}

/// What waits, by the capability that it requires; a task that requires several waits for each. Work
/// that requires none comes first, then by name.
///
/// # Errors
/// Storage failures.
pub async fn waiting(db: &Connection) -> Result<Vec<Waiting>> {
    let required = if db.backend() == Backend::Postgres {
        "LEFT JOIN LATERAL json_array_elements_text(t.required_capabilities) AS c(value) ON TRUE"
    } else {
        "LEFT JOIN json_each(t.required_capabilities) AS c"
    };
    // The youngest first, so that a place counts ages from the smallest one.
    let sql = format!(
        "SELECT capability, MAX(total) AS total, MIN(made) AS oldest, \
           MAX(CASE WHEN place * 100 >= total * 50 THEN made END) AS median \
         FROM (SELECT c.value AS capability, t.created_at AS made, \
             ROW_NUMBER() OVER (PARTITION BY c.value ORDER BY t.created_at DESC) AS place, \
             COUNT(*) OVER (PARTITION BY c.value) AS total \
           FROM tasks t {required} WHERE t.status = 'pending') AS waiting \
         GROUP BY capability ORDER BY capability IS NOT NULL, capability"
    );
    db.all(Query::written(db.backend(), &sql, [])).await
}

/// The values of [`BACK`].
fn back() -> [Value; 2] {
    [TransitionKind::Regress, TransitionKind::Resume].map(|kind| kind.to_string().into())
}

struct Edge {
    from: PhaseId,
    to: PhaseId,
    count: u64,
}

impl FromRow for Stays {
    const TABLE: &'static str = HISTORY;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            phase_id: row.parsed("phase")?,
            count: row.number::<i64, _>("total")?,
            p50_s: row.get("p50")?,
            p90_s: row.get("p90")?,
        })
    }
}

impl FromRow for Edge {
    const TABLE: &'static str = HISTORY;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            from: row.parsed("from_phase")?,
            to: row.parsed("to_phase")?,
            count: row.number::<i64, _>("total")?,
        })
    }
}

impl FromRow for Finished {
    const TABLE: &'static str = HISTORY;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            tickets: row.number::<i64, _>("total")?,
            without_regression: row.number::<i64, _>("straight")?,
        })
    }
}

impl FromRow for Waiting {
    const TABLE: &'static str = "tasks";

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            capability: row.get("capability")?,
            count: row.number::<i64, _>("total")?,
            oldest: row.get("oldest")?,
            median: row.get("median")?,
        })
    }
}
