//! Values at the voxels of another grid.
//!
//! Nearest takes the value of the closest voxel (for labels), linear weights the eight around the point (for
//! intensities). A point outside of the source's outermost voxel centres by more than half a voxel has no value: it
//! gets what the caller says. Within that half voxel the outermost value holds.

#![expect(clippy::indexing_slicing, reason = "indices are clamped to dims before they are used")]

use crate::{geometry::VoxelIndex, geometry::VoxelPoint, grid::Dims, grid::Grid, volume::Volume};

/// How a value between voxels is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The closest voxel's value.
    Nearest,
    /// Weighted by distance along each axis.
    Linear,
}

/// A value that can be weighted.
pub trait Sample: Copy {
    /// As a number.
    fn to_number(self) -> f64;
    /// The nearest value of the type.
    fn from_number(number: f64) -> Self;
}

macro_rules! samples {
    ($($type:ty => $round:expr;)*) => { $(
        impl Sample for $type {
            fn to_number(self) -> f64 {
                f64::from(self)
            }
            fn from_number(number: f64) -> Self {
                // `as` saturates, so that rounding at the end of the range cannot wrap.
                $round(number) as Self
            }
        }
    )* };
}

samples! {
    u8 => f64::round;
    i16 => f64::round;
    f32 => core::convert::identity;
}

/// The source's values on another grid, `outside` where it has none.
#[must_use]
pub fn resample<T: Sample>(
    source: &Volume<T>,
    onto: &Grid,
    interpolation: Interpolation,
    outside: T,
) -> Volume<T> {
    let dims = onto.dims();
    // The way from one grid to the other is linear: one origin and three steps in source voxels.
    let origin = place(source.grid(), onto, VoxelPoint { i: 0.0, j: 0.0, k: 0.0 });
    let step = |i, j, k| {
        let end = place(source.grid(), onto, VoxelPoint { i, j, k });
        [0, 1, 2].map(|axis| end[axis] - origin[axis])
    };
    let steps = [step(1.0, 0.0, 0.0), step(0.0, 1.0, 0.0), step(0.0, 0.0, 1.0)];
    let mut out = Volume::filled(*onto, outside);
    for (offset, value) in out.data_mut().iter_mut().enumerate() {
        let VoxelIndex { i, j, k } = dims.index(offset);
        let at = [0, 1, 2].map(|axis| {
            origin[axis] + steps[0][axis] * i as f64 + steps[1][axis] * j as f64 + steps[2][axis] * k as f64
        });
        if let Some(found) = value_at(source, at, interpolation) {
            *value = found;
        }
    }
    out
}

fn place(source: &Grid, onto: &Grid, at: VoxelPoint) -> [f64; 3] {
    let VoxelPoint { i, j, k } = source.to_voxel(onto.to_lps(at));
    [i, j, k]
}

fn value_at<T: Sample>(source: &Volume<T>, at: [f64; 3], interpolation: Interpolation) -> Option<T> {
    let dims = source.dims();
    let extents = dims.to_array();
    let mut clamped = at;
    for (place, extent) in clamped.iter_mut().zip(extents) {
        let last = (extent - 1) as f64;
        if *place < -0.5 || last + 0.5 < *place {
            return None;
        }
        *place = place.clamp(0.0, last);
    }
    match interpolation {
        Interpolation::Nearest => {
            let [i, j, k] = clamped.map(|place| place.round() as usize);
            Some(source.data()[dims.offset(VoxelIndex { i, j, k })])
        }
        Interpolation::Linear => Some(T::from_number(weigh(source, dims, clamped))),
    }
}

fn weigh<T: Sample>(source: &Volume<T>, dims: Dims, at: [f64; 3]) -> f64 {
    let low = at.map(|place| place.floor() as usize);
    let extents = dims.to_array();
    let mut sum = 0.0;
    for corner in 0..8usize {
        let mut weight = 1.0;
        let mut index = low;
        for axis in 0..3 {
            let fraction = at[axis] - low[axis] as f64;
            if corner >> axis & 1 == 1 {
                weight *= fraction;
                index[axis] = (low[axis] + 1).min(extents[axis] - 1);
            } else {
                weight *= 1.0 - fraction;
            }
        }
        if weight != 0.0 {
            let [i, j, k] = index;
            sum += weight * source.data()[dims.offset(VoxelIndex { i, j, k })].to_number();
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{PointLps, VectorLps};

    fn grid(extents: [usize; 3], origin: [f64; 3], step: f64) -> Grid {
        let steps =
            [VectorLps::new(step, 0.0, 0.0), VectorLps::new(0.0, step, 0.0), VectorLps::new(0.0, 0.0, step)];
        let dims = Dims::new(extents[0], extents[1], extents[2]).unwrap();
        Grid::new(dims, PointLps::new(origin[0], origin[1], origin[2]), steps).unwrap()
    }

    #[test]
    fn a_linear_ramp_survives_linear_resampling() {
        let from = grid([5, 4, 3], [0.0; 3], 2.0);
        let ramp = |at: PointLps| 10.0 * at.x + 100.0 * at.y - 30.0 * at.z;
        let values = (0..60).map(|o| ramp(from.to_lps(from.dims().index(o).into())) as i16).collect();
        let source = Volume::new(from, values).unwrap();
        let onto = grid([8, 6, 4], [0.5, 0.5, 0.0], 1.0);
        let linear = resample(&source, &onto, Interpolation::Linear, i16::MIN);
        for (offset, value) in linear.data().iter().enumerate() {
            let at = onto.to_lps(onto.dims().index(offset).into());
            if at.x <= 8.0 && at.y <= 6.0 && at.z <= 4.0 {
                assert_eq!(f64::from(*value), ramp(at), "{at:?}");
            }
        }
        let nearest = resample(&source, &grid([1, 1, 1], [2.9, 4.0, 0.0], 1.0), Interpolation::Nearest, 0);
        assert_eq!(nearest.data(), [420]);
    }

    #[test]
    fn a_point_beyond_the_outermost_voxels_gets_the_callers_value() {
        let source = Volume::new(grid([2, 1, 1], [0.0; 3], 1.0), vec![5u8, 7]).unwrap();
        let onto = grid([5, 1, 1], [-1.25, 0.0, 0.0], 0.75);
        for interpolation in [Interpolation::Nearest, Interpolation::Linear] {
            let got = resample(&source, &onto, interpolation, 99);
            assert_eq!((got.data()[0], got.data()[1], got.data()[4]), (99, 5, 99), "{interpolation:?}");
        }
    }
}
