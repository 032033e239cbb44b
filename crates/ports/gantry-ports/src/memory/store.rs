//! Rows in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use gantry_types::{
    ids::{RunId, SiteId, TaskName, WorkflowName},
    instant::Instant,
    uid::{SopInstanceUid, StudyInstanceUid},
};

use crate::{
    blob::BlobRef,
    cases::Cases,
    definitions::Definitions,
    intake::{Intake, StudySearch, about_studies},
    runs::id_of_run,
    store::{
        AssociationEnd, AssociationRow, AttentionRow, AuditRow, Change, CommitError, Committed, DocumentKind,
        DocumentRow, EvidenceRow, Expectation, IdentityRow, LateRow, MachineKey, MachineKind, MachineRow,
        ObjectRow, PayloadRow, REFUSALS_MAX, ReceiptRow, Reception, RefusalRow, ResultRow, Row, RunRow,
        SeriesRow, SeriesTally, Standing, Store, StoreError, StudyRow,
    },
};

mod runs;

/// Rows in memory.
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    counter: u64,
    studies: BTreeMap<(SiteId, StudyInstanceUid), StudyRow>,
    series: BTreeMap<(SiteId, StudyInstanceUid, String), SeriesRow>,
    objects: BTreeMap<u64, ObjectRow>,
    receipts: BTreeMap<u64, ReceiptRow>,
    associations: BTreeMap<u64, AssociationRow>,
    refusals: Vec<RefusalRow>,
    documents: BTreeMap<(SiteId, DocumentKind, String, u32), DocumentRow>,
    identities: BTreeSet<IdentityRow>,
    attention: BTreeMap<(SiteId, StudyInstanceUid), u64>,
    machines: BTreeMap<MachineKey, MachineRow>,
    payloads: BTreeMap<(SiteId, StudyInstanceUid, WorkflowName, u32), PayloadRow>,
    late: BTreeMap<(u64, WorkflowName, u32), LateRow>,
    runs: BTreeMap<RunId, RunRow>,
    results: BTreeMap<(RunId, TaskName), ResultRow>,
    evidence: BTreeMap<(SiteId, SopInstanceUid), EvidenceRow>,
    audit: Vec<AuditRow>,
}

impl MemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        // `commit` checks first and then only inserts, so a panic elsewhere leaves no half change.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn objects_where(&self, keep: impl Fn(&ObjectRow) -> bool) -> Vec<ObjectRow> {
        self.tables().objects.values().filter(|object| keep(object)).cloned().collect()
    }
}

impl Tables {
    /// All content that rows name.
    fn blobs(&self) -> impl Iterator<Item = BlobRef> {
        let objects = self.objects.values().map(|row| row.blob);
        let results = self.results.values().flat_map(|row| &row.files).map(|file| file.blob);
        objects.chain(results).chain(self.evidence.values().map(|row| row.blob))
    }

    fn holds(&self, expectation: &Expectation) -> bool {
        match expectation {
            Expectation::Revisions { site, sop_instance, count } => {
                let found =
                    self.objects.values().filter(|o| o.site == *site && o.sop_instance == *sop_instance);
                found.count() == usize::try_from(*count).unwrap_or(usize::MAX)
            }
            Expectation::Version { site, kind, name, version } => {
                let of_document =
                    |row: &&DocumentRow| row.site == *site && row.kind == *kind && row.name == *name;
                let newest = self.documents.values().filter(of_document).map(|row| row.version).max();
                newest.unwrap_or(0) == *version
            }
            Expectation::Mark { site, study, mark } => {
                self.attention.get(&(site.clone(), study.clone())).copied() == *mark
            }
            Expectation::Machine { key, version } => {
                self.machines.get(key).map_or(0, |row| row.version) == *version
            }
        }
    }

    /// Whether the row's key is that of another row which is never changed.
    fn is_taken(&self, row: &Row) -> bool {
        match row {
            Row::Object(row) => self.objects.get(&row.id).is_some_and(|old| {
                (&old.site, &old.sop_instance, old.revision) != (&row.site, &row.sop_instance, row.revision)
            }),
            Row::Receipt(row) => self.receipts.contains_key(&row.id),
            Row::Payload(row) => self.payloads.contains_key(&payload_key(row)),
            Row::Run(row) => self.runs.contains_key(&row.id),
            Row::Result(row) => self.results.contains_key(&(row.run.clone(), row.task.clone())),
            Row::Evidence(row) => self.evidence.contains_key(&(row.site.clone(), row.sop_instance.clone())),
            Row::Study(_)
            | Row::Series(_)
            | Row::Association(_)
            | Row::Refusal(_)
            | Row::Document(_)
            | Row::Attention(_)
            | Row::Attended { .. }
            | Row::Late(_)
            | Row::Identity(_)
            | Row::IdentityGone(_)
            | Row::Machine(_) => false,
        }
    }

    fn put(&mut self, row: Row) {
        match row {
            Row::Study(row) => {
                self.studies.insert((row.site.clone(), row.uid.clone()), row);
            }
            Row::Series(row) => {
                self.series.insert((row.site.clone(), row.study.clone(), row.uid.to_string()), row);
            }
            Row::Object(row) => {
                self.objects.insert(row.id, row);
            }
            Row::Receipt(row) => {
                self.receipts.insert(row.id, row);
            }
            Row::Association(row) => {
                self.associations.insert(row.id, row);
            }
            Row::Attention(row) => {
                self.attention.insert((row.site, row.study), row.mark);
            }
            Row::Attended { site, study } => {
                self.attention.remove(&(site, study));
            }
            Row::Machine(row) => {
                self.machines.insert(row.key.clone(), row);
            }
            Row::Payload(row) => {
                self.payloads.insert(payload_key(&row), row);
            }
            Row::Identity(row) => {
                self.identities.insert(row);
            }
            Row::IdentityGone(row) => {
                self.identities.remove(&row);
            }
            Row::Late(row) => {
                self.late.insert((row.object, row.workflow.clone(), row.ordinal), row);
            }
            Row::Run(row) => {
                self.runs.insert(row.id.clone(), row);
            }
            Row::Result(row) => {
                self.results.insert((row.run.clone(), row.task.clone()), row);
            }
            Row::Evidence(row) => {
                self.evidence.insert((row.site.clone(), row.sop_instance.clone()), row);
            }
            Row::Document(row) => {
                self.documents.insert((row.site.clone(), row.kind, row.name.clone(), row.version), row);
            }
            Row::Refusal(row) => {
                let key = |r: &RefusalRow| (r.called.clone(), r.calling.clone(), r.address.clone());
                self.refusals.retain(|old| key(old) != key(&row));
                self.refusals.insert(0, row);
                self.refusals.sort_by_key(|row| std::cmp::Reverse(row.last));
                self.refusals.truncate(REFUSALS_MAX);
            }
        }
    }
}

fn payload_key(row: &PayloadRow) -> (SiteId, StudyInstanceUid, WorkflowName, u32) {
    (row.site.clone(), row.study.clone(), row.workflow.clone(), row.ordinal)
}

impl Store for MemoryStore {
    fn commit(&self, change: &Change) -> Result<Committed, CommitError> {
        let mut tables = self.tables();
        if let Some(broken) = change.expect.iter().find(|expectation| !tables.holds(expectation)) {
            return Err(CommitError::Conflict(broken.clone()));
        }
        if let Some(row) = change.rows.iter().find(|row| tables.is_taken(row)) {
            let source = format!("the id of {row:?} is taken").into();
            return Err(StoreError { doing: "write rows", source }.into());
        }
        change.rows.iter().cloned().for_each(|row| tables.put(row));
        tables.audit.extend(change.audit.iter().cloned());
        tables.counter += 1;
        Ok(Committed { counter: tables.counter })
    }

    fn counter(&self) -> Result<u64, StoreError> {
        Ok(self.tables().counter)
    }
}

impl Intake for MemoryStore {
    fn revisions(&self, site: &SiteId, sop_instance: &SopInstanceUid) -> Result<Vec<ObjectRow>, StoreError> {
        Ok(self.objects_where(|object| object.site == *site && object.sop_instance == *sop_instance))
    }

    fn study(&self, site: &SiteId, uid: &StudyInstanceUid) -> Result<Option<StudyRow>, StoreError> {
        Ok(self.tables().studies.get(&(site.clone(), uid.clone())).cloned())
    }

    fn studies_of_accession(&self, site: &SiteId, accession: &str) -> Result<Vec<StudyRow>, StoreError> {
        let tables = self.tables();
        let found =
            tables.studies.values().filter(|row| row.site == *site && row.accession_number == accession);
        Ok(found.cloned().collect())
    }

    fn newest_studies(
        &self,
        site: &SiteId,
        before: Instant,
        count: usize,
    ) -> Result<Vec<StudyRow>, StoreError> {
        let tables = self.tables();
        let found = tables.studies.values().filter(|row| row.site == *site && row.first_received < before);
        let mut found: Vec<StudyRow> = found.cloned().collect();
        found.sort_by_key(|row| std::cmp::Reverse(row.first_received));
        found.truncate(count);
        Ok(found)
    }

    fn find_studies(
        &self,
        site: &SiteId,
        search: &StudySearch,
        before: Instant,
        count: usize,
    ) -> Result<Vec<StudyRow>, StoreError> {
        let mut found = self.newest_studies(site, before, usize::MAX)?;
        found.retain(|study| search.finds(study));
        found.truncate(count);
        Ok(found)
    }

    fn series(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<SeriesRow>, StoreError> {
        let tables = self.tables();
        Ok(tables.series.values().filter(|row| row.site == *site && row.study == *study).cloned().collect())
    }

    fn objects(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<ObjectRow>, StoreError> {
        Ok(self.objects_where(|object| object.site == *site && object.study == *study))
    }

    fn count_objects(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<u64, StoreError> {
        let tables = self.tables();
        let of_study = tables.objects.values().filter(|row| row.site == *site && row.study == *study);
        Ok(of_study.count() as u64)
    }

    fn receipts(&self, object: u64) -> Result<Vec<ReceiptRow>, StoreError> {
        Ok(self.tables().receipts.values().filter(|row| row.object == object).cloned().collect())
    }

    fn association(&self, id: u64) -> Result<Option<AssociationRow>, StoreError> {
        Ok(self.tables().associations.get(&id).cloned())
    }

    fn open_associations(&self) -> Result<Vec<AssociationRow>, StoreError> {
        Ok(self.tables().associations.values().filter(|row| row.ended.is_none()).cloned().collect())
    }

    fn refusals(&self) -> Result<Vec<RefusalRow>, StoreError> {
        Ok(self.tables().refusals.clone())
    }

    fn last_in_container(&self, container: u64) -> Result<Option<BlobRef>, StoreError> {
        let tables = self.tables();
        Ok(tables.blobs().filter(|blob| blob.container == container).max_by_key(|blob| blob.offset))
    }

    fn last_container(&self) -> Result<u64, StoreError> {
        Ok(self.tables().blobs().map(|blob| blob.container).max().unwrap_or(0))
    }

    fn last_id(&self) -> Result<u64, StoreError> {
        let tables = self.tables();
        let last =
            [tables.objects.keys().last(), tables.receipts.keys().last(), tables.associations.keys().last()];
        let run = tables.runs.keys().last().and_then(id_of_run);
        Ok(last.into_iter().flatten().copied().chain(run).max().unwrap_or(0))
    }

    fn wanted(&self, site: &SiteId, count: usize) -> Result<Vec<ObjectRow>, StoreError> {
        let tables = self.tables();
        let rows =
            tables.objects.values().filter(|row| row.site == *site && row.standing == Standing::Wanted);
        Ok(rows.take(count).cloned().collect())
    }

    fn newest_objects(&self, count: usize) -> Result<Vec<ObjectRow>, StoreError> {
        Ok(self.tables().objects.values().rev().take(count).cloned().collect())
    }

    fn audit(&self, count: usize) -> Result<Vec<AuditRow>, StoreError> {
        Ok(self.tables().audit.iter().rev().take(count).cloned().collect())
    }

    fn trail(
        &self,
        about: Option<&[String]>,
        before: Option<u64>,
        count: usize,
    ) -> Result<Vec<(u64, AuditRow)>, StoreError> {
        let is_told = |row: &AuditRow| {
            about.is_none_or(|about| about.contains(&row.subject) && about_studies(&row.action))
        };
        let tables = self.tables();
        let numbered = (1_u64..).zip(&tables.audit);
        let mut found: Vec<(u64, AuditRow)> = numbered
            .filter(|(id, row)| before.is_none_or(|before| *id < before) && is_told(row))
            .map(|(id, row)| (id, row.clone()))
            .collect();
        found.reverse();
        found.truncate(count);
        Ok(found)
    }
}

impl Definitions for MemoryStore {
    fn newest_documents(&self, site: &SiteId, kind: DocumentKind) -> Result<Vec<DocumentRow>, StoreError> {
        let tables = self.tables();
        // Versions of a name follow each other, so the last one inserted is the newest.
        let mut newest: BTreeMap<&str, &DocumentRow> = BTreeMap::new();
        for row in tables.documents.values().filter(|row| row.site == *site && row.kind == kind) {
            newest.insert(&row.name, row);
        }
        Ok(newest.into_values().cloned().collect())
    }

    fn document(
        &self,
        site: &SiteId,
        kind: DocumentKind,
        name: &str,
        version: u32,
    ) -> Result<Option<DocumentRow>, StoreError> {
        let key = (site.clone(), kind, name.to_owned(), version);
        Ok(self.tables().documents.get(&key).cloned())
    }
}

impl Cases for MemoryStore {
    fn attention(&self, site: &SiteId, count: usize) -> Result<Vec<AttentionRow>, StoreError> {
        let tables = self.tables();
        let mut found: Vec<AttentionRow> = tables
            .attention
            .iter()
            .filter(|((of, _), _)| of == site)
            .map(|((site, study), mark)| AttentionRow {
                site: site.clone(),
                study: study.clone(),
                mark: *mark,
            })
            .collect();
        found.sort_by_key(|row| row.mark);
        found.truncate(count);
        Ok(found)
    }

    fn mark(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Option<u64>, StoreError> {
        Ok(self.tables().attention.get(&(site.clone(), study.clone())).copied())
    }

    fn tallies(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<SeriesTally>, StoreError> {
        let tables = self.tables();
        let mut tallies: BTreeMap<String, SeriesTally> = BTreeMap::new();
        let in_force = tables
            .objects
            .values()
            .filter(|row| row.site == *site && row.study == *study && row.standing == Standing::InForce)
            .filter(|row| !tables.evidence.contains_key(&(site.clone(), row.sop_instance.clone())));
        for object in in_force {
            let first = tables
                .receipts
                .values()
                .find(|row| row.object == object.id && row.reception == Reception::Kept);
            let Some(first) = first else { continue };
            let tally = tallies.entry(object.series.to_string()).or_insert_with(|| SeriesTally {
                series: object.series.clone(),
                objects: 0,
                last: first.received,
                associations: Vec::new(),
            });
            tally.objects += 1;
            tally.last = tally.last.max(first.received);
            if let Err(at) = tally.associations.binary_search(&first.association) {
                tally.associations.insert(at, first.association);
            }
        }
        Ok(tallies.into_values().collect())
    }

    fn identities(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<IdentityRow>, StoreError> {
        let tables = self.tables();
        let of_study = |row: &&IdentityRow| row.site == *site && row.study == *study;
        Ok(tables.identities.iter().filter(of_study).cloned().collect())
    }

    fn releases(&self, associations: &[u64]) -> Result<Vec<(u64, Instant)>, StoreError> {
        let tables = self.tables();
        let released = associations.iter().filter_map(|id| {
            let (at, how) = tables.associations.get(id)?.ended?;
            (how == AssociationEnd::Released).then_some((*id, at))
        });
        Ok(released.collect())
    }

    fn machine(&self, key: &MachineKey) -> Result<Option<MachineRow>, StoreError> {
        Ok(self.tables().machines.get(key).cloned())
    }

    fn machines(
        &self,
        site: &SiteId,
        kind: MachineKind,
        study: &StudyInstanceUid,
    ) -> Result<Vec<MachineRow>, StoreError> {
        let tables = self.tables();
        let of_study = |key: &MachineKey| key.site == *site && key.kind == kind && key.study == *study;
        Ok(tables.machines.values().filter(|row| of_study(&row.key)).cloned().collect())
    }

    fn due(&self, kind: MachineKind, now: Instant, count: usize) -> Result<Vec<MachineRow>, StoreError> {
        let tables = self.tables();
        let is_due = |row: &&MachineRow| row.key.kind == kind && row.due.is_some_and(|due| due <= now);
        let mut due: Vec<MachineRow> = tables.machines.values().filter(is_due).cloned().collect();
        due.sort_by_key(|row| row.due);
        due.truncate(count);
        Ok(due)
    }

    fn offered(&self, kind: MachineKind, count: usize) -> Result<Vec<MachineRow>, StoreError> {
        self.offered_ending(kind, "", count)
    }

    fn offered_ending(
        &self,
        kind: MachineKind,
        ending: &str,
        count: usize,
    ) -> Result<Vec<MachineRow>, StoreError> {
        let tables = self.tables();
        let is_offered = |row: &&MachineRow| {
            row.key.kind == kind && row.offered.is_some() && row.key.name.ends_with(ending)
        };
        let mut offered: Vec<MachineRow> = tables.machines.values().filter(is_offered).cloned().collect();
        offered.sort_by_key(|row| row.offered.map(|offer| (offer.lane, offer.since)));
        offered.truncate(count);
        Ok(offered)
    }

    fn waiting_for_person(&self, site: &SiteId, count: usize) -> Result<Vec<MachineRow>, StoreError> {
        let tables = self.tables();
        let waits = |row: &&MachineRow| row.key.site == *site && row.person.is_some();
        let mut waiting: Vec<MachineRow> = tables.machines.values().filter(waits).cloned().collect();
        waiting.sort_by_key(|row| row.person);
        waiting.truncate(count);
        Ok(waiting)
    }

    fn next_due(&self, kind: MachineKind) -> Result<Option<Instant>, StoreError> {
        let tables = self.tables();
        Ok(tables.machines.values().filter(|row| row.key.kind == kind).filter_map(|row| row.due).min())
    }
}

#[cfg(test)]
mod tests {
    crate::store_contract!(Box::new(super::MemoryStore::default()));
}
