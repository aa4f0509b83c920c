//! What people mark agents with, to find them again.

use crate::label::{InvalidLabel, InvalidLabels, Kind, Label, Labels};

/// One mark, such as `gpu` or `team-a`.
pub type Tag = Label<OfTag>;

/// All marks of an agent: at most 64, without duplicates, in the order given.
pub type Tags = Labels<OfTag>;

/// Why a text is no tag.
pub type InvalidTag = InvalidLabel;

/// Why a list of texts is no list of tags.
pub type InvalidTags = InvalidLabels;

/// The kind of label that a tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfTag {}

impl Kind for OfTag {
    const NOUN: &'static str = "tag";
    const NOUNS: &'static str = "tags";
    const AT_LEAST: usize = 0;
    const AT_MOST: usize = 64;
}

/// No tags.
impl Default for Tags {
    fn default() -> Self {
        Labels::none()
    }
}
