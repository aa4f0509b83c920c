//! What handlers take from a request: parsed, within limits, or refused with a sentence.

mod body;
mod command;
mod field;
mod id;
mod if_match;
mod page;
mod query;
mod strict;
mod whole;

pub(crate) use body::RequestBody;
pub(crate) use command::{Command, Nothing};
pub(crate) use field::{checked_text, header, members};
pub(crate) use id::Id;
pub(crate) use if_match::NO_VERSION;
pub(crate) use page::{Cut, Limit, Part, numbered};
pub(crate) use query::{Query, known_phase};
pub(crate) use whole::Whole;
