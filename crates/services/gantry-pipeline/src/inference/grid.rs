//! An image's values on the grid that a network wants (MONAI Orientation and Spacing, or a grid of fixed size).

use gantry_image::{
    geometry::VoxelPoint,
    grid::{Grid, GridError},
    orient::Direction,
    resample::{Border, Interpolation, resample},
    target::{Follow, Target},
    volume::Volume,
};

/// The `resample` step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResampleParameters {
    /// The grid, by its own axes i, j, k.
    pub target: Target,
    /// How far the image reaches.
    pub border: Border,
    /// What lies beyond it, in modality values.
    pub outside: f64,
    /// What of an image that reaches beyond the grid.
    pub beyond: Beyond,
}

/// What is done with an image that reaches beyond the grid: nothing can be found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// The application declines.
    Declined,
    /// What lies there is not looked at, because the application knows that it does not matter.
    Ignored,
}

impl ResampleParameters {
    /// Parameters as a package writes them: axes, distances and extents in the order of the tensor, whose last axis is
    /// the grid's i.
    #[must_use]
    pub fn in_tensor_order(
        axes: [Direction; 3],
        follow: Follow,
        spacing_mm: [f64; 3],
        extents: Option<[usize; 3]>,
    ) -> Target {
        let reversed = |[a, b, c]: [f64; 3]| [c, b, a];
        let [first, second, third] = axes;
        Target {
            directions: [third, second, first],
            follow,
            spacing_mm: reversed(spacing_mm),
            extents: extents.map(|[a, b, c]| [c, b, a]),
        }
    }

    /// How far the image reaches beyond the grid, if that counts. mm.
    ///
    /// # Errors
    /// [`GridError`] if the grid would be too large.
    pub fn unseen_mm(&self, image: &Grid) -> Result<Option<f64>, GridError> {
        let grid = self.target.around(image)?;
        let last = image.dims().to_array().map(|extent| (extent - 1) as f64);
        let reach = grid.dims().to_array().map(|extent| extent as f64 - 0.5);
        let spacing = grid.spacing().to_array();
        let mut beyond: f64 = 0.0;
        for corner in 0..8_u8 {
            let pick = |axis: usize| {
                if corner >> axis & 1 == 1 { last.get(axis).copied().unwrap_or(0.0) } else { 0.0 }
            };
            let at = grid.to_voxel(image.to_lps(VoxelPoint { i: pick(0), j: pick(1), k: pick(2) }));
            for ((at, reach), mm) in [at.i, at.j, at.k].into_iter().zip(reach).zip(spacing) {
                beyond = beyond.max((-0.5 - at).max(at - reach) * mm);
            }
        }
        // Positions are rounded by those who write them.
        Ok((self.beyond == Beyond::Declined && 1e-3 < beyond).then_some(beyond))
    }

    /// The values on the grid, trilinear, never rounded.
    ///
    /// # Errors
    /// [`GridError`] if the grid would be too large.
    pub fn apply(&self, image: &Volume<i16>) -> Result<Volume<f32>, GridError> {
        let onto = self.target.around(image.grid())?;
        // Outside is a modality value: 32 bits hold it as well as any.
        Ok(resample(image, &onto, Interpolation::Linear, self.border, self.outside as f32))
    }
}

/// Three letters of L, R, A, P, S, I, one for each pair: where the indices grow to.
#[must_use]
pub fn axes(letters: &str) -> Option<[Direction; 3]> {
    let mut seen = [0_u8; 3];
    let mut directions = [Direction::Left; 3];
    let mut letters = letters.chars();
    for (direction, letter) in directions.iter_mut().zip(letters.by_ref()) {
        let (pair, towards) = match letter {
            'L' => (0, Direction::Left),
            'R' => (0, Direction::Right),
            'A' => (1, Direction::Front),
            'P' => (1, Direction::Back),
            'S' => (2, Direction::Head),
            'I' => (2, Direction::Foot),
            _ => return None,
        };
        *direction = towards;
        *seen.get_mut(pair)? += 1;
    }
    (seen == [1; 3] && letters.next().is_none()).then_some(directions)
}

#[cfg(test)]
mod tests {
    use gantry_image::{
        geometry::{PointLps, VectorLps},
        grid::Dims,
    };

    use super::*;

    #[test]
    fn axes_name_each_pair_once() {
        assert_eq!(axes("LIA"), Some([Direction::Left, Direction::Foot, Direction::Front]));
        for wrong in ["", "LI", "LIAS", "LRA", "lia", "LIX"] {
            assert_eq!(axes(wrong), None, "{wrong}");
        }
    }

    /// An image of 10 x 20 x 30 voxels of 1 mm along i, j, k.
    fn image() -> Grid {
        let steps =
            [VectorLps::new(1.0, 0.0, 0.0), VectorLps::new(0.0, 1.0, 0.0), VectorLps::new(0.0, 0.0, 1.0)];
        Grid::new(Dims::new(10, 20, 30).unwrap(), PointLps::new(0.0, 0.0, 0.0), steps).unwrap()
    }

    fn parameters(extents: Option<[usize; 3]>, beyond: Beyond) -> ResampleParameters {
        let target = ResampleParameters::in_tensor_order(
            axes("SPL").unwrap(),
            Follow::Image,
            [3.0, 2.0, 1.0],
            extents,
        );
        ResampleParameters { target, border: Border::Voxels, outside: 0.0, beyond }
    }

    #[test]
    fn distances_and_extents_are_in_the_order_of_the_tensor() {
        let values =
            parameters(Some([12, 11, 10]), Beyond::Declined).apply(&Volume::filled(image(), 7)).unwrap();
        // The tensor's first axis runs to the head, in steps of 3 mm: it is the grid's k.
        assert_eq!(values.dims().to_array(), [10, 11, 12]);
        assert_eq!(values.grid().spacing().to_array(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn an_image_that_reaches_beyond_the_grid_is_noticed_unless_that_is_ignored() {
        let unseen = |extents, beyond| parameters(extents, beyond).unseen_mm(&image()).unwrap();
        assert_eq!(unseen(Some([10, 10, 10]), Beyond::Declined), None);
        // Along the tensor's first axis 8 voxels of 3 mm cover 24 of the 29 mm between the outermost centres.
        assert!((unseen(Some([8, 10, 10]), Beyond::Declined).unwrap() - 2.5).abs() < 1e-9);
        assert_eq!(unseen(Some([8, 10, 10]), Beyond::Ignored), None);
        assert_eq!(unseen(None, Beyond::Declined), None);
    }
}
