//! JSON Schema, as far as Gantry's own schemas use it. A keyword that is not known here is a problem of its own: nothing
//! is taken for checked that is not.

use regex_lite::Regex;
use serde_json::{Map, Value};

/// What is wrong with a value, each with its place; nothing if it has the form. `root` is where `$ref` points into.
#[must_use]
pub fn problems(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(root, schema, value, "", &mut found);
    found
}

/// Words about a schema that say nothing of values.
const SILENT: &[&str] = &[
    "$schema",
    "$id",
    "$defs",
    "title",
    "description",
    "default",
    "format",
    "examples",
    "properties",
    "then",
];

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let map = match schema {
        Value::Bool(true) => return,
        Value::Object(map) => map,
        Value::Bool(false) => return found.push(format!("{at}: nothing may stand here")),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return found.push(format!("{at}: {schema} is no schema"));
        }
    };
    for (keyword, wanted) in map.iter().filter(|(keyword, _)| !SILENT.contains(&keyword.as_str())) {
        match is_met(root, keyword, wanted, value) {
            Some(true) => {}
            Some(false) => found.push(format!("{at}: {value} is not {keyword} {wanted}")),
            None => deeper(root, map, keyword, value, at, found),
        }
    }
    if let (Some(Value::Object(properties)), Some(values)) = (map.get("properties"), value.as_object()) {
        for (name, schema) in properties {
            if let Some(value) = values.get(name) {
                check(root, schema, value, &format!("{at}.{name}"), found);
            }
        }
    }
}

/// Whether a keyword about the value alone is met; nothing if it is about what is in it, or not known.
fn is_met(root: &Value, keyword: &str, wanted: &Value, value: &Value) -> Option<bool> {
    let length = |text: &str| Some(text.chars().count() as u64);
    Some(match keyword {
        "type" => types(wanted).any(|kind| is(value, kind)),
        "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
        "const" => wanted == value,
        "minimum" => value.as_f64().is_none_or(|value| wanted.as_f64().is_some_and(|least| least <= value)),
        "maximum" => value.as_f64().is_none_or(|value| wanted.as_f64().is_some_and(|most| value <= most)),
        "minLength" => value.as_str().is_none_or(|text| wanted.as_u64() <= length(text)),
        "maxLength" => value.as_str().is_none_or(|text| length(text) <= wanted.as_u64()),
        "minItems" => value.as_array().is_none_or(|all| wanted.as_u64() <= Some(all.len() as u64)),
        "minProperties" => value.as_object().is_none_or(|map| wanted.as_u64() <= Some(map.len() as u64)),
        "pattern" => {
            let pattern = wanted.as_str().and_then(|pattern| Regex::new(pattern).ok());
            pattern.is_some_and(|pattern| value.as_str().is_none_or(|text| pattern.is_match(text)))
        }
        "uniqueItems" => {
            let all = value.as_array().map_or(&[][..], Vec::as_slice);
            all.iter().enumerate().all(|(at, item)| !all.iter().take(at).any(|before| before == item))
        }
        "propertyNames" => {
            let mut names = value.as_object().into_iter().flat_map(|map| map.keys());
            names.all(|name| problems(root, wanted, &Value::from(name.as_str())).is_empty())
        }
        "anyOf" => wanted.as_array().into_iter().flatten().any(|one| problems(root, one, value).is_empty()),
        _ => return None,
    })
}

/// Keywords about what is in a value, and those that lead to other schemas.
fn deeper(
    root: &Value,
    schema: &Map<String, Value>,
    keyword: &str,
    value: &Value,
    at: &str,
    found: &mut Vec<String>,
) {
    let wanted = schema.get(keyword).unwrap_or(&Value::Null);
    match keyword {
        "$ref" => match wanted.as_str().and_then(|to| root.pointer(to.trim_start_matches('#'))) {
            Some(place) => check(root, place, value, at, found),
            None => found.push(format!("{at}: {wanted} leads nowhere")),
        },
        "required" => {
            let names = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing = names.filter(|name| value.is_object() && value.get(name).is_none());
            found.extend(missing.map(|name| format!("{at}: `{name}` is missing")));
        }
        "items" => {
            for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                check(root, wanted, item, &format!("{at}[{number}]"), found);
            }
        }
        "additionalProperties" => additional(root, schema.get("properties"), wanted, value, at, found),
        "allOf" => {
            wanted.as_array().into_iter().flatten().for_each(|one| check(root, one, value, at, found));
        }
        // Where it holds, `then` does.
        "if" => {
            if let Some(then) = schema.get("then").filter(|_| problems(root, wanted, value).is_empty()) {
                check(root, then, value, at, found);
            }
        }
        _ => found.push(format!("{at}: the keyword `{keyword}` is not known here")),
    }
}

/// Properties that are not named.
fn additional(
    root: &Value,
    named: Option<&Value>,
    schema: &Value,
    value: &Value,
    at: &str,
    found: &mut Vec<String>,
) {
    let is_named = |name: &str| named.is_some_and(|named| named.get(name).is_some());
    for (name, value) in value.as_object().into_iter().flatten().filter(|(name, _)| !is_named(name)) {
        check(root, schema, value, &format!("{at}.{name}"), found);
    }
}

fn types(wanted: &Value) -> impl Iterator<Item = &str> {
    let several = wanted.as_array().into_iter().flatten();
    several.chain(wanted.is_string().then_some(wanted)).filter_map(Value::as_str)
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        let schema = json!({
            "$defs": { "name": { "type": "string", "minLength": 2 } },
            "type": "object",
            "required": ["a"],
            "additionalProperties": false,
            "properties": {
                "a": { "type": "array", "items": { "$ref": "#/$defs/name" } },
                "b": { "enum": ["x", "y"] },
                "c": { "anyOf": [{ "type": "null" }, { "type": "integer", "minimum": 3 }] },
            },
        });
        for (value, want) in [
            (json!({ "a": ["xy"], "b": "y", "c": 3 }), ""),
            (json!({ "a": [], "c": null }), ""),
            (json!({}), ": `a` is missing"),
            (json!([]), ": [] is not type \"object\""),
            (json!({ "a": ["xy", "x"] }), ".a[1]: \"x\" is not minLength 2"),
            (json!({ "a": [], "d": 1 }), ".d: nothing may stand here"),
            (json!({ "a": [], "b": "z" }), ".b: \"z\" is not enum [\"x\",\"y\"]"),
            (json!({ "a": [], "c": 2 }), ".c: 2 is not anyOf"),
        ] {
            let found = problems(&schema, &schema, &value);
            assert_eq!(found.is_empty(), want.is_empty(), "{value}: {found:?}");
            assert!(want.is_empty() || found[0].starts_with(want), "{value}: {found:?}");
        }
        assert!(problems(&json!({}), &json!({ "oneOf": [] }), &json!(1))[0].contains("`oneOf`"));
    }
}
