//! The OpenAPI document as a promise: what it does not say, no route may answer.

use std::sync::LazyLock;

use reqwest::Method;
use serde_json::Value;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(phaseline_api::openapi()).expect("the document is JSON"));

/// Panics when the document knows the route but not this answer of it.
pub(super) fn check(method: &Method, path: &str, status: u16, kind: Option<&str>, body: &str) {
    let Some((template, operation)) = operation(method, path) else { return };
    let route = format!("{method} {template}");
    let answer = &operation["responses"][status.to_string()];
    assert!(!answer.is_null(), "{route} answered {status}, which the document lacks: {body}");
    let answer = resolved(answer);
    let Some(contents) = answer["content"].as_object() else {
        assert!(body.is_empty(), "{route} {status} has a body that the document lacks: {body}");
        return;
    };
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let content = contents.get(kind).unwrap_or_else(|| {
        panic!("{route} {status} is {kind:?}, which the document lacks: {body}")
    });
    if kind.ends_with("json") {
        let value = serde_json::from_str(body)
            .unwrap_or_else(|error| panic!("{route} {status} is no JSON ({error}): {body}"));
        if let Err(why) = conforms(&value, &content["schema"], "") {
            panic!("{route} {status} breaks its schema: {why}: {body}");
        }
    }
}

/// The operation with the template that fits best: names before parameters.
fn operation(method: &Method, path: &str) -> Option<(&'static str, &'static Value)> {
    let path = path.split('?').next().unwrap_or_default();
    let paths = DOCUMENT["paths"].as_object().expect("the document has paths");
    paths
        .iter()
        .filter(|(template, _)| fits(template, path))
        .min_by_key(|(template, _)| template.matches('{').count())
        .map(|(template, operations)| {
            (template.as_str(), &operations[method.as_str().to_lowercase()])
        })
        .filter(|(_, operation)| !operation.is_null())
}

fn fits(template: &str, path: &str) -> bool {
    let (mut names, mut parts) = (template.split('/'), path.split('/'));
    loop {
        match (names.next(), parts.next()) {
            (None, None) => return true,
            (Some(name), Some(part)) if name == part || name.starts_with('{') => {}
            _ => return false,
        }
    }
}

/// As much of JSON Schema as the document uses for what is answered.
fn conforms(value: &Value, schema: &Value, at: &str) -> Result<(), String> {
    let schema = resolved(schema);
    for part in list(&schema["allOf"]) {
        conforms(value, part, at)?;
    }
    for choice in ["oneOf", "anyOf"] {
        let choices = list(&schema[choice]);
        if !choices.is_empty() && choices.iter().all(|one| conforms(value, one, at).is_err()) {
            return Err(format!("{at} is {value}, which is none of {choice}"));
        }
    }
    is_of_type(value, &schema["type"], at)?;
    let names = list(&schema["enum"]);
    if !names.is_empty() && !names.contains(value) {
        return Err(format!("{at} is {value}, which is not among {names:?}"));
    }
    for (index, item) in list(value).iter().enumerate() {
        if schema["items"].is_object() {
            conforms(item, &schema["items"], &format!("{at}/{index}"))?;
        }
    }
    members(value, schema, at)
}

fn members(value: &Value, schema: &Value, at: &str) -> Result<(), String> {
    let Some(members) = value.as_object() else { return Ok(()) };
    for name in list(&schema["required"]).iter().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Err(format!("{at}/{name} is missing"));
        }
    }
    for (name, member) in members {
        let at = format!("{at}/{name}");
        if schema["properties"][name].is_object() {
            conforms(member, &schema["properties"][name], &at)?;
        } else if schema["additionalProperties"].is_object() {
            conforms(member, &schema["additionalProperties"], &at)?;
        } else if schema["additionalProperties"] == false {
            return Err(format!("{at} is not in the schema"));
        }
    }
    Ok(())
}

fn is_of_type(value: &Value, kind: &Value, at: &str) -> Result<(), String> {
    let kinds = if kind.is_string() { std::slice::from_ref(kind) } else { list(kind) };
    let fits = kinds.is_empty()
        || kinds.iter().filter_map(Value::as_str).any(|kind| match kind {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("the document has a type {other}"),
        });
    if fits { Ok(()) } else { Err(format!("{at} is {value}, not {kind}")) }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn resolved(schema: &Value) -> &Value {
    match schema["$ref"].as_str().and_then(|target| target.strip_prefix('#')) {
        Some(pointer) => resolved(DOCUMENT.pointer(pointer).expect("what is referred to is there")),
        None => schema,
    }
}
