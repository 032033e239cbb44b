//! A canvas of RGB pixels with rectangles and fixed-width text.
//!
//! Whatever lies outside of the canvas is not drawn.

use font8x8::legacy::BASIC_LEGACY;

use super::Page;

/// Red, green, blue.
pub(super) type Rgb8 = [u8; 3];

/// Pixels of a character at scale 1.
const GLYPH: usize = 8;

pub(super) struct Canvas {
    columns: usize,
    rows: usize,
    pixels: Vec<Rgb8>,
}

impl Canvas {
    /// A black canvas.
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, pixels: vec![[0; 3]; columns * rows] }
    }

    pub(super) fn set(&mut self, column: usize, row: usize, colour: Rgb8) {
        if column < self.columns
            && row < self.rows
            && let Some(pixel) = self.pixels.get_mut(row * self.columns + column)
        {
            *pixel = colour;
        }
    }

    pub(super) fn fill(&mut self, left: usize, top: usize, columns: usize, rows: usize, colour: Rgb8) {
        for row in top..top + rows {
            for column in left..left + columns {
                self.set(column, row, colour);
            }
        }
    }

    /// Writes a line of ASCII; other characters show as `?`.
    pub(super) fn text(&mut self, left: usize, top: usize, scale: usize, colour: Rgb8, text: &str) {
        for (at, character) in text.chars().enumerate() {
            let glyph = BASIC_LEGACY.get(character as usize).or(BASIC_LEGACY.get('?' as usize));
            for (row, bits) in glyph.into_iter().flatten().enumerate() {
                for column in (0..GLYPH).filter(|column| bits >> column & 1 == 1) {
                    let x = left + (at * GLYPH + column) * scale;
                    self.fill(x, top + row * scale, scale, scale, colour);
                }
            }
        }
    }

    pub(super) fn into_page(self) -> Page {
        Page {
            columns: u16::try_from(self.columns).unwrap_or(u16::MAX),
            rows: u16::try_from(self.rows).unwrap_or(u16::MAX),
            rgb: self.pixels.into_flattened(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_leaves_pixels_and_stays_inside() {
        let mut canvas = Canvas::new(20, 10);
        canvas.text(1, 1, 1, [9, 9, 9], "I\u{fc}");
        canvas.text(15, 5, 3, [9, 9, 9], "WWW");
        let page = canvas.into_page();
        assert_eq!(page.rgb.len(), 20 * 10 * 3);
        assert!(20 < page.rgb.iter().filter(|byte| **byte == 9).count());
    }
}
