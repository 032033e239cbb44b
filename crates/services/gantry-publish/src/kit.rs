//! A small study with its result, as the store and the blobs hold them; tests change what they are about.

mod watched;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
};

use gantry_definition::package::Package;
use gantry_dicom::{
    data_set::{DataSet, Value},
    part10,
    reader::{self, Limits, Stop},
    syntax, tag,
    vr::Vr,
    writer,
};
use gantry_evidence::{object::Kind, uid::SiteSecret};
use gantry_flow::{publication::begin, step::Lane};
use gantry_image::{geometry::*, grid::*, volume::Volume};
use gantry_phantom::{
    acquisition::Acquisition,
    study::{Subject, study},
};
use gantry_ports::{
    blob::{Appended, Blob},
    cases::Cases as _,
    clock::Clock,
    job::{
        ApplicationSource, AttemptId, Outcome, Report, Ticket,
        findings::{self, Found},
        mask, names, result,
    },
    memory::{MemoryBlob, MemoryStore},
    packages::{Application, Packages},
    state::publication::{self, PublicationKey},
    store::{
        Change, CommitError, Committed, DocumentKind, DocumentRow, MachineKey, MachineRow, ObjectRow,
        PayloadItem, PayloadRow, PinnedPackage, ResultFile, ResultRow, Row, RunRow, Standing, Store,
        StoreError,
    },
};
use gantry_types::{
    digest::Digest,
    findings::{Findings, MeasuredValue, Measurement, SegmentFinding},
    ids::{AppName, RunId, SiteId},
    instant::{Instant, Stamp, UtcOffset},
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid},
};
use sha2::Digest as _;

use crate::{
    Outside, Publisher, Settings,
    making::{Craft, Gantrys},
};

pub(crate) const DAY: i64 = 24 * 3600 * 1_000_000;
/// When the run began: late in the evening, so that a day that is taken from a clock or a zone shows.
pub(crate) const BEGAN: Instant = Instant(20_000 * DAY + 22 * 3_600_000_000);

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest(sha2::Sha256::digest(bytes).into())
}

/// Everything that is stored before something is published.
pub(crate) struct Case {
    pub(crate) study: StudyInstanceUid,
    pub(crate) series: SeriesInstanceUid,
    /// Part 10 files, in stack order.
    pub(crate) images: Vec<Vec<u8>>,
    /// The images of the payload, by their place in `images`.
    pub(crate) payload: Vec<usize>,
    pub(crate) found: Found,
    /// The other files of the result.
    pub(crate) files: BTreeMap<&'static str, Vec<u8>>,
    /// The file of the result that is changed after its digest was taken.
    pub(crate) changed: Option<&'static str>,
    pub(crate) workflow: String,
    pub(crate) destination: String,
    pub(crate) package: Package,
    pub(crate) lane: Lane,
    pub(crate) run: RunId,
}

const WORKFLOW: &str = r#"
apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest-ct, class: research }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest: { series: series.modality == "CT" }
tasks:
  - { name: lungs, app: lung-density, inputs: { image: chest } }
deliver:
  - to: pacs
"#;

const DESTINATION: &str = "
apiVersion: gantry/v1
kind: Destination
metadata: { name: pacs, class: research }
aeTitle: PACS
address: 127.0.0.1:104
";

impl Case {
    pub(crate) fn new() -> Self {
        let dims = Dims::new(13, 11, 5).unwrap();
        let steps =
            [VectorLps::new(0.8, 0.0, 0.0), VectorLps::new(0.0, 0.7, 0.0), VectorLps::new(0.0, 0.0, 2.5)];
        let grid = Grid::new(dims, PointLps::new(-5.0, -4.0, 12.5), steps).unwrap();
        let subject = Subject { patient_name: "Phantom^Chest", seed: 7 };
        let files = study(&Volume::filled(grid, -800), subject, &Acquisition::default()).unwrap();
        let images: Vec<Vec<u8>> = files.into_iter().map(|file| file.bytes).collect();
        let package = Package::parse(include_str!("../../../../apps/lung-density/app.toml")).unwrap();
        let label = |offset: usize| {
            let at = dims.index(offset);
            match (0 < at.k && at.k < 4, at.i) {
                (true, 1..=4) => 1,
                (true, 7..=10) => 2,
                (true, 11) if at.k == 2 => 3,
                _ => 0,
            }
        };
        let labels = Volume::new(grid, (0..dims.voxels()).map(label).collect()).unwrap();
        let (study, series, _) = identifiers(&images[0]);
        let found = Found {
            series: series.clone(),
            images: images.iter().map(|image| identifiers(image).2).collect(),
            grid,
            findings: findings_of(&package),
            clauses: Vec::new(),
        };
        let files = BTreeMap::from([
            (names::MASK, mask::encode(&labels).unwrap()),
            (names::PICTURE, png()),
            (names::RESULT, report("0.9.9")),
        ]);
        let payload = (0..images.len()).collect();
        let (workflow, destination) = (WORKFLOW.to_owned(), DESTINATION.to_owned());
        let run = "18c".parse().unwrap();
        Self {
            study,
            series,
            images,
            payload,
            found,
            files,
            changed: None,
            workflow,
            destination,
            package,
            lane: Lane::Routine,
            run,
        }
    }

    /// Changes the data set of an image.
    pub(crate) fn rewrite(&mut self, image: usize, change: impl FnOnce(&mut DataSet<'_>)) {
        self.images[image] = rewritten(&self.images[image], change);
    }

    /// Its mask is empty.
    pub(crate) fn find_nothing(&mut self) {
        let labels = Volume::filled(self.found.grid, 0);
        self.files.insert(names::MASK, mask::encode(&labels).unwrap());
    }

    /// Stores it, in new stores, for a publisher whose clock begins at `now`.
    pub(crate) fn store(&self, now: Instant) -> Desk {
        let desk = Desk::empty(now);
        self.store_in(&desk);
        desk
    }

    pub(crate) fn store_in(&self, desk: &Desk) {
        let study = &self.study;
        let mut rows = Vec::new();
        for (image, file) in self.images.iter().enumerate() {
            rows.push(Row::Object(self.object(desk, image as u64 + 1, file)));
        }
        let items = self
            .payload
            .iter()
            .map(|image| PayloadItem { input: "chest".parse().unwrap(), object: *image as u64 + 1 });
        let run = RunRow {
            id: self.run.clone(),
            site: site(),
            study: study.clone(),
            workflow: "chest-ct".parse().unwrap(),
            version: 1,
            digest: digest(self.workflow.as_bytes()),
            ordinal: id_of(&self.run),
            began: Stamp { at: BEGAN, offset: UtcOffset::from_minutes(150).unwrap() },
            lane: self.lane,
            packages: vec![PinnedPackage {
                task: "lungs".parse().unwrap(),
                app: "lung-density".parse().unwrap(),
                digest: Digest([7; 32]),
            }],
        };
        rows.push(Row::Payload(PayloadRow {
            site: site(),
            study: study.clone(),
            workflow: run.workflow.clone(),
            ordinal: run.ordinal,
            digest: Digest([1; 32]),
            frozen: BEGAN,
            items: items.collect(),
        }));
        rows.push(Row::Run(run));
        let kinds = [
            (DocumentKind::Workflow, "chest-ct", &self.workflow),
            (DocumentKind::Destination, "pacs", &self.destination),
        ];
        rows.extend(kinds.map(|(kind, name, text)| Row::Document(document(kind, name, text, 1))));
        rows.push(Row::Result(self.result(desk)));
        rows.push(Row::Machine(publication::row(self.key(), &begin(BEGAN), 1)));
        desk.write(rows);
        desk.packages.lock().unwrap().get_or_insert_with(|| {
            Arc::new(Application {
                package: self.package.clone(),
                digest: Digest([7; 32]),
                source: ApplicationSource::Shipped("lung-density".to_owned()),
                slot: 2,
            })
        });
        desk.blob.appended.store(0, Ordering::SeqCst);
    }

    fn result(&self, desk: &Desk) -> ResultRow {
        let found = findings::encode(&self.found).unwrap();
        let files = self.files.iter().map(|(name, bytes)| (*name, bytes));
        let files = files.chain([(names::FINDINGS, &found)]);
        ResultRow {
            run: self.run.clone(),
            task: "lungs".parse().unwrap(),
            fence: 1,
            node: "worker-a".parse().unwrap(),
            began: BEGAN,
            ended: Instant(BEGAN.0 + 90_000_000),
            files: files
                .map(|(name, bytes)| {
                    let mut kept = bytes.clone();
                    if self.changed == Some(name) {
                        kept[bytes.len() / 2] ^= 1;
                    }
                    let blob = desk.blob.append(&mut &*kept, b"").unwrap().reference;
                    ResultFile { name: name.to_owned(), blob, digest: digest(bytes) }
                })
                .collect(),
        }
    }

    pub(crate) fn object(&self, desk: &Desk, id: u64, file: &[u8]) -> ObjectRow {
        let Appended { reference, digest } = desk.blob.append(&mut &*file, b"").unwrap();
        let located = part10::locate(file).unwrap();
        let uid = |tag| located.meta.str(tag).unwrap().to_owned();
        let (study, series) = (self.study.clone(), self.series.clone());
        ObjectRow {
            id,
            site: site(),
            study,
            series,
            sop_instance: SopInstanceUid::parse(&uid(gantry_dicom::tag::MEDIA_STORAGE_SOP_INSTANCE_UID))
                .unwrap(),
            sop_class: SopClassUid::parse(&uid(gantry_dicom::tag::MEDIA_STORAGE_SOP_CLASS_UID)).unwrap(),
            transfer_syntax: located.transfer_syntax.clone(),
            blob: reference,
            head_bytes: u32::try_from(file.len() - located.data_set.len()).unwrap(),
            digest,
            revision: 1,
            standing: Standing::InForce,
        }
    }

    pub(crate) fn key(&self) -> MachineKey {
        let of = PublicationKey {
            run: self.run.clone(),
            task: "lungs".parse().unwrap(),
            destination: "pacs".parse().unwrap(),
        };
        publication::key(&site(), &self.study, &of)
    }
}

fn id_of(run: &RunId) -> u32 {
    u32::from_str_radix(run.as_str(), 16).unwrap()
}

pub(crate) fn site() -> SiteId {
    "site".parse().unwrap()
}

pub(crate) fn document(kind: DocumentKind, name: &str, text: &str, version: u32) -> DocumentRow {
    DocumentRow {
        site: site(),
        kind,
        name: name.to_owned(),
        version,
        digest: digest(text.as_bytes()),
        text: text.to_owned(),
        applied: BEGAN,
    }
}

/// A file in an explicit syntax whose data set is changed.
pub(crate) fn rewritten(file: &[u8], change: impl FnOnce(&mut DataSet<'_>)) -> Vec<u8> {
    let data_set = part10::locate(file).unwrap().data_set;
    let head = file[..file.len() - data_set.len()].to_vec();
    let encoding = syntax::Encoding::ExplicitLittle;
    let mut read = reader::read(data_set, encoding, Limits::default(), Stop::AtEnd).data_set;
    change(&mut read);
    [head, writer::write_explicit(&read).unwrap()].concat()
}

/// Study, series and object of an image in an explicit syntax.
pub(crate) fn identifiers(file: &[u8]) -> (StudyInstanceUid, SeriesInstanceUid, SopInstanceUid) {
    let located = part10::locate(file).unwrap();
    let encoding = syntax::Encoding::ExplicitLittle;
    let read = reader::read(located.data_set, encoding, Limits::default(), Stop::AtEnd).data_set;
    let uid = |tag| read.str(tag).unwrap();
    (
        StudyInstanceUid::parse(uid(gantry_dicom::tag::STUDY_INSTANCE_UID)).unwrap(),
        SeriesInstanceUid::parse(uid(gantry_dicom::tag::SERIES_INSTANCE_UID)).unwrap(),
        SopInstanceUid::parse(uid(gantry_dicom::tag::SOP_INSTANCE_UID)).unwrap(),
    )
}

pub(crate) fn deflated(file: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let located = part10::locate(file).unwrap();
    let uid = |tag| located.meta.str(tag).unwrap().to_owned();
    let implementation = part10::Implementation {
        class_uid: gantry_types::uid::Uid::parse("1.2.3").unwrap(),
        version_name: "TEST".to_owned(),
    };
    let head = part10::head(
        &SopClassUid::parse(&uid(gantry_dicom::tag::MEDIA_STORAGE_SOP_CLASS_UID)).unwrap(),
        &SopInstanceUid::parse(&uid(gantry_dicom::tag::MEDIA_STORAGE_SOP_INSTANCE_UID)).unwrap(),
        &TransferSyntaxUid::parse(syntax::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN).unwrap(),
        &implementation,
        None,
    );
    let mut encoder = flate2::write::DeflateEncoder::new(head, flate2::Compression::default());
    encoder.write_all(located.data_set).unwrap();
    encoder.finish().unwrap()
}

fn findings_of(package: &Package) -> Findings {
    let segment = |declared: &gantry_definition::package::DeclaredFinding| SegmentFinding {
        key: declared.key.clone(),
        label: declared.label,
        name: declared.name.clone(),
        category: declared.category.clone(),
        property: declared.property.clone(),
        laterality: declared.laterality.clone(),
        colour: declared.colour,
        measurements: declared
            .measurements
            .iter()
            .map(|own| Measurement {
                key: own.key.clone(),
                concept: own.concept.clone(),
                derivation: own.derivation.clone(),
                method: own.method.clone(),
                unit: own.unit.clone(),
                value: match own.key.as_str() {
                    "laa950" => MeasuredValue::Declined { reason: "5 mm are too thick".to_owned() },
                    _ => MeasuredValue::Number(f64::midpoint(own.plausible[0], own.plausible[1])),
                },
            })
            .collect(),
    };
    Findings { segments: package.findings.iter().map(segment).collect(), measurements: Vec::new() }
}

fn png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 7, 5);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(&[90; 105]).unwrap();
    bytes
}

fn report(version: &str) -> Vec<u8> {
    let report = Report {
        ticket: Ticket { attempt: AttemptId::new("18c-lungs-1").unwrap(), fence: 1 },
        outcome: Outcome::Ran,
        files: Vec::new(),
        stages: Vec::new(),
        engine: vec![("gantry".to_owned(), version.to_owned())],
        left_out: Vec::new(),
    };
    result::encode(&report).unwrap()
}

/// Stores and ports, and what goes wrong in them.
pub(crate) struct Desk {
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) blob: Arc<WatchedBlob>,
    pub(crate) clock: Arc<Watch>,
    pub(crate) packages: Arc<Mutex<Option<Arc<Application>>>>,
    pub(crate) craft: Arc<dyn Craft>,
    pub(crate) said: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    fn empty(now: Instant) -> Self {
        Self {
            store: Arc::default(),
            blob: Arc::new(WatchedBlob {
                inner: MemoryBlob::new(64 << 20, digest),
                appended: AtomicUsize::new(0),
                freed: AtomicUsize::new(0),
                full_after: AtomicUsize::new(usize::MAX),
                is_reversing: AtomicBool::new(false),
            }),
            clock: Arc::new(Watch(AtomicI64::new(now.0))),
            packages: Arc::default(),
            craft: Arc::new(Gantrys),
            said: Arc::default(),
        }
    }

    pub(crate) fn write(&self, rows: Vec<Row>) {
        self.store.inner.commit(&Change { rows, ..Change::default() }).unwrap();
    }

    pub(crate) fn publisher(&self) -> Publisher {
        let said = Arc::clone(&self.said);
        let outside = Outside {
            store: self.store.clone(),
            intake: self.store.inner.clone(),
            cases: self.store.inner.clone(),
            runs: self.store.inner.clone(),
            definitions: self.store.inner.clone(),
            blob: self.blob.clone(),
            packages: Arc::new(Shelf(self.packages.clone())),
            clock: self.clock.clone(),
            say: Arc::new(move |sentence| said.lock().unwrap().push(sentence.to_owned())),
        };
        let secret = SiteSecret::new(b"sixteen bytes or more").unwrap();
        let settings = Settings { site: site(), secret, gantry_version: "0.1.0".to_owned() };
        Publisher::new(outside, settings).with_craft(self.craft.clone())
    }

    pub(crate) fn machine(&self, case: &Case) -> MachineRow {
        self.store.inner.machine(&case.key()).unwrap().unwrap()
    }
}

struct Shelf(Arc<Mutex<Option<Arc<Application>>>>);

impl Packages for Shelf {
    fn find(&self, name: &AppName) -> Option<Arc<Application>> {
        self.0.lock().unwrap().clone().filter(|application| application.package.name == *name)
    }
}

/// A clock that stands where it is put.
pub(crate) struct Watch(pub(crate) AtomicI64);

impl Clock for Watch {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::SeqCst))
    }

    fn offset(&self) -> UtcOffset {
        UtcOffset::from_minutes(-480).unwrap()
    }

    fn monotonic(&self) -> Instant {
        self.now()
    }
}

/// What happens instead of a commit, or before it.
pub(crate) enum Fault {
    /// Somebody else commits first.
    Before(Box<dyn FnOnce() + Send>),
    /// It fails, and nothing is written.
    Fails,
    /// It is written, and fails all the same.
    FailsWritten,
}

/// A store whose next commits go wrong.
#[derive(Default)]
pub(crate) struct FaultyStore {
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) faults: Mutex<Vec<Fault>>,
}

impl Store for FaultyStore {
    fn commit(&self, change: &Change) -> Result<Committed, CommitError> {
        let failed = || StoreError { doing: "write rows", source: "the disk is gone".into() };
        let fault = self.faults.lock().unwrap().pop();
        match fault {
            Some(Fault::Before(other)) => other(),
            Some(Fault::Fails) => return Err(failed().into()),
            Some(Fault::FailsWritten) => {
                self.inner.commit(change)?;
                return Err(failed().into());
            }
            None => {}
        }
        self.inner.commit(change)
    }

    fn counter(&self) -> Result<u64, StoreError> {
        self.inner.counter()
    }
}

/// Blobs that are counted, and that may be full.
pub(crate) struct WatchedBlob {
    inner: MemoryBlob,
    pub(crate) appended: AtomicUsize,
    pub(crate) freed: AtomicUsize,
    pub(crate) full_after: AtomicUsize,
    /// Writes the frames of segmentations in the opposite order.
    pub(crate) is_reversing: AtomicBool,
}

/// The file with the frames of its pixel data in the opposite order, if it is a segmentation.
fn reversed(file: &[u8]) -> Vec<u8> {
    let located = part10::locate(file).unwrap();
    let head = file[..file.len() - located.data_set.len()].to_vec();
    let encoding = syntax::layout(&located.transfer_syntax).0;
    let mut object = reader::read(located.data_set, encoding, Limits::default(), Stop::AtEnd).data_set;
    if object.str(tag::SOP_CLASS_UID) != Some(Kind::Segmentation.sop_class()) {
        return file.to_vec();
    }
    let pixels = match object.get(tag::PIXEL_DATA).map(|element| &element.value) {
        Some(Value::Bytes(pixels)) => pixels.to_vec(),
        Some(Value::Items(_) | Value::Fragments(_)) | None => panic!("a segmentation without pixels"),
    };
    let frames: usize = object.str(tag::NUMBER_OF_FRAMES).unwrap().trim().parse().unwrap();
    let plane = usize::from(object.u16(tag::ROWS).unwrap()) * usize::from(object.u16(tag::COLUMNS).unwrap());
    let bit = |at: usize| pixels[at / 8] >> (at % 8) & 1;
    let mut turned = vec![0; pixels.len()];
    for at in 0..frames * plane {
        let from = (frames - 1 - at / plane) * plane + at % plane;
        turned[at / 8] |= bit(from) << (at % 8);
    }
    object.put_as(tag::PIXEL_DATA, Vr::OB, Value::Bytes(turned.into()));
    [head, writer::write_explicit(&object).unwrap()].concat()
}
