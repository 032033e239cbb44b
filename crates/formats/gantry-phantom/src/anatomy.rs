//! The chest of a seed: sizes and places of everything but the trees.
//!
//! Units and frames: mm from the middle of the body, x to the left, y to the back; z to the head from the lower end
//! of the volume.

use crate::{
    paint::Span,
    random::{Random, Stream},
    shapes::{Capsule, Ellipsoid},
};

/// A chest, as drawn from a seed.
#[derive(Debug, Clone)]
pub(crate) struct Anatomy {
    /// Half axes of the body's elliptic section, along x and y.
    pub(crate) body: [f64; 2],
    /// How thick the fat below the skin is.
    pub(crate) fat: f64,
    /// From the lower to the upper end of the volume.
    pub(crate) height: f64,
    /// The inside of the rib cage.
    pub(crate) cavity: Cavity,
    /// What lies between the lungs.
    pub(crate) mediastinum: Mediastinum,
    pub(crate) heart: Ellipsoid,
    /// The right and the left half of the diaphragm with what lies below.
    pub(crate) domes: [Ellipsoid; 2],
    pub(crate) stomach_gas: Ellipsoid,
    pub(crate) spine: Capsule,
    pub(crate) sternum: Capsule,
    /// Where the right and the left main bronchus end.
    pub(crate) hila: [[f64; 3]; 2],
    /// Where the trachea parts.
    pub(crate) carina: [f64; 3],
}

/// The inside of the rib cage: an ellipse that closes like a dome towards the apex.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cavity {
    pub(crate) centre_y: f64,
    pub(crate) half_axes: [f64; 2],
    pub(crate) low: f64,
    pub(crate) shoulder: f64,
    pub(crate) apex: f64,
}

/// What lies between the lungs, and where they come close in front of it (the anterior junction line).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mediastinum {
    /// How far it is drawn aside below the carina; above, less and less.
    pub(crate) shift: f64,
    pub(crate) half_width: f64,
    pub(crate) carina_z: f64,
    pub(crate) height: f64,
    pub(crate) junction: Junction,
}

/// The place where right and left lung come close to each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Junction {
    /// Half the thickness of the membrane there.
    pub(crate) half_thickness: f64,
    /// How far the membrane reaches from front to back.
    pub(crate) depth: f64,
    /// From where to where it reaches along z.
    pub(crate) z: Span,
}

/// Whether the lungs of a chest are one component below the air threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Junctions {
    /// A membrane thinner than a voxel lets them touch.
    Touching,
    /// Solid tissue parts them everywhere.
    Apart,
}

/// Tissue in front of the junction, behind the sternum.
const RETROSTERNAL: f64 = 6.0;
/// Half the distance of the lungs in front of and behind the junction's reach along z.
const PARTED_HALF: f64 = 4.0;
/// How fast the mediastinum widens behind the junction, per mm.
const WIDENING: f64 = 1.2;

impl Anatomy {
    pub(crate) fn draw(seed: u64, junctions: Junctions) -> Self {
        let mut random = Random::new(seed, Stream::Anatomy);
        let body = [random.between(155.0, 185.0), random.between(100.0, 125.0)];
        let fat = random.between(6.0, 16.0);
        let (side, front, back) =
            (random.between(22.0, 30.0), random.between(18.0, 24.0), random.between(30.0, 38.0));
        let low = random.between(40.0, 50.0);
        let apex = low + random.between(195.0, 245.0);
        let cavity = Cavity {
            centre_y: (front - back) / 2.0,
            half_axes: [body[0] - side, body[1] - (front + back) / 2.0],
            low,
            shoulder: low + 0.45 * (apex - low),
            apex,
        };
        let height = apex + random.between(25.0, 40.0);
        let mediastinum = draw_mediastinum(&mut random, junctions, &cavity, height);
        let heart = draw_heart(&mut random, &cavity, &mediastinum);
        let domes = draw_domes(&mut random, &cavity);
        let stomach_gas = draw_gas(&mut random, &domes[1]);
        let carina = [mediastinum.shift, cavity.centre_y + 8.0, mediastinum.carina_z];
        let hilum = |side: f64, across: f64, down: f64| {
            [mediastinum.shift + side * across, cavity.centre_y + 12.0, mediastinum.carina_z - down]
        };
        let hila = [
            hilum(-1.0, random.between(36.0, 42.0), random.between(20.0, 28.0)),
            hilum(1.0, random.between(42.0, 50.0), random.between(18.0, 26.0)),
        ];
        let spine_y = cavity.centre_y + cavity.half_axes[1] - 4.0;
        let sternum_y = cavity.centre_y - cavity.half_axes[1] - 7.0;
        let upright = |y: f64, low: f64, high: f64, radius: f64| Capsule {
            from: [0.0, y, low],
            to: [0.0, y, high],
            radius,
        };
        Self {
            body,
            fat,
            height,
            cavity,
            mediastinum,
            heart,
            domes,
            stomach_gas,
            spine: upright(spine_y, -50.0, height + 50.0, random.between(17.0, 21.0)),
            sternum: upright(sternum_y, low + 60.0, apex - 50.0, 5.0),
            hila,
            carina,
        }
    }

    /// The body's span on the line at y, widened all round by `by`.
    pub(crate) fn body_span(&self, y: f64, by: f64) -> Option<Span> {
        ellipse(self.body[0] + by, self.body[1] + by, y)
    }

    /// The spans of the right and the left lung on the line at y, z, before heart, diaphragm and vessels are taken
    /// out. With them the spans that count as each lung's own: where only a membrane parts the lungs, they meet in
    /// its middle.
    pub(crate) fn lung_spans(&self, y: f64, z: f64) -> Option<[(Span, Span); 2]> {
        let (low, high) = self.cavity.span(y, z)?;
        let middle = self.mediastinum.middle(z);
        let behind_front = y - self.cavity.front(z)?;
        let half = self.mediastinum.half_width(behind_front, z);
        let own = if half < 1.0 { 0.0 } else { half };
        Some([((low, middle - half), (low, middle - own)), ((middle + half, high), (middle + own, high))])
    }
}

fn draw_mediastinum(random: &mut Random, junctions: Junctions, cavity: &Cavity, height: f64) -> Mediastinum {
    let carina_z = cavity.low + random.between(0.52, 0.58) * (cavity.apex - cavity.low);
    let (below, above) = (random.between(10.0, 35.0), random.between(15.0, 35.0));
    let depth = random.between(8.0, 22.0);
    let (membrane, partition) = (random.between(0.5, 0.9), random.between(5.0, 9.0));
    Mediastinum {
        shift: random.between(-25.0, 25.0),
        half_width: random.between(24.0, 28.0),
        carina_z,
        height,
        junction: Junction {
            half_thickness: match junctions {
                Junctions::Touching => membrane / 2.0,
                Junctions::Apart => partition / 2.0,
            },
            depth,
            z: (carina_z - below, carina_z + above),
        },
    }
}

fn draw_heart(random: &mut Random, cavity: &Cavity, mediastinum: &Mediastinum) -> Ellipsoid {
    let half_axes = [random.between(48.0, 58.0), random.between(36.0, 44.0), random.between(42.0, 52.0)];
    let [_, half_y, half_z] = half_axes;
    let x = mediastinum.shift + random.between(12.0, 22.0);
    // Clear of the junction above, and of the back wall.
    let z = mediastinum.junction.z.0 - half_z - 4.0;
    let y = cavity.centre_y - cavity.half_axes[1] + half_y + random.between(8.0, 14.0);
    Ellipsoid { centre: [x, y, z], half_axes }
}

fn draw_domes(random: &mut Random, cavity: &Cavity) -> [Ellipsoid; 2] {
    [-1.0, 1.0].map(|side| Ellipsoid {
        centre: [side * cavity.half_axes[0] * 0.5, cavity.centre_y, cavity.low - 6.0],
        half_axes: [
            cavity.half_axes[0] * 0.52,
            cavity.half_axes[1] * 1.02,
            if side < 0.0 { random.between(55.0, 75.0) } else { random.between(45.0, 68.0) },
        ],
    })
}

/// Gas in the stomach, below the left half of the diaphragm with at least 10 mm between it and the lung.
fn draw_gas(random: &mut Random, dome: &Ellipsoid) -> Ellipsoid {
    let half_axes = [random.between(22.0, 34.0), random.between(24.0, 36.0), random.between(16.0, 24.0)];
    let [x, y, z] = dome.centre;
    let top = z + dome.half_axes[2] * 0.62 - 8.0;
    Ellipsoid { centre: [x - 4.0, y - 8.0, top - half_axes[2]], half_axes }
}

impl Cavity {
    /// How much of its full size the section at z has.
    fn scale(&self, z: f64) -> Option<f64> {
        if z < self.low || self.apex <= z {
            return None;
        }
        let above = ((z - self.shoulder) / (self.apex - self.shoulder)).max(0.0);
        Some((1.0 - above * above).sqrt())
    }

    /// Where its front lies at z.
    fn front(&self, z: f64) -> Option<f64> {
        Some(self.centre_y - self.half_axes[1] * self.scale(z)?)
    }

    fn span(&self, y: f64, z: f64) -> Option<Span> {
        let scale = self.scale(z)?;
        ellipse(self.half_axes[0] * scale, self.half_axes[1] * scale, y - self.centre_y)
    }
}

impl Mediastinum {
    /// The x of its middle at z: drawn aside in full at the carina, by 0.4 of that at the upper end.
    pub(crate) fn middle(&self, z: f64) -> f64 {
        let above = ((z - self.carina_z) / (self.height - self.carina_z)).clamp(0.0, 1.0);
        self.shift * (1.0 - 0.6 * above)
    }

    /// Half its width at a distance behind the front of the cavity.
    fn half_width(&self, behind_front: f64, z: f64) -> f64 {
        let junction = &self.junction;
        let at_junction = (junction.z.0..=junction.z.1).contains(&z);
        let (half, depth) =
            if at_junction { (junction.half_thickness, junction.depth) } else { (PARTED_HALF, 0.0) };
        let behind = behind_front - RETROSTERNAL - depth;
        if behind_front < RETROSTERNAL {
            PARTED_HALF + RETROSTERNAL - behind_front
        } else if behind <= 0.0 {
            half
        } else {
            (half + WIDENING * behind).min(self.half_width)
        }
    }
}

fn ellipse(a: f64, b: f64, y: f64) -> Option<Span> {
    let left = 1.0 - (y / b) * (y / b);
    let half = (0.0 < left).then(|| a * left.sqrt())?;
    Some((-half, half))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Shape;

    #[test]
    fn every_seed_draws_a_chest_whose_parts_lie_where_they_belong() {
        for seed in 0..500 {
            let chest = Anatomy::draw(seed, Junctions::Touching);
            assert!(chest.mediastinum.shift.abs() <= 25.0);
            let gas = &chest.stomach_gas;
            let dome =
                Ellipsoid { half_axes: chest.domes[1].half_axes.map(|axis| axis - 10.0), ..chest.domes[1] };
            for n in 0..20 {
                let z = gas.z().0 + (gas.z().1 - gas.z().0) * (f64::from(n) + 0.5) / 20.0;
                let (Some(inner), Some(outer)) =
                    (gas.span(gas.centre[1], z), dome.span(gas.centre[1], z.max(dome.centre[2])))
                else {
                    panic!("seed {seed}: no gas or no dome at {z}")
                };
                assert!(
                    outer.0 < inner.0 && inner.1 < outer.1,
                    "seed {seed}: gas at {z} is too near to the lung"
                );
            }
            assert!((30.0..150.0).contains(&gas.volume_ml()), "seed {seed}: {}", gas.volume_ml());
            assert!(chest.heart.y().1 < chest.cavity.centre_y + chest.cavity.half_axes[1], "seed {seed}");
        }
    }
}
