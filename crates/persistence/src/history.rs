//! The phase history: one row a transition, appended with the move and never changed.

use phaseline_phases::{HistoryEntry, PhaseId, Transition};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use crate::{
    Connection, Result, Slice, Tx, decode,
    entity::phase_history,
    query::{Text, insert_rows},
    row::{FromRow, Row},
};

const TABLE: &str = "phase_history";

/// A page of the history of a ticket, from the row after `after` on; 0 begins at the first.
///
/// # Errors
/// Storage failures.
pub async fn list(
    db: &Connection,
    ticket: Uuid,
    after: u32,
    limit: u64,
) -> Result<Slice<HistoryEntry>> {
    static TEXT: Text = Text::new();
    let values = vec![ticket.into(), i64::from(after).into(), (limit + 1).into()];
    let query = TEXT.with(db.backend(), values, || {
        phase_history::Entity::find()
            .filter(phase_history::Column::TicketId.eq(ticket))
            .filter(phase_history::Column::Sequence.gt(i64::from(after)))
            .order_by_asc(phase_history::Column::Sequence)
            .limit(limit + 1)
            .into_query()
    });
    let rows = db.all(query).await?.into_iter().map(|Entry(entry)| entry).collect();
    Ok(Slice::cut(rows, limit))
}

/// Appends a row for each transition.
pub(crate) async fn append<'t>(
    tx: &Tx,
    steps: impl IntoIterator<Item = (Uuid, &'t Transition)>,
) -> Result<()> {
    static TEXT: Text = Text::new();
    let rows =
        steps.into_iter().map(|(ticket, step)| row(ticket, step)).collect::<Result<Vec<_>>>()?;
    insert_rows(tx, &TEXT, rows).await
}

fn row(ticket: Uuid, step: &Transition) -> Result<phase_history::ActiveModel> {
    let HistoryEntry {
        sequence,
        from,
        to,
        kind,
        reason,
        by,
        artifacts,
        forced,
        at,
        seconds_in_previous,
    } = step.entry();
    Ok(phase_history::ActiveModel {
        ticket_id: Set(ticket),
        sequence: Set(decode::number(TABLE, "sequence", sequence)?),
        from_phase: Set(from.as_ref().map(PhaseId::to_string)),
        to_phase: Set(to.to_string()),
        kind: Set(kind.to_string()),
        reason: Set(reason),
        transitioned_by: Set(by),
        artifacts: Set(decode::encoded(TABLE, "artifacts", &artifacts)?),
        forced: Set(forced),
        seconds_in_previous: Set(seconds_in_previous),
        created_at: Set(at),
    })
}

struct Entry(HistoryEntry);

impl FromRow for Entry {
    const TABLE: &'static str = TABLE;

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        let _ticket_id: Uuid = row.get("ticket_id")?;
        Ok(Self(HistoryEntry {
            sequence: row.number::<i32, _>("sequence")?,
            from: row.parsed_or_null("from_phase")?,
            to: row.parsed("to_phase")?,
            kind: row.parsed("kind")?,
            reason: row.get("reason")?,
            by: row.get("transitioned_by")?,
            artifacts: row.document("artifacts")?,
            forced: row.get("forced")?,
            seconds_in_previous: row.get("seconds_in_previous")?,
            at: row.get("created_at")?,
        }))
    }
}
