//! From decoded slices to a volume of modality values (Hounsfield units for CT).
//!
//! Slices come one at a time, in the order of [`crate::stack::Stack::order`], so that a caller needs memory for one
//! decoded slice besides the volume. Each slice has its own rescale (PS3.3 C.11.1): value = slope x sample +
//! intercept.
//!
//! Invariants
//! - A volume of `i16` holds the exact values: a slope or intercept with a fraction is refused, and so is a value
//!   that does not fit. A volume of `f32` takes any finite rescale.
//! - A volume is given out only when every voxel has been set.

use gantry_types::{error_code::ErrorCode, header::Rescale};

use crate::{grid::Grid, volume::Volume};

/// Why slices make no volume.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AssembleError {
    /// A slice says nothing about how its samples become modality values.
    #[error("slice {slice} has no rescale slope and intercept")]
    NoRescale {
        /// Which, from 0.
        slice: usize,
    },
    /// A volume of integers cannot hold the values exactly.
    #[error("slice {slice} is rescaled by {slope} and {intercept}, which are no whole numbers")]
    FractionalRescale {
        /// Which, from 0.
        slice: usize,
        /// Rescale Slope.
        slope: f64,
        /// Rescale Intercept.
        intercept: f64,
    },
    /// A value lies outside of what the volume can hold.
    #[error("slice {slice} has the value {value}, which does not fit")]
    OutOfRange {
        /// Which, from 0.
        slice: usize,
        /// The rescaled value.
        value: f64,
    },
    /// A slice has not one sample for each pixel.
    #[error("slice {slice} has {found} samples, its pixels are {expected}")]
    SliceLength {
        /// Which, from 0.
        slice: usize,
        /// Pixels of a slice.
        expected: usize,
        /// Samples given.
        found: usize,
    },
    /// More or fewer slices than the grid has.
    #[error("{found} slices were given, the volume has {expected}")]
    SliceCount {
        /// Slices of the grid.
        expected: usize,
        /// Slices given.
        found: usize,
    },
}

impl AssembleError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode(match self {
            Self::NoRescale { .. } => "image/no-rescale",
            Self::FractionalRescale { .. } => "image/fractional-rescale",
            Self::OutOfRange { .. } => "image/value-out-of-range",
            Self::SliceLength { .. } => "image/slice-length",
            Self::SliceCount { .. } => "image/slice-count",
        })
    }
}

/// What a volume of modality values can be made of.
pub trait ModalityValue: Copy {
    /// Appends the rescaled samples of a slice.
    ///
    /// # Errors
    /// [`AssembleError::FractionalRescale`] and [`AssembleError::OutOfRange`].
    fn rescale<S: Copy + Into<i64>>(
        samples: &[S],
        slope: f64,
        intercept: f64,
        slice: usize,
        values: &mut Vec<Self>,
    ) -> Result<(), AssembleError>;
}

/// A volume that is being filled.
#[derive(Debug, Clone)]
pub struct VolumeBuilder<T> {
    grid: Grid,
    data: Vec<T>,
    slices: usize,
}

impl<T: ModalityValue> VolumeBuilder<T> {
    /// A volume without slices yet.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self { grid, data: Vec::with_capacity(grid.dims().voxels()), slices: 0 }
    }

    /// Adds the next slice: its stored samples, row by row, and its rescale.
    ///
    /// # Errors
    /// [`AssembleError`]; the builder is of no use after that.
    pub fn push_slice<S: Copy + Into<i64>>(
        &mut self,
        samples: &[S],
        rescale: Option<&Rescale>,
    ) -> Result<(), AssembleError> {
        let (slice, dims) = (self.slices, self.grid.dims());
        if slice == dims.slices() {
            return Err(AssembleError::SliceCount { expected: dims.slices(), found: slice + 1 });
        }
        let (expected, found) = (dims.plane(), samples.len());
        if expected != found {
            return Err(AssembleError::SliceLength { slice, expected, found });
        }
        let Some(rescale) = rescale else { return Err(AssembleError::NoRescale { slice }) };
        T::rescale(samples, rescale.slope.value, rescale.intercept.value, slice, &mut self.data)?;
        self.slices += 1;
        Ok(())
    }

    /// The whole volume.
    ///
    /// # Errors
    /// [`AssembleError::SliceCount`] if slices are missing.
    pub fn finish(self) -> Result<Volume<T>, AssembleError> {
        let (expected, found) = (self.grid.dims().slices(), self.slices);
        Volume::new(self.grid, self.data).map_err(|_length| AssembleError::SliceCount { expected, found })
    }
}

impl ModalityValue for i16 {
    fn rescale<S: Copy + Into<i64>>(
        samples: &[S],
        slope: f64,
        intercept: f64,
        slice: usize,
        values: &mut Vec<Self>,
    ) -> Result<(), AssembleError> {
        let (Some(by), Some(plus)) = (whole(slope), whole(intercept)) else {
            return Err(AssembleError::FractionalRescale { slice, slope, intercept });
        };
        for sample in samples {
            // 128 bits, so that nothing wraps before it is found not to fit.
            let value = i128::from((*sample).into()) * i128::from(by) + i128::from(plus);
            let Ok(fitting) = Self::try_from(value) else {
                return Err(AssembleError::OutOfRange { slice, value: value as f64 });
            };
            values.push(fitting);
        }
        Ok(())
    }
}

impl ModalityValue for f32 {
    fn rescale<S: Copy + Into<i64>>(
        samples: &[S],
        slope: f64,
        intercept: f64,
        slice: usize,
        values: &mut Vec<Self>,
    ) -> Result<(), AssembleError> {
        for sample in samples {
            let value = (*sample).into() as f64 * slope + intercept;
            let narrowed = value as Self;
            if !narrowed.is_finite() {
                return Err(AssembleError::OutOfRange { slice, value });
            }
            values.push(narrowed);
        }
        Ok(())
    }
}

/// A number without a fraction that fits 32 bits.
fn whole(number: f64) -> Option<i32> {
    let truncated = number as i32;
    (f64::from(truncated) == number).then_some(truncated)
}

#[cfg(test)]
mod tests {
    use gantry_types::header::Decimal;

    use super::*;
    use crate::{
        geometry::{PointLps, VectorLps},
        grid::Dims,
    };

    fn grid() -> Grid {
        let steps =
            [VectorLps::new(1.0, 0.0, 0.0), VectorLps::new(0.0, 1.0, 0.0), VectorLps::new(0.0, 0.0, 1.0)];
        Grid::new(Dims::new(2, 1, 2).unwrap(), PointLps::new(0.0, 0.0, 0.0), steps).unwrap()
    }

    fn rescale(slope: &str, intercept: &str) -> Rescale {
        let decimal = |text| Decimal::parse(text).unwrap();
        Rescale { slope: decimal(slope), intercept: decimal(intercept), kind: None }
    }

    #[test]
    fn each_slice_has_its_own_rescale() {
        let mut builder = VolumeBuilder::<i16>::new(grid());
        builder.push_slice(&[0u16, 4095], Some(&rescale("1", "-1024"))).unwrap();
        builder.push_slice(&[-5i16, 7], Some(&rescale("2.0", "0"))).unwrap();
        assert_eq!(builder.finish().unwrap().data(), [-1024, 3071, -10, 14]);
    }

    #[test]
    fn what_is_not_exact_or_not_there_is_refused() {
        let push = |samples: &[i64], rescale: Option<&Rescale>| {
            VolumeBuilder::<i16>::new(grid()).push_slice(samples, rescale).unwrap_err().to_string()
        };
        let one = rescale("1", "0");
        assert_eq!(push(&[0, 0], None), "slice 0 has no rescale slope and intercept");
        assert_eq!(push(&[0, 32768], Some(&one)), "slice 0 has the value 32768, which does not fit");
        assert_eq!(push(&[0], Some(&one)), "slice 0 has 1 samples, its pixels are 2");
        assert_eq!(
            push(&[0, 0], Some(&rescale("0.5", "0"))),
            "slice 0 is rescaled by 0.5 and 0, which are no whole numbers"
        );
        let mut builder = VolumeBuilder::<f32>::new(grid());
        builder.push_slice(&[1i32, 2], Some(&rescale("0.5", "0.25"))).unwrap();
        assert_eq!(builder.data, [0.75, 1.25]);
        let error = builder.finish().unwrap_err();
        assert_eq!(
            (error.code().0, &*error.to_string()),
            ("image/slice-count", "1 slices were given, the volume has 2")
        );
    }
}
