//! Connected components, found as runs of voxels along rows.
//!
//! A run costs twelve bytes however long it is, so that labelling needs far less memory than the volume itself;
//! each voxel is looked at once.
//!
//! Invariants
//! - Parts are numbered in the order of their first voxel in memory; runs are in memory order.
//! - Every voxel for which the predicate held belongs to exactly one run.

#![expect(clippy::indexing_slicing, reason = "runs and parts are indexed by numbers this module gave out")]

use core::ops::Range;

use crate::{geometry::VoxelIndex, geometry::VoxelPoint, grid::Dims, volume::Labels};

/// Which voxels count as neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connectivity {
    /// The 6 that share a face.
    Faces,
    /// The 18 that share a face or an edge.
    Edges,
    /// All 26.
    Corners,
    /// Within a slice only: the 4 that share an edge of the pixel.
    PlaneEdges,
    /// Within a slice only: all 8.
    PlaneCorners,
}

/// A maximal set of voxels that hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// How many voxels it has.
    pub voxels: usize,
    /// The lowest index along each axis.
    pub low: VoxelIndex,
    /// The highest index along each axis.
    pub high: VoxelIndex,
    /// Its first voxel in memory.
    pub first: usize,
    sums: [u64; 3],
}

/// All parts of a set of voxels.
#[derive(Debug, Clone)]
pub struct Components {
    dims: Dims,
    runs: Vec<Run>,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    from: u32,
    to: u32,
    /// While searching: the parent run; afterwards: the part.
    part: u32,
}

/// How far beyond its ends a run reaches for a run of a neighbouring row.
#[derive(Clone, Copy)]
enum Reach {
    Touching,
    Diagonal,
}

impl Part {
    /// The mean voxel coordinate.
    #[must_use]
    pub fn centroid(&self) -> VoxelPoint {
        let [i, j, k] = self.sums.map(|sum| sum as f64 / self.voxels as f64);
        VoxelPoint { i, j, k }
    }

    /// Whether it reaches the first or last row or column of a slice.
    #[must_use]
    pub fn touches_plane_border(&self, dims: Dims) -> bool {
        self.low.i == 0
            || self.low.j == 0
            || self.high.i + 1 == dims.columns()
            || self.high.j + 1 == dims.rows()
    }

    /// Whether it reaches any face of the volume.
    #[must_use]
    pub fn touches_border(&self, dims: Dims) -> bool {
        self.touches_plane_border(dims) || self.low.k == 0 || self.high.k + 1 == dims.slices()
    }
}

impl Components {
    /// The parts of a mask.
    #[must_use]
    pub fn of(mask: &Labels, connectivity: Connectivity) -> Self {
        let data = mask.data();
        Self::find(mask.dims(), connectivity, |offset| data[offset] != 0)
    }

    /// The parts of the voxels at whose offsets `inside` holds.
    #[must_use]
    pub fn find(dims: Dims, connectivity: Connectivity, inside: impl Fn(usize) -> bool) -> Self {
        let (mut runs, rows) = runs_of(dims, inside);
        for k in 0..dims.slices() {
            for j in 0..dims.rows() {
                let row = j + dims.rows() * k;
                for (back_j, back_k, reach) in neighbours(connectivity) {
                    let Some(other) = neighbour_row(dims, j, k, *back_j, *back_k) else { continue };
                    join_rows(
                        &mut runs,
                        rows[row]..rows[row + 1],
                        rows[other]..rows[other + 1],
                        row - other,
                        dims,
                        *reach,
                    );
                }
            }
        }
        let parts = number_parts(dims, &mut runs);
        Self { dims, runs, parts }
    }

    /// The parts, in the order of their first voxel.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The number of the part with most voxels; of equals the first.
    #[must_use]
    pub fn largest(&self) -> Option<usize> {
        (0..self.parts.len())
            .reduce(|best, part| if self.parts[best].voxels < self.parts[part].voxels { part } else { best })
    }

    /// All runs as offset ranges, each with the number of its part, in memory order.
    pub fn runs(&self) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
        self.runs.iter().map(|run| (run.from as usize..run.to as usize, run.part as usize))
    }

    /// Writes `value_of(part)` over the voxels of every part for which there is a value.
    pub fn paint(&self, labels: &mut Labels, value_of: impl Fn(usize) -> Option<u8>) {
        debug_assert_eq!(self.dims, labels.dims(), "painted on another volume");
        for run in &self.runs {
            let Some(value) = value_of(run.part as usize) else { continue };
            if let Some(voxels) = labels.data_mut().get_mut(run.from as usize..run.to as usize) {
                voxels.fill(value);
            }
        }
    }
}

/// Rows already passed that touch row (j, k): how far back in j (may be forward) and k.
fn neighbours(connectivity: Connectivity) -> &'static [(isize, usize, Reach)] {
    use Reach::{Diagonal, Touching};
    match connectivity {
        Connectivity::PlaneEdges => &[(1, 0, Touching)],
        Connectivity::PlaneCorners => &[(1, 0, Diagonal)],
        Connectivity::Faces => &[(1, 0, Touching), (0, 1, Touching)],
        Connectivity::Edges => &[(1, 0, Diagonal), (0, 1, Diagonal), (1, 1, Touching), (-1, 1, Touching)],
        Connectivity::Corners => &[(1, 0, Diagonal), (0, 1, Diagonal), (1, 1, Diagonal), (-1, 1, Diagonal)],
    }
}

fn neighbour_row(dims: Dims, j: usize, k: usize, back_j: isize, back_k: usize) -> Option<usize> {
    let j = j.checked_add_signed(-back_j).filter(|j| *j < dims.rows())?;
    Some(j + dims.rows() * k.checked_sub(back_k)?)
}

/// All runs, and for each row the number of its first one (one entry more than rows).
fn runs_of(dims: Dims, inside: impl Fn(usize) -> bool) -> (Vec<Run>, Vec<usize>) {
    let mut runs = Vec::new();
    let mut rows = Vec::with_capacity(dims.rows() * dims.slices() + 1);
    for row in 0..dims.rows() * dims.slices() {
        rows.push(runs.len());
        let (mut at, end) = (row * dims.columns(), (row + 1) * dims.columns());
        while at < end {
            if !inside(at) {
                at += 1;
                continue;
            }
            let from = at;
            while at < end && inside(at) {
                at += 1;
            }
            // Offsets fit 32 bits: Dims::VOXELS_MAX.
            runs.push(Run { from: from as u32, to: at as u32, part: runs.len() as u32 });
        }
    }
    rows.push(runs.len());
    (runs, rows)
}

/// Joins the runs of a row with those of an earlier row that lies `rows_apart` rows before it in memory.
fn join_rows(
    runs: &mut [Run],
    mut here: Range<usize>,
    mut there: Range<usize>,
    rows_apart: usize,
    dims: Dims,
    reach: Reach,
) {
    let shift = (rows_apart * dims.columns()) as u32;
    let reach = match reach {
        Reach::Touching => 0,
        Reach::Diagonal => 1,
    };
    while !here.is_empty() && !there.is_empty() {
        let (a, b) = (runs[here.start], runs[there.start]);
        let (b_from, b_to) = (b.from + shift, b.to + shift);
        if a.from < b_to + reach && b_from < a.to + reach {
            union(runs, here.start, there.start);
        }
        // Runs are maximal, so the one that ends first meets none behind the other, not even diagonally.
        if a.to < b_to { here.start += 1 } else { there.start += 1 }
    }
}

fn root(runs: &mut [Run], mut run: usize) -> usize {
    while runs[run].part as usize != run {
        let parent = runs[run].part as usize;
        runs[run].part = runs[parent].part;
        run = parent;
    }
    run
}

/// The smaller number becomes the root, so that a part is known by its first run.
fn union(runs: &mut [Run], a: usize, b: usize) {
    let (a, b) = (root(runs, a), root(runs, b));
    runs[a.max(b)].part = a.min(b) as u32;
}

/// Replaces parents by part numbers and adds up what each part has.
fn number_parts(dims: Dims, runs: &mut [Run]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for n in 0..runs.len() {
        let Run { from, to, part: parent } = runs[n];
        let low = dims.index(from as usize);
        let high = VoxelIndex { i: low.i + (to - from) as usize - 1, ..low };
        if parent as usize == n {
            runs[n].part = parts.len() as u32;
            parts.push(Part { voxels: 0, low, high, first: from as usize, sums: [0; 3] });
        } else {
            // A parent has a smaller number than its child, so it is numbered already.
            runs[n].part = runs[parent as usize].part;
        }
        let part = &mut parts[runs[n].part as usize];
        let length = (to - from) as usize;
        part.voxels += length;
        part.low = VoxelIndex::new(part.low.i.min(low.i), part.low.j.min(low.j), part.low.k.min(low.k));
        part.high =
            VoxelIndex::new(part.high.i.max(high.i), part.high.j.max(high.j), part.high.k.max(high.k));
        let sums = [(low.i + high.i) * length / 2, low.j * length, low.k * length];
        for (sum, more) in part.sums.iter_mut().zip(sums) {
            *sum += more as u64;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Which voxels share a label, by the plainest flood fill there is.
    fn flood(dims: Dims, inside: &[bool], connectivity: Connectivity) -> Vec<Option<usize>> {
        let mut labels = vec![None; inside.len()];
        let mut count = 0;
        for start in 0..inside.len() {
            if !inside[start] || labels[start].is_some() {
                continue;
            }
            let mut todo = vec![start];
            labels[start] = Some(count);
            while let Some(at) = todo.pop() {
                let here = dims.index(at);
                for other in 0..inside.len() {
                    let there = dims.index(other);
                    let apart =
                        [here.i.abs_diff(there.i), here.j.abs_diff(there.j), here.k.abs_diff(there.k)];
                    let (sum, most) = (apart.iter().sum::<usize>(), *apart.iter().max().unwrap());
                    let near = match connectivity {
                        Connectivity::Faces => sum == 1,
                        Connectivity::Edges => most == 1 && sum <= 2,
                        Connectivity::Corners => most == 1,
                        Connectivity::PlaneEdges => apart[2] == 0 && sum == 1,
                        Connectivity::PlaneCorners => apart[2] == 0 && most == 1,
                    };
                    if near && inside[other] && labels[other].is_none() {
                        labels[other] = Some(count);
                        todo.push(other);
                    }
                }
            }
            count += 1;
        }
        labels
    }

    proptest! {
        #[test]
        fn components_agree_with_a_naive_flood_fill(
            extents in (1usize..7, 1usize..6, 1usize..5),
            bits in prop::collection::vec(0u8..5, 210),
            filling in 1u8..5,
        ) {
            let dims = Dims::new(extents.0, extents.1, extents.2).unwrap();
            let inside: Vec<bool> = bits[..dims.voxels()].iter().map(|b| *b < filling).collect();
            for connectivity in [
                Connectivity::Faces, Connectivity::Edges, Connectivity::Corners,
                Connectivity::PlaneEdges, Connectivity::PlaneCorners,
            ] {
                let components = Components::find(dims, connectivity, |offset| inside[offset]);
                let mut labels = vec![None; dims.voxels()];
                for (run, part) in components.runs() {
                    labels[run].fill(Some(part));
                }
                let expected = flood(dims, &inside, connectivity);
                prop_assert_eq!(&labels, &expected, "{:?}", connectivity);
                for (number, part) in components.parts().iter().enumerate() {
                    let members: Vec<VoxelIndex> = (0..dims.voxels())
                        .filter(|offset| expected[*offset] == Some(number))
                        .map(|offset| dims.index(offset))
                        .collect();
                    prop_assert_eq!(part.voxels, members.len());
                    prop_assert_eq!(part.low.i, members.iter().map(|m| m.i).min().unwrap());
                    prop_assert_eq!(part.high.j, members.iter().map(|m| m.j).max().unwrap());
                    let sum_k: usize = members.iter().map(|m| m.k).sum();
                    prop_assert!((part.centroid().k - sum_k as f64 / members.len() as f64).abs() < 1e-9);
                    let sum_i: usize = members.iter().map(|m| m.i).sum();
                    prop_assert!((part.centroid().i - sum_i as f64 / members.len() as f64).abs() < 1e-9);
                }
            }
        }
    }
}
