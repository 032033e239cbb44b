//! `kill -9` while runs compute and while results are sent: every run finishes, and nothing is delivered twice under
//! another UID, or with other bytes under the same one (RN1, DL1).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use gantry_tests::{
    notes,
    peer::{self, Listening},
    served::{CONFIG, Served, apply, wait_for},
};
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
    let mut running = 0;
    for round in 0..10 {
        std::thread::sleep(moment(round, 2500));
        running += usize::from(runs(&served).iter().any(|run| run["state"] == "running"));
        served = served.kill().restart();
    }
    check(&served, dir.path(), studies.len());
    notes::figure(&format!(
        "kill -9 while running: 10 kills, {running} with a run under way, all runs finished"
    ));
}

#[test]
fn dl1_what_is_sent_again_after_a_kill_is_the_same() {
    let test = "dl1_what_is_sent_again_after_a_kill_is_the_same";
    let Some(python) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let receiver = receiver(&python, dir.path(), "0.15");
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
    for round in 0..10 {
        std::thread::sleep(moment(round, 500));
        served = served.kill().restart();
        // Those that have arrived meanwhile are on their way once more.
        for object in &objects {
            let _queued = served.ask(&["delivery", "resend", object]);
        }
    }
    check(&served, dir.path(), 1);
    let times: usize = received(dir.path()).values().map(|(_, count)| count).sum();
    assert!(3 < times, "no kill hit a delivery");
    notes::figure(&format!(
        "kill -9 while delivering: 10 kills, 3 objects received {times} times, each with one digest"
    ));
}
