//! A BINARY segmentation back to a label mask.
//!
//! Frames are placed by their positions, not by the images they name or their order, so that this checks what the
//! writer says in the other ways.

use std::borrow::Cow;

use gantry_dicom::{
    data_set::{DataSet, Value},
    tag,
};
use gantry_image::{
    geometry::{PointLps, VectorLps},
    grid::Grid,
    volume::Labels,
};
use gantry_types::code::Code;

use crate::{
    object::Kind,
    parsed::{decimals, first, parse},
    seg::unpack_into,
};

use super::{ReadError, code, missing};

/// A segmentation that was read.
#[derive(Debug)]
pub struct SegmentationReading<'a> {
    /// Its segments.
    pub segments: Vec<Segment>,
    /// Its frames, in their order.
    pub frames: Vec<Frame>,
    /// Rows and columns of every frame.
    pub size: [u16; 2],
    /// Image Orientation (Patient).
    pub orientation: [f64; 6],
    /// Pixel Spacing: between rows, between columns, mm.
    pub spacing_mm: [f64; 2],
    pixels: Cow<'a, [u8]>,
}

/// A segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Segment Number, from 1.
    pub number: u16,
    /// Segment Label.
    pub label: String,
    /// Tracking ID: the key of the finding.
    pub tracking_id: String,
    /// Tracking UID.
    pub tracking_uid: String,
    /// Segmented Property Type.
    pub property: Code,
    /// Its modifier: the laterality.
    pub laterality: Option<Code>,
}

/// A frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Referenced Segment Number.
    pub segment: u16,
    /// Image Position (Patient), mm.
    pub position: [f64; 3],
    /// SOP Instance UID of the image it was derived from.
    pub source: Option<String>,
}

/// Reads a segmentation of ours.
///
/// # Errors
/// [`ReadError`].
pub fn read_segmentation(bytes: &[u8]) -> Result<SegmentationReading<'_>, ReadError> {
    let data_set = parse(bytes)?.data_set;
    let class = data_set.str(tag::SOP_CLASS_UID).unwrap_or_default();
    let form = data_set.str(tag::SEGMENTATION_TYPE).unwrap_or_default();
    if class != Kind::Segmentation.sop_class() || form != "BINARY" {
        return Err(ReadError::OtherClass { found: class.to_owned(), wanted: "a BINARY segmentation" });
    }
    let number = |tag| data_set.u16(tag).ok_or_else(|| missing(tag_name(tag)));
    let shared = first(&data_set, tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)
        .ok_or_else(|| missing("SharedFunctionalGroupsSequence"))?;
    let orientation = first(shared, tag::PLANE_ORIENTATION_SEQUENCE)
        .and_then(|item| decimals(item, tag::IMAGE_ORIENTATION_PATIENT))
        .ok_or_else(|| missing("ImageOrientationPatient"))?;
    let spacing_mm = first(shared, tag::PIXEL_MEASURES_SEQUENCE)
        .and_then(|item| decimals(item, tag::PIXEL_SPACING))
        .ok_or_else(|| missing("PixelSpacing"))?;
    let size = [number(tag::ROWS)?, number(tag::COLUMNS)?];
    let segments = data_set.items(tag::SEGMENT_SEQUENCE).iter().map(segment).collect::<Option<_>>();
    let frames =
        data_set.items(tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).iter().map(frame).collect::<Option<_>>();
    let segments = segments.ok_or_else(|| missing("an attribute of a segment"))?;
    let frames = frames.ok_or_else(|| missing("segment or position of a frame"))?;
    let pixels = match data_set.get(tag::PIXEL_DATA).map(|element| &element.value) {
        Some(Value::Bytes(pixels)) => pixels.clone(),
        Some(Value::Items(_) | Value::Fragments(_)) | None => return Err(missing("native PixelData")),
    };
    Ok(SegmentationReading { segments, frames, size, orientation, spacing_mm, pixels })
}

fn tag_name(tag: gantry_dicom::tag::Tag) -> String {
    crate::note::Named(tag).to_string()
}

fn segment(item: &DataSet<'_>) -> Option<Segment> {
    let property = first(item, tag::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE)?;
    let text = |tag| item.str(tag).unwrap_or_default().to_owned();
    Some(Segment {
        number: item.u16(tag::SEGMENT_NUMBER)?,
        label: text(tag::SEGMENT_LABEL),
        tracking_id: text(tag::TRACKING_ID),
        tracking_uid: text(tag::TRACKING_UID),
        property: code(Some(property))?,
        laterality: code(first(property, tag::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE)),
    })
}

fn frame(item: &DataSet<'_>) -> Option<Frame> {
    let derivation = first(item, tag::DERIVATION_IMAGE_SEQUENCE);
    let source = derivation.and_then(|derivation| first(derivation, tag::SOURCE_IMAGE_SEQUENCE));
    Some(Frame {
        segment: first(item, tag::SEGMENT_IDENTIFICATION_SEQUENCE)?.u16(tag::REFERENCED_SEGMENT_NUMBER)?,
        position: decimals(first(item, tag::PLANE_POSITION_SEQUENCE)?, tag::IMAGE_POSITION_PATIENT)?,
        source: source.and_then(|source| source.str(tag::REFERENCED_SOP_INSTANCE_UID)).map(str::to_owned),
    })
}

/// How far a frame may lie from its slice, in parts of the slice distance.
const SLICE_TOLERANCE: f64 = 0.25;
/// How far its first pixel may lie from the voxel, in parts of a pixel.
const PIXEL_TOLERANCE: f64 = 0.25;
/// How far the frame's directions and spacings may be off those of the grid, in parts of a voxel's size.
const STEP_TOLERANCE: f64 = 2e-3;

impl SegmentationReading<'_> {
    /// The label mask on a grid: each segment with the label that `label_of` gives it, or left out.
    ///
    /// # Errors
    /// [`ReadError::Misplaced`] if a frame does not lie on a slice of the grid, pixel on voxel.
    pub fn labels_on(
        &self,
        grid: &Grid,
        label_of: impl Fn(&Segment) -> Option<u8>,
    ) -> Result<Labels, ReadError> {
        self.check_steps(grid)?;
        let mut labels = Labels::filled(*grid, 0);
        let plane = grid.dims().plane();
        for (index, frame) in self.frames.iter().enumerate() {
            let slice = slice_of(grid, frame, index)?;
            let segment = self.segments.iter().find(|segment| segment.number == frame.segment);
            let Some(label) = segment.and_then(&label_of) else { continue };
            if let Some(target) = labels.data_mut().get_mut(slice * plane..(slice + 1) * plane) {
                unpack_into(&self.pixels, index * plane, target, label);
            }
        }
        Ok(labels)
    }

    fn check_steps(&self, grid: &Grid) -> Result<(), ReadError> {
        let [rows, columns] = self.size;
        let [a, b, c, d, e, f] = self.orientation;
        let [between_rows, between_columns] = self.spacing_mm;
        let steps = [VectorLps::new(a, b, c) * between_columns, VectorLps::new(d, e, f) * between_rows];
        let dims = grid.dims();
        let same_size = (dims.rows(), dims.columns()) == (usize::from(rows), usize::from(columns));
        let same_steps = steps
            .iter()
            .zip(grid.steps())
            .all(|(own, wanted)| (*own + -wanted).length() <= STEP_TOLERANCE * wanted.length());
        if same_size && same_steps {
            return Ok(());
        }
        let why = format!("rows and columns are {:?}, steps {steps:?}", self.size);
        Err(ReadError::Misplaced { frame: 1, why })
    }
}

fn slice_of(grid: &Grid, frame: &Frame, index: usize) -> Result<usize, ReadError> {
    let [x, y, z] = frame.position;
    let at = grid.to_voxel(PointLps::new(x, y, z));
    let slice = at.k.round();
    let inside = 0.0 <= slice && slice < grid.dims().slices() as f64;
    let on_slice = (at.k - slice).abs() <= SLICE_TOLERANCE;
    let on_pixel = at.i.abs() <= PIXEL_TOLERANCE && at.j.abs() <= PIXEL_TOLERANCE;
    if inside && on_slice && on_pixel {
        return Ok(slice as usize);
    }
    let why = format!("its position is voxel {:.2}, {:.2}, {:.2}", at.i, at.j, at.k);
    Err(ReadError::Misplaced { frame: index + 1, why })
}
