//! Phantoms of twenty seeds against their truth, and one all the way through DICOM.

use std::process::Command;

use gantry_image::volume::Labels;
use gantry_phantom::chest::{AIRWAY, ChestPhantom, LEFT_LUNG, Lesions, RIGHT_LUNG};
use gantry_pipeline::lungs::{LungsOutcome, lungs, parameters::LungsParameters};
use gantry_tests::{notes, peer, served::program};
use tempfile::TempDir;

use super::{findings, judged, number};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=20;

fn count(own: &Labels, truth: &Labels, both: impl Fn(u8, u8) -> bool) -> f64 {
    let pairs = own.data().iter().zip(truth.data());
    pairs.filter(|(own, truth)| both(**own, **truth)).count() as f64
}

/// What is wrong with the answer for a seed, and its smaller Dice.
fn judge(seed: u64) -> (f64, Vec<String>) {
    let chest = ChestPhantom::from_seed(seed, Lesions::None).unwrap().phantom;
    let own = match lungs(&chest.hu, &LungsParameters::default()).unwrap() {
        LungsOutcome::Found(found) => found.labels,
        LungsOutcome::Declined(decline) => return (0.0, vec![format!("seed {seed}: declined: {decline}")]),
    };
    let (truth, ml) = (&chest.labels, own.grid().voxel_ml());
    let mut wrong = Vec::new();
    let mut smallest: f64 = 1.0;
    for (lung, other) in [(RIGHT_LUNG, LEFT_LUNG), (LEFT_LUNG, RIGHT_LUNG)] {
        let both = count(&own, truth, |own, truth| own == lung && truth == lung);
        let either = count(&own, truth, |own, _| own == lung) + count(&own, truth, |_, truth| truth == lung);
        let dice = 2.0 * both / either;
        smallest = smallest.min(dice);
        let swapped_ml = count(&own, truth, |own, truth| own == lung && truth == other) * ml;
        if dice < 0.98 || 10.0 < swapped_ml {
            wrong.push(format!("seed {seed}: lung {lung}: Dice {dice:.4}, {swapped_ml:.1} ml of the other"));
        }
    }
    let share = count(&own, truth, |own, _| own == AIRWAY) / count(&own, truth, |_, truth| truth == AIRWAY);
    if !(0.4..=1.15).contains(&share) {
        wrong.push(format!("seed {seed}: airway {share:.2} of the truth"));
    }
    let outside = count(&own, &chest.body, |own, body| (own == RIGHT_LUNG || own == LEFT_LUNG) && body == 0);
    if outside != 0.0 {
        wrong.push(format!("seed {seed}: {outside} voxels of lung outside of the body"));
    }
    (smallest, wrong)
}

#[test]
fn phantoms_of_twenty_seeds_give_their_truth() {
    check(SEEDS);
}

#[test]
#[ignore = "long: `make soak`"]
fn phantoms_of_two_hundred_seeds_give_their_truth() {
    check(1..=200);
}

#[track_caller]
fn check(seeds: std::ops::RangeInclusive<u64>) {
    let what = format!("phantoms {} to {}", seeds.start(), seeds.end());
    let (even, odd): (Vec<u64>, Vec<u64>) = seeds.partition(|seed| seed % 2 == 0);
    let all: Vec<(f64, Vec<String>)> = std::thread::scope(|scope| {
        let halves = [even, odd].map(|half| scope.spawn(|| half.into_iter().map(judge).collect::<Vec<_>>()));
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    let smallest = all.iter().map(|(dice, _)| *dice).fold(1.0, f64::min);
    notes::figure(&format!("{what}: smallest Dice {smallest:.4}"));
    let wrong: Vec<String> = all.into_iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Several series, feet first, in no order: the chest is found, and its mask is read back by two other toolkits.
#[test]
fn a_phantom_goes_all_the_way_through_dicom() {
    let test = "a_phantom_goes_all_the_way_through_dicom";
    let Some(interpreter) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let (phantom, out) = (dir.path().join("phantom"), dir.path().join("out"));
    peer::run(
        Command::new(program())
            .args(["phantom", "--seed", "3", "--feet-first", "--shuffled", "-o"])
            .arg(&phantom),
    );
    findings(&phantom.join("study"), &out);
    let figures = judged(&interpreter, &out, &phantom.join("study"), &phantom.join("truth.nrrd"));
    for side in ["right", "left"] {
        assert!(0.98 <= number(&figures[side]["dice"]), "{figures}");
    }
}
