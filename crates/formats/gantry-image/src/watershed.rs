//! Two bodies in one: finding the neck between them, and parting them there.
//!
//! The depth of a voxel is its distance to the outside. Taken from the deepest voxel upwards, a mask first shows as
//! separate cores that grow and meet; the depth at which two cores meet is half the thickness of the thickest
//! passage between them. [`find_neck`] stops at the first meeting of two cores that the caller calls apart,
//! [`part`] then floods the mask from both cores by falling depth: the fronts meet where the passage is thinnest.
//!
//! Depths are given as whole levels (0 is outside), so that everything runs in linear time on bucket queues.

#![expect(clippy::indexing_slicing, reason = "offsets come from dims, levels and cores are numbered here")]

use std::collections::VecDeque;

use crate::{geometry::VoxelPoint, grid::Dims, grow::face_neighbours};

/// What has gathered around a deepest voxel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Core {
    /// Its voxels so far.
    pub voxels: usize,
    /// The offset of its deepest voxel.
    pub deepest: usize,
    sums: [u64; 3],
}

/// Where two cores meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neck {
    /// The depth level of the meeting.
    pub level: u16,
    /// The two cores as they were just before, the one with the deeper peak first.
    pub cores: [Core; 2],
}

const NONE: u32 = u32::MAX;

impl Core {
    /// The mean voxel coordinate.
    #[must_use]
    pub fn centroid(&self) -> VoxelPoint {
        let [i, j, k] = self.sums.map(|sum| sum as f64 / self.voxels as f64);
        VoxelPoint { i, j, k }
    }

    fn add(&mut self, dims: Dims, offset: usize) {
        let at = dims.index(offset);
        self.voxels += 1;
        for (sum, more) in self.sums.iter_mut().zip([at.i, at.j, at.k]) {
            *sum += more as u64;
        }
    }

    fn absorb(&mut self, other: Self) {
        self.voxels += other.voxels;
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum += more;
        }
    }
}

/// The deepest neck between two cores for which `apart` holds when they meet; nothing if there is none.
///
/// `levels` holds the depth of every voxel, 0 outside; one that does not fit `dims` has no neck.
#[must_use]
pub fn find_neck(dims: Dims, levels: &[u16], apart: impl Fn(&Core, &Core) -> bool) -> Option<Neck> {
    if levels.len() != dims.voxels() {
        return None;
    }
    let mut core_of = vec![NONE; dims.voxels()];
    let mut cores: Vec<Core> = Vec::new();
    let mut parents: Vec<u32> = Vec::new();
    for offset in by_falling_level(levels) {
        let offset = offset as usize;
        let mut own = NONE;
        for neighbour in face_neighbours(dims, offset) {
            if core_of[neighbour] == NONE {
                continue;
            }
            let met = root(&mut parents, core_of[neighbour]);
            if own == NONE {
                own = met;
            } else if own != met {
                // The older core is the one with the deeper peak; it comes first and gives the name.
                let (kept, gone) = (own.min(met), own.max(met));
                let pair = [cores[kept as usize], cores[gone as usize]];
                if apart(&pair[0], &pair[1]) {
                    return Some(Neck { level: levels[offset], cores: pair });
                }
                let merged = cores[gone as usize];
                cores[kept as usize].absorb(merged);
                parents[gone as usize] = kept;
                own = kept;
            }
        }
        if own == NONE {
            own = cores.len() as u32;
            parents.push(own);
            cores.push(Core { voxels: 0, deepest: offset, sums: [0; 3] });
        }
        core_of[offset] = own;
        cores[own as usize].add(dims, offset);
    }
    None
}

/// Gives every voxel of the mask that hangs together with a seed the number of the seed (1 for the first) whose
/// flood reaches it first; 0 elsewhere, and everywhere if `levels` does not fit `dims`. Seeds are offsets; those
/// outside of the mask are passed over.
#[must_use]
pub fn part(dims: Dims, levels: &[u16], seeds: &[usize]) -> Vec<u8> {
    let top = levels.iter().copied().max().unwrap_or(0);
    let mut waiting: Vec<VecDeque<u32>> = vec![VecDeque::new(); usize::from(top) + 1];
    let mut labels = vec![0; dims.voxels()];
    let mut level = 0;
    if levels.len() != dims.voxels() {
        return labels;
    }
    for (label, seed) in (1..=u8::MAX).zip(seeds) {
        let Some(own) = levels.get(*seed).map(|own| usize::from(*own)).filter(|own| *own != 0) else {
            continue;
        };
        labels[*seed] = label;
        waiting[own].push_back(*seed as u32);
        level = level.max(own);
    }
    loop {
        let Some(offset) = waiting[level].pop_front() else {
            match level.checked_sub(1) {
                Some(lower) => level = lower,
                None => return labels,
            }
            continue;
        };
        for neighbour in face_neighbours(dims, offset as usize) {
            let own = usize::from(levels[neighbour]);
            if own == 0 || labels[neighbour] != 0 {
                continue;
            }
            labels[neighbour] = labels[offset as usize];
            waiting[own].push_back(neighbour as u32);
            // Behind a neck the mask may be deeper again: that basin is flooded before anything shallower.
            level = level.max(own);
        }
    }
}

/// The offsets of all voxels inside, deepest first, equals in memory order.
fn by_falling_level(levels: &[u16]) -> Vec<u32> {
    let top = levels.iter().copied().max().unwrap_or(0);
    let mut counts = vec![0usize; usize::from(top) + 1];
    for level in levels {
        counts[usize::from(*level)] += 1;
    }
    let mut next = vec![0usize; counts.len()];
    let mut total = 0;
    for level in (1..counts.len()).rev() {
        next[level] = total;
        total += counts[level];
    }
    let mut offsets = vec![0; total];
    for (offset, level) in levels.iter().enumerate().filter(|(_, level)| **level != 0) {
        let place = &mut next[usize::from(*level)];
        offsets[*place] = offset as u32;
        *place += 1;
    }
    offsets
}

fn root(parents: &mut [u32], mut core: u32) -> u32 {
    while parents[core as usize] != core {
        let parent = parents[core as usize];
        parents[core as usize] = parents[parent as usize];
        core = parent;
    }
    core
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_parted_at_the_thinnest_place_and_not_in_the_middle() {
        let levels = [0, 1, 2, 1, 2, 3, 3, 2, 3, 4, 3, 2, 1, 0];
        let dims = Dims::new(levels.len(), 1, 1).unwrap();
        let neck = find_neck(dims, &levels, |a, b| 1 < a.voxels.min(b.voxels)).unwrap();
        assert_eq!((neck.level, neck.cores.map(|core| core.deepest)), (2, [9, 5]));
        assert_eq!(neck.cores[1].centroid().i, 5.0);
        assert_eq!(part(dims, &levels, &[2, 9]), [0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0]);
        assert_eq!(find_neck(dims, &levels, |a, b| 5 < a.voxels.min(b.voxels)), None);
    }

    #[test]
    fn what_hangs_together_with_no_seed_stays_unlabelled() {
        let levels = [1, 0, 1, 2];
        let dims = Dims::new(4, 1, 1).unwrap();
        assert_eq!(part(dims, &levels, &[3]), [0, 0, 1, 1]);
    }
}
