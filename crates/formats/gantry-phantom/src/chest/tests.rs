//! Laws of chest phantoms.

use gantry_image::components::{Components, Connectivity};

use super::*;

const COARSE: SpacingMm = SpacingMm { column: 2.0, row: 2.0, slice: 5.0 };

/// FNV-1a over all voxels and labels.
fn digest(phantom: &Phantom) -> u64 {
    let hu = phantom.hu.data().iter().flat_map(|hu| hu.to_le_bytes());
    let bytes = hu.chain(phantom.labels.data().iter().copied()).chain(phantom.body.data().iter().copied());
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

/// Law: the digest is the same on every machine. It changes only when the phantom is meant to change.
#[test]
fn a_seed_gives_the_same_voxels_everywhere() {
    let digests =
        [1, 7].map(|seed| digest(&ChestPhantom::with_spacing(seed, COARSE, Lesions::None).unwrap().phantom));
    assert_eq!(digests, [10597543962657562923, 6980890169399140591]);
}

#[test]
fn what_seeds_draw_stays_within_what_is_promised() {
    let mut right_is_larger = 0;
    for seed in 1..=40 {
        let chest =
            ChestPhantom::with_spacing(seed, SpacingMm { column: 4.0, row: 4.0, slice: 8.0 }, Lesions::None)
                .unwrap();
        let ChestFacts { blur_mm, noise_hu, mediastinum_shift_mm, junctions, cradled_air_ml, .. } =
            chest.facts;
        assert!((1.0..=1.4).contains(&blur_mm) && (10.0..=30.0).contains(&noise_hu), "seed {seed}");
        assert!(mediastinum_shift_mm.abs() <= 25.0, "seed {seed}");
        assert_eq!(junctions == Junctions::Touching, seed % 2 == 1, "seed {seed}");
        assert_eq!(cradled_air_ml.is_some(), seed % 10 == 7, "seed {seed}");
        let [right, left] = [RIGHT_LUNG, LEFT_LUNG].map(|lung| chest.phantom.volume_ml(lung));
        assert!(
            (600.0..4500.0).contains(&right) && (600.0..4500.0).contains(&left),
            "seed {seed}: {right} {left}"
        );
        right_is_larger += u32::from(left < right);
    }
    assert!((5..=35).contains(&right_is_larger), "right is larger in {right_is_larger} of 40");
}

#[test]
fn a_seeds_own_grid_is_within_what_is_promised() {
    let SpacingMm { column, row, slice } = ChestPhantom::from_seed(17, Lesions::None).unwrap().facts.spacing;
    assert!(column == row && (0.7..=1.25).contains(&column) && (1.5..=5.0).contains(&slice));
}

/// How many parts above 300 ml lie below the air threshold inside the body.
fn large_air_spaces(phantom: &Phantom) -> usize {
    let (hu, body) = (phantom.hu.data(), phantom.body.data());
    let components = Components::find(phantom.hu.dims(), Connectivity::Faces, |offset| {
        hu[offset] < -400 && body[offset] != 0
    });
    let voxel_ml = phantom.hu.grid().voxel_ml();
    components.parts().iter().filter(|part| 300.0 < part.voxels as f64 * voxel_ml).count()
}

#[test]
fn touching_lungs_are_one_air_space_and_the_others_two() {
    let spacing = SpacingMm { column: 1.2, row: 1.2, slice: 4.0 };
    for seed in 1..=4 {
        let chest = ChestPhantom::with_spacing(seed, spacing, Lesions::None).unwrap();
        let expected = match chest.facts.junctions {
            Junctions::Touching => 1,
            Junctions::Apart => 2,
        };
        assert_eq!(large_air_spaces(&chest.phantom), expected, "seed {seed}");
        // Also without the airway, which joins them in many a real chest.
        let labels = &chest.phantom.labels;
        let lungs = Components::find(labels.dims(), Connectivity::Faces, |offset| {
            matches!(labels.data()[offset], RIGHT_LUNG | LEFT_LUNG)
        });
        let large = lungs.parts().iter().filter(|part| 10_000 < part.voxels).count();
        assert_eq!(large, expected, "seed {seed}");
    }
}

#[test]
fn a_cradle_shuts_in_the_air_it_promises_outside_of_the_body() {
    let spacing = SpacingMm { column: 1.0, row: 1.0, slice: 5.0 };
    let chest = ChestPhantom::with_spacing(7, spacing, Lesions::None).unwrap();
    let promised = chest.facts.cradled_air_ml.unwrap();
    let Phantom { hu, body, .. } = &chest.phantom;
    let air = Components::find(hu.dims(), Connectivity::PlaneEdges, |offset| {
        hu.data()[offset] < -400 && body.data()[offset] == 0
    });
    let shut_in = air.parts().iter().filter(|part| !part.touches_plane_border(hu.dims()));
    let ml = shut_in.map(|part| part.voxels).sum::<usize>() as f64 * hu.grid().voxel_ml();
    assert!((250.0..=350.0).contains(&ml) && (ml - promised).abs() < 20.0, "{ml} of {promised}");
}

#[test]
fn the_upper_half_keeps_its_place_in_the_patient() {
    let whole = ChestPhantom::with_spacing(2, COARSE, Lesions::None).unwrap().phantom;
    let upper = whole.upper_half().unwrap();
    let slices = whole.hu.dims().slices();
    assert_eq!(upper.hu.dims().slices(), slices - slices / 2);
    assert_eq!(upper.hu.slice(0), whole.hu.slice(slices / 2));
    let lowest = VoxelIndex::new(0, 0, slices / 2);
    assert_eq!(upper.hu.grid().origin(), whole.hu.grid().to_lps(lowest.into()));
}
