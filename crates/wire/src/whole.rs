//! Whole numbers as JSON Schema counts them: `3.0` is one (JSON Schema 2020-12, section 6.1.1).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{
        Error, Unexpected, Visitor,
        value::{Error as ValueError, U64Deserializer},
    },
};

/// Every whole number up to here is exact as a floating point one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a whole number that may be written with a fraction of zero.
pub(crate) fn number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let number = deserializer.deserialize_u64(Whole)?;
    T::deserialize(U64Deserializer::<ValueError>::new(number)).map_err(D::Error::custom)
}

/// The same for a field of a patch, or one that can be left out.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    number(deserializer).map(Some)
}

/// The same where null stands for none.
pub(crate) fn or_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(bound = "T: Deserialize<'de>")]
    struct Number<T>(#[serde(deserialize_with = "number")] T);
    Ok(Option::<Number<T>>::deserialize(deserializer)?.map(|Number(number)| number))
}

struct Whole;

impl Visitor<'_> for Whole {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, not negative")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the guard leaves whole numbers that are exact"
    )]
    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        if number.fract() == 0.0 && (0.0..=EXACT).contains(&number) {
            return Ok(number as u64);
        }
        Err(E::invalid_value(Unexpected::Float(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Sample(#[serde(deserialize_with = "or_null")] Option<u64>);

    #[track_caller]
    fn check(json: &str, expected: Option<Option<u64>>) {
        let seen = serde_json::from_str::<Sample>(json).ok().map(|Sample(number)| number);
        assert_eq!(seen, expected, "{json}");
    }

    #[test]
    fn a_fraction_of_zero_is_whole() {
        check("3", Some(Some(3)));
        check("3.0", Some(Some(3)));
        check("3e2", Some(Some(300)));
        check("null", Some(None));
        check("18446744073709551615", Some(Some(u64::MAX)));
    }

    #[test]
    fn nothing_else_is() {
        for json in ["3.5", "-1", "-1.0", "1e300", "\"3\"", "true", "[]"] {
            check(json, None);
        }
    }
}
