//! A conductor over in-memory twins, a clock that stands until it is told to go on, and things to keep.

use std::{
    collections::BTreeMap,
    io::Read,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use gantry_definition::{document, package::Package};
use gantry_dicom::{data_set::DataSet, part10, syntax, tag, writer};
use gantry_flow::names::{CaseKey, Subject};
use gantry_ports::{
    blob::{Appended, Blob, BlobError, BlobRef, Kept, Room},
    cases::Cases as _,
    clock::Clock,
    ids::Ids,
    intake::Intake as _,
    job::{ApplicationSource, Job, Place},
    memory::{MemoryBlob, MemoryPerformer, MemoryStore, Play},
    news::News,
    packages::{Application, Packages},
    performer::Performer,
    state,
    store::{
        AssociationEnd, AssociationRow, AttentionRow, Change, CommitError, Committed, DocumentKind,
        DocumentRow, EvidenceRow, IdentityRow, MachineKind, MachineRow, ObjectRow, ReceiptRow, Reception,
        Row, SeriesRow, Standing, Store, StoreError, StudyRow,
    },
};
use gantry_types::{
    ae_title::AeTitle,
    digest::Digest,
    ids::{AppName, SiteId},
    instant::{Instant, UtcOffset},
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid, Uid},
};
use sha2::{Digest as _, Sha256};

use crate::{Conductor, Outside, Performers, Settings, Slot};

pub(super) const SECOND: i64 = 1_000_000;

pub(super) const WORKFLOW: &str = r#"
apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest-ct }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest: { series: 'series.modality == "CT" && series.instances >= 3' }
ready: { quiet: 20s, associationEnd: 0s }
tasks:
  - name: lungs
    app: lung-density
    inputs: { image: chest }
    retry: { attempts: 3, backoff: 10s }
deliver:
  - { to: pacs }
"#;

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::Relaxed))
    }

    fn offset(&self) -> UtcOffset {
        UtcOffset::UTC
    }

    fn monotonic(&self) -> Instant {
        self.now()
    }
}

#[derive(Default)]
struct Count(AtomicU64);

impl Ids for Count {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

struct Shelf(Arc<Application>);

impl Packages for Shelf {
    fn find(&self, name: &AppName) -> Option<Arc<Application>> {
        (self.0.package.name == *name).then(|| Arc::clone(&self.0))
    }
}

/// A blob store whose disk can be full.
struct Disk {
    inner: MemoryBlob,
    is_full: AtomicBool,
}

impl Blob for Disk {
    fn append(&self, content: &mut dyn Read, label: &[u8]) -> Result<Appended, BlobError> {
        self.check_room()?;
        self.inner.append(content, label)
    }

    fn sync(&self, references: &[BlobRef]) -> Result<(), BlobError> {
        self.inner.sync(references)
    }

    fn read(&self, reference: BlobRef, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        self.inner.read(reference, range)
    }

    fn place(&self, reference: BlobRef) -> Result<Place, BlobError> {
        self.inner.place(reference)
    }

    fn verify(&self, reference: BlobRef) -> Result<Digest, BlobError> {
        self.inner.verify(reference)
    }

    fn free(&self, reference: BlobRef) -> Result<(), BlobError> {
        self.inner.free(reference)
    }

    fn room(&self) -> Result<Room, BlobError> {
        if self.is_full.load(Ordering::Relaxed) {
            return Ok(Room { free: 1, reserve: 2 });
        }
        self.inner.room()
    }

    fn kept(&self) -> Result<Kept, BlobError> {
        self.inner.kept()
    }
}

type Intrusion = Box<dyn FnOnce() + Send>;

/// What is done to the store behind the conductor's back: a test of the promise that it breaks must turn red.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    None,
    /// No case comes back by itself.
    TimerForgotten,
    /// A task that is offered again is claimed under the fence that it had.
    FenceReused,
    /// The commit of a result fails, and is written all the same.
    WrittenAndFailed,
}

impl Sabotage {
    fn spoil(self, row: &mut MachineRow) {
        match (self, row.key.kind) {
            (Self::TimerForgotten, MachineKind::Case) => row.due = None,
            (Self::FenceReused, MachineKind::Run) if row.offered.is_some() => {
                row.state = row.state.replace("\"fence\":1", "\"fence\":0");
            }
            (
                Self::None | Self::TimerForgotten | Self::FenceReused | Self::WrittenAndFailed,
                MachineKind::Case | MachineKind::Run | MachineKind::Delivery | MachineKind::Publication,
            ) => {}
        }
    }
}

/// Lets somebody in just before a commit of the conductor, and spoils what it writes.
struct Intruded {
    store: Arc<MemoryStore>,
    next: Arc<Mutex<Option<Intrusion>>>,
    sabotage: Sabotage,
}

impl Store for Intruded {
    fn commit(&self, change: &Change) -> Result<Committed, CommitError> {
        let next = self.next.lock().unwrap().take();
        next.into_iter().for_each(|intrude| intrude());
        let mut change = change.clone();
        for row in &mut change.rows {
            if let Row::Machine(row) = row {
                self.sabotage.spoil(row);
            }
        }
        let committed = self.store.commit(&change)?;
        let is_result = change.rows.iter().any(|row| matches!(row, Row::Result(_)));
        if self.sabotage == Sabotage::WrittenAndFailed && is_result {
            return Err(StoreError { doing: "write a change", source: "the disk is silent".into() }.into());
        }
        Ok(committed)
    }

    fn counter(&self) -> Result<u64, StoreError> {
        self.store.counter()
    }
}

/// Clones are views of the same rows.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) store: Arc<MemoryStore>,
    pub(super) conductor: Arc<Conductor>,
    blob: Arc<Disk>,
    clock: Arc<Hand>,
    ids: Arc<Count>,
    said: Arc<Mutex<Vec<String>>>,
    intrusion: Arc<Mutex<Option<Intrusion>>>,
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// What an answer of the application brings.
pub(super) fn files(findings: &str) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([("findings.json".to_owned(), findings.as_bytes().to_vec())])
}

impl Bench {
    pub(super) fn empty() -> Self {
        Self::spoiled(Sabotage::None)
    }

    fn spoiled(sabotage: Sabotage) -> Self {
        let store = Arc::new(MemoryStore::default());
        let inner = MemoryBlob::new(1 << 20, digest);
        let blob = Arc::new(Disk { inner, is_full: AtomicBool::new(false) });
        let clock = Arc::new(Hand(AtomicI64::new(1_000 * SECOND)));
        Self::over(store, blob, clock, Arc::default(), sabotage)
    }

    fn over(
        store: Arc<MemoryStore>,
        blob: Arc<Disk>,
        clock: Arc<Hand>,
        ids: Arc<Count>,
        sabotage: Sabotage,
    ) -> Self {
        let (said, intrusion) = (Arc::<Mutex<Vec<String>>>::default(), Arc::default());
        let package = Package::parse(include_str!("../../../../../apps/lung-density/app.toml")).unwrap();
        let application = Application {
            package,
            digest: Digest([8; 32]),
            source: ApplicationSource::Shipped("lung-density".to_owned()),
            slot: 0,
        };
        let words = Arc::clone(&said);
        let outside = Outside {
            store: Arc::new(Intruded { store: store.clone(), next: Arc::clone(&intrusion), sabotage }),
            intake: store.clone(),
            cases: store.clone(),
            runs: store.clone(),
            definitions: store.clone(),
            blob: blob.clone(),
            packages: Arc::new(Shelf(Arc::new(application))),
            clock: clock.clone(),
            ids: ids.clone(),
            say: Arc::new(move |line| words.lock().unwrap().push(line.to_owned())),
        };
        let settings = Settings::new("site".parse().unwrap(), "node-a".parse().unwrap());
        let conductor = Arc::new(Conductor::new(outside, settings));
        Self { store, conductor, blob, clock, ids, said, intrusion }
    }

    pub(super) fn new(workflow: &str) -> Self {
        Self::sabotaged(workflow, Sabotage::None)
    }

    pub(super) fn sabotaged(workflow: &str, sabotage: Sabotage) -> Self {
        let bench = Self::spoiled(sabotage);
        bench.apply(workflow);
        bench.turn();
        bench
    }

    /// Another process on the same rows and bytes.
    pub(super) fn reborn(&self) -> Self {
        let (store, blob) = (self.store.clone(), self.blob.clone());
        Self::over(store, blob, self.clock.clone(), self.ids.clone(), Sabotage::None)
    }

    pub(super) fn site(&self) -> SiteId {
        "site".parse().unwrap()
    }

    pub(super) fn study(&self) -> StudyInstanceUid {
        StudyInstanceUid::parse("1").unwrap()
    }

    pub(super) fn commit(&self, rows: Vec<Row>) {
        self.store.commit(&Change { rows, ..Change::default() }).unwrap();
    }

    pub(super) fn apply(&self, text: &str) {
        let document = document::read(text).unwrap().remove(0);
        let workflows =
            self.conductor.outside.definitions.newest_documents(&self.site(), DocumentKind::Workflow);
        let version = workflows.unwrap().first().map_or(0, |row| row.version) + 1;
        self.commit(vec![Row::Document(DocumentRow {
            site: self.site(),
            kind: DocumentKind::Workflow,
            name: document.name().to_owned(),
            version,
            digest: digest(&document.canonical),
            text: text.to_owned(),
            applied: self.clock.now(),
        })]);
    }

    /// Time goes on.
    pub(super) fn pass(&self, micros: i64) {
        self.clock.0.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn turn(&self) {
        // Longer than a study rests.
        self.pass(SECOND / 2);
        self.conductor.turn().unwrap();
    }

    pub(super) fn uid(series: &str, number: u32) -> SopInstanceUid {
        SopInstanceUid::parse(&format!("{series}.{number}")).unwrap()
    }

    /// An object comes, or comes again, as a door keeps it.
    pub(super) fn keep(&self, series: &str, number: u32, association: u64) {
        self.keep_uid(&Self::uid(series, number), series, association);
    }

    /// An object of this UID comes.
    pub(super) fn keep_again(&self, sop: &str, series: &str, association: u64) {
        self.keep_uid(&SopInstanceUid::parse(sop).unwrap(), series, association);
    }

    /// Evidence of another Gantry comes.
    pub(super) fn keep_made(&self, series: &str, association: u64) {
        self.keep_object(&Self::uid(series, 1), series, association, "Gantry");
    }

    fn keep_uid(&self, sop: &SopInstanceUid, series: &str, association: u64) {
        self.keep_object(sop, series, association, "Scanner");
    }

    fn keep_object(&self, sop: &SopInstanceUid, series: &str, association: u64, equipment: &str) {
        let (site, study) = (self.site(), self.study());
        let series = SeriesInstanceUid::parse(series).unwrap();
        let known = self.store.revisions(&site, sop).unwrap();
        let mut rows = Vec::new();
        let (object, reception) = match known.first() {
            Some(row) => (row.id, Reception::Same),
            None => {
                let row = self.object(sop, &series, equipment);
                let id = row.id;
                rows.push(Row::Object(row));
                (id, Reception::Kept)
            }
        };
        let now = self.clock.now();
        rows.extend([
            Row::Study(self.study_row(&study)),
            Row::Series(SeriesRow {
                site: site.clone(),
                study: study.clone(),
                uid: series,
                modality: "CT".into(),
                number: String::new(),
                description: String::new(),
            }),
            Row::Association(self.association(association, None)),
            Row::Receipt(ReceiptRow {
                id: self.ids.next(),
                object,
                association,
                received: now,
                reception,
                deviations: String::new(),
            }),
            Row::Attention(AttentionRow { site, study, mark: self.ids.next() }),
        ]);
        self.commit(rows);
    }

    pub(super) fn object(
        &self,
        sop: &SopInstanceUid,
        series: &SeriesInstanceUid,
        equipment: &str,
    ) -> ObjectRow {
        let mut data_set = DataSet::new();
        data_set.put_str(tag::SOP_CLASS_UID, CT);
        data_set.put_str(tag::SOP_INSTANCE_UID, sop.as_str());
        data_set.put_str(tag::MODALITY, "CT");
        data_set.put_str(tag::STUDY_INSTANCE_UID, "1");
        data_set.put_str(tag::SERIES_INSTANCE_UID, series.as_str());
        let mut contribution = DataSet::new();
        contribution.put_str(tag::MANUFACTURER_MODEL_NAME, equipment);
        data_set.put_items(tag::CONTRIBUTING_EQUIPMENT_SEQUENCE, vec![contribution]);
        let transfer_syntax = TransferSyntaxUid::from_peer(syntax::EXPLICIT_VR_LITTLE_ENDIAN).unwrap();
        let sop_class = SopClassUid::from_peer(CT).unwrap();
        let implementation = part10::Implementation {
            class_uid: Uid::from_peer("2.25.1").unwrap(),
            version_name: "TEST".to_owned(),
        };
        let head = part10::head(&sop_class, sop, &transfer_syntax, &implementation, None);
        let bytes = [head.clone(), writer::write_explicit(&data_set).unwrap()].concat();
        let appended = self.blob.append(&mut &*bytes, b"").unwrap();
        ObjectRow {
            id: self.ids.next(),
            site: self.site(),
            study: self.study(),
            series: series.clone(),
            sop_instance: sop.clone(),
            sop_class,
            transfer_syntax,
            blob: appended.reference,
            head_bytes: u32::try_from(head.len()).unwrap(),
            // Of what it is, not of how it was written here: its place in time must not show in a payload.
            digest: appended.digest,
            revision: 1,
            standing: Standing::InForce,
        }
    }

    fn association(&self, id: u64, ended: Option<(Instant, AssociationEnd)>) -> AssociationRow {
        AssociationRow {
            id,
            called: AeTitle::parse("GANTRY").unwrap(),
            calling: "CT".into(),
            address: "10.0.0.7".into(),
            began: Instant(0),
            ended,
        }
    }

    /// An association is released.
    pub(super) fn release(&self, id: u64) {
        let ended = Some((self.clock.now(), AssociationEnd::Released));
        let mark = AttentionRow { site: self.site(), study: self.study(), mark: self.ids.next() };
        self.commit(vec![Row::Association(self.association(id, ended)), Row::Attention(mark)]);
    }

    /// Something happens just before the next commit of the conductor.
    pub(super) fn intrude(&self, what: impl FnOnce(&Self) + Send + 'static) {
        let bench = self.clone();
        *self.intrusion.lock().unwrap() = Some(Box::new(move || what(&bench)));
    }

    pub(super) fn id(&self, series: &str, number: u32) -> u64 {
        self.store.revisions(&self.site(), &Self::uid(series, number)).unwrap()[0].id
    }

    pub(super) fn damage(&self, series: &str, number: u32) {
        let row = self.store.revisions(&self.site(), &Self::uid(series, number)).unwrap().remove(0);
        self.blob.free(row.blob).unwrap();
    }

    pub(super) fn fill_disk(&self, is_full: bool) {
        self.blob.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Another study, whose case nobody can read.
    pub(super) fn spoil_study(&self, uid: &str) {
        let study = StudyInstanceUid::parse(uid).unwrap();
        let case = CaseKey::Study { site: self.site(), study: study.clone() };
        let subject = Subject { case, workflow: "chest-ct".parse().unwrap() };
        self.commit(vec![
            Row::Study(self.study_row(&study)),
            Row::Machine(MachineRow {
                key: state::case::key(&subject),
                version: 1,
                state: "of another version".to_owned(),
                due: None,
                offered: None,
                person: None,
            }),
            Row::Attention(AttentionRow { site: self.site(), study, mark: 0 }),
        ]);
    }

    pub(super) fn change_run(&self, change: impl FnOnce(&mut MachineRow)) {
        let mut row = self.run_machine();
        row.version += 1;
        change(&mut row);
        self.commit(vec![Row::Machine(row)]);
    }

    pub(super) fn identify(&self, patient_id: &str, issuer: &str) {
        self.commit(vec![Row::Identity(IdentityRow {
            site: self.site(),
            study: self.study(),
            patient_id: patient_id.to_owned(),
            issuer: issuer.to_owned(),
        })]);
    }

    fn study_row(&self, uid: &StudyInstanceUid) -> StudyRow {
        StudyRow {
            site: self.site(),
            uid: uid.clone(),
            first_received: self.clock.now(),
            patient_id: "P1".into(),
            patient_id_issuer: String::new(),
            patient_name: String::new(),
            accession_number: String::new(),
            accession_issuer: String::new(),
            study_date: String::new(),
            description: String::new(),
        }
    }

    pub(super) fn bytes(&self, blob: BlobRef) -> Vec<u8> {
        self.blob.read(blob, 0..u64::MAX).unwrap()
    }

    pub(super) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    pub(super) fn runs(&self) -> usize {
        self.store.machines(&self.site(), MachineKind::Run, &self.study()).unwrap().len()
    }

    pub(super) fn run_machine(&self) -> MachineRow {
        self.store.machines(&self.site(), MachineKind::Run, &self.study()).unwrap().remove(0)
    }

    /// An evidence row, as if a run had published it.
    pub(super) fn make_evidence(&self, sop: &str) {
        use gantry_ports::runs::Runs as _;
        let run = self.store.newest_runs(&self.site(), None, 1).unwrap().remove(0);
        self.commit(vec![Row::Evidence(EvidenceRow {
            site: self.site(),
            sop_instance: SopInstanceUid::parse(sop).unwrap(),
            sop_class: SopClassUid::from_peer(CT).unwrap(),
            transfer_syntax: TransferSyntaxUid::from_peer(syntax::EXPLICIT_VR_LITTLE_ENDIAN).unwrap(),
            study: self.study(),
            series: SeriesInstanceUid::parse("2.25.9").unwrap(),
            run: run.id,
            task: "lungs".parse().unwrap(),
            destination: "pacs".parse().unwrap(),
            class: gantry_definition::package::Class::Clinical,
            blob: BlobRef { container: 1, offset: 0, length: 1 },
            head_bytes: 0,
            digest: Digest([0; 32]),
            made: self.clock.now(),
        })]);
    }

    /// A performer that does something before it answers.
    pub(super) fn performer(
        &self,
        play: impl Fn(&Self) -> Play + Send + Sync + 'static,
    ) -> Arc<dyn Performer> {
        let bench = self.clone();
        Arc::new(MemoryPerformer::new(digest, move |_: &Job| play(&bench)))
    }

    /// Has the next offered task end like this.
    pub(super) fn finish(&self, play: Play) {
        assert_eq!(self.finish_all(vec![play]), 1);
    }

    /// Has one attempt after the other end like this, waiting out every back-off; says how many there were.
    pub(super) fn finish_all(&self, plays: Vec<Play>) -> usize {
        let plays = Arc::new(Mutex::new(plays));
        let left = Arc::clone(&plays);
        let performer = self.performer(move |_| left.lock().unwrap().remove(0));
        let mut attempts = 0;
        for _ in 0..20 {
            if plays.lock().unwrap().is_empty() {
                break;
            }
            if self.conductor.run_next(Slot::Any, Performers::all(&*performer), &News::default()).unwrap() {
                attempts += 1;
            }
            self.pass(25 * SECOND);
            self.turn();
        }
        attempts
    }
}
