//! Frames: as many as said, each with its items, each on the image it names (PS3.3 C.7.6.16, C.7.6.17, A.51).
//!
//! That a frame's *pixels* belong to its items cannot be seen from the object; `mask` judges that.

use std::collections::{BTreeMap, BTreeSet};

use gantry_dicom::{
    data_set::{DataSet, Value},
    tag,
};
use gantry_image::geometry::VectorLps;

use crate::{
    note::Named,
    parsed::{decimals, first, tag_value, u32s},
    source::{Source, SourceImage},
};

use super::{Complaints, Rule, has_value};

/// How far the position of a frame may lie from that of its image, mm: rounding in the 16 characters of a decimal
/// string is far below it, and a hundredth of a pixel cannot be seen.
const POSITION_TOLERANCE_MM: f64 = 0.01;
/// How far direction cosines and spacings may be off, for the same reason.
const PLANE_TOLERANCE: f64 = 1e-4;

/// A frame, as its items say it.
struct Frame {
    /// Frame Number, from 1.
    number: usize,
    segment: Option<u16>,
    index_values: Vec<u32>,
    position: Option<[f64; 3]>,
}

/// Judges the frames of a segmentation.
pub(super) fn judge(data_set: &DataSet<'_>, sources: &[&Source], list: &mut Complaints) {
    let items = data_set.items(tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let shared = first(data_set, tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    judge_counts(data_set, items.len(), list);
    let frames: Vec<Frame> = (1..).zip(items).map(|(number, item)| frame(number, item, shared)).collect();
    judge_segments(data_set, &frames, list);
    judge_dimensions(data_set, &frames, list);
    for (frame, item) in frames.iter().zip(items) {
        judge_place(data_set, frame, [Some(item), shared], sources, list);
    }
}

/// Judges the pixels of a single-frame page.
pub(super) fn judge_page(data_set: &DataSet<'_>, list: &mut Complaints) {
    judge_pixel_bytes(data_set, 1, list);
}

fn frame(number: usize, item: &DataSet<'_>, shared: Option<&DataSet<'_>>) -> Frame {
    let in_either = |group| first(item, group).or_else(|| shared.and_then(|shared| first(shared, group)));
    Frame {
        number,
        segment: in_either(tag::SEGMENT_IDENTIFICATION_SEQUENCE)
            .and_then(|group| group.u16(tag::REFERENCED_SEGMENT_NUMBER)),
        index_values: first(item, tag::FRAME_CONTENT_SEQUENCE)
            .map(|group| u32s(group, tag::DIMENSION_INDEX_VALUES))
            .unwrap_or_default(),
        position: in_either(tag::PLANE_POSITION_SEQUENCE)
            .and_then(|group| decimals(group, tag::IMAGE_POSITION_PATIENT)),
    }
}

fn judge_counts(data_set: &DataSet<'_>, items: usize, list: &mut Complaints) {
    let declared = data_set.integer(tag::NUMBER_OF_FRAMES).and_then(|number| usize::try_from(number).ok());
    if declared != Some(items) {
        let said = data_set.str(tag::NUMBER_OF_FRAMES).unwrap_or_default();
        let (name, sequence) =
            (Named(tag::NUMBER_OF_FRAMES), Named(tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE));
        list.add(Rule::Frames, format!("{name} is {said:?}, {sequence} has {items} items"));
    }
    judge_pixel_bytes(data_set, items, list);
}

/// Native pixel data has exactly the bytes of its frames; a bit for each pixel is packed across frames.
fn judge_pixel_bytes(data_set: &DataSet<'_>, frames: usize, list: &mut Complaints) {
    let found = match data_set.get(tag::PIXEL_DATA).map(|element| &element.value) {
        Some(Value::Bytes(bytes)) => bytes.len(),
        Some(Value::Items(_) | Value::Fragments(_)) | None => return,
    };
    let number = |tag| data_set.u16(tag).map_or(0, u128::from);
    let samples = number(tag::ROWS) * number(tag::COLUMNS) * number(tag::SAMPLES_PER_PIXEL) * frames as u128;
    let bytes = (samples * number(tag::BITS_ALLOCATED)).div_ceil(8).next_multiple_of(2);
    if bytes != found as u128 {
        let name = Named(tag::PIXEL_DATA);
        list.add(
            Rule::Frames,
            format!("{name} has {found} bytes, {frames} frames of this size have {bytes}"),
        );
    }
}

/// Segment numbers run from 1 without gaps; each has a frame, and frames name no others.
fn judge_segments(data_set: &DataSet<'_>, frames: &[Frame], list: &mut Complaints) {
    let declared: Vec<Option<u16>> =
        data_set.items(tag::SEGMENT_SEQUENCE).iter().map(|item| item.u16(tag::SEGMENT_NUMBER)).collect();
    if !declared.iter().zip(1..).all(|(found, wanted)| *found == Some(wanted)) {
        list.add(Rule::Frames, format!("{} are not 1, 2, 3 ...: {declared:?}", Named(tag::SEGMENT_NUMBER)));
    }
    let mut used = BTreeSet::new();
    for frame in frames {
        match frame.segment {
            Some(segment) if declared.contains(&Some(segment)) => {
                used.insert(segment);
            }
            Some(segment) => list.add(
                Rule::Frames,
                format!("frame {} names segment {segment}, which does not exist", frame.number),
            ),
            None => list.add(Rule::Frames, format!("frame {} names no segment", frame.number)),
        }
    }
    for segment in declared.into_iter().flatten().filter(|segment| !used.contains(segment)) {
        list.add(Rule::Frames, format!("segment {segment} has no frame"));
    }
}

/// Dimension Index Values: one for each dimension, no two frames the same, and each an ordinal of what it points to.
fn judge_dimensions(data_set: &DataSet<'_>, frames: &[Frame], list: &mut Complaints) {
    let dimensions = data_set.items(tag::DIMENSION_INDEX_SEQUENCE);
    let mut seen: BTreeMap<&[u32], usize> = BTreeMap::new();
    let name = Named(tag::DIMENSION_INDEX_VALUES);
    for frame in frames {
        let values = frame.index_values.as_slice();
        if values.len() != dimensions.len() {
            let (found, wanted) = (values.len(), dimensions.len());
            list.add(
                Rule::Frames,
                format!("{name} of frame {} has {found} values for {wanted} dimensions", frame.number),
            );
        }
        if let Some(other) = seen.insert(values, frame.number) {
            list.add(
                Rule::Frames,
                format!("{name} of frames {other} and {} are both {values:?}", frame.number),
            );
        }
    }
    for (index, dimension) in dimensions.iter().enumerate() {
        match tag_value(dimension, tag::DIMENSION_INDEX_POINTER) {
            Some(tag::REFERENCED_SEGMENT_NUMBER) => judge_segment_index(frames, index, list),
            Some(tag::IMAGE_POSITION_PATIENT) => judge_position_index(data_set, frames, index, list),
            Some(_) | None => {}
        }
    }
}

fn judge_segment_index(frames: &[Frame], dimension: usize, list: &mut Complaints) {
    let mut by_index: BTreeMap<u32, u16> = BTreeMap::new();
    for frame in frames {
        let (Some(value), Some(segment)) = (frame.index_values.get(dimension), frame.segment) else {
            continue;
        };
        let known = *by_index.entry(*value).or_insert(segment);
        if known != segment {
            list.add(
                Rule::Frames,
                format!(
                    "frame {} is of segment {segment}, its index {value} is that of segment {known}",
                    frame.number
                ),
            );
        }
    }
}

/// One index is one place, and places follow each other along the normal.
fn judge_position_index(data_set: &DataSet<'_>, frames: &[Frame], dimension: usize, list: &mut Complaints) {
    let Some(normal) = normal(data_set) else { return };
    let mut along_by_index: BTreeMap<u32, f64> = BTreeMap::new();
    for frame in frames {
        let (Some(value), Some([x, y, z])) = (frame.index_values.get(dimension), frame.position) else {
            continue;
        };
        let along = VectorLps::new(x, y, z).dot(normal);
        let known = *along_by_index.entry(*value).or_insert(along);
        if POSITION_TOLERANCE_MM < (known - along).abs() {
            list.add(
                Rule::Frames,
                format!("frame {} lies at {along:.2} mm, its index {value} at {known:.2} mm", frame.number),
            );
        }
    }
    let places: Vec<f64> = along_by_index.into_values().collect();
    let steps = || places.iter().zip(places.iter().skip(1)).map(|(one, next)| next - one);
    let one_way =
        steps().all(|step| POSITION_TOLERANCE_MM < step) || steps().all(|step| step < -POSITION_TOLERANCE_MM);
    if !one_way {
        list.add(Rule::Frames, "the indices of positions do not follow the slice normal".to_owned());
    }
}

fn normal(data_set: &DataSet<'_>) -> Option<VectorLps> {
    let shared = first(data_set, tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)?;
    let orientation = first(shared, tag::PLANE_ORIENTATION_SEQUENCE)?;
    let [a, b, c, d, e, f] = decimals(orientation, tag::IMAGE_ORIENTATION_PATIENT)?;
    Some(VectorLps::new(a, b, c).cross(VectorLps::new(d, e, f)))
}

/// The frame names the image that it was made from, and lies on it, pixel on pixel.
fn judge_place(
    data_set: &DataSet<'_>,
    frame: &Frame,
    groups: [Option<&DataSet<'_>>; 2],
    sources: &[&Source],
    list: &mut Complaints,
) {
    let number = frame.number;
    let group = |tag| groups.iter().flatten().find_map(|groups| first(groups, tag));
    let has = |sequence, attribute| group(sequence).is_some_and(|group| has_value(group, attribute));
    for (is_there, attribute) in [
        (frame.position.is_some(), tag::IMAGE_POSITION_PATIENT),
        (
            has(tag::PLANE_ORIENTATION_SEQUENCE, tag::IMAGE_ORIENTATION_PATIENT),
            tag::IMAGE_ORIENTATION_PATIENT,
        ),
        (has(tag::PIXEL_MEASURES_SEQUENCE, tag::PIXEL_SPACING), tag::PIXEL_SPACING),
    ] {
        if !is_there {
            list.add(Rule::Place, format!("frame {number} has no readable {}", Named(attribute)));
        }
    }
    let derivations = groups.iter().flatten().flat_map(|group| group.items(tag::DERIVATION_IMAGE_SEQUENCE));
    let images: Vec<&DataSet<'_>> =
        derivations.flat_map(|item| item.items(tag::SOURCE_IMAGE_SEQUENCE)).collect();
    if images.is_empty() {
        let name = Named(tag::DERIVATION_IMAGE_SEQUENCE);
        list.add(Rule::Place, format!("frame {number} names no source image: {name} is missing or empty"));
    }
    for image in images {
        let instance = image.str(tag::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default();
        let found = sources.iter().find_map(|source| source.image(instance).map(|image| (source, image)));
        let claims_same_place = image.str(tag::SPATIAL_LOCATIONS_PRESERVED) == Some("YES");
        match found {
            Some((source, of_source)) if claims_same_place => {
                judge_on_image(data_set, frame, groups, source, of_source, list);
            }
            Some(_) => {}
            None if sources.is_empty() => {}
            None => list
                .add(Rule::Reference, format!("frame {number} names {instance}, which is no source image")),
        }
    }
}

fn judge_on_image(
    data_set: &DataSet<'_>,
    frame: &Frame,
    groups: [Option<&DataSet<'_>>; 2],
    source: &Source,
    image: &SourceImage,
    list: &mut Complaints,
) {
    let number = frame.number;
    let group = |tag| groups.iter().flatten().find_map(|groups| first(groups, tag));
    let numbers =
        |decimals: &[gantry_types::header::Decimal]| decimals.iter().map(|d| d.value).collect::<Vec<f64>>();
    let orientation = group(tag::PLANE_ORIENTATION_SEQUENCE)
        .and_then(|group| decimals::<6>(group, tag::IMAGE_ORIENTATION_PATIENT));
    let spacing =
        group(tag::PIXEL_MEASURES_SEQUENCE).and_then(|group| decimals::<2>(group, tag::PIXEL_SPACING));
    for (tag, own, of_image, tolerance) in [
        (
            tag::IMAGE_POSITION_PATIENT,
            frame.position.map(Vec::from),
            numbers(&image.plane.position),
            POSITION_TOLERANCE_MM,
        ),
        (
            tag::IMAGE_ORIENTATION_PATIENT,
            orientation.map(Vec::from),
            numbers(&image.plane.orientation),
            PLANE_TOLERANCE,
        ),
        (tag::PIXEL_SPACING, spacing.map(Vec::from), numbers(&image.plane.spacing), PLANE_TOLERANCE),
    ] {
        let own = own.unwrap_or_default();
        let near =
            own.len() == of_image.len() && own.iter().zip(&of_image).all(|(a, b)| (a - b).abs() <= tolerance);
        if !near {
            let (name, instance) = (Named(tag), &image.sop_instance);
            list.add(
                Rule::Place,
                format!("{name} of frame {number} is {own:?}, that of its image {instance} is {of_image:?}"),
            );
        }
    }
    // Once for the object is enough.
    if number == 1 {
        judge_space(data_set, source, list);
    }
}

fn judge_space(data_set: &DataSet<'_>, source: &Source, list: &mut Complaints) {
    let space = source.frame_of_reference().map(|space| space.as_str());
    let own = data_set.str(tag::FRAME_OF_REFERENCE_UID);
    if own != space {
        let name = Named(tag::FRAME_OF_REFERENCE_UID);
        let [own, space] = [own, space].map(|uid| uid.unwrap_or("absent"));
        list.add(Rule::Place, format!("{name} is {own}, that of the source images is {space}"));
    }
    let size = [tag::ROWS, tag::COLUMNS].map(|tag| data_set.u16(tag).unwrap_or(0));
    if size != source.size() {
        let wanted = source.size();
        list.add(
            Rule::Place,
            format!("rows and columns are {size:?}, those of the source images are {wanted:?}"),
        );
    }
}
