//! What is read of payloads, runs, results and evidence.

use gantry_types::{
    ids::{RunId, SiteId, WorkflowName},
    uid::{SopInstanceUid, StudyInstanceUid},
};

use crate::store::{EvidenceRow, LateRow, ObjectRow, PayloadRow, ResultRow, RunRow, StoreError};

/// The run of an id: sorted as texts, runs stand in the order of their ids.
#[must_use]
pub fn run_of_id(id: u64) -> RunId {
    format!("{id:016x}").parse().unwrap_or_else(|_| unreachable!("hexadecimal digits name a run"))
}

/// The id that a run was named by; nothing if it was named otherwise.
#[must_use]
pub fn id_of_run(run: &RunId) -> Option<u64> {
    u64::from_str_radix(run.as_str(), 16).ok()
}

/// The port.
pub trait Runs: Send + Sync {
    /// A payload.
    ///
    /// # Errors
    /// [`StoreError`].
    fn payload(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
        workflow: &WorkflowName,
        ordinal: u32,
    ) -> Result<Option<PayloadRow>, StoreError>;

    /// The objects of a payload, each once, by their keys.
    ///
    /// # Errors
    /// [`StoreError`].
    fn payload_objects(&self, payload: &PayloadRow) -> Result<Vec<ObjectRow>, StoreError>;

    /// Objects of a study that came too late, by their keys.
    ///
    /// # Errors
    /// [`StoreError`].
    fn late(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<LateRow>, StoreError>;

    /// A run.
    ///
    /// # Errors
    /// [`StoreError`].
    fn run(&self, id: &RunId) -> Result<Option<RunRow>, StoreError>;

    /// The runs of a study, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn runs_of_study(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<RunRow>, StoreError>;

    /// The newest runs, newest first; at most `count` of those older than `before`, if that is given.
    ///
    /// # Errors
    /// [`StoreError`].
    fn newest_runs(
        &self,
        site: &SiteId,
        before: Option<&RunId>,
        count: usize,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// The accepted results of a run, by task.
    ///
    /// # Errors
    /// [`StoreError`].
    fn results(&self, run: &RunId) -> Result<Vec<ResultRow>, StoreError>;

    /// An object that Gantry made.
    ///
    /// # Errors
    /// [`StoreError`].
    fn evidence(
        &self,
        site: &SiteId,
        sop_instance: &SopInstanceUid,
    ) -> Result<Option<EvidenceRow>, StoreError>;

    /// The objects that Gantry made for a study, in the order of their making.
    ///
    /// # Errors
    /// [`StoreError`].
    fn evidence_of_study(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
    ) -> Result<Vec<EvidenceRow>, StoreError>;

    /// The newest objects that Gantry made, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn newest_evidence(&self, site: &SiteId, count: usize) -> Result<Vec<EvidenceRow>, StoreError>;

    /// Those older than one of them, newest first: the next page.
    ///
    /// # Errors
    /// [`StoreError`].
    fn older_evidence(&self, than: &EvidenceRow, count: usize) -> Result<Vec<EvidenceRow>, StoreError>;
}
