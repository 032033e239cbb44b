//! What comes again under a SOP Instance UID and differs (RC2): told apart once a workflow needs it, used by rule.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use gantry_tests::{
    corpus,
    peer::{self, Listening},
    served::{CONFIG, Served, apply, program, wait_for},
};
use serde_json::Value;
use tempfile::TempDir;

use super::{WORKFLOW, newest_study, phantom, runs, send, wait_for_outcome, workflow};

/// The same objects with one attribute changed, or one pixel.
const CHANGE: &str = "import pathlib, pydicom, sys\n\
    out = pathlib.Path(sys.argv[1])\n\
    out.mkdir()\n\
    for path in sys.argv[3:]:\n\
    \x20   one = pydicom.dcmread(path)\n\
    \x20   if sys.argv[2] == 'pixel':\n\
    \x20       pixels = bytearray(one.PixelData)\n\
    \x20       pixels[1000] ^= 1\n\
    \x20       one.PixelData = bytes(pixels)\n\
    \x20   else:\n\
    \x20       name, value = sys.argv[2].split('=')\n\
    \x20       setattr(one, name, value)\n\
    \x20   one.save_as(out / pathlib.Path(path).name)\n";

fn changed(python: &Path, out: PathBuf, change: &str, files: &[PathBuf]) -> PathBuf {
    peer::run(Command::new(python).args(["-c", CHANGE]).arg(&out).arg(change).args(files));
    out
}

fn files(study: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(study).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn pacs(address: &str) -> String {
    format!(
        "---\napiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs, class: research }}\n\
         aeTitle: STORESCP\naddress: {address}\n"
    )
}

/// The standings of later revisions, by how many there are of each.
fn later(show: &Value) -> Vec<(String, usize)> {
    let objects = show["objects"].as_array().cloned().unwrap_or_default();
    let mut counts = std::collections::BTreeMap::new();
    for object in objects.iter().filter(|object| object["revision"] != 1) {
        *counts.entry(object["standing"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

fn wait_for_later(served: &Served, study: &str, wanted: &[(&str, usize)]) -> Value {
    let wanted: Vec<_> = wanted.iter().map(|(standing, count)| ((*standing).to_owned(), *count)).collect();
    wait_for(served, &["study", "show", study], |show| later(show) == wanted)
}

fn decide(served: &Served, study: &str, what: &[&str]) {
    let decided = (0..20).any(|_| {
        let mut command = Command::new(program());
        command.args(["study", "decide", study, "--workflow", "chest-ct", "--reason", "test"]).args(what);
        command.arg("--data").arg(served.data()).output().unwrap().status.success()
    });
    assert!(decided, "{what:?}");
}

#[test]
fn encodings_and_lossy_copies_are_kept_and_change_nothing() {
    let test = "encodings_and_lossy_copies_are_kept_and_change_nothing";
    let Some(dcmcrle) = peer::program(test, "dcmcrle") else { return };
    let Some(dcmcjpeg) = peer::program(test, "dcmcjpeg") else { return };
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    let study = phantom(dir.path(), 83);
    let all = files(&study);
    send(&served, "GANTRY", &[&study]);
    let (rle, lossy) = (dir.path().join("rle.dcm"), dir.path().join("lossy.dcm"));
    peer::run(Command::new(dcmcrle).arg(&all[20]).arg(&rle));
    peer::run(Command::new(dcmcjpeg).args(["+eb", "+q", "90", "+un"]).arg(&all[21]).arg(&lossy));
    send(&served, "GANTRY", &[&rle, &lossy]);
    let uid = newest_study(&served);
    // Nobody needs to know what they are.
    wait_for_later(&served, &uid, &[("undecided", 2)]);
    apply(&served, dir.path(), &format!("{WORKFLOW}{}", pacs("127.0.0.1:9")));
    wait_for_later(&served, &uid, &[("lossyCopy", 1), ("reencoded", 1)]);
    wait_for_outcome(&served, &uid, "ran");
    // A lossy echo of what has run changes nothing either.
    send(&served, "GANTRY", &[&lossy]);
    assert_eq!(runs(&served).len(), 1);
}

/// A corrected patient: all objects come again with another id, and the result is of the patient that they name now.
#[test]
fn a_newer_header_is_in_force_and_the_older_does_not_come_back() {
    let test = "a_newer_header_is_in_force_and_the_older_does_not_come_back";
    let Some(python) = peer::python(test) else { return };
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
    let study = phantom(dir.path(), 84);
    let all = files(&study);
    let renamed = changed(&python, dir.path().join("renamed"), "PatientID=CORRECTED", &all);
    send(&served, "GANTRY", &[&study]);
    send(&served, "GANTRY", &[&renamed]);
    let uid = newest_study(&served);
    apply(&served, dir.path(), &format!("{WORKFLOW}{}", pacs(&listening.address().to_string())));
    wait_for_outcome(&served, &uid, "ran");
    wait_for_later(&served, &uid, &[("inForce", all.len())]);
    assert_eq!(served.ask(&["study", "list"])["studies"][0]["patientId"], "CORRECTED");
    // A, B, A: the first is the same as a kept one, and not in force any more.
    send(&served, "GANTRY", &[&study]);
    let show = wait_for_later(&served, &uid, &[("inForce", all.len())]);
    assert_eq!(workflow(&show)["outcome"], "ran");
    wait_for(&served, &["delivery", "list"], |list| {
        let all = list["deliveries"].as_array().cloned().unwrap_or_default();
        all.len() == 3 && all.iter().all(|one| one["state"] == "sent")
    });
    let script = "import pathlib, pydicom, sys\n\
                  for path in pathlib.Path(sys.argv[1]).iterdir(): print(pydicom.dcmread(path).PatientID)";
    let printed = peer::run(Command::new(&python).args(["-c", script]).arg(&received));
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), "CORRECTED\n".repeat(3));
}

#[test]
fn a_header_of_less_authority_is_kept_and_not_used() {
    let test = "a_header_of_less_authority_is_kept_and_not_used";
    let Some(python) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    let source = |name: &str, title: &str, authority: u32| {
        format!(
            "---\napiVersion: gantry/v1\nkind: Source\nmetadata: {{ name: {name} }}\naeTitle: {title}\n\
             addresses: [127.0.0.1]\nauthority: {authority}\n"
        )
    };
    let sources = format!("{}{}", source("ct", "CT", 10), source("archive", "ARCHIVE", 5));
    apply(&served, dir.path(), &format!("{WORKFLOW}{}{sources}", pacs("127.0.0.1:9")));
    let study = phantom(dir.path(), 85);
    let all = files(&study);
    let old = changed(&python, dir.path().join("old"), "PatientID=AS-THE-ARCHIVE-HAS-IT", &all[..3]);
    let new = changed(&python, dir.path().join("new"), "SeriesDescription=as it should be", &all[3..5]);
    let send_as = |title: &str, paths: &[&Path]| {
        let mut command = Command::new(program());
        command.args(["send", &served.address().to_string(), "--called", "GANTRY", "--calling", title]);
        peer::run(command.args(paths));
    };
    send_as("CT", &[&study]);
    send_as("ARCHIVE", &[&old]);
    send_as("CT", &[&new]);
    let uid = newest_study(&served);
    wait_for_later(&served, &uid, &[("inForce", 2), ("outranked", 3)]);
    // Whom it names does not count: the study is of one patient.
    let show = wait_for_outcome(&served, &uid, "ran");
    let series = show["series"].as_array().unwrap();
    assert!(series.iter().any(|one| one["description"] == "as it should be"), "{series:?}");
}

#[test]
fn other_pixels_hold_the_study_until_a_person_decides() {
    let test = "other_pixels_hold_the_study_until_a_person_decides";
    let Some(python) = peer::python(test) else { return };
    for (which, seed, expected) in [("newest", 86, ("inForce", 1)), ("first", 87, ("setAside", 1))] {
        let dir = TempDir::new().unwrap();
        let served = Served::start_with(CONFIG);
        let study = phantom(dir.path(), seed);
        let all = files(&study);
        let other = changed(&python, dir.path().join("other"), "pixel", &all[30..31]);
        send(&served, "GANTRY", &[&study]);
        send(&served, "GANTRY", &[&other]);
        let uid = newest_study(&served);
        apply(&served, dir.path(), &format!("{WORKFLOW}{}", pacs("127.0.0.1:9")));
        let show = wait_for_outcome(&served, &uid, "held");
        assert!(workflow(&show)["sentence"].to_string().contains("shows something else"), "{show}");
        assert_eq!(later(&show), [("conflict".to_owned(), 1)]);
        let list =
            peer::run(Command::new(program()).args(["quarantine", "list", "--data"]).arg(served.data()));
        let list = String::from_utf8(list.stdout).unwrap();
        assert!(list.contains("--use first|--use newest|--skip"), "{list}");
        decide(&served, &uid, &["--use", which]);
        wait_for_outcome(&served, &uid, "ran");
        wait_for_later(&served, &uid, &[expected]);
    }
}

/// The same UID, with pixels that are not read yet: nobody can tell, so a person decides.
#[test]
fn what_cannot_be_decoded_is_a_conflict() {
    let test = "what_cannot_be_decoded_is_a_conflict";
    let Some(shared) = corpus::shared(test) else { return };
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    send(&served, "GANTRY", &[shared.join("data/mr/t1-mprage-sag/0096.dcm")]);
    send(&served, "GANTRY", &[shared.join("data/mr/siemens-csa-original-slice.dcm")]);
    let uid = newest_study(&served);
    let of_mr = WORKFLOW.replace("\"CT\"", "\"MR\"").replace(" && series.instances >= 40", "");
    apply(&served, dir.path(), &format!("{of_mr}{}", pacs("127.0.0.1:9")));
    let show = wait_for_outcome(&served, &uid, "held");
    assert_eq!(later(&show), [("conflict".to_owned(), 1)]);
}

/// After delivery too: what was sent of the wrong patient is superseded by a set of the right one.
#[test]
fn a_correction_after_delivery_replaces_what_was_sent() {
    let test = "a_correction_after_delivery_replaces_what_was_sent";
    let Some(python) = peer::python(test) else { return };
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
    apply(&served, dir.path(), &format!("{WORKFLOW}{}", pacs(&listening.address().to_string())));
    let study = phantom(dir.path(), 88);
    let renamed = changed(&python, dir.path().join("renamed"), "PatientID=CORRECTED", &files(&study));
    send(&served, "GANTRY", &[&study]);
    let uid = newest_study(&served);
    let sent = |count: usize| {
        let list = wait_for(&served, &["delivery", "list"], |list| {
            let all = list["deliveries"].as_array().cloned().unwrap_or_default();
            all.len() == count && all.iter().all(|one| one["state"] == "sent")
        });
        list["deliveries"].as_array().unwrap().clone()
    };
    let first = sent(3);
    send(&served, "GANTRY", &[&renamed]);
    let all = sent(6);
    for one in &all {
        let is_first = first.iter().any(|earlier| earlier["sopInstance"] == one["sopInstance"]);
        assert_eq!(one["supersededBy"].is_string(), is_first, "{all:?}");
    }
    let show = served.ask(&["study", "show", &uid]).to_string();
    assert!(show.contains("what had been frozen was corrected or set aside"), "{show}");
    let script = "import pathlib, pydicom, sys\n\
                  for path in pathlib.Path(sys.argv[1]).iterdir():\n\
                  \x20   one = pydicom.dcmread(path)\n\
                  \x20   print(one.SOPInstanceUID, one.PatientID)";
    let printed = peer::run(Command::new(&python).args(["-c", script]).arg(&received));
    let printed = String::from_utf8(printed.stdout).unwrap();
    for one in all.iter().filter(|one| !one["supersededBy"].is_string()) {
        let line = format!("{} CORRECTED", one["sopInstance"].as_str().unwrap());
        assert!(printed.contains(&line), "{printed}");
    }
}

/// After the run too: a person says which of two images is the right one, and what was made of the other is replaced.
#[test]
fn a_conflict_after_the_run_waits_for_a_person() {
    let test = "a_conflict_after_the_run_waits_for_a_person";
    let Some(python) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    apply(&served, dir.path(), &format!("{WORKFLOW}{}", pacs("127.0.0.1:9")));
    let study = phantom(dir.path(), 89);
    let other = changed(&python, dir.path().join("other"), "pixel", &files(&study)[30..31]);
    send(&served, "GANTRY", &[&study]);
    let uid = newest_study(&served);
    wait_for_outcome(&served, &uid, "ran");
    send(&served, "GANTRY", &[&other]);
    let list = wait_for(&served, &["quarantine", "list"], |list| list.to_string().contains("came again"));
    assert!(
        list.to_string().contains("an object of payload 1 came again and shows something else"),
        "{list}"
    );
    decide(&served, &uid, &["--use", "newest"]);
    wait_for(&served, &["runs", "list"], |list| {
        let all = list["runs"].as_array().unwrap();
        all.len() == 2 && all.iter().all(|run| run["state"] == "ran")
    });
    assert!(!served.ask(&["quarantine", "list"]).to_string().contains("came again"));
}
