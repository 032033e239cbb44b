//! `gantry why`: what each workflow makes of a study (DC1).

use gantry_conductor::facts::Reading;
use gantry_definition::{
    document::{self, Body, Explanation, StudyFacts, Workflow},
    expression::{Judgement, Truth},
};
use gantry_ports::store::DocumentKind;
use serde_json::{Value, json};

use super::study;
use crate::{
    cli::Listing,
    node::{Access, Node},
    report::{Failure, print, say},
};

/// What was then done, until there is a conductor.
const DONE: &str = "nothing: this version does not act on workflows yet";

/// `gantry why`.
pub(crate) fn run(listing: &Listing, named: &str) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let study = study::find(&*node.outside.intake, &node.site, named)?;
    let reading = Reading {
        intake: &*node.outside.intake,
        cases: &*node.cases,
        runs: &*node.runs,
        blob: &*node.outside.blob,
    };
    let facts = reading.study(&study).map_err(|error| Failure::unexpected("why/unreadable", &error))?;
    let workflows = workflows(&node)?;
    if listing.json {
        let all: Vec<Value> =
            workflows.iter().map(|(version, workflow)| as_json(*version, workflow, &facts)).collect();
        return print(&json!({ "study": study.uid.as_str(), "workflows": all }).to_string());
    }
    print(&format!("study {}", study.uid))?;
    if workflows.is_empty() {
        say("there are no workflows: `gantry apply` takes them into use");
    }
    workflows.iter().try_for_each(|(version, workflow)| show(*version, workflow, &facts))
}

/// The workflows in use, with their versions.
fn workflows(node: &Node) -> Result<Vec<(u32, Workflow)>, Failure> {
    let rows = node
        .definitions
        .newest_documents(&node.site, DocumentKind::Workflow)
        .map_err(|error| Failure::unexpected("store/unreadable", &error))?;
    let mut workflows = Vec::new();
    for row in rows {
        match document::read(&row.text) {
            Ok(documents) => {
                workflows.extend(documents.into_iter().filter_map(|document| match document.body {
                    Body::Workflow(workflow) => Some((row.version, *workflow)),
                    Body::Source(_) | Body::Destination(_) | Body::Door(_) => None,
                }));
            }
            // It was read when it was applied: by another version of this program.
            Err(errors) => {
                let why: Vec<String> = errors.iter().map(ToString::to_string).collect();
                say(&format!("warning: Workflow {} cannot be read: {}", row.name, why.join("; ")));
            }
        }
    }
    Ok(workflows)
}

fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    }
}

/// One word for what it makes of the study.
fn outcome(explanation: &Explanation) -> &'static str {
    match explanation.applies.truth {
        Truth::True => "applies",
        Truth::False => "does not apply",
        Truth::Unknown => "cannot be known to apply",
    }
}

fn show(version: u32, workflow: &Workflow, facts: &StudyFacts) -> Result<(), Failure> {
    let explanation = workflow.explain(facts);
    print(&format!("workflow {} (version {version}): {}", workflow.name.as_str(), outcome(&explanation)))?;
    show_clauses("  ", &explanation.applies)?;
    if explanation.applies.truth == Truth::True {
        for (input, judged) in &explanation.inputs {
            let selected = explanation.selected(input).count();
            print(&format!("  input {}: {selected} of {} series selected", input.as_str(), judged.len()))?;
            for (series, judgement) in judged {
                print(&format!("    series {series}: {}", word(judgement.truth)))?;
                show_clauses("      ", judgement)?;
            }
        }
    }
    print(&format!("  done: {DONE}"))
}

fn show_clauses(indent: &str, judgement: &Judgement) -> Result<(), Failure> {
    judgement.clauses.iter().try_for_each(|clause| {
        let seen: Vec<String> =
            clause.seen.iter().map(|(name, value)| format!("{name} is {value}")).collect();
        print(&format!("{indent}{:<7} {}: {}", word(clause.truth), clause.text, seen.join(", ")))
    })
}

fn as_json(version: u32, workflow: &Workflow, facts: &StudyFacts) -> Value {
    let explanation = workflow.explain(facts);
    let inputs = explanation.inputs.iter().map(|(input, judged)| {
        let series = judged.iter().map(|(uid, judgement)| (uid.to_string(), judgement_json(judgement)));
        (input.as_str().to_owned(), Value::Object(series.collect()))
    });
    json!({
        "name": workflow.name.as_str(),
        "version": version,
        "match": judgement_json(&explanation.applies),
        "inputs": inputs.collect::<serde_json::Map<_, _>>(),
        "done": DONE,
    })
}

fn judgement_json(judgement: &Judgement) -> Value {
    let clauses: Vec<Value> = judgement
        .clauses
        .iter()
        .map(|clause| {
            let seen: serde_json::Map<String, Value> =
                clause.seen.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({ "text": clause.text, "truth": word(clause.truth), "seen": seen })
        })
        .collect();
    json!({ "truth": word(judgement.truth), "clauses": clauses })
}
