//! The picture of a result: a PNG of red, green and blue, bounded before it is believed.

use std::io::Cursor;

use gantry_evidence::sc::{Picture, PictureError};
use png::{BitDepth, ColorType, Decoder, DecodingError, Limits};

/// The most bytes of a picture as a file: more than a page without any compression has.
pub(crate) const BYTES_MAX: u64 = 4 << 20;
/// What decoding may take.
const MEMORY_MAX: usize = 16 << 20;

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    columns: u16,
    rows: u16,
    rgb: Vec<u8>,
}

/// Why bytes are no picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    #[error("it is no PNG that can be read: {0}")]
    Png(#[from] DecodingError),
    #[error("it has {columns} x {rows} pixels, each side may have 1 to {max}", max = Picture::SIDE_MAX)]
    Size { columns: u32, rows: u32 },
    #[error("its pixels are {depth:?} bits of {color:?}, not eight each of red, green and blue")]
    Format { color: ColorType, depth: BitDepth },
    #[error(transparent)]
    Picture(#[from] PictureError),
}

impl Page {
    /// Decodes a picture.
    pub(crate) fn decode(png: &[u8]) -> Result<Self, PageError> {
        let decoder = Decoder::new_with_limits(Cursor::new(png), Limits { bytes: MEMORY_MAX });
        let mut reader = decoder.read_info()?;
        let (columns, rows) = (reader.info().width, reader.info().height);
        let (color, depth) = reader.output_color_type();
        let side = |side: u32| u16::try_from(side).ok().filter(|side| (1..=Picture::SIDE_MAX).contains(side));
        let Some((columns, rows)) = side(columns).zip(side(rows)) else {
            return Err(PageError::Size { columns, rows });
        };
        if (color, depth) != (ColorType::Rgb, BitDepth::Eight) {
            return Err(PageError::Format { color, depth });
        }
        let mut rgb = vec![0; usize::from(columns) * usize::from(rows) * 3];
        reader.next_frame(&mut rgb)?;
        Ok(Self { columns, rows, rgb })
    }

    /// As evidence takes it.
    pub(crate) fn picture(&self) -> Result<Picture<'_>, PageError> {
        Ok(Picture::new(self.columns, self.rows, &self.rgb)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(columns: u32, rows: u32, color: ColorType) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, columns, rows);
        encoder.set_color(color);
        encoder.set_depth(BitDepth::Eight);
        let data: Vec<u8> =
            (0..columns as usize * rows as usize * color.samples()).map(|i| i as u8).collect();
        encoder.write_header().unwrap().write_image_data(&data).unwrap();
        bytes
    }

    #[test]
    fn a_page_is_read_back_and_what_is_none_is_refused() {
        let whole = png(7, 5, ColorType::Rgb);
        let page = Page::decode(&whole).unwrap();
        assert_eq!((page.columns, page.rows, page.rgb.len()), (7, 5, 105));
        assert_eq!(page.rgb[100], 100);
        page.picture().unwrap();
        let check = |bytes: &[u8], sentence: &str| {
            let error = Page::decode(bytes).unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{error}");
        };
        check(b"nothing", "it is no PNG");
        check(&whole[..whole.len() - 30], "it is no PNG");
        check(&png(1025, 1, ColorType::Rgb), "it has 1025 x 1 pixels");
        check(&png(7, 5, ColorType::Grayscale), "its pixels are Eight bits of Grayscale");
        check(&png(7, 5, ColorType::Rgba), "its pixels are Eight bits of Rgba");
    }

    #[test]
    fn a_header_that_promises_much_takes_no_memory() {
        let mut huge = png(1, 1, ColorType::Rgb);
        huge[16..24].copy_from_slice(&[0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]);
        Page::decode(&huge).unwrap_err();
    }
}
