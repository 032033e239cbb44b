//! What follows from revisions: who has the say, what the study is called now, and what a person decides of conflicts.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use gantry_definition::document::{Body, Source};
use gantry_flow::names::Actor;
use gantry_ports::{
    definitions,
    store::{AttentionRow, Change, DocumentKind, Expectation, ObjectRow, Row, Standing, StudyRow},
};
use gantry_types::uid::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid};

use crate::{
    conductor::{Conductor, TurnError},
    deciding::DecideError,
    facts::{FactsError, Reading},
    looking::Known,
    workflows::Pinned,
};

/// Which of two objects that contradict each other is to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The one that came first.
    First,
    /// The one that came last.
    Newest,
}

impl Conductor {
    /// Has a study looked at.
    pub(crate) fn attention(&self, study: &StudyInstanceUid) -> Row {
        let (site, mark) = (self.settings.site.clone(), self.outside.ids.next());
        Row::Attention(AttentionRow { site, study: study.clone(), mark })
    }

    /// The highest authority among the sources that sent an object; that of nobody known is 0.
    pub(crate) fn authority(&self, object: &ObjectRow) -> Result<u32, TurnError> {
        let sources = self.sources()?;
        let mut highest = 0;
        for receipt in self.outside.intake.receipts(object.id)? {
            let Some(association) = self.outside.intake.association(receipt.association)? else { continue };
            let address: Option<IpAddr> = association.address.parse().ok();
            let is_sender = |source: &&Source| {
                source.ae_title.as_str() == &*association.calling
                    && address.is_some_and(|address| source.addresses.iter().any(|net| net.contains(address)))
            };
            let of_sender = sources.iter().filter(is_sender).map(|source| source.authority).max();
            highest = highest.max(of_sender.unwrap_or(0));
        }
        Ok(highest)
    }

    fn sources(&self) -> Result<Vec<Source>, TurnError> {
        let rows = self.outside.definitions.newest_documents(&self.settings.site, DocumentKind::Source)?;
        let source = |row| match definitions::body(row) {
            Ok(Body::Source(source)) => Some(source),
            // One that cannot be read has no say.
            Ok(Body::Workflow(_) | Body::Destination(_) | Body::Door(_)) | Err(_) => None,
        };
        Ok(rows.iter().filter_map(source).collect())
    }

    /// Has study and series be called as the headers say that come into force; of several the last.
    pub(crate) fn refile(&self, in_force: &[ObjectRow], change: &mut Change) -> Result<(), TurnError> {
        let reading = Reading::of(&self.outside);
        let mut series = BTreeMap::new();
        for object in in_force {
            series.insert((&object.study, &object.series), object);
        }
        for ((study, _), object) in series {
            let place = reading.place(object)?.series;
            let known = self.outside.intake.series(&self.settings.site, study)?;
            if known.iter().any(|row| row.uid == place.uid && *row != place) {
                change.rows.push(Row::Series(place));
            }
        }
        let Some(last) = in_force.last() else { return Ok(()) };
        if let Some(row) = self.outside.intake.study(&last.site, &last.study)? {
            let renamed = StudyRow { first_received: row.first_received, ..reading.place(last)?.study };
            if renamed != row {
                let detail = renaming(&row, &renamed);
                change.audit.push(self.audit("case/header-revised", last.study.as_str(), detail));
                change.rows.push(Row::Study(renamed));
            }
        }
        Ok(())
    }

    /// Identities go that no object of a study names after the change; what is not in force and told apart has no say.
    pub(crate) fn forget_identities(
        &self,
        study: &StudyInstanceUid,
        change: &mut Change,
    ) -> Result<(), TurnError> {
        let site = &self.settings.site;
        let known = self.outside.cases.identities(site, study)?;
        if known.len() < 2 {
            return Ok(());
        }
        let mut objects: BTreeMap<u64, ObjectRow> =
            self.outside.intake.objects(site, study)?.into_iter().map(|row| (row.id, row)).collect();
        for row in &change.rows {
            if let Row::Object(row) = row
                && row.study == *study
            {
                objects.insert(row.id, row.clone());
            }
        }
        let reading = Reading::of(&self.outside);
        let mut named = BTreeSet::new();
        for object in
            objects.values().filter(|row| row.standing == Standing::InForce || row.standing.is_open())
        {
            match reading.place(object) {
                Ok(place) => named.extend(place.identity),
                // It may name any of them.
                Err(FactsError::Blob(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        change.rows.extend(known.into_iter().filter(|row| !named.contains(row)).map(Row::IdentityGone));
        Ok(())
    }

    /// Whether what was frozen is of another patient or order by now, or was set aside.
    pub(crate) fn is_revised(&self, frozen: &[ObjectRow]) -> Result<bool, TurnError> {
        for row in frozen {
            match row.standing {
                Standing::SetAside => return Ok(true),
                Standing::Superseded => {
                    let all = self.outside.intake.revisions(&row.site, &row.sop_instance)?;
                    if let Some(now) = all.iter().find(|other| other.standing == Standing::InForce)
                        && !self.name_the_same(row, now)?
                    {
                        return Ok(true);
                    }
                }
                Standing::InForce
                | Standing::Undecided
                | Standing::Wanted
                | Standing::Reencoded
                | Standing::LossyCopy
                | Standing::Outranked
                | Standing::Conflict => {}
            }
        }
        Ok(false)
    }

    /// Whether two headers name the same patient and order; of one that cannot be read nobody knows.
    fn name_the_same(&self, one: &ObjectRow, other: &ObjectRow) -> Result<bool, TurnError> {
        let reading = Reading::of(&self.outside);
        match (reading.place(one), reading.place(other)) {
            (Ok(one), Ok(other)) => Ok(whom(&one.study) == whom(&other.study)),
            (Err(FactsError::Blob(_)), _) | (_, Err(FactsError::Blob(_))) => Ok(false),
            (Err(error), _) | (_, Err(error)) => Err(error.into()),
        }
    }

    /// Ends the conflicts of the objects that a workflow selects. Who and why go into the audit trail.
    pub(crate) fn decide_conflicts(
        &self,
        known: &Known,
        pinned: &Pinned,
        mark: Option<u64>,
        which: Use,
        (by, reason): (&Actor, &str),
    ) -> Result<(), DecideError> {
        let (site, study) = (&known.study.site, &known.study.uid);
        let failed = |error: gantry_ports::store::StoreError| DecideError::from(TurnError::from(error));
        let selected: BTreeSet<SeriesInstanceUid> =
            known.look(pinned).selected.values().flat_map(|series| series.keys().cloned()).collect();
        let objects = self.outside.intake.objects(site, study).map_err(failed)?;
        let contested: BTreeSet<&SopInstanceUid> = objects
            .iter()
            .filter(|row| row.standing == Standing::Conflict && selected.contains(&row.series))
            .map(|row| &row.sop_instance)
            .collect();
        if contested.is_empty() {
            return Err(DecideError::NoConflict);
        }
        let mut change = Change {
            expect: vec![Expectation::Mark { site: site.clone(), study: study.clone(), mark }],
            rows: vec![self.attention(study)],
            audit: Vec::new(),
        };
        let mut in_force = Vec::new();
        for uid in &contested {
            // One of them may have been filed under another study.
            let kin = self.outside.intake.revisions(site, uid).map_err(failed)?;
            in_force.extend(self.end_conflict(&kin, which, (by, reason), &mut change));
        }
        self.refile(&in_force, &mut change)?;
        self.forget_identities(study, &mut change)?;
        self.outside.store.commit(&change).map_err(TurnError::from)?;
        Ok(())
    }

    /// Has one of an object's revisions be used; gives it, if another one was in force.
    fn end_conflict(
        &self,
        kin: &[ObjectRow],
        which: Use,
        (by, reason): (&Actor, &str),
        change: &mut Change,
    ) -> Option<ObjectRow> {
        let newest = kin.iter().rfind(|row| row.standing == Standing::Conflict);
        let before = kin.iter().find(|row| row.standing == Standing::InForce);
        let chosen = match which {
            Use::First => before.or(newest),
            Use::Newest => newest,
        }?;
        for row in kin.iter().filter(|row| row.id != chosen.id) {
            let is_set_aside = match row.standing {
                Standing::Conflict => true,
                // They have the pixels of the one that was in force.
                Standing::InForce | Standing::Superseded | Standing::Outranked => which == Use::Newest,
                Standing::Undecided
                | Standing::Wanted
                | Standing::Reencoded
                | Standing::LossyCopy
                | Standing::SetAside => false,
            };
            if is_set_aside {
                change.rows.push(Row::Object(ObjectRow { standing: Standing::SetAside, ..row.clone() }));
            }
        }
        let detail = format!("revision {} is used, by {by}: {reason}", chosen.revision);
        change.audit.push(self.audit_of(by, "intake/conflict-decided", chosen.sop_instance.as_str(), detail));
        if chosen.standing == Standing::InForce {
            return None;
        }
        let elsewhere = before.filter(|before| before.study != chosen.study);
        change.rows.extend(elsewhere.map(|before| self.attention(&before.study)));
        let now = ObjectRow { standing: Standing::InForce, ..chosen.clone() };
        change.rows.push(Row::Object(now.clone()));
        Some(now)
    }
}

/// Whom and which order a header names: what evidence must have in common with it (EV3).
fn whom(row: &StudyRow) -> [&str; 5] {
    [&row.patient_id, &row.patient_id_issuer, &row.patient_name, &row.accession_number, &row.accession_issuer]
}

fn renaming(old: &StudyRow, new: &StudyRow) -> String {
    let fields = |row: &StudyRow| {
        format!(
            "patient `{}` of `{}`, name `{}`, accession number `{}`",
            row.patient_id, row.patient_id_issuer, row.patient_name, row.accession_number
        )
    };
    format!("was {}; is {}", fields(old), fields(new))
}
