//! Deliveries: what Gantry made, where it goes, and how far it is.

use std::collections::{BTreeMap, btree_map::Entry};

use gantry_flow::names::DeliveryKey;
use gantry_ports::{
    lineage::Lineage,
    state::delivery as form,
    store::{EvidenceRow, MachineRow},
};
use gantry_types::uid::{SopInstanceUid, StudyInstanceUid};
use serde_json::{Value, json};

use crate::{
    story::{delivery_detail, delivery_word, kind_word},
    view::{View, ViewError},
};

/// An object that Gantry made, by its UID.
///
/// # Errors
/// [`ViewError::UnknownObject`], [`ViewError::Store`].
pub fn find(view: &View, named: &str) -> Result<EvidenceRow, ViewError> {
    let unknown = || ViewError::UnknownObject(named.to_owned());
    let uid = SopInstanceUid::from_peer(named).ok_or_else(unknown)?;
    view.runs.evidence(&view.site, &uid)?.ok_or_else(unknown)
}

/// The document of the newest deliveries: those of the newest `count` objects, newest first; older than `before`, if
/// that is given.
///
/// # Errors
/// [`ViewError::Store`], [`ViewError::State`].
pub fn list(view: &View, before: Option<&EvidenceRow>, count: usize) -> Result<Value, ViewError> {
    let mut all = Vec::new();
    let mut lineages: BTreeMap<StudyInstanceUid, Lineage> = BTreeMap::new();
    let objects = match before {
        Some(before) => view.runs.older_evidence(before, count)?,
        None => view.runs.newest_evidence(&view.site, count)?,
    };
    for evidence in objects {
        if let Some(row) = of_evidence(view, &evidence)? {
            let state = form::state(&row)?;
            let lineage = match lineages.entry(evidence.study.clone()) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(free) => free.insert(Lineage::read(&*view.runs, &view.site, &evidence.study)?),
            };
            let successor = lineage.superseded_by(&evidence).map(|row| row.sop_instance.as_str());
            all.push(json!({
                "sopInstance": evidence.sop_instance.as_str(),
                "kind": kind_word(&evidence),
                "study": evidence.study.as_str(),
                "run": evidence.run.as_str(),
                "destination": state.key.destination.as_str(),
                "state": delivery_word(&state),
                "detail": delivery_detail(&state),
                "failures": state.failures,
                "supersededBy": successor,
                "made": evidence.made.to_string(),
            }));
        }
    }
    Ok(json!({ "deliveries": all }))
}

/// The delivery of an object to the destination that it was made for.
///
/// # Errors
/// [`ViewError::Store`].
pub fn of_evidence(view: &View, evidence: &EvidenceRow) -> Result<Option<MachineRow>, ViewError> {
    let of = DeliveryKey {
        sop_instance: evidence.sop_instance.clone(),
        destination: evidence.destination.clone(),
    };
    Ok(view.cases.machine(&form::key(&evidence.site, &evidence.study, &of))?)
}
