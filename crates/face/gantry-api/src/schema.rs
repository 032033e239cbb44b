//! JSON Schema of the documents that people write: for editors, which complete keys and mark what is wrong, and for
//! whoever writes documents by program.
//!
//! It is made of the tables of keys and forms in `gantry-definition`. It refuses nothing that is taken; what it lets
//! through may still be refused: an expression that names what is not there, a task's input that the workflow has not,
//! a time beyond its limits.

use gantry_definition::document::{
    Kind,
    forms::{self, Form},
    keys::KEYS,
};
use serde_json::{Map, Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The kinds of documents.
pub const KINDS: [Kind; 4] = [Kind::Workflow, Kind::Source, Kind::Destination, Kind::Door];

/// The schema of one kind.
#[must_use]
pub fn of(kind: Kind) -> Value {
    let mut schema = mapping(&kind.to_string());
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), json!(DIALECT));
        schema.insert("title".to_owned(), json!(format!("{kind} (gantry/v1)")));
    }
    schema
}

/// The schema of a document of any kind, for files that hold several.
#[must_use]
pub fn of_any() -> Value {
    let kinds: Vec<String> = KINDS.iter().map(ToString::to_string).collect();
    let of_kind = |kind: &String| {
        json!({
            "if": { "properties": { "kind": { "const": kind } } },
            "then": { "$ref": format!("#/$defs/{kind}") },
        })
    };
    let all: Vec<Value> = kinds.iter().map(of_kind).collect();
    let definitions: Map<String, Value> = kinds.iter().map(|kind| (kind.clone(), mapping(kind))).collect();
    json!({
        "$schema": DIALECT,
        "title": "A document (gantry/v1)",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": { "kind": { "enum": kinds } },
        "allOf": all,
        "$defs": definitions,
    })
}

/// A mapping with its keys.
fn mapping(name: &str) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for row in KEYS.iter().filter(|row| row.mapping == name) {
        let mut schema = forms::of(name, row.key).map_or_else(|| json!({}), value);
        let is_required = row.default == "required";
        if is_required {
            required.push(row.key);
        }
        let without = if is_required { String::new() } else { format!(" Without it: {}.", row.default) };
        if let Some(schema) = schema.as_object_mut() {
            let limits = schema.remove(LIMITS).and_then(|limits| limits.as_str().map(str::to_owned));
            let limits = limits.map(|limits| format!(" {limits}.")).unwrap_or_default();
            schema.insert("description".to_owned(), json!(format!("{}.{limits}{without}", row.meaning)));
        }
        properties.insert(row.key.to_owned(), schema);
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

/// Where [`value`] says what a schema cannot, for the description.
const LIMITS: &str = "limits";

/// A scalar that is a text to us, whatever YAML makes of it: `1` is a name, `yes` a word.
fn text(pattern: &str) -> Value {
    json!({ "type": ["string", "integer"], "pattern": pattern })
}

const NAME: &str = "^[a-z0-9-]{1,64}$";

/// What stands behind a key.
fn value(form: Form) -> Value {
    match form {
        Form::Text => json!({ "type": ["string", "number", "boolean"], "minLength": 1, "maxLength": 64 }),
        Form::Name => text(NAME),
        Form::Words(words) => json!({ "enum": words }),
        Form::Number(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Form::Time(from, to) => json!({
            "type": "string",
            "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
            "minLength": 2,
            LIMITS: format!("From {from} to {to}"),
        }),
        Form::Expression => json!({ "type": ["string", "number", "boolean"] }),
        Form::AeTitle => text("^ *[ -\\[\\]-~]{1,16} *$"),
        Form::Network => text("^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"),
        Form::HostPort => text("^([A-Za-z0-9._-]+|\\[[0-9A-Fa-f.:]+\\]):[0-9]+$"),
        Form::Zone => text("^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*)*$"),
        Form::Mapping(name) => mapping(name),
        Form::Named(name) => json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": NAME },
            "additionalProperties": mapping(name),
        }),
        Form::Names => json!({ "type": "object", "additionalProperties": text(NAME) }),
        Form::Texts => {
            json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
        }
        Form::List(of) => {
            json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": value(*of) })
        }
        Form::Mappings(name) => json!({ "type": "array", "minItems": 1, "items": mapping(name) }),
        Form::Either(one, other) => json!({ "anyOf": [value(*one), value(*other)] }),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    fn pretty(schema: &Value) -> String {
        serde_json::to_string_pretty(schema).unwrap() + "\n"
    }

    /// `UPDATE_EXPECT=1` writes them anew.
    #[test]
    fn the_published_schemas_are_these() {
        expect_file!["../../../../docs/schema/document.json"].assert_eq(&pretty(&of_any()));
        expect_file!["../../../../docs/schema/workflow.json"].assert_eq(&pretty(&of(Kind::Workflow)));
        expect_file!["../../../../docs/schema/source.json"].assert_eq(&pretty(&of(Kind::Source)));
        expect_file!["../../../../docs/schema/destination.json"].assert_eq(&pretty(&of(Kind::Destination)));
        expect_file!["../../../../docs/schema/door.json"].assert_eq(&pretty(&of(Kind::Door)));
    }

    #[test]
    fn every_key_says_what_it_means_and_what_holds_without_it() {
        let workflow = of(Kind::Workflow);
        let quiet = &workflow["properties"]["ready"]["properties"]["quiet"];
        assert_eq!(quiet["description"], "no selected object for that long. From 1s to 1d. Without it: 1m.");
        assert_eq!(
            workflow["required"],
            json!(["apiVersion", "kind", "metadata", "match", "inputs", "tasks"])
        );
    }
}
