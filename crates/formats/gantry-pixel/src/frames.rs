//! Where the frames lie, and which decoder reads them.

use std::borrow::Cow;

use gantry_dicom::{
    data_set::{DataSet, Value},
    syntax::{self, Encoding},
    tag,
};
use gantry_types::{
    header::{ImageHeader, PixelFormat, Planar},
    uid::TransferSyntaxUid,
};

use crate::{PixelError, bits::Layout, jpeg, native, rle};

/// The located frames of one image object.
#[derive(Debug)]
pub struct Frames<'a> {
    format: PixelFormat,
    layout: Layout,
    coding: Coding<'a>,
}

#[derive(Debug)]
enum Coding<'a> {
    Native { bytes: &'a [u8], encoding: Encoding },
    Rle(Vec<Cow<'a, [u8]>>),
    Jpeg(Vec<Cow<'a, [u8]>>),
}

/// What a transfer syntax asks of us.
enum Decoder {
    Native,
    Rle,
    Jpeg,
}

fn decoder(syntax: &TransferSyntaxUid) -> Option<Decoder> {
    match syntax.as_str() {
        syntax::IMPLICIT_VR_LITTLE_ENDIAN
        | syntax::EXPLICIT_VR_LITTLE_ENDIAN
        | syntax::EXPLICIT_VR_BIG_ENDIAN
        | syntax::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => Some(Decoder::Native),
        "1.2.840.10008.1.2.5" => Some(Decoder::Rle),
        // Baseline; lossless, any selection value; lossless, first-order prediction.
        "1.2.840.10008.1.2.4.50" | "1.2.840.10008.1.2.4.57" | "1.2.840.10008.1.2.4.70" => Some(Decoder::Jpeg),
        _ => None,
    }
}

impl<'a> Frames<'a> {
    /// Whether pixels in this transfer syntax can be read at all.
    #[must_use]
    pub fn can_read(syntax: &TransferSyntaxUid) -> bool {
        decoder(syntax).is_some()
    }

    /// Finds the frames of the object that `header` was read from.
    ///
    /// # Errors
    /// [`PixelError`]: what is missing, or does not agree with the header.
    pub fn locate(data_set: &'a DataSet<'_>, header: &ImageHeader) -> Result<Self, PixelError> {
        let syntax = &header.transfer_syntax;
        let decoder = decoder(syntax).ok_or_else(|| PixelError::SyntaxNotRead(syntax.clone()))?;
        let format = header.format.clone().ok_or(PixelError::NoFormat)?;
        let layout = Layout::of(&format)?;
        let element = data_set.get(tag::PIXEL_DATA).ok_or(PixelError::NoPixelData)?;
        let coding = match (decoder, &element.value) {
            (Decoder::Native, Value::Bytes(bytes)) => {
                native::check_length(bytes.len(), &format)?;
                Coding::Native { bytes, encoding: native::word_order(data_set, syntax) }
            }
            (Decoder::Rle, Value::Fragments(fragments)) => Coding::Rle(split(fragments, &format)?),
            (Decoder::Jpeg, Value::Fragments(fragments)) => Coding::Jpeg(split(fragments, &format)?),
            (Decoder::Native | Decoder::Rle | Decoder::Jpeg, _) => return Err(PixelError::NoPixelData),
        };
        Ok(Self { format, layout, coding })
    }

    /// How many frames there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.format.frames
    }

    /// Decodes frame `index` (0-based) into `out`: rows x columns x samples, samples of a pixel side by side.
    ///
    /// # Errors
    /// [`PixelError`]; `out` then holds nothing to be used.
    pub fn decode(&self, index: u32, out: &mut Vec<i32>) -> Result<(), PixelError> {
        if self.format.frames <= index {
            return Err(PixelError::NoSuchFrame(index));
        }
        out.clear();
        let nth = |frames: &'_ [Cow<'a, [u8]>]| {
            usize::try_from(index).ok().and_then(|index| frames.get(index).cloned())
        };
        let planar = match &self.coding {
            Coding::Native { bytes, encoding } => {
                native::decode(bytes, index, &self.format, *encoding, self.layout, out)?;
                self.format.planar
            }
            Coding::Rle(frames) => {
                let frame = nth(frames).ok_or(PixelError::NoSuchFrame(index))?;
                rle::decode(&frame, &self.format, self.layout, out)?;
                // RLE keeps planes apart whatever Planar Configuration says (PS3.5 G.2).
                Planar::Separate
            }
            Coding::Jpeg(frames) => {
                let frame = nth(frames).ok_or(PixelError::NoSuchFrame(index))?;
                jpeg::decode(&frame, &self.format, self.layout, out)?;
                Planar::Interleaved
            }
        };
        if planar == Planar::Separate && self.format.samples_per_pixel == 3 {
            interleave(out);
        }
        Ok(())
    }
}

/// Pixels of a frame.
pub(crate) fn pixels(format: &PixelFormat) -> usize {
    usize::from(format.rows) * usize::from(format.columns)
}

/// Samples of a frame.
pub(crate) fn samples(format: &PixelFormat) -> usize {
    pixels(format) * usize::from(format.samples_per_pixel)
}

fn interleave(samples: &mut Vec<i32>) {
    let pixels = samples.len() / 3;
    let (red, rest) = samples.split_at(pixels);
    let (green, blue) = rest.split_at(pixels);
    *samples = red.iter().zip(green).zip(blue).flat_map(|((r, g), b)| [*r, *g, *b]).collect();
}

/// Fragments to frames (PS3.5 A.4): a frame is one or more fragments, and no fragment belongs to two frames.
fn split<'a>(fragments: &'a [Cow<'_, [u8]>], format: &PixelFormat) -> Result<Vec<Cow<'a, [u8]>>, PixelError> {
    let wrong = |found| PixelError::FrameCount { found, wanted: format.frames };
    let (table, fragments) = fragments.split_first().ok_or(PixelError::NoPixelData)?;
    let frames = usize::try_from(format.frames).or(Err(wrong(fragments.len())))?;
    if fragments.len() < frames || frames == 0 {
        return Err(wrong(fragments.len()));
    }
    if fragments.len() == frames {
        return Ok(fragments.iter().map(|fragment| Cow::Borrowed(&**fragment)).collect());
    }
    if frames == 1 {
        return Ok(vec![Cow::Owned(fragments.concat())]);
    }
    let starts =
        if table.is_empty() { starts_by_marker(fragments) } else { starts_by_table(table, fragments) };
    if starts.len() != frames || starts.first() != Some(&0) {
        return Err(wrong(starts.len()));
    }
    let ends = starts.iter().skip(1).copied().chain([fragments.len()]);
    Ok(starts
        .iter()
        .zip(ends)
        .map(|(start, end)| Cow::Owned(fragments.get(*start..end).unwrap_or_default().concat()))
        .collect())
}

/// Indices of the fragments that the Basic Offset Table names; one that hits no fragment is left out.
fn starts_by_table(table: &[u8], fragments: &[Cow<'_, [u8]>]) -> Vec<usize> {
    let mut offset = 0_usize;
    let mut at = Vec::with_capacity(fragments.len());
    for fragment in fragments {
        at.push(offset);
        offset += 8 + fragment.len();
    }
    let (offsets, _) = table.as_chunks::<4>();
    offsets
        .iter()
        .filter_map(|offset| {
            let offset = usize::try_from(u32::from_le_bytes(*offset)).ok()?;
            at.binary_search(&offset).ok()
        })
        .collect()
}

/// Without a table, a JPEG frame begins with the fragment that begins with SOI.
fn starts_by_marker(fragments: &[Cow<'_, [u8]>]) -> Vec<usize> {
    let begins = |fragment: &Cow<'_, [u8]>| fragment.starts_with(&[0xFF, 0xD8]);
    fragments.iter().enumerate().filter(|(_, fragment)| begins(fragment)).map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use gantry_types::header::SampleSign;

    use super::*;
    use crate::bits::tests::format;

    fn fragments(bodies: &[&'static [u8]]) -> Vec<Cow<'static, [u8]>> {
        bodies.iter().map(|body| Cow::Borrowed(*body)).collect()
    }

    #[track_caller]
    fn check(bodies: &[&'static [u8]], frames: u32, want: Result<&[&[u8]], usize>) {
        let format = PixelFormat { frames, ..format(8, 8, 7, SampleSign::Unsigned) };
        let bodies = fragments(bodies);
        let got = split(&bodies, &format);
        let got = got.as_ref().map(|frames| frames.iter().map(|f| &**f).collect::<Vec<_>>());
        match want {
            Ok(want) => assert_eq!(got.unwrap(), want),
            Err(found) => assert_eq!(got.unwrap_err(), &PixelError::FrameCount { found, wanted: frames }),
        }
    }

    #[test]
    fn fragments_become_frames_by_count_table_or_marker() {
        check(&[b"", b"ab", b"cd"], 2, Ok(&[b"ab", b"cd"]));
        check(&[b"", b"ab", b"cd"], 1, Ok(&[b"abcd"]));
        check(&[b"\0\0\0\0\x14\0\0\0", b"ab", b"cd", b"ef"], 2, Ok(&[b"abcd", b"ef"]));
        check(&[b"", b"\xFF\xD8", b"cd", b"\xFF\xD8"], 2, Ok(&[b"\xFF\xD8cd", b"\xFF\xD8"]));
    }

    #[test]
    fn other_counts_than_the_header_says_are_refused() {
        check(&[b"", b"ab", b"cd"], 9, Err(2));
        check(&[b"", b"ab"], 0, Err(1));
        check(&[b"", b"ab", b"cd", b"ef"], 2, Err(0));
        check(&[b"\0\0\0\0\x0B\0\0\0", b"ab", b"cd", b"ef"], 2, Err(1));
    }
}
