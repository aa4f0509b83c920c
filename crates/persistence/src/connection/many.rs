//! The writes of many units of work that ask for the same with other values, as one statement over
//! all of these values (`docs/adr/0021-together-on-postgresql.md`).

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::SecondsFormat;
use sea_orm::Value;

use super::writes::{FOR_SHARE, Insert, UPDATE, Writes, insert_of, renumbered};
use crate::query::Query;

/// How many texts are kept.
const MOST_TEXTS: usize = 256;

/// The texts that were put together, by what they were put together of.
#[derive(Debug, Default)]
pub(super) struct Texts(Mutex<HashMap<String, Arc<str>>>);

impl Texts {
    /// As [`Writes::of_many`].
    pub(super) fn of_many(&self, writes: &Writes) -> Arc<str> {
        let mut shape = format!("{} ", writes.guards.len());
        for query in writes.parts() {
            shape.push_str(query.text());
            shape.push('\n');
        }
        for value in writes.parts().flat_map(|query| query.values()) {
            shape.push_str(kind(value));
            shape.push(' ');
        }
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.len() >= MOST_TEXTS {
            texts.clear();
        }
        Arc::clone(texts.entry(shape).or_insert_with(|| writes.of_many().into()))
    }
}

impl Writes {
    /// Its values by their places.
    pub(super) fn row(&self) -> Option<String> {
        let mut row = String::with_capacity(1024);
        for (place, value) in self.parts().flat_map(|query| query.values()).enumerate() {
            let opening = if place > 0 { ',' } else { '{' };
            // Writing to a string does not fail.
            let _ = write!(row, "{opening}\"c{}\":", place + 1);
            append(&mut row, value)?;
        }
        row.push('}');
        Some(row)
    }

    /// The statement that does the same for each of the rows in its one value. It takes hold of the rows
    /// of the guards before it changes any. What somebody else is changing just now is left alone, so
    /// that nothing that is held waits for anything.
    fn of_many(&self) -> String {
        let values: Vec<&Value> = self.parts().flat_map(|query| query.values()).collect();
        let columns: Vec<String> = (1..=values.len()).map(|place| format!("c{place}")).collect();
        let typed: Vec<String> = columns
            .iter()
            .zip(&values)
            .map(|(column, value)| format!("{column} {}", kind(value)))
            .collect();
        let mut whole = format!(
            "WITH given AS MATERIALIZED (SELECT given.* FROM ROWS FROM \
             (json_to_recordset($1::json) AS ({})) WITH ORDINALITY AS given ({}, unit)",
            typed.join(", "),
            columns.join(", ")
        );
        let mut places = Places { whole: &mut whole, before: 0 };
        let guards: Vec<Held<'_>> =
            self.guards.iter().map(|guard| Held::of(&guard.query)).collect();
        for (nth, held) in guards.iter().enumerate() {
            places.append(&held.taken(nth), held.values);
        }
        places.whole.push(')');
        places.before = 0;
        for (nth, held) in guards.iter().enumerate() {
            places.append(&held.changed(nth), held.values);
        }
        for (nth, query) in self.rest.iter().enumerate() {
            let text = following(query.text());
            let is_last = nth + 1 == self.rest.len() && guards.is_empty();
            let part = if is_last {
                format!(" {text}")
            } else {
                format!(", i{nth} AS ({text} RETURNING 1)")
            };
            places.append(&part, query.values().len());
        }
        if !guards.is_empty() {
            whole.push_str(" SELECT unit FROM given");
        }
        whole
    }
}

/// A statement in which the values of each part are the next columns of `given`.
struct Places<'w> {
    whole: &'w mut String,
    before: usize,
}

impl Places<'_> {
    /// Appends a part that has so many values.
    fn append(&mut self, text: &str, values: usize) {
        renumbered(self.whole, text, |place| format!("given.c{}", place + self.before));
        self.before += values;
    }
}

/// The guard of one unit, taken apart.
struct Held<'t> {
    table: &'t str,
    /// What changes; `None` where the row only has to stay as it is.
    set: Option<&'t str>,
    condition: &'t str,
    values: usize,
}

impl<'t> Held<'t> {
    fn of(guard: &'t Query) -> Self {
        let (head, condition) =
            guard.text().split_once(" WHERE ").unwrap_or((guard.text(), "TRUE"));
        let values = guard.values().len();
        match head.strip_prefix(UPDATE) {
            Some(rest) => {
                let table = rest.split_whitespace().next().unwrap_or_default();
                Self { table, set: Some(head), condition, values }
            }
            None => {
                let table = head.rsplit(' ').next().unwrap_or_default();
                let condition = condition.strip_suffix(FOR_SHARE).unwrap_or(condition);
                Self { table, set: None, condition, values }
            }
        }
    }

    /// Takes hold of the row that a unit is about if it is free, and of no other: a query that locks is
    /// run for each unit, however the statement is planned.
    fn taken(&self, nth: usize) -> String {
        let Self { table, set, condition, values: _ } = self;
        let strength = if set.is_some() { "NO KEY UPDATE" } else { "SHARE" };
        format!(
            " CROSS JOIN LATERAL (SELECT 1 FROM {table} WHERE {condition} \
             FOR {strength} SKIP LOCKED) AS h{nth}"
        )
    }

    /// Changes the rows of the units all of whose rows are held.
    fn changed(&self, nth: usize) -> String {
        let Self { table: _, set: Some(set), condition, values: _ } = self else {
            return String::new();
        };
        format!(", w{nth} AS ({set} FROM given WHERE {condition} RETURNING 1)")
    }
}

/// What one unit writes besides as what all units do that are given.
fn following(text: &str) -> String {
    match (insert_of(text), text.split_once(" WHERE ")) {
        (Some(Insert { into, rows, otherwise }), _) => format!(
            "{into} SELECT row.* FROM given CROSS JOIN LATERAL (VALUES {rows}) AS row{otherwise}"
        ),
        (None, Some((set, condition))) => {
            let table = set.split_whitespace().nth(1).unwrap_or_default();
            // Were it a join, a planner that knows the table as empty would walk all of it.
            format!(
                "{set} FROM given CROSS JOIN LATERAL (SELECT ctid AS place FROM {table} \
                 WHERE {condition} OFFSET 0) AS found WHERE {table}.ctid = found.place"
            )
        }
        (None, None) => text.to_owned(),
    }
}

/// What PostgreSQL calls the type of a value.
#[expect(clippy::wildcard_enum_match_arm, reason = "no column has any of all the others")]
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "boolean",
        Value::Int(_) => "integer",
        Value::BigInt(_) => "bigint",
        Value::Double(_) => "double precision",
        Value::Uuid(_) => "uuid",
        Value::Json(_) => "json",
        Value::ChronoDateTimeUtc(_) => "timestamptz",
        _ => "text",
    }
}

/// Appends JSON of which PostgreSQL makes the same value; `None` for a value that has to be sent as it
/// is.
#[expect(clippy::wildcard_enum_match_arm, reason = "no column has any of all the others")]
fn append(row: &mut String, value: &Value) -> Option<()> {
    // Writing to a string does not fail.
    let _ = match value {
        Value::Bool(Some(value)) => write!(row, "{value}"),
        Value::Int(Some(value)) => write!(row, "{value}"),
        Value::BigInt(Some(value)) => write!(row, "{value}"),
        Value::Double(Some(value)) if !value.is_finite() => return None,
        Value::Double(Some(value)) => write!(row, "{value:?}"),
        Value::Uuid(Some(id)) => write!(row, "\"{id}\""),
        Value::ChronoDateTimeUtc(Some(time)) => {
            write!(row, "\"{}\"", time.to_rfc3339_opts(SecondsFormat::Micros, true))
        }
        Value::String(Some(text)) => write!(row, "{}", serde_json::to_string(text).ok()?),
        // JSON that is null is something else than no JSON.
        Value::Json(Some(document)) if document.is_null() => return None,
        Value::Json(Some(document)) => {
            let before = row.len();
            let written = write!(row, "{document}");
            // Within a set of records PostgreSQL takes no NUL.
            if row[before..].contains("\\u0000") {
                return None;
            }
            written
        }
        Value::Bool(None)
        | Value::Int(None)
        | Value::BigInt(None)
        | Value::Double(None)
        | Value::String(None)
        | Value::Uuid(None)
        | Value::Json(None)
        | Value::ChronoDateTimeUtc(None) => write!(row, "null"),
        _ => return None,
    };
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Backend,
        connection::writes::{About, Guard},
        plans::{Place, seed_of},
    };

    fn query(text: &str, values: &[Value]) -> Query {
        Query::raw(text.to_owned(), values.to_vec())
    }

    fn about_task(query: Query) -> Guard {
        Guard { about: About::Task(uuid::Uuid::nil()), query }
    }

    fn moved() -> Writes {
        let id = Value::from(uuid::Uuid::nil());
        let guard = "UPDATE \"t\" SET \"a\" = $1 WHERE \"id\" = $2 AND \"version\" = $3";
        Writes {
            guards: vec![about_task(query(guard, &["x".into(), id.clone(), 7_i64.into()]))],
            rest: vec![
                query("INSERT INTO h (a, b) VALUES ($1, $2)", &[id, Value::Double(Some(1.5))]),
                query(
                    "INSERT INTO e (a) VALUES ($1, nextval('p')), ($2, currval('p'))",
                    &["a".into(), Value::String(None)],
                ),
            ],
        }
    }

    #[test]
    fn many_units_are_one_statement_that_waits_for_nobody() {
        assert_eq!(
            moved().of_many(),
            "WITH given AS MATERIALIZED (SELECT given.* FROM ROWS FROM \
             (json_to_recordset($1::json) AS \
             (c1 text, c2 uuid, c3 bigint, c4 uuid, c5 double precision, c6 text, c7 text)) \
             WITH ORDINALITY AS given (c1, c2, c3, c4, c5, c6, c7, unit) \
             CROSS JOIN LATERAL (SELECT 1 FROM \"t\" WHERE \"id\" = given.c2 \
             AND \"version\" = given.c3 FOR NO KEY UPDATE SKIP LOCKED) AS h0), \
             w0 AS (UPDATE \"t\" SET \"a\" = given.c1 FROM given \
             WHERE \"id\" = given.c2 AND \"version\" = given.c3 RETURNING 1), \
             i0 AS (INSERT INTO h (a, b) SELECT row.* FROM given \
             CROSS JOIN LATERAL (VALUES (given.c4, given.c5)) AS row RETURNING 1), \
             i1 AS (INSERT INTO e (a) SELECT row.* FROM given \
             CROSS JOIN LATERAL (VALUES (given.c6, nextval('p')), (given.c7, currval('p'))) AS row \
             RETURNING 1) SELECT unit FROM given"
        );
    }

    /// An agent that gets a task, whose ticket stays where it is.
    #[test]
    fn a_unit_of_several_rows_takes_hold_of_all_before_it_changes_any() {
        let (id, version) = (Value::from(uuid::Uuid::nil()), Value::from(7_i64));
        let guard = |about: fn(uuid::Uuid) -> About, text: &str, values: &[Value]| Guard {
            about: about(uuid::Uuid::nil()),
            query: query(text, values),
        };
        let set = "SET s = $1 WHERE id = $2 AND v = $3";
        let seen = "SELECT 1 FROM k WHERE id = $1 AND v = $2 FOR SHARE";
        let of_row = ["x".into(), id.clone(), version.clone()];
        let writes = Writes {
            guards: vec![
                guard(About::Agent, &format!("UPDATE a {set}"), &of_row),
                guard(About::Task, &format!("UPDATE t {set}"), &of_row),
                guard(About::Ticket, seen, &[id.clone(), version]),
            ],
            rest: vec![query("UPDATE h SET s = $1 WHERE id = $2", &["x".into(), id])],
        };
        let of_many = writes.of_many();
        let (_, parts) = of_many.split_once("unit) ").unwrap();
        assert_eq!(
            parts,
            "CROSS JOIN LATERAL (SELECT 1 FROM a WHERE id = given.c2 \
             AND v = given.c3 FOR NO KEY UPDATE SKIP LOCKED) AS h0 \
             CROSS JOIN LATERAL (SELECT 1 FROM t WHERE id = given.c5 \
             AND v = given.c6 FOR NO KEY UPDATE SKIP LOCKED) AS h1 \
             CROSS JOIN LATERAL (SELECT 1 FROM k WHERE id = given.c7 \
             AND v = given.c8 FOR SHARE SKIP LOCKED) AS h2), \
             w0 AS (UPDATE a SET s = given.c1 FROM given \
             WHERE id = given.c2 AND v = given.c3 RETURNING 1), \
             w1 AS (UPDATE t SET s = given.c4 FROM given \
             WHERE id = given.c5 AND v = given.c6 RETURNING 1), \
             i0 AS (UPDATE h SET s = given.c9 FROM given CROSS JOIN LATERAL \
             (SELECT ctid AS place FROM h WHERE id = given.c10 OFFSET 0) AS found \
             WHERE h.ctid = found.place RETURNING 1) SELECT unit FROM given"
        );
        assert!(writes.of_one().is_none(), "one statement after the other would change some");
    }

    #[test]
    fn the_values_of_a_unit_are_an_object_by_place() {
        let id = uuid::Uuid::nil();
        assert_eq!(
            moved().row().unwrap(),
            format!(
                "{{\"c1\":\"x\",\"c2\":\"{id}\",\"c3\":7,\"c4\":\"{id}\",\"c5\":1.5,\
                 \"c6\":\"a\",\"c7\":null}}"
            )
        );
    }

    #[test]
    fn units_are_put_together_that_differ_in_values_alone() {
        let one = moved();
        let mut other = moved();
        assert!(one.is_like(&other));
        other.rest.pop();
        assert!(!one.is_like(&other));
        let unguarded = Writes { guards: Vec::new(), ..moved() };
        assert!(!one.is_like(&unguarded) && !unguarded.is_like(&one));
    }

    #[test]
    fn what_json_cannot_say_is_sent_alone() {
        for value in [
            Value::Double(Some(f64::NAN)),
            Value::Json(Some(Box::new(serde_json::Value::Null))),
            Value::Json(Some(Box::new(serde_json::json!({ "a": ["\0"] })))),
            Value::Bytes(Some(vec![1])),
        ] {
            let writes = Writes { guards: Vec::new(), rest: vec![query("…", &[value])] };
            assert_eq!(writes.row(), None);
        }
    }

    /// So few rows that a planner would rather read them all.
    #[tokio::test]
    async fn what_no_unit_is_about_is_not_held() {
        let place = Place::new("guard").await;
        let db = place.open().await;
        if db.reader().backend() == Backend::Postgres {
            seed_of(&db, 20).await;
            let unit = |number: u128| Writes {
                guards: vec![about_task(query(
                    "UPDATE \"tickets\" SET \"title\" = $1 WHERE \"id\" = $2 AND \"version\" = $3",
                    &["x".into(), uuid::Uuid::from_u128(number).into(), 1_i64.into()],
                ))],
                rest: Vec::new(),
            };
            let units = [unit(3), unit(4), unit(999)];
            let rows: Vec<String> = units.iter().map(|unit| unit.row().unwrap()).collect();
            let rows = format!("[{}]", rows.join(","));
            let all = Query::raw(units[0].of_many(), vec![rows.into()]);
            let holders = async || -> Vec<(uuid::Uuid, String)> {
                let text = "SELECT id, xmax::text FROM tickets ORDER BY id";
                db.reader().all(Query::raw(text.to_owned(), Vec::new())).await.unwrap()
            };
            let before = holders().await;
            let applied: Vec<(i64,)> = db.reader().all(all).await.unwrap();
            assert_eq!(applied.len(), 2, "{applied:?}");
            let after = holders().await;
            let touched = before.iter().zip(&after).filter(|(before, after)| before != after);
            assert_eq!(touched.count(), 2, "{before:?}, {after:?}");
        }
        db.close().await.unwrap();
        place.gone().await;
    }
}
