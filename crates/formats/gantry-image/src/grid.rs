//! Where the voxels of a volume lie: extents, origin, and a step in the patient along each axis.
//!
//! Invariants
//! - No extent is zero, and a grid has at most [`Dims::VOXELS_MAX`] voxels, so that an index fits 32 bits.
//! - The three steps are perpendicular to each other within [`PERPENDICULAR_COSINE_MAX`]: distances along the axes
//!   may be combined by Pythagoras. They may be left-handed, since flipping an axis changes no voxel.

use crate::geometry::{PointLps, VectorLps, VoxelIndex, VoxelPoint};

/// The largest cosine between two axes that still counts as a right angle: what direction cosines that were
/// rounded to three decimals can be off. Over 500 mm it moves a voxel by half a millimetre at most.
pub const PERPENDICULAR_COSINE_MAX: f64 = 1e-3;

/// How many voxels a volume has along each axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dims {
    columns: usize,
    rows: usize,
    slices: usize,
}

/// The place of every voxel of a volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    dims: Dims,
    origin: PointLps,
    steps: [VectorLps; 3],
}

/// The distances between neighbouring voxels, mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpacingMm {
    /// Between neighbours along a row (index i).
    pub column: f64,
    /// Between neighbours down a column (index j).
    pub row: f64,
    /// Between neighbouring slices (index k).
    pub slice: f64,
}

/// How the slices of a grid cut the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// Perpendicular to the head-to-foot axis.
    Axial,
    /// Perpendicular to the left-to-right axis.
    Sagittal,
    /// Perpendicular to the front-to-back axis.
    Coronal,
    /// None of them within [`Grid::PLANE_TILT_DEGREES_MAX`].
    Oblique,
}

/// Why numbers do not make a grid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GridError {
    /// An extent is zero, or there are more voxels than [`Dims::VOXELS_MAX`].
    #[error("a volume of {columns} x {rows} x {slices} voxels is empty or too large")]
    Extent {
        /// Extent along a row.
        columns: usize,
        /// Extent down a column.
        rows: usize,
        /// Extent through the slices.
        slices: usize,
    },
    /// A step or the origin is not finite, or a step has no length.
    #[error("the step along axis {axis} of the volume is {step:?} mm")]
    Step {
        /// 0 along a row, 1 down a column, 2 through the slices.
        axis: usize,
        /// The step.
        step: [f64; 3],
    },
    /// Two axes are not perpendicular.
    #[error("two axes of the volume stand at a cosine of {cosine:.5} to each other")]
    NotPerpendicular {
        /// The cosine of their angle.
        cosine: f64,
    },
}

impl Dims {
    /// The most voxels a volume can have: eight times a CT of 512 x 512 x 1000.
    pub const VOXELS_MAX: usize = 1 << 31;

    /// Extents along a row, down a column and through the slices.
    ///
    /// # Errors
    /// [`GridError::Extent`] if one is zero or the product too large.
    pub fn new(columns: usize, rows: usize, slices: usize) -> Result<Self, GridError> {
        let voxels = columns.checked_mul(rows).and_then(|plane| plane.checked_mul(slices));
        match voxels {
            Some(1..=Self::VOXELS_MAX) => Ok(Self { columns, rows, slices }),
            Some(_) | None => Err(GridError::Extent { columns, rows, slices }),
        }
    }

    /// Voxels along a row.
    #[must_use]
    pub const fn columns(self) -> usize {
        self.columns
    }

    /// Voxels down a column.
    #[must_use]
    pub const fn rows(self) -> usize {
        self.rows
    }

    /// Voxels through the slices.
    #[must_use]
    pub const fn slices(self) -> usize {
        self.slices
    }

    /// All extents: along i, j, k.
    #[must_use]
    pub const fn to_array(self) -> [usize; 3] {
        [self.columns, self.rows, self.slices]
    }

    /// Voxels of one slice.
    #[must_use]
    pub const fn plane(self) -> usize {
        self.columns * self.rows
    }

    /// Voxels of the whole volume.
    #[must_use]
    pub const fn voxels(self) -> usize {
        self.columns * self.rows * self.slices
    }

    /// The place of a voxel in memory: i runs fastest, then j, then k. The caller vouches for the index.
    #[must_use]
    pub const fn offset(self, index: VoxelIndex) -> usize {
        index.i + self.columns * (index.j + self.rows * index.k)
    }

    /// The voxel at a place in memory.
    #[must_use]
    pub const fn index(self, offset: usize) -> VoxelIndex {
        let row = offset / self.columns;
        VoxelIndex { i: offset % self.columns, j: row % self.rows, k: row / self.rows }
    }

    /// Whether there is such a voxel.
    #[must_use]
    pub const fn contains(self, index: VoxelIndex) -> bool {
        index.i < self.columns && index.j < self.rows && index.k < self.slices
    }
}

impl Grid {
    /// A slice normal closer than this to a patient axis gives a plane its name.
    pub const PLANE_TILT_DEGREES_MAX: f64 = 5.0;

    /// A grid from the centre of its first voxel and the steps along i, j and k.
    ///
    /// # Errors
    /// [`GridError`] if a step has no length or two are not perpendicular.
    pub fn new(dims: Dims, origin: PointLps, steps: [VectorLps; 3]) -> Result<Self, GridError> {
        let origin_is_finite = [origin.x, origin.y, origin.z].iter().all(|c| c.is_finite());
        for (axis, step) in steps.iter().enumerate() {
            if step.unit().is_none() || !origin_is_finite {
                return Err(GridError::Step { axis, step: step.to_array() });
            }
        }
        let [a, b, c] = steps;
        for (one, other) in [(a, b), (b, c), (c, a)] {
            let cosine = one.dot(other) / (one.length() * other.length());
            if PERPENDICULAR_COSINE_MAX < cosine.abs() {
                return Err(GridError::NotPerpendicular { cosine });
            }
        }
        Ok(Self { dims, origin, steps })
    }

    /// How many voxels there are along each axis.
    #[must_use]
    pub const fn dims(&self) -> Dims {
        self.dims
    }

    /// The centre of voxel 0, 0, 0.
    #[must_use]
    pub const fn origin(&self) -> PointLps {
        self.origin
    }

    /// The steps along i, j and k.
    #[must_use]
    pub const fn steps(&self) -> [VectorLps; 3] {
        self.steps
    }

    /// The distances between neighbours.
    #[must_use]
    pub fn spacing(&self) -> SpacingMm {
        let [column, row, slice] = self.steps.map(VectorLps::length);
        SpacingMm { column, row, slice }
    }

    /// The volume of one voxel, ml.
    #[must_use]
    pub fn voxel_ml(&self) -> f64 {
        let [a, b, c] = self.steps;
        a.cross(b).dot(c).abs() / 1000.0
    }

    /// The patient's point at a voxel coordinate.
    #[must_use]
    pub fn to_lps(&self, at: VoxelPoint) -> PointLps {
        let [a, b, c] = self.steps;
        self.origin + a * at.i + b * at.j + c * at.k
    }

    /// The voxel coordinate of a patient's point; outside of the volume it lies outside of the extents.
    #[must_use]
    pub fn to_voxel(&self, point: PointLps) -> VoxelPoint {
        let [a, b, c] = self.steps;
        let from_origin = point - self.origin;
        // Cramer's rule; the constructor has made sure that the determinant is not zero.
        let determinant = a.dot(b.cross(c));
        VoxelPoint {
            i: from_origin.dot(b.cross(c)) / determinant,
            j: from_origin.dot(c.cross(a)) / determinant,
            k: from_origin.dot(a.cross(b)) / determinant,
        }
    }

    /// How the slices cut the patient.
    #[must_use]
    pub fn plane(&self) -> Plane {
        let [a, b, _] = self.steps;
        let normal = a.cross(b);
        let limit = Self::PLANE_TILT_DEGREES_MAX.to_radians().cos() * normal.length();
        if limit <= normal.z.abs() {
            Plane::Axial
        } else if limit <= normal.x.abs() {
            Plane::Sagittal
        } else if limit <= normal.y.abs() {
            Plane::Coronal
        } else {
            Plane::Oblique
        }
    }
}

impl SpacingMm {
    /// The distances along i, j and k.
    #[must_use]
    pub const fn to_array(self) -> [f64; 3] {
        [self.column, self.row, self.slice]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(x: f64, y: f64, z: f64) -> VectorLps {
        VectorLps::new(x, y, z)
    }

    #[test]
    fn voxel_and_patient_coordinates_are_inverse_on_an_oblique_left_handed_grid() {
        let dims = Dims::new(4, 5, 6).unwrap();
        let steps = [vector(0.6, 0.8, 0.0), vector(-1.6, 1.2, 0.0), vector(0.0, 0.0, -5.0)];
        let grid = Grid::new(dims, PointLps::new(10.0, -20.0, 30.0), steps).unwrap();
        assert_eq!(grid.spacing(), SpacingMm { column: 1.0, row: 2.0, slice: 5.0 });
        assert!((grid.voxel_ml() - 0.010).abs() < 1e-12);
        assert_eq!(grid.plane(), Plane::Axial);
        let at = VoxelPoint { i: 1.25, j: -3.0, k: 4.5 };
        let back = grid.to_voxel(grid.to_lps(at));
        assert!((back.i - at.i).abs() + (back.j - at.j).abs() + (back.k - at.k).abs() < 1e-9, "{back:?}");
        assert_eq!(dims.index(dims.offset(VoxelIndex::new(3, 4, 5))), VoxelIndex::new(3, 4, 5));
    }

    #[test]
    fn a_sheared_or_flat_or_empty_grid_is_refused() {
        let dims = Dims::new(1, 1, 1).unwrap();
        let origin = PointLps::new(0.0, 0.0, 0.0);
        let (x, y) = (vector(1.0, 0.0, 0.0), vector(0.0, 1.0, 0.0));
        let sheared = Grid::new(dims, origin, [x, y, vector(0.0, 0.3, 1.0)]);
        assert!(matches!(sheared, Err(GridError::NotPerpendicular { .. })));
        let flat = Grid::new(dims, origin, [x, y, vector(0.0, 0.0, 0.0)]);
        assert!(matches!(flat, Err(GridError::Step { axis: 2, .. })));
        assert!(Dims::new(0, 1, 1).is_err());
        assert!(Dims::new(usize::MAX, 2, 1).is_err());
        assert!(Dims::new(1 << 16, 1 << 16, 1).is_err());
    }
}
