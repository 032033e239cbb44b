//! The order in which the keeper works (RC1), and that the test of it is worth something.

use std::{
    io::Read,
    ops::Range,
    sync::{Arc, Mutex, atomic::AtomicI64, atomic::Ordering},
};

use gantry_dicom::{data_set::DataSet, syntax, tag, writer};
use gantry_ports::{
    blob::{self, Room},
    clock::Clock,
    ids::Ids,
    job::Place,
    memory::{MemoryBlob, MemoryStore},
    store::{Committed, Store, StoreError},
};
use gantry_types::{ae_title::AeTitle, digest::Digest, instant::UtcOffset};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::filing;

/// What reached the disk, as far as the twins have one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reached {
    Data(BlobRef),
    Rows,
}

type Log = Arc<Mutex<Vec<Reached>>>;

/// Writes down what is synced.
struct Recorded<T>(T, Log);

impl Blob for Recorded<MemoryBlob> {
    fn append(&self, content: &mut dyn Read, label: &[u8]) -> Result<Appended, BlobError> {
        self.0.append(content, label)
    }

    fn sync(&self, references: &[BlobRef]) -> Result<(), BlobError> {
        self.1.lock().unwrap().extend(references.iter().copied().map(Reached::Data));
        self.0.sync(references)
    }

    fn read(&self, reference: BlobRef, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        self.0.read(reference, range)
    }

    fn place(&self, reference: BlobRef) -> Result<Place, BlobError> {
        self.0.place(reference)
    }

    fn verify(&self, reference: BlobRef) -> Result<Digest, BlobError> {
        self.0.verify(reference)
    }

    fn free(&self, reference: BlobRef) -> Result<(), BlobError> {
        self.0.free(reference)
    }

    fn room(&self) -> Result<Room, BlobError> {
        self.0.room()
    }

    fn kept(&self) -> Result<blob::Kept, BlobError> {
        self.0.kept()
    }
}

impl Store for Recorded<Arc<MemoryStore>> {
    fn commit(&self, change: &Change) -> Result<Committed, CommitError> {
        self.1.lock().unwrap().push(Reached::Rows);
        self.0.commit(change)
    }

    fn counter(&self) -> Result<u64, StoreError> {
        self.0.counter()
    }
}

/// What is wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It says that data is synced and does it never: the answer goes out before.
    Hasty,
    /// It cannot sync the content of this container.
    Fails(u64),
    /// Whoever syncs the content of this container panics.
    Panics(u64),
}

struct Faulty(Recorded<MemoryBlob>, Fault);

impl Blob for Faulty {
    fn append(&self, content: &mut dyn Read, label: &[u8]) -> Result<Appended, BlobError> {
        self.0.append(content, label)
    }

    fn sync(&self, references: &[BlobRef]) -> Result<(), BlobError> {
        let holds = |container| references.iter().any(|one| one.container == container);
        match self.1 {
            Fault::Hasty => Ok(()),
            Fault::Fails(container) if holds(container) => {
                let source = std::io::Error::other("a bad block");
                Err(BlobError::Disk { doing: "sync", source })
            }
            Fault::Panics(container) if holds(container) => panic!("a fault of the program"),
            Fault::Fails(_) | Fault::Panics(_) => self.0.sync(references),
        }
    }

    fn read(&self, reference: BlobRef, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        self.0.read(reference, range)
    }

    fn place(&self, reference: BlobRef) -> Result<Place, BlobError> {
        self.0.place(reference)
    }

    fn verify(&self, reference: BlobRef) -> Result<Digest, BlobError> {
        self.0.verify(reference)
    }

    fn free(&self, reference: BlobRef) -> Result<(), BlobError> {
        self.0.free(reference)
    }

    fn room(&self) -> Result<Room, BlobError> {
        self.0.room()
    }

    fn kept(&self) -> Result<blob::Kept, BlobError> {
        self.0.kept()
    }
}

#[derive(Default)]
struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn now(&self) -> Instant {
        Instant(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn offset(&self) -> UtcOffset {
        UtcOffset::UTC
    }

    fn monotonic(&self) -> Instant {
        self.now()
    }
}

impl Ids for Ticks {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed).unsigned_abs() + 1
    }
}

fn take_digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// Whether the disk tells the truth.
#[derive(Debug, Clone, Copy)]
enum Sabotage {
    None,
    AnswerBeforeSync,
}

fn an_object_is_answered_after_its_data_and_then_its_rows(sabotage: Sabotage) {
    let log = Log::default();
    let recorded = Recorded(MemoryBlob::new(1 << 20, take_digest), Arc::clone(&log));
    let blob: Arc<dyn Blob> = match sabotage {
        Sabotage::None => Arc::new(recorded),
        Sabotage::AnswerBeforeSync => Arc::new(Faulty(recorded, Fault::Hasty)),
    };
    let store = Arc::new(MemoryStore::default());
    let outside = Outside {
        blob: Arc::clone(&blob),
        store: Arc::new(Recorded(Arc::clone(&store), Arc::clone(&log))),
        intake: store,
        clock: Arc::new(Ticks::default()),
        ids: Arc::new(Ticks::default()),
    };
    let (keeper, handle) = Keeper::start(outside, "site".parse().unwrap(), 8).unwrap();
    for number in 1..=3 {
        let arrived = arrived(&*blob, number);
        let reference = arrived.appended.reference;
        log.lock().unwrap().clear();
        assert_eq!(handle.keep(arrived), Kept::Durably);
        let reached = log.lock().unwrap().clone();
        assert_eq!(reached, [Reached::Data(reference), Reached::Rows], "object {number}");
    }
    drop(handle);
    keeper.join();
}

fn arrived(blob: &dyn Blob, number: u32) -> Arrived {
    let mut object = DataSet::new();
    object.put_str(tag::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2");
    object.put_str(tag::SOP_INSTANCE_UID, format!("1.1.{number}").as_str());
    object.put_str(tag::STUDY_INSTANCE_UID, "1.2");
    object.put_str(tag::SERIES_INSTANCE_UID, "1.3");
    let bytes = writer::write_explicit(&object).unwrap();
    let transfer_syntax = TransferSyntaxUid::from_peer(syntax::EXPLICIT_VR_LITTLE_ENDIAN).unwrap();
    Arrived {
        appended: blob.append(&mut &*bytes, b"").unwrap(),
        head_bytes: 0,
        filed: filing::file(&bytes, true, &transfer_syntax).unwrap(),
        transfer_syntax,
        association: AssociationRow {
            id: 1,
            called: AeTitle::parse("GANTRY").unwrap(),
            calling: "CT".into(),
            address: "10.0.0.7".into(),
            began: Instant(0),
            ended: None,
        },
        deviations: String::new(),
    }
}

#[test]
fn rc1_an_object_is_answered_after_its_data_and_then_its_rows() {
    an_object_is_answered_after_its_data_and_then_its_rows(Sabotage::None);
}

#[test]
fn a_sabotage_turns_its_test_red() {
    let test = || an_object_is_answered_after_its_data_and_then_its_rows(Sabotage::AnswerBeforeSync);
    assert!(std::panic::catch_unwind(test).is_err(), "an answer before the sync was not noticed");
}

/// One container that fails, or a fault of the program about one object, fails no other object and not the keeper.
#[test]
fn what_fails_alone_fails_no_other() {
    for fault in [Fault::Fails(2), Fault::Panics(2)] {
        let log = Log::default();
        let recorded = Recorded(MemoryBlob::new(1 << 20, take_digest), Arc::clone(&log));
        let blob: Arc<dyn Blob> = Arc::new(Faulty(recorded, fault));
        let store = Arc::new(MemoryStore::default());
        let outside = Outside {
            blob: Arc::clone(&blob),
            store: store.clone(),
            intake: store.clone(),
            clock: Arc::new(Ticks::default()),
            ids: Arc::new(Ticks::default()),
        };
        let mut desk = Desk {
            outside,
            site: "site".parse().unwrap(),
            waiting: Arc::default(),
            known_studies: BTreeSet::new(),
            known_series: BTreeSet::new(),
            owed: Vec::new(),
        };
        let (orders, receiver) = sync_channel(8);
        let answers: Vec<_> = (1..=3)
            .map(|number| {
                let (answer, answered) = sync_channel(1);
                let arrived = Arc::new(arrived(&*blob, number));
                orders.send(Order::Object { arrived, compared: Compared::new(), answer }).unwrap();
                answered
            })
            .collect();
        drop(orders);
        desk.run(&receiver);
        let kept: Vec<bool> = answers
            .into_iter()
            .map(|answered| matches!(answered.recv().unwrap(), Answer::Kept(Kept::Durably)))
            .collect();
        assert_eq!(kept, [true, false, true], "{fault:?}");
        use gantry_ports::intake::Intake as _;
        let study = StudyInstanceUid::from_peer("1.2").unwrap();
        assert_eq!(store.objects(&"site".parse().unwrap(), &study).unwrap().len(), 2);
    }
}
