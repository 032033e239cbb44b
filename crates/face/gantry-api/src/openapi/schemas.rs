//! The forms of orders and answers, as JSON Schema.

use gantry_conductor::Decision;
use gantry_ports::store::Standing;
use serde_json::{Map, Value, json};

/// A property: its name, whether it must be there, its schema.
type Property = (&'static str, Must, Value);

/// Whether a property must be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Must {
    Be,
    MayBe,
}

fn object(properties: Vec<(&'static str, Value)>) -> Value {
    with(properties.into_iter().map(|(name, schema)| (name, Must::Be, schema)).collect())
}

/// An object that has these properties and no others.
fn with(properties: Vec<Property>) -> Value {
    let required: Vec<&str> =
        properties.iter().filter(|(_, must, _)| *must == Must::Be).map(|(name, ..)| *name).collect();
    let properties: Map<String, Value> =
        properties.into_iter().map(|(name, _, schema)| (name.to_owned(), schema)).collect();
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn or_null(kind: &str) -> Value {
    json!({ "type": [kind, "null"] })
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// An instant: UTC, to the millisecond.
fn instant() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn instant_or_null() -> Value {
    json!({ "type": ["string", "null"], "format": "date-time" })
}

fn list(of: Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn lines() -> Value {
    list(text())
}

/// An object with names that are not known ahead.
fn map(of: Value) -> Value {
    json!({ "type": "object", "additionalProperties": of })
}

fn one_of(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

fn reference(schema: &str) -> Value {
    super::reference(schema)
}

/// A reason, as every order has one.
fn reason() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": crate::orders::REASON_MAX })
}

/// All of them, by name.
pub(super) fn all() -> Map<String, Value> {
    let groups =
        [general(), studies(), why(), runs(), deliveries(), node(), documents(), orders(), ordered()];
    let named = groups.into_iter().flatten();
    named.map(|(name, schema)| (name.to_owned(), schema)).collect()
}

type Named = Vec<(&'static str, Value)>;

fn general() -> Named {
    let problem = with(vec![
        ("code", Must::Be, text()),
        ("sentence", Must::Be, text()),
        ("hint", Must::Be, or_null("string")),
        ("problems", Must::MayBe, lines()),
    ]);
    let health = with(vec![
        ("status", Must::Be, one_of(&["ok", "failing"])),
        ("version", Must::Be, text()),
        ("wrong", Must::MayBe, lines()),
    ]);
    let open_api = json!({ "type": "object", "required": ["openapi", "paths", "components"] });
    vec![("Problem", problem), ("Health", health), ("OpenApi", open_api)]
}

/// What can become of a study for a workflow.
const OUTCOMES: &[&str] =
    &["not matched", "waiting", "held", "expired", "cancelled", "running", "ran", "declined", "failed"];

fn studies() -> Named {
    let listed = object(vec![
        ("uid", text()),
        ("accession", text()),
        ("patientId", text()),
        ("patientName", text()),
        ("date", text()),
        ("description", text()),
        ("received", instant()),
        ("objects", number()),
    ]);
    let receipt = object(vec![
        ("received", instant()),
        ("association", text()),
        ("calling", or_null("string")),
        ("called", or_null("string")),
        ("address", or_null("string")),
        ("reception", one_of(&["kept", "same"])),
        ("deviations", text()),
    ]);
    let of_study = object(vec![
        ("sopInstance", text()),
        ("sopClass", text()),
        ("series", text()),
        ("transferSyntax", text()),
        ("revision", number()),
        ("standing", one_of(&Standing::ALL.iter().map(|standing| standing.as_str()).collect::<Vec<_>>())),
        ("bytes", number()),
        ("digest", text()),
        ("receipts", list(receipt)),
    ]);
    let series =
        object(vec![("uid", text()), ("modality", text()), ("number", text()), ("description", text())]);
    let told = object(vec![
        ("workflow", text()),
        ("outcome", one_of(OUTCOMES)),
        ("sentence", text()),
        ("done", lines()),
    ]);
    let late = object(vec![
        ("sopInstance", or_null("string")),
        ("workflow", text()),
        ("payload", number()),
        ("noticed", instant()),
    ]);
    let study = object(vec![
        ("uid", text()),
        ("accession", text()),
        ("received", instant()),
        ("series", list(series)),
        ("objects", list(of_study)),
        ("workflows", list(told)),
        ("late", list(late)),
    ]);
    vec![("Studies", object(vec![("studies", list(listed))])), ("Study", study)]
}

fn why() -> Named {
    let truth = || one_of(&["true", "false", "unknown"]);
    let clause = object(vec![("text", text()), ("truth", truth()), ("seen", map(text()))]);
    let judgement = object(vec![("truth", truth()), ("clauses", list(clause))]);
    let of_workflow = object(vec![
        ("name", text()),
        ("version", number()),
        ("outcome", one_of(OUTCOMES)),
        ("sentence", text()),
        ("match", reference("Judgement")),
        ("inputs", map(map(reference("Judgement")))),
        ("done", lines()),
    ]);
    let why = object(vec![("study", text()), ("workflows", list(of_workflow))]);
    vec![("Judgement", judgement), ("Why", why)]
}

fn runs() -> Named {
    let common = || {
        vec![
            ("run", text()),
            ("study", text()),
            ("workflow", text()),
            ("version", number()),
            ("payload", number()),
            ("began", instant()),
            ("lane", one_of(&["urgent", "routine", "background"])),
            ("state", or_null("string")),
        ]
    };
    let seconds = || map(json!({ "type": "number", "minimum": 0 }));
    let file = object(vec![("name", text()), ("bytes", number()), ("digest", text())]);
    let result = object(vec![
        ("task", text()),
        ("fence", number()),
        ("node", text()),
        ("began", instant()),
        ("ended", instant()),
        ("stages", seconds()),
        ("engine", map(text())),
        ("files", list(file)),
    ]);
    let package = object(vec![("task", text()), ("app", text()), ("digest", text())]);
    let mut run = common();
    run.extend([
        ("digest", text()),
        ("packages", list(package)),
        ("results", list(result)),
        ("times", seconds()),
        ("done", lines()),
    ]);
    vec![("Runs", object(vec![("runs", list(object(common())))])), ("Run", object(run))]
}

/// How far a delivery can be.
const DELIVERIES: &[&str] =
    &["queued", "sending", "retrying", "sent", "confirming", "confirmed", "quarantined"];

fn deliveries() -> Named {
    let delivery = object(vec![
        ("sopInstance", text()),
        ("kind", text()),
        ("study", text()),
        ("run", text()),
        ("destination", text()),
        ("state", one_of(DELIVERIES)),
        ("detail", text()),
        ("failures", number()),
        ("supersededBy", or_null("string")),
        ("made", instant()),
    ]);
    let stopped = object(vec![
        ("what", text()),
        ("kind", one_of(&["study", "run", "delivery", "evidence"])),
        ("study", text()),
        ("since", instant_or_null()),
        ("why", text()),
    ]);
    let destination = object(vec![
        ("name", text()),
        ("aeTitle", or_null("string")),
        ("address", or_null("string")),
        ("class", or_null("string")),
        ("takes", json!({ "type": ["array", "null"], "items": text() })),
        ("deliveries", map(number())),
        ("waitingSince", instant_or_null()),
        ("lastError", or_null("string")),
        ("lastSent", instant_or_null()),
    ]);
    vec![
        ("Deliveries", object(vec![("deliveries", list(delivery))])),
        ("Quarantine", object(vec![("quarantine", list(stopped))])),
        ("Destinations", object(vec![("destinations", list(destination))])),
    ]
}

fn node() -> Named {
    const KINDS: &[&str] = &["study", "run", "delivery", "evidence", "destination", "sender", "disk", "node"];
    let need = object(vec![
        ("urgency", one_of(&["now", "stopped", "watch"])),
        ("kind", one_of(KINDS)),
        ("what", text()),
        ("study", or_null("string")),
        ("since", instant_or_null()),
        ("sentence", text()),
        ("do", text()),
    ]);
    let disk = object(vec![
        ("level", one_of(&["good", "low", "full"])),
        ("freeBytes", number()),
        ("reserveBytes", number()),
        ("segments", number()),
        ("segmentBytes", number()),
    ]);
    let entry = object(vec![
        ("number", text()),
        ("at", instant()),
        ("actor", text()),
        ("action", text()),
        ("subject", text()),
        ("detail", text()),
    ]);
    let refusal = object(vec![
        ("called", text()),
        ("calling", text()),
        ("address", text()),
        ("reason", text()),
        ("last", instant()),
    ]);
    vec![
        ("Attention", object(vec![("attention", list(need))])),
        ("Disk", disk),
        ("Audit", object(vec![("audit", list(entry))])),
        ("Refusals", object(vec![("refused", list(refusal))])),
    ]
}

fn documents() -> Named {
    let document = object(vec![
        ("kind", one_of(&["Workflow", "Source", "Destination", "Door"])),
        ("name", text()),
        ("version", number()),
        ("digest", text()),
        ("applied", instant()),
        ("text", text()),
    ]);
    let application = with(vec![
        ("name", Must::Be, text()),
        ("version", Must::MayBe, text()),
        ("title", Must::MayBe, text()),
        ("class", Must::MayBe, text()),
        ("digest", Must::MayBe, text()),
        ("slot", Must::MayBe, number()),
        ("missing", Must::MayBe, boolean()),
    ]);
    let applied = object(vec![
        ("kind", text()),
        ("name", text()),
        ("version", number()),
        ("digest", text()),
        ("isNew", boolean()),
    ]);
    vec![
        ("Document", document),
        ("Documents", object(vec![("documents", list(reference("Document")))])),
        ("Applications", object(vec![("applications", list(application))])),
        ("Applied", object(vec![("documents", list(applied))])),
    ]
}

fn orders() -> Named {
    let decide = object(vec![
        ("workflow", text()),
        ("decision", one_of(&Decision::ALL.iter().map(|decision| decision.as_str()).collect::<Vec<_>>())),
        ("reason", reason()),
    ]);
    let resend = with(vec![("destination", Must::MayBe, or_null("string")), ("reason", Must::Be, reason())]);
    let accept = with(vec![
        ("calling", Must::Be, text()),
        ("address", Must::MayBe, or_null("string")),
        ("reason", Must::Be, reason()),
    ]);
    vec![
        ("DecideOrder", decide),
        ("ReasonOrder", object(vec![("reason", reason())])),
        ("ResendOrder", resend),
        ("RetryOrder", object(vec![("what", text()), ("reason", reason())])),
        ("AcceptOrder", accept),
        ("ApplyOrder", object(vec![("text", text()), ("reason", reason())])),
    ]
}

fn ordered() -> Named {
    let decided = object(vec![
        ("study", text()),
        ("workflow", text()),
        ("decided", one_of(&Decision::ALL.iter().map(|decision| decision.as_str()).collect::<Vec<_>>())),
    ]);
    let sent = object(vec![("sopInstance", text()), ("destination", text())]);
    let left = object(vec![("what", text()), ("why", text())]);
    vec![
        ("Decided", decided),
        ("Cancelled", object(vec![("cancelled", text())])),
        ("Begun", object(vec![("begun", text())])),
        ("Resent", object(vec![("resent", list(sent))])),
        ("Retried", object(vec![("retried", lines()), ("left", list(left))])),
    ]
}
