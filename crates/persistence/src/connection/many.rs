//! The writes of many units of work that ask for the same with other values, as one statement over
//! all of these values (`docs/adr/0021-together-on-postgresql.md`).

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::Value;

use super::writes::{Insert, Writes, insert_of, renumbered};
impl Writes {
    /// Its values by their places.
    pub(super) fn row(&self) -> Option<String> {
        let mut row = String::from("{");
        for (place, value) in self.parts().flat_map(|query| query.values()).enumerate() {
            if place > 0 {
                row.push(',');
            }
            // Writing to a string does not fail.
            let (_, json) = cell(value)?;
            let _ = write!(row, "\"c{}\":{}", place + 1, json.as_deref().unwrap_or("null"));
        }
        row.push('}');
        Some(row)
    }

    /// The statement that does the same for each of the rows in its one value. What somebody else is
    /// changing just now is left alone, so that nothing that is held waits for anything.
    pub(super) fn of_many(&self) -> String {
        let values: Vec<&Value> = self.parts().flat_map(|query| query.values()).collect();
        let columns: Vec<String> = (1..=values.len()).map(|place| format!("c{place}")).collect();
        let typed: Vec<String> = columns
            .iter()
            .zip(&values)
            .map(|(column, value)| {
                format!("{column} {}", cell(value).map_or("text", |(kind, _)| kind))
            })
            .collect();
        let mut whole = format!(
            "WITH given AS MATERIALIZED (SELECT * FROM ROWS FROM (json_to_recordset($1::json) \
             AS ({})) WITH ORDINALITY AS given ({}, unit))",
            typed.join(", "),
            columns.join(", ")
        );
        let mut before = 0;
        if let Some(guard) = &self.guard {
            whole.push_str(", ");
            renumbered(&mut whole, &guarding(guard.text()), |place| format!("given.c{place}"));
            before = guard.values().len();
        }
        for (nth, insert) in self.inserts.iter().enumerate() {
            let last = nth + 1 == self.inserts.len() && self.guard.is_none();
            let text = inserting(insert.text(), self.guard.is_some());
            if !last {
                let _ = write!(whole, ", i{nth} AS (");
            }
            whole.push_str(if last { " " } else { "" });
            renumbered(&mut whole, &text, |place| format!("given.c{}", place + before));
            whole.push_str(if last { "" } else { " RETURNING 1)" });
            before += insert.values().len();
        }
        if self.guard.is_some() {
            whole.push_str(" SELECT unit FROM w0");
        }
        whole
    }
}

/// The update of one row as one of all rows that the units are about and that are free: first it
/// takes hold of these, and of no others, however the statement is planned.
fn guarding(update: &str) -> String {
    let table = update.split_whitespace().nth(1).unwrap_or_default();
    let (set, condition) = update.split_once(" WHERE ").unwrap_or((update, "TRUE"));
    format!(
        "held AS MATERIALIZED (SELECT given.unit FROM given, {table} WHERE {condition} \
           FOR NO KEY UPDATE OF {table} SKIP LOCKED), \
         w0 AS ({set} FROM given JOIN held ON held.unit = given.unit WHERE {condition} \
           RETURNING given.unit)"
    )
}

/// The insert of one unit as one of all units, or of those whose guard let them through.
fn inserting(text: &str, guarded: bool) -> String {
    let Some(Insert { into, rows, otherwise }) = insert_of(text) else { return text.to_owned() };
    let through = if guarded { " JOIN w0 ON w0.unit = given.unit" } else { "" };
    format!(
        "{into} SELECT row.* FROM given{through} CROSS JOIN LATERAL (VALUES {rows}) AS row{otherwise}"
    )
}

/// What PostgreSQL calls the type of a value, and the value as JSON of which PostgreSQL makes the
/// same value; `None` for one that has to be sent as it is.
#[expect(clippy::wildcard_enum_match_arm, reason = "no column has any of all the others")]
fn cell(value: &Value) -> Option<(&'static str, Option<String>)> {
    Some(match value {
        Value::Bool(value) => ("boolean", value.map(|value| value.to_string())),
        Value::Int(value) => ("integer", value.map(|value| value.to_string())),
        Value::BigInt(value) => ("bigint", value.map(|value| value.to_string())),
        Value::Double(Some(value)) if !value.is_finite() => return None,
        Value::Double(value) => ("double precision", value.map(|value| format!("{value:?}"))),
        Value::String(text) => ("text", text.as_ref().and_then(|text| quoted(text))),
        Value::Uuid(id) => ("uuid", id.map(|id| format!("\"{id}\""))),
        // JSON that is null is something else than no JSON.
        Value::Json(Some(document)) if document.is_null() => return None,
        Value::Json(document) => ("json", document.as_ref().map(ToString::to_string)),
        Value::ChronoDateTimeUtc(time) => {
            let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
            ("timestamptz", time.map(|time| format!("\"{}\"", text(time))))
        }
        _ => return None,
    })
}

fn quoted(text: &str) -> Option<String> {
    serde_json::to_string(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Backend,
        plans::{Place, seed_of},
        query::Query,
    };

    fn query(text: &str, values: &[Value]) -> Query {
        Query::raw(text.to_owned(), values.to_vec())
    }

    fn moved() -> Writes {
        let id = Value::from(uuid::Uuid::nil());
        let guard = "UPDATE \"t\" SET \"a\" = $1 WHERE \"id\" = $2 AND \"version\" = $3";
        Writes {
            guard: Some(query(guard, &["x".into(), id.clone(), 7_i64.into()])),
            inserts: vec![
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
            "WITH given AS MATERIALIZED (SELECT * FROM ROWS FROM (json_to_recordset($1::json) AS \
             (c1 text, c2 uuid, c3 bigint, c4 uuid, c5 double precision, c6 text, c7 text)) \
             WITH ORDINALITY AS given (c1, c2, c3, c4, c5, c6, c7, unit)), \
             held AS MATERIALIZED (SELECT given.unit FROM given, \"t\" WHERE \"id\" = given.c2 \
             AND \"version\" = given.c3 FOR NO KEY UPDATE OF \"t\" SKIP LOCKED), \
             w0 AS (UPDATE \"t\" SET \"a\" = given.c1 FROM given JOIN held ON held.unit = given.unit \
             WHERE \"id\" = given.c2 AND \"version\" = given.c3 RETURNING given.unit), \
             i0 AS (INSERT INTO h (a, b) SELECT row.* FROM given JOIN w0 ON w0.unit = given.unit \
             CROSS JOIN LATERAL (VALUES (given.c4, given.c5)) AS row RETURNING 1), \
             i1 AS (INSERT INTO e (a) SELECT row.* FROM given JOIN w0 ON w0.unit = given.unit \
             CROSS JOIN LATERAL (VALUES (given.c6, nextval('p')), (given.c7, currval('p'))) AS row \
             RETURNING 1) SELECT unit FROM w0"
        );
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
        other.inserts.pop();
        assert!(!one.is_like(&other));
        let unguarded = Writes { guard: None, ..moved() };
        assert!(!one.is_like(&unguarded) && !unguarded.is_like(&one));
    }

    #[test]
    fn what_json_cannot_say_is_sent_alone() {
        for value in [
            Value::Double(Some(f64::NAN)),
            Value::Json(Some(Box::new(serde_json::Value::Null))),
            Value::Bytes(Some(vec![1])),
        ] {
            let writes = Writes { guard: None, inserts: vec![query("…", &[value])] };
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
                guard: Some(query(
                    "UPDATE \"tickets\" SET \"title\" = $1 WHERE \"id\" = $2 AND \"version\" = $3",
                    &["x".into(), uuid::Uuid::from_u128(number).into(), 1_i64.into()],
                )),
                inserts: Vec::new(),
            };
            let units = [unit(3), unit(4), unit(4), unit(999)];
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
