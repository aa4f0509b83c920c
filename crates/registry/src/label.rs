//! A label: a short text in one normal form, of which capabilities and tags are the two kinds.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use invalid::{InvalidLabel, InvalidLabels};

mod invalid;

/// The most characters (Unicode scalar values, not bytes) that a label has.
pub const MAX_LABEL_CHARS: usize = 100;

/// What tells capabilities from tags: what they are called, and how many of them an agent has.
pub trait Kind: Copy + Ord + Hash + fmt::Debug {
    /// One of them, as messages call it.
    const NOUN: &'static str;
    /// Several of them, as messages call them.
    const NOUNS: &'static str;
    /// The fewest that an agent has.
    const AT_LEAST: usize;
    /// The most that an agent has.
    const AT_MOST: usize;
}

/// A trimmed, lower-case text of 1 to [`MAX_LABEL_CHARS`] characters without control characters.
///
/// It is used as [`Capability`](crate::Capability) and [`Tag`](crate::Tag), which the compiler keeps
/// apart. A clone shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label<K> {
    /// A thin pointer: a fleet has few different labels, and holds each of them many times.
    text: Arc<Box<str>>,
    kind: PhantomData<K>,
}

/// Labels of one kind without duplicates, in the order in which they were first named.
/// A clone shares them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels<K>(Arc<[Label<K>]>);

impl<K: Kind> Label<K> {
    /// Reads a label: trims the text and puts it into lower case.
    ///
    /// ```
    /// use phaseline_registry::Capability;
    ///
    /// assert_eq!(Capability::parse("  Rust ")?.as_str(), "rust");
    /// assert!(Capability::parse("   ").is_err());
    /// # Ok::<(), phaseline_registry::InvalidCapability>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidLabel`] if the text is empty, too long, or holds a control character.
    pub fn parse(text: &str) -> Result<Label<K>, InvalidLabel> {
        let noun = K::NOUN;
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return Err(InvalidLabel::Empty { noun });
        }
        // Counted after lower-casing, which can make a text longer.
        let chars = text.chars().count();
        if chars > MAX_LABEL_CHARS {
            return Err(InvalidLabel::TooLong { noun, chars });
        }
        match text.chars().find(|character| character.is_control()) {
            Some(character) => Err(InvalidLabel::ControlCharacter { noun, character }),
            None => Ok(Label { text: Arc::new(text.into_boxed_str()), kind: PhantomData }),
        }
    }
}

impl<K> Label<K> {
    /// The text in its normal form.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<K: Kind> Labels<K> {
    /// Reads labels, drops the duplicates and keeps the order.
    ///
    /// ```
    /// use phaseline_registry::Capabilities;
    ///
    /// let capabilities = Capabilities::parse(["SQL", "rust", "sql"])?;
    /// assert_eq!(capabilities.to_string(), "sql, rust");
    /// # Ok::<(), phaseline_registry::InvalidCapabilities>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidLabels`] if one of the texts is no label, or if there are too few or too many.
    pub fn parse<T: AsRef<str>>(
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Labels<K>, InvalidLabels> {
        let nouns = K::NOUNS;
        let mut labels = Vec::new();
        for (index, text) in texts.into_iter().enumerate() {
            let label = Label::parse(text.as_ref()).map_err(|fault| InvalidLabels::Item {
                nouns,
                index,
                fault,
            })?;
            if labels.contains(&label) {
                continue;
            }
            if labels.len() == K::AT_MOST {
                return Err(InvalidLabels::TooMany { nouns, at_most: K::AT_MOST, index });
            }
            labels.push(label);
        }
        if labels.len() < K::AT_LEAST {
            return Err(InvalidLabels::TooFew { nouns, at_least: K::AT_LEAST });
        }
        Ok(Labels(labels.into()))
    }
}

impl<K> Labels<K> {
    /// No labels at all: only for a kind that may have none.
    pub(crate) fn none() -> Labels<K> {
        Labels(Arc::default())
    }

    /// The same labels, with those in the place of their equals that `known` has.
    pub(crate) fn shared(&self, known: impl Fn(&Label<K>) -> Option<Label<K>>) -> Labels<K>
    where
        Label<K>: Clone,
    {
        if self.is_empty() {
            return Labels::none();
        }
        Labels(self.iter().map(|label| known(label).unwrap_or_else(|| label.clone())).collect())
    }

    /// The labels in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Label<K>> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, which only tags can be.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: PartialEq> Labels<K> {
    /// Whether this label is among them.
    pub fn contains(&self, label: &Label<K>) -> bool {
        self.0.contains(label)
    }
}

impl<'a, K> IntoIterator for &'a Labels<K> {
    type Item = &'a Label<K>;
    type IntoIter = std::slice::Iter<'a, Label<K>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Kind> FromStr for Label<K> {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Label::parse(text)
    }
}

impl<K> fmt::Display for Label<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.text)
    }
}

impl<K> fmt::Debug for Label<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, out)
    }
}

impl<K> fmt::Display for Labels<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&joined(&self.0))
    }
}

impl<K> fmt::Debug for Labels<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.0.iter()).finish()
    }
}

impl<K> Serialize for Label<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<K> Serialize for Labels<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<'de, K: Kind> Deserialize<'de> for Label<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Label::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Labels<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Labels::parse(Vec::<String>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// The labels as people write a list: `rust, sql`.
pub(crate) fn joined<K>(labels: &[Label<K>]) -> String {
    labels.iter().map(Label::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
