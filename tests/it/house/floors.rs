//! Who may know whom, and what the pure floors may not touch.

use std::collections::BTreeMap;

use super::{code_lines, metadata, shown, sources};

/// Folder of each crate, and the crates of its own floor that it may use. A new edge is a design change.
const HOUSE: &[(&str, u8, &str, &[&str])] = &[
    ("gantry-types", 0, "words", &[]),
    ("gantry-dicom", 1, "formats", &[]),
    ("gantry-dimse", 1, "formats", &[]),
    ("gantry-pixel", 1, "formats", &["gantry-dicom"]),
    ("gantry-image", 1, "formats", &[]),
    ("gantry-evidence", 1, "formats", &["gantry-dicom", "gantry-image"]),
    ("gantry-phantom", 1, "formats", &["gantry-dicom", "gantry-image"]),
    ("gantry-flow", 2, "rules", &[]),
    ("gantry-definition", 2, "rules", &["gantry-flow"]),
    ("gantry-ports", 3, "ports", &[]),
    ("gantry-gateway", 4, "services", &[]),
    ("gantry-pipeline", 4, "services", &[]),
    ("gantry-conductor", 4, "services", &[]),
    ("gantry-publish", 4, "services", &[]),
    ("gantry-segments", 4, "adapters", &[]),
    ("gantry-sqlite", 4, "adapters", &[]),
    ("gantry-infer", 4, "adapters", &[]),
    ("gantry-net", 4, "adapters", &[]),
    ("gantry-process", 4, "adapters", &[]),
    ("gantry-api", 5, "face", &[]),
    ("gantry", 5, "face", &["gantry-api"]),
];

/// What pure crates (floors 0 to 2) may use from outside, with the features they may ask for.
const PURE_DEPENDENCIES: &[(&str, &[&str])] = &[
    ("thiserror", &[]),
    ("encoding_rs", &["alloc"]),
    ("flate2", &[]),
    ("jpeg-decoder", &[]),
    ("sha2", &[]),
    ("hmac", &[]),
    ("cel", &[]),
    ("toml", &["parse", "serde", "std"]),
    ("serde", &["derive"]),
    ("serde-saphyr", &["deserialize"]),
];

/// What pure code may not name: the outside, and anything whose order or value differs from run to run.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::env",
    "std::process",
    "SystemTime",
    "Instant::now",
    "HashMap",
    "HashSet",
    "rand::",
];

#[test]
fn crates_use_lower_floors_and_named_edges_only() {
    let house: BTreeMap<&str, (u8, &str, &[&str])> =
        HOUSE.iter().map(|(name, floor, folder, edges)| (*name, (*floor, *folder, *edges))).collect();
    let mut wrong = Vec::new();
    for package in metadata(&["--no-deps"])["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if name == "gantry-tests" {
            continue; // tests may know everything
        }
        let Some((floor, folder, edges)) = house.get(name) else {
            wrong.push(format!("{name} has no floor: add it to the house"));
            continue;
        };
        let manifest = package["manifest_path"].as_str().unwrap();
        if !manifest.ends_with(&format!("crates/{folder}/{name}/Cargo.toml")) {
            wrong.push(format!("{name} does not lie in crates/{folder}/{name}"));
        }
        // Development dependencies are free.
        for dep in package["dependencies"].as_array().unwrap().iter().filter(|dep| dep["kind"].is_null()) {
            let dep_name = dep["name"].as_str().unwrap();
            match house.get(dep_name) {
                Some((theirs, ..)) if theirs < floor || edges.contains(&dep_name) => {}
                Some((theirs, ..)) => {
                    wrong.push(format!("{name} (floor {floor}) must not use {dep_name} (floor {theirs})"));
                }
                None if *floor <= 2 => wrong.extend(impure_dependency(name, dep_name, dep)),
                None => {}
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn impure_dependency(name: &str, dep_name: &str, dep: &serde_json::Value) -> Option<String> {
    let Some((_, allowed)) = PURE_DEPENDENCIES.iter().find(|(known, _)| *known == dep_name) else {
        return Some(format!("{name} is pure and must not use {dep_name}"));
    };
    let features: Vec<&str> = dep["features"].as_array().unwrap().iter().filter_map(|f| f.as_str()).collect();
    let extra: Vec<&&str> = features.iter().filter(|feature| !allowed.contains(feature)).collect();
    (!extra.is_empty()).then(|| format!("{name} must not ask {dep_name} for {extra:?}"))
}

#[test]
fn pure_floors_do_not_touch_the_outside() {
    let root = gantry_tests::notes::root().join("crates");
    let mut wrong = Vec::new();
    for folder in ["words", "formats", "rules"] {
        let folder = root.join(folder);
        if !folder.is_dir() {
            continue;
        }
        for path in sources(&folder) {
            if shown(&path).ends_with("tests.rs") || shown(&path).contains("/tests/") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let may_parse_documents = shown(&path).contains("gantry-definition");
            for (number, line) in code_lines(&text) {
                if line.contains("serde") && !may_parse_documents {
                    wrong.push(format!("{}:{number}: serde", shown(&path)));
                }
                wrong.extend(
                    IMPURE
                        .iter()
                        .filter(|word| line.contains(*word))
                        .map(|word| format!("{}:{number}: {word}", shown(&path))),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn protocol_and_words_are_no_std() {
    for name in ["words/gantry-types", "formats/gantry-dimse", "rules/gantry-flow"] {
        let path = gantry_tests::notes::root().join("crates").join(name).join("src/lib.rs");
        assert!(std::fs::read_to_string(path).unwrap().contains("\n#![no_std]\n"), "{name}");
    }
}
