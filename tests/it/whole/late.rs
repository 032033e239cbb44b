//! Objects that come after the payload was frozen: amended once nothing more comes, or left to a person.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use gantry_tests::{
    peer::{self, Listening},
    served::{CONFIG, Served, apply, program, wait_for},
};
use serde_json::Value;
use tempfile::TempDir;

use super::{WORKFLOW, newest_study, phantom, runs, send, wait_for_outcome, workflow};

fn workflow_with(late: &str) -> String {
    WORKFLOW.replace("deliver:", &format!("late: {late}\ndeliver:"))
}

fn pacs(address: &str) -> String {
    format!(
        "---\napiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs, class: research }}\n\
         aeTitle: STORESCP\naddress: {address}\n"
    )
}

/// A study's files, the last of them apart: slices above the apex of the lungs.
fn parted(study: &Path, apart: usize) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let mut files: Vec<_> = fs::read_dir(study).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let late = files.split_off(files.len() - apart);
    (files, late)
}

/// The deliveries of a study, once there are so many and all are sent.
#[track_caller]
fn sent(served: &Served, study: &str, count: usize) -> Vec<Value> {
    let of_study = |list: &Value| -> Vec<Value> {
        let all = list["deliveries"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|one| one["study"] == study && one["state"] == "sent").collect()
    };
    of_study(&wait_for(served, &["delivery", "list"], |list| of_study(list).len() == count))
}

#[test]
fn late_slices_amend_once_and_the_evidence_names_what_it_replaces() {
    let test = "late_slices_amend_once_and_the_evidence_names_what_it_replaces";
    let Some(interpreter) = peer::python(test) else { return };
    let Some(storescp) = peer::program(test, "storescp") else { return };
    let dir = TempDir::new().unwrap();
    let received = dir.path().join("received");
    fs::create_dir(&received).unwrap();
    let listening = Listening::start(|port| {
        let mut command = Command::new(storescp);
        command.arg("--output-directory").arg(&received).arg(port.to_string());
        command
    });
    let served = Served::start_with(CONFIG);
    let amend = workflow_with("{ do: amend, settle: 2s, max: 1 }");
    apply(&served, dir.path(), &format!("{amend}{}", pacs(&listening.address().to_string())));
    let (files, late) = parted(&phantom(dir.path(), 81), 3);
    send(&served, "GANTRY", &files);
    let study = newest_study(&served);
    wait_for_outcome(&served, &study, "ran");
    let first = sent(&served, &study, 3);

    // One by one, over associations of their own: one amendment all the same.
    late.iter().take(2).for_each(|file| send(&served, "GANTRY", &[file]));
    let all = sent(&served, &study, 6);
    let of_study: Vec<Value> =
        runs(&served).into_iter().filter(|run| run["study"] == study.as_str()).collect();
    assert_eq!(of_study.len(), 2, "{of_study:?}");
    assert_eq!((&of_study[0]["payload"], &of_study[1]["payload"]), (&2.into(), &1.into()));
    // The earlier set is superseded, each object by the one of its kind.
    for delivery in &all {
        let is_first = first.iter().any(|earlier| earlier["sopInstance"] == delivery["sopInstance"]);
        let successor = all.iter().find(|other| other["sopInstance"] == delivery["supersededBy"]);
        assert_eq!(successor.map(|other| &other["kind"]), is_first.then_some(&delivery["kind"]), "{all:?}");
    }
    let script = "import pathlib, pydicom, sys\n\
                  for path in pathlib.Path(sys.argv[1]).iterdir():\n\
                  \x20   one = pydicom.dcmread(path)\n\
                  \x20   if one.Modality == 'SR' and 'PredecessorDocumentsSequence' in one:\n\
                  \x20       series = one.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]\n\
                  \x20       print(one.SOPInstanceUID, series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)";
    let printed = peer::run(Command::new(&interpreter).args(["-c", script]).arg(&received));
    let printed = String::from_utf8(printed.stdout).unwrap();
    let report = |is_superseded: bool| {
        let found =
            all.iter().find(|one| one["kind"] == "SR" && one["supersededBy"].is_string() == is_superseded);
        found.unwrap()["sopInstance"].as_str().unwrap().to_owned()
    };
    assert_eq!(printed.trim(), format!("{} {}", report(false), report(true)));

    // No more amendments than the workflow allows.
    send(&served, "GANTRY", &late[2..]);
    let show = wait_for(&served, &["study", "show", &study], |show| {
        workflow(show)["done"].to_string().contains("too late for payload 2; they are ignored")
    });
    let done = workflow(&show)["done"].to_string();
    assert!(
        done.contains("2 objects came too late for payload 1; payload 2 was frozen with them there"),
        "{done}"
    );
    assert_eq!(runs(&served).len(), 2);
}

fn decide(served: &Served, study: &str, what: &str) -> bool {
    let mut command = Command::new(program());
    command.args(["study", "decide", study, "--workflow", "chest-ct", what, "--reason", "test", "--data"]);
    command.arg(served.data()).output().unwrap().status.success()
}

/// What waits for a person about a study.
fn asked(list: &Value) -> Vec<String> {
    let all = list["quarantine"].as_array().cloned().unwrap_or_default();
    all.iter().filter(|one| one["kind"] == "study").map(|one| one["why"].to_string()).collect()
}

#[test]
fn a_workflow_that_holds_leaves_late_objects_to_a_person() {
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    apply(&served, dir.path(), &format!("{}{}", workflow_with("hold"), pacs("127.0.0.1:9")));
    let (files, late) = parted(&phantom(dir.path(), 82), 2);
    send(&served, "GANTRY", &files);
    let study = newest_study(&served);
    wait_for_outcome(&served, &study, "ran");
    send(&served, "GANTRY", &late[..1]);
    let list = wait_for(&served, &["quarantine", "list"], |list| !asked(list).is_empty());
    assert!(asked(&list)[0].contains("1 objects came too late for payload 1"), "{list}");
    // The outcome stays until somebody decides.
    assert_eq!(workflow(&served.ask(&["study", "show", &study]))["outcome"], "ran");
    assert!((0..20).any(|_| decide(&served, &study, "--skip")));
    assert_eq!(asked(&served.ask(&["quarantine", "list"])), Vec::<String>::new());

    send(&served, "GANTRY", &late[1..]);
    wait_for(&served, &["quarantine", "list"], |list| !asked(list).is_empty());
    assert!((0..20).any(|_| decide(&served, &study, "--go")));
    wait_for(&served, &["runs", "list"], |list| {
        let all = list["runs"].as_array().unwrap();
        all.len() == 2 && all.iter().all(|run| run["state"] == "ran")
    });
    assert_eq!(asked(&served.ask(&["quarantine", "list"])), Vec::<String>::new());
    assert!(!decide(&served, &study, "--go"), "nothing is late any more");
}
