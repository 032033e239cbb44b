//! From stored words to samples: shift, mask and sign (PS3.5 8.1.1).

use gantry_types::header::{PixelFormat, SampleSign};

use crate::PixelError;

/// How the bits of a sample lie in its word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    shift: u32,
    mask: u32,
    /// The sign bit after shifting; 0 for unsigned samples.
    sign_bit: u32,
}

impl Layout {
    pub(crate) fn of(format: &PixelFormat) -> Result<Self, PixelError> {
        let PixelFormat { bits_allocated, bits_stored, high_bit, samples_per_pixel, .. } = *format;
        let fits = matches!(bits_allocated, 1 | 8 | 16 | 32)
            && (1..=bits_allocated).contains(&bits_stored)
            && high_bit < bits_allocated
            && bits_stored <= high_bit + 1
            && matches!(samples_per_pixel, 1 | 3);
        if !fits {
            return Err(PixelError::Format {
                samples: samples_per_pixel,
                allocated: bits_allocated,
                stored: bits_stored,
                high: high_bit,
            });
        }
        let stored = u32::from(bits_stored);
        Ok(Self {
            shift: u32::from(high_bit) + 1 - stored,
            mask: u32::MAX >> (32 - stored),
            sign_bit: match format.sign {
                SampleSign::Unsigned => 0,
                SampleSign::Signed => 1 << (stored - 1),
            },
        })
    }

    /// The sample in a stored word; an unsigned one of 32 bits may not fit.
    #[inline]
    pub(crate) fn sample(self, word: u32) -> Result<i32, PixelError> {
        let bits = word >> self.shift & self.mask;
        // Subtracting the sign bit twice moves the upper half of the codes below zero.
        let extended = (bits ^ self.sign_bit).wrapping_sub(self.sign_bit);
        if self.sign_bit == 0 && bits > i32::MAX.cast_unsigned() {
            return Err(PixelError::SampleTooLarge);
        }
        Ok(extended.cast_signed())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use gantry_types::header::Planar;

    use super::*;

    pub(crate) fn format(allocated: u16, stored: u16, high: u16, sign: SampleSign) -> PixelFormat {
        PixelFormat {
            rows: 2,
            columns: 3,
            frames: 1,
            samples_per_pixel: 1,
            bits_allocated: allocated,
            bits_stored: stored,
            high_bit: high,
            sign,
            planar: Planar::Interleaved,
            photometric: "MONOCHROME2".into(),
        }
    }

    #[track_caller]
    fn check(format: &PixelFormat, word: u32, want: i32) {
        assert_eq!(Layout::of(format).and_then(|layout| layout.sample(word)), Ok(want));
    }

    #[test]
    fn twelve_bits_with_sign_are_extended_and_garbage_above_is_masked() {
        let signed = format(16, 12, 11, SampleSign::Signed);
        check(&signed, 0x0FFF, -1);
        check(&signed, 0x0800, -2048);
        check(&signed, 0xF7FF, 2047);
        check(&format(16, 12, 11, SampleSign::Unsigned), 0xFFFF, 4095);
    }

    #[test]
    fn left_aligned_samples_are_shifted() {
        check(&format(16, 12, 15, SampleSign::Unsigned), 0xABCF, 0xABC);
        check(&format(16, 12, 15, SampleSign::Signed), 0x8000, -2048);
    }

    #[test]
    fn the_ends_of_the_range_fit_or_are_refused() {
        check(&format(32, 32, 31, SampleSign::Signed), 0x8000_0000, i32::MIN);
        check(&format(16, 16, 15, SampleSign::Signed), 0x8000, -32_768);
        check(&format(1, 1, 0, SampleSign::Unsigned), 1, 1);
        let unsigned = Layout::of(&format(32, 32, 31, SampleSign::Unsigned)).unwrap();
        assert_eq!(unsigned.sample(0x8000_0000), Err(PixelError::SampleTooLarge));
    }

    #[test]
    fn impossible_descriptions_are_refused() {
        for (allocated, stored, high) in [(12, 12, 11), (16, 0, 15), (16, 17, 15), (16, 12, 16), (16, 12, 10)]
        {
            assert!(Layout::of(&format(allocated, stored, high, SampleSign::Unsigned)).is_err());
        }
    }
}
