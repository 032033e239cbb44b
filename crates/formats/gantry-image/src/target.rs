//! The grid that a network wants: along given directions, with given distances, around the middle of an image.

#![expect(clippy::indexing_slicing, reason = "axes are 0..3")]

use crate::{
    geometry::{VectorLps, VoxelPoint},
    grid::{Dims, Grid, GridError},
    orient::{AxisMap, Direction},
};

/// What the axes of a grid follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// The axes of the patient: an oblique image is turned by interpolation.
    Patient,
    /// The axes of the image, renamed and reversed: an oblique image stays oblique.
    Image,
}

/// A grid that is wanted. Arrays are along i, j, k.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Where each axis runs.
    pub directions: [Direction; 3],
    /// What the axes follow.
    pub follow: Follow,
    /// Distances between neighbours, mm.
    pub spacing_mm: [f64; 3],
    /// How many voxels; nothing is as many as the image takes.
    pub extents: Option<[usize; 3]>,
}

impl Target {
    /// The grid for an image: the middles of both grids coincide, and without extents it reaches the image's
    /// outermost voxel centres.
    ///
    /// # Errors
    /// [`GridError`] if it would be too large.
    pub fn around(&self, image: &Grid) -> Result<Grid, GridError> {
        let axes = match self.follow {
            Follow::Patient => self.directions.map(Direction::unit),
            Follow::Image => {
                let steps = AxisMap::towards(image, self.directions).grid(image)?.steps();
                // A grid's steps have a length.
                steps.map(|step| step.unit().unwrap_or(step))
            }
        };
        let reach = |axis: VectorLps, spacing: f64| {
            let extents = image.dims().to_array();
            let mm: f64 = (0..3).map(|k| (image.steps()[k].dot(axis) * (extents[k] - 1) as f64).abs()).sum();
            // A little less, so that rounding adds no voxel.
            (mm / spacing - 1e-6).ceil().max(0.0) as usize + 1
        };
        let extents = self.extents.unwrap_or_else(|| [0, 1, 2].map(|k| reach(axes[k], self.spacing_mm[k])));
        let [columns, rows, slices] = extents;
        let steps = [0, 1, 2].map(|k| axes[k] * self.spacing_mm[k]);
        let [i, j, k] = image.dims().to_array().map(|extent| (extent - 1) as f64 / 2.0);
        let middle = image.to_lps(VoxelPoint { i, j, k });
        let back = |k: usize| steps[k] * -((extents[k].saturating_sub(1)) as f64 / 2.0);
        let origin = middle + back(0) + back(1) + back(2);
        Grid::new(Dims::new(columns, rows, slices)?, origin, steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PointLps;

    fn image() -> Grid {
        // Sagittal, a little oblique: columns to the back, rows to the foot, slices to the left.
        let (cos, sin) = (0.8, 0.6);
        let steps = [
            VectorLps::new(-sin, cos, 0.0),
            VectorLps::new(0.0, 0.0, -2.0),
            VectorLps::new(cos, sin, 0.0) * 3.0,
        ];
        Grid::new(Dims::new(11, 21, 5).unwrap(), PointLps::new(7.0, 8.0, 9.0), steps).unwrap()
    }

    fn target(follow: Follow, extents: Option<[usize; 3]>) -> Target {
        let directions = [Direction::Front, Direction::Foot, Direction::Left];
        Target { directions, follow, spacing_mm: [2.0, 2.0, 1.5], extents }
    }

    fn middle(grid: &Grid) -> PointLps {
        let [i, j, k] = grid.dims().to_array().map(|extent| (extent - 1) as f64 / 2.0);
        grid.to_lps(VoxelPoint { i, j, k })
    }

    #[test]
    fn along_the_image_the_axes_stay_oblique_and_every_voxel_is_reached() {
        let grid = target(Follow::Image, None).around(&image()).unwrap();
        assert_eq!(grid.dims().to_array(), [6, 21, 9]);
        assert!((grid.steps()[0] + VectorLps::new(-1.2, 1.6, 0.0)).length() < 1e-12, "{:?}", grid.steps());
        assert!((middle(&grid) - middle(&image())).length() < 1e-9);
    }

    #[test]
    fn along_the_patient_the_axes_are_the_patients() {
        let grid = target(Follow::Patient, Some([8, 10, 12])).around(&image()).unwrap();
        let want =
            [VectorLps::new(0.0, -2.0, 0.0), VectorLps::new(0.0, 0.0, -2.0), VectorLps::new(1.5, 0.0, 0.0)];
        assert_eq!((grid.dims().to_array(), grid.steps()), ([8, 10, 12], want));
        assert!((middle(&grid) - middle(&image())).length() < 1e-9);
        let reach = target(Follow::Patient, None).around(&image()).unwrap();
        // 10 * 0.8 + 12 * 0.6 to the front in steps of 2, 40 to the foot, 10 * 0.6 + 12 * 0.8 to the left in steps of 1.5.
        assert_eq!(reach.dims().to_array(), [9, 21, 12]);
    }
}
