//! Measuring regions: how much, where, and how dense.
//!
//! Sums are exact integers, so that a figure does not depend on the order in which voxels are visited.

use crate::{
    geometry::{PointLps, VoxelPoint},
    volume::{Labels, Volume},
};

/// What a region is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Its voxels.
    pub voxels: u64,
    /// Its volume, ml.
    pub volume_ml: f64,
    /// The mean of its voxel centres.
    pub centroid: PointLps,
}

/// How many voxels carry a label.
#[must_use]
pub fn count(labels: &Labels, label: u8) -> u64 {
    labels.data().iter().map(|value| u64::from(*value == label)).sum()
}

/// The region of a label; nothing if no voxel carries it.
#[must_use]
pub fn region(labels: &Labels, label: u8) -> Option<Region> {
    let dims = labels.dims();
    let (mut voxels, mut sums) = (0u64, [0u64; 3]);
    for (row, values) in labels.data().chunks_exact(dims.columns()).enumerate() {
        let (mut in_row, mut sum_i) = (0u64, 0u64);
        for (i, value) in (0u64..).zip(values) {
            let one = u64::from(*value == label);
            in_row += one;
            sum_i += one * i;
        }
        let (j, k) = (row % dims.rows(), row / dims.rows());
        let [i_sum, j_sum, k_sum] = &mut sums;
        *i_sum += sum_i;
        *j_sum += in_row * j as u64;
        *k_sum += in_row * k as u64;
        voxels += in_row;
    }
    let [i, j, k] = sums.map(|sum| sum as f64 / voxels as f64);
    (voxels != 0).then(|| Region {
        voxels,
        volume_ml: voxels as f64 * labels.grid().voxel_ml(),
        centroid: labels.grid().to_lps(VoxelPoint { i, j, k }),
    })
}

/// The mean value of the voxels that carry a label; nothing if none does.
#[must_use]
pub fn mean(labels: &Labels, label: u8, values: &Volume<i16>) -> Option<f64> {
    let (mut voxels, mut sum) = (0u64, 0i64);
    for (_, value) in labels.data().iter().zip(values.data()).filter(|(own, _)| **own == label) {
        voxels += 1;
        sum += i64::from(*value);
    }
    (voxels != 0).then(|| sum as f64 / voxels as f64)
}

/// The percentage of a label's voxels whose value is below a limit; nothing if no voxel carries the label.
#[must_use]
pub fn percentage_below(labels: &Labels, label: u8, values: &Volume<i16>, limit: i16) -> Option<f64> {
    let (mut voxels, mut below) = (0u64, 0u64);
    for (_, value) in labels.data().iter().zip(values.data()).filter(|(own, _)| **own == label) {
        voxels += 1;
        below += u64::from(*value < limit);
    }
    (voxels != 0).then(|| 100.0 * below as f64 / voxels as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        geometry::VectorLps,
        grid::{Dims, Grid},
    };

    #[test]
    fn a_region_is_measured_in_the_patient() {
        let steps =
            [VectorLps::new(0.0, 2.0, 0.0), VectorLps::new(-2.0, 0.0, 0.0), VectorLps::new(0.0, 0.0, 5.0)];
        let grid = Grid::new(Dims::new(2, 2, 2).unwrap(), PointLps::new(10.0, 20.0, 30.0), steps).unwrap();
        let labels = Labels::new(grid, vec![0, 1, 0, 1, 0, 1, 2, 1]).unwrap();
        let values = Volume::new(grid, vec![0, -950, 0, -951, 0, -900, 7, -1000]).unwrap();
        let found = region(&labels, 1).unwrap();
        assert_eq!((found.voxels, count(&labels, 1)), (4, 4));
        assert!((found.volume_ml - 0.08).abs() < 1e-12);
        assert_eq!(found.centroid, PointLps::new(9.0, 22.0, 32.5));
        assert_eq!(mean(&labels, 1, &values), Some(-950.25));
        assert_eq!(percentage_below(&labels, 1, &values, -950), Some(50.0));
        assert_eq!((region(&labels, 3), mean(&labels, 3, &values)), (None, None));
    }
}
