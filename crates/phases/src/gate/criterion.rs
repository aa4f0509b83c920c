//! What must hold of the content of an artifact.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sections;
use crate::workflow::list;

/// What must hold of the content of an artifact. As JSON its `kind` says which one it is:
///
/// ```
/// use phaseline_phases::Criterion;
///
/// let json = r#"{ "kind": "minimum", "field": "percentage", "at_least": 80 }"#;
/// let read: Criterion = serde_json::from_str(json)?;
/// let field = Some("percentage".to_owned());
/// assert_eq!(read, Criterion::Minimum { field, at_least: 80.0 });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Criterion {
    /// Its text is that long. Its text is the content where that is a string, or the member `text`
    /// or `content` of it.
    MinLength {
        /// The least number of characters, white space around the text not counted.
        chars: u32,
    },
    /// It has those sections: Markdown headings of its text of any level, members of an object that
    /// hold anything, or entries of its array `sections`. Capitals, numbering, a colon at the end
    /// and white space make no difference.
    Sections {
        /// Their names.
        required: Vec<String>,
    },
    /// It is at least that number: the content as a number or as a text such as `85` or `85 %`, or
    /// likewise a member of it.
    Minimum {
        /// The name of the member, for content that is an object.
        #[serde(default)]
        field: Option<String>,
        /// The least number that will do.
        at_least: f64,
    },
    /// It is the JSON value `true`, or has it as a member.
    Flag {
        /// The name of the member.
        field: String,
    },
}

/// Where a content falls short of a criterion.
pub(super) struct Shortfall {
    /// What there is instead, as a verb and its object.
    pub(super) says: String,
    /// How near it comes; to be compared between shortfalls of one criterion only.
    pub(super) nearness: f64,
}

impl Criterion {
    /// What it asks for, to be read after "with".
    pub(super) fn asks(&self) -> String {
        match self {
            Self::MinLength { chars } => format!("at least {chars} characters of text"),
            Self::Sections { required } => named("section", required),
            Self::Minimum { field: Some(field), at_least } => {
                format!("{field} at least {}", number_text(*at_least))
            }
            Self::Minimum { field: None, at_least } => {
                format!("a number of at least {}", number_text(*at_least))
            }
            Self::Flag { field } => format!("{field} true"),
        }
    }

    /// Where a content falls short of it; `None` where it does not.
    pub(super) fn shortfall(&self, content: &Value) -> Option<Shortfall> {
        match self {
            Self::MinLength { chars } => too_short(content, *chars),
            Self::Sections { required } => lacking(content, required),
            Self::Minimum { field, at_least } => too_low(content, field.as_deref(), *at_least),
            Self::Flag { field } => not_true(content, field),
        }
    }
}

/// The text of a content.
pub(super) fn text(content: &Value) -> Option<&str> {
    let member = |name: &str| content.get(name)?.as_str();
    content.as_str().or_else(|| member("text")).or_else(|| member("content"))
}

fn too_short(content: &Value, least: u32) -> Option<Shortfall> {
    let there = text(content).map(|text| text.trim().chars().count());
    let chars = there.unwrap_or_default();
    let says = match there {
        Some(1) => "has 1 character of text".to_owned(),
        Some(chars) => format!("has {chars} characters of text"),
        None => "has no text".to_owned(),
    };
    // A platform on which a count of characters does not fit has no text as long as that.
    let nearness = u32::try_from(chars).unwrap_or(u32::MAX);
    (nearness < least).then(|| Shortfall { says, nearness: nearness.into() })
}

fn lacking(content: &Value, required: &[String]) -> Option<Shortfall> {
    let names = sections::names(content);
    let is_missing = |name: &&String| !names.contains(&sections::canonical(name));
    let missing: Vec<&String> = required.iter().filter(is_missing).collect();
    let nearness = -f64::from(u32::try_from(missing.len()).unwrap_or(u32::MAX));
    let says = format!("lacks {}", named("section", &missing));
    (!missing.is_empty()).then_some(Shortfall { says, nearness })
}

fn too_low(content: &Value, field: Option<&str>, at_least: f64) -> Option<Shortfall> {
    let member = field.and_then(|field| number(content.get(field)?));
    let whole = number(content);
    let Some(found) = member.or(whole) else {
        let says = field.map_or("is no number".to_owned(), |f| format!("has no number for {f}"));
        return Some(Shortfall { says, nearness: f64::NEG_INFINITY });
    };
    // Asked this way round, no number reaches a minimum that is not one.
    let reaches = found >= at_least;
    let found_text = number_text(found);
    let says = match (field, member) {
        (Some(field), Some(_)) => format!("has {field} {found_text}"),
        (Some(_), None) | (None, _) => format!("is {found_text}"),
    };
    (!reaches).then_some(Shortfall { says, nearness: found })
}

fn not_true(content: &Value, field: &str) -> Option<Shortfall> {
    let says = match (content, content.get(field)) {
        (Value::Bool(true), _) | (_, Some(Value::Bool(true))) => return None,
        (Value::Bool(false), _) => "is false".to_owned(),
        (_, Some(Value::Bool(false))) => format!("has {field} false"),
        (_, None | Some(Value::Null)) => format!("has no {field}"),
        (_, Some(_)) => format!("has {field}, but not as true or false"),
    };
    Some(Shortfall { says, nearness: 0.0 })
}

/// A finite number, or a text that is one and may end in a percent sign.
fn number(value: &Value) -> Option<f64> {
    let parsed = || {
        let text = value.as_str()?.trim();
        text.strip_suffix('%').unwrap_or(text).trim_end().parse().ok()
    };
    value.as_f64().or_else(parsed).filter(|number: &f64| number.is_finite())
}

/// `80` and `79.5`, and with a power of ten what would be a long row of digits.
fn number_text(number: f64) -> String {
    if number == 0.0 || (1e-4..1e15).contains(&number.abs()) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

fn named(noun: &str, names: &[impl ToString]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("the {noun}{plural} {}", list(names, "and"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Contents, and what each falls short by; nothing where it does not.
    #[track_caller]
    fn check(criterion: &Value, cases: &[(Value, &str)]) {
        let read: Criterion = serde_json::from_value(criterion.clone()).unwrap();
        for (content, expected) in cases {
            let short = read.shortfall(content).map(|short| short.says).unwrap_or_default();
            assert_eq!(short, *expected, "{content} held against {criterion}");
        }
    }

    #[test]
    fn a_minimum_reads_numbers_and_texts_that_are_numbers() {
        let none = "has no number for percentage";
        check(
            &json!({ "kind": "minimum", "field": "percentage", "at_least": 80 }),
            &[
                (json!(80), ""),
                (json!("85"), ""),
                (json!(" 85.5 % "), ""),
                (json!({ "percentage": 80.0 }), ""),
                (json!({ "percentage": "80%" }), ""),
                (json!(79.999), "is 79.999"),
                (json!({ "percentage": -1 }), "has percentage -1"),
                (json!({ "percentage": 1e-9 }), "has percentage 1e-9"),
                (json!({ "percentage": [90] }), none),
                (json!({ "percentage": "ninety" }), none),
                (json!({ "percentage": "inf" }), none),
                (json!({ "percentage": "NaN" }), none),
                (json!({ "percent": 90 }), none),
                (json!("80 %%"), none),
                (json!([90]), none),
                (Value::Null, none),
            ],
        );
        check(
            &json!({ "kind": "minimum", "at_least": 1.5 }),
            &[
                (json!(2), ""),
                (json!({ "at_least": 2 }), "is no number"),
                (json!(1e300), ""),
                (json!(-1e300), "is -1e300"),
                (json!(0), "is 0"),
            ],
        );
    }

    #[test]
    fn a_flag_is_the_value_true_and_nothing_like_it() {
        check(
            &json!({ "kind": "flag", "field": "all_passed" }),
            &[
                (json!(true), ""),
                (json!({ "all_passed": true }), ""),
                (json!(false), "is false"),
                (json!({ "all_passed": false }), "has all_passed false"),
                (json!({ "all_passed": "true" }), "has all_passed, but not as true or false"),
                (json!({ "all_passed": 1 }), "has all_passed, but not as true or false"),
                (json!({ "all_passed": null }), "has no all_passed"),
                (json!("all_passed"), "has no all_passed"),
                (Value::Null, "has no all_passed"),
            ],
        );
    }

    #[test]
    fn a_length_is_that_of_the_text_in_characters() {
        check(
            &json!({ "kind": "min_length", "chars": 3 }),
            &[
                (json!("äöü"), ""),
                (json!({ "text": "abc" }), ""),
                (json!({ "text": 1, "content": "abc" }), ""),
                (json!("äö"), "has 2 characters of text"),
                (json!(" a\n \n"), "has 1 character of text"),
                (json!({ "text": "" }), "has 0 characters of text"),
                (json!({ "summary": "abc" }), "has no text"),
                (json!(1234), "has no text"),
                (Value::Null, "has no text"),
            ],
        );
    }
}
