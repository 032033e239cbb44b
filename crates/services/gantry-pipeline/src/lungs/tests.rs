//! The step against phantoms: what it finds, and what it declines by which clause.
//!
//! Phantoms are coarse, so that all of this takes seconds; the acceptance figures on a phantom's own grid and on real
//! images belong to the end-to-end tests. A guard is shown to matter by what happens without it.

use gantry_image::{block::Block, geometry::VoxelIndex, grid::SpacingMm, measure::count, orient::AxisMap};
use gantry_phantom::{
    acquisition::{Acquisition, Entry, Orientation, acquire},
    chest::{ChestPhantom, Lesions, Phantom},
    plain::{Insert, water},
};

use super::{
    clauses::{Clause, End, Side},
    *,
};

const COARSE: SpacingMm = SpacingMm { column: 1.6, row: 1.6, slice: 4.0 };

fn chest(seed: u64) -> Phantom {
    ChestPhantom::with_spacing(seed, COARSE, Lesions::None).unwrap().phantom
}

fn found(volume: &Volume<i16>) -> FoundLungs {
    match lungs(volume, &LungsParameters::default()).unwrap() {
        LungsOutcome::Found(found) => *found,
        LungsOutcome::Declined(decline) => panic!("declined: {decline}"),
    }
}

fn declined(volume: &Volume<i16>) -> Decline {
    match lungs(volume, &LungsParameters::default()).unwrap() {
        LungsOutcome::Found(found) => panic!("found: {:?}", found.seen),
        LungsOutcome::Declined(decline) => decline,
    }
}

fn dice(one: &Labels, other: &Labels, label: u8) -> f64 {
    let both = one.data().iter().zip(other.data()).filter(|(a, b)| **a == label && a == b).count();
    2.0 * both as f64 / (count(one, label) + count(other, label)) as f64
}

#[track_caller]
fn check_truth(labels: &Labels, truth: &Phantom, dice_min: f64) {
    let voxel_ml = labels.grid().voxel_ml();
    for lung in [RIGHT, LEFT] {
        let dice = dice(labels, &truth.labels, lung);
        assert!(dice_min <= dice, "lung {lung}: Dice {dice}");
    }
    let pairs = || labels.data().iter().zip(truth.labels.data());
    let swapped = pairs().filter(|&pair| matches!(pair, (&RIGHT, &LEFT) | (&LEFT, &RIGHT))).count();
    assert!(swapped as f64 * voxel_ml <= 10.0, "{swapped} voxels on the wrong side");
    let share = count(labels, AIRWAY) as f64 / count(&truth.labels, AIRWAY) as f64;
    assert!((0.4..=1.15).contains(&share), "airway {share} of truth");
    let outside = labels
        .data()
        .iter()
        .zip(truth.body.data())
        .filter(|(label, body)| **label != 0 && **body == 0)
        .count();
    assert_eq!(outside, 0, "voxels outside of the body");
}

#[test]
fn lungs_that_touch_and_that_do_not_are_found_wherever_the_mediastinum_is() {
    // Odd seeds touch; 7 and 17 lie in a cradle that shuts in air; 5 is drawn to the left, 12 to the right.
    for seed in [1, 2, 5, 7, 12, 17] {
        let truth = chest(seed);
        check_truth(&found(&truth.hu).labels, &truth, 0.98);
    }
}

#[test]
fn the_same_voxels_in_any_orientation_give_the_same_answer() {
    let axial = chest(1);
    let expected = found(&axial.hu).labels;
    for (orientation, entry) in [
        (Orientation::Axial, Entry::FeetFirst),
        (Orientation::Sagittal, Entry::HeadFirst),
        (Orientation::Coronal, Entry::HeadFirst),
    ] {
        let acquisition = Acquisition { orientation, entry, ..Acquisition::default() };
        let labels = found(&acquire(&axial, &acquisition).unwrap().hu).labels;
        let back = AxisMap::to_lps(labels.grid()).apply(&labels).unwrap();
        assert_eq!(back.data(), expected.data(), "{orientation:?} {entry:?}");
    }
}

#[test]
fn an_oblique_stack_is_segmented_in_patient_axes() {
    let acquisition = Acquisition { orientation: Orientation::Oblique, ..Acquisition::default() };
    let oblique = acquire(&chest(2), &acquisition).unwrap();
    check_truth(&found(&oblique.hu).labels, &oblique, 0.97);
}

#[test]
fn sides_come_from_patient_coordinates() {
    let truth = chest(2);
    let expected = found(&truth.hu).labels;
    // Half a turn about the head-to-foot axis: diag(-1, -1, 1).
    let grid = truth.hu.grid();
    let [i, j, k] = grid.steps();
    let origin = gantry_image::geometry::PointLps::new(-grid.origin().x, -grid.origin().y, grid.origin().z);
    let turned = Grid::new(grid.dims(), origin, [-i, -j, k]).unwrap();
    let labels = found(&Volume::new(turned, truth.hu.into_data()).unwrap()).labels;
    let swapped = |label: &u8| match *label {
        RIGHT => LEFT,
        LEFT => RIGHT,
        other => other,
    };
    assert!(labels.data().iter().eq(expected.data().iter().map(swapped).collect::<Vec<_>>().iter()));
}

#[test]
fn an_airway_that_leaks_into_dark_lung_stops_before_the_leak() {
    let mut leaky = chest(3);
    let truth = leaky.labels.clone();
    // Emphysema: lung about as dark as -920 HU, and a hole in the bronchial wall that is furthest to the right.
    for (hu, label) in leaky.hu.data_mut().iter_mut().zip(truth.data()) {
        if matches!(*label, RIGHT | LEFT) {
            *hu = (*hu - 70).max(-1024);
        }
    }
    let whole = found(&leaky.hu);
    let dims = truth.dims();
    let bronchi = (0..truth.data().len()).filter(|offset| whole.labels.data()[*offset] == AIRWAY);
    let lateral = bronchi.min_by_key(|offset| dims.index(*offset).i).unwrap();
    let into_lung = (0..lateral).rev().filter(|offset| truth.data()[*offset] == RIGHT).nth(2).unwrap();
    leaky.hu.data_mut()[into_lung..lateral].fill(-1000);
    check_truth(&found(&leaky.hu).labels, &leaky, 0.98);
    // Without the rule the airway swallows the lung.
    let mut unguarded = LungsParameters::default();
    unguarded.airway.leak_ml = 1e6;
    unguarded.airway.volume_max_ml = 1e6;
    let outcome = lungs(&leaky.hu, &unguarded).unwrap();
    assert!(matches!(outcome, LungsOutcome::Declined(Decline::NotTwoSides { .. })), "{outcome:?}");
}

#[test]
fn water_and_foam_and_half_a_chest_are_declined_each_by_its_clause() {
    let plain = |insert| water(1, SpacingMm { column: 2.0, row: 2.0, slice: 5.0 }, insert).unwrap().hu;
    assert_eq!(declined(&plain(Insert::Nothing)), Decline::NotTwoSides { spaces: 0, largest_ml: 0.0 });
    assert_eq!(declined(&plain(Insert::FoamRods)), Decline::NoAirway { volume_ml: 0.0 });
    // The same rods, filled with gas.
    let gas = plain(Insert::FoamRods).map(|hu| if (-900..-700).contains(hu) { hu - 200 } else { *hu });
    assert_eq!(declined(&gas).clause(), Clause::Density);
    let upper = chest(2).upper_half().unwrap().hu;
    assert!(matches!(declined(&upper), Decline::CutOff { end: End::Foot, .. }));
    let nothing = plain(Insert::Nothing).map(|_| -1000);
    assert_eq!(declined(&nothing), Decline::NoBody { largest_ml: 0.0 });
}

#[test]
fn one_lung_is_never_taken_for_two() {
    // Of seed 60 the left lung alone has a neck that parts it into two large halves side by side.
    for (seed, filled) in [(2, RIGHT), (7, LEFT), (60, RIGHT)] {
        let chest =
            ChestPhantom::with_spacing(seed, SpacingMm { column: 1.2, row: 1.2, slice: 3.0 }, Lesions::None)
                .unwrap();
        let Phantom { mut hu, labels, .. } = chest.phantom;
        for (hu, _) in hu.data_mut().iter_mut().zip(labels.data()).filter(|(_, label)| **label == filled) {
            *hu += 880;
        }
        let clause = declined(&hu).clause();
        assert!(matches!(clause, Clause::OppositeSides | Clause::Density), "seed {seed}: {clause:?}");
    }
}

#[test]
fn a_volume_lower_than_a_lung_is_declined_for_its_height() {
    let hu = chest(2).hu;
    let dims = hu.dims();
    let three = cut(&hu, VoxelIndex::new(0, 0, 30), VoxelIndex::new(dims.columns() - 1, dims.rows() - 1, 32));
    let decline = declined(&three);
    assert_eq!((decline.clause(), decline), (Clause::Height, Decline::VolumeTooShort { height_mm: 12.0 }));
}

#[test]
fn a_field_of_view_that_cuts_a_lung_off_is_declined() {
    let truth = chest(2);
    let dims = truth.hu.dims();
    let widest = (0..dims.voxels()).filter(|offset| truth.labels.data()[*offset] == RIGHT);
    let first_column = widest.map(|offset| dims.index(offset).i).min().unwrap();
    // 10 mm into the right lung: its apex and its base still lie inside.
    let low = VoxelIndex::new(first_column + 6, 0, 0);
    let high = VoxelIndex::new(dims.columns() - 1, dims.rows() - 1, dims.slices() - 1);
    let decline = declined(&cut(&truth.hu, low, high));
    assert!(
        matches!(decline, Decline::Open { side: Side::Right, .. } | Decline::NotTwoSides { .. }),
        "{decline}"
    );
}

fn cut(hu: &Volume<i16>, low: VoxelIndex, high: VoxelIndex) -> Volume<i16> {
    Block::new(hu.dims(), low, high).unwrap().cut(hu).unwrap()
}

#[test]
fn a_lobe_cut_off_by_fluid_stays_with_its_lung_and_foam_behind_the_back_does_not() {
    let mut hu = chest(2).hu;
    let mut truth = chest(2);
    let dims = hu.dims();
    let middle = dims.columns() / 2;
    for offset in 0..dims.voxels() {
        let at = dims.index(offset);
        // A fissure of water, 12 mm thick, through the right lung (low columns).
        if (38..41).contains(&at.k) && truth.labels.data()[offset] == RIGHT {
            hu.data_mut()[offset] = 0;
            truth.labels.data_mut()[offset] = 0;
        }
        // A block of foam in a thick shell that touches the back, and ends within the volume.
        let behind =
            (dims.rows() - 40..dims.rows() - 8).contains(&at.j) && (15..dims.slices() - 15).contains(&at.k);
        if behind && at.i.abs_diff(middle) < 40 && truth.body.data()[offset] == 0 {
            let inner = at.i.abs_diff(middle) < 36 && at.j < dims.rows() - 12;
            hu.data_mut()[offset] = if inner { -900 } else { 50 };
        }
    }
    check_truth(&found(&hu).labels, &truth, 0.98);
    // Without the rule the foam becomes lung.
    let mut unguarded = LungsParameters::default();
    unguarded.spaces.piece_outside_max_mm = 1e4;
    unguarded.clauses.open_area_max_mm2 = 1e6;
    unguarded.clauses.end_area_max_percent = 100.0;
    let LungsOutcome::Found(wrong) = lungs(&hu, &unguarded).unwrap() else { panic!("declined") };
    let outside = |(label, body): &(&u8, &u8)| **label != 0 && **body == 0;
    assert!(10_000 < wrong.labels.data().iter().zip(truth.body.data()).filter(outside).count());
}
