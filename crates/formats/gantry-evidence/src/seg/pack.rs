//! Frames of one bit per pixel, packed from the lowest bit upwards and across frame boundaries (PS3.5 8.1.1, D).

/// Frames being packed.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    bits: usize,
}

impl Frames {
    /// Appends a frame with a bit for every pixel of the plane that has the label.
    pub(super) fn push(&mut self, plane: &[u8], label: u8) {
        self.bytes.reserve(plane.len() / 8 + 1);
        let begun = self.bits % 8;
        self.bits += plane.len();
        // Bits that fill up the byte which the frame before has begun.
        let (head, rest) = plane.split_at(if begun == 0 { 0 } else { (8 - begun).min(plane.len()) });
        if let (Some(last), false) = (self.bytes.last_mut(), head.is_empty()) {
            *last |= packed(head, label) << begun;
        }
        self.bytes.extend(rest.chunks(8).map(|pixels| packed(pixels, label)));
    }

    /// The packed bits; the last byte is filled with zeros.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// At most eight pixels, the first in the lowest bit.
fn packed(pixels: &[u8], label: u8) -> u8 {
    pixels.iter().enumerate().fold(0, |byte, (bit, pixel)| byte | u8::from(*pixel == label) << bit)
}

/// Writes `label` into every pixel of `plane` whose bit is set; `first` is the number of the frame's first bit.
/// Bits that are not there are not set.
pub(crate) fn unpack_into(bytes: &[u8], first: usize, plane: &mut [u8], label: u8) {
    let bytes = bytes.get(first / 8..).unwrap_or_default();
    let begun = first % 8;
    let (head, rest) = plane.split_at_mut(if begun == 0 { 0 } else { (8 - begun).min(plane.len()) });
    let whole = match (bytes.split_first(), head.is_empty()) {
        (Some((byte, whole)), false) => {
            set(byte >> begun, head, label);
            whole
        }
        _ => bytes,
    };
    for (byte, pixels) in whole.iter().zip(rest.chunks_mut(8)) {
        set(*byte, pixels, label);
    }
}

/// At most eight pixels, the first of the lowest bit. Most bytes of a mask are empty.
fn set(byte: u8, pixels: &mut [u8], label: u8) {
    if byte == 0 {
        return;
    }
    for (bit, pixel) in pixels.iter_mut().enumerate() {
        if byte >> bit & 1 == 1 {
            *pixel = label;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Law: what is packed comes back, whatever the frame size; nothing stands between two frames.
    #[test]
    fn frames_of_any_size_come_back_and_share_bytes() {
        for pixels in [1usize, 3, 7, 8, 9, 63, 64, 143] {
            let planes: Vec<Vec<u8>> =
                (0..5).map(|f| (0..pixels).map(|p| ((p * 7 + f * 3) % 5) as u8).collect()).collect();
            let mut frames = Frames::default();
            planes.iter().for_each(|plane| frames.push(plane, 2));
            let bytes = frames.into_bytes();
            assert_eq!(bytes.len(), (5 * pixels).div_ceil(8), "{pixels}");
            for (number, plane) in planes.iter().enumerate() {
                let mut back = vec![0; pixels];
                unpack_into(&bytes, number * pixels, &mut back, 9);
                let want: Vec<u8> = plane.iter().map(|p| if *p == 2 { 9 } else { 0 }).collect();
                assert_eq!(back, want, "{pixels} {number}");
            }
        }
    }

    #[test]
    fn the_first_pixel_is_the_lowest_bit() {
        let mut frames = Frames::default();
        frames.push(&[1, 0, 0, 0, 0], 1);
        frames.push(&[1, 1, 0, 0, 1], 1);
        assert_eq!(frames.into_bytes(), [0b0110_0001, 0b10]);
    }
}
