//! The house: floors, edges, purity, files, licences. The rules are those of `ARCHITECTURE.md`.

mod files;
mod floors;
mod licences;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use gantry_tests::{notes, peer};
use serde_json::Value;

/// What cargo knows about all packages.
fn metadata(arguments: &[&str]) -> Value {
    let output = peer::run(
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked"])
            .args(arguments)
            .current_dir(notes::root()),
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// All Rust files below a folder of the repository.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A path as messages show it.
fn shown(path: &Path) -> String {
    path.strip_prefix(notes::root()).unwrap_or(path).display().to_string()
}

/// The lines of a file that are neither comments nor, as far as `#[cfg(test)]` at the end tells, tests.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..tests]
        .lines()
        .zip(1..)
        .map(|(line, number)| (number, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}
