//! `gantry study`: what is kept.

use std::collections::BTreeMap;

use gantry_api::{
    studies::{self, Listed, Shown, is_in_force},
    view::View,
};
use gantry_conductor::{Decision, Use};
use gantry_ports::intake::StudySearch;
use gantry_types::instant::Instant;
use serde_json::json;

use crate::{
    cli::{Listing, Study, WhichToUse},
    commands::{by_command, export},
    node::{Access, Node},
    report::{Failure, print, say},
    serving,
};

/// `gantry study`.
pub(crate) fn run(command: Study) -> Result<(), Failure> {
    match command {
        Study::List { listing, count, find, date } => {
            list(&listing, count, &StudySearch::new(&find, date.as_deref()))
        }
        Study::Show { listing, study } => show(&listing, &study),
        Study::Decide { listing, study, workflow, go, skip: _, which, reason } => {
            let decision = match which {
                Some(WhichToUse::First) => Decision::Use(Use::First),
                Some(WhichToUse::Newest) => Decision::Use(Use::Newest),
                None if go => Decision::Go,
                None => Decision::Skip,
            };
            decide(&listing, &study, &workflow, decision, &reason)
        }
        Study::Export { listing, study, out } => {
            let node = Node::open(&listing.data, Access::Read)?;
            let study = studies::find(&node.view(), &study)?;
            export::run(&node, &study, &out, listing.json)
        }
    }
}

/// Decides about a study for a workflow.
fn decide(
    listing: &Listing,
    study: &str,
    workflow: &str,
    decision: Decision,
    reason: &str,
) -> Result<(), Failure> {
    let by = by_command(Some(reason))?;
    let node = Node::open(&listing.data, Access::Read)?;
    let orders = serving::orders(&node, serving::conductor(&node));
    let study = orders.decide(study, workflow, decision, &by)?;
    let word = match decision {
        Decision::Go | Decision::Again => "runs with what is there now",
        Decision::Skip => "is not run",
        Decision::Use(Use::First) => "uses what came first",
        Decision::Use(Use::Newest) => "uses what came last",
    };
    if listing.json {
        return print(&json!({ "study": study.as_str(), "workflow": workflow, "decided": word }).to_string());
    }
    print(&format!("workflow {workflow} {word}"))
}

fn list(listing: &Listing, count: usize, search: &StudySearch) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let listed = studies::found(&node.view(), search, Instant(i64::MAX), count)?;
    if listing.json {
        return print(&studies::list_json(&listed).to_string());
    }
    if listed.is_empty() {
        say("there are no such studies");
        return Ok(());
    }
    print(&format!(
        "{:<27}  {:>7}  {:<16}  {:<8}  {:<16}  {:<24}  study",
        "received", "objects", "patient id", "date", "accession", "description"
    ))?;
    for Listed { study, objects } in listed {
        print(&format!(
            "{:<27}  {objects:>7}  {:<16}  {:<8}  {:<16}  {:<24}  {}",
            study.first_received.to_string(),
            study.patient_id,
            study.study_date,
            study.accession_number,
            study.description,
            study.uid
        ))?;
    }
    Ok(())
}

fn show(listing: &Listing, named: &str) -> Result<(), Failure> {
    let view = Node::open(&listing.data, Access::Read)?.view();
    let shown = studies::show(&view, studies::find(&view, named)?)?;
    if listing.json {
        return print(&shown.json(&view)?.to_string());
    }
    table(&view, &shown)
}

fn table(view: &View, shown: &Shown) -> Result<(), Failure> {
    let Shown { study, series, objects, told, .. } = shown;
    print(&format!("study      {}", study.uid))?;
    print(&format!("accession  {}", study.accession_number))?;
    print(&format!("received   {}", study.first_received))?;
    for row in series {
        let of_series = objects.iter().filter(|object| object.series == row.uid && is_in_force(object));
        print(&format!(
            "series     {} {} {:?}: {} objects",
            row.number,
            row.modality,
            row.description,
            of_series.count()
        ))?;
    }
    for (workflow, told) in told {
        let colon = if told.sentence.is_empty() { "" } else { ": " };
        print(&format!("workflow   {workflow}: {}{colon}{}", told.outcome, told.sentence))?;
    }
    for (series, count) in late_by_series(shown) {
        print(&format!("LATE       {count} objects of series {series} came after a payload was frozen"))?;
    }
    for object in objects.iter().filter(|object| !is_in_force(object)) {
        print(&format!(
            "revision   {} of image {}: {}",
            object.revision,
            object.sop_instance,
            studies::standing(object.standing)
        ))?;
    }
    for (deviation, count) in shown.deviations(view)? {
        print(&format!("deviation  {deviation} ({count} objects)"))?;
    }
    Ok(())
}

fn late_by_series(shown: &Shown) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for object in &shown.objects {
        if shown.late.iter().any(|late| late.object == object.id) {
            *counts.entry(object.series.as_str()).or_default() += 1;
        }
    }
    counts
}
