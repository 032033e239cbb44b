//! Functional groups of a segmentation (PS3.3 A.51.5, C.7.6.16.2).
//!
//! Positions, orientation and spacing are the source's strings, unless one is too long for a decimal string.

use std::collections::BTreeSet;

use gantry_dicom::{
    data_set::DataSet,
    tag::{self, Tag},
};
use gantry_image::grid::Grid;
use gantry_types::header::Decimal;

use crate::{
    attribute::{put_code, put_text, sop_reference},
    codes,
    error::RenderError,
    inputs::{Inputs, Regions},
    note::Note,
    number::{millimetres, source_string},
    source::SourceImage,
};

/// Puts both sequences of functional groups.
pub(super) fn put(
    data_set: &mut DataSet<'static>,
    inputs: &Inputs<'_>,
    grid: &Grid,
    regions: &Regions<'_>,
    notes: &mut Vec<Note>,
) -> Result<(), RenderError> {
    data_set.put_items(tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared(inputs, grid, notes)?]);
    // The position index counts the distinct positions of the whole object, so a slice has one index in every segment.
    let slices: BTreeSet<usize> =
        regions.present.iter().flat_map(|region| region.slices.iter().copied()).collect();
    let positions: Vec<usize> = slices.into_iter().collect();
    let mut frames = Vec::new();
    for region in &regions.present {
        for slice in &region.slices {
            let Some(image) = inputs.source.images().get(*slice) else { continue };
            let index = positions.binary_search(slice).map_or(0, |before| before + 1);
            frames.push(frame(region.number, index, image, notes)?);
        }
    }
    data_set.put_items(tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames);
    Ok(())
}

fn shared(inputs: &Inputs<'_>, grid: &Grid, notes: &mut Vec<Note>) -> Result<DataSet<'static>, RenderError> {
    let mut groups = DataSet::new();
    let Some(first) = inputs.source.images().first() else { return Ok(groups) };
    let mut orientation = DataSet::new();
    put_decimals(&mut orientation, tag::IMAGE_ORIENTATION_PATIENT, &first.plane.orientation, notes);
    groups.put_items(tag::PLANE_ORIENTATION_SEQUENCE, vec![orientation]);
    let mut measures = DataSet::new();
    put_decimals(&mut measures, tag::PIXEL_SPACING, &first.plane.spacing, notes);
    let distance = millimetres(grid.spacing().slice);
    put_text(&mut measures, tag::SPACING_BETWEEN_SLICES, &distance)?;
    match common_thickness(inputs.source.images()) {
        Some(thickness) => {
            put_decimals(&mut measures, tag::SLICE_THICKNESS, std::slice::from_ref(thickness), notes);
        }
        None => {
            put_text(&mut measures, tag::SLICE_THICKNESS, &distance)?;
            notes.push(Note::ThicknessFromDistance);
        }
    }
    groups.put_items(tag::PIXEL_MEASURES_SEQUENCE, vec![measures]);
    Ok(groups)
}

/// The slice thickness, if all images have the same.
fn common_thickness(images: &[SourceImage]) -> Option<&Decimal> {
    let thickness = images.first()?.slice_thickness.as_ref()?;
    let same =
        |image: &SourceImage| image.slice_thickness.as_ref().is_some_and(|t| t.value == thickness.value);
    images.iter().all(same).then_some(thickness)
}

fn put_decimals(data_set: &mut DataSet<'static>, tag: Tag, decimals: &[Decimal], notes: &mut Vec<Note>) {
    let texts: Vec<String> = decimals.iter().map(source_string).collect();
    if texts.iter().zip(decimals).any(|(text, decimal)| **text != *decimal.text) {
        notes.push(Note::Rounded { attribute: tag });
    }
    data_set.put_str(tag, texts.join("\\"));
}

fn frame(
    segment: u16,
    position: usize,
    image: &SourceImage,
    notes: &mut Vec<Note>,
) -> Result<DataSet<'static>, RenderError> {
    let mut groups = DataSet::new();
    let mut content = DataSet::new();
    // There are no more positions than images, and those are counted in 32 bits.
    let index = [u32::from(segment), u32::try_from(position).unwrap_or(u32::MAX)];
    content.put_u32(tag::DIMENSION_INDEX_VALUES, &index);
    groups.put_items(tag::FRAME_CONTENT_SEQUENCE, vec![content]);
    let mut place = DataSet::new();
    put_decimals(&mut place, tag::IMAGE_POSITION_PATIENT, &image.plane.position, notes);
    groups.put_items(tag::PLANE_POSITION_SEQUENCE, vec![place]);
    let mut identification = DataSet::new();
    identification.put_u16(tag::REFERENCED_SEGMENT_NUMBER, &[segment]);
    groups.put_items(tag::SEGMENT_IDENTIFICATION_SEQUENCE, vec![identification]);
    groups.put_items(tag::DERIVATION_IMAGE_SEQUENCE, vec![derivation(image)?]);
    Ok(groups)
}

/// Derivation Image (PS3.3 C.7.6.16.2.6): this frame covers this image, pixel for pixel.
fn derivation(image: &SourceImage) -> Result<DataSet<'static>, RenderError> {
    let mut source = sop_reference(image.sop_class.as_str(), image.sop_instance.as_str());
    put_text(&mut source, tag::SPATIAL_LOCATIONS_PRESERVED, "YES")?;
    put_code(&mut source, tag::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, &codes::SOURCE_IMAGE)?;
    let mut derivation = DataSet::new();
    derivation.put_items(tag::SOURCE_IMAGE_SEQUENCE, vec![source]);
    put_code(&mut derivation, tag::DERIVATION_CODE_SEQUENCE, &codes::SEGMENTATION)?;
    Ok(derivation)
}
