//! `kill -9` while runs compute and while results are sent: every run finishes, and nothing is delivered twice under
//! another UID, or with other bytes under the same one (RN1, DL1).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant as Monotonic},
};

use gantry_flow::{delivery, run};
use gantry_ports::{cases::Cases as _, state, store::MachineKind};
use gantry_sqlite::SqliteStore;
use gantry_tests::{
    notes,
    peer::{self, Listening},
    served::{CONFIG, Served, apply, wait_for},
};
use gantry_types::instant::Instant;
use serde_json::Value;
use tempfile::TempDir;

use super::{WORKFLOW, phantom, runs, send};

/// A receiver that writes down what it gets, and takes its time over each object.
fn receiver(python: &Path, dir: &Path, seconds: &str) -> Listening {
    let (plan, script) = (dir.join("plan.json"), notes::root().join("tests/python/awkward_receiver.py"));
    fs::write(&plan, "{}").unwrap();
    Listening::start(|port| {
        let mut command = Command::new(python);
        command.arg(script).arg(port.to_string()).arg(plan).arg(log(dir)).arg(seconds);
        command
    })
}

fn log(dir: &Path) -> PathBuf {
    dir.join("received.log")
}

fn destination(receiver: &Listening) -> String {
    format!(
        "---\napiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs, class: research }}\n\
         aeTitle: PEER\naddress: {}\nretry: {{ backoff: 1s, longest: 1s }}\n",
        receiver.address()
    )
}

/// What the receiver got: by UID the digests of its data sets, and how often it came.
fn received(dir: &Path) -> BTreeMap<String, (BTreeSet<String>, usize)> {
    let mut all = BTreeMap::<String, (BTreeSet<String>, usize)>::new();
    for line in fs::read_to_string(log(dir)).unwrap_or_default().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (digests, count) = all.entry(line["uid"].as_str().unwrap().to_owned()).or_default();
        digests.insert(line["sha256"].as_str().unwrap().to_owned());
        *count += 1;
    }
    all
}

/// Every study has one run that ran and three objects that were sent; the receiver has these and no others.
#[track_caller]
fn check(served: &Served, dir: &Path, studies: usize) {
    let list = wait_for(served, &["delivery", "list"], |list| {
        let all = list["deliveries"].as_array().cloned().unwrap_or_default();
        all.len() == 3 * studies && all.iter().all(|one| one["state"] == "sent")
    });
    let all = runs(served);
    assert_eq!(all.len(), studies, "{all:?}");
    assert!(all.iter().all(|run| run["state"] == "ran"), "{all:?}");
    let uids = |list: &Value| -> BTreeSet<String> {
        let all = list["deliveries"].as_array().unwrap().iter();
        all.map(|one| one["sopInstance"].as_str().unwrap().to_owned()).collect()
    };
    let received = received(dir);
    assert_eq!(received.keys().cloned().collect::<BTreeSet<_>>(), uids(&list));
    assert!(received.values().all(|(digests, _)| digests.len() == 1), "{received:?}");
    assert_eq!(served.ask(&["quarantine", "list"])["quarantine"], serde_json::json!([]));
}

/// Times that differ from round to round, the same in every run of the test.
fn moment(round: u64, within: u64) -> Duration {
    Duration::from_millis(100 + round * 7919 % within)
}

/// How long something is waited for that may not come any more.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a kill should interrupt.
#[derive(Debug, Clone, Copy)]
enum Amid {
    /// An attempt of a run that a worker computes.
    Attempt,
    /// A delivery that is being sent.
    Delivery,
}

/// Whether that is under way, as the rows of a server say; those of one that was killed say what it was doing then.
fn is_under_way(data: &Path, amid: Amid) -> bool {
    let store = SqliteStore::join(&data.join("gantry.db")).unwrap();
    let due = |kind| store.due(kind, Instant(i64::MAX), 1000).unwrap();
    match amid {
        Amid::Attempt => due(MachineKind::Run).iter().any(|row| {
            let tasks = state::run::state(row).unwrap().tasks;
            tasks.values().any(|task| matches!(task.stage, run::Stage::Leased { .. }))
        }),
        Amid::Delivery => due(MachineKind::Delivery).iter().any(|row| {
            let stage = state::delivery::state(row).unwrap().stage;
            matches!(stage, delivery::Stage::Sending { .. })
        }),
    }
}

/// Waits until it is under way, if it will be.
fn wait_until_under_way(served: &Served, amid: Amid) {
    let deadline = Monotonic::now() + PATIENCE;
    while !is_under_way(served.data(), amid) && Monotonic::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Kills the server and starts it again; counts what was interrupted.
fn kill_amid(served: Served, amid: Amid, hits: &mut usize) -> Served {
    let killed = served.kill();
    *hits += usize::from(is_under_way(killed.data(), amid));
    killed.restart()
}

#[test]
fn rn1_every_run_finishes_however_often_the_process_is_killed() {
    let test = "rn1_every_run_finishes_however_often_the_process_is_killed";
    let Some(python) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let receiver = receiver(&python, dir.path(), "0");
    let mut served = Served::start_with(&format!("{CONFIG}[run]\nslots = 1\n"));
    apply(&served, dir.path(), &format!("{WORKFLOW}{}", destination(&receiver)));
    let studies: Vec<PathBuf> = (31..35).map(|seed| phantom(dir.path(), seed)).collect();
    for study in &studies {
        send(&served, "GANTRY", &[study]);
    }
    let mut hits = 0;
    for round in 0..10 {
        // Now and then whatever it is doing, so that runs get on; else what this is about.
        if round % 3 == 2 {
            std::thread::sleep(moment(round, 2500));
        } else {
            wait_until_under_way(&served, Amid::Attempt);
            std::thread::sleep(moment(round, 300));
        }
        served = kill_amid(served, Amid::Attempt, &mut hits);
    }
    assert!(5 <= hits, "of 10 kills only {hits} hit an attempt");
    check(&served, dir.path(), studies.len());
    notes::figure(&format!(
        "kill -9 while running: 10 kills, {hits} of them in the middle of an attempt, all runs finished"
    ));
}

#[test]
fn dl1_what_is_sent_again_after_a_kill_is_the_same() {
    let test = "dl1_what_is_sent_again_after_a_kill_is_the_same";
    let Some(python) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let receiver = receiver(&python, dir.path(), "0.3");
    let mut served = Served::start_with(CONFIG);
    apply(&served, dir.path(), &format!("{WORKFLOW}{}", destination(&receiver)));
    send(&served, "GANTRY", &[phantom(dir.path(), 36)]);
    let list = wait_for(&served, &["delivery", "list"], |list| {
        list["deliveries"].as_array().is_some_and(|all| all.len() == 3)
    });
    let objects: Vec<String> = list["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["sopInstance"].as_str().unwrap().to_owned())
        .collect();
    let mut hits = 0;
    for round in 0..10 {
        wait_until_under_way(&served, Amid::Delivery);
        std::thread::sleep(moment(round, 200));
        served = kill_amid(served, Amid::Delivery, &mut hits);
        // Those that have arrived meanwhile are on their way once more.
        for object in &objects {
            let _queued = served.ask(&["delivery", "resend", object]);
        }
    }
    assert!(5 <= hits, "of 10 kills only {hits} hit a delivery");
    check(&served, dir.path(), 1);
    let times: usize = received(dir.path()).values().map(|(_, count)| count).sum();
    notes::figure(&format!(
        "kill -9 while delivering: 10 kills, {hits} of them in the middle of sending, 3 objects received {times} times, each with one digest"
    ));
}
