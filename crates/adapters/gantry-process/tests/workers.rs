//! Workers that crash, hang, break limits and talk nonsense: each fails its own job and nothing else (RN4).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use gantry_ports::{
    contract::performer::{Behaviour, TIME, job},
    performer::{PerformError, Performer, Wish},
};
use gantry_process::{Settings, Workers};
use tempfile::TempDir;

fn settings(folder: &Path) -> Settings {
    Settings::new(env!("CARGO_BIN_EXE_misbehaving-worker").into(), Vec::new(), folder.join("jobs"))
}

/// A performer and the folder it lives in.
struct Temporary {
    workers: Workers,
    folder: TempDir,
}

impl std::ops::Deref for Temporary {
    type Target = Workers;

    fn deref(&self) -> &Workers {
        &self.workers
    }
}

fn open(change: impl Fn(&mut Settings)) -> Temporary {
    marked(change).0
}

const NONE: [u32; 0] = [];

gantry_ports::performer_contract!(open(|_| ()));

fn perform(workers: &Workers, behaviour: Behaviour) -> Result<(), PerformError> {
    workers.perform(&job(behaviour, "attempt", 1), &mut |_| Wish::GoOn).map(|_| ())
}

/// The processes that are called with this argument and live.
fn called_with(marker: &str) -> Vec<u32> {
    // Of a dead one nothing is left to read.
    let is_it = |pid: &u32| {
        let called = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        called.split(|byte| *byte == 0).any(|argument| argument == marker.as_bytes())
    };
    let all = fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).filter(is_it).collect()
}

/// A performer whose workers can be told from those of others, and what they are called with.
fn marked(change: impl Fn(&mut Settings)) -> (Temporary, String) {
    let folder = TempDir::new().unwrap();
    let marker = folder.path().display().to_string();
    let mut settings = settings(folder.path());
    settings.arguments = vec![marker.clone().into()];
    change(&mut settings);
    (Temporary { workers: Workers::open(settings).unwrap(), folder }, marker)
}

/// Each of the two that hold memory is enough alone.
#[test]
fn memory_is_held_by_the_watch_and_by_the_operating_system() {
    let watched = open(|settings| settings.headroom_bytes = u64::MAX);
    let error = perform(&watched, Behaviour::EatsMemory).unwrap_err();
    let PerformError::Memory { limit_bytes, seen_bytes } = error else { panic!("{error:?}") };
    assert!(limit_bytes < seen_bytes, "{seen_bytes} were seen");
    // Refused before any of it was used.
    let refused = open(|settings| settings.headroom_bytes = 0);
    let error = perform(&refused, Behaviour::GulpsMemory).unwrap_err();
    let PerformError::Memory { limit_bytes, seen_bytes } = error else { panic!("{error:?}") };
    assert!(seen_bytes < limit_bytes, "{seen_bytes} were seen");
}

#[test]
fn a_worker_stays_warm_until_it_has_done_its_jobs() {
    let (workers, marker) = marked(|settings| settings.jobs_max = 3);
    let mut seen = Vec::new();
    for _ in 0..6 {
        // Each from a thread that ends: to the operating system that thread must not be the worker's parent.
        std::thread::scope(|scope| scope.spawn(|| perform(&workers, Behaviour::Answers).unwrap()).join())
            .unwrap();
        seen.push(called_with(&marker));
    }
    assert_eq!((seen[0].len(), &seen[0]), (1, &seen[1]));
    assert_eq!(seen[2], NONE, "three jobs are enough");
    assert_eq!((seen[3].len(), &seen[3]), (1, &seen[4]));
    assert_ne!(seen[0], seen[3]);
}

/// A new one starts in milliseconds; a job that fails for what another one left would not be alone.
#[test]
fn a_worker_that_holds_much_of_a_jobs_memory_is_not_given_it() {
    let (workers, marker) = marked(|_| ());
    perform(&workers, Behaviour::Answers).unwrap();
    let first = called_with(&marker);
    let statm = fs::read_to_string(format!("/proc/{}/statm", first[0])).unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    let mut small = job(Behaviour::Answers, "small", 1);
    // Twice of what it holds: enough for a new one, but not with this much gone.
    small.limits.memory_bytes = pages * 4096 * 2;
    workers.perform(&small, &mut |_| Wish::GoOn).unwrap();
    assert_ne!(called_with(&marker), first);
}

/// After each of these the worker is gone, and nothing of the job is left on the disk.
#[test]
fn nothing_stays_behind() {
    let (workers, marker) = marked(|_| ());
    for behaviour in [Behaviour::Fails, Behaviour::Hangs, Behaviour::ClosesOutput, Behaviour::ChangesFile] {
        // What came of it is the contract's matter.
        let _outcome = perform(&workers, behaviour);
        assert_eq!(called_with(&marker), NONE, "{behaviour:?}");
    }
    perform(&workers, Behaviour::Answers).unwrap();
    assert_eq!(called_with(&marker).len(), 1);
    let Temporary { workers, folder } = workers;
    drop(workers);
    assert_eq!(called_with(&marker), NONE);
    assert_eq!(fs::read_dir(folder.path().join("jobs")).unwrap().count(), 0);
}

#[test]
fn what_an_earlier_process_left_is_removed() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("jobs/run-1-1/out")).unwrap();
    let workers = Workers::open(settings(folder.path())).unwrap();
    assert_eq!(fs::read_dir(folder.path().join("jobs")).unwrap().count(), 0);
    perform(&workers, Behaviour::Answers).unwrap();
}

#[test]
fn a_program_that_does_not_start_is_said() {
    let missing = open(|settings| settings.program = "/nowhere/worker".into());
    let error = perform(&missing, Behaviour::Answers).unwrap_err();
    assert_eq!(error.to_string(), "cannot start /nowhere/worker");
    let wrong = open(|settings| settings.program = "/bin/false".into());
    let error = perform(&wrong, Behaviour::Answers).unwrap_err();
    assert_eq!(error.to_string(), "the worker ended with exit code 1 before it answered");
    let mute = open(|settings| {
        settings.arguments = vec!["--mute".into()];
        settings.start_max = Duration::from_millis(300);
    });
    let error = perform(&mute, Behaviour::Answers).unwrap_err();
    assert_eq!(error.to_string(), "the worker's start took longer than 300ms");
}

#[test]
fn a_result_that_is_too_large_is_refused() {
    let workers = open(|settings| settings.result_bytes_max = 3);
    let error = perform(&workers, Behaviour::Answers).unwrap_err();
    assert!(matches!(error, PerformError::TooLarge { max: 3 }), "{error:?}");
}

/// Names the folder in which a copy of this test binary plays the parent that is killed.
const PARENT_IN: &str = "GANTRY_TEST_PARENT_IN";

/// A worker that does not even read its input dies with its parent.
#[test]
fn a_killed_parent_leaves_no_worker() {
    let this = "a_killed_parent_leaves_no_worker";
    if let Some(folder) = std::env::var_os(PARENT_IN) {
        let folder = Path::new(&folder);
        let mut settings = settings(folder);
        settings.arguments = vec![folder.into()];
        let workers = Workers::open(settings).unwrap();
        let mut job = job(Behaviour::Hangs, "hangs", 1);
        job.limits.time = Duration::from_secs(60);
        // Killed while it waits.
        let _never = workers.perform(&job, &mut |_| {
            fs::write(folder.join("ready"), "").unwrap();
            Wish::GoOn
        });
        return;
    }
    let folder = TempDir::new().unwrap();
    let mut parent = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", this])
        .env(PARENT_IN, folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("the worker hangs", || folder.path().join("ready").exists());
    let marker = folder.path().to_str().unwrap();
    assert_eq!(called_with(marker).len(), 1);
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("the worker is gone", || called_with(marker).is_empty());
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

#[test]
fn time_is_the_jobs_own() {
    let workers = open(|_| ());
    let mut job = job(Behaviour::Hangs, "short", 1);
    job.limits.time = Duration::from_millis(200);
    let started = Instant::now();
    let error = workers.perform(&job, &mut |_| Wish::GoOn).unwrap_err();
    assert!(matches!(error, PerformError::TimedOut { limit, .. } if limit == job.limits.time), "{error:?}");
    assert!(started.elapsed() < TIME);
}
