//! Columns become values: what does not parse is corrupt, and says where.

use std::{fmt::Display, str::FromStr};

use serde::Serialize;

use crate::{Error, Result};

/// A text column that must parse.
pub(crate) fn parsed<T>(table: &'static str, column: &'static str, text: &str) -> Result<T>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|why: T::Err| Error::Corrupt { table, column, why: why.to_string() })
}

/// A number column that must lie in a smaller range than its type.
pub(crate) fn number<T, N>(table: &'static str, column: &'static str, number: N) -> Result<T>
where
    T: TryFrom<N>,
    T::Error: Display,
{
    T::try_from(number).map_err(|why| Error::Corrupt { table, column, why: why.to_string() })
}

/// A value as JSON for its column; a value of ours that does not serialise is corrupt as well.
pub(crate) fn encoded<T: Serialize>(
    table: &'static str,
    column: &'static str,
    value: &T,
) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(|why| Error::Corrupt {
        table,
        column,
        why: why.to_string(),
    })
}
