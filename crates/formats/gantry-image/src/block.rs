//! Box-shaped parts of a volume: cut out, work on less, put back.
//!
//! Algorithms that need several bytes for each voxel run on the box around what they work on. A box that was cut out
//! knows its place in the patient.
//!
//! Invariant: a [`Block`] is never empty, and lies within the dims it was made for.

use crate::{
    geometry::{VoxelIndex, VoxelPoint},
    grid::{Dims, Grid, GridError},
    volume::Volume,
};

/// A box of voxels, both corners included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    low: VoxelIndex,
    high: VoxelIndex,
}

impl Block {
    /// The box between two corners; nothing if it is empty or reaches out of the volume.
    #[must_use]
    pub fn new(dims: Dims, low: VoxelIndex, high: VoxelIndex) -> Option<Self> {
        let ordered = low.i <= high.i && low.j <= high.j && low.k <= high.k;
        (ordered && dims.contains(high)).then_some(Self { low, high })
    }

    /// The smallest box around the voxels that are `inside`; nothing if there is none.
    #[must_use]
    pub fn around<T>(volume: &Volume<T>, inside: impl Fn(&T) -> bool) -> Option<Self> {
        let dims = volume.dims();
        let mut low = VoxelIndex::new(usize::MAX, usize::MAX, usize::MAX);
        let mut high = VoxelIndex::new(0, 0, 0);
        for (row, values) in volume.data().chunks_exact(dims.columns()).enumerate() {
            let Some(first) = values.iter().position(&inside) else { continue };
            let last = values.iter().rposition(&inside).unwrap_or(first);
            let (j, k) = (row % dims.rows(), row / dims.rows());
            low = VoxelIndex::new(low.i.min(first), low.j.min(j), low.k.min(k));
            high = VoxelIndex::new(high.i.max(last), high.j.max(j), high.k.max(k));
        }
        Self::new(dims, low, high)
    }

    /// The box grown by as many voxels on both sides of each axis, as far as the volume goes.
    #[must_use]
    pub fn grown(self, dims: Dims, by: [usize; 3]) -> Self {
        let [i, j, k] = by;
        let low = VoxelIndex::new(
            self.low.i.saturating_sub(i),
            self.low.j.saturating_sub(j),
            self.low.k.saturating_sub(k),
        );
        let high = VoxelIndex::new(
            self.high.i.saturating_add(i).min(dims.columns() - 1),
            self.high.j.saturating_add(j).min(dims.rows() - 1),
            self.high.k.saturating_add(k).min(dims.slices() - 1),
        );
        Self { low, high }
    }

    /// The corner with the lowest indices.
    #[must_use]
    pub const fn low(&self) -> VoxelIndex {
        self.low
    }

    /// The corner with the highest indices.
    #[must_use]
    pub const fn high(&self) -> VoxelIndex {
        self.high
    }

    /// Whether a voxel lies in the box.
    #[must_use]
    pub const fn contains(&self, index: VoxelIndex) -> bool {
        let (low, high) = (self.low, self.high);
        low.i <= index.i
            && index.i <= high.i
            && low.j <= index.j
            && index.j <= high.j
            && low.k <= index.k
            && index.k <= high.k
    }

    /// Copies the box out of a volume of the dims it was made for.
    ///
    /// # Errors
    /// [`GridError::Extent`] if the box does not lie in this volume.
    pub fn cut<T: Copy>(&self, volume: &Volume<T>) -> Result<Volume<T>, GridError> {
        let grid = self.grid(volume.grid())?;
        let mut data = Vec::with_capacity(grid.dims().voxels());
        for (from, to) in self.rows(volume.dims()) {
            data.extend(volume.data().get(from..to).unwrap_or_default());
        }
        let dims = grid.dims();
        Volume::new(grid, data).map_err(|_length| extent(dims))
    }

    /// Copies a box that was cut out back into its place.
    ///
    /// # Errors
    /// [`GridError::Extent`] if `part` is not of the box's size or the box does not lie in this volume.
    pub fn put<T: Copy>(&self, part: &Volume<T>, volume: &mut Volume<T>) -> Result<(), GridError> {
        let grid = self.grid(volume.grid())?;
        if grid.dims() != part.dims() {
            return Err(extent(part.dims()));
        }
        let rows: Vec<_> = self.rows(volume.dims()).collect();
        for ((from, to), source) in rows.into_iter().zip(part.data().chunks_exact(part.dims().columns())) {
            if let Some(target) = volume.data_mut().get_mut(from..to) {
                target.copy_from_slice(source);
            }
        }
        Ok(())
    }

    /// Where the voxels of the box lie.
    fn grid(&self, whole: &Grid) -> Result<Grid, GridError> {
        let size = [self.high.i - self.low.i + 1, self.high.j - self.low.j + 1, self.high.k - self.low.k + 1];
        let [columns, rows, slices] = size;
        if !whole.dims().contains(self.high) {
            return Err(GridError::Extent { columns, rows, slices });
        }
        let dims = Dims::new(columns, rows, slices)?;
        Grid::new(dims, whole.to_lps(VoxelPoint::from(self.low)), whole.steps())
    }

    /// The rows of the box as ranges in memory.
    fn rows(&self, dims: Dims) -> impl Iterator<Item = (usize, usize)> {
        let (low, high) = (self.low, self.high);
        (low.k..=high.k).flat_map(move |k| {
            (low.j..=high.j).map(move |j| {
                let from = dims.offset(VoxelIndex::new(low.i, j, k));
                (from, from + high.i - low.i + 1)
            })
        })
    }
}

fn extent(dims: Dims) -> GridError {
    GridError::Extent { columns: dims.columns(), rows: dims.rows(), slices: dims.slices() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{PointLps, VectorLps};

    #[test]
    fn a_block_is_cut_with_its_place_in_the_patient_and_put_back() {
        let dims = Dims::new(5, 4, 3).unwrap();
        let steps =
            [VectorLps::new(2.0, 0.0, 0.0), VectorLps::new(0.0, 3.0, 0.0), VectorLps::new(0.0, 0.0, 4.0)];
        let grid = Grid::new(dims, PointLps::new(100.0, 0.0, 0.0), steps).unwrap();
        let volume = Volume::new(grid, (0..60).collect::<Vec<i16>>()).unwrap();
        let wanted = [dims.offset(VoxelIndex::new(1, 2, 1)), dims.offset(VoxelIndex::new(3, 1, 2))];
        let block = Block::around(&volume, |v| wanted.contains(&usize::try_from(*v).unwrap())).unwrap();
        assert_eq!((block.low(), block.high()), (VoxelIndex::new(1, 1, 1), VoxelIndex::new(3, 2, 2)));
        let part = block.cut(&volume).unwrap();
        assert_eq!(part.grid().origin(), PointLps::new(102.0, 3.0, 4.0));
        assert_eq!(part.get(VoxelIndex::new(2, 0, 1)), volume.get(VoxelIndex::new(3, 1, 2)));
        let mut other = volume.map(|_| 0);
        block.put(&part, &mut other).unwrap();
        assert_eq!(other.data().iter().filter(|v| **v != 0).count(), 12);
        assert_eq!(block.cut(&other).unwrap(), part);
        assert_eq!(block.grown(dims, [9, 0, 1]).high(), VoxelIndex::new(4, 2, 2));
        assert!(Block::around(&volume, |_| false).is_none());
    }
}
