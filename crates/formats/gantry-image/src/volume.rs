//! Values on a grid.
//!
//! Invariants
//! - There are exactly as many values as the grid has voxels; i runs fastest, then j, then k.

use crate::{
    geometry::VoxelIndex,
    grid::{Dims, Grid},
};

/// A value for every voxel of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume<T> {
    grid: Grid,
    data: Vec<T>,
}

/// A mask (0 outside, anything else inside) or a label map.
pub type Labels = Volume<u8>;

/// The values do not fit the grid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found} values do not fill a volume of {expected} voxels")]
pub struct LengthError {
    /// Voxels of the grid.
    pub expected: usize,
    /// Values given.
    pub found: usize,
}

impl<T> Volume<T> {
    /// Values on a grid.
    ///
    /// # Errors
    /// [`LengthError`] if there is not one value for each voxel.
    pub fn new(grid: Grid, data: Vec<T>) -> Result<Self, LengthError> {
        let (expected, found) = (grid.dims().voxels(), data.len());
        if expected == found { Ok(Self { grid, data }) } else { Err(LengthError { expected, found }) }
    }

    /// The same value everywhere.
    #[must_use]
    pub fn filled(grid: Grid, value: T) -> Self
    where
        T: Clone,
    {
        Self { grid, data: vec![value; grid.dims().voxels()] }
    }

    /// Where the voxels lie.
    #[must_use]
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// How many voxels there are along each axis.
    #[must_use]
    pub const fn dims(&self) -> Dims {
        self.grid.dims()
    }

    /// All values, i fastest.
    #[must_use]
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// All values, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The values without their grid.
    #[must_use]
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// The value of a voxel; nothing outside of the volume.
    #[must_use]
    pub fn get(&self, index: VoxelIndex) -> Option<&T> {
        let dims = self.dims();
        if dims.contains(index) { self.data.get(dims.offset(index)) } else { None }
    }

    /// One slice, row by row; nothing outside of the volume.
    #[must_use]
    pub fn slice(&self, k: usize) -> Option<&[T]> {
        let plane = self.dims().plane();
        self.data.get(k.checked_mul(plane)?..k.checked_add(1)?.checked_mul(plane)?)
    }

    /// Another value for every voxel, on the same grid.
    pub fn map<U>(&self, change: impl FnMut(&T) -> U) -> Volume<U> {
        Volume { grid: self.grid, data: self.data.iter().map(change).collect() }
    }
}
