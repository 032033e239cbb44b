//! `gantry run lung-density`: the real chest CT with its referees, its variants, phantoms, and what is declined.

pub(crate) mod chest;
mod declined;
mod phantoms;
pub(crate) mod referees;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use gantry_tests::{corpus, notes, peer, served::program};
use serde_json::Value;

/// Runs lung-density on a folder.
fn run(series: &Path, out: &Path) -> Output {
    Command::new(program())
        .args(["run", "lung-density", "--json"])
        .arg(series)
        .arg("-o")
        .arg(out)
        .output()
        .unwrap()
}

/// Runs lung-density on a folder it must answer for; its findings.
#[track_caller]
fn findings(series: &Path, out: &Path) -> Value {
    let output = run(series, out);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs a script of `tests/python`; what it prints.
#[track_caller]
pub(crate) fn python(python: &Path, script: &str, arguments: &[&Path]) -> String {
    let script = notes::root().join("tests/python").join(script);
    let output = peer::run(Command::new(python).arg(script).args(arguments));
    String::from_utf8(output.stdout).unwrap()
}

/// The figures of the judge, who reads the segmentation with highdicom and with dcmqi.
#[track_caller]
pub(crate) fn judged(interpreter: &Path, out: &Path, series: &Path, truth: &Path) -> Value {
    let printed = python(interpreter, "judge_lungs.py", &[out, series, truth]);
    let figures: Value = serde_json::from_str(printed.trim()).unwrap();
    assert_eq!(figures["readersAgree"], true, "highdicom and dcmqi read different masks");
    figures
}

/// The real chest CT and its truth.
pub(crate) fn chest(test: &str) -> Option<(PathBuf, PathBuf)> {
    let data = corpus::shared(test)?.join("data/ct");
    Some((data.join("chest-lungdx-a0001-kernelB"), data.join("chest-lungdx-a0001-kernelB-lungs.nrrd")))
}

#[track_caller]
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}
