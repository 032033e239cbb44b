//! Turning a volume so that its axes follow the patient's, without interpolation.
//!
//! A [`AxisMap`] renames and reverses axes, so that index i grows most nearly towards the patient's left, j towards
//! the back and k towards the head. Every voxel keeps its value and its place in the patient; on an oblique grid the
//! axes stay oblique.

#![expect(
    clippy::indexing_slicing,
    reason = "axes are 0..3 and offsets lie inside dims, checked by the types"
)]

use crate::{
    geometry::{VectorLps, VoxelPoint},
    grid::{Dims, Grid, GridError},
    volume::Volume,
};

/// Which axis of the source becomes i, j and k, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AxisMap {
    /// For each new axis the old one.
    from: [usize; 3],
    /// For each new axis whether it runs along or against the old one.
    course: [Course; 3],
}

/// In which direction a new axis runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// As the old axis.
    Along,
    /// From the old axis' end to its beginning.
    Against,
}

/// A direction in the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards the patient's right, -x.
    Right,
    /// Towards the patient's left, +x.
    Left,
    /// Towards the patient's front, -y.
    Front,
    /// Towards the patient's back, +y.
    Back,
    /// Towards the patient's feet, -z.
    Foot,
    /// Towards the patient's head, +z.
    Head,
}

impl Direction {
    /// The direction as a vector of length 1.
    #[must_use]
    pub const fn unit(self) -> VectorLps {
        match self {
            Self::Right => VectorLps::new(-1.0, 0.0, 0.0),
            Self::Left => VectorLps::new(1.0, 0.0, 0.0),
            Self::Front => VectorLps::new(0.0, -1.0, 0.0),
            Self::Back => VectorLps::new(0.0, 1.0, 0.0),
            Self::Foot => VectorLps::new(0.0, 0.0, -1.0),
            Self::Head => VectorLps::new(0.0, 0.0, 1.0),
        }
    }
}

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

impl AxisMap {
    /// The map that leaves everything as it is.
    pub const IDENTITY: Self = Self { from: [0, 1, 2], course: [Course::Along; 3] };

    /// All 48 ways to rename and reverse axes.
    pub fn all() -> impl Iterator<Item = Self> {
        ORDERS.into_iter().flat_map(|from| {
            (0..8u8).map(move |bits| {
                let course =
                    [0, 1, 2].map(|axis| if bits >> axis & 1 == 0 { Course::Along } else { Course::Against });
                Self { from, course }
            })
        })
    }

    /// The map after which i, j, k run most nearly to the patient's left, back and head.
    #[must_use]
    pub fn to_lps(grid: &Grid) -> Self {
        Self::towards(grid, [Direction::Left, Direction::Back, Direction::Head])
    }

    /// The map after which i, j, k run most nearly in three given directions.
    ///
    /// Of three directions that name one axis twice, the map follows as many as it can.
    #[must_use]
    pub fn towards(grid: &Grid, wanted: [Direction; 3]) -> Self {
        let wanted = wanted.map(Direction::unit);
        let cosine = |from: usize, to: usize| {
            let step = grid.steps()[from];
            step.dot(wanted[to]) / step.length()
        };
        let agreement = |from: &[usize; 3]| -> f64 { (0..3).map(|to| cosine(from[to], to).abs()).sum() };
        let from = ORDERS
            .into_iter()
            .fold(ORDERS[0], |best, order| if agreement(&best) < agreement(&order) { order } else { best });
        let course =
            [0, 1, 2].map(|to| if cosine(from[to], to) < 0.0 { Course::Against } else { Course::Along });
        Self { from, course }
    }

    /// The map that undoes this one.
    #[must_use]
    pub fn inverse(self) -> Self {
        let mut inverse = Self::IDENTITY;
        for to in 0..3 {
            inverse.from[self.from[to]] = to;
            inverse.course[self.from[to]] = self.course[to];
        }
        inverse
    }

    /// Where the voxels lie after the map.
    ///
    /// # Errors
    /// None that a grid from its constructor could cause; the signature is that of [`Grid::new`].
    pub fn grid(self, grid: &Grid) -> Result<Grid, GridError> {
        let old = grid.dims().to_array();
        let [columns, rows, slices] = self.from.map(|axis| old[axis]);
        let mut first = [0.0; 3];
        let mut steps = self.from.map(|axis| grid.steps()[axis]);
        for to in 0..3 {
            if self.course[to] == Course::Against {
                first[self.from[to]] = (old[self.from[to]] - 1) as f64;
                steps[to] = -steps[to];
            }
        }
        let [i, j, k] = first;
        Grid::new(Dims::new(columns, rows, slices)?, grid.to_lps(VoxelPoint { i, j, k }), steps)
    }

    /// The volume after the map.
    ///
    /// # Errors
    /// As [`AxisMap::grid`].
    pub fn apply<T: Copy>(self, volume: &Volume<T>) -> Result<Volume<T>, GridError> {
        let grid = self.grid(volume.grid())?;
        let dims = grid.dims();
        let old = volume.dims();
        let old_strides = [1, old.columns(), old.plane()];
        let old_extents = old.to_array();
        // Walk the new volume in memory order; each new axis moves the old offset by a signed stride.
        let stride = |to: usize| old_strides[self.from[to]];
        let walk = |to: usize, n: usize| match self.course[to] {
            Course::Along => n * stride(to),
            Course::Against => (old_extents[self.from[to]] - 1 - n) * stride(to),
        };
        let columns: Vec<usize> = (0..dims.columns()).map(|i| walk(0, i)).collect();
        let source = volume.data();
        let mut data = Vec::with_capacity(dims.voxels());
        for k in 0..dims.slices() {
            for j in 0..dims.rows() {
                let base = walk(1, j) + walk(2, k);
                data.extend(columns.iter().map(|column| source[base + column]));
            }
        }
        Volume::new(grid, data).map_err(|_length| GridError::Extent {
            columns: dims.columns(),
            rows: dims.rows(),
            slices: dims.slices(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{PointLps, VoxelIndex};

    fn oblique() -> Volume<i32> {
        let (c, s) = (0.8, 0.6);
        let steps = [
            VectorLps::new(c, s, 0.0),
            VectorLps::new(-2.0 * s, 2.0 * c, 0.0),
            VectorLps::new(0.0, 0.0, 3.0),
        ];
        let grid = Grid::new(Dims::new(3, 4, 5).unwrap(), PointLps::new(7.0, 8.0, 9.0), steps).unwrap();
        Volume::new(grid, (0..60).collect()).unwrap()
    }

    fn place(volume: &Volume<i32>, value: i32) -> PointLps {
        let offset = volume.data().iter().position(|v| *v == value).unwrap();
        volume.grid().to_lps(VoxelPoint::from(volume.dims().index(offset)))
    }

    #[test]
    fn all_48_maps_leave_every_voxel_at_its_place_and_lead_back() {
        let volume = oblique();
        assert_eq!(AxisMap::all().count(), 48);
        for map in AxisMap::all() {
            let turned = map.apply(&volume).unwrap();
            for value in 0..60 {
                let moved = place(&turned, value) - place(&volume, value);
                assert!(moved.length() < 1e-9, "{map:?}");
            }
            assert_eq!(map.inverse().apply(&turned).unwrap().data(), volume.data(), "{map:?}");
            let canonical = AxisMap::to_lps(turned.grid()).apply(&turned).unwrap();
            assert_eq!(canonical.data(), volume.data(), "{map:?}");
        }
    }

    #[test]
    fn an_axial_volume_is_regrouped_into_sagittal_slices() {
        let volume = oblique();
        let map = AxisMap::towards(volume.grid(), [Direction::Back, Direction::Foot, Direction::Right]);
        let sagittal = map.apply(&volume).unwrap();
        assert_eq!(sagittal.dims().to_array(), [4, 5, 3]);
        assert_eq!(sagittal.get(VoxelIndex::new(1, 0, 2)), volume.get(VoxelIndex::new(0, 1, 4)));
    }

    #[test]
    fn a_sagittal_stack_is_turned_to_left_back_head() {
        let steps =
            [VectorLps::new(0.0, 1.0, 0.0), VectorLps::new(0.0, 0.0, -5.0), VectorLps::new(0.8, 0.0, 0.0)];
        let grid = Grid::new(Dims::new(2, 3, 4).unwrap(), PointLps::new(0.0, 0.0, 0.0), steps).unwrap();
        let volume = Volume::new(grid, (0..24).collect::<Vec<i32>>()).unwrap();
        let turned = AxisMap::to_lps(&grid).apply(&volume).unwrap();
        assert_eq!(turned.dims().to_array(), [4, 2, 3]);
        assert_eq!(turned.grid().origin(), PointLps::new(0.0, 0.0, -10.0));
        assert_eq!(turned.get(VoxelIndex::new(3, 1, 0)), volume.get(VoxelIndex::new(1, 2, 3)));
    }
}
