//! The values a network was trained with (MONAI ScaleIntensityRange, ScaleIntensityRangePercentiles, ScaleIntensity).
//!
//! Everything is computed in 64 bits from the 32-bit values and rounded once.

use gantry_image::volume::Volume;

/// A step that changes values and keeps the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Intensity {
    /// One range becomes another; what lies beyond it is clipped.
    Range {
        /// Values of the image.
        from: [f64; 2],
        /// What they become.
        to: [f64; 2],
    },
    /// Zero stays zero, and a percentile of the values above zero becomes `to`; what lies beyond it is clipped.
    Percentile {
        /// Which, 0 to 100.
        percentile: f64,
        /// What it becomes.
        to: f64,
        /// Whether values are rounded.
        rounding: Rounding,
    },
    /// The smallest value becomes 0, the largest 1.
    MinMax,
}

/// Whether values are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest whole number, a half away from zero.
    Whole,
    /// Not at all.
    None,
}

/// Values that cannot be scaled; the sentence is for people.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Flat {
    /// There is no value above zero.
    #[error("no value of the image is above 0")]
    NonePositive,
    /// All are the same.
    #[error("all values of the image are {0}")]
    AllEqual(f32),
}

impl Intensity {
    /// Changes the values in place.
    ///
    /// # Errors
    /// [`Flat`] if they have no range.
    pub fn apply(&self, values: &mut Volume<f32>) -> Result<(), Flat> {
        let values = values.data_mut();
        match *self {
            Self::Range { from: [from_low, from_high], to: [to_low, to_high] } => {
                let slope = (to_high - to_low) / (from_high - from_low);
                let (low, high) = (to_low.min(to_high), to_low.max(to_high));
                change(values, |value| ((value - from_low) * slope + to_low).clamp(low, high));
            }
            Self::Percentile { percentile, to, rounding } => {
                let top = percentile_of_positive(values, percentile).ok_or(Flat::NonePositive)?;
                change(values, |value| {
                    let scaled = value / top * to;
                    match rounding {
                        Rounding::Whole => scaled.round(),
                        Rounding::None => scaled,
                    }
                    .clamp(0.0, to)
                });
            }
            Self::MinMax => {
                let (low, high) = values
                    .iter()
                    .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
                if high <= low {
                    return Err(Flat::AllEqual(low));
                }
                let (low, range) = (f64::from(low), f64::from(high) - f64::from(low));
                change(values, |value| (value - low) / range);
            }
        }
        Ok(())
    }
}

fn change(values: &mut [f32], by: impl Fn(f64) -> f64) {
    for value in values {
        *value = by(f64::from(*value)) as f32;
    }
}

/// A percentile of the values above zero, linear between the two order statistics around it (as numpy's default).
///
/// Positive floats have the order of their bits, so that two counts, of their upper and of their lower halves, find an
/// order statistic exactly and without a copy of the values.
fn percentile_of_positive(values: &[f32], percentile: f64) -> Option<f64> {
    let positive =
        || values.iter().filter(|value| 0.0 < **value && value.is_finite()).map(|value| value.to_bits());
    let count = positive().count();
    let last = count.checked_sub(1)?;
    let at = last as f64 * percentile / 100.0;
    // The percentile is 0 to 100: so is the place within the values.
    let (below, fraction) = (at.floor() as usize, at.fract());
    let statistic = |rank: usize| {
        let upper = nth(positive().map(|bits| bits >> 16), rank)?;
        let lower =
            nth(positive().filter(|bits| bits >> 16 == upper.value).map(|bits| bits & 0xFFFF), upper.rank)?;
        Some(f64::from(f32::from_bits(upper.value << 16 | lower.value)))
    };
    let low = statistic(below)?;
    let high = if fraction == 0.0 { low } else { statistic((below + 1).min(last))? };
    Some(low + (high - low) * fraction)
}

struct Nth {
    value: u32,
    /// The rank among those of this value.
    rank: usize,
}

/// The value of a rank among values below 65536.
fn nth(values: impl Iterator<Item = u32>, rank: usize) -> Option<Nth> {
    let mut counts = vec![0_usize; 1 << 16];
    for value in values {
        *counts.get_mut(value as usize)? += 1;
    }
    let mut left = rank;
    for (value, count) in (0..).zip(counts) {
        if left < count {
            return Some(Nth { value, rank: left });
        }
        left -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use gantry_image::{
        geometry::{PointLps, VectorLps},
        grid::{Dims, Grid},
    };

    use super::*;

    fn volume(values: &[f32]) -> Volume<f32> {
        let steps =
            [VectorLps::new(1.0, 0.0, 0.0), VectorLps::new(0.0, 1.0, 0.0), VectorLps::new(0.0, 0.0, 1.0)];
        let grid =
            Grid::new(Dims::new(values.len(), 1, 1).unwrap(), PointLps::new(0.0, 0.0, 0.0), steps).unwrap();
        Volume::new(grid, values.to_vec()).unwrap()
    }

    #[track_caller]
    fn check(intensity: Intensity, values: &[f32], want: Result<&[f32], &str>) {
        let mut volume = volume(values);
        match (intensity.apply(&mut volume), want) {
            (Ok(()), Ok(want)) => assert_eq!(volume.data(), want),
            (Err(flat), Err(want)) => assert_eq!(flat.to_string(), want),
            (got, want) => panic!("{got:?} instead of {want:?}"),
        }
    }

    #[test]
    fn a_range_becomes_another_and_is_clipped() {
        let range = Intensity::Range { from: [-1000.0, 1000.0], to: [0.0, 1.0] };
        check(range, &[-2000.0, -1000.0, 0.0, 500.0, 3000.0], Ok(&[0.0, 0.0, 0.5, 0.75, 1.0]));
        let falling = Intensity::Range { from: [0.0, 10.0], to: [1.0, -1.0] };
        check(falling, &[-5.0, 0.0, 5.0, 20.0], Ok(&[1.0, 1.0, 0.0, -1.0]));
    }

    #[test]
    fn a_percentile_is_numpys() {
        // numpy.percentile([1, 2, 4, 8], 50) is 3; zeros and what is below do not count.
        let to = |rounding| Intensity::Percentile { percentile: 50.0, to: 6.0, rounding };
        check(to(Rounding::None), &[0.0, 8.0, -3.0, 1.0, 4.0, 2.0], Ok(&[0.0, 6.0, 0.0, 2.0, 6.0, 4.0]));
        let third = Intensity::Percentile { percentile: 100.0, to: 2.0, rounding: Rounding::Whole };
        check(third, &[0.0, 1.0, 3.0, 4.0], Ok(&[0.0, 1.0, 2.0, 2.0]));
        check(third, &[0.0, -1.0], Err("no value of the image is above 0"));
    }

    #[test]
    fn order_statistics_are_exact_where_many_values_share_their_upper_half() {
        let values: Vec<f32> = (0..5000_u16).map(|n| 1.0 + f32::from(n * 7 % 4999) * f32::EPSILON).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f32::total_cmp);
        for percentile in [0.0, 12.5, 99.9, 100.0] {
            let at = 4999.0_f64 * percentile / 100.0;
            let [low, high] = [at.floor(), at.ceil()].map(|rank| f64::from(sorted[rank as usize]));
            let want = low + (high - low) * at.fract();
            assert_eq!(percentile_of_positive(&values, percentile), Some(want), "{percentile}");
        }
    }

    #[test]
    fn the_smallest_becomes_0_and_the_largest_1() {
        check(Intensity::MinMax, &[-2.0, 0.0, 2.0], Ok(&[0.0, 0.5, 1.0]));
        check(Intensity::MinMax, &[7.0, 7.0], Err("all values of the image are 7"));
    }
}
