//! Studies: the newest, and one with its series, objects, receipts and what became of it.

use std::collections::{BTreeMap, btree_map::Entry};

use gantry_ports::{
    intake::StudySearch,
    store::{AssociationRow, LateRow, ObjectRow, ReceiptRow, Reception, SeriesRow, Standing, StudyRow},
};
use gantry_types::{ids::WorkflowName, instant::Instant, uid::StudyInstanceUid};
use serde_json::{Value, json};

use crate::{
    story::{Story, Told},
    view::{View, ViewError},
};

/// How a revision stands, for people.
#[must_use]
pub const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::InForce => "in force",
        Standing::Undecided | Standing::Wanted => "it differs, and is not told apart yet",
        Standing::Reencoded => "the same in another encoding",
        Standing::LossyCopy => "a copy compressed with loss, never used",
        Standing::Superseded => "a newer header has taken its place",
        Standing::Outranked => "another header, from a source of less authority",
        Standing::Conflict => "it shows something else: a person decides which is used",
        Standing::SetAside => "a person decided against it",
    }
}

/// A study in a list.
pub struct Listed {
    /// Which.
    pub study: StudyRow,
    /// How many objects of it are kept.
    pub objects: u64,
}

/// The newest studies that somebody looks for, newest first; at most `count` of those first received before `before`.
///
/// # Errors
/// [`ViewError::Store`].
pub fn found(
    view: &View,
    search: &StudySearch,
    before: Instant,
    count: usize,
) -> Result<Vec<Listed>, ViewError> {
    let mut listed = Vec::new();
    for study in view.intake.find_studies(&view.site, search, before, count)? {
        let objects = view.intake.count_objects(&view.site, &study.uid)?;
        listed.push(Listed { study, objects });
    }
    Ok(listed)
}

/// The document of a list.
#[must_use]
pub fn list_json(listed: &[Listed]) -> Value {
    let one = |Listed { study, objects }: &Listed| {
        json!({
            "uid": study.uid.as_str(),
            "accession": study.accession_number,
            "patientId": study.patient_id,
            "patientName": study.patient_name,
            "date": study.study_date,
            "description": study.description,
            "received": study.first_received.to_string(),
            "objects": objects,
        })
    };
    json!({ "studies": listed.iter().map(one).collect::<Vec<_>>() })
}

/// The one study that somebody means by its UID or its accession number.
///
/// # Errors
/// [`ViewError::UnknownStudy`], [`ViewError::AmbiguousStudy`], [`ViewError::Store`].
pub fn find(view: &View, named: &str) -> Result<StudyRow, ViewError> {
    if let Some(uid) = StudyInstanceUid::from_peer(named)
        && let Some(study) = view.intake.study(&view.site, &uid)?
    {
        return Ok(study);
    }
    let mut studies = view.intake.studies_of_accession(&view.site, named)?;
    let count = studies.len();
    match (studies.pop(), count) {
        (Some(study), 1) => Ok(study),
        (Some(_), _) => Err(ViewError::AmbiguousStudy { accession: named.to_owned(), count }),
        (None, _) => Err(ViewError::UnknownStudy(named.to_owned())),
    }
}

/// A study with what is kept of it and what became of it.
pub struct Shown {
    /// Which.
    pub study: StudyRow,
    /// Its series.
    pub series: Vec<SeriesRow>,
    /// Every revision of its objects, by key.
    pub objects: Vec<ObjectRow>,
    /// What became of it, by workflow.
    pub told: Vec<(WorkflowName, Told)>,
    /// What came too late.
    pub late: Vec<LateRow>,
}

/// Everything of a study but its receipts.
///
/// # Errors
/// [`ViewError`].
pub fn show(view: &View, study: StudyRow) -> Result<Shown, ViewError> {
    let story = Story::read(view, &study.uid)?;
    let mut told = Vec::new();
    for workflow in story.workflows(view)? {
        let became = story.told(view, &workflow)?;
        told.push((workflow, became));
    }
    Ok(Shown {
        series: view.intake.series(&view.site, &study.uid)?,
        objects: view.intake.objects(&view.site, &study.uid)?,
        told,
        late: story.late,
        study,
    })
}

/// Whether workflows use this revision.
#[must_use]
pub fn is_in_force(object: &ObjectRow) -> bool {
    object.standing == Standing::InForce
}

impl Shown {
    /// What was odd about objects, and about how many of them (RC4).
    ///
    /// # Errors
    /// [`ViewError::Store`].
    pub fn deviations(&self, view: &View) -> Result<BTreeMap<String, usize>, ViewError> {
        let mut counts = BTreeMap::new();
        for object in &self.objects {
            for receipt in view.intake.receipts(object.id)? {
                if !receipt.deviations.is_empty() {
                    *counts.entry(receipt.deviations).or_default() += 1;
                }
            }
        }
        Ok(counts)
    }

    /// The document of a study.
    ///
    /// # Errors
    /// [`ViewError::Store`].
    pub fn json(&self, view: &View) -> Result<Value, ViewError> {
        let series = self.series.iter().map(|row| {
            json!({
                "uid": row.uid.as_str(),
                "modality": row.modality,
                "number": row.number,
                "description": row.description,
            })
        });
        let told = self.told.iter().map(|(workflow, told)| {
            json!({
                "workflow": workflow.as_str(),
                "outcome": told.outcome,
                "sentence": told.sentence,
                "done": told.done,
            })
        });
        let late = self.late.iter().map(|late| {
            let object = self.objects.iter().find(|object| object.id == late.object);
            json!({
                "sopInstance": object.map(|object| object.sop_instance.as_str()),
                "workflow": late.workflow.as_str(),
                "payload": late.ordinal,
                "noticed": late.noticed.to_string(),
            })
        });
        Ok(json!({
            "uid": self.study.uid.as_str(),
            "accession": self.study.accession_number,
            "received": self.study.first_received.to_string(),
            "series": series.collect::<Vec<_>>(),
            "objects": objects_json(view, &self.objects)?,
            "workflows": told.collect::<Vec<_>>(),
            "late": late.collect::<Vec<_>>(),
        }))
    }
}

fn objects_json(view: &View, objects: &[ObjectRow]) -> Result<Vec<Value>, ViewError> {
    let mut all = Vec::new();
    let mut associations: BTreeMap<u64, Option<AssociationRow>> = BTreeMap::new();
    for object in objects {
        let mut receipts = Vec::new();
        for receipt in view.intake.receipts(object.id)? {
            if let Entry::Vacant(entry) = associations.entry(receipt.association) {
                entry.insert(view.intake.association(receipt.association)?);
            }
            let association = associations.get(&receipt.association).and_then(Option::as_ref);
            receipts.push(receipt_json(&receipt, association));
        }
        all.push(json!({
            "sopInstance": object.sop_instance.as_str(),
            "sopClass": object.sop_class.as_str(),
            "series": object.series.as_str(),
            "transferSyntax": object.transfer_syntax.as_str(),
            "revision": object.revision,
            "standing": object.standing.as_str(),
            "bytes": object.blob.length,
            "digest": object.digest.to_string(),
            "receipts": receipts,
        }));
    }
    Ok(all)
}

fn receipt_json(receipt: &ReceiptRow, association: Option<&AssociationRow>) -> Value {
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
}
