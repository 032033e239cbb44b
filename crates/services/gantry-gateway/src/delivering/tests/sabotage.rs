//! A decorator around the rows gives each retry another UID; the test that guards DL1 must notice.

use gantry_ports::{
    runs::Runs,
    store::{LateRow, ObjectRow, PayloadRow, ResultRow, RunRow, StoreError},
};
use gantry_types::ids::{RunId, WorkflowName};

use super::*;

/// Rows of which something is done to the evidence each time it is read: for the how manieth, from 0.
pub(super) struct Meddled<F> {
    pub(super) store: Arc<MemoryStore>,
    pub(super) reads: AtomicI64,
    pub(super) meddle: F,
}

impl<F: Fn(i64, EvidenceRow) -> EvidenceRow + Send + Sync> Runs for Meddled<F> {
    fn evidence(&self, site: &SiteId, sop: &SopInstanceUid) -> Result<Option<EvidenceRow>, StoreError> {
        let read = self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.store.evidence(site, sop)?.map(|row| (self.meddle)(read, row)))
    }

    fn payload(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
        workflow: &WorkflowName,
        ordinal: u32,
    ) -> Result<Option<PayloadRow>, StoreError> {
        self.store.payload(site, study, workflow, ordinal)
    }

    fn payload_objects(&self, payload: &PayloadRow) -> Result<Vec<ObjectRow>, StoreError> {
        self.store.payload_objects(payload)
    }

    fn late(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<LateRow>, StoreError> {
        self.store.late(site, study)
    }

    fn run(&self, id: &RunId) -> Result<Option<RunRow>, StoreError> {
        self.store.run(id)
    }

    fn runs_of_study(&self, site: &SiteId, study: &StudyInstanceUid) -> Result<Vec<RunRow>, StoreError> {
        self.store.runs_of_study(site, study)
    }

    fn newest_runs(
        &self,
        site: &SiteId,
        before: Option<&RunId>,
        count: usize,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.store.newest_runs(site, before, count)
    }

    fn results(&self, run: &RunId) -> Result<Vec<ResultRow>, StoreError> {
        self.store.results(run)
    }

    fn evidence_of_study(
        &self,
        site: &SiteId,
        study: &StudyInstanceUid,
    ) -> Result<Vec<EvidenceRow>, StoreError> {
        self.store.evidence_of_study(site, study)
    }

    fn newest_evidence(&self, site: &SiteId, count: usize) -> Result<Vec<EvidenceRow>, StoreError> {
        self.store.newest_evidence(site, count)
    }

    fn older_evidence(&self, than: &EvidenceRow, count: usize) -> Result<Vec<EvidenceRow>, StoreError> {
        self.store.older_evidence(than, count)
    }
}

#[derive(Debug, Clone, Copy)]
enum Sabotage {
    None,
    NewUid,
}

fn renamed(read: i64, row: EvidenceRow) -> EvidenceRow {
    let sop_instance = SopInstanceUid::parse(&format!("{}.{read}", row.sop_instance)).unwrap();
    EvidenceRow { sop_instance, ..row }
}

fn a_retry_sends_the_same_uid_and_bytes(sabotage: Sabotage) {
    let mut node = Node::with_runs(|store| match sabotage {
        Sabotage::None => store,
        Sabotage::NewUid => Arc::new(Meddled { store, reads: AtomicI64::new(0), meddle: renamed }),
    });
    let answers = Mutex::new(vec![Play::Status(0), Play::Status(0xA700), Play::Status(0xA700)]);
    let peer = Peer::start(&[SC], move |_| answers.lock().unwrap().pop().unwrap_or(Play::Status(0)));
    node.destination("pacs", peer.port(), "");
    let key = node.object(1, SC, Lane::Routine, "pacs");
    node.start();
    for failures in 1..=2 {
        node.until_failed(&key, failures);
        node.put_forward(Duration::from_secs(600));
    }
    node.until_sent(&key);
    let got: Vec<_> = peer.got().into_iter().map(|got| (got.uid, got.digest)).collect();
    assert_eq!(got.len(), 3);
    assert!(got.iter().all(|one| *one == got[0]), "{got:?}");
    node.end();
}

#[test]
fn dl1_a_retry_sends_the_same_uid_and_bytes() {
    a_retry_sends_the_same_uid_and_bytes(Sabotage::None);
}

#[test]
fn a_sabotage_turns_its_test_red() {
    let test = || a_retry_sends_the_same_uid_and_bytes(Sabotage::NewUid);
    assert!(std::panic::catch_unwind(test).is_err(), "a retry with a new UID was not noticed");
}
