//! What lung-density declines, each by its clause, and what is refused before it is asked.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use gantry_tests::{corpus, notes, peer, served::program};
use serde_json::Value;
use tempfile::TempDir;

use super::{findings, run};

/// Exit code of a command whose application declined.
const DECLINED: i32 = 7;
/// Exit code of a command whose input cannot be used.
const INPUT: i32 = 5;

#[track_caller]
fn check_declined(series: &Path, clause: &str) {
    let out = TempDir::new().unwrap();
    let output = run(series, out.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(DECLINED), "{said}");
    let findings: Value =
        serde_json::from_slice(&std::fs::read(out.path().join("findings.json")).unwrap()).unwrap();
    assert_eq!(
        (&findings["outcome"], &findings["clauses"][0]["name"]),
        (&"declined".into(), &clause.into()),
        "{said}"
    );
    assert!(!out.path().join("evidence").exists());
}

#[test]
fn bodies_that_are_no_chests_are_declined_by_their_clause() {
    let dir = TempDir::new().unwrap();
    for (kind, clause) in
        [("water", "lungs-on-opposite-sides"), ("foam", "airway-found"), ("upper-half", "lungs-not-cut-off")]
    {
        let out = dir.path().join(kind);
        peer::run(Command::new(program()).args(["phantom", "--kind", kind, "-o"]).arg(&out));
        check_declined(&out.join("study"), clause);
    }
}

#[test]
fn three_slices_of_an_abdomen_are_declined_as_too_small() {
    let Some(shared) = corpus::shared("three_slices_of_an_abdomen_are_declined_as_too_small") else { return };
    check_declined(&shared.join("data/ct/abdomen-liver-3slices"), "lungs-high-enough");
}

#[test]
fn irregular_stacks_are_refused_for_their_geometry() {
    let Some(shared) = corpus::shared("irregular_stacks_are_refused_for_their_geometry") else { return };
    for (folder, code) in
        [("head-ge-tilt", "image/gantry-tilt"), ("chest-lungdx-a0001-kernelL-gaps", "image/uneven-spacing")]
    {
        let out = TempDir::new().unwrap();
        let output = run(&shared.join("data/ct").join(folder), out.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(INPUT), "{said}");
        assert!(said.contains(code), "{folder}: {said}");
    }
}

/// A phantom's series, changed by `tests/python/edit_series.py`.
fn edited(test: &str, dir: &Path, change: &[&str]) -> Option<PathBuf> {
    let python = peer::python(test)?;
    let out = dir.join("phantom");
    if !out.exists() {
        peer::run(Command::new(program()).args(["phantom", "-o"]).arg(&out));
    }
    edit(&python, &out.join("study"), change);
    Some(out.join("study"))
}

fn edit(python: &Path, series: &Path, change: &[&str]) {
    let script = notes::root().join("tests/python/edit_series.py");
    peer::run(Command::new(python).arg(script).arg(series).args(change));
}

#[track_caller]
fn check_refused(series: &Path, out: &Path, code: &str) {
    let output = run(series, out);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(INPUT), "{said}");
    assert!(said.contains(code), "{said}");
    assert!(!out.join("evidence").exists() && !out.join("summary.png").exists());
}

/// Whatever the series, an earlier result does not stay beside it.
#[test]
fn a_series_of_two_patients_or_other_units_or_with_damaged_files_is_refused() {
    let test = "a_series_of_two_patients_or_other_units_or_with_damaged_files_is_refused";
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("out");
    let Some(series) = edited(test, dir.path(), &["1", "set", "SeriesDescription", "Lung"]) else { return };
    findings(&series, &out);
    assert!(out.join("evidence/SEG.dcm").exists());
    let refused = |change: &[&str], code| {
        edited(test, dir.path(), change);
        check_refused(&series, &out, code);
    };
    refused(&["9", "set", "PatientID", "OTHER"], "series/mixed-identity");
    let said = std::fs::read(out.join("findings.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&said).unwrap()["outcome"], "refused");
    edited(test, dir.path(), &["9999", "set", "PatientID", "ONE"]);
    refused(&["9999", "set", "RescaleType", "US"], "image/not-hounsfield");
    refused(&["2", "empty"], "run/damaged-files");
}

/// The agent's name is in Latin 1, and no repertoire is announced: what vouches for an unknown agent does not count.
#[test]
fn an_agent_in_any_repertoire_is_an_agent() {
    let test = "an_agent_in_any_repertoire_is_an_agent";
    let dir = TempDir::new().unwrap();
    let change = ["9999", "set", "ContrastBolusAgent", "Iom\\xe9ron 400"];
    let Some(series) = edited(test, dir.path(), &change) else { return };
    let out = dir.path().join("out");
    let output = Command::new(program())
        .args(["run", "lung-density", "--json", "--assert", "contrast", "-o"])
        .arg(&out)
        .arg(&series)
        .output()
        .unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let clauses = found["clauses"].as_array().unwrap();
    let contrast = clauses.iter().find(|clause| clause["name"] == "contrast").unwrap();
    assert_eq!(contrast["verdict"], "failed", "{contrast}");
}

/// A decoder that goes on with zeros would give a volume, and other figures.
#[test]
fn a_jpeg_stream_that_was_cut_is_refused() {
    let test = "a_jpeg_stream_that_was_cut_is_refused";
    let (Some(shared), Some(python)) = (corpus::shared(test), peer::python(test)) else { return };
    let dir = TempDir::new().unwrap();
    let series = dir.path().join("series");
    std::fs::create_dir(&series).unwrap();
    for entry in std::fs::read_dir(shared.join("data/ct/chest-lungdx-a0001-kernelB")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), series.join(entry.file_name())).unwrap();
    }
    edit(&python, &series, &["1", "cut"]);
    check_refused(&series, &dir.path().join("out"), "failed to decode huffman code");
}
