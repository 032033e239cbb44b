//! `gantry worker` under its parent: the same job gives the same bytes, and nobody stays behind.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use gantry_definition::package::Class;
use gantry_pipeline::package_digest::package_digest;
use gantry_ports::{
    job::{
        Application, ApplicationSource, AttemptId, ByteRange, Input, Job, Limits, Outcome, Place, Ticket,
        Work, findings, mask, names,
    },
    performer::{News, Performed, Performer, Wish},
};
use gantry_process::{Settings, Workers};
use gantry_tests::{notes, peer, served::program};
use tempfile::TempDir;

/// Names the folder in which a copy of this test binary plays the parent that is killed.
const PARENT_IN: &str = "GANTRY_TEST_PARENT_IN";

fn workers(folder: &Path) -> Workers {
    Workers::open(Settings::new(program().to_owned(), vec!["worker".into()], folder.join("jobs"))).unwrap()
}

/// The files of a chest phantom.
fn phantom(folder: &Path) -> Vec<PathBuf> {
    peer::run(Command::new(program()).args(["phantom", "--seed", "3", "-o"]).arg(folder.join("phantom")));
    let study = fs::read_dir(folder.join("phantom/study")).unwrap();
    let mut files: Vec<PathBuf> = study.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn job(attempt: &str, objects: Vec<Place>) -> Job {
    let package = fs::read(notes::root().join("apps/lung-density/app.toml")).unwrap();
    Job {
        ticket: Ticket { attempt: AttemptId::new(attempt).unwrap(), fence: 1 },
        work: Work::Application(Application {
            source: ApplicationSource::Shipped("lung-density".to_owned()),
            package: package_digest(&[("app.toml".to_owned(), package)]),
            class: Class::Research,
            asserted: vec!["contrast".to_owned()],
        }),
        inputs: vec![Input { role: "image".to_owned(), objects }],
        limits: Limits { memory_bytes: 3 << 30, time: Duration::from_secs(300) },
    }
}

fn whole(files: &[PathBuf]) -> Vec<Place> {
    files.iter().map(|file| Place { file: file.clone(), range: None }).collect()
}

/// The files one after another in one, with something else around each, as in a segment.
fn within_one(files: &[PathBuf], into: &Path) -> Vec<Place> {
    let mut bytes = Vec::new();
    let mut places = Vec::new();
    for file in files {
        bytes.extend_from_slice(&[0xA5; 4096]);
        let object = fs::read(file).unwrap();
        let range = ByteRange { offset: bytes.len() as u64, length: object.len() as u64 };
        places.push(Place { file: into.to_owned(), range: Some(range) });
        bytes.extend_from_slice(&object);
    }
    bytes.extend_from_slice(&[0xA5; 100]);
    fs::write(into, bytes).unwrap();
    places
}

#[track_caller]
fn perform(workers: &Workers, job: &Job) -> (Performed, Duration) {
    let started = Instant::now();
    let performed = workers.perform(job, &mut |_| Wish::GoOn).unwrap();
    assert_eq!(performed.report.outcome, Outcome::Ran, "{:?}", performed.report);
    (performed, started.elapsed())
}

/// How long the stages took that `counts` names.
fn stages(performed: &Performed, counts: impl Fn(&str) -> bool) -> Duration {
    let counted = performed.report.stages.iter().filter(|stage| counts(&stage.name));
    Duration::from_micros(counted.map(|stage| stage.micros).sum())
}

/// EV5: repeating gives the same bits; where an object lies makes no difference.
#[test]
fn the_same_job_gives_the_same_bytes() {
    let dir = TempDir::new().unwrap();
    let files = phantom(dir.path());
    let workers = workers(dir.path());
    let (cold, cold_time) = perform(&workers, &job("cold", whole(&files)));
    let (warm, warm_time) = perform(&workers, &job("warm", whole(&files)));
    let (ranged, _) = perform(&workers, &job("ranged", within_one(&files, &dir.path().join("segment"))));
    assert_eq!(cold.files.keys().collect::<Vec<_>>(), [names::FINDINGS, names::MASK, names::PICTURE]);
    assert!(cold.files == warm.files, "the second job on a warm worker gave other bytes");
    assert!(cold.files == ranged.files, "byte ranges gave other bytes than files");
    // EV6: the picture of a test says that it is one; nothing else differs.
    let mut asked = job("class", whole(&files));
    let Work::Application(application) = &mut asked.work else { unreachable!("it is one") };
    application.class = Class::Test;
    let (test, _) = perform(&workers, &asked);
    assert!(test.files[names::PICTURE] != cold.files[names::PICTURE], "the laxer class is not drawn");
    assert!(test.files[names::MASK] == cold.files[names::MASK]);
    let found = findings::decode(&cold.files[names::FINDINGS]).unwrap();
    assert_eq!(found.images.len(), files.len());
    let labels = mask::decode(&cold.files[names::MASK], found.grid).unwrap();
    for segment in &found.findings.segments {
        assert!(labels.data().contains(&segment.label), "{} has no voxel", segment.key);
    }
    notes::figure(&format!(
        "worker: {} images, cold {} ms, warm {} ms, of which computing {} ms and outside of the worker {} ms, peak {} MiB",
        files.len(),
        cold_time.as_millis(),
        warm_time.as_millis(),
        stages(&warm, |name| name == "compute").as_millis(),
        warm_time.saturating_sub(stages(&warm, |_| true)).as_millis(),
        warm.peak_bytes >> 20,
    ));
}

#[test]
fn a_package_that_was_changed_is_not_run() {
    let dir = TempDir::new().unwrap();
    let mut job = job("changed", Vec::new());
    let Work::Application(application) = &mut job.work else { unreachable!("it is one") };
    application.package.0[0] ^= 1;
    let performed = workers(dir.path()).perform(&job, &mut |_| Wish::GoOn).unwrap();
    let Outcome::Failed(why) = &performed.report.outcome else { panic!("{:?}", performed.report) };
    assert_eq!(why.code, "work/package-differs");
}

/// A parent that is killed with `kill -9` leaves no worker behind, neither an idle one nor one that computes.
#[test]
fn a_killed_parent_leaves_no_worker() {
    if let Some(folder) = env::var_os(PARENT_IN) {
        return be_the_parent(Path::new(&folder));
    }
    let dir = TempDir::new().unwrap();
    phantom(dir.path());
    for state in ["idle", "computing"] {
        let folder = dir.path().join(state);
        fs::create_dir(&folder).unwrap();
        let mut parent = Command::new(env::current_exe().unwrap())
            .args(["--exact", "worker::a_killed_parent_leaves_no_worker"])
            .env(PARENT_IN, &folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until("the parent has a worker", || folder.join("ready").exists());
        let workers = children(parent.id());
        assert_ne!(workers, [] as [u32; 0], "{state}");
        parent.kill().unwrap();
        parent.wait().unwrap();
        until("the workers are gone", || !workers.iter().any(|pid| lives(*pid)));
    }
}

/// Plays the parent: starts a worker, lets it be idle or compute as the folder's name says, and waits to be killed.
fn be_the_parent(folder: &Path) {
    let workers = workers(folder);
    let ready = || fs::write(folder.join("ready"), "").unwrap();
    if folder.ends_with("computing") {
        let study = fs::read_dir(folder.join("../phantom/study")).unwrap();
        let files: Vec<PathBuf> = study.map(|entry| entry.unwrap().path()).collect();
        // Killed in the middle of it: what comes after the mark is the application's own computing.
        let _never = workers.perform(&job("computing", whole(&files)), &mut |news| {
            if news == News::Mark("judge".to_owned()) {
                ready();
                until("this process is killed", || false);
            }
            Wish::GoOn
        });
    } else {
        workers.warm_up().unwrap();
        ready();
        until("this process is killed", || false);
    }
}

/// Waits for a state, with a bound.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// State and parent of a process.
fn stat(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn lives(pid: u32) -> bool {
    // A zombie is dead; whoever inherited it may be slow to notice.
    stat(pid).is_some_and(|(state, _)| state != "Z")
}

fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap();
    let pids = all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|(_, of)| of == parent)).collect()
}
