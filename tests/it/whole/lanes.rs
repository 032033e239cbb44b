//! Lanes: urgent work is not slowed by routine work (UR1).

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use gantry_tests::{
    notes,
    peer::{self, Listening},
    served::{CONFIG, Served, apply, program, wait_for},
};
use serde_json::Value;
use tempfile::TempDir;

/// How many routine studies wait.
const BATCH: usize = 100;

/// Both workflows run the same application; the called title says which lane.
const DOCUMENTS: &str = r#"
apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest-ct, class: research }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest: { series: 'series.modality == "CT" && series.instances >= 40', choose: thinnest }
ready: { quiet: 5s, associationEnd: 0s }
lane: '"URGENT" in calledAe ? "urgent" : "routine"'
tasks:
  - { name: lungs, app: lung-density, inputs: { image: chest } }
deliver:
  - { to: pacs }
---
apiVersion: gantry/v1
kind: Door
metadata: { name: urgent }
aeTitles: [URGENT]
"#;

fn studies(interpreter: &Path, dir: &Path, name: &str, count: usize) -> Vec<std::path::PathBuf> {
    let made = dir.join("made");
    if !made.exists() {
        peer::run(Command::new(program()).args(["phantom", "--seed", "2", "-o"]).arg(&made));
    }
    let out = dir.join(name);
    let script = notes::root().join("tests/python/copy_study.py");
    peer::run(Command::new(interpreter).arg(script).arg(made.join("study")).arg(&out).arg(count.to_string()));
    let mut studies: Vec<_> = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    studies.sort();
    studies
}

/// Sends a study to the urgent door: how long it takes from the last image to the third object in the PACS.
#[track_caller]
fn urgent(served: &Served, study: &Path) -> Duration {
    let mut command = Command::new(program());
    peer::run(command.args(["send", &served.address().to_string(), "--called", "URGENT"]).arg(study));
    let started = Instant::now();
    let uid = study.file_name().unwrap().to_str().unwrap();
    wait_for(served, &["delivery", "list", "--count", "1000"], |list| {
        let all = list["deliveries"].as_array().unwrap();
        let sent = |one: &&Value| {
            one["study"] == uid && ["sent", "confirmed"].iter().any(|state| one["state"] == *state)
        };
        all.iter().filter(sent).count() == 3
    });
    started.elapsed()
}

/// The niceness of the workers of a server.
fn niceness(served: &Served) -> Vec<i64> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // Behind the name, which may hold anything.
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = rest.split(' ').collect();
        if fields[1] == served.pid().to_string() {
            found.push(fields[16].parse().unwrap());
        }
    }
    found.sort_unstable();
    found
}

#[test]
fn urgent_work_overtakes_a_batch_of_routine_work() {
    let test = "urgent_work_overtakes_a_batch_of_routine_work";
    let Some(interpreter) = peer::python(test) else { return };
    let Some(storescp) = peer::program(test, "storescp") else { return };
    let dir = TempDir::new().unwrap();
    let received = dir.path().join("received");
    fs::create_dir(&received).unwrap();
    let pacs = Listening::start(|port| {
        let mut command = Command::new(storescp);
        command.arg("--fork").arg("--output-directory").arg(&received).arg(port.to_string());
        command
    });
    let served = Served::start_with(&format!("{CONFIG}[run]\nslots = 1\n"));
    let destination = format!(
        "---\napiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs, class: research }}\n\
         aeTitle: STORESCP\naddress: {}\n",
        pacs.address()
    );
    apply(&served, dir.path(), &format!("{DOCUMENTS}{destination}"));
    let alone = studies(&interpreter, dir.path(), "alone", 3);
    let alone: Vec<Duration> = alone.iter().map(|study| urgent(&served, study)).collect();
    let longest = *alone.iter().max().unwrap();
    assert!(niceness(&served).contains(&0) && niceness(&served).contains(&10), "{:?}", niceness(&served));

    let batch = studies(&interpreter, dir.path(), "batch", BATCH);
    let mut command = Command::new(program());
    peer::run(command.args(["send", &served.address().to_string(), "--called", "GANTRY"]).args(&batch));
    let with = studies(&interpreter, dir.path(), "with", 1);
    // All of the batch wait, or are under way: one association brought them all.
    let runs = || -> Vec<Value> {
        served.ask(&["runs", "list", "--count", "1000"])["runs"].as_array().cloned().unwrap_or_default()
    };
    let begun = wait_for(&served, &["runs", "list", "--count", "1000"], |list| {
        BATCH <= list["runs"].as_array().unwrap().iter().filter(|run| run["lane"] == "routine").count()
    });
    assert!(begun["runs"].is_array());
    let took = urgent(&served, &with[0]);
    let waiting = runs().iter().filter(|run| run["lane"] == "routine" && run["state"] == "running").count();
    let bound = longest.mul_f64(1.3) + Duration::from_secs(5);
    notes::figure(&format!(
        "urgent study: alone {:.1?}, with {waiting} of {BATCH} routine runs unfinished {took:.1?}; load {}",
        alone,
        fs::read_to_string("/proc/loadavg").unwrap_or_default().trim()
    ));
    assert!(took <= bound, "{took:?}, alone {alone:?}");
    assert!(BATCH / 2 <= waiting, "the batch was nearly done: {waiting} of {BATCH} left");
}
