//! Uncompressed pixel data (PS3.5 8.1, annex D): words, bytes, or a stream of single bits.

use gantry_dicom::{data_set::DataSet, syntax::Encoding, tag, vr::Vr};
use gantry_types::{header::PixelFormat, uid::TransferSyntaxUid};

use crate::{PixelError, bits::Layout, frames::samples};

/// Bytes of all frames: single bits are packed across frame boundaries without padding.
fn wanted_bytes(format: &PixelFormat) -> Option<usize> {
    let all = samples(format).checked_mul(usize::try_from(format.frames).ok()?)?;
    Some(all.checked_mul(usize::from(format.bits_allocated))?.div_ceil(8))
}

/// The value may be one byte longer: padding.
pub(crate) fn check_length(found: usize, format: &PixelFormat) -> Result<(), PixelError> {
    let wanted = wanted_bytes(format).ok_or(PixelError::Length { found, wanted: usize::MAX })?;
    let padded = wanted.saturating_add(wanted % 2);
    if found == wanted || found == padded { Ok(()) } else { Err(PixelError::Length { found, wanted }) }
}

/// Words of 8-bit samples under VR OW are swapped in big endian; under OB nothing is (PS3.5 8.1.1).
pub(crate) fn word_order(data_set: &DataSet<'_>, syntax: &TransferSyntaxUid) -> Encoding {
    let is_big = syntax.as_str() == gantry_dicom::syntax::EXPLICIT_VR_BIG_ENDIAN
        && data_set.get(tag::PIXEL_DATA).is_some_and(|element| element.vr != Vr::OB);
    if is_big { Encoding::ExplicitBig } else { Encoding::ExplicitLittle }
}

pub(crate) fn decode(
    bytes: &[u8],
    index: u32,
    format: &PixelFormat,
    encoding: Encoding,
    layout: Layout,
    out: &mut Vec<i32>,
) -> Result<(), PixelError> {
    let count = samples(format);
    // Both products are below the length that was checked when the frames were located.
    let first = count * usize::try_from(index).or(Err(PixelError::NoSuchFrame(index)))?;
    let part = |bytes_per_sample: usize| {
        bytes.get(first * bytes_per_sample..(first + count) * bytes_per_sample).unwrap_or_default()
    };
    out.reserve(count);
    match (format.bits_allocated, encoding) {
        (1, _) => {
            for bit in first..first + count {
                let byte = bytes.get(bit / 8).copied().unwrap_or_default();
                out.push(i32::from(byte >> (bit % 8) & 1));
            }
        }
        (8, Encoding::ExplicitBig) => {
            // The other byte of the word.
            for at in first..first + count {
                let byte = bytes.get(at ^ 1).copied().unwrap_or_default();
                out.push(layout.sample(u32::from(byte))?);
            }
        }
        (8, _) => extend(part(1).iter().map(|byte| u32::from(*byte)), layout, out)?,
        (16, Encoding::ExplicitBig) => {
            extend(part(2).as_chunks().0.iter().map(|w| u32::from(u16::from_be_bytes(*w))), layout, out)?;
        }
        (16, _) => {
            extend(part(2).as_chunks().0.iter().map(|w| u32::from(u16::from_le_bytes(*w))), layout, out)?
        }
        (_, Encoding::ExplicitBig) => {
            extend(part(4).as_chunks().0.iter().map(|w| u32::from_be_bytes(*w)), layout, out)?;
        }
        (_, _) => extend(part(4).as_chunks().0.iter().map(|w| u32::from_le_bytes(*w)), layout, out)?,
    }
    Ok(())
}

fn extend(words: impl Iterator<Item = u32>, layout: Layout, out: &mut Vec<i32>) -> Result<(), PixelError> {
    for word in words {
        out.push(layout.sample(word)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gantry_types::header::SampleSign;

    use super::*;
    use crate::bits::tests::format;

    fn frame(format: &PixelFormat, bytes: &[u8], index: u32, encoding: Encoding) -> Vec<i32> {
        let mut out = Vec::new();
        check_length(bytes.len(), format).unwrap();
        decode(bytes, index, format, encoding, Layout::of(format).unwrap(), &mut out).unwrap();
        out
    }

    #[test]
    fn single_bits_run_on_over_frame_boundaries() {
        let format = PixelFormat { frames: 3, ..format(1, 1, 0, SampleSign::Unsigned) };
        // 18 bits, LSB first: frame 1 = 100000, frame 2 = 011000, frame 3 = 000111
        let bytes = [0b1000_0001, 0b1000_0001, 0b0000_0011, 0];
        let all: Vec<Vec<i32>> =
            (0..3).map(|i| frame(&format, &bytes, i, Encoding::ExplicitLittle)).collect();
        assert_eq!(all, [[1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]]);
    }

    #[test]
    fn byte_order_of_words_and_bytes() {
        let words = format(16, 16, 15, SampleSign::Unsigned);
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        assert_eq!(frame(&words, &bytes, 0, Encoding::ExplicitLittle)[0], 0x0201);
        assert_eq!(frame(&words, &bytes, 0, Encoding::ExplicitBig)[0], 0x0102);
        let single = format(8, 8, 7, SampleSign::Unsigned);
        assert_eq!(frame(&single, &bytes[..6], 0, Encoding::ExplicitBig), [2, 1, 4, 3, 6, 5]);
    }

    #[test]
    fn any_lie_about_the_size_is_refused() {
        let format = format(16, 16, 15, SampleSign::Unsigned);
        for found in [0, 11, 13, 14, 24] {
            assert_eq!(check_length(found, &format), Err(PixelError::Length { found, wanted: 12 }));
        }
        let huge = PixelFormat { frames: u32::MAX, rows: u16::MAX, columns: u16::MAX, ..format };
        assert!(check_length(12, &huge).is_err());
    }
}
