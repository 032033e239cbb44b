//! Two revisions of one object, told apart (RC2): do headers say the same, and do pixels show the same?
//!
//! Both are judged independently. Pixels are compared as stored samples, whatever they are encoded in; a lossy copy is
//! known by its values, not only by what it says of itself.

use gantry_dicom::{
    canonical,
    data_set::{DataSet, Element, Value},
    reader::Stop,
    tag,
};
use gantry_pixel::{Frames, PixelError};
use gantry_ports::job::comparison::{Comparison, Headers, Pixels};
use gantry_types::header::{ImageHeader, PixelFormat};

use crate::objects::{Objects, Opened, Unusable};

/// The least correlation of the values of a lossy copy with those of what it is a copy of. JPEG of a CT at eight bits has
/// 0.999; a neighbouring slice of another position less than this.
const CORRELATION_MIN: f64 = 0.995;

/// Compares two objects by their numbers.
#[must_use]
pub fn compare(objects: &dyn Objects, kept: usize, new: usize) -> Comparison {
    let opened = Opened::new(objects, kept).and_then(|kept| Ok((kept, Opened::new(objects, new)?)));
    let unknown = |why| Comparison { headers: Headers::Differ, pixels: Pixels::Unknown(why) };
    let (kept, new) = match opened {
        Ok(opened) => opened,
        Err(why) => return unknown(why.to_string()),
    };
    match Side::of(&kept).and_then(|kept| Ok((kept, Side::of(&new)?))) {
        Ok((kept, new)) => {
            let is_same = canonical::header(&kept.data_set) == canonical::header(&new.data_set);
            let headers = if is_same { Headers::Equal } else { Headers::Differ };
            Comparison { headers, pixels: kept.compare(&new) }
        }
        Err(why) => unknown(why.to_string()),
    }
}

/// One of the two.
struct Side<'a> {
    data_set: DataSet<'a>,
    header: ImageHeader,
}

impl<'a> Side<'a> {
    fn of(opened: &'a Opened) -> Result<Self, Unusable> {
        let data_set = opened.read(Stop::AtEnd)?;
        let header = opened.header(&data_set)?;
        Ok(Self { data_set, header })
    }

    fn compare(&self, new: &Self) -> Pixels {
        let (own, other) = (self.raw(), new.raw());
        match (own.is_empty(), other.is_empty()) {
            (true, true) => return Pixels::Equal,
            (false, false) => {}
            (true, false) | (false, true) => {
                return Pixels::Differ("only one of them has pixels".to_owned());
            }
        }
        let is_alike = self.header.transfer_syntax == new.header.transfer_syntax
            && self.header.format == new.header.format;
        if is_alike && own == other {
            return Pixels::Equal;
        }
        // Beside Pixel Data nothing is decoded, so nothing else could find a difference there.
        if self.floats() != new.floats() {
            return Pixels::Differ("floating-point pixels differ".to_owned());
        }
        match self.compare_samples(new) {
            Ok(pixels) => pixels,
            Err(why) => Pixels::Unknown(why.to_string()),
        }
    }

    /// The elements of pixels that hold any.
    fn raw(&self) -> Vec<&Element<'a>> {
        let is_pixels = |element: &&Element<'_>| element.tag.group() == tag::PIXEL_DATA.group();
        let all: Vec<_> = self.data_set.elements().iter().filter(is_pixels).collect();
        let is_empty =
            |element: &&Element<'_>| matches!(&element.value, Value::Bytes(bytes) if bytes.is_empty());
        if all.iter().all(is_empty) { Vec::new() } else { all }
    }

    fn floats(&self) -> [Option<&Element<'a>>; 2] {
        [tag::FLOAT_PIXEL_DATA, tag::DOUBLE_FLOAT_PIXEL_DATA].map(|tag| self.data_set.get(tag))
    }

    fn compare_samples(&self, new: &Self) -> Result<Pixels, PixelError> {
        let (own, other) = (self.format()?, new.format()?);
        let size = |format: &PixelFormat| (format.rows, format.columns, format.frames);
        if size(own) != size(other) || own.samples_per_pixel != other.samples_per_pixel {
            let said = |format: &PixelFormat| {
                let PixelFormat { columns, rows, frames, samples_per_pixel, .. } = format;
                format!("{columns} x {rows} x {frames} of {samples_per_pixel} samples")
            };
            return Ok(Pixels::Differ(format!("{} and {}", said(own), said(other))));
        }
        let frames = Frames::locate(&self.data_set, &self.header)?;
        let other_frames = Frames::locate(&new.data_set, &new.header)?;
        let is_lossy = new.is_lossy() && !self.is_lossy();
        let is_comparable = own.photometric == other.photometric;
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let mut is_equal = is_comparable;
        let mut sums = Sums::default();
        for frame in 0..frames.count() {
            frames.decode(frame, &mut a)?;
            other_frames.decode(frame, &mut b)?;
            is_equal &= a == b;
            if is_lossy {
                sums.add(self.grey(&a), new.grey(&b));
            } else if !is_equal {
                let what = if is_comparable { "samples" } else { "photometric interpretations" };
                return Ok(Pixels::Differ(format!("{what} of frame {} differ", frame + 1)));
            }
        }
        if is_equal {
            return Ok(Pixels::Equal);
        }
        let correlation = sums.correlation();
        Ok(if CORRELATION_MIN <= correlation {
            Pixels::LossyCopy
        } else {
            Pixels::Differ(format!("it is compressed with loss, and correlates by {correlation:.4} only"))
        })
    }

    fn format(&self) -> Result<&PixelFormat, PixelError> {
        self.header.format.as_ref().ok_or(PixelError::NoFormat)
    }

    /// Whether something was lost in it: its syntax says it, or it says so itself (PS3.3 C.7.6.1.1.5).
    fn is_lossy(&self) -> bool {
        is_lossy_syntax(self.header.transfer_syntax.as_str()) || self.header.lossy == "01"
    }

    /// The grey of each pixel, in values that do not depend on the encoding.
    fn grey<'s>(&'s self, samples: &'s [i32]) -> impl Iterator<Item = f64> + 's {
        let rescale = self.header.rescale.as_ref();
        let (slope, intercept) =
            rescale.map_or((1.0, 0.0), |rescale| (rescale.slope.value, rescale.intercept.value));
        let format = self.header.format.as_ref();
        let step = format.map_or(1, |format| usize::from(format.samples_per_pixel)).max(1);
        let is_rgb = format.is_some_and(|format| format.photometric == "RGB");
        samples.chunks_exact(step).map(move |pixel| match *pixel {
            // ITU-R BT.601, as YBR has it in its first sample.
            [red, green, blue] if is_rgb => {
                0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
            }
            [first, ..] => f64::from(first) * slope + intercept,
            [] => 0.0,
        })
    }
}

/// Of the syntaxes that a lossy copy comes in (PS3.6 A.4): JPEG baseline and extended, JPEG-LS near-lossless, JPEG 2000,
/// HTJ2K, JPEG XL, and videos.
fn is_lossy_syntax(syntax: &str) -> bool {
    let Some(number) = syntax.strip_prefix("1.2.840.10008.1.2.4.") else { return false };
    matches!(
        number,
        "50" | "51"
            | "81"
            | "91"
            | "93"
            | "100"
            | "101"
            | "102"
            | "103"
            | "104"
            | "105"
            | "106"
            | "107"
            | "108"
            | "112"
            | "203"
    )
}

/// What a correlation is made of.
#[derive(Default)]
struct Sums {
    count: f64,
    a: f64,
    b: f64,
    aa: f64,
    bb: f64,
    ab: f64,
}

impl Sums {
    fn add(&mut self, a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) {
        for (a, b) in a.zip(b) {
            self.count += 1.0;
            self.a += a;
            self.b += b;
            self.aa += a * a;
            self.bb += b * b;
            self.ab += a * b;
        }
    }

    /// Pearson's; 0 where one of them shows nothing at all.
    fn correlation(&self) -> f64 {
        let covariance = self.ab * self.count - self.a * self.b;
        let spread = |of: f64, squares: f64| (squares * self.count - of * of).max(0.0).sqrt();
        let both = spread(self.a, self.aa) * spread(self.b, self.bb);
        if 0.0 < both { covariance / both } else { 0.0 }
    }
}

#[cfg(test)]
mod tests;
