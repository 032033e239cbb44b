//! Branching things: the airway with its wall, and the vessels of the lungs.
//!
//! Both grow from the roots of the lungs outwards, as chains of capsules whose directions are drawn from the seed.
//! The airway is painted last of all, every wall before any lumen, so that it is one open tree.
//!
//! Units and frames: mm from the middle of the body, as in [`crate::anatomy`].

use crate::{
    anatomy::{Anatomy, Junctions},
    random::{Random, Stream},
    shapes::{Capsule, Ellipsoid},
};

/// A bronchus or the trachea.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tube {
    /// What is open.
    pub(crate) lumen: Capsule,
    /// How thick the wall around it is.
    pub(crate) wall: f64,
}

type Point = [f64; 3];

/// The airway: trachea, main, lobar and segmental bronchi.
///
/// Where the lungs are to be apart, bronchial walls (with the tissue around them) are thick enough to stay denser
/// than the air threshold through blur and slices of `slice_mm`; where they touch, walls are as thin as real ones.
pub(crate) fn airway(seed: u64, chest: &Anatomy, junctions: Junctions, slice_mm: f64) -> Vec<Tube> {
    let mut random = Random::new(seed, Stream::Bronchi);
    let wall = match junctions {
        Junctions::Touching => random.between(1.5, 2.0),
        Junctions::Apart => random.between(3.5, 4.0).max(slice_mm + 0.8),
    };
    let trachea = random.between(7.5, 9.5);
    let top = [chest.mediastinum.middle(chest.height), chest.cavity.centre_y - 4.0, chest.height + 30.0];
    let tube =
        |from: Point, to: Point, radius: f64, wall: f64| Tube { lumen: Capsule { from, to, radius }, wall };
    let mut tubes = vec![tube(top, chest.carina, trachea, wall.max(3.0))];
    for (side, hilum) in [-1.0, 1.0].into_iter().zip(chest.hila) {
        let main = trachea * random.between(0.68, 0.78);
        tubes.push(tube(chest.carina, hilum, main, wall.max(3.0)));
        for lobe in [[0.5, -0.2, 0.8], [0.75, -0.65, -0.1], [0.4, 0.4, -0.85]] {
            let lobar = main * random.between(0.62, 0.72);
            let length = random.between(18.0, 26.0);
            let towards = jitter(&mut random, [side * lobe[0], lobe[1], lobe[2]], 0.25);
            let end = along(hilum, towards, length);
            tubes.push(tube(hilum, end, lobar, wall));
            for _ in 0..2 {
                let segmental = lobar * random.between(0.58, 0.7);
                let towards = jitter(&mut random, towards, 0.55);
                let segment_end = along(end, towards, random.between(16.0, 26.0));
                tubes.push(tube(end, segment_end, segmental, wall));
            }
        }
    }
    tubes
}

/// The dense tissue around the roots of the lungs.
pub(crate) fn hilar_tissue(chest: &Anatomy) -> [Ellipsoid; 2] {
    chest.hila.map(|centre| Ellipsoid { centre, half_axes: [13.0, 13.0, 16.0] })
}

/// The vessels of both lungs, from the roots outwards.
pub(crate) fn vessels(seed: u64, chest: &Anatomy) -> Vec<Capsule> {
    let mut random = Random::new(seed, Stream::Vessels);
    let mut vessels = Vec::new();
    for (side, hilum) in [-1.0, 1.0].into_iter().zip(chest.hila) {
        for _ in 0..7 {
            let [x, y, z] = random.direction();
            let towards = unit([side * (0.35 + 0.8 * x.abs()), y, z * 1.2]);
            let radius = random.between(3.2, 5.0);
            branch(&mut random, hilum, towards, radius, &mut vessels);
        }
    }
    vessels
}

/// A vessel and, at its end, two thinner ones, until they are finer than a voxel.
fn branch(random: &mut Random, from: Point, towards: Point, radius: f64, vessels: &mut Vec<Capsule>) {
    let to = along(from, towards, random.between(3.5, 5.5) * radius + 8.0);
    vessels.push(Capsule { from, to, radius });
    let finer = radius * random.between(0.7, 0.8);
    if finer < 0.9 {
        return;
    }
    for _ in 0..2 {
        let towards = jitter(random, towards, 0.6);
        branch(random, to, towards, finer, vessels);
    }
}

fn along(from: Point, towards: Point, length: f64) -> Point {
    let [x, y, z] = from;
    let [dx, dy, dz] = towards;
    [x + dx * length, y + dy * length, z + dz * length]
}

fn jitter(random: &mut Random, towards: Point, by: f64) -> Point {
    unit(along(towards, random.direction(), by))
}

fn unit(vector: Point) -> Point {
    let [x, y, z] = vector;
    let length = (x * x + y * y + z * z).sqrt();
    [x / length, y / length, z / length]
}
