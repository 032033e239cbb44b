//! RLE lossless (PS3.5 annex G): one PackBits segment for each byte of each sample, most significant first.

use gantry_types::header::PixelFormat;

use crate::{
    PixelError,
    bits::Layout,
    frames::{pixels, samples},
};

const HEADER_BYTES: usize = 64;
const SEGMENTS_MAX: usize = 15;

pub(crate) fn decode(
    frame: &[u8],
    format: &PixelFormat,
    layout: Layout,
    out: &mut Vec<i32>,
) -> Result<(), PixelError> {
    let planes = usize::from(format.samples_per_pixel);
    // Single bits are packed eight to a byte, as one segment.
    let bytes_per_sample = usize::from(format.bits_allocated).div_ceil(8);
    let plane_bytes = if format.bits_allocated == 1 { pixels(format).div_ceil(8) } else { pixels(format) };
    let segments = segments(frame, planes * bytes_per_sample)?;
    // Two bytes give at most 128: less than that cannot fill the plane, so nothing is allocated for it.
    if frame.len().saturating_mul(64) < plane_bytes {
        return Err(PixelError::Damaged(format!("{} bytes cannot hold {plane_bytes}", frame.len())));
    }
    let mut words = vec![0_u32; plane_bytes];
    let mut bytes = Vec::with_capacity(plane_bytes);
    for plane in segments.chunks(bytes_per_sample) {
        words.fill(0);
        for segment in plane {
            unpack(segment, plane_bytes, &mut bytes)?;
            for (word, byte) in words.iter_mut().zip(&bytes) {
                *word = *word << 8 | u32::from(*byte);
            }
        }
        if format.bits_allocated == 1 {
            let bit = |index: usize| words.get(index / 8).map_or(0, |word| word >> (index % 8) & 1);
            out.extend((0..pixels(format)).map(|index| i32::from(bit(index) == 1)));
        } else {
            for word in &words {
                out.push(layout.sample(*word)?);
            }
        }
    }
    debug_assert_eq!(out.len(), samples(format));
    Ok(())
}

/// The segments that the header names.
fn segments(frame: &[u8], wanted: usize) -> Result<Vec<&[u8]>, PixelError> {
    let damaged = |what: &str| PixelError::Damaged(what.to_owned());
    let header = frame.get(..HEADER_BYTES).ok_or_else(|| damaged("no room for the RLE header"))?;
    let mut numbers = header.as_chunks::<4>().0.iter().map(|n| u32::from_le_bytes(*n));
    let count = numbers.next().and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    if count != wanted || SEGMENTS_MAX < count {
        return Err(PixelError::Disagrees {
            found: format!("{count} RLE segments"),
            wanted: format!("{wanted} bytes per pixel"),
        });
    }
    let starts: Vec<usize> = numbers.take(count).filter_map(|n| usize::try_from(n).ok()).collect();
    let ends = starts.iter().skip(1).copied().chain([frame.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            frame.get(*start..end).ok_or_else(|| damaged("an RLE segment lies outside of the frame"))
        })
        .collect()
}

/// PackBits until `wanted` bytes are there; a last byte of padding may follow.
fn unpack(segment: &[u8], wanted: usize, out: &mut Vec<u8>) -> Result<(), PixelError> {
    out.clear();
    let mut rest = segment;
    while out.len() < wanted {
        let Some((&control, after)) = rest.split_first() else {
            return Err(PixelError::Damaged(format!("an RLE segment gives {} of {wanted} bytes", out.len())));
        };
        rest = match control.cast_signed() {
            literal @ 0..=127 => {
                let count = usize::from(literal.unsigned_abs()) + 1;
                let (bytes, after) = after
                    .split_at_checked(count)
                    .ok_or_else(|| PixelError::Damaged("an RLE segment ends in a literal run".to_owned()))?;
                out.extend_from_slice(bytes);
                after
            }
            -128 => after, // no operation
            repeat => {
                let (byte, after) = after
                    .split_first()
                    .ok_or_else(|| PixelError::Damaged("an RLE segment ends in a repeated run".to_owned()))?;
                out.resize(out.len() + usize::from(repeat.unsigned_abs()) + 1, *byte);
                after
            }
        };
    }
    if wanted < out.len() {
        return Err(PixelError::Damaged(format!("an RLE segment gives more than {wanted} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gantry_types::header::SampleSign;

    use super::*;
    use crate::bits::tests::format;

    fn frame(segments: &[&[u8]]) -> Vec<u8> {
        let mut header = vec![u32::try_from(segments.len()).unwrap()];
        let mut offset = 64;
        for segment in segments {
            header.push(offset);
            offset += u32::try_from(segment.len()).unwrap();
        }
        header.resize(16, 0);
        let mut bytes: Vec<u8> = header.iter().flat_map(|n| n.to_le_bytes()).collect();
        segments.iter().for_each(|segment| bytes.extend(*segment));
        bytes
    }

    fn run(bytes: &[u8], format: &PixelFormat) -> Result<Vec<i32>, PixelError> {
        let mut out = Vec::new();
        decode(bytes, format, Layout::of(format)?, &mut out)?;
        Ok(out)
    }

    #[test]
    fn literal_and_repeated_runs_make_words_most_significant_byte_first() {
        let format = format(16, 16, 15, SampleSign::Unsigned);
        let bytes = frame(&[&[0xFB, 0x01], &[0x80, 5, 1, 2, 3, 4, 5, 6, 0]]);
        assert_eq!(run(&bytes, &format), Ok(vec![0x101, 0x102, 0x103, 0x104, 0x105, 0x106]));
    }

    #[test]
    fn truncated_and_lying_segments_are_refused() {
        let format = format(8, 8, 7, SampleSign::Unsigned);
        for body in [&[5, 1, 2][..], &[0xFB], &[0xF0, 1], &[1, 1, 2], &[]] {
            assert!(matches!(run(&frame(&[body]), &format), Err(PixelError::Damaged(_))), "{body:?}");
        }
        assert!(matches!(run(&frame(&[&[0], &[0]]), &format), Err(PixelError::Disagrees { .. })));
        assert!(matches!(run(&[1, 0, 0, 0], &format), Err(PixelError::Damaged(_))));
    }
}
