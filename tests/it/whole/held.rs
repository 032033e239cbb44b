//! What waits for a person: a study that names two patients, a case that is held, a run that has failed.

use std::{path::Path, process::Command};

use gantry_tests::{
    notes, peer,
    served::{CONFIG, Served, apply, program, wait_for},
};
use serde_json::Value;
use tempfile::TempDir;

use super::{WORKFLOW, newest_study, phantom, runs, send, wait_for_outcome};

/// Nothing is sent there in these tests.
const NOWHERE: &str = "---
apiVersion: gantry/v1
kind: Destination
metadata: { name: pacs, class: research }
aeTitle: NOWHERE
address: 127.0.0.1:9
";

/// What waits, of this kind.
fn waiting(list: &Value, kind: &str) -> Vec<Value> {
    let all = list["quarantine"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|one| one["kind"] == kind).collect()
}

fn decide(served: &Served, study: &str, what: &str) -> std::process::Output {
    let mut command = Command::new(program());
    command.args(["study", "decide", study, "--workflow", "chest-ct", what, "--reason", "test", "--data"]);
    command.arg(served.data()).output().unwrap()
}

fn with_other_patient(python: &Path, dir: &Path) -> std::path::PathBuf {
    let study = phantom(dir, 51);
    let script = notes::root().join("tests/python/edit_series.py");
    peer::run(Command::new(python).arg(script).arg(&study).args(["1", "set", "PatientID", "SOMEBODY-ELSE"]));
    study
}

#[test]
fn nothing_is_made_of_a_study_that_names_two_patients() {
    let test = "nothing_is_made_of_a_study_that_names_two_patients";
    let Some(python) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    apply(&served, dir.path(), &format!("{WORKFLOW}{NOWHERE}"));
    send(&served, "GANTRY", &[with_other_patient(&python, dir.path())]);
    let study = newest_study(&served);
    let show = wait_for_outcome(&served, &study, "held");
    let sentence = super::workflow(&show)["sentence"].as_str().unwrap().to_owned();
    assert!(sentence.contains("PHANTOM-51") && sentence.contains("SOMEBODY-ELSE"), "{sentence}");
    let list = served.ask(&["quarantine", "list"]);
    let held = waiting(&list, "study");
    assert_eq!(held.len(), 1, "{list}");
    assert!(held[0]["why"].as_str().unwrap().contains("two patients"), "{list}");
    let go = decide(&served, &study, "--go");
    assert_eq!(go.status.code(), Some(5), "nobody can want that: {go:?}");
    assert!(decide(&served, &study, "--skip").status.success());
    wait_for_outcome(&served, &study, "cancelled");
    assert_eq!(waiting(&served.ask(&["quarantine", "list"]), "study"), Vec::<Value>::new());
    assert_eq!(runs(&served), Vec::<Value>::new());
}

#[test]
fn a_person_lets_a_study_run_that_is_not_ready() {
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    let patient = WORKFLOW.replace("{ quiet: 3s, associationEnd: 0s }", "{ quiet: 10m }");
    apply(&served, dir.path(), &format!("{patient}{NOWHERE}"));
    send(&served, "GANTRY", &[phantom(dir.path(), 52)]);
    let study = newest_study(&served);
    wait_for_outcome(&served, &study, "waiting");
    // The server may look at the same moment; then nothing is decided, and one tries again.
    let decided = (0..20).any(|_| decide(&served, &study, "--go").status.success());
    assert!(decided);
    wait_for_outcome(&served, &study, "ran");
    let why = served.ask(&["why", &study]);
    assert!(why["workflows"][0]["done"][0].as_str().unwrap().contains("command said so"), "{why}");
}

#[test]
fn a_run_that_failed_is_found_and_tried_again() {
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    let hasty = WORKFLOW
        .replace("attempts: 3", "attempts: 1")
        .replace("app: lung-density", "app: lung-density\n    timeout: 1s");
    apply(&served, dir.path(), &format!("{hasty}{NOWHERE}"));
    // Several at once: none of them is done within a second in a debug build on a busy machine.
    let studies: Vec<_> = (53..57).map(|seed| phantom(dir.path(), seed)).collect();
    studies.iter().for_each(|study| send(&served, "GANTRY", &[study]));
    let list = wait_for(&served, &["quarantine", "list"], |list| !waiting(list, "run").is_empty());
    let failed = &waiting(&list, "run")[0];
    assert!(failed["why"].as_str().unwrap().contains("timed-out"), "{failed}");
    let run = failed["what"].as_str().unwrap();
    let retried = served.ask(&["quarantine", "retry", run]);
    assert_eq!(retried["retried"], serde_json::json!([run]));
    let again = served.ask(&["runs", "show", run]);
    let done = again["done"].to_string();
    assert!(done.contains("queued since") || done.contains("runs on") || done.contains("failed"), "{done}");
}

#[test]
fn a_run_is_cancelled_and_made_once_more() {
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(&format!("{CONFIG}[run]\nslots = 1\n"));
    apply(&served, dir.path(), &format!("{WORKFLOW}{NOWHERE}"));
    // The first is computed while the others wait.
    let studies: Vec<_> = (58..62).map(|seed| phantom(dir.path(), seed)).collect();
    studies.iter().for_each(|study| send(&served, "GANTRY", &[study]));
    let study = newest_study(&served);
    let list = wait_for(&served, &["runs", "list"], |list| {
        list["runs"].as_array().unwrap().iter().any(|run| run["study"] == study.as_str())
    });
    let of_study = |list: &Value| -> Vec<Value> {
        let all = list["runs"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|run| run["study"] == study.as_str()).collect()
    };
    let run = of_study(&list)[0]["run"].as_str().unwrap().to_owned();
    let order = |what: &str| {
        let mut command = Command::new(program());
        command
            .args(["runs", what, &run, "--reason", "test", "--json", "--data"])
            .arg(served.data())
            .output()
            .unwrap()
    };
    // Its slot may claim it at the same moment; then nothing is changed, and one tries again.
    assert!((0..20).any(|_| order("cancel").status.success()));
    wait_for_outcome(&served, &study, "cancelled");
    let again = order("cancel");
    assert!(
        !again.status.success() && String::from_utf8_lossy(&again.stderr).contains("over already"),
        "{again:?}"
    );

    assert!((0..20).any(|_| order("rerun").status.success()));
    wait_for_outcome(&served, &study, "ran");
    let runs = of_study(&served.ask(&["runs", "list"]));
    let told: Vec<(&Value, &Value)> = runs.iter().map(|run| (&run["payload"], &run["state"])).collect();
    assert_eq!(told, [(&2.into(), &"ran".into()), (&1.into(), &"cancelled".into())]);
}
