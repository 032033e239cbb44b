//! Phantoms that are no chest, for what must be declined.
//!
//! A cylinder of water without anything in it, or with two rods that have the volume, height, density and place of
//! lungs, but no airway. Their truth has no label at all.
//!
//! Units and frames: LPS millimetres; the cylinder's axis is x = y = 0, its lower end z = 0.

use gantry_image::{
    geometry::{PointLps, VectorLps},
    grid::{Dims, Grid, GridError, SpacingMm},
    volume::{Labels, Volume},
};

use crate::{
    chest::Phantom,
    random::{Random, Stream},
};

/// What lies in the water.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    /// Nothing.
    Nothing,
    /// Two upright rods of foam at -800 HU, one on each side, that end within the water.
    FoamRods,
}

/// Radius of the water cylinder, mm.
const WATER_RADIUS: f64 = 150.0;
/// Radius of a rod, mm.
const ROD_RADIUS: f64 = 35.0;
/// How far a rod's middle is beside the cylinder's, mm.
const ROD_BESIDE: f64 = 65.0;
/// From the ends of the volume to the ends of the rods, mm.
const ROD_SHORTER: f64 = 40.0;
/// From the lower to the upper end, mm.
const HEIGHT: f64 = 280.0;
/// Standard deviation of the noise, HU.
const NOISE_HU: f32 = 10.0;

/// A cylinder of water along the head-to-foot axis, with or without inserts.
///
/// # Errors
/// [`GridError`] if the spacing is not positive or so fine that the volume becomes too large.
pub fn water(seed: u64, spacing: SpacingMm, insert: Insert) -> Result<Phantom, GridError> {
    let half = WATER_RADIUS + 20.0;
    let count = |length: f64, step: f64| (length / step) as usize;
    let dims = Dims::new(
        count(2.0 * half, spacing.column),
        count(2.0 * half, spacing.row),
        count(HEIGHT, spacing.slice),
    )?;
    let steps = [
        VectorLps::new(spacing.column, 0.0, 0.0),
        VectorLps::new(0.0, spacing.row, 0.0),
        VectorLps::new(0.0, 0.0, spacing.slice),
    ];
    let grid = Grid::new(dims, PointLps::new(-half, -half, 0.0), steps)?;
    let mut random = Random::new(seed, Stream::Noise);
    let within = |x: f64, y: f64, radius: f64| x * x + y * y < radius * radius;
    let is_water = |at: PointLps| within(at.x, at.y, WATER_RADIUS);
    let is_rod = |at: PointLps| {
        (ROD_SHORTER..HEIGHT - ROD_SHORTER).contains(&at.z)
            && within(at.x.abs() - ROD_BESIDE, at.y, ROD_RADIUS)
    };
    let (mut hu, mut body) = (Vec::with_capacity(dims.voxels()), Vec::with_capacity(dims.voxels()));
    for offset in 0..dims.voxels() {
        let at = grid.to_lps(dims.index(offset).into());
        let value = match insert {
            _ if !is_water(at) => -1000.0,
            Insert::FoamRods if is_rod(at) => -800.0,
            Insert::Nothing | Insert::FoamRods => 0.0,
        };
        hu.push((value + NOISE_HU * random.normal()).clamp(-1024.0, 3071.0).round() as i16);
        body.push(u8::from(is_water(at)));
    }
    // One value was pushed for each voxel above.
    let whole = |_length| GridError::Extent { columns: 0, rows: 0, slices: 0 };
    Ok(Phantom {
        hu: Volume::new(grid, hu).map_err(whole)?,
        labels: Labels::filled(grid, 0),
        body: Volume::new(grid, body).map_err(whole)?,
    })
}
