//! JSON that is taken for what it is: an object is no list of its members in their order, and a
//! refusal says in plain words what was expected.

use serde::{
    Deserializer, de,
    de::{
        IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Value};

/// A value to read a type from.
#[derive(Debug)]
pub(super) struct Strict(pub(super) Value);

/// Methods that take one kind of JSON and refuse the others in these words.
macro_rules! only {
    ($($method:ident => $kind:pat, $expected:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0 {
                $kind => self.deserialize_any(visitor),
                _ => Err(expected($expected)),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Strict {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Strict)))
            }
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, member)| (name, Strict(member)));
                visitor.visit_map(MapDeserializer::new(members))
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                plain.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Value::String(name) = self.0 else {
            return Err(expected(&format!("one of {}", names.join(", "))));
        };
        visitor.visit_enum(name.into_deserializer())
    }

    only! {
        deserialize_map => Value::Object(_), "an object";
        deserialize_seq => Value::Array(_), "a list";
        deserialize_str => Value::String(_), "text";
        deserialize_string => Value::String(_), "text";
        deserialize_bool => Value::Bool(_), "true or false";
        deserialize_u32 => Value::Number(_), "a whole number";
        deserialize_u64 => Value::Number(_), "a whole number";
        deserialize_i64 => Value::Number(_), "a whole number";
        deserialize_f64 => Value::Number(_), "a number";
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn expected(what: &str) -> Error {
    de::Error::custom(format!("must be {what}"))
}

#[cfg(test)]
mod tests {
    use phaseline_wire::{NewTask, NewTicket, TaskCompletion};
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check<T: DeserializeOwned>(json: Value, expected: &str) {
        let refusal = serde_path_to_error::deserialize::<_, T>(Strict(json)).err();
        let said = refusal.map_or_else(String::new, |refusal| refusal.to_string());
        assert_eq!(said, expected);
    }

    #[test]
    fn a_list_is_no_object() {
        check::<NewTicket>(
            json!(["title", "", null, null, "HIGH", null, null, []]),
            "must be an object",
        );
        check::<TaskCompletion>(json!({ "result": ["done"] }), "result: must be an object");
        check::<TaskCompletion>(
            json!({ "result": { "context": [] } }),
            "result.context: must be an object",
        );
    }

    #[test]
    fn each_kind_is_asked_for_by_its_name() {
        check::<NewTicket>(json!({ "title": 7 }), "title: must be text");
        check::<NewTicket>(
            json!({ "title": "t", "blocked_by": "x" }),
            "blocked_by: must be a list",
        );
        check::<NewTicket>(
            json!({ "title": "t", "priority": 1 }),
            "priority: must be one of CRITICAL, HIGH, MEDIUM, LOW",
        );
        check::<NewTask>(json!({ "phase_id": {} }), "phase_id: must be text");
    }

    #[test]
    fn what_fits_is_read() {
        check::<NewTicket>(json!({ "title": "t", "key": null, "priority": "LOW" }), "");
        check::<TaskCompletion>(json!({ "result": { "outputs": [1, { "a": null }] } }), "");
    }
}
