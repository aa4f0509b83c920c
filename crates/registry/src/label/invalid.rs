//! Why a text is no label, and a list of texts no list of labels.

use super::MAX_LABEL_CHARS;

/// Why a text is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLabel {
    /// Nothing is left of the text when it is trimmed.
    #[error("a {noun} must not be empty")]
    Empty {
        /// What the text was to be.
        noun: &'static str,
    },
    /// The text is longer than a label may be.
    #[error("a {noun} has at most {MAX_LABEL_CHARS} characters and this one has {chars}")]
    TooLong {
        /// What the text was to be.
        noun: &'static str,
        /// How many characters it has, trimmed and in lower case.
        chars: usize,
    },
    /// The text holds a control character, which would break logs and terminals.
    #[error("a {noun} has no control characters and this one has {character:?}")]
    ControlCharacter {
        /// What the text was to be.
        noun: &'static str,
        /// The first such character.
        character: char,
    },
}

/// Why a list of texts is no list of labels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLabels {
    /// One of the texts is no label.
    #[error("number {index} of the {nouns}: {fault}")]
    Item {
        /// What the texts were to be.
        nouns: &'static str,
        /// Which one, counted from zero.
        index: usize,
        /// What is wrong with it.
        fault: InvalidLabel,
    },
    /// There are fewer than an agent must have.
    #[error("at least {at_least} of the {nouns} must be given")]
    TooFew {
        /// What the texts were to be.
        nouns: &'static str,
        /// How many there must be.
        at_least: usize,
    },
    /// There are more, duplicates not counted, than an agent may have.
    #[error("at most {at_most} {nouns} are allowed")]
    TooMany {
        /// What the texts were to be.
        nouns: &'static str,
        /// How many there may be.
        at_most: usize,
        /// The first one too many, counted from zero.
        index: usize,
    },
}

impl InvalidLabels {
    /// Which of the texts is to blame, counted from zero, if it is one of them.
    pub fn index(&self) -> Option<usize> {
        match self {
            InvalidLabels::Item { index, .. } | InvalidLabels::TooMany { index, .. } => {
                Some(*index)
            }
            InvalidLabels::TooFew { .. } => None,
        }
    }
}
