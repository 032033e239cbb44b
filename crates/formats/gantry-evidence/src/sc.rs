//! Secondary captures: one RGB page that every PACS shows (PS3.3 A.8.1, C.8.6).
//!
//! The page is drawn elsewhere, without identity in its pixels and with the words that it is an AI result; here it
//! becomes an object. It has no place in the patient: it is a page, not an image of the body.

use gantry_dicom::{
    data_set::{DataSet, Value},
    tag,
    vr::Vr,
};

use crate::{
    attribute::{put_code, put_stamp, put_text},
    base, codes,
    error::RenderError,
    inputs::Inputs,
    note::Note,
    object::{EvidenceObject, Kind, ObjectIds},
    profile::CaptureModality,
};

/// A picture: rows of red, green, blue bytes from the top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture<'a> {
    columns: u16,
    rows: u16,
    rgb: &'a [u8],
}

/// The bytes are no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are no RGB picture of {columns} x {rows} pixels, of which each side has 1 to {max}", max = Picture::SIDE_MAX)]
pub struct PictureError {
    /// Columns asked for.
    pub columns: u16,
    /// Rows asked for.
    pub rows: u16,
    /// Bytes given.
    pub bytes: usize,
}

impl<'a> Picture<'a> {
    /// The longest side: workstations shrink larger pages until the numbers cannot be read.
    pub const SIDE_MAX: u16 = 1024;

    /// A picture from its bytes.
    ///
    /// # Errors
    /// [`PictureError`] if a side is empty or too long, or the bytes are not three for each pixel.
    pub fn new(columns: u16, rows: u16, rgb: &'a [u8]) -> Result<Self, PictureError> {
        let fits = [columns, rows].iter().all(|side| (1..=Self::SIDE_MAX).contains(side));
        if fits && rgb.len() == usize::from(columns) * usize::from(rows) * 3 {
            Ok(Self { columns, rows, rgb })
        } else {
            Err(PictureError { columns, rows, bytes: rgb.len() })
        }
    }
}

/// Body parts of which there is one, so that Laterality (0020,0060) must be absent (PS3.3 C.7.3.1). A part that is
/// not listed counts as paired, for which an empty Laterality is legal too.
const UNPAIRED: &[&str] = &[
    "ABDOMEN",
    "ABDOMENPELVIS",
    "BLADDER",
    "BRAIN",
    "CHEST",
    "CHESTABDOMEN",
    "CHESTABDPELVIS",
    "CSPINE",
    "HEAD",
    "HEADNECK",
    "HEART",
    "LIVER",
    "LSPINE",
    "MEDIASTINUM",
    "NECK",
    "NECKCHEST",
    "PANCREAS",
    "PELVIS",
    "PROSTATE",
    "SKULL",
    "SPINE",
    "SPLEEN",
    "STERNUM",
    "TRACHEA",
    "TSPINE",
    "UTERUS",
    "WHOLEBODY",
];

/// Renders the picture.
///
/// # Errors
/// [`RenderError`].
pub fn render(
    inputs: &Inputs<'_>,
    picture: &Picture<'_>,
    notes: &mut Vec<Note>,
) -> Result<EvidenceObject, RenderError> {
    let ids = ObjectIds::new(inputs.scope, &inputs.profile.name, Kind::SecondaryCapture);
    let modality = match inputs.profile.capture_modality {
        CaptureModality::Other => "OT",
        CaptureModality::OfSource => inputs.source.modality(),
    };
    let mut data_set = base::begin(inputs, &ids, modality, notes)?;
    put_text(&mut data_set, tag::CONVERSION_TYPE, "WSD")?;
    data_set.put_str(tag::IMAGE_TYPE, "DERIVED\\SECONDARY\\OTHER");
    // A page is not oriented in the patient; the attribute must be there all the same.
    data_set.put_empty(tag::PATIENT_ORIENTATION);
    put_laterality(&mut data_set, inputs, notes);
    let created = inputs.source.shown(inputs.run.result_created);
    put_stamp(&mut data_set, tag::DATE_OF_SECONDARY_CAPTURE, tag::TIME_OF_SECONDARY_CAPTURE, created);
    put_text(&mut data_set, tag::BURNED_IN_ANNOTATION, "YES")?;
    let application = &inputs.run.application;
    let comments = format!(
        "AI result - not reviewed. {} {}, {}. {}",
        application.title,
        application.version,
        base::algorithm_parameters(inputs),
        application.intended_use
    );
    put_text(&mut data_set, tag::IMAGE_COMMENTS, &comments)?;
    put_sources(&mut data_set, inputs)?;
    put_lossy(&mut data_set, inputs, notes);
    put_pixels(&mut data_set, picture)?;
    base::put_replaced_series(&mut data_set, inputs, Kind::SecondaryCapture);
    ids.finish(data_set)
}

/// Whether the object is of a body part of which there is one.
pub(crate) fn is_of_unpaired_part(data_set: &DataSet<'_>) -> bool {
    data_set.str(tag::BODY_PART_EXAMINED).is_some_and(|part| UNPAIRED.contains(&part))
}

fn put_laterality(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>, notes: &mut Vec<Note>) {
    if is_of_unpaired_part(data_set) {
        return;
    }
    data_set.put_empty(tag::LATERALITY);
    if let Some(value) = inputs.source.legal(tag::LATERALITY, notes) {
        data_set.put(tag::LATERALITY, value);
    }
}

fn put_sources(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>) -> Result<(), RenderError> {
    let mut references = base::image_references(inputs);
    for reference in &mut references {
        put_code(reference, tag::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, &codes::SOURCE_IMAGE)?;
    }
    data_set.put_items(tag::SOURCE_IMAGE_SEQUENCE, references);
    base::put_referenced_series(data_set, inputs);
    Ok(())
}

/// What is drawn from lossy images is lossy (PS3.3 C.7.6.1.1.5).
fn put_lossy(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>, notes: &mut Vec<Note>) {
    if inputs.source.header().str(tag::LOSSY_IMAGE_COMPRESSION) != Some("01") {
        data_set.put_str(tag::LOSSY_IMAGE_COMPRESSION, "00");
        return;
    }
    data_set.put_str(tag::LOSSY_IMAGE_COMPRESSION, "01");
    for tag in [tag::LOSSY_IMAGE_COMPRESSION_RATIO, tag::LOSSY_IMAGE_COMPRESSION_METHOD] {
        if let Some(value) = inputs.source.legal(tag, notes) {
            data_set.put(tag, value);
        }
    }
}

fn put_pixels(data_set: &mut DataSet<'static>, picture: &Picture<'_>) -> Result<(), RenderError> {
    data_set.put_u16(tag::SAMPLES_PER_PIXEL, &[3]);
    put_text(data_set, tag::PHOTOMETRIC_INTERPRETATION, "RGB")?;
    data_set.put_u16(tag::PLANAR_CONFIGURATION, &[0]);
    data_set.put_u16(tag::ROWS, &[picture.rows]);
    data_set.put_u16(tag::COLUMNS, &[picture.columns]);
    data_set.put_u16(tag::BITS_ALLOCATED, &[8]);
    data_set.put_u16(tag::BITS_STORED, &[8]);
    data_set.put_u16(tag::HIGH_BIT, &[7]);
    data_set.put_u16(tag::PIXEL_REPRESENTATION, &[0]);
    data_set.put_as(tag::PIXEL_DATA, Vr::OB, Value::Bytes(picture.rgb.to_vec().into()));
    Ok(())
}
