//! Times as they are written: RFC 3339 in UTC, with microseconds and `Z`.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

/// A time of an answer, always with six decimals, so that texts sort as times do.
///
/// ```
/// use chrono::DateTime;
/// use phaseline_wire::Timestamp;
///
/// let time = Timestamp(DateTime::UNIX_EPOCH);
/// assert_eq!(serde_json::to_string(&time)?, r#""1970-01-01T00:00:00.000000Z""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub DateTime<Utc>);

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match digits(self.0).as_ref().map(|digits| std::str::from_utf8(digits)) {
            Some(Ok(text)) => serializer.serialize_str(text),
            Some(Err(_)) | None => {
                serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
            }
        }
    }
}

/// The text of a time of our era, put together here: an answer may hold hundreds of times, and
/// formatting in general costs many times as much. Leap seconds and other eras are left to that.
fn digits(time: DateTime<Utc>) -> Option<[u8; 27]> {
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let time = time.naive_utc();
    let nanoseconds = time.nanosecond();
    let year = u32::try_from(time.year()).ok().filter(|year| *year <= 9999)?;
    if nanoseconds >= 1_000_000_000 {
        return None;
    }
    for (number, end, length) in [
        (year, 4, 4),
        (time.month(), 7, 2),
        (time.day(), 10, 2),
        (time.hour(), 13, 2),
        (time.minute(), 16, 2),
        (time.second(), 19, 2),
        (nanoseconds / 1000, 26, 6),
    ] {
        let mut rest = number;
        for place in text.get_mut(end - length..end)?.iter_mut().rev() {
            *place = b'0' + u8::try_from(rest % 10).ok()?;
            rest /= 10;
        }
    }
    Some(text)
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::<Utc>::deserialize(deserializer).map(Self)
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("A time in UTC, RFC 3339 with microseconds."))
            .examples(["2026-01-31T08:15:00.000000Z"])
            .into()
    }
}

impl ToSchema for Timestamp {
    fn name() -> Cow<'static, str> {
        "Timestamp".into()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_text_is_what_formatting_in_general_gives() {
        let leap = DateTime::from_timestamp(1_483_228_799, 1_500_000_000).unwrap();
        let far = ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"]
            .map(|text| text.parse::<DateTime<Utc>>().unwrap());
        let some = (0..2000).map(|step: i32| {
            DateTime::UNIX_EPOCH
                + TimeDelta::days(i64::from(step) * 37 - 9000)
                + TimeDelta::microseconds(i64::from(step) * 98_765_432_107)
        });
        let edges = [leap, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
        for time in some.chain(far).chain(edges) {
            let expected = time.to_rfc3339_opts(SecondsFormat::Micros, true);
            let seen = serde_json::to_value(Timestamp(time)).unwrap();
            assert_eq!(seen, expected.as_str());
        }
    }
}
