//! Colours as PS3.3 C.10.7.1.1 wants them: CIELab under D50, as three words.
//!
//! Only sums, products, quotients and square roots of IEEE 754 are used, never a mathematical library: their last bit
//! differs from machine to machine, and the same findings must give the same bytes everywhere (EV5).

use gantry_types::findings::Rgb;

/// Linear sRGB to XYZ under D50: the matrix of IEC 61966-2-1 with Bradford adaptation.
const XYZ_OF_RGB: [[f64; 3]; 3] = [
    [0.436_074_7, 0.385_064_9, 0.143_080_4],
    [0.222_504_5, 0.716_878_6, 0.060_616_9],
    [0.013_932_2, 0.097_104_5, 0.714_173_3],
];

/// XYZ of the white of D50.
const WHITE: [f64; 3] = [0.964_22, 1.0, 0.825_21];

/// Recommended Display CIELab Value (0062,000D): L from 0 to 100 and a, b from -128 to 127, each over 16 bits.
pub(crate) fn cielab(colour: Rgb) -> [u16; 3] {
    let linear = colour.0.map(|channel| linear(f64::from(channel) / 255.0));
    let dot = |row: [f64; 3]| row.iter().zip(linear).map(|(a, b)| a * b).sum::<f64>();
    let [x, y, z] = XYZ_OF_RGB.map(dot);
    let [white_x, white_y, white_z] = WHITE;
    let (fx, fy, fz) = (lab_curve(x / white_x), lab_curve(y / white_y), lab_curve(z / white_z));
    let word = |share: f64| (share.clamp(0.0, 1.0) * 65535.0).round() as u16;
    [
        word((116.0 * fy - 16.0) / 100.0),
        word((500.0 * (fx - fy) + 128.0) / 255.0),
        word((200.0 * (fy - fz) + 128.0) / 255.0),
    ]
}

/// Undoes the transfer curve of sRGB (IEC 61966-2-1).
fn linear(channel: f64) -> f64 {
    if channel <= 0.040_45 {
        channel / 12.92
    } else {
        // To the power of 2.4.
        let base = (channel + 0.055) / 1.055;
        let fifth = root::<5>(base);
        base * base * fifth * fifth
    }
}

fn lab_curve(t: f64) -> f64 {
    const DELTA: f64 = 6.0 / 29.0;
    if DELTA * DELTA * DELTA < t { root::<3>(t) } else { t / (3.0 * DELTA * DELTA) + 4.0 / 29.0 }
}

/// The `N`th root of a number between 0 and 1.1, by Newton's method from above, which falls until it is there.
fn root<const N: i32>(number: f64) -> f64 {
    let mut root = 1.1;
    // From 1.1 a root above 0.01 is reached to the last bit in fewer steps.
    for _ in 0..64 {
        let mut power = 1.0;
        for _ in 1..N {
            power *= root;
        }
        let n = f64::from(N);
        root = ((n - 1.0) * root + number / power) / n;
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L, a, b of the D50 connection space, rounded to tenths.
    fn lab(rgb: [u8; 3]) -> [f64; 3] {
        let [l, a, b] = cielab(Rgb(rgb)).map(f64::from);
        [l / 65535.0 * 100.0, a / 65535.0 * 255.0 - 128.0, b / 65535.0 * 255.0 - 128.0]
            .map(|v| (v * 10.0).round() / 10.0 + 0.0)
    }

    #[test]
    fn colours_agree_with_the_d50_values_of_colour_tables() {
        assert_eq!(lab([255, 255, 255]), [100.0, 0.0, 0.0]);
        assert_eq!(lab([0, 0, 0]), [0.0, 0.0, 0.0]);
        assert_eq!(lab([255, 0, 0]), [54.3, 80.8, 69.9]);
        assert_eq!(lab([0, 255, 0]), [87.8, -79.3, 81.0]);
        assert_eq!(lab([0, 0, 255]), [29.6, 68.3, -112.0]);
        assert_eq!(lab([128, 128, 128]), [53.6, 0.0, 0.0]);
    }
}
