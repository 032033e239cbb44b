//! Segmentations: the label mask as a BINARY SEG on the grid of its source images (PS3.3 A.51, C.8.20).
//!
//! Each segment has one frame for every slice in which it has a voxel; empty frames are left out. A frame says its
//! place three times: by position in the source's own spelling, by the source image it was derived from, and by its
//! index in the dimensions.
//!
//! Invariants
//! - Rows, columns, orientation and positions are the source's, so a viewer needs no resampling.
//! - Frames stand by segment, then along the slice normal.

use gantry_dicom::{
    data_set::{DataSet, Value},
    tag,
    vr::Vr,
};
use gantry_image::volume::Labels;
use gantry_types::uid::Uid;

use crate::{
    attribute::{put_own_uid, put_text, put_uid},
    base,
    error::RenderError,
    inputs::{Inputs, Regions},
    note::Note,
    object::{EvidenceObject, Kind, ObjectIds},
    uid::UidKind,
};

mod groups;
mod pack;
mod segment;

pub(crate) use pack::unpack_into;

/// What became of a segmentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segmentation {
    /// The object.
    Made(Box<EvidenceObject>),
    /// No finding has a voxel, and a segmentation without a frame is none.
    NothingToShow,
}

/// Renders the segmentation.
///
/// # Errors
/// [`RenderError`] if the mask does not lie on the source images or does not agree with the findings.
pub fn render(inputs: &Inputs<'_>, notes: &mut Vec<Note>) -> Result<Segmentation, RenderError> {
    render_regions(inputs, &Regions::find(inputs)?, notes)
}

pub(crate) fn render_regions(
    inputs: &Inputs<'_>,
    regions: &Regions<'_>,
    notes: &mut Vec<Note>,
) -> Result<Segmentation, RenderError> {
    let (Some(mask), false) = (inputs.mask, regions.present.is_empty()) else {
        return Ok(Segmentation::NothingToShow);
    };
    let ids = ObjectIds::new(inputs.scope, &inputs.profile.name, Kind::Segmentation);
    let mut data_set = base::begin(inputs, &ids, "SEG", notes)?;
    put_image(&mut data_set, inputs)?;
    put_frame_of_reference(&mut data_set, inputs, notes)?;
    let segments = regions.present.iter().map(|region| segment::item(inputs, region));
    data_set.put_items(tag::SEGMENT_SEQUENCE, segments.collect::<Result<_, _>>()?);
    put_dimensions(&mut data_set, inputs)?;
    base::put_referenced_series(&mut data_set, inputs);
    base::put_replaced_series(&mut data_set, inputs, Kind::Segmentation);
    groups::put(&mut data_set, inputs, mask.grid(), regions, notes)?;
    put_frames(&mut data_set, mask, regions)?;
    ids.finish(data_set).map(|object| Segmentation::Made(Box::new(object)))
}

/// General Image, Image Pixel and Segmentation Image modules.
fn put_image(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>) -> Result<(), RenderError> {
    data_set.put_str(tag::IMAGE_TYPE, "DERIVED\\PRIMARY");
    put_text(data_set, tag::CONTENT_LABEL, "SEGMENTATION")?;
    put_text(data_set, tag::CONTENT_DESCRIPTION, &inputs.run.application.title)?;
    put_text(data_set, tag::CONTENT_CREATOR_NAME, base::CREATOR)?;
    put_text(data_set, tag::SEGMENTATION_TYPE, "BINARY")?;
    // Each voxel of a label mask has one label.
    put_text(data_set, tag::SEGMENTS_OVERLAP, "NO")?;
    put_text(data_set, tag::LOSSY_IMAGE_COMPRESSION, "00")?;
    put_text(data_set, tag::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2")?;
    let [rows, columns] = inputs.source.size();
    for (tag, number) in [
        (tag::SAMPLES_PER_PIXEL, 1),
        (tag::ROWS, rows),
        (tag::COLUMNS, columns),
        (tag::BITS_ALLOCATED, 1),
        (tag::BITS_STORED, 1),
        (tag::HIGH_BIT, 0),
        (tag::PIXEL_REPRESENTATION, 0),
    ] {
        data_set.put_u16(tag, &[number]);
    }
    Ok(())
}

fn put_frame_of_reference(
    data_set: &mut DataSet<'static>,
    inputs: &Inputs<'_>,
    notes: &mut Vec<Note>,
) -> Result<(), RenderError> {
    let space = inputs.source.frame_of_reference().ok_or(RenderError::NoFrameOfReference)?;
    put_uid(data_set, tag::FRAME_OF_REFERENCE_UID, space.as_str());
    match inputs.source.legal(tag::POSITION_REFERENCE_INDICATOR, notes) {
        Some(value) => data_set.put(tag::POSITION_REFERENCE_INDICATOR, value),
        None => data_set.put_empty(tag::POSITION_REFERENCE_INDICATOR),
    }
    Ok(())
}

/// Multi-frame Dimension module (PS3.3 C.7.6.17): the segment, then the place along the normal.
fn put_dimensions(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>) -> Result<(), RenderError> {
    let organization = inputs.scope.uid(&inputs.profile.name, UidKind::DimensionOrganization, 0);
    let with_uid = |organization: &Uid| {
        let mut item = DataSet::new();
        put_own_uid(&mut item, tag::DIMENSION_ORGANIZATION_UID, organization);
        item
    };
    data_set.put_items(tag::DIMENSION_ORGANIZATION_SEQUENCE, vec![with_uid(&organization)]);
    let mut indices = Vec::new();
    for (pointer, group, label) in [
        (tag::REFERENCED_SEGMENT_NUMBER, tag::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment"),
        (tag::IMAGE_POSITION_PATIENT, tag::PLANE_POSITION_SEQUENCE, "Position"),
    ] {
        let mut item = with_uid(&organization);
        item.put_tag(tag::DIMENSION_INDEX_POINTER, pointer);
        item.put_tag(tag::FUNCTIONAL_GROUP_POINTER, group);
        put_text(&mut item, tag::DIMENSION_DESCRIPTION_LABEL, label)?;
        indices.push(item);
    }
    data_set.put_items(tag::DIMENSION_INDEX_SEQUENCE, indices);
    Ok(())
}

fn put_frames(
    data_set: &mut DataSet<'static>,
    mask: &Labels,
    regions: &Regions<'_>,
) -> Result<(), RenderError> {
    let mut frames = pack::Frames::default();
    let mut count = 0usize;
    for region in &regions.present {
        for plane in region.slices.iter().filter_map(|k| mask.slice(*k)) {
            frames.push(plane, region.finding.label);
            count += 1;
        }
    }
    put_text(data_set, tag::NUMBER_OF_FRAMES, &count.to_string())?;
    data_set.put_as(tag::PIXEL_DATA, Vr::OB, Value::Bytes(frames.into_bytes().into()));
    Ok(())
}
