//! Payloads, runs, results and evidence in memory.

use gantry_types::{
    ids::{RunId, SiteId, WorkflowName},
    uid::{SopInstanceUid, StudyInstanceUid},
};

use super::MemoryStore;
use crate::{
    runs::Runs,
    store::{EvidenceRow, LateRow, ObjectRow, PayloadRow, ResultRow, RunRow, StoreError},
};

impl Runs for MemoryStore {
    fn payload(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
        workflow: &WorkflowName,
        ordinal: u32,
    ) -> Result<Option<PayloadRow>, StoreError> {
        let key = (site.clone(), study.clone(), workflow.clone(), ordinal);
        Ok(self.tables().payloads.get(&key).cloned())
    }

    fn payload_objects(&self, payload: &PayloadRow) -> Result<Vec<ObjectRow>, StoreError> {
        Ok(self.objects_where(|object| payload.items.iter().any(|item| item.object == object.id)))
    }

    fn late(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<LateRow>, StoreError> {
        let tables = self.tables();
        Ok(tables.late.values().filter(|row| row.site == *site && row.study == *study).cloned().collect())
    }

    fn run(&self, id: &RunId) -> Result<Option<RunRow>, StoreError> {
        Ok(self.tables().runs.get(id).cloned())
    }

    fn runs_of_study(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<RunRow>, StoreError> {
        let tables = self.tables();
        Ok(tables.runs.values().filter(|row| row.site == *site && row.study == *study).cloned().collect())
    }

    fn newest_runs(
        &self,
        site: &SiteId,
        before: Option<&RunId>,
        count: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        let tables = self.tables();
        let is_meant = |row: &&RunRow| row.site == *site && before.is_none_or(|before| row.id < *before);
        Ok(tables.runs.values().rev().filter(is_meant).take(count).cloned().collect())
    }

    fn results(&self, run: &RunId) -> Result<Vec<ResultRow>, StoreError> {
        Ok(self.tables().results.values().filter(|row| row.run == *run).cloned().collect())
    }

    fn evidence(
        &self,
        site: &SiteId,
        sop_instance: &SopInstanceUid,
    ) -> Result<Option<EvidenceRow>, StoreError> {
        Ok(self.tables().evidence.get(&(site.clone(), sop_instance.clone())).cloned())
    }

    fn evidence_of_study(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
    ) -> Result<Vec<EvidenceRow>, StoreError> {
        let tables = self.tables();
        let mut found: Vec<EvidenceRow> = tables
            .evidence
            .values()
            .filter(|row| row.site == *site && row.study == *study)
            .cloned()
            .collect();
        found.sort_by(|a, b| (a.made, &a.sop_instance).cmp(&(b.made, &b.sop_instance)));
        Ok(found)
    }

    fn newest_evidence(&self, site: &SiteId, count: usize) -> Result<Vec<EvidenceRow>, StoreError> {
        let tables = self.tables();
        let mut found: Vec<EvidenceRow> =
            tables.evidence.values().filter(|row| row.site == *site).cloned().collect();
        found.sort_by(|a, b| (b.made, &b.sop_instance).cmp(&(a.made, &a.sop_instance)));
        found.truncate(count);
        Ok(found)
    }

    fn older_evidence(&self, than: &EvidenceRow, count: usize) -> Result<Vec<EvidenceRow>, StoreError> {
        let mut found = self.newest_evidence(&than.site, usize::MAX)?;
        found.retain(|row| (row.made, &row.sop_instance) < (than.made, &than.sop_instance));
        found.truncate(count);
        Ok(found)
    }
}
