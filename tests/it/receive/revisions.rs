//! The same SOP Instance UID again (RC2).

use std::{path::Path, process::Command};

use gantry_tests::{
    peer,
    served::{Served, program},
};
use tempfile::TempDir;

use super::{make_objects, objects, only_study};

fn send(served: &Served, path: &Path) {
    peer::run(
        Command::new(program()).args(["send", &served.address().to_string(), "--called", "GANTRY"]).arg(path),
    );
}

#[test]
fn the_same_again_is_recognised_and_anything_else_is_kept_undecided() {
    let test = "the_same_again_is_recognised_and_anything_else_is_kept_undecided";
    let dir = TempDir::new().unwrap();
    let (first, renamed) = (dir.path().join("a"), dir.path().join("b"));
    let Some(()) = make_objects(test, &first, &["--count", "3"]) else { return };
    let Some(()) = make_objects(test, &renamed, &["--count", "1", "--patient", "Other^Name"]) else { return };
    let served = Served::start();
    send(&served, &first);
    send(&served, &first);
    let study = only_study(&served);
    assert_eq!(objects(&study).len(), 3);
    for object in objects(&study) {
        let receptions: Vec<_> = object["receipts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|receipt| receipt["reception"].clone())
            .collect();
        assert_eq!(receptions, ["kept", "same"]);
    }
    send(&served, &renamed);
    send(&served, &renamed);
    let study = only_study(&served);
    let standings: Vec<_> = objects(&study).iter().map(|object| object["standing"].clone()).collect();
    assert_eq!(standings, ["inForce", "inForce", "inForce", "undecided"]);
    let revised = &objects(&study)[3];
    assert_eq!((revised["revision"].clone(), revised["receipts"].as_array().unwrap().len()), (2.into(), 2));
}

#[test]
fn what_the_sender_wrote_differently_is_the_same_if_it_means_the_same() {
    let test = "what_the_sender_wrote_differently_is_the_same_if_it_means_the_same";
    let dir = TempDir::new().unwrap();
    let Some(()) = make_objects(test, dir.path(), &[]) else { return };
    let Some(storescu) = peer::program(test, "storescu") else { return };
    let served = Served::start();
    send(&served, dir.path());
    // DCMTK names another implementation in the file meta information and may write other lengths.
    peer::run(
        Command::new(storescu)
            .args(["-R", "-aet", "OTHER", "-aec", "GANTRY", "+sd", "127.0.0.1", &served.port()])
            .arg(dir.path()),
    );
    let study = only_study(&served);
    assert_eq!(objects(&study).len(), 1);
    assert_eq!(objects(&study)[0]["receipts"][1]["reception"], "same");
}

/// A success means that the bytes are safe, also for what was there already: the sender may delete them now.
#[test]
fn bytes_that_rotted_are_restored_when_they_come_again() {
    let test = "bytes_that_rotted_are_restored_when_they_come_again";
    let dir = TempDir::new().unwrap();
    let objects_dir = dir.path().join("objects");
    let Some(()) = make_objects(test, &objects_dir, &["--count", "3"]) else { return };
    let served = Served::start();
    send(&served, &objects_dir);
    let rotted = served
        .data()
        .join("segments")
        .read_dir()
        .unwrap()
        .map(|entry| rot(&entry.unwrap().path(), b"Test^Patient"))
        .sum::<usize>();
    assert_eq!(rotted, 3);
    let uid = only_study(&served)["uid"].as_str().unwrap().to_owned();
    let damaged = |served: &Served| {
        let out = TempDir::new().unwrap();
        let mut export = Command::new(program());
        export.args(["study", "export", &uid, "--json", "-o"]).arg(out.path().join("study"));
        let output = export.arg("--data").arg(served.data()).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["damaged"].clone()
    };
    assert_eq!(damaged(&served), 3);
    send(&served, &objects_dir);
    assert_eq!(damaged(&served), 0);
    let study = only_study(&served);
    assert!(objects(&study).iter().all(|object| object["standing"] == "inForce"), "{study}");
}

/// Changes a byte of each occurrence; says how many there were.
fn rot(file: &Path, what: &[u8]) -> usize {
    let mut bytes = std::fs::read(file).unwrap();
    let places: Vec<usize> =
        (0..bytes.len().saturating_sub(what.len())).filter(|at| bytes[*at..].starts_with(what)).collect();
    places.iter().for_each(|at| bytes[*at] = b'?');
    if !places.is_empty() {
        std::fs::write(file, bytes).unwrap();
    }
    places.len()
}
