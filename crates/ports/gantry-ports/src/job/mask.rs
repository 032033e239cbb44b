//! `out/mask.gz`: the labels of a grid's voxels, one byte each, i fastest; gzip without name and time.

use std::io::{self, Read as _, Write as _};

use flate2::{Compression, GzBuilder, read::GzDecoder};
use gantry_image::{grid::Grid, volume::Labels};

/// Why bytes are no mask on a grid.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// They are no gzip.
    #[error("the mask cannot be inflated")]
    Inflate(#[source] io::Error),
    /// They hold too few or too many labels.
    #[error("the mask does not have the {voxels} voxels of its grid")]
    Length {
        /// How many the grid has.
        voxels: usize,
    },
}

/// Writes a mask.
///
/// # Errors
/// As a buffer in memory says, which is never.
pub fn encode(labels: &Labels) -> io::Result<Vec<u8>> {
    // Fast: labels are runs, and the reader waits for them (SP1).
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::fast());
    encoder.write_all(labels.data())?;
    encoder.finish()
}

/// Reads a mask of this grid; not a byte more is inflated than it has voxels.
///
/// # Errors
/// [`MaskError`].
pub fn decode(bytes: &[u8], grid: Grid) -> Result<Labels, MaskError> {
    let voxels = grid.dims().voxels();
    // Room ahead only as far as common volumes need it: the grid is the word of whoever wrote it.
    let mut data = Vec::with_capacity(voxels.min(256 << 20));
    let mut decoder = GzDecoder::new(bytes).take(voxels as u64 + 1);
    decoder.read_to_end(&mut data).map_err(MaskError::Inflate)?;
    Labels::new(grid, data).map_err(|error| MaskError::Length { voxels: error.expected })
}

#[cfg(test)]
mod tests {
    use gantry_image::{
        geometry::{PointLps, VectorLps},
        grid::Dims,
    };

    use super::*;

    #[test]
    fn a_mask_is_read_back_and_fits_its_grid_only() {
        let grid = |slices| {
            let steps =
                [VectorLps::new(1.0, 0.0, 0.0), VectorLps::new(0.0, 1.0, 0.0), VectorLps::new(0.0, 0.0, 1.0)];
            Grid::new(Dims::new(4, 3, slices).unwrap(), PointLps::new(0.0, 0.0, 0.0), steps).unwrap()
        };
        let labels = Labels::new(grid(5), (0..60).collect()).unwrap();
        let bytes = encode(&labels).unwrap();
        assert_eq!(bytes, encode(&labels).unwrap());
        assert_eq!(decode(&bytes, grid(5)).unwrap(), labels);
        for slices in [4, 6] {
            assert!(matches!(decode(&bytes, grid(slices)), Err(MaskError::Length { .. })));
        }
        assert!(matches!(decode(b"nothing", grid(5)), Err(MaskError::Inflate(_))));
    }
}
