//! Rules that `validator` has no word for. Each refusal is a sentence that says what was expected.

use std::{borrow::Cow, collections::HashSet, hash::Hash};

use serde_json::{Map, Value};
use validator::ValidationError;

use crate::limits::{FINDING_CHARS, KEY_CHARS, METRICS, REFERENCE_CHARS};

/// The name of the parameter that says which item of a list is to blame.
pub(crate) const INDEX: &str = "index";

/// Something besides white space.
pub(crate) fn not_blank(text: &str) -> Result<(), ValidationError> {
    if text.trim().is_empty() && !text.is_empty() {
        return Err(refusal("must not be blank"));
    }
    Ok(())
}

/// The name of somebody: as it could be sent in a header, so without control characters.
pub(crate) fn name(text: &str) -> Result<(), ValidationError> {
    if text.contains(char::is_control) {
        return Err(refusal("must have no control characters"));
    }
    not_blank(text)
}

/// Each decision, risk or note within its length, and not blank.
pub(crate) fn findings(texts: &[String]) -> Result<(), ValidationError> {
    each(texts, FINDING_CHARS)
}

/// Each reference to a key within its length, not blank, and named once.
pub(crate) fn references(keys: &[String]) -> Result<(), ValidationError> {
    each(keys, REFERENCE_CHARS)?;
    unique(keys)
}

/// No item twice.
pub(crate) fn unique<T: Eq + Hash>(items: &[T]) -> Result<(), ValidationError> {
    let mut seen = HashSet::new();
    match items.iter().position(|item| !seen.insert(item)) {
        Some(index) => Err(at(index, "is named twice; name each one once")),
        None => Ok(()),
    }
}

/// An object that is not too large, with names that can be kept.
pub(crate) fn metrics(metrics: &Map<String, Value>) -> Result<(), ValidationError> {
    if metrics.len() as u64 > METRICS {
        return Err(refusal(format!("must have at most {METRICS} members")));
    }
    if metrics.keys().any(|name| name.chars().count() as u64 > KEY_CHARS) {
        return Err(refusal(format!("must have names of at most {KEY_CHARS} characters")));
    }
    Ok(())
}

fn each(texts: &[String], most: u64) -> Result<(), ValidationError> {
    let fits = |text: &String| text.chars().count() as u64 <= most && !text.trim().is_empty();
    match texts.iter().position(|text| !fits(text)) {
        Some(index) => Err(at(index, format!("must be 1 to {most} characters long and not blank"))),
        None => Ok(()),
    }
}

fn at(index: usize, sentence: impl Into<Cow<'static, str>>) -> ValidationError {
    let mut error = refusal(sentence);
    error.add_param(INDEX.into(), &index);
    error
}

fn refusal(sentence: impl Into<Cow<'static, str>>) -> ValidationError {
    ValidationError::new("rule").with_message(sentence.into())
}
