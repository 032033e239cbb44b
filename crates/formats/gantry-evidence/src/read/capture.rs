//! A secondary capture read back: the page that a PACS shows.

use gantry_dicom::tag;

use super::{ReadError, missing};
use crate::{object::Kind, parsed::parse, sc::Picture};

/// The page of a secondary capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureReading {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
    /// Rows of red, green, blue bytes from the top left.
    pub rgb: Vec<u8>,
}

/// Reads a secondary capture in the form that we write.
///
/// # Errors
/// [`ReadError`].
pub fn read_capture(bytes: &[u8]) -> Result<CaptureReading, ReadError> {
    let data_set = parse(bytes)?.data_set;
    let wanted = Kind::SecondaryCapture.sop_class();
    let found = data_set.str(tag::SOP_CLASS_UID).unwrap_or_default();
    if found != wanted {
        return Err(ReadError::OtherClass { found: found.to_owned(), wanted });
    }
    let is_rgb = data_set.str(tag::PHOTOMETRIC_INTERPRETATION) == Some("RGB")
        && data_set.u16(tag::SAMPLES_PER_PIXEL) == Some(3)
        && data_set.u16(tag::BITS_ALLOCATED) == Some(8)
        && data_set.u16(tag::PLANAR_CONFIGURATION) == Some(0);
    let (Some(columns), Some(rows), true) = (data_set.u16(tag::COLUMNS), data_set.u16(tag::ROWS), is_rgb)
    else {
        return Err(missing("a page in red, green and blue"));
    };
    let pixels = data_set.bytes(tag::PIXEL_DATA).unwrap_or_default();
    // An odd number of bytes has one more.
    let length = usize::from(columns) * usize::from(rows) * 3;
    let rgb = pixels.get(..length).filter(|_| pixels.len() - length <= 1);
    let rgb = rgb.ok_or_else(|| missing("the whole page"))?;
    Picture::new(columns, rows, rgb).map_err(|error| missing(error.to_string()))?;
    Ok(CaptureReading { columns, rows, rgb: rgb.to_vec() })
}
