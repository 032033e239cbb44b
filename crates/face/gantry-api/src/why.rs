//! Why: what each workflow makes of a study, clause by clause with the values seen (DC1).

use std::sync::Arc;

use gantry_conductor::{
    facts::Reading,
    workflows::{Pinned, Workflows},
};
use gantry_definition::{
    document::Explanation,
    expression::{Judgement, Truth},
};
use gantry_ports::{
    definitions::Unreadable,
    store::{DocumentKind, StudyRow},
};
use gantry_types::uid::StudyInstanceUid;
use serde_json::{Map, Value, json};

use crate::{
    story::{Story, Told},
    view::{View, ViewError},
};

/// What every workflow in use makes of a study.
pub struct Why {
    /// Which.
    pub study: StudyInstanceUid,
    /// By workflow.
    pub workflows: Vec<OfWorkflow>,
    /// The workflows that nobody can judge by.
    pub unreadable: Vec<Unreadable>,
}

/// What one workflow makes of a study.
pub struct OfWorkflow {
    /// The workflow.
    pub pinned: Arc<Pinned>,
    /// Its clauses, with the values seen.
    pub explanation: Explanation,
    /// What became of it.
    pub told: Told,
}

/// Judges a study anew by the workflows in use.
///
/// # Errors
/// [`ViewError`].
pub fn explain(view: &View, study: &StudyRow) -> Result<Why, ViewError> {
    let reading =
        Reading { intake: &*view.intake, cases: &*view.cases, runs: &*view.runs, blob: &*view.blob };
    let facts = reading.study(study)?;
    let rows = view.definitions.newest_documents(&view.site, DocumentKind::Workflow)?;
    let Workflows { live, unreadable } = Workflows::of(&rows);
    let story = Story::read(view, &study.uid)?;
    let mut workflows = Vec::new();
    for pinned in live {
        let told = story.told(view, &pinned.workflow.name)?;
        workflows.push(OfWorkflow { explanation: pinned.workflow.explain(&facts), told, pinned });
    }
    Ok(Why { study: study.uid.clone(), workflows, unreadable })
}

impl Why {
    /// The document.
    #[must_use]
    pub fn json(&self) -> Value {
        let all: Vec<Value> = self.workflows.iter().map(of_workflow_json).collect();
        json!({ "study": self.study.as_str(), "workflows": all })
    }
}

/// The word of a truth.
#[must_use]
pub fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    }
}

fn of_workflow_json(OfWorkflow { pinned, explanation, told }: &OfWorkflow) -> Value {
    let Pinned { workflow, version, .. } = &**pinned;
    let inputs = explanation.inputs.iter().map(|(input, judged)| {
        let series = judged.iter().map(|(uid, judgement)| (uid.to_string(), judgement_json(judgement)));
        (input.as_str().to_owned(), Value::Object(series.collect()))
    });
    json!({
        "name": workflow.name.as_str(),
        "version": version,
        "outcome": told.outcome,
        "sentence": told.sentence,
        "match": judgement_json(&explanation.applies),
        "inputs": inputs.collect::<Map<_, _>>(),
        "done": told.done,
    })
}

fn judgement_json(judgement: &Judgement) -> Value {
    let clauses = judgement.clauses.iter().map(|clause| {
        let seen: Map<String, Value> =
            clause.seen.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({ "text": clause.text, "truth": word(clause.truth), "seen": seen })
    });
    json!({ "truth": word(judgement.truth), "clauses": clauses.collect::<Vec<_>>() })
}
