//! The real chest CT, as a modality would send it, to an Orthanc: judged as it lies there.

use std::{path::Path, process::Command};

use gantry_tests::{
    notes,
    orthanc::Orthanc,
    peer,
    served::{CONFIG, Served, apply},
};
use tempfile::TempDir;

use super::{WORKFLOW, newest_study, wait_for_deliveries, wait_for_outcome};
use crate::lungs::{chest, chest::check_chest, judged, python, referees};

const JPEG_LOSSLESS_SV1: &str = "1.2.840.10008.1.2.4.70";
const EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";

/// Every object of the study is kept in this syntax.
#[track_caller]
fn check_syntax(served: &Served, study: &str, syntax: &str) {
    let show = served.ask(&["study", "show", study]);
    let objects = show["objects"].as_array().unwrap();
    assert!(!objects.is_empty());
    assert!(objects.iter().all(|object| object["transferSyntax"] == syntax), "{:?}", objects[0]);
}

/// Waits for the evidence, and lets everybody judge it where it lies.
#[track_caller]
fn check(test: &str, served: &Served, orthanc: &Orthanc, study: &str, source: &Path, truth: &Path) {
    let Some(interpreter) = peer::python(test) else { return };
    wait_for_outcome(served, study, "ran");
    let deliveries = wait_for_deliveries(served, study, "confirmed");
    assert!(deliveries.iter().all(|one| one["failures"] == 0), "{deliveries:?}");
    let out = TempDir::new().unwrap();
    assert_eq!(orthanc.fetch_evidence(study, out.path()).len(), 3);
    referees::check(test, source, out.path());
    let figures = judged(&interpreter, out.path(), source, truth);
    check_chest(&figures);
    let why = served.ask(&["why", study]);
    assert_eq!(why["workflows"][0]["outcome"], "ran", "{why}");
    let report = python(&interpreter, "declined.py", &[&out.path().join("evidence/SR.dcm")]);
    assert!(
        report.contains("image.thickness is 5") && report.contains("image.contrast is absent"),
        "{report}"
    );
    notes::figure(&format!(
        "chest CT in Orthanc: Dice {} right, {} left",
        figures["right"]["dice"], figures["left"]["dice"]
    ));
}

#[test]
fn a_real_chest_ct_goes_to_orthanc_as_jpeg_lossless_and_decompressed() {
    let test = "a_real_chest_ct_goes_to_orthanc_as_jpeg_lossless_and_decompressed";
    let Some((series, truth)) = chest(test) else { return };
    let Some(interpreter) = peer::python(test) else { return };
    let (Some(storescu), Some(dcmsend)) = (peer::program(test, "storescu"), peer::program(test, "dcmsend"))
    else {
        return;
    };
    let Some(orthanc) = Orthanc::start(test, None, "") else { return };
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    apply(&served, dir.path(), &format!("{WORKFLOW}{}", orthanc.destination("pacs")));
    peer::run(
        Command::new(storescu)
            .args(["-R", "-xs", "-aec", "GANTRY", "+sd", "127.0.0.1", &served.port()])
            .arg(&series),
    );
    let first = newest_study(&served);
    check_syntax(&served, &first, JPEG_LOSSLESS_SV1);
    check(test, &served, &orthanc, &first, &series, &truth);

    let renamed = dir.path().join("renamed");
    python(&interpreter, "vary_series.py", &["renamed".as_ref(), &series, &renamed]);
    peer::run(
        Command::new(dcmsend)
            .args(["--decompress-lossless", "-aec", "GANTRY", "--scan-directories"])
            .args(["127.0.0.1", &served.port()])
            .arg(&renamed),
    );
    let second = newest_study(&served);
    assert_ne!(first, second);
    check_syntax(&served, &second, EXPLICIT_LITTLE_ENDIAN);
    check(test, &served, &orthanc, &second, &renamed, &truth);
    let report = TempDir::new().unwrap();
    orthanc.fetch_evidence(&first, report.path());
    referees::check_template(test, &report.path().join("evidence/SR.dcm"));
}
