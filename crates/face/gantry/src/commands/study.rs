//! `gantry study`: what is kept.

use std::collections::{BTreeMap, btree_map::Entry};

use gantry_ports::{
    intake::Intake,
    store::{AssociationRow, LateRow, ObjectRow, Reception, SeriesRow, Standing, StoreError, StudyRow},
};
use gantry_types::{
    ids::{SiteId, WorkflowName},
    instant::Instant,
    uid::StudyInstanceUid,
};
use serde_json::{Value, json};

use crate::{
    cli::{Listing, Study},
    commands::export,
    node::{Access, Node},
    report::{Exit, Failure, print, say},
    story::{Story, Told},
};

/// `gantry study`.
pub(crate) fn run(command: Study) -> Result<(), Failure> {
    match command {
        Study::List { listing, count } => list(&listing, count),
        Study::Show { listing, study } => show(&listing, &study),
        Study::Export { listing, study, out } => {
            let node = Node::open(&listing.data, Access::Read)?;
            let study = find(&*node.outside.intake, &node.site, &study)?;
            export::run(&node, &study, &out, listing.json)
        }
    }
}

fn unreadable(error: StoreError) -> Failure {
    Failure::unexpected("store/unreadable", &error)
}

/// The one study that a person means.
pub(crate) fn find(intake: &dyn Intake, site: &SiteId, named: &str) -> Result<StudyRow, Failure> {
    if let Some(uid) = StudyInstanceUid::from_peer(named)
        && let Some(study) = intake.study(site, &uid).map_err(unreadable)?
    {
        return Ok(study);
    }
    let mut studies = intake.studies_of_accession(site, named).map_err(unreadable)?;
    match (studies.pop(), studies.len()) {
        (Some(study), 0) => Ok(study),
        (Some(_), more) => {
            let sentence = format!("{} studies have the accession number `{named}`", more + 1);
            Err(Failure::new(Exit::NotFound, "study/ambiguous", sentence)
                .hint("name it by Study Instance UID"))
        }
        (None, _) => {
            let sentence = format!("no study has the UID or accession number `{named}`");
            Err(Failure::new(Exit::NotFound, "study/unknown", sentence)
                .hint("`gantry study list` shows what is kept"))
        }
    }
}

fn list(listing: &Listing, count: usize) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let intake = &node.outside.intake;
    let studies = intake.newest_studies(&node.site, Instant(i64::MAX), count).map_err(unreadable)?;
    let mut rows = Vec::new();
    for study in &studies {
        let objects = intake.objects(&node.site, &study.uid).map_err(unreadable)?.len();
        rows.push((study, objects));
    }
    if listing.json {
        let all: Vec<Value> = rows
            .iter()
            .map(|(study, objects)| {
                json!({
                    "uid": study.uid.as_str(),
                    "accession": study.accession_number,
                    "patientId": study.patient_id,
                    "date": study.study_date,
                    "description": study.description,
                    "received": study.first_received.to_string(),
                    "objects": objects,
                })
            })
            .collect();
        return print(&json!({ "studies": all }).to_string());
    }
    if rows.is_empty() {
        say("there are no studies yet");
        return Ok(());
    }
    print(&format!(
        "{:<27}  {:>7}  {:<16}  {:<8}  {:<16}  {:<24}  study",
        "received", "objects", "patient id", "date", "accession", "description"
    ))?;
    for (study, objects) in rows {
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
    let node = Node::open(&listing.data, Access::Read)?;
    let intake = &*node.outside.intake;
    let study = find(intake, &node.site, named)?;
    let series = intake.series(&node.site, &study.uid).map_err(unreadable)?;
    let objects = intake.objects(&node.site, &study.uid).map_err(unreadable)?;
    let story = Story::read(&node, &study.uid)?;
    let mut told = Vec::new();
    for workflow in story.workflows(&node)? {
        told.push((story.told(&node, &workflow)?, workflow));
    }
    if listing.json {
        let mut shown = show_json(intake, &study, &series, &objects)?;
        if let Value::Object(shown) = &mut shown {
            let one = |(told, workflow): &(Told, WorkflowName)| {
                json!({
                    "workflow": workflow.as_str(),
                    "outcome": told.outcome,
                    "sentence": told.sentence,
                    "done": told.done,
                })
            };
            let late: Vec<Value> = story.late.iter().map(|late| late_json(late, &objects)).collect();
            shown.insert("workflows".to_owned(), told.iter().map(one).collect());
            shown.insert("late".to_owned(), late.into());
        }
        return print(&shown.to_string());
    }
    print(&format!("study      {}", study.uid))?;
    print(&format!("accession  {}", study.accession_number))?;
    print(&format!("received   {}", study.first_received))?;
    for row in &series {
        let of_series = objects.iter().filter(|object| object.series == row.uid && is_in_force(object));
        print(&format!(
            "series     {} {} {:?}: {} objects",
            row.number,
            row.modality,
            row.description,
            of_series.count()
        ))?;
    }
    for (told, workflow) in &told {
        let colon = if told.sentence.is_empty() { "" } else { ": " };
        print(&format!("workflow   {workflow}: {}{colon}{}", told.outcome, told.sentence))?;
    }
    for (series, count) in late_by_series(&story.late, &objects) {
        print(&format!("LATE       {count} objects of series {series} came after a payload was frozen"))?;
    }
    for object in objects.iter().filter(|object| !is_in_force(object)) {
        print(&format!(
            "undecided  image {} came again and differs (revision {}); the first stays in force",
            object.sop_instance, object.revision
        ))?;
    }
    show_deviations(intake, &objects)
}

fn late_by_series<'a>(late: &[LateRow], objects: &'a [ObjectRow]) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for object in objects {
        if late.iter().any(|late| late.object == object.id) {
            *counts.entry(object.series.as_str()).or_default() += 1;
        }
    }
    counts
}

fn late_json(late: &LateRow, objects: &[ObjectRow]) -> Value {
    let object = objects.iter().find(|object| object.id == late.object);
    json!({
        "sopInstance": object.map(|object| object.sop_instance.as_str()),
        "workflow": late.workflow.as_str(),
        "payload": late.ordinal,
        "noticed": late.noticed.to_string(),
    })
}

/// What was odd about objects, and about how many of them (RC4).
fn show_deviations(intake: &dyn Intake, objects: &[ObjectRow]) -> Result<(), Failure> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for object in objects {
        for receipt in intake.receipts(object.id).map_err(unreadable)? {
            if !receipt.deviations.is_empty() {
                *counts.entry(receipt.deviations).or_default() += 1;
            }
        }
    }
    counts
        .iter()
        .try_for_each(|(deviation, count)| print(&format!("deviation  {deviation} ({count} objects)")))
}

fn is_in_force(object: &ObjectRow) -> bool {
    object.standing == Standing::InForce
}

fn show_json(
    intake: &dyn Intake,
    study: &StudyRow,
    series: &[SeriesRow],
    objects: &[ObjectRow],
) -> Result<Value, Failure> {
    let mut all = Vec::new();
    let mut associations: BTreeMap<u64, Option<AssociationRow>> = BTreeMap::new();
    for object in objects {
        let receipts = intake.receipts(object.id).map_err(unreadable)?;
        for receipt in &receipts {
            if let Entry::Vacant(entry) = associations.entry(receipt.association) {
                entry.insert(intake.association(receipt.association).map_err(unreadable)?);
            }
        }
        let receipts: Vec<Value> = receipts
            .iter()
            .map(|receipt| {
                let association = associations.get(&receipt.association).and_then(Option::as_ref);
                let reception = match receipt.reception {
                    Reception::Kept => "kept",
                    Reception::Same => "same",
                };
                json!({
                    "received": receipt.received.to_string(),
                    // As text: readers of JSON round numbers of this size.
                    "association": receipt.association.to_string(),
                    "calling": association.map(|row| &*row.calling),
                    "called": association.map(|row| row.called.to_string()),
                    "address": association.map(|row| &*row.address),
                    "reception": reception,
                    "deviations": receipt.deviations,
                })
            })
            .collect();
        all.push(json!({
            "sopInstance": object.sop_instance.as_str(),
            "sopClass": object.sop_class.as_str(),
            "series": object.series.as_str(),
            "transferSyntax": object.transfer_syntax.as_str(),
            "revision": object.revision,
            "standing": if is_in_force(object) { "inForce" } else { "undecided" },
            "bytes": object.blob.length,
            "digest": object.digest.to_string(),
            "receipts": receipts,
        }));
    }
    let series: Vec<Value> = series
        .iter()
        .map(|row| {
            json!({
                "uid": row.uid.as_str(),
                "modality": row.modality,
                "number": row.number,
                "description": row.description,
            })
        })
        .collect();
    Ok(json!({
        "uid": study.uid.as_str(),
        "accession": study.accession_number,
        "received": study.first_received.to_string(),
        "series": series,
        "objects": all,
    }))
}
