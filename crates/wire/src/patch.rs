//! Fields that may be null: in a patch absent, null and a value are three things; elsewhere null is
//! the same as absent.

use serde::{Deserialize, Deserializer};

/// Reads a field that is there; with `#[serde(default)]` one that is absent is `None`. For an
/// `Option<T>` null is refused, for an `Option<Option<T>>` it is `Some(None)`.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Reads a field whose null is the same as leaving it out; to be used with `#[serde(default)]`.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
