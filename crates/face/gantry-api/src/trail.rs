//! The audit trail: who did what to which thing, and of one study all of it.

use std::collections::BTreeSet;

use gantry_ports::store::{AuditRow, MachineKind, StudyRow};
use serde_json::{Value, json};

use crate::view::{View, ViewError};

/// An entry, and the number by which the next page is asked for.
pub struct Entry {
    /// Ascends with time.
    pub number: u64,
    /// What it says.
    pub row: AuditRow,
}

/// The newest entries, newest first; at most `count` of those before `before`.
///
/// # Errors
/// [`ViewError::Store`].
pub fn newest(view: &View, before: Option<u64>, count: usize) -> Result<Vec<Entry>, ViewError> {
    entries(view, None, before, count)
}

/// The newest entries about a study, its runs and what came of them. How its objects came, receipts tell.
///
/// # Errors
/// [`ViewError::Store`].
pub fn of_study(
    view: &View,
    study: &StudyRow,
    before: Option<u64>,
    count: usize,
) -> Result<Vec<Entry>, ViewError> {
    let mut about = BTreeSet::from([study.uid.to_string()]);
    about.extend(view.runs.runs_of_study(&view.site, &study.uid)?.iter().map(|run| run.id.to_string()));
    let evidence = view.runs.evidence_of_study(&view.site, &study.uid)?;
    about.extend(evidence.iter().map(|evidence| evidence.sop_instance.to_string()));
    for kind in [MachineKind::Publication, MachineKind::Delivery] {
        let machines = view.cases.machines(&view.site, kind, &study.uid)?;
        about.extend(machines.into_iter().map(|row| row.key.name));
    }
    entries(view, Some(&about.into_iter().collect::<Vec<_>>()), before, count)
}

fn entries(
    view: &View,
    about: Option<&[String]>,
    before: Option<u64>,
    count: usize,
) -> Result<Vec<Entry>, ViewError> {
    let found = view.intake.trail(about, before, count)?;
    Ok(found.into_iter().map(|(number, row)| Entry { number, row }).collect())
}

/// The document of entries.
#[must_use]
pub fn json(entries: &[Entry]) -> Value {
    let one = |Entry { number, row }: &Entry| {
        json!({
            // As text: readers of JSON round numbers of this size.
            "number": number.to_string(),
            "at": row.at.to_string(),
            "actor": row.actor,
            "action": row.action,
            "subject": row.subject,
            "detail": row.detail,
        })
    };
    json!({ "audit": entries.iter().map(one).collect::<Vec<_>>() })
}
