//! A worker in memory: what it says, and what it leaves in the job's directory.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use gantry_image::grid::SpacingMm;
use gantry_phantom::{
    acquisition::Acquisition,
    plain::{self, Insert},
    study::{Subject, study},
};
use gantry_ports::job::{
    Application as Asked, AttemptId, ByteRange, Input, Job, Limits, Outcome, Place, Report, Work,
    comparison::{self, Comparison, Headers, Pixels, roles},
    control::{decode_from_worker, encode_to_worker},
    names, request, result,
};
use gantry_ports::memory::MemoryInfer;
use gantry_types::{digest::Digest, instant::Instant};
use tempfile::TempDir;

use super::*;

/// The shipped application.
fn shipped() -> Application {
    let text = include_str!("../../../../../apps/lung-density/app.toml");
    Application::new(vec![("app.toml".to_owned(), text.into())]).unwrap()
}

/// One application ships; other names misbehave.
struct Shelf;

impl Packages for Shelf {
    fn find(&self, source: &ApplicationSource) -> Result<Application, Complaint> {
        match source {
            ApplicationSource::Shipped(name) if name == "lung-density" => Ok(shipped()),
            ApplicationSource::Shipped(name) if name == "panics" => panic!("made to"),
            ApplicationSource::Shipped(_) | ApplicationSource::Folder(_) => {
                Err(Complaint { code: "app/unknown".to_owned(), sentence: "no such application".to_owned() })
            }
        }
    }
}

/// Every look takes a millisecond.
struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn offset(&self) -> gantry_types::instant::UtcOffset {
        gantry_types::instant::UtcOffset::UTC
    }

    fn now(&self) -> Instant {
        Instant(0)
    }

    fn monotonic(&self) -> Instant {
        Instant(self.0.fetch_add(1000, Ordering::Relaxed))
    }
}

fn asked() -> Asked {
    Asked {
        source: ApplicationSource::Shipped("lung-density".to_owned()),
        package: shipped().digest,
        class: gantry_definition::package::Class::Research,
        asserted: Vec::new(),
    }
}

/// A folder with jobs, and the files of a water phantom.
struct Desk {
    folder: TempDir,
    files: Vec<PathBuf>,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let spacing = SpacingMm { row: 4.0, column: 4.0, slice: 5.0 };
        let phantom = plain::water(1, spacing, Insert::Nothing).unwrap();
        let subject = Subject { patient_name: "Phantom^Water", seed: 1 };
        let objects = study(&phantom.hu, subject, &Acquisition::default()).unwrap();
        let write = |object: gantry_phantom::study::StudyFile| {
            let path = folder.path().join(&object.name);
            fs::write(&path, &object.bytes).unwrap();
            path
        };
        let files = objects.into_iter().map(write).collect();
        Self { folder, files }
    }

    fn job(&self, attempt: &str) -> Job {
        self.job_of(attempt, Work::Application(asked()))
    }

    fn job_of(&self, attempt: &str, work: Work) -> Job {
        let place = |file: &PathBuf| Place { file: file.clone(), range: None };
        Job {
            ticket: Ticket { attempt: AttemptId::new(attempt).unwrap(), fence: 1 },
            work,
            inputs: vec![Input { role: "image".to_owned(), objects: self.files.iter().map(place).collect() }],
            limits: Limits { memory_bytes: 1 << 30, time: Duration::from_secs(60) },
        }
    }

    fn dir(&self, job: &Job) -> PathBuf {
        self.folder.path().join(job.ticket.attempt.as_str())
    }

    /// Serves these messages after hello, and returns what was said.
    fn serve(&self, messages: &[ToWorker]) -> (Result<(), WorkerError>, Vec<FromWorker>) {
        let hello = ToWorker::Hello { protocol: VERSION };
        let input: Vec<u8> =
            std::iter::once(&hello).chain(messages).flat_map(|one| encode_to_worker(one).unwrap()).collect();
        serve_bytes(input)
    }

    /// Carries out one job on a worker of its own.
    #[track_caller]
    fn report(&self, job: &Job) -> (Report, Vec<FromWorker>) {
        let dir = self.dir(job);
        write(&dir, job);
        let (served, said) = self.serve(&[ToWorker::Job { dir: dir.clone() }, ToWorker::Quit]);
        served.unwrap();
        (read(&dir), said)
    }
}

fn write(dir: &Path, job: &Job) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join(names::REQUEST), request::encode(job).unwrap()).unwrap();
}

fn read(dir: &Path) -> Report {
    result::decode(&fs::read(dir.join(names::RESULT)).unwrap()).unwrap()
}

fn serve_bytes(input: Vec<u8>) -> (Result<(), WorkerError>, Vec<FromWorker>) {
    let clock = Ticks(AtomicI64::new(0));
    let setup =
        Setup { packages: &Shelf, infer: &MemoryInfer, clock: &clock, version: "0.0.1", engine: Vec::new() };
    let mut output = Vec::new();
    let served = serve(Cursor::new(input), &mut output, &setup, || ());
    let lines = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    (served, lines.map(|line| decode_from_worker(line).unwrap()).collect())
}

#[track_caller]
fn check_failed(report: &Report, code: &str, sentence: &str) {
    let Outcome::Failed(why) = &report.outcome else { panic!("{report:?}") };
    assert_eq!((why.code.as_str(), why.sentence.as_str()), (code, sentence));
    assert_eq!(report.files, []);
}

#[test]
fn a_job_that_declines_says_its_clause_and_its_times() {
    let desk = Desk::new();
    let (report, said) = desk.report(&desk.job("water"));
    let Outcome::Declined(clauses) = &report.outcome else { panic!("{report:?}") };
    assert_eq!(clauses.len(), 1);
    let stages: Vec<&str> = report.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(stages, ["survey", "load", "judge", "write"]);
    assert!(report.stages.iter().all(|stage| stage.micros == 1000), "{:?}", report.stages);
    assert_eq!(report.engine, [("gantry".to_owned(), "0.0.1".to_owned())]);
    assert!(matches!(said.first(), Some(FromWorker::Hello { protocol: VERSION, .. })));
    assert!(matches!(said.last(), Some(FromWorker::Done { .. })));
    let marks = said.iter().filter(|message| matches!(message, FromWorker::Mark { .. })).count();
    assert_eq!(marks, stages.len());
}

#[test]
fn the_digest_that_is_said_is_that_of_the_result() {
    let desk = Desk::new();
    let job = desk.job("digest");
    let (_, said) = desk.report(&job);
    use sha2::Digest as _;
    let bytes = fs::read(desk.dir(&job).join(names::RESULT)).unwrap();
    let expected = Digest(sha2::Sha256::digest(bytes).into());
    assert_eq!(said.last(), Some(&FromWorker::Done { ticket: job.ticket, digest: expected }));
}

#[test]
fn another_package_is_not_run() {
    let desk = Desk::new();
    let job = |name, asked| desk.job_of(name, Work::Application(asked));
    let package = Digest([8; 32]);
    let pinned = job("pinned", Asked { package, ..asked() });
    let sentence = format!("the package of lung-density is {}, asked for is {package}", shipped().digest);
    check_failed(&desk.report(&pinned).0, "work/package-differs", &sentence);
    let source = ApplicationSource::Folder("/nowhere".into());
    let unknown = job("unknown", Asked { source, ..asked() });
    check_failed(&desk.report(&unknown).0, "app/unknown", "no such application");
    let job = job("clause", Asked { asserted: vec!["contrst".to_owned()], ..asked() });
    let sentence = "the contract of lung-density has no clause `contrst`";
    check_failed(&desk.report(&job).0, "work/unknown-clause", sentence);
}

#[test]
fn a_panic_fails_its_job_and_the_next_one_runs() {
    let desk = Desk::new();
    let source = ApplicationSource::Shipped("panics".to_owned());
    let bad = desk.job_of("bad", Work::Application(Asked { source, ..asked() }));
    let good = desk.job("good");
    for job in [&bad, &good] {
        write(&desk.dir(job), job);
    }
    let orders = [&bad, &good].map(|job| ToWorker::Job { dir: desk.dir(job) });
    desk.serve(&orders).0.unwrap();
    check_failed(&read(&desk.dir(&bad)), "work/panicked", "the application panicked: made to");
    assert!(matches!(read(&desk.dir(&good)).outcome, Outcome::Declined(_)));
}

#[test]
fn a_cancelled_job_says_so_and_one_with_another_fence_runs() {
    let desk = Desk::new();
    let job = desk.job("cancelled");
    write(&desk.dir(&job), &job);
    for (fence, is_cancelled) in [(1, true), (2, false)] {
        let cancel = ToWorker::Cancel(Ticket { fence, ..job.ticket.clone() });
        desk.serve(&[cancel, ToWorker::Job { dir: desk.dir(&job) }]).0.unwrap();
        let report = read(&desk.dir(&job));
        if is_cancelled {
            check_failed(&report, "work/cancelled", "the job was cancelled");
        } else {
            assert!(matches!(report.outcome, Outcome::Declined(_)), "{report:?}");
        }
    }
}

#[test]
fn objects_of_no_use_are_named() {
    let desk = Desk::new();
    let mut job = desk.job("objects");
    let text = desk.folder.path().join("notes.txt");
    fs::write(&text, "no DICOM at all").unwrap();
    let beyond = Some(ByteRange { offset: 10, length: 6 });
    job.inputs[0].objects = vec![
        Place { file: text.clone(), range: None },
        Place { file: text, range: beyond },
        Place { file: "/nowhere/object".into(), range: None },
    ];
    let (report, _) = desk.report(&job);
    let Outcome::Refused(why) = &report.outcome else { panic!("{report:?}") };
    assert_eq!(
        (why.code.as_str(), why.sentence.as_str()),
        ("work/no-images", "none of 3 objects is an image")
    );
    assert_eq!(report.left_out.iter().map(|one| one.index).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn what_is_not_of_the_protocol_ends_the_worker() {
    let hello = "{\"say\":\"hello\",\"protocol\":1}\n";
    for (input, sentence) in [
        ("sing\n".to_owned(), "the parent's words cannot be used"),
        (format!("{hello}{}\n", "x".repeat(LINE_MAX + 1)), "the parent's words cannot be used"),
        ("{\"say\":\"hello\",\"protocol\":9}\n".to_owned(), "the parent's words cannot be used"),
        ("{\"say\":\"job\",\"dir\":\"/x\"}\n".to_owned(), "a job came before hello"),
        (format!("{hello}{{\"say\":\"job\",\"dir\":\"/nowhere\"}}\n"), "cannot read the job"),
    ] {
        assert_eq!(serve_bytes(input.into_bytes()).0.unwrap_err().to_string(), sentence);
    }
    serve_bytes(hello.as_bytes().to_vec()).0.unwrap();
}

#[test]
fn revisions_are_compared_pair_by_pair() {
    let desk = Desk::new();
    let place = |file: &PathBuf| Place { file: file.clone(), range: None };
    let [first, second, ..] = &*desk.files else { panic!("a phantom has more than one") };
    let input = |role: &str, files: [&PathBuf; 2]| Input {
        role: role.to_owned(),
        objects: files.into_iter().map(place).collect(),
    };
    let inputs = vec![input(roles::KEPT, [first, first]), input(roles::NEW, [first, second])];
    let job = Job { inputs, ..desk.job_of("compare", Work::Comparison) };
    assert_eq!(desk.report(&job).0.outcome, Outcome::Ran);
    let written = fs::read(desk.dir(&job).join(names::OUT).join(names::COMPARISON)).unwrap();
    let compared = comparison::decode(&written, 2).unwrap();
    assert_eq!(compared[0], Comparison { headers: Headers::Equal, pixels: Pixels::Equal });
    assert_eq!(compared[1].headers, Headers::Differ);
    let lone = Job { inputs: vec![input(roles::KEPT, [first, first])], ..job };
    check_failed(
        &desk.report(&lone).0,
        "work/no-pairs",
        "the inputs are not as many kept objects as new ones",
    );
}
