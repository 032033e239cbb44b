//! The shared corpus against reader and pixel decoder.

mod charsets;
mod hostile;
mod pixels;

use std::{fs, path::Path};

use gantry_dicom::{
    deflate,
    header::{MissingUid, image_header},
    part10::{self, NotDicom},
    reader::{self, Limits, ProblemKind, Stop},
    syntax::{self, Wrapping},
    tag,
};
use gantry_pixel::{Frames, PixelError};

/// As much as a test file may inflate to.
const INFLATED_MAX: usize = 64 << 20;

/// Why a file gives no pixels.
#[derive(Debug)]
#[expect(dead_code, reason = "shown through Debug when a test fails")]
enum Refusal {
    NotDicom(NotDicom),
    Deflate(deflate::InflateError),
    Damaged(ProblemKind),
    NoUid(MissingUid),
    Pixel(PixelError),
}

/// What a file gives: its first frame, and how many oddities were noted.
struct Read {
    samples: Vec<i32>,
    problems: usize,
}

/// From bytes to all stored samples, as `gantry` goes.
fn read(file: &[u8]) -> Result<Read, Refusal> {
    let located = part10::locate(file).map_err(Refusal::NotDicom)?;
    let (encoding, wrapping) = syntax::layout(&located.transfer_syntax);
    let inflated;
    let bytes = match wrapping {
        Wrapping::Plain => located.data_set,
        Wrapping::Deflated => {
            inflated = deflate::inflate(located.data_set, INFLATED_MAX).map_err(Refusal::Deflate)?;
            &inflated
        }
    };
    let reading = reader::read(bytes, encoding, Limits::default(), Stop::AtEnd);
    if let Some(damage) = reading.damage() {
        return Err(Refusal::Damaged(damage.kind));
    }
    let header = image_header(&reading.data_set, located.transfer_syntax).map_err(Refusal::NoUid)?;
    if reading.data_set.get(tag::PIXEL_DATA).is_none() {
        return Ok(Read { samples: Vec::new(), problems: reading.problems.len() });
    }
    let frames = Frames::locate(&reading.data_set, &header).map_err(Refusal::Pixel)?;
    let mut samples = Vec::new();
    let mut frame = Vec::new();
    for index in 0..frames.count() {
        frames.decode(index, &mut frame).map_err(Refusal::Pixel)?;
        samples.extend_from_slice(&frame);
    }
    Ok(Read { samples, problems: reading.problems.len() })
}

fn file(shared: &Path, path: &str) -> Vec<u8> {
    fs::read(shared.join("data").join(path)).unwrap()
}
