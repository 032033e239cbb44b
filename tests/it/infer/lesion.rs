//! `phantom-lesion` on phantoms that its network has never seen.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Output},
};

use gantry_evidence::read::read_segmentation;
use gantry_image::{measure::count, volume::Labels};
use gantry_phantom::{
    acquisition::{Acquisition, acquire},
    chest::{ChestPhantom, LESION, Lesions, Phantom},
};
use gantry_tests::{notes, peer, served::program};
use serde_json::Value;
use tempfile::TempDir;

use crate::lungs::python;

/// The seeds of the suite; `make soak` takes all of them.
const SEEDS: [u64; 5] = [1, 7, 42, 111, 200];

fn phantom(out: &Path, kind: &str, seed: u64) {
    peer::run(
        Command::new(program()).args(["phantom", "--kind", kind, "--seed", &seed.to_string(), "-o"]).arg(out),
    );
}

fn run(study: &Path, out: &Path) -> Output {
    Command::new(program()).args(["run", "phantom-lesion"]).arg(study).arg("-o").arg(out).output().unwrap()
}

/// The truth, as the phantom's study has it.
fn truth(seed: u64) -> Phantom {
    acquire(&ChestPhantom::from_seed(seed, Lesions::Some).unwrap().phantom, &Acquisition::default()).unwrap()
}

/// The lesions of a result, on the grid of the truth.
#[track_caller]
fn found(out: &Path, truth: &Phantom) -> Labels {
    let bytes = fs::read(out.join("evidence/SEG.dcm")).unwrap();
    let reading = read_segmentation(&bytes).unwrap();
    reading
        .labels_on(truth.labels.grid(), |segment| (segment.tracking_id == "lesion").then_some(LESION))
        .unwrap()
}

/// Dice of the lesions of a seed, and how many voxels they have.
#[track_caller]
fn dice(seed: u64) -> (f64, u64) {
    let folder = TempDir::new().unwrap();
    let (made, out) = (folder.path().join("phantom"), folder.path().join("out"));
    phantom(&made, "lesions", seed);
    let output = run(&made.join("study"), &out);
    assert!(output.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&output.stderr));
    let truth = truth(seed);
    let found = found(&out, &truth);
    let pairs = found.data().iter().zip(truth.labels.data());
    let both = pairs.filter(|(found, truth)| **found == LESION && **truth == LESION).count();
    let voxels = count(&truth.labels, LESION);
    (2.0 * both as f64 / (count(&found, LESION) + voxels) as f64, voxels)
}

/// Mean and minimum over seeds; a table of all.
#[track_caller]
fn judge(seeds: impl IntoIterator<Item = u64>) -> (f64, f64, String) {
    let (mut sum, mut least, mut number) = (0.0, f64::INFINITY, 0);
    let mut table = "seed,voxels,dice\n".to_owned();
    for seed in seeds {
        let (dice, voxels) = dice(seed);
        assert!(300 <= voxels, "seed {seed}: {voxels} voxels");
        writeln!(table, "{seed},{voxels},{dice:.4}").unwrap();
        (sum, least, number) = (sum + dice, least.min(dice), number + 1);
    }
    (sum / f64::from(number), least, table)
}

#[test]
fn lesions_of_unseen_phantoms_are_found() {
    let (mean, least, table) = judge(SEEDS);
    assert!(0.9 <= mean && 0.8 <= least, "mean {mean}, least {least}\n{table}");
    notes::figure(&format!(
        "phantom-lesion: Dice {mean:.4}, at least {least:.4}, over {} seeds",
        SEEDS.len()
    ));
}

/// The table that `apps/phantom-lesion/training/dice.csv` holds.
#[test]
#[ignore = "a quarter of an hour: `make soak`"]
fn lesions_of_200_unseen_phantoms_are_found() {
    let (mean, least, table) = judge(1..=200);
    fs::write(notes::root().join("target/phantom-lesion-dice.csv"), &table).unwrap();
    assert!(0.9 <= mean && 0.8 <= least, "mean {mean}, least {least}\n{table}");
}

/// Nothing but pixels and geometry is looked at.
#[test]
fn without_truth_and_descriptions_the_mask_is_the_same() {
    let test = "without_truth_and_descriptions_the_mask_is_the_same";
    let Some(interpreter) = peer::python(test) else { return };
    let folder = TempDir::new().unwrap();
    let made = folder.path().join("phantom");
    phantom(&made, "lesions", 3);
    let told = folder.path().join("told");
    assert!(run(&made.join("study"), &told).status.success());
    let alone = folder.path().join("alone");
    fs::rename(made.join("study"), &alone).unwrap();
    fs::remove_dir_all(&made).unwrap();
    python(&interpreter, "strip_descriptions.py", &[&alone]);
    let untold = folder.path().join("untold");
    let output = run(&alone, &untold);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let truth = truth(3);
    assert!(found(&told, &truth) == found(&untold, &truth), "another mask without descriptions");
}

#[track_caller]
fn check_declined(study: &Path, clause: &str) {
    let out = study.with_extension("out");
    let output = run(study, &out);
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    let findings: Value = serde_json::from_slice(&fs::read(out.join("findings.json")).unwrap()).unwrap();
    let named = (&findings["outcome"], &findings["clauses"][0]["name"]);
    assert_eq!(named, (&"declined".into(), &clause.into()), "{findings}");
}

#[test]
fn water_and_slices_too_far_apart_are_declined_by_their_clause() {
    let folder = TempDir::new().unwrap();
    let water = folder.path().join("water");
    phantom(&water, "water", 3);
    check_declined(&water.join("study"), "chest");
    let chest = folder.path().join("chest");
    phantom(&chest, "lesions", 3);
    let mut files: Vec<_> =
        fs::read_dir(chest.join("study")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    // Slices are at least 1.5 mm apart: every fourth of them at least 6 mm.
    for (at, file) in files.iter().enumerate() {
        if at % 4 != 0 {
            fs::remove_file(file).unwrap();
        }
    }
    check_declined(&chest.join("study"), "slice-distance");
}
