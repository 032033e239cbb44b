//! The interface as an OpenAPI document: what is asked for and ordered under each path, by whom, and in which form it is
//! answered.
//!
//! Written by hand beside the handlers; tests compare its paths with the routes, and every answer of a node that runs
//! with its schemas. `docs/openapi.json` is this document.

mod schemas;

use serde_json::{Map, Value, json};

use crate::access::Role;

/// An operation.
struct Operation {
    method: &'static str,
    path: &'static str,
    role: Role,
    summary: &'static str,
    /// What stands behind the `?`: name, meaning.
    query: &'static [(&'static str, &'static str)],
    /// The schema of the order.
    order: Option<&'static str>,
    /// The schema of the answer.
    answer: &'static str,
}

const fn get(path: &'static str, answer: &'static str, summary: &'static str) -> Operation {
    Operation { method: "get", path, role: Role::Read, summary, query: &[], order: None, answer }
}

impl Operation {
    const fn query(self, query: &'static [(&'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }
}

const fn post(
    role: Role,
    path: &'static str,
    order: &'static str,
    answer: &'static str,
    summary: &'static str,
) -> Operation {
    Operation { method: "post", path, role, summary, query: &[], order: Some(order), answer }
}

const COUNT: (&str, &str) = ("count", "how many rows, 1 to 1000");

/// All operations.
#[rustfmt::skip]
const OPERATIONS: &[Operation] = &[
    get("/api/v1/openapi.json", "OpenApi", "This document."),
    get("/api/v1/attention", "Attention", "What needs a person, the most urgent first, and what ends it."),
    get("/api/v1/studies", "Studies", "The newest studies, or those that are looked for.")
        .query(&[COUNT, ("before", "a study: those first received before it"), ("q", "words, each in patient name, patient id, accession number or UID"), ("date", "Study Date")]),
    get("/api/v1/studies/{study}", "Study", "A study with its objects, receipts and what became of it."),
    get("/api/v1/studies/{study}/why", "Why", "What each workflow makes of a study, clause by clause with the values seen."),
    get("/api/v1/studies/{study}/audit", "Audit", "The audit trail of a study, its runs and evidence, newest first.")
        .query(&[COUNT, ("before", "the number of an entry: those before it")]),
    post(Role::Operate, "/api/v1/studies/{study}/decide", "DecideOrder", "Decided", "Run a study with what is there, do not run it, or run it once more."),
    get("/api/v1/runs", "Runs", "The newest runs.").query(&[COUNT, ("before", "a run: those older than it")]),
    get("/api/v1/runs/{run}", "Run", "A run: what it uses, its times by stage, and what came of it."),
    post(Role::Operate, "/api/v1/runs/{run}/cancel", "ReasonOrder", "Cancelled", "End a run that is not over."),
    post(Role::Operate, "/api/v1/runs/{run}/rerun", "ReasonOrder", "Begun", "A new run with all that is there of the study now."),
    get("/api/v1/deliveries", "Deliveries", "The deliveries of the newest objects.")
        .query(&[COUNT, ("before", "an object: those made before it")]),
    post(Role::Operate, "/api/v1/deliveries/{object}/resend", "ResendOrder", "Resent", "Send an object once more: the same bytes, under the same UID."),
    get("/api/v1/quarantine", "Quarantine", "What was stopped and waits for a person, and why."),
    post(Role::Operate, "/api/v1/quarantine/retry", "RetryOrder", "Retried", "Try again what was stopped."),
    get("/api/v1/refusals", "Refusals", "Senders that were not let in."),
    post(Role::Admin, "/api/v1/refusals/accept", "AcceptOrder", "Applied", "Let a refused sender in."),
    get("/api/v1/destinations", "Destinations", "What waits for each destination, and what went wrong last."),
    get("/api/v1/disk", "Disk", "What is kept and what is free."),
    get("/api/v1/audit", "Audit", "The audit trail, newest first.").query(&[COUNT, ("before", "the number of an entry: those before it")]),
    get("/api/v1/applications", "Applications", "The applications that workflows may name."),
    get("/api/v1/documents", "Documents", "The documents in use, as they were written.")
        .query(&[("kind", "Workflow, Source, Destination or Door")]),
    get("/api/v1/documents/{kind}/{name}", "Document", "A document.").query(&[("version", "which; the newest without it")]),
    post(Role::Admin, "/api/v1/documents", "ApplyOrder", "Applied", "Take documents into use: all of them, or none."),
];

/// What the places of paths are.
const PLACES: &[(&str, &str)] = &[
    ("study", "Study Instance UID or accession number"),
    ("run", "as GET /api/v1/runs names it"),
    ("object", "SOP Instance UID of an object that Gantry made"),
    ("kind", "Workflow, Source, Destination or Door"),
    ("name", "its name"),
];

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.to_owned(), described(operation));
        }
    }
    paths.insert("/healthz".to_owned(), health());
    paths.insert("/metrics".to_owned(), metrics());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gantry",
            "version": "v1",
            "summary": "Puts imaging AI to work between scanner and PACS.",
            "description": "What a node tells and takes orders for. docs/http.md says who may do what.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:8420" }],
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "gantry-session",
                    "description": "Of a browser that signed in at /login. Orders must come from a page of this server.",
                },
            },
            "schemas": schemas::all(),
        },
    })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn json_content(schema: &str) -> Value {
    json!({ "application/json": { "schema": reference(schema) } })
}

fn described(operation: &Operation) -> Value {
    let mut parameters = Vec::new();
    for (place, meaning) in PLACES {
        if operation.path.contains(&format!("{{{place}}}")) {
            parameters.push(json!({
                "name": place, "in": "path", "required": true, "description": meaning, "schema": { "type": "string" },
            }));
        }
    }
    for (name, meaning) in operation.query {
        let is_number = ["count", "version"].contains(name);
        let kind = if is_number { "integer" } else { "string" };
        parameters.push(json!({
            "name": name, "in": "query", "required": false, "description": meaning, "schema": { "type": kind },
        }));
    }
    let mut described = json!({
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "description": format!("Needs the role {}.", operation.role.as_str()),
        "parameters": parameters,
        "responses": {
            "200": { "description": "As it is.", "content": json_content(operation.answer) },
            "default": { "description": "What went wrong.", "content": json_content("Problem") },
        },
    });
    if let (Some(order), Some(described)) = (operation.order, described.as_object_mut()) {
        described
            .insert("requestBody".to_owned(), json!({ "required": true, "content": json_content(order) }));
    }
    described
}

/// A name for clients that are made of the document: `getStudiesWhy`, `postRunsCancel`.
fn operation_id(operation: &Operation) -> String {
    let parts = operation.path.trim_start_matches("/api/v1/").split('/');
    let named = parts.map(|part| {
        // What is named by its place is one of them.
        let part = part.trim_end_matches(".json");
        let (part, by) = part.strip_prefix('{').map_or((part, ""), |part| (part.trim_end_matches('}'), "By"));
        let mut letters = part.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        by.chars().chain(first).chain(letters).collect::<String>()
    });
    operation.method.to_owned() + &named.collect::<String>()
}

fn health() -> Value {
    let answer = |words: &str| json!({ "description": words, "content": json_content("Health") });
    json!({ "get": {
        "operationId": "getHealth",
        "summary": "Whether the node does what it is there for; anybody may ask.",
        "security": [],
        "responses": { "200": answer("All is well."), "503": answer("Something is wrong.") },
    } })
}

fn metrics() -> Value {
    let text = json!({ "application/openmetrics-text": { "schema": { "type": "string" } } });
    json!({ "get": {
        "operationId": "getMetrics",
        "summary": "Numbers for whoever watches over the node; nothing of patients.",
        "description": "Needs the role read.",
        "responses": {
            "200": { "description": "OpenMetrics.", "content": text },
            "default": { "description": "What went wrong.", "content": json_content("Problem") },
        },
    } })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes;

    /// Each schema that is pointed to, anywhere.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                let named = map.get("$ref").and_then(Value::as_str);
                found.extend(named.and_then(|named| named.rsplit('/').next()).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(all) => all.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_route_is_documented_and_nothing_else() {
        let document = document();
        let mut documented = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            documented
                .extend(operations.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
        }
        let routes: BTreeSet<String> =
            routes::all().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        assert_eq!(documented, routes);
    }

    #[test]
    fn every_schema_is_there_and_used() {
        let document = document();
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        let there: BTreeSet<String> =
            document["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(used, there);
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let ids: BTreeSet<String> = OPERATIONS.iter().map(operation_id).collect();
        assert_eq!(ids.len(), OPERATIONS.len(), "{ids:?}");
        assert!(ids.contains("getStudiesByStudyWhy") && ids.contains("postDocuments"), "{ids:?}");
    }

    /// `UPDATE_EXPECT=1` writes it anew.
    #[test]
    fn the_published_document_is_this_one() {
        let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
        expect_test::expect_file!["../../../../docs/openapi.json"].assert_eq(&text);
    }
}
