//! Dilation, erosion, opening and closing with shapes given in millimetres.
//!
//! A shape is the set of voxels whose centres lie within a radius, on the grid's own spacing, so that the same radius
//! means the same on every grid. It is kept as one half width for each row it covers; per row of the mask the
//! distance to the nearest voxel inside is found once and then compared with the half widths, a byte per voxel.
//!
//! What lies beyond the volume's border is nothing: it neither grows into the volume nor eats from it.

#![expect(clippy::indexing_slicing, reason = "rows are addressed by numbers below rows x slices")]

use crate::{
    grid::{Dims, SpacingMm},
    volume::Labels,
};

/// A ball or disc as the grid sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    rows: Vec<ShapeRow>,
}

/// The voxels of a shape in one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ShapeRow {
    j: isize,
    k: isize,
    /// Voxels to either side of the centre column; [`FAR`] - 1 at most.
    half_width: u8,
}

/// A row distance that no half width reaches.
const FAR: u8 = u8::MAX;

/// Slack for voxels that lie on the radius itself, so that rounding of a spacing does not decide.
const ON_THE_RADIUS: f64 = 1e-9;

impl Shape {
    /// All voxels within a radius through the whole volume. A row of it reaches 254 voxels at most.
    #[must_use]
    pub fn ball(spacing: SpacingMm, radius_mm: f64) -> Self {
        Self::new(spacing, radius_mm, reach(radius_mm, spacing.slice))
    }

    /// All voxels within a radius in the same slice.
    #[must_use]
    pub fn disc(spacing: SpacingMm, radius_mm: f64) -> Self {
        Self::new(spacing, radius_mm, 0)
    }

    fn new(spacing: SpacingMm, radius_mm: f64, slices: isize) -> Self {
        let rows = reach(radius_mm, spacing.row);
        let square = radius_mm * radius_mm;
        let row = |j: isize, k: isize| {
            let (y, z) = (j as f64 * spacing.row, k as f64 * spacing.slice);
            let left = square - y * y - z * z + ON_THE_RADIUS;
            let half_width = (0.0 <= left).then(|| reach(left.sqrt(), spacing.column))?;
            Some(ShapeRow { j, k, half_width: u8::try_from(half_width).unwrap_or(FAR).min(FAR - 1) })
        };
        let all = (-slices..=slices).flat_map(|k| (-rows..=rows).map(move |j| (j, k)));
        Self { rows: all.filter_map(|(j, k)| row(j, k)).collect() }
    }
}

/// How many steps fit into a length.
fn reach(length_mm: f64, step_mm: f64) -> isize {
    (length_mm / step_mm + ON_THE_RADIUS).floor() as isize
}

/// All voxels that the shape, laid around some voxel of the mask, covers.
#[must_use]
pub fn dilate(mask: &Labels, shape: &Shape) -> Labels {
    let mut out = mask.clone();
    spread(out.data_mut(), mask.dims(), shape, |value| value != 0);
    out
}

/// All voxels around which the shape lies wholly inside the mask.
#[must_use]
pub fn erode(mask: &Labels, shape: &Shape) -> Labels {
    let mut out = mask.clone();
    spread(out.data_mut(), mask.dims(), shape, |value| value == 0);
    for value in out.data_mut() {
        *value = u8::from(*value == 0);
    }
    out
}

/// What remains of the mask when the shape is moved about inside it: thin parts vanish.
#[must_use]
pub fn open(mask: &Labels, shape: &Shape) -> Labels {
    dilate(&erode(mask, shape), shape)
}

/// The mask with gaps filled into which the shape does not fit.
#[must_use]
pub fn close(mask: &Labels, shape: &Shape) -> Labels {
    erode(&dilate(mask, shape), shape)
}

/// Replaces `data` by 1 within the shape around voxels that are `set`, else 0.
fn spread(data: &mut [u8], dims: Dims, shape: &Shape, set: impl Fn(u8) -> bool) {
    let columns = dims.columns();
    let mut distances = vec![FAR; data.len()];
    let mut is_empty = vec![true; dims.rows() * dims.slices()];
    for (row, (values, distances)) in
        data.chunks_exact(columns).zip(distances.chunks_exact_mut(columns)).enumerate()
    {
        is_empty[row] = !row_distances(values, distances, &set);
    }
    for (row, out) in data.chunks_exact_mut(columns).enumerate() {
        out.fill(0);
        let (j, k) = (row % dims.rows(), row / dims.rows());
        for of_shape in &shape.rows {
            // A ball is symmetric: where it is laid from and where it is laid to are interchangeable.
            let Some(j) = j.checked_add_signed(of_shape.j).filter(|j| *j < dims.rows()) else { continue };
            let Some(k) = k.checked_add_signed(of_shape.k).filter(|k| *k < dims.slices()) else { continue };
            let other = j + dims.rows() * k;
            if is_empty[other] {
                continue;
            }
            let half_width = of_shape.half_width;
            for (value, distance) in out.iter_mut().zip(&distances[other * columns..(other + 1) * columns]) {
                *value |= u8::from(*distance <= half_width);
            }
        }
    }
}

/// The distance of every voxel of a row to the nearest one that is `set`, in voxels; whether there is any.
fn row_distances(values: &[u8], distances: &mut [u8], set: impl Fn(u8) -> bool) -> bool {
    let mut any = false;
    let mut since = FAR;
    for (value, distance) in values.iter().zip(distances.iter_mut()) {
        let is_set = set(*value);
        any |= is_set;
        since = if is_set { 0 } else { since.saturating_add(1) };
        *distance = since;
    }
    if any {
        let mut since = FAR;
        for distance in distances.iter_mut().rev() {
            since = if *distance == 0 { 0 } else { since.saturating_add(1) };
            *distance = since.min(*distance);
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        distance::{Space, squared_distance_mm2},
        geometry::{PointLps, VectorLps},
        grid::Grid,
    };

    fn mask(extents: [usize; 3], steps: [f64; 3], data: Vec<u8>) -> Labels {
        let [i, j, k] = steps;
        let steps = [VectorLps::new(i, 0.0, 0.0), VectorLps::new(0.0, j, 0.0), VectorLps::new(0.0, 0.0, k)];
        let dims = Dims::new(extents[0], extents[1], extents[2]).unwrap();
        Labels::new(Grid::new(dims, PointLps::new(0.0, 0.0, 0.0), steps).unwrap(), data).unwrap()
    }

    proptest! {
        #[test]
        fn dilation_and_erosion_are_thresholds_of_the_distance(
            extents in (1usize..20, 1usize..7, 1usize..5),
            steps in (0.3f64..3.0, 0.3f64..3.0, 0.3f64..6.0),
            bits in prop::collection::vec(0u8..2, 19 * 6 * 4),
            radius in 0.1f64..7.0,
        ) {
            let extents = [extents.0, extents.1, extents.2];
            let mask = mask(extents, [steps.0, steps.1, steps.2], bits[..extents.iter().product()].to_vec());
            let (dims, spacing) = (mask.dims(), mask.grid().spacing());
            for (space, shape) in
                [(Space::Planes, Shape::disc(spacing, radius)), (Space::Volume, Shape::ball(spacing, radius))]
            {
                let outwards = squared_distance_mm2(dims, spacing, space, |at| mask.data()[at] == 0);
                let inwards = squared_distance_mm2(dims, spacing, space, |at| mask.data()[at] != 0);
                let limit = (radius * radius) as f32;
                let (dilated, eroded) = (dilate(&mask, &shape), erode(&mask, &shape));
                for at in 0..dims.voxels() {
                    prop_assert_eq!(dilated.data()[at] != 0, outwards[at] <= limit);
                    prop_assert_eq!(eroded.data()[at] != 0, limit < inwards[at]);
                }
            }
        }
    }

    #[test]
    fn opening_removes_a_thin_bridge_and_closing_a_thin_gap() {
        let row = vec![1, 1, 1, 0, 1, 1, 1];
        let three = mask([7, 3, 1], [1.0, 1.0, 1.0], [row.clone(), row.clone(), row].concat());
        let closed = close(&three, &Shape::disc(three.grid().spacing(), 1.0));
        assert!(closed.data().iter().all(|v| *v == 1));
        let mut bridged = three.clone();
        bridged.data_mut()[7 + 3] = 1;
        let opened = open(&bridged, &Shape::ball(three.grid().spacing(), 1.5));
        assert_eq!(opened.data()[7 + 3], 0);
        assert_eq!(opened.data()[7 + 1], 1);
    }

    #[test]
    fn a_point_on_the_radius_belongs_to_the_shape() {
        let shape = Shape::disc(SpacingMm { column: 0.1, row: 0.1, slice: 1.0 }, 0.3);
        assert_eq!(shape.rows.len(), 7);
        assert_eq!(shape.rows[3].half_width, 3);
    }
}
