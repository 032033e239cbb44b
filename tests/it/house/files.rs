//! Files: documented, of readable length, and free of what must not be published.

use std::fs;

use gantry_tests::notes;

use super::{shown, sources};

/// Lines without tests beyond which a file asks to be split; tables may be longer.
const LINES_MAX: usize = 600;
const TABLES: &[&str] = &["crates/formats/gantry-dicom/src/dictionary/table.rs"];

#[test]
fn every_file_says_what_it_is_for() {
    let mut wrong = Vec::new();
    for folder in ["crates", "tests"] {
        for path in sources(&notes::root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let first = text.lines().find(|line| !line.starts_with("// @generated"));
            if !first.is_some_and(|line| line.starts_with("//! ")) {
                wrong.push(format!("{} does not begin with module documentation", shown(&path)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn files_stay_readable() {
    let mut wrong = Vec::new();
    for path in sources(&notes::root().join("crates")) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.find("#[cfg(test)]\nmod tests").map_or(&*text, |at| &text[..at]).lines().count();
        if LINES_MAX < lines && !TABLES.contains(&&*shown(&path)) {
            wrong.push(format!("{} has {lines} lines", shown(&path)));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_floor_has_a_readme() {
    for entry in fs::read_dir(notes::root().join("crates")).unwrap() {
        let floor = entry.unwrap().path();
        if fs::read_dir(&floor).unwrap().next().is_some() {
            assert!(floor.join("README.md").is_file(), "{} has no README.md", shown(&floor));
        }
    }
}

#[test]
fn crates_inherit_the_lints() {
    for folder in sources(&notes::root().join("crates")).iter().filter_map(|path| path.parent()) {
        let manifest = folder.parent().unwrap().join("Cargo.toml");
        if let Ok(text) = fs::read_to_string(&manifest) {
            assert!(text.contains("[lints]\nworkspace = true"), "{}", shown(&manifest));
        }
    }
}
