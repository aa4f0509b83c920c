//! The sections that a text or a document has, by name.

use serde_json::{Map, Value};

/// The names of the sections of a content, each as [`canonical`] has it: the headings of its text,
/// and of an object the members that hold anything and what its array `sections` lists.
pub(super) fn names(content: &Value) -> Vec<String> {
    let mut names: Vec<String> = super::criterion::text(content).map(headings).unwrap_or_default();
    if let Value::Object(members) = content {
        let filled = members.iter().filter(|(_, value)| !is_blank(value));
        names.extend(filled.map(|(name, _)| canonical(name)));
        names.extend(listed(members).map(canonical));
    }
    names
}

/// A name as names are compared: without number, colon, emphasis and capitals, so that `scope`,
/// `1. Scope` and `**Scope:**` are one.
pub(super) fn canonical(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '*' | '`' | '\\'))
        .map(|c| if c == '_' { ' ' } else { c })
        .collect();
    let plain = plain.trim().trim_end_matches(':').trim_end();
    let unnumbered = match plain.split_once(char::is_whitespace) {
        Some((first, rest)) if is_number(first) => rest,
        Some(_) | None => plain,
    };
    let words: Vec<String> = unnumbered.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

/// `1.`, `2)`, `1.2` or `(3)`, but not `404`, which may well be part of the name.
fn is_number(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit())
        && word.contains(['.', ')'])
        && word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '(' | ')'))
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// The entries of the array `sections`: names, or objects with a `title`.
fn listed(members: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let sections = members.get("sections").and_then(Value::as_array);
    let entries = sections.into_iter().flatten();
    entries.filter_map(|entry| entry.as_str().or_else(|| entry.get("title")?.as_str()))
}

/// The headings of a Markdown text, `# Scope` and underlined ones, outside fenced code.
///
/// The rules are those of CommonMark 0.31 (4.2, 4.3 and 4.5), except that of several lines that
/// are underlined together only the last one is taken.
fn headings(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    let mut paragraph: Option<&str> = None;
    for line in text.lines() {
        let before = paragraph.take();
        let indented = line.starts_with("    ") || line.starts_with('\t');
        let line = line.trim();
        if let Some(open) = fence {
            let closes = line.starts_with(open) && line.chars().all(|c| open.starts_with(c));
            fence = fence.filter(|_| !closes);
        } else if let Some(open) = fence_of(line).filter(|_| !indented) {
            fence = Some(open);
        } else if let Some(heading) = atx(line).filter(|_| !indented) {
            found.push(canonical(heading));
        } else if let Some(heading) = before.filter(|_| is_underline(line)) {
            found.push(canonical(heading));
        } else {
            paragraph = Some(line).filter(|line| !line.is_empty() && !indented);
        }
    }
    found
}

/// The run of three or more marks that begins a block of code.
fn fence_of(line: &str) -> Option<&str> {
    let rest = ['`', '~'].map(|mark| line.trim_start_matches(mark));
    let run = rest.map(|rest| &line[..line.len() - rest.len()]);
    run.into_iter().find(|run| run.len() >= 3)
}

/// The text after one to six `#` and a space, without the `#` that may close it.
fn atx(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let is_heading = (1..=6).contains(&level) && text.starts_with([' ', '\t']);
    let open = text.trim_end_matches('#');
    let closed = if open.ends_with([' ', '\t']) { open } else { text };
    is_heading.then(|| closed.trim())
}

fn is_underline(line: &str) -> bool {
    !line.is_empty() && ['=', '-'].iter().any(|mark| line.trim_matches(*mark).is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(content: &Value, expected: &[&str]) {
        assert_eq!(names(content), expected, "{content}");
    }

    #[test]
    fn headings_of_any_level_and_either_kind_are_sections() {
        check(&json!("# Scope\ntext\n###### Open  Questions ##"), &["scope", "open questions"]);
        check(&json!("Scope\n=====\nRisks\r\n---\r\n"), &["scope", "risks"]);
        check(&json!("   ## C#\n##\tF#"), &["c#", "f#"]);
        check(&json!("# Scope #risks"), &["scope #risks"]);
    }

    #[test]
    fn what_only_looks_like_a_heading_is_none() {
        check(&json!("#Scope\n####### Scope\nScope\n\n---\n    # Scope\nScope:"), &[]);
        check(&json!("```sh\n# Scope\n```\n# Risks"), &["risks"]);
        check(&json!("~~~~\n# Scope\n~~~\n```\n# Scope\n~~~~~\n# Risks"), &["risks"]);
        check(&json!("    ```\n# Scope"), &["scope"]);
        check(&json!("# Scope\n---\n"), &["scope"]);
    }

    #[test]
    fn a_document_has_its_members_its_list_and_the_headings_of_its_text() {
        let content = json!({
            "text": "# Scope",
            "open_questions": [1],
            "risks": " ",
            "sections": ["Users", { "title": "2) Costs" }, 7, { "name": "x" }],
        });
        check(&content, &["scope", "open questions", "sections", "text", "users", "costs"]);
        check(&json!({ "a": null, "b": [], "c": {}, "d": false, "e": 0 }), &["d", "e"]);
        check(&json!(["# Scope"]), &[]);
    }

    #[test]
    fn names_are_compared_without_number_colon_emphasis_and_capitals() {
        for name in ["scope", " Scope ", "1. Scope", "1.2 SCOPE", "(3) scope:", "**Scope:**"] {
            assert_eq!(canonical(name), "scope", "{name}");
        }
        for name in ["404 pages", "2. ", "v1.2 scope", "..."] {
            assert_eq!(canonical(name), name.trim(), "{name}");
        }
    }
}
