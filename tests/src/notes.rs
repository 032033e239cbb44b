//! Notes that tests leave for the end of `make test`: skips, counts, coverage.
//!
//! A note is one line in `target/test-notes.txt`: `kind: text`. Lines are appended whole, so test processes may
//! write at the same time.

use std::{
    env,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Whether the run must be complete: nothing may be skipped.
#[must_use]
pub fn is_ci() -> bool {
    env::var("CI").is_ok_and(|ci| ci == "true")
}

/// Leaves a count or another figure.
///
/// # Panics
/// If the note cannot be written: a lost note would make a skip look like a pass.
#[track_caller]
pub fn figure(text: &str) {
    append(&format!("figure: {text}"));
}

/// Leaves word that `test` could not run because `missing` is not there.
///
/// # Panics
/// Under `CI=true`, where nothing may be skipped.
#[track_caller]
pub fn skip(test: &str, missing: &str) {
    append(&format!("skip: {test}: {missing}"));
    assert!(!is_ci(), "{test} needs {missing}, and CI=true allows no skip; `make peers` installs the peers");
}

/// Leaves word that a test of the shared corpus had none; counted in one line at the end.
pub fn without_corpus(test: &str) {
    append(&format!("no-corpus: {test}"));
}

#[track_caller]
fn append(line: &str) {
    let path = root().join("target/test-notes.txt");
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    assert!(written.is_ok(), "cannot note in {}: {written:?}", path.display());
}
