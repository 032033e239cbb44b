//! An image's values on the grid that a network wants (MONAI Orientation and Spacing, or a grid of fixed size).

use gantry_image::{
    grid::GridError,
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
    use super::*;

    #[test]
    fn axes_name_each_pair_once() {
        assert_eq!(axes("LIA"), Some([Direction::Left, Direction::Foot, Direction::Front]));
        for wrong in ["", "LI", "LIAS", "LRA", "lia", "LIX"] {
            assert_eq!(axes(wrong), None, "{wrong}");
        }
    }
}
