//! Region growing by a rising threshold, all thresholds in one pass.
//!
//! Every voxel has a level, or may not be entered at all. A voxel belongs to the region of level L if a path of
//! face neighbours leads to it from a seed on which no level exceeds L. [`grow`] visits voxels in the order of the
//! level at which they join, so that the region of any level is a prefix of its answer: to try forty thresholds
//! costs no more than to try the last.

#![expect(
    clippy::indexing_slicing,
    reason = "offsets come from dims and levels are checked against the count"
)]

use crate::{geometry::VoxelIndex, grid::Dims};

/// How far a region may grow.
#[derive(Debug, Clone, Copy)]
pub struct GrowthLimits {
    /// How many levels there are: 0 to this, exclusive.
    pub levels: usize,
    /// Growth ends with the level at which the region would have more voxels than this.
    pub voxels_max: usize,
}

/// A region at every level.
#[derive(Debug, Clone)]
pub struct Growth {
    voxels: Vec<u32>,
    reached: Vec<usize>,
}

impl Growth {
    /// How many levels were completed before growth ended.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.reached.len()
    }

    /// The offsets of the region's voxels at a level; nothing if the level was not completed.
    #[must_use]
    pub fn region(&self, level: usize) -> Option<&[u32]> {
        self.voxels.get(..*self.reached.get(level)?)
    }
}

/// Grows a region from `seeds` (offsets; those that may not be entered are passed over).
#[must_use]
pub fn grow(
    dims: Dims,
    seeds: &[usize],
    limits: GrowthLimits,
    level_of: impl Fn(usize) -> Option<usize>,
) -> Growth {
    let mut waiting: Vec<Vec<u32>> = vec![Vec::new(); limits.levels];
    let mut seen = VoxelSet::empty(dims);
    let mut growth = Growth { voxels: Vec::new(), reached: Vec::new() };
    let level_of = |offset: usize| level_of(offset).filter(|level| *level < limits.levels);
    for seed in seeds {
        if let Some(level) = level_of(*seed)
            && seen.insert(*seed)
        {
            waiting[level].push(*seed as u32);
        }
    }
    for level in 0..limits.levels {
        while let Some(offset) = waiting[level].pop() {
            if growth.voxels.len() == limits.voxels_max {
                return growth;
            }
            growth.voxels.push(offset);
            for neighbour in face_neighbours(dims, offset as usize) {
                if let Some(own) = level_of(neighbour)
                    && seen.insert(neighbour)
                {
                    waiting[own.max(level)].push(neighbour as u32);
                }
            }
        }
        growth.reached.push(growth.voxels.len());
    }
    growth
}

/// The offsets of the up to six voxels that share a face with one.
pub(crate) fn face_neighbours(dims: Dims, offset: usize) -> impl Iterator<Item = usize> {
    let VoxelIndex { i, j, k } = dims.index(offset);
    let (row, plane) = (dims.columns(), dims.plane());
    [
        (0 < i).then(|| offset - 1),
        (i + 1 < dims.columns()).then(|| offset + 1),
        (0 < j).then(|| offset - row),
        (j + 1 < dims.rows()).then(|| offset + row),
        (0 < k).then(|| offset - plane),
        (k + 1 < dims.slices()).then(|| offset + plane),
    ]
    .into_iter()
    .flatten()
}

/// A bit for every voxel.
struct VoxelSet(Vec<u64>);

impl VoxelSet {
    fn empty(dims: Dims) -> Self {
        Self(vec![0; dims.voxels().div_ceil(64)])
    }

    /// Whether the voxel was new.
    fn insert(&mut self, offset: usize) -> bool {
        let (word, bit) = (&mut self.0[offset / 64], 1 << (offset % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: GrowthLimits = GrowthLimits { levels: 10, voxels_max: 100 };

    fn regions(row: &[usize], seeds: &[usize], limits: GrowthLimits) -> Vec<Vec<u32>> {
        let dims = Dims::new(row.len(), 1, 1).unwrap();
        let growth = grow(dims, seeds, limits, |offset| Some(row[offset]).filter(|level| *level != 9));
        let sorted = |level| {
            let mut region = growth.region(level).unwrap().to_vec();
            region.sort_unstable();
            region
        };
        (0..growth.levels()).map(sorted).collect()
    }

    #[test]
    fn a_voxel_joins_at_the_highest_level_on_its_best_way() {
        let regions = regions(&[0, 1, 5, 2, 0, 9, 0], &[1], LIMITS);
        assert_eq!(regions[0], []);
        assert_eq!(regions[1], [0, 1]);
        assert_eq!(regions[4], [0, 1]);
        assert_eq!(regions[5], [0, 1, 2, 3, 4]);
        assert_eq!(regions[8], [0, 1, 2, 3, 4], "level 9 may not be entered");
    }

    #[test]
    fn growth_ends_before_the_level_that_would_be_too_large() {
        let limits = GrowthLimits { voxels_max: 3, ..LIMITS };
        let regions = regions(&[0, 1, 5, 5, 5, 9, 0], &[0, 5, 6], limits);
        assert_eq!(regions, [vec![0, 6], vec![0, 1, 6], vec![0, 1, 6], vec![0, 1, 6], vec![0, 1, 6]]);
    }
}
