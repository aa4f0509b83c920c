//! Heartbeats: in a table of their own, so that writing many of them waits for nobody who changes an
//! agent, and nobody waits for it.

use phaseline_registry::HeartbeatRecord;
use sea_orm::{
    Value,
    sea_query::{Expr, ExprTrait, Func, InsertStatement, OnConflict, Query},
};
use uuid::Uuid;

use super::saturated;
use crate::{
    Result, Tx,
    entity::agent_heartbeat::{Column, Entity},
    query::{Text, any},
};

/// The heartbeats of one agent since they were last written.
#[derive(Debug, Clone, PartialEq)]
pub struct Heartbeat {
    /// The agent.
    pub agent_id: Uuid,
    /// Its last heartbeat, number and gaps.
    pub record: HeartbeatRecord,
    /// What it last reported of itself, if anything since.
    pub metrics: Option<serde_json::Value>,
}

const COLUMNS: [Column; 5] = [
    Column::AgentId,
    Column::LastHeartbeatAt,
    Column::HeartbeatSequence,
    Column::HeartbeatsMissed,
    Column::Metrics,
];

/// A statement of so many rows.
struct Size {
    rows: usize,
    text: Text,
}

/// Few sizes, so that each is written and prepared once.
static SIZES: [Size; 3] = [Size::of(1000), Size::of(50), Size::of(1)];

/// Writes heartbeats, many rows with one statement. One that is older than what the table has
/// changes nothing.
///
/// # Errors
/// Storage failures.
pub async fn record_heartbeats(tx: &Tx, heartbeats: &[Heartbeat]) -> Result<()> {
    // Everybody in the same order: two servers that write at once do not wait for each other in turn.
    let came = |heartbeat: &&Heartbeat| heartbeat.record.last_at.is_some();
    let mut sorted: Vec<&Heartbeat> = heartbeats.iter().filter(came).collect();
    sorted.sort_unstable_by_key(|heartbeat| heartbeat.agent_id);
    // Inserts that are left to the end have no order among themselves.
    let alone = SIZES.iter().any(|size| size.rows == sorted.len());
    let mut rest = sorted.as_slice();
    for Size { rows, text } in &SIZES {
        while let Some((now, later)) = rest.split_at_checked(*rows) {
            let values = now.iter().copied().flat_map(values).collect();
            let query = text.with(tx.connection().backend(), values, || statement(*rows));
            if alone {
                tx.connection().follow(query).await?;
            } else {
                tx.connection().execute(query).await?;
            }
            rest = later;
        }
    }
    Ok(())
}

fn values(heartbeat: &Heartbeat) -> [Value; COLUMNS.len()] {
    let Heartbeat { agent_id, record, metrics } = heartbeat;
    let HeartbeatRecord { last_at, sequence, missed } = record;
    [
        (*agent_id).into(),
        (*last_at).into(),
        sequence.map(saturated).into(),
        saturated(*missed).into(),
        metrics.clone().into(),
    ]
}

fn statement(rows: usize) -> InsertStatement {
    let new = |column: Column| Expr::col(("excluded", column));
    let metrics = Func::coalesce([new(Column::Metrics), Expr::col((Entity, Column::Metrics))]);
    let mut insert = Query::insert();
    insert.into_table(Entity).columns(COLUMNS);
    for _ in 0..rows {
        insert.values_panic(COLUMNS.map(|_| any()));
    }
    insert.on_conflict(
        OnConflict::column(Column::AgentId)
            .update_columns([
                Column::LastHeartbeatAt,
                Column::HeartbeatSequence,
                Column::HeartbeatsMissed,
            ])
            .value(Column::Metrics, metrics)
            .action_and_where(
                Expr::col((Entity, Column::LastHeartbeatAt)).lte(new(Column::LastHeartbeatAt)),
            )
            .to_owned(),
    );
    insert
}

impl Size {
    const fn of(rows: usize) -> Self {
        Self { rows, text: Text::new() }
    }
}
