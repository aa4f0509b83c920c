//! JSON that is not nested too deeply, and whose objects name each member once.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, map::Entry};

/// How many levels of arrays and objects there may be.
const DEEPEST: u32 = 32;

/// What serde_json calls members that stand for something else: it would read an object with one of
/// them back as another value.
const RESERVED: &str = "$serde_json::private::";

/// Parses a text.
///
/// ```
/// use phaseline_wire::json::parse;
///
/// assert_eq!(parse("[1]").unwrap(), serde_json::json!([1]));
/// assert!(parse(r#"{"a":1,"a":2}"#).is_err());
/// ```
///
/// # Errors
/// It is not JSON; or it is, and the error is one of [data](serde_json::Error::is_data): too deep,
/// with a member that comes twice, which readers take in different ways (RFC 8259, section 4), or
/// with one of a name that serde_json keeps for itself.
pub fn parse(text: &str) -> serde_json::Result<Value> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Nested { levels_left: DEEPEST }.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// A value that may still have this many levels.
#[derive(Debug, Clone, Copy)]
struct Nested {
    levels_left: u32,
}

impl Nested {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let levels_left = self.levels_left.checked_sub(1).ok_or_else(|| {
            E::custom(format!("is nested deeper than {DEEPEST} levels, which is the most,"))
        })?;
        Ok(Self { levels_left })
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let nested = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(nested)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let nested = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            if name.starts_with(RESERVED) {
                let fact = format!("names the member {name:?}, which cannot be kept,");
                return Err(A::Error::custom(fact));
            }
            match members.entry(name) {
                Entry::Vacant(place) => place.insert(object.next_value_seed(nested)?),
                Entry::Occupied(known) => {
                    let fact = format!("names the member {:?} twice", known.key());
                    return Err(A::Error::custom(fact));
                }
            };
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let seen = parse(json).map_or_else(|error| error.to_string(), |value| value.to_string());
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_value_is_what_it_was_written_as() {
        let all = r#"{"a":[null,true,-7,18446744073709551615,1.5,"\"é"],"b":{"a":{}}}"#;
        check(all, all);
        check("[1] x", "trailing characters at line 1 column 5");
    }

    #[test]
    fn a_member_that_comes_twice_is_named() {
        check(r#"[{"a":1,"a":1}]"#, "names the member \"a\" twice at line 1 column 11");
    }

    #[test]
    fn a_member_that_would_be_read_back_as_something_else_is_refused() {
        let why = "names the member \"$serde_json::private::RawValue\", which cannot be kept, ";
        for json in [
            r#"{"$serde_json::private::RawValue":"[1]"}"#,
            r#"{"a":[{"b":1,"$serde_json::private::RawValue":"x"}]}"#,
        ] {
            let error = parse(json).unwrap_err();
            assert!(error.is_data() && error.to_string().starts_with(why), "{error}");
        }
    }

    #[test]
    fn the_depth_is_limited() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        check(&nested(32), &nested(32));
        for deeper in [nested(33), "[".repeat(100_000), r#"{"a":"#.repeat(33)] {
            let error = parse(&deeper).unwrap_err();
            assert!(error.is_data(), "{error}");
            let why = "is nested deeper than 32 levels, which is the most, at line 1 column ";
            assert!(error.to_string().starts_with(why), "{error}");
        }
        check(
            r#""[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[""#,
            r#""[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[""#,
        );
    }
}
