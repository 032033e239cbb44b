//! JPEG baseline and lossless (ISO 10918-1, PS3.5 A.4.1 and A.4.2), over a borrowed decoder.
//!
//! The frame header is read and compared with the data set first: the decoder would believe it, and allocate by it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gantry_types::header::PixelFormat;
use jpeg_decoder::{ColorTransform, Decoder, PixelFormat as Coded};

use crate::{PixelError, bits::Layout, frames::samples};

/// What a start-of-frame marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FrameHeader {
    process: Process,
    precision: u8,
    rows: u16,
    columns: u16,
    components: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    /// Sequential DCT, 8 bits.
    Sequential,
    /// Lossless, Huffman.
    Lossless,
    /// Anything else.
    Other(u8),
}

pub(crate) fn decode(
    frame: &[u8],
    format: &PixelFormat,
    layout: Layout,
    out: &mut Vec<i32>,
) -> Result<(), PixelError> {
    let header = frame_header(frame).ok_or_else(|| PixelError::Damaged("no JPEG frame header".to_owned()))?;
    check(header, format)?;
    check_size(header, frame.len(), format)?;
    let guarded = guarded(frame)?;
    // The decoder has panicked on streams whose header we do not see through.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        let mut decoder = Decoder::new(&*guarded);
        decoder.set_max_decoding_buffer_size(samples(format).saturating_mul(2).saturating_add(1 << 20));
        // Stored samples are asked for: colours stay as they are coded, which this decoder calls RGB.
        if format.samples_per_pixel == 3 {
            decoder.set_color_transform(ColorTransform::RGB);
        }
        let bytes = decoder.decode()?;
        Ok((bytes, decoder.info()))
    }));
    let (bytes, info) = decoded
        .or(Err(PixelError::Damaged("the decoder gave up".to_owned())))?
        .map_err(|error: jpeg_decoder::Error| PixelError::Damaged(error.to_string()))?;
    let words: Vec<u32> = match info.map(|info| info.pixel_format) {
        Some(Coded::L16) => {
            bytes.as_chunks().0.iter().map(|word| u32::from(u16::from_ne_bytes(*word))).collect()
        }
        Some(Coded::L8 | Coded::RGB24) => bytes.iter().map(|byte| u32::from(*byte)).collect(),
        Some(Coded::CMYK32) | None => Vec::new(),
    };
    if words.len() != samples(format) {
        return Err(PixelError::Damaged(format!("{} samples of {}", words.len(), samples(format))));
    }
    out.reserve(words.len());
    for word in words {
        out.push(layout.sample(word)?);
    }
    Ok(())
}

fn check(header: FrameHeader, format: &PixelFormat) -> Result<(), PixelError> {
    let known = match header.process {
        Process::Sequential => header.precision == 8,
        Process::Lossless => (2..=16).contains(&header.precision),
        Process::Other(_) => false,
    };
    let agrees = header.rows == format.rows
        && header.columns == format.columns
        && u16::from(header.components) == format.samples_per_pixel
        && u16::from(header.precision) <= format.bits_allocated
        // Fewer bits than stored could not be told from a lie about Bits Stored.
        && format.bits_stored <= u16::from(header.precision);
    if known && agrees {
        return Ok(());
    }
    Err(PixelError::Disagrees {
        found: format!(
            "{:?}, {} bits, {} rows x {} columns x {}",
            header.process, header.precision, header.rows, header.columns, header.components
        ),
        wanted: format!(
            "{} of {} bits, {} rows x {} columns x {}",
            format.bits_stored, format.bits_allocated, format.rows, format.columns, format.samples_per_pixel
        ),
    })
}

/// A bomb declares an image that its stream cannot hold. Every sample of a lossless frame costs at least a bit;
/// every block of 64 samples of a DCT frame at least two (a DC code and an end of block), and subsampling to a
/// quarter in both directions makes sixteen samples of one.
fn check_size(header: FrameHeader, bytes: usize, format: &PixelFormat) -> Result<(), PixelError> {
    let samples_per_byte = match header.process {
        Process::Lossless => 8,
        Process::Sequential | Process::Other(_) => 8 / 2 * 64 * 16,
    };
    if samples(format) <= bytes.saturating_mul(samples_per_byte) {
        return Ok(());
    }
    Err(PixelError::Damaged(format!("{bytes} bytes cannot hold {} samples", samples(format))))
}

/// Walks the marker segments up to the start of frame.
fn frame_header(frame: &[u8]) -> Option<FrameHeader> {
    let mut rest = frame.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        let (&[0xFF, marker], after) = rest.split_first_chunk::<2>()? else { return None };
        if marker == 0xFF {
            rest = rest.get(1..)?; // fill byte
            continue;
        }
        let (length, _) = after.split_first_chunk::<2>()?;
        let body = after.get(2..usize::from(u16::from_be_bytes(*length)))?;
        let process = match marker {
            0xC0 | 0xC1 => Some(Process::Sequential),
            0xC3 => Some(Process::Lossless),
            // Tables and application data are not frames: DHT, JPG, DAC lie in the same range.
            0xC4 | 0xC8 | 0xCC => None,
            0xC2..=0xCF => Some(Process::Other(marker)),
            0xDA => return None,
            _ => None,
        };
        if let Some(process) = process {
            let &[precision, r1, r0, c1, c0, components] = body.first_chunk::<6>()?;
            let rows = u16::from_be_bytes([r1, r0]);
            let columns = u16::from_be_bytes([c1, c0]);
            return Some(FrameHeader { process, precision, rows, columns, components });
        }
        rest = after.get(usize::from(u16::from_be_bytes(*length))..)?;
    }
}

/// Bits that begin no Huffman code: a code of ones alone is reserved (ISO 10918-1 C.2). Thirty-two of
/// them are more than the longest code.
const GUARD: [u8; 8] = [0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0];

/// The stream with a guard behind the entropy-coded data of every scan. The decoder goes on with zeros where data ends
/// too early, and zeros are samples to it; the guard makes that an error. It stops at the end of data that is whole,
/// where up to seven ones are the usual padding.
///
/// Restart intervals would need a guard each, before which the decoder expects its marker: they are refused.
fn guarded(frame: &[u8]) -> Result<Vec<u8>, PixelError> {
    let damaged = |what: &str| PixelError::Damaged(what.to_owned());
    let mut out = Vec::with_capacity(frame.len() + 2 * GUARD.len());
    let mut rest = frame;
    loop {
        let marker = match rest {
            [0xFF, 0xFF, ..] => {
                rest = rest.get(1..).unwrap_or_default(); // fill byte
                continue;
            }
            [0xFF, marker, ..] => *marker,
            _ => return Err(damaged("the JPEG stream ends early")),
        };
        let length = match (marker, rest) {
            (0x01 | 0xD8 | 0xD9, _) => 2,
            (0xDD, [_, _, _, _, 0, 0, ..]) => 6, // no restart intervals
            (0xDD | 0xD0..=0xD7, _) => return Err(damaged("JPEG restart intervals are not read")),
            (_, [_, _, high, low, ..]) => 2 + usize::from(u16::from_be_bytes([*high, *low])),
            _ => return Err(damaged("the JPEG stream ends early")),
        };
        let (segment, after) =
            rest.split_at_checked(length).ok_or_else(|| damaged("the JPEG stream ends early"))?;
        if marker == 0xC4 && !reserves_ones(segment) {
            return Err(damaged("a JPEG Huffman table uses the code that is reserved"));
        }
        out.extend_from_slice(segment);
        rest = after;
        if marker == 0xD9 {
            return Ok(out);
        }
        if marker == 0xDA {
            let end = entropy_end(rest).ok_or_else(|| damaged("the JPEG stream ends early"))?;
            let (data, after) = rest.split_at(end);
            out.extend_from_slice(data);
            out.extend_from_slice(&GUARD);
            rest = after;
        }
    }
}

/// Whether every table of a DHT segment leaves the code of ones alone free, on which the guard relies.
fn reserves_ones(segment: &[u8]) -> bool {
    let mut tables = segment.get(4..).unwrap_or_default();
    while let Some((head, rest)) = tables.split_first_chunk::<17>() {
        let lengths = head.iter().skip(1).zip(1_u32..);
        let (values, used) = lengths.fold((0_usize, 0_u32), |(values, used), (count, length)| {
            (values + usize::from(*count), used + (u32::from(*count) << (16 - length)))
        });
        if 1 << 16 <= used {
            return false;
        }
        tables = rest.get(values..).unwrap_or_default();
    }
    true
}

/// Where the entropy-coded data ends: at the next marker.
fn entropy_end(data: &[u8]) -> Option<usize> {
    data.windows(2).position(|pair| pair.first() == Some(&0xFF) && pair.last().is_some_and(|byte| *byte != 0))
}

#[cfg(test)]
mod tests {
    use gantry_types::header::SampleSign;

    use super::*;
    use crate::bits::tests::format;

    const LOSSLESS: &[u8] = &[
        0xFF, 0xD8, 0xFF, 0xC4, 0, 4, 1, 2, 0xFF, 0xFF, 0xC3, 0, 11, 12, 0, 2, 0, 3, 1, 1, 0x11, 0, 0xFF,
        0xDA,
    ];

    #[test]
    fn the_frame_header_is_found_behind_tables_and_fill_bytes() {
        let want =
            FrameHeader { process: Process::Lossless, precision: 12, rows: 2, columns: 3, components: 1 };
        assert_eq!(frame_header(LOSSLESS), Some(want));
        for cut in 0..18 {
            assert_eq!(frame_header(&LOSSLESS[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn a_frame_that_disagrees_is_refused_before_it_is_decoded() {
        let run = |format: &PixelFormat| {
            decode(LOSSLESS, format, Layout::of(format).unwrap(), &mut Vec::new()).unwrap_err()
        };
        let right = format(16, 12, 11, SampleSign::Unsigned);
        assert!(matches!(run(&right), PixelError::Damaged(_)));
        for wrong in [
            PixelFormat { rows: 1, ..right.clone() },
            PixelFormat { columns: u16::MAX, ..right.clone() },
            PixelFormat { samples_per_pixel: 3, ..right.clone() },
            format(8, 8, 7, SampleSign::Unsigned),
            format(16, 16, 15, SampleSign::Unsigned),
        ] {
            assert!(matches!(run(&wrong), PixelError::Disagrees { .. }), "{wrong:?}");
        }
    }

    /// Twelve bits, two rows of three; one code, `0`, which says "as predicted".
    fn flat(data: &[u8]) -> Vec<u8> {
        let mut table = [0; 18];
        table[1] = 1; // one code of one bit, for category 0
        let frame = [0xFF, 0xC3, 0, 11, 12, 0, 2, 0, 3, 1, 1, 0x11, 0];
        let scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 0, 0];
        [&[0xFF, 0xD8, 0xFF, 0xC4, 0, 20], &table[..], &frame, &scan, data, &[0xFF, 0xD9]].concat()
    }

    #[test]
    fn a_stream_that_ends_early_is_refused_whatever_stands_behind_it() {
        let format = format(16, 12, 11, SampleSign::Unsigned);
        let run = |stream: &[u8]| {
            let mut out = Vec::new();
            decode(stream, &format, Layout::of(&format).unwrap(), &mut out).map(|()| out)
        };
        assert_eq!(run(&flat(&[0b0000_0011])).unwrap(), [2048; 6]);
        assert_eq!(run(&[flat(&[0b0000_0011]), vec![0]].concat()).unwrap(), [2048; 6]);
        // The decoder alone reads zeros from here on, and they are six samples.
        assert!(matches!(run(&flat(&[])), Err(PixelError::Damaged(_))));
        let open = flat(&[0b0000_0011]);
        assert!(matches!(run(&open[..open.len() - 2]), Err(PixelError::Damaged(_))));
        // A table with two codes of one bit: `1` would be a sample, and the guard 32 of them.
        let mut complete = flat(&[]);
        complete[5] = 21;
        complete[7] = 2;
        complete.insert(24, 1);
        assert!(run(&complete).unwrap_err().to_string().contains("reserved"));
        let restarting = [&open[..2], &[0xFF, 0xDD, 0, 4, 0, 1], &open[2..]].concat();
        assert!(matches!(run(&restarting), Err(PixelError::Damaged(_))));
    }
}
