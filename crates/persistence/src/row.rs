//! Rows: what a query answers, read column by column into values.

use std::{fmt::Display, str::FromStr};

use chrono::{DateTime, Utc};
use rusqlite::types::{Type, ValueRef};
use sea_orm::{
    QueryResult,
    sqlx::{self, Postgres, Row as _, postgres::PgRow, types::Json},
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Error, Result, decode};

/// One row of an answer. Its columns are read in the order in which the query names them.
pub(crate) struct Row<'r> {
    cells: Cells<'r>,
    table: &'static str,
    next: usize,
}

/// Whose row it is.
#[derive(Clone, Copy)]
pub(crate) enum Cells<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r QueryResult),
}

/// What a row can be read as.
pub(crate) trait FromRow: Sized + Send {
    /// The table, to be named where a row does not decode.
    const TABLE: &'static str;

    /// Reads the columns in the order of the query.
    fn from_row(row: &mut Row<'_>) -> Result<Self>;
}

/// What a column can be read as. What PostgreSQL has sent is read by the driver.
pub(crate) trait Cell:
    Sized + Send + sqlx::Type<Postgres> + for<'r> sqlx::Decode<'r, Postgres>
{
    /// Reads what SQLite has stored, or says why that is something else.
    fn read(value: ValueRef<'_>) -> Result<Self, String>;
}

impl<'r> Row<'r> {
    pub(crate) const fn new(cells: Cells<'r>, table: &'static str) -> Self {
        Self { cells, table, next: 0 }
    }

    /// The next column.
    pub(crate) fn get<T: Cell>(&mut self, column: &'static str) -> Result<T> {
        let index = self.step(column);
        self.read(index, column)
    }

    /// The next column, whatever the query calls it.
    fn unnamed<T: Cell>(&mut self, place: &'static str) -> Result<T> {
        let index = self.next;
        self.next += 1;
        self.read(index, place)
    }

    fn read<T: Cell>(&self, index: usize, column: &'static str) -> Result<T> {
        match self.cells {
            Cells::Sqlite(row) => {
                T::read(value(row, index)).map_err(|why| self.corrupt(column, why))
            }
            Cells::Postgres(row) => {
                let row = self.sent(row, column)?;
                row.try_get(index).map_err(|why| self.corrupt(column, why))
            }
        }
    }

    /// The next column, a text that must parse.
    pub(crate) fn parsed<T>(&mut self, column: &'static str) -> Result<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        if let Cells::Sqlite(row) = self.cells
            && let ValueRef::Text(text) = value(row, self.next)
        {
            self.step(column);
            let text = std::str::from_utf8(text).map_err(|why| self.corrupt(column, why))?;
            return decode::parsed(self.table, column, text);
        }
        let text: String = self.get(column)?;
        decode::parsed(self.table, column, &text)
    }

    /// The next column, a text that must parse where it is there.
    pub(crate) fn parsed_or_null<T>(&mut self, column: &'static str) -> Result<Option<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text: Option<String> = self.get(column)?;
        text.map(|text| decode::parsed(self.table, column, &text)).transpose()
    }

    /// The next column, a number that must lie in a smaller range than its type.
    pub(crate) fn number<N, T>(&mut self, column: &'static str) -> Result<T>
    where
        N: Cell,
        T: TryFrom<N>,
        T::Error: Display,
    {
        let number: N = self.get(column)?;
        decode::number(self.table, column, number)
    }

    /// The next column, a number of a smaller range where it is there.
    pub(crate) fn number_or_null<N, T>(&mut self, column: &'static str) -> Result<Option<T>>
    where
        N: Cell,
        T: TryFrom<N>,
        T::Error: Display,
    {
        let number: Option<N> = self.get(column)?;
        number.map(|number| decode::number(self.table, column, number)).transpose()
    }

    /// The next column, JSON of a known type.
    pub(crate) fn document<T: DeserializeOwned>(&mut self, column: &'static str) -> Result<T> {
        let document = self.document_or_null(column)?;
        document.ok_or_else(|| self.corrupt(column, "it is null"))
    }

    /// The next column, JSON of a known type where it is there.
    pub(crate) fn document_or_null<T: DeserializeOwned>(
        &mut self,
        column: &'static str,
    ) -> Result<Option<T>> {
        let index = self.step(column);
        match self.cells {
            Cells::Sqlite(row) => match value(row, index) {
                ValueRef::Null => Ok(None),
                ValueRef::Text(json) => {
                    serde_json::from_slice(json).map(Some).map_err(|why| self.corrupt(column, why))
                }
                other @ (ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_)) => {
                    Err(self.corrupt(column, not_a("JSON text", other)))
                }
            },
            Cells::Postgres(row) => {
                // Straight from what the server sent: SeaORM would make a tree of it first.
                let row = self.sent(row, column)?;
                let document: Option<Json<T>> =
                    row.try_get(index).map_err(|why| self.corrupt(column, why))?;
                Ok(document.map(|Json(document)| document))
            }
        }
    }

    /// The next column, JSON as it is stored.
    pub(crate) fn json(&mut self, column: &'static str) -> Result<String> {
        let index = self.step(column);
        match self.cells {
            Cells::Sqlite(row) => {
                String::read(value(row, index)).map_err(|why| self.corrupt(column, why))
            }
            Cells::Postgres(row) => {
                let row = self.sent(row, column)?;
                let text = row.try_get_raw(index).map_err(|why| self.corrupt(column, why))?;
                let text = text.as_str().map_err(|why| self.corrupt(column, why))?;
                Ok(text.to_owned())
            }
        }
    }

    /// The next column, a text of ids with commas between them; in their order.
    pub(crate) fn ids(&mut self, column: &'static str) -> Result<Vec<Uuid>> {
        let Some(text) = self.get::<Option<String>>(column)? else {
            return Ok(Vec::new());
        };
        let ids: Result<Vec<Uuid>, _> = text.split(',').map(Uuid::parse_str).collect();
        let mut ids = ids.map_err(|why| self.corrupt(column, why))?;
        ids.sort_unstable();
        Ok(ids)
    }

    /// The row as the driver has it.
    fn sent<'q>(&self, row: &'q QueryResult, column: &'static str) -> Result<&'q PgRow> {
        row.try_as_pg_row().ok_or_else(|| self.corrupt(column, "it is of another database"))
    }

    /// The place of the next column, which must be this one.
    fn step(&mut self, column: &'static str) -> usize {
        let index = self.next;
        debug_assert_eq!(self.name(index).as_deref(), Some(column), "column {index} of the query");
        self.next += 1;
        index
    }

    fn name(&self, index: usize) -> Option<String> {
        match self.cells {
            Cells::Sqlite(row) => row.as_ref().column_name(index).ok().map(str::to_owned),
            Cells::Postgres(row) => row.column_names().into_iter().nth(index),
        }
    }

    fn corrupt(&self, column: &'static str, why: impl Display) -> Error {
        Error::Corrupt { table: self.table, column, why: why.to_string() }
    }
}

/// A column that is not there reads as null.
fn value<'r>(row: &'r rusqlite::Row<'_>, index: usize) -> ValueRef<'r> {
    row.get_ref(index).unwrap_or(ValueRef::Null)
}

fn not_a(wanted: &str, found: ValueRef<'_>) -> String {
    let found = match found.data_type() {
        Type::Null => "null",
        Type::Integer => "a whole number",
        Type::Real => "a number",
        Type::Text => "text",
        Type::Blob => "bytes",
    };
    format!("it is {found}, not {wanted}")
}

/// Columns of one kind each.
macro_rules! cells {
    ($($type:ty: $wanted:literal, $($pattern:pat => $value:expr),+;)*) => {
        $(impl Cell for $type {
            fn read(value: ValueRef<'_>) -> Result<Self, String> {
                match value {
                    $($pattern => $value,)+
                    other => Err(not_a($wanted, other)),
                }
            }
        })*
    };
}

cells! {
    Uuid: "a UUID", ValueRef::Blob(bytes) => Self::from_slice(bytes).map_err(|why| why.to_string());
    String: "text",
        ValueRef::Text(text) => std::str::from_utf8(text).map(str::to_owned).map_err(|why| why.to_string());
    bool: "true or false", ValueRef::Integer(number) => Ok(number != 0);
    i32: "a whole number",
        ValueRef::Integer(number) => Self::try_from(number).map_err(|why| why.to_string());
    i64: "a whole number", ValueRef::Integer(number) => Ok(number);
    f64: "a number",
        ValueRef::Real(number) => Ok(number),
        ValueRef::Integer(number) => Ok(number as Self);
    DateTime<Utc>: "a time", ValueRef::Text(text) => time(text);
    serde_json::Value: "JSON text",
        ValueRef::Text(json) => serde_json::from_slice(json).map_err(|why| why.to_string());
}

impl<T: Cell> Cell for Option<T> {
    fn read(value: ValueRef<'_>) -> Result<Self, String> {
        if matches!(value, ValueRef::Null) { Ok(None) } else { T::read(value).map(Some) }
    }
}

fn time(text: &[u8]) -> Result<DateTime<Utc>, String> {
    let text = std::str::from_utf8(text).map_err(|why| why.to_string())?;
    let time = DateTime::parse_from_rfc3339(text).map_err(|why| why.to_string())?;
    Ok(time.to_utc())
}

/// Columns that no type of their own gathers, in the order of the query.
macro_rules! tuples {
    ($($($cell:ident $name:literal),+;)*) => {
        $(impl<$($cell: Cell),+> FromRow for ($($cell,)+) {
            const TABLE: &'static str = "a query";

            fn from_row(row: &mut Row<'_>) -> Result<Self> {
                Ok(($(row.unnamed::<$cell>($name)?,)+))
            }
        })*
    };
}

tuples! {
    A "column 1";
    A "column 1", B "column 2";
    A "column 1", B "column 2", C "column 3";
    A "column 1", B "column 2", C "column 3", D "column 4";
}
