//! The exact Euclidean distance transform in millimetres, on grids with unequal spacing.
//!
//! For every voxel inside: the distance from its centre to the centre of the nearest voxel outside. Distances
//! separate: squared distances along rows are combined over columns, then over slices, each time as the lower
//! envelope of parabolas (Felzenszwalb and Huttenlocher 2012), in linear time. What lies beyond the volume's border
//! counts neither as inside nor as outside.

#![expect(clippy::indexing_slicing, reason = "all offsets are built from dims; scratch has the axis' length")]

use crate::grid::{Dims, SpacingMm};

/// In which directions distance is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// Within each slice by itself.
    Planes,
    /// Through the whole volume.
    Volume,
}

/// Neighbouring columns that are worked on together, so that a cache line is read once.
const LANES: usize = 16;

/// The squared distance, mm2, of every voxel to the nearest one for which `inside` does not hold; infinite if there
/// is none.
#[must_use]
pub fn squared_distance_mm2(
    dims: Dims,
    spacing: SpacingMm,
    space: Space,
    inside: impl Fn(usize) -> bool,
) -> Vec<f32> {
    let mut squares = vec![0.0f32; dims.voxels()];
    for (row, values) in squares.chunks_exact_mut(dims.columns()).enumerate() {
        scan_row(values, spacing.column, |i| inside(row * dims.columns() + i));
    }
    for plane in squares.chunks_exact_mut(dims.plane()) {
        combine(plane, dims.columns(), dims.rows(), spacing.row);
    }
    match space {
        Space::Planes => {}
        Space::Volume => combine(&mut squares, dims.plane(), dims.slices(), spacing.slice),
    }
    squares
}

/// Squared distances within one row.
fn scan_row(values: &mut [f32], step: f64, inside: impl Fn(usize) -> bool) {
    let square = |steps: Option<usize>| {
        steps.map_or(f32::INFINITY, |n| ((n as f64 * step) * (n as f64 * step)) as f32)
    };
    let mut since = None;
    for (i, value) in values.iter_mut().enumerate() {
        since = if inside(i) { since.map(|n: usize| n + 1) } else { Some(0) };
        *value = square(since);
    }
    let mut since: Option<usize> = None;
    for value in values.iter_mut().rev() {
        since = if *value == 0.0 { Some(0) } else { since.map(|n| n + 1) };
        *value = value.min(square(since));
    }
}

/// Combines squared distances along an axis of `length` voxels that lie `stride` apart, for all `stride` lines.
fn combine(squares: &mut [f32], stride: usize, length: usize, step: f64) {
    let mut envelope = Envelope::new(length, step);
    let mut lines = vec![0.0f32; LANES * length];
    for first in (0..stride).step_by(LANES) {
        let lanes = LANES.min(stride - first);
        for n in 0..length {
            let from = n * stride + first;
            for (lane, value) in squares[from..from + lanes].iter().enumerate() {
                lines[lane * length + n] = *value;
            }
        }
        for line in lines.chunks_exact_mut(length).take(lanes) {
            envelope.lower(line);
        }
        for n in 0..length {
            let from = n * stride + first;
            for (lane, value) in squares[from..from + lanes].iter_mut().enumerate() {
                *value = lines[lane * length + n];
            }
        }
    }
}

/// The lower envelope of one parabola per voxel of a line, with room to be used again.
struct Envelope {
    step: f64,
    /// Where each parabola of the envelope has its vertex, and its value there.
    vertices: Vec<(f64, f64)>,
    /// From where each is the lowest.
    starts: Vec<f64>,
}

impl Envelope {
    fn new(length: usize, step: f64) -> Self {
        Self { step, vertices: Vec::with_capacity(length), starts: Vec::with_capacity(length) }
    }

    /// Replaces each value by the minimum over all parabolas `value[n] + (distance to n)^2`.
    fn lower(&mut self, line: &mut [f32]) {
        // Nothing to combine: most lines of a volume are all outside.
        if line.iter().all(|value| *value == 0.0) {
            return;
        }
        self.vertices.clear();
        self.starts.clear();
        for (n, value) in line.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            self.push(n as f64 * self.step, f64::from(*value));
        }
        if self.vertices.is_empty() {
            return;
        }
        let mut lowest = 0;
        for (n, value) in line.iter_mut().enumerate() {
            let at = n as f64 * self.step;
            while lowest + 1 < self.starts.len() && self.starts[lowest + 1] <= at {
                lowest += 1;
            }
            let (vertex, height) = self.vertices[lowest];
            *value = (height + (at - vertex) * (at - vertex)) as f32;
        }
    }

    fn push(&mut self, vertex: f64, height: f64) {
        while let (Some((last, last_height)), Some(start)) = (self.vertices.last(), self.starts.last()) {
            let meet = ((height + vertex * vertex) - (last_height + last * last)) / (2.0 * (vertex - last));
            if *start < meet {
                self.vertices.push((vertex, height));
                self.starts.push(meet);
                return;
            }
            self.vertices.pop();
            self.starts.pop();
        }
        self.vertices.push((vertex, height));
        self.starts.push(f64::NEG_INFINITY);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brute(dims: Dims, spacing: SpacingMm, space: Space, inside: &[bool]) -> Vec<f32> {
        let [column, row, slice] = spacing.to_array();
        (0..dims.voxels())
            .map(|at| {
                let here = dims.index(at);
                (0..dims.voxels())
                    .filter(|other| !inside[*other])
                    .map(|other| dims.index(other))
                    .filter(|there| space == Space::Volume || there.k == here.k)
                    .map(|there| {
                        let along = |a: usize, b: usize, step: f64| (a.abs_diff(b) as f64 * step).powi(2);
                        along(here.i, there.i, column)
                            + along(here.j, there.j, row)
                            + along(here.k, there.k, slice)
                    })
                    .fold(f64::INFINITY, f64::min) as f32
            })
            .collect()
    }

    proptest! {
        #[test]
        fn distances_agree_with_brute_force(
            extents in (1usize..20, 1usize..7, 1usize..5),
            steps in (0.3f64..3.0, 0.3f64..3.0, 0.3f64..6.0),
            bits in prop::collection::vec(0u8..20, 19 * 6 * 4),
            filling in 10u8..21,
        ) {
            let dims = Dims::new(extents.0, extents.1, extents.2).unwrap();
            let spacing = SpacingMm { column: steps.0, row: steps.1, slice: steps.2 };
            let inside: Vec<bool> = bits[..dims.voxels()].iter().map(|b| *b < filling).collect();
            for space in [Space::Planes, Space::Volume] {
                let found = squared_distance_mm2(dims, spacing, space, |at| inside[at]);
                for (found, wanted) in found.iter().zip(brute(dims, spacing, space, &inside)) {
                    let same = *found == wanted || (found - wanted).abs() <= 1e-5 * wanted;
                    prop_assert!(same, "{} instead of {}", found, wanted);
                }
            }
        }
    }
}
