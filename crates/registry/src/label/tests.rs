//! Which texts are labels, and which lists of texts are lists of labels.

use proptest::prelude::*;

use crate::{Capabilities, Capability, Tag, Tags};

/// Reads one capability and shows what came of it.
#[track_caller]
fn check(text: &str, expected: &str) {
    let seen = match Capability::parse(text) {
        Ok(capability) => capability.to_string(),
        Err(invalid) => format!("error: {invalid}"),
    };
    assert_eq!(seen, expected);
}

/// Reads a comma-separated list of capabilities and shows what came of it.
#[track_caller]
fn check_list(texts: &str, expected: &str) {
    let seen = match Capabilities::parse(texts.split(',')) {
        Ok(capabilities) => capabilities.to_string(),
        Err(invalid) => format!("error at {:?}: {invalid}", invalid.index()),
    };
    assert_eq!(seen, expected);
}

#[test]
fn a_capability_is_trimmed_and_lower_cased() {
    check("rust", "rust");
    check("  Rust\t\n", "rust");
    check("Code Review", "code review");
    check("ÜBERSETZEN", "übersetzen");
    check("ΟΔΟΣ", "οδος");
    check("日本語", "日本語");
}

#[test]
fn an_empty_capability_is_refused() {
    check("", "error: a capability must not be empty");
    check(" \u{3000}\t", "error: a capability must not be empty");
}

#[test]
fn length_is_counted_in_characters_of_the_normal_form() {
    check(&"ü".repeat(100), &"ü".repeat(100));
    check(&format!("  {}  ", "x".repeat(100)), &"x".repeat(100));
    check(&"ü".repeat(101), "error: a capability has at most 100 characters and this one has 101");
    // One character that becomes two in lower case.
    check(&"İ".repeat(51), "error: a capability has at most 100 characters and this one has 102");
}

#[test]
fn control_characters_inside_are_refused() {
    check("ru\nst", "error: a capability has no control characters and this one has '\\n'");
    check("\u{7}rust", "error: a capability has no control characters and this one has '\\u{7}'");
    check(
        "rust\u{85}sql",
        "error: a capability has no control characters and this one has '\\u{85}'",
    );
}

#[test]
fn a_list_keeps_its_order_and_drops_duplicates() {
    check_list("sql, Rust,SQL ,amy,rust", "sql, rust, amy");
}

#[test]
fn a_fault_in_a_list_says_where_it_is() {
    check_list(
        "rust,,sql",
        "error at Some(1): number 1 of the capabilities: a capability must not be empty",
    );
}

#[test]
fn an_agent_has_1_to_64_capabilities_duplicates_not_counted() {
    let names: Vec<String> = (0..64).map(|number| format!("c{number}")).collect();
    let full = names.join(",");
    check_list(&full, &names.join(", "));
    check_list(&format!("{full},C0"), &names.join(", "));
    check_list(&format!("{full},c64"), "error at Some(64): at most 64 capabilities are allowed");
    let nothing = Capabilities::parse(Vec::<&str>::new()).map_err(|invalid| invalid.to_string());
    assert_eq!(nothing, Err("at least 1 of the capabilities must be given".to_owned()));
}

#[test]
fn an_agent_has_0_to_64_tags() {
    assert_eq!(Tags::parse(Vec::<&str>::new()), Ok(Tags::default()));
    let names: Vec<String> = (0..65).map(|number| format!("t{number}")).collect();
    assert!(Tags::parse(&names[..64]).is_ok());
    let refusal = Tags::parse(&names).map_err(|invalid| invalid.to_string());
    assert_eq!(refusal, Err("at most 64 tags are allowed".to_owned()));
    assert_eq!(
        Tag::parse(" ").map_err(|invalid| invalid.to_string()),
        Err("a tag must not be empty".to_owned())
    );
}

#[test]
fn json_is_read_through_the_same_door() {
    let capabilities: Capabilities = serde_json::from_str(r#"["SQL", " rust "]"#).unwrap();
    assert_eq!(serde_json::to_string(&capabilities).unwrap(), r#"["sql","rust"]"#);
    let refusal = serde_json::from_str::<Capabilities>(r#"["SQL", ""]"#).unwrap_err();
    assert!(refusal.to_string().contains("must not be empty"));
    assert!(serde_json::from_str::<Capability>(r#""a\u0000b""#).is_err());
    assert!(serde_json::from_str::<Capabilities>("[]").is_err());
}

proptest! {
    #[test]
    fn the_normal_form_is_read_back_as_itself(text in any::<String>()) {
        if let Ok(capability) = Capability::parse(&text) {
            prop_assert_eq!(Capability::parse(capability.as_str()), Ok(capability.clone()));
            prop_assert!((1..=100).contains(&capability.as_str().chars().count()));
        }
    }
}
