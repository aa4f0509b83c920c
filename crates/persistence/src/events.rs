//! The event log: appended with the change that it tells of, read in order of position.
//!
//! A position is taken when the event is written: by then the transaction holds what it changes, so
//! the events of one subject are in the order of its versions. On PostgreSQL numbers
//! are taken before commits become visible, so what is read ends at a horizon below which nothing
//! can appear any more (`docs/adr/0003-event-positions.md`).

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, InsertStatement, Query as SeaQuery},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

use crate::{
    Backend, Connection, Result, Slice, Tx,
    entity::{event, event_log},
    page::{Along, first_of_each},
    query::{Query, Text},
    row::{FromRow, Row},
    tickets::ROWS_AT_ONCE,
};

/// How many old events are removed by one statement.
const TRIMMED_AT_ONCE: u64 = 1000;
/// How many positions on PostgreSQL share a number, which a transaction takes for all its events so
/// that they stay together.
pub(crate) const PLACES: usize = 1 << 16;

/// Something that happened, in the log, with its particulars read as `D`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<D = Value> {
    /// Its position.
    pub sequence: i64,
    /// Its id.
    pub id: Uuid,
    /// What happened, for example `ticket.phase.transitioned`.
    pub kind: String,
    /// Whom it happened to, for example `tickets/0190…`.
    pub subject: String,
    /// When.
    pub time: DateTime<Utc>,
    /// The particulars.
    pub data: D,
}

/// A stretch of the log as it is stored, for those who pass it on.
#[derive(Debug)]
pub struct Stretch {
    /// The events, oldest first.
    pub events: Vec<Event<Box<RawValue>>>,
    /// The position up to which the log was read.
    pub through: i64,
    /// Whether more follows.
    pub more: bool,
}

/// An event before it has a position.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Its id.
    pub id: Uuid,
    /// What happened.
    pub kind: &'static str,
    /// Whom it happened to.
    pub subject: String,
    /// When.
    pub time: DateTime<Utc>,
    /// The particulars.
    pub data: Value,
}

/// The events after a position, oldest first, of the types named (all when none is).
///
/// # Errors
/// Storage failures.
pub async fn list(
    db: &Connection,
    after: i64,
    types: &[String],
    limit: u64,
) -> Result<Slice<Event>> {
    let horizon = db.horizon().await?;
    read(db, after, types, limit, horizon).await
}

/// The log after a position, with only the events of the types named (all when none is).
///
/// # Errors
/// Storage failures.
pub async fn stretch(db: &Connection, after: i64, types: &[String], limit: u64) -> Result<Stretch> {
    let horizon = db.horizon().await?;
    // Where some are left out, the last one read does not tell how far the log goes.
    let end = match horizon {
        None if !types.is_empty() => Some(latest(db).await?),
        known => known,
    };
    let Slice { items: events, more }: Slice<Event<_>> =
        read(db, after, types, limit, horizon).await?;
    let last = events.last().map_or(after, |event| event.sequence);
    let through = if more { last } else { last.max(end.unwrap_or(last)) };
    Ok(Stretch { events, through, more })
}

async fn read<T: FromRow>(
    db: &Connection,
    after: i64,
    types: &[String],
    limit: u64,
    horizon: Option<i64>,
) -> Result<Slice<T>> {
    use event::Column::{EventType, Sequence};
    let (backend, most) = (db.backend(), limit + 1);
    let along = |value| {
        let rows = Along { backend, key: Sequence, after: Some(after.into()), value };
        rows.of(event::Entity::find())
            .apply_if(horizon, |query, horizon| query.filter(Sequence.lte(horizon)))
    };
    let of_type = |kind: &String| along(Some((EventType, kind.as_str().into())));
    let query = match types {
        [] => along(None),
        [kind] => of_type(kind),
        kinds => {
            let each = kinds.iter().map(of_type);
            first_of_each(backend, event::Entity::find(), Sequence, each, most)
        }
    };
    Ok(Slice::cut(db.select(&query.limit(most)).await?, limit))
}

/// The position of the last event that can be read, or could before the log was trimmed; 0 in a
/// log that never had one.
///
/// # Errors
/// Storage failures.
pub async fn latest(db: &Connection) -> Result<i64> {
    static TEXT: Text = Text::new();
    if let Some(horizon) = db.horizon().await? {
        return Ok(horizon);
    }
    let query = TEXT.with(db.backend(), Vec::new(), || {
        let all = event::Entity::find().select_only();
        all.column_as(event::Column::Sequence.max(), "last").into_query()
    });
    let last = db.all(query).await?.into_iter().find_map(|(last,)| last);
    match last {
        Some(last) => Ok(last),
        None => trimmed_through(db).await,
    }
}

/// The position up to which old events have been removed; 0 when none has.
///
/// # Errors
/// Storage failures.
pub async fn trimmed_through(db: &Connection) -> Result<i64> {
    static TEXT: Text = Text::new();
    let query = TEXT.with(db.backend(), Vec::new(), || {
        let trimmed = event_log::Entity::find().select_only();
        trimmed.column(event_log::Column::TrimmedThrough).into_query()
    });
    Ok(db.first(query).await?.map_or(0, |(trimmed_through,)| trimmed_through))
}

/// Removes the events from before a time and remembers how far; says how many.
///
/// # Errors
/// Storage failures.
pub async fn trim(tx: &Tx, before: DateTime<Utc>) -> Result<u64> {
    let db = tx.connection();
    let mut removed = 0;
    loop {
        let oldest = event::Entity::find()
            .select_only()
            .columns([event::Column::Sequence, event::Column::Time])
            .order_by_asc(event::Column::Sequence)
            .limit(TRIMMED_AT_ONCE);
        let oldest: Vec<(i64, DateTime<Utc>)> = db.select(&oldest).await?;
        let count = oldest.len();
        let old = oldest.into_iter().take_while(|(_, time)| *time < before);
        let Some((last, _)) = old.last() else {
            return Ok(removed);
        };
        let old = event::Entity::delete_many().filter(event::Column::Sequence.lte(last));
        removed += db.change(&old).await?;
        let remembered = event_log::Entity::update_many()
            .col_expr(event_log::Column::TrimmedThrough, Expr::value(last))
            .filter(event_log::Column::TrimmedThrough.lt(last));
        db.change(&remembered).await?;
        if (count as u64) < TRIMMED_AT_ONCE {
            return Ok(removed);
        }
    }
}

/// Appends what a transaction announced, in that order.
pub(crate) async fn append(tx: &Tx, events: Vec<NewEvent>) -> Result<()> {
    let db = tx.connection();
    let mut rows: Vec<[sea_orm::Value; 5]> = events.into_iter().map(values).collect();
    if rows.len() == 1
        && let Some(row) = rows.pop()
    {
        static TEXT: Text = Text::new();
        let example = [const { sea_orm::Value::Int(None) }; 5];
        let query = TEXT.with(db.backend(), row.into(), || insert(db.backend(), 0, [example]));
        return db.follow(query).await;
    }
    if (1..=ROWS_AT_ONCE).contains(&rows.len()) {
        return db.follow(Query::built(db.backend(), &insert(db.backend(), 0, rows))).await;
    }
    for (chunk, rows) in rows.chunks(ROWS_AT_ONCE).enumerate() {
        // One after the other: the first one takes the number of the others.
        db.build(&insert(db.backend(), chunk * ROWS_AT_ONCE, rows.iter().cloned())).await?;
    }
    Ok(())
}

/// On SQLite the rows number themselves. On PostgreSQL the first one takes a number for all.
fn insert(
    backend: Backend,
    first_place: usize,
    rows: impl IntoIterator<Item = [sea_orm::Value; 5]>,
) -> InsertStatement {
    use event::Column as C;
    let mut insert = SeaQuery::insert();
    let columns = [C::Id, C::EventType, C::Subject, C::Time, C::Data];
    let position = (backend == Backend::Postgres).then_some(C::Sequence);
    insert.into_table(event::Entity).columns(columns.into_iter().chain(position));
    for (place, row) in rows.into_iter().enumerate() {
        let place = first_place + place;
        let position = position.map(|_| Expr::cust(position_of(place)));
        insert.values_panic(row.into_iter().map(Expr::value).chain(position));
    }
    insert
}

/// The number of the transaction, taken when it has an id, with the place of the event in it. One
/// with more events than there are places takes another number.
fn position_of(place: usize) -> String {
    let number = match place % PLACES {
        0 => "CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('event_positions') END",
        _ => "currval('event_positions')",
    };
    format!("({number} * {PLACES} + {})", place % PLACES)
}

fn values(event: NewEvent) -> [sea_orm::Value; 5] {
    let NewEvent { id, kind, subject, time, data } = event;
    [id.into(), kind.into(), subject.into(), time.into(), data.into()]
}

impl<D: DeserializeOwned + Send> FromRow for Event<D> {
    const TABLE: &'static str = "events";

    fn from_row(row: &mut Row<'_>) -> Result<Self> {
        Ok(Self {
            sequence: row.get("sequence")?,
            id: row.get("id")?,
            kind: row.get("event_type")?,
            subject: row.get("subject")?,
            time: row.get("time")?,
            data: row.document("data")?,
        })
    }
}
