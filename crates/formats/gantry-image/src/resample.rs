//! Values at the voxels of another grid.
//!
//! Nearest takes the value of the closest voxel (for labels), linear weights the eight around the point (for
//! intensities). How far the source reaches is a [`Border`]; beyond it a point has no value, and gets what the caller
//! says.

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

/// How far a volume reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// As far as its outermost voxels: half a voxel beyond their centres, where their value holds.
    Voxels,
    /// To the centres of its outermost voxels.
    Centres,
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

/// The source's values on another grid, `outside` where it has none. They may be of another type: 16-bit pixels as
/// 32-bit floats keep what lies between them.
#[must_use]
pub fn resample<S: Sample, T: Sample>(
    source: &Volume<S>,
    onto: &Grid,
    interpolation: Interpolation,
    border: Border,
    outside: T,
) -> Volume<T> {
    let places = Places::new(source.grid(), onto, border);
    let mut out = Volume::filled(*onto, outside);
    for (offset, value) in out.data_mut().iter_mut().enumerate() {
        let Some(place) = places.of(offset) else { continue };
        *value = T::from_number(match interpolation {
            Interpolation::Nearest => {
                let [i, j, k] = place.map(|at| at.round() as usize);
                source.data()[source.dims().offset(VoxelIndex { i, j, k })].to_number()
            }
            Interpolation::Linear => places
                .corners(place)
                .into_iter()
                .filter(|(_, weight)| *weight != 0.0)
                .map(|(at, weight)| weight * source.data()[at].to_number())
                .sum(),
        });
    }
    out
}

/// Where the voxels of one grid lie in another.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    from: Dims,
    onto: Dims,
    border: Border,
    /// The way from one grid to the other is linear: one origin and three steps in source voxels.
    origin: [f64; 3],
    steps: [[f64; 3]; 3],
}

impl Places {
    /// The places of the voxels of `onto` in `source`.
    #[must_use]
    pub fn new(source: &Grid, onto: &Grid, border: Border) -> Self {
        let place = |i, j, k| {
            let VoxelPoint { i, j, k } = source.to_voxel(onto.to_lps(VoxelPoint { i, j, k }));
            [i, j, k]
        };
        let origin = place(0.0, 0.0, 0.0);
        let step = |i, j, k| {
            let end = place(i, j, k);
            [0, 1, 2].map(|axis| end[axis] - origin[axis])
        };
        let steps = [step(1.0, 0.0, 0.0), step(0.0, 1.0, 0.0), step(0.0, 0.0, 1.0)];
        Self { from: source.dims(), onto: onto.dims(), border, origin, steps }
    }

    /// The voxel coordinate in the source of a voxel of the other grid, drawn in to the outermost centres; nothing
    /// beyond the border.
    #[must_use]
    pub fn of(&self, offset: usize) -> Option<[f64; 3]> {
        let VoxelIndex { i, j, k } = self.onto.index(offset);
        let (origin, steps) = (self.origin, self.steps);
        let mut place = [0, 1, 2].map(|axis| {
            origin[axis] + steps[0][axis] * i as f64 + steps[1][axis] * j as f64 + steps[2][axis] * k as f64
        });
        let beyond = match self.border {
            Border::Voxels => 0.5,
            Border::Centres => 0.0,
        };
        for (at, extent) in place.iter_mut().zip(self.from.to_array()) {
            let last = (extent - 1) as f64;
            if *at < -beyond || last + beyond < *at {
                return None;
            }
            *at = at.clamp(0.0, last);
        }
        Some(place)
    }

    /// The eight voxels of the source around a place from [`Places::of`], by offset, with their weights.
    #[must_use]
    pub fn corners(&self, place: [f64; 3]) -> [(usize, f64); 8] {
        let extents = self.from.to_array();
        let low = place.map(|at| at.floor() as usize);
        core::array::from_fn(|corner| {
            let mut weight = 1.0;
            let mut index = low;
            for axis in 0..3 {
                let fraction = place[axis] - low[axis] as f64;
                if corner >> axis & 1 == 1 {
                    weight *= fraction;
                    index[axis] = (low[axis] + 1).min(extents[axis] - 1);
                } else {
                    weight *= 1.0 - fraction;
                }
            }
            let [i, j, k] = index;
            (self.from.offset(VoxelIndex { i, j, k }), weight)
        })
    }
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
        let linear = resample(&source, &onto, Interpolation::Linear, Border::Voxels, i16::MIN);
        for (offset, value) in linear.data().iter().enumerate() {
            let at = onto.to_lps(onto.dims().index(offset).into());
            if at.x <= 8.0 && at.y <= 6.0 && at.z <= 4.0 {
                assert_eq!(f64::from(*value), ramp(at), "{at:?}");
            }
        }
        let onto = grid([1, 1, 1], [2.9, 4.0, 0.0], 1.0);
        let nearest: Volume<i16> = resample(&source, &onto, Interpolation::Nearest, Border::Voxels, 0);
        assert_eq!(nearest.data(), [420]);
        let between: Volume<f32> = resample(&source, &onto, Interpolation::Linear, Border::Voxels, 0.0);
        assert_eq!(between.data(), [429.0]);
    }

    #[test]
    fn a_point_beyond_the_outermost_voxels_gets_the_callers_value() {
        let source = Volume::new(grid([2, 1, 1], [0.0; 3], 1.0), vec![5u8, 7]).unwrap();
        let onto = grid([5, 1, 1], [-1.25, 0.0, 0.0], 0.75);
        for interpolation in [Interpolation::Nearest, Interpolation::Linear] {
            let got: Volume<u8> = resample(&source, &onto, interpolation, Border::Voxels, 99);
            assert_eq!((got.data()[0], got.data()[1], got.data()[4]), (99, 5, 99), "{interpolation:?}");
            let got: Volume<u8> = resample(&source, &onto, interpolation, Border::Centres, 99);
            assert_eq!((got.data()[1], got.data()[3], got.data()[4]), (99, 7, 99), "{interpolation:?}");
        }
    }
}
