//! Solid lesions in the lungs of a chest: ellipsoids that lie free, as dense as vessels and much thicker.

use gantry_image::grid::SpacingMm;

use crate::{
    anatomy::Anatomy,
    random::{Random, Stream},
    shapes::{Ellipsoid, Shape as _},
};

/// Whether a chest has lesions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lesions {
    /// None.
    None,
    /// One to three, in either lung.
    Some,
}

/// The smallest and the largest half axis along x, mm; the others are up to 1.3 times as long.
const RADIUS: [f64; 2] = [8.0, 15.0];
/// A lesion has at least so many voxels.
const VOXELS_MIN: f64 = 350.0;
/// Between a lesion and everything else but vessels, mm.
const CLEAR: f64 = 4.0;
/// Between a lesion and the hila, where vessels are as thick as it is, mm.
const CLEAR_OF_HILA: f64 = 30.0;
/// How often a place is looked for; some chests have little room.
const TRIES: usize = 2000;

/// The lesions of a seed.
pub(crate) fn lesions(seed: u64, chest: &Anatomy, spacing: SpacingMm) -> Vec<Ellipsoid> {
    let mut random = Random::new(seed, Stream::Lesions);
    let wanted = 1 + (random.bits() % 3) as usize;
    let voxel = spacing.column * spacing.row * spacing.slice;
    // The radius of a ball of as many voxels.
    let least = (VOXELS_MIN * voxel * 3.0 / (4.0 * core::f64::consts::PI)).cbrt().max(RADIUS[0]);
    let mut found: Vec<Ellipsoid> = Vec::new();
    for _ in 0..TRIES {
        if found.len() == wanted {
            break;
        }
        let radius = random.between(least, RADIUS[1].max(least + 1.0));
        let lesion = Ellipsoid {
            centre: [
                random.between(-chest.cavity.half_axes[0], chest.cavity.half_axes[0]),
                random.between(-chest.cavity.half_axes[1], chest.cavity.half_axes[1]),
                random.between(chest.cavity.low, chest.cavity.apex),
            ],
            half_axes: [radius, radius * random.between(1.0, 1.3), radius * random.between(1.0, 1.3)],
        };
        if lies_free(&lesion, chest)
            && found.iter().all(|other| far(&lesion, other.centre, other.half_axes[0] + CLEAR))
        {
            found.push(lesion);
        }
    }
    found
}

/// Whether a lesion lies in one lung, clear of all else.
fn lies_free(lesion: &Ellipsoid, chest: &Anatomy) -> bool {
    let [x, y, z] = lesion.centre;
    let [a, b, c] = lesion.half_axes.map(|axis| axis + CLEAR);
    let in_lung = [(0.0, 0.0), (b, 0.0), (-b, 0.0), (0.0, c), (0.0, -c)].iter().all(|(dy, dz)| {
        let spans = chest.lung_spans(y + dy, z + dz);
        spans.is_some_and(|spans| spans.iter().any(|((low, high), _)| *low < x - a && x + a < *high))
    });
    let is_clear_of = |shape: &Ellipsoid| {
        let [sa, sb, sc] = shape.half_axes;
        let grown = Ellipsoid { half_axes: [sa + a, sb + b, sc + c], ..*shape };
        grown.span(y, z).is_none_or(|(low, high)| x < low || high < x)
    };
    in_lung
        && is_clear_of(&chest.heart)
        && chest.domes.iter().all(is_clear_of)
        && chest.hila.iter().all(|hilum| far(lesion, *hilum, CLEAR_OF_HILA))
}

/// Whether a lesion's border is further than this from a point.
fn far(lesion: &Ellipsoid, from: [f64; 3], mm: f64) -> bool {
    let square: f64 = lesion.centre.iter().zip(from).map(|(a, b)| (a - b) * (a - b)).sum();
    let reach = lesion.half_axes.iter().copied().fold(0.0, f64::max);
    reach + mm < square.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anatomy::Junctions;

    #[test]
    fn every_seed_has_a_lesion_and_they_are_large_enough() {
        let spacing = SpacingMm { column: 1.25, row: 1.25, slice: 5.0 };
        for seed in 0..300 {
            let chest = Anatomy::draw(seed, Junctions::Touching);
            let lesions = lesions(seed, &chest, spacing);
            assert!((1..=3).contains(&lesions.len()), "seed {seed}");
            for lesion in lesions {
                assert!(300.0 * 1.25 * 1.25 * 5.0 / 1000.0 < lesion.volume_ml(), "seed {seed}: {lesion:?}");
            }
        }
    }
}
