//! What lung-density declines, each by its clause, and what is refused before it is asked.

use std::path::Path;

use gantry_tests::{corpus, peer, served::program};
use serde_json::Value;
use tempfile::TempDir;

use super::run;

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
        peer::run(std::process::Command::new(program()).args(["phantom", "--kind", kind, "-o"]).arg(&out));
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
