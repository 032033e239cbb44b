//! The header view: what the rest of the house sees of an image's header.
//!
//! `gantry-dicom` fills it from a data set; nobody else reads attributes to decide about pixels. Decimal strings
//! keep their original text beside the number, because evidence must repeat the source's spelling.
//!
//! Units and frames: positions, spacings and distances in millimetres, in the patient's LPS system (PS3.3 C.7.6.2).

use alloc::{boxed::Box, string::String, vec::Vec};

use crate::uid::{
    FrameOfReferenceUid, SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid,
};

/// A decimal string (VR DS) with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Decimal {
    /// As the source spelled it, without padding.
    pub text: Box<str>,
    /// Its value; always finite.
    pub value: f64,
}

impl Decimal {
    /// Reads a decimal string; nothing if it is no finite number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\0']);
        let value: f64 = text.parse().ok()?;
        // Rust also reads "inf" and "NaN"; PS3.5 knows neither.
        value.is_finite().then(|| Self { text: text.into(), value })
    }
}

/// Where the pixels of one image lie in the patient (Image Plane module, PS3.3 C.7.6.2).
#[derive(Debug, Clone, PartialEq)]
pub struct ImagePlane {
    /// Image Position (Patient) (0020,0032): centre of the first pixel, LPS, mm.
    pub position: [Decimal; 3],
    /// Image Orientation (Patient) (0020,0037): direction of a row (towards higher column index), then of a
    /// column (towards higher row index).
    pub orientation: [Decimal; 6],
    /// Pixel Spacing (0028,0030): distance between rows, then between columns, mm.
    pub spacing: [Decimal; 2],
}

/// How the samples of an image are stored (Image Pixel module, PS3.3 C.7.6.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PixelFormat {
    /// Rows (0028,0010).
    pub rows: u16,
    /// Columns (0028,0011).
    pub columns: u16,
    /// Number of Frames (0028,0008); 1 where absent.
    pub frames: u32,
    /// Samples per Pixel (0028,0002).
    pub samples_per_pixel: u16,
    /// Bits Allocated (0028,0100).
    pub bits_allocated: u16,
    /// Bits Stored (0028,0101).
    pub bits_stored: u16,
    /// High Bit (0028,0102).
    pub high_bit: u16,
    /// Pixel Representation (0028,0103).
    pub sign: SampleSign,
    /// Planar Configuration (0028,0006).
    pub planar: Planar,
    /// Photometric Interpretation (0028,0004), as written.
    pub photometric: String,
}

/// Pixel Representation (0028,0103).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleSign {
    /// 0.
    Unsigned,
    /// 1: two's complement in Bits Stored bits.
    Signed,
}

/// Planar Configuration (0028,0006).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planar {
    /// 0: the samples of a pixel lie side by side.
    Interleaved,
    /// 1: a plane for each sample.
    Separate,
}

/// From stored values to modality values (Modality LUT module, PS3.3 C.11.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Rescale {
    /// Rescale Slope (0028,1053).
    pub slope: Decimal,
    /// Rescale Intercept (0028,1052).
    pub intercept: Decimal,
    /// Rescale Type (0028,1054), where present.
    pub kind: Option<String>,
}

/// What an image says about a contrast agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contrast {
    /// Nothing: there may have been one.
    NotSaid,
    /// Contrast/Bolus Agent (0018,0010) is there and empty: most senders mean none by it, and some say nothing.
    Empty,
    /// Any attribute of the Contrast/Bolus module (PS3.3 C.7.6.4) tells of one, in whatever repertoire.
    Given,
}

/// Whose an image is, as its bytes say without padding: to compare images, not to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Patient ID (0010,0020).
    pub patient_id: Box<[u8]>,
    /// Issuer of Patient ID (0010,0021).
    pub patient_id_issuer: Box<[u8]>,
    /// Patient's Name (0010,0010).
    pub patient_name: Box<[u8]>,
    /// Accession Number (0008,0050).
    pub accession_number: Box<[u8]>,
}

/// The header view of one image object.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageHeader {
    /// Its SOP class.
    pub sop_class: SopClassUid,
    /// Its SOP instance.
    pub sop_instance: SopInstanceUid,
    /// Its study.
    pub study: StudyInstanceUid,
    /// Its series.
    pub series: SeriesInstanceUid,
    /// Whose it is.
    pub identity: Identity,
    /// How the data set, and so the pixels, are encoded.
    pub transfer_syntax: TransferSyntaxUid,
    /// The patient space, where it names one.
    pub frame_of_reference: Option<FrameOfReferenceUid>,
    /// Where the pixels lie; absent if an attribute is absent or unreadable.
    pub plane: Option<ImagePlane>,
    /// How the samples are stored; absent if it has no readable pixel description.
    pub format: Option<PixelFormat>,
    /// Absent if neither attribute is there.
    pub rescale: Option<Rescale>,
    /// Slice Thickness (0018,0050), mm.
    pub slice_thickness: Option<Decimal>,
    /// Image Type (0008,0008), value by value.
    pub image_type: Vec<String>,
    /// Modality (0008,0060).
    pub modality: String,
    /// Manufacturer (0008,0070).
    pub manufacturer: String,
    /// Convolution Kernel (0018,1210), value by value.
    pub convolution_kernel: Vec<String>,
    /// Whether an agent was given.
    pub contrast: Contrast,
    /// Series Number (0020,0011), as written.
    pub series_number: String,
    /// Series Description (0008,103E).
    pub series_description: String,
    /// Instance Number (0020,0013), as written.
    pub instance_number: String,
    /// Lossy Image Compression (0028,2110), as written; empty if absent.
    pub lossy: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_keeps_its_spelling_and_refuses_what_is_no_number() {
        let spacing = Decimal::parse("0.8418000 ").unwrap();
        assert_eq!((&*spacing.text, spacing.value), ("0.8418000", 0.8418));
        assert_eq!(Decimal::parse("-1e-3").unwrap().value, -0.001);
        for bad in ["", " ", "1,5", "inf", "NaN", "1e999", "5 mm"] {
            assert_eq!(Decimal::parse(bad), None, "{bad:?}");
        }
    }
}
