//! Malformed objects: no crash, no hang, no lie.

use std::time::{Duration, Instant};

use gantry_tests::{corpus, notes};

use super::{Refusal, file, read};

/// Files whose fault lies beyond reading: irregular identifiers are kept by design and never become a path, and
/// these images are neither rendered nor read as segmentations here.
const BEYOND_READING: &[&str] = &[
    "malformed/synthetic/083-uid-path.dcm",
    "malformed/synthetic/084-uid-two-values.dcm",
    "malformed/synthetic/085-uid-nul-inside.dcm",
    "malformed/synthetic/124-palette-no-lut.dcm",
    "malformed/synthetic/125-palette-lut-short.dcm",
    "malformed/synthetic/215-seg-no-per-frame.dcm",
];

/// Whether the corpus leaves no choice but to refuse.
fn must_be_refused(must: &str) -> bool {
    must.starts_with("error:") && !must.contains(" or accepted") && !must.contains(" or recovered")
}

#[test]
fn malformed_objects_never_crash_hang_or_pass_for_whole() {
    let Some(shared) = corpus::shared("malformed_objects_never_crash_hang_or_pass_for_whole") else { return };
    let (mut whole, mut odd, mut refused, mut wrong) = (0, 0, 0, Vec::new());
    for entry in corpus::entries(&shared) {
        let kind = entry["kind"].as_str().unwrap();
        let path = entry["paths"][0].as_str().unwrap();
        if !kind.starts_with("malformed/") || path.ends_with(".pdu") {
            continue;
        }
        let bytes = file(&shared, path);
        let started = Instant::now();
        let outcome = read(&bytes);
        let took = started.elapsed();
        // The bound of the corpus, for a release build on a quiet machine; here with room for neither.
        if Duration::from_secs(5) < took {
            wrong.push(format!("{path}: {took:?}"));
        }
        let must = entry["facts"]["must"].as_str().unwrap_or_default();
        match outcome {
            Ok(_) if must_be_refused(must) && !BEYOND_READING.contains(&path) => {
                wrong.push(format!("{path}: read, but must be: {must}"))
            }
            Ok(read) if read.problems == 0 => whole += 1,
            Ok(_) => odd += 1,
            // Data set snippets without identifiers: they were read, which is what is asked.
            Err(Refusal::NoUid(_)) => odd += 1,
            Err(refusal) if must == "accepted" => {
                wrong.push(format!("{path}: {refusal:?}, but must be accepted"))
            }
            Err(_) => refused += 1,
        }
    }
    notes::figure(&format!("corpus/malformed: {whole} whole, {odd} with oddities, {refused} refused"));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
