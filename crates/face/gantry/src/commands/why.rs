//! `gantry why`: what each workflow makes of a study (DC1).

use gantry_conductor::{
    facts::Reading,
    workflows::{Pinned, Workflows},
};
use gantry_definition::{
    document::StudyFacts,
    expression::{Judgement, Truth},
};
use gantry_ports::store::DocumentKind;
use serde_json::{Value, json};

use super::study;
use crate::{
    cli::Listing,
    node::{Access, Node},
    report::{Failure, print, say},
    story::{Story, unreadable},
};

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
    let rows = node.definitions.newest_documents(&node.site, DocumentKind::Workflow).map_err(unreadable)?;
    let workflows = Workflows::of(&rows);
    for unreadable in &workflows.unreadable {
        say(&format!("warning: {unreadable}"));
    }
    let story = Story::read(&node, &study.uid)?;
    if listing.json {
        let all: Result<Vec<Value>, Failure> =
            workflows.live.iter().map(|pinned| as_json(&node, &story, pinned, &facts)).collect();
        return print(&json!({ "study": study.uid.as_str(), "workflows": all? }).to_string());
    }
    print(&format!("study {}", study.uid))?;
    if workflows.live.is_empty() {
        say("there are no workflows: `gantry apply` takes them into use");
    }
    workflows.live.iter().try_for_each(|pinned| show(&node, &story, pinned, &facts))
}

fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    }
}

fn show(node: &Node, story: &Story, pinned: &Pinned, facts: &StudyFacts) -> Result<(), Failure> {
    let Pinned { workflow, version, .. } = pinned;
    let explanation = workflow.explain(facts);
    let told = story.told(node, &workflow.name)?;
    let colon = if told.sentence.is_empty() { "" } else { ": " };
    print(&format!(
        "workflow {} (version {version}): {}{colon}{}",
        workflow.name, told.outcome, told.sentence
    ))?;
    show_clauses("  ", &explanation.applies)?;
    if explanation.applies.truth == Truth::True {
        for (input, judged) in &explanation.inputs {
            let selected = explanation.selected(input).count();
            print(&format!("  input {input}: {selected} of {} series selected", judged.len()))?;
            for (series, judgement) in judged {
                print(&format!("    series {series}: {}", word(judgement.truth)))?;
                show_clauses("      ", judgement)?;
            }
        }
    }
    told.done.iter().try_for_each(|line| print(&format!("  done: {line}")))
}

fn show_clauses(indent: &str, judgement: &Judgement) -> Result<(), Failure> {
    judgement.clauses.iter().try_for_each(|clause| {
        let seen: Vec<String> =
            clause.seen.iter().map(|(name, value)| format!("{name} is {value}")).collect();
        print(&format!("{indent}{:<7} {}: {}", word(clause.truth), clause.text, seen.join(", ")))
    })
}

fn as_json(node: &Node, story: &Story, pinned: &Pinned, facts: &StudyFacts) -> Result<Value, Failure> {
    let Pinned { workflow, version, .. } = pinned;
    let explanation = workflow.explain(facts);
    let inputs = explanation.inputs.iter().map(|(input, judged)| {
        let series = judged.iter().map(|(uid, judgement)| (uid.to_string(), judgement_json(judgement)));
        (input.as_str().to_owned(), Value::Object(series.collect()))
    });
    let told = story.told(node, &workflow.name)?;
    Ok(json!({
        "name": workflow.name.as_str(),
        "version": version,
        "outcome": told.outcome,
        "sentence": told.sentence,
        "match": judgement_json(&explanation.applies),
        "inputs": inputs.collect::<serde_json::Map<_, _>>(),
        "done": told.done,
    }))
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
