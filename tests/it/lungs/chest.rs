//! The real chest CT, and the same voxels told otherwise.

use gantry_tests::{notes, peer};
use serde_json::Value;
use tempfile::TempDir;

use super::{chest, findings, judged, number, python};

/// The bounds of every lung against its truth.
#[track_caller]
fn check(figures: &Value, dice_min: f64) {
    for side in ["right", "left"] {
        let lung = &figures[side];
        assert!(dice_min <= number(&lung["dice"]), "{side}: {lung}");
        assert!(number(&lung["wrongSideMl"]) <= 10.0, "{side}: {lung}");
    }
}

/// The bounds of the real chest CT against its truth.
#[track_caller]
pub(crate) fn check_chest(figures: &Value) {
    check(figures, 0.99);
    for side in ["right", "left"] {
        assert!(number(&figures[side]["volumePercent"]).abs() <= 1.5, "{figures}");
        assert!(number(&figures[side]["meanDifference"]).abs() <= 3.0, "{figures}");
    }
    let airway = &figures["airway"];
    assert!((20.0..=45.0).contains(&number(&airway["ml"])), "{airway}");
    assert_eq!(airway["inLungs"], 0);
    assert!(20.0 <= number(&airway["reachRightMm"]) && 20.0 <= number(&airway["reachLeftMm"]), "{airway}");
    assert_eq!(figures["outsideBody"], 0);
}

#[test]
fn a_real_chest_ct_gives_its_truth() {
    let test = "a_real_chest_ct_gives_its_truth";
    let Some((series, truth)) = chest(test) else { return };
    let Some(interpreter) = peer::python(test) else { return };
    let out = TempDir::new().unwrap();
    let found = findings(&series, out.path());
    let figures = judged(&interpreter, out.path(), &series, &truth);
    check_chest(&figures);
    let airway = &figures["airway"];
    // The index is declined, and the words say why.
    let index = &found["segments"][0]["measurements"][2];
    let declined = index["declined"].as_str().unwrap();
    assert!(
        declined.contains("image.thickness is 5") && declined.contains("image.contrast is absent"),
        "{declined}"
    );
    assert!(!declined.contains("kernel"), "kernel B is not sharp: {declined}");
    notes::figure(&format!(
        "chest CT: Dice {:.5} right, {:.5} left; airway {:.1} ml",
        number(&figures["right"]["dice"]),
        number(&figures["left"]["dice"]),
        number(&airway["ml"])
    ));
}

#[test]
fn patient_position_counts_for_nothing_and_turned_axes_swap_the_sides() {
    let test = "patient_position_counts_for_nothing_and_turned_axes_swap_the_sides";
    let Some((series, _)) = chest(test) else { return };
    let Some(interpreter) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let straight = findings(&series, &dir.path().join("straight"));
    let volume =
        |found: &Value, segment: usize| number(&found["segments"][segment]["measurements"][0]["value"]);
    for (kind, right, left) in [("position", 0, 1), ("turned", 1, 0)] {
        let variant = dir.path().join(kind);
        python(&interpreter, "vary_series.py", &[kind.as_ref(), &series, &variant]);
        let found = findings(&variant, &dir.path().join(format!("out-{kind}")));
        assert_eq!(volume(&found, right), volume(&straight, 0), "{kind}");
        assert_eq!(volume(&found, left), volume(&straight, 1), "{kind}");
    }
}

#[test]
fn regrouped_series_give_the_same_lungs() {
    let test = "regrouped_series_give_the_same_lungs";
    let Some((series, _)) = chest(test) else { return };
    let Some(interpreter) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let straight = dir.path().join("straight");
    findings(&series, &straight);
    // The straight run is the truth here: its mask, as dcmqi reads it, in patient space.
    let truth = dir.path().join("straight.nrrd");
    python(&interpreter, "seg_to_nrrd.py", &[&straight, &truth]);
    for kind in ["sagittal", "coronal"] {
        let variant = dir.path().join(kind);
        python(&interpreter, "vary_series.py", &[kind.as_ref(), &series, &variant]);
        let out = dir.path().join(format!("out-{kind}"));
        findings(&variant, &out);
        check(&judged(&interpreter, &out, &variant, &truth), 0.999);
    }
}

#[test]
fn an_oblique_series_gives_the_truth_resampled_with_it() {
    let test = "an_oblique_series_gives_the_truth_resampled_with_it";
    let Some((series, truth)) = chest(test) else { return };
    let Some(interpreter) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let (variant, turned) = (dir.path().join("oblique"), dir.path().join("oblique.nrrd"));
    python(&interpreter, "vary_series.py", &["oblique".as_ref(), &series, &variant, &truth, &turned]);
    let out = dir.path().join("out");
    findings(&variant, &out);
    check(&judged(&interpreter, &out, &variant, &turned), 0.97);
}
