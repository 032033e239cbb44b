//! Structured reports: Comprehensive 3D SR with TID 1500 (PS3.3 A.35.13, C.17; PS3.16 TID 1500).
//!
//! Where the set has a segmentation, each finding is a TID 1411 group that refers to its segment; where it has none,
//! a TID 1501 group, since a region that nobody can look at is none. The two are never mixed in one report.
//!
//! A declined measurement is a coded answer, and its reason a text in the root's Qualitative Evaluations: a number
//! without value, the standard's own form, makes common readers refuse the whole report. A finding without a voxel is
//! answered *Absent* in the same place.

use gantry_dicom::{data_set::DataSet, tag};
use gantry_types::code::Code;

use crate::{
    attribute::{put_text, put_uid, series_item, sop_reference},
    base, codes,
    error::RenderError,
    inputs::{Inputs, Regions, Replaced},
    note::Note,
    object::{EvidenceObject, Kind, ObjectIds},
};

mod group;
mod item;
mod request;

use item::{Relationship, code, container, image, text, uid_ref};

/// The segmentation of the same set, to which the groups refer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentReference<'a> {
    /// To this object's segments.
    To(&'a EvidenceObject),
    /// The set has none.
    None,
}

/// Renders the report.
///
/// # Errors
/// [`RenderError`].
pub fn render(
    inputs: &Inputs<'_>,
    segmentation: SegmentReference<'_>,
    notes: &mut Vec<Note>,
) -> Result<EvidenceObject, RenderError> {
    render_regions(inputs, &Regions::find(inputs)?, segmentation, notes)
}

pub(crate) fn render_regions(
    inputs: &Inputs<'_>,
    regions: &Regions<'_>,
    segmentation: SegmentReference<'_>,
    notes: &mut Vec<Note>,
) -> Result<EvidenceObject, RenderError> {
    let ids = ObjectIds::new(inputs.scope, &inputs.profile.name, Kind::Report);
    let mut data_set = base::begin(inputs, &ids, "SR", notes)?;
    data_set.put_empty(tag::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE);
    data_set.put_empty(tag::PERFORMED_PROCEDURE_CODE_SEQUENCE);
    put_text(&mut data_set, tag::COMPLETION_FLAG, "COMPLETE")?;
    put_text(&mut data_set, tag::VERIFICATION_FLAG, "UNVERIFIED")?;
    put_text(&mut data_set, tag::PRELIMINARY_FLAG, "PRELIMINARY")?;
    request::put(&mut data_set, inputs, notes);
    put_evidence(&mut data_set, inputs, segmentation);
    put_predecessors(&mut data_set, inputs);
    for element in root(inputs, regions, segmentation, notes)?.elements() {
        data_set.put_as(element.tag, element.vr, element.value.clone());
    }
    ids.finish(data_set)
}

/// Current Requested Procedure Evidence Sequence (0040,A375): every object that the tree refers to.
fn put_evidence(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>, segmentation: SegmentReference<'_>) {
    let images = base::image_references(inputs);
    let mut series = vec![series_item(inputs.source.series().as_str(), tag::REFERENCED_SOP_SEQUENCE, images)];
    if let SegmentReference::To(object) = segmentation {
        let reference = sop_reference(object.sop_class.as_str(), object.sop_instance.as_str());
        series.push(series_item(object.series.as_str(), tag::REFERENCED_SOP_SEQUENCE, vec![reference]));
    }
    data_set.put_items(tag::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![study_item(inputs, series)]);
}

/// Predecessor Documents Sequence (0040,A360): the reports that this one replaces.
fn put_predecessors(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>) {
    let series: Vec<_> = inputs
        .replaces
        .iter()
        .filter(|replaced| replaced.kind == Kind::Report)
        .map(|Replaced { sop_class, sop_instance, series, .. }| {
            let reference = sop_reference(sop_class.as_str(), sop_instance.as_str());
            series_item(series.as_str(), tag::REFERENCED_SOP_SEQUENCE, vec![reference])
        })
        .collect();
    if !series.is_empty() {
        data_set.put_items(tag::PREDECESSOR_DOCUMENTS_SEQUENCE, vec![study_item(inputs, series)]);
    }
}

fn study_item(inputs: &Inputs<'_>, series: Vec<DataSet<'static>>) -> DataSet<'static> {
    let mut study = DataSet::new();
    put_uid(&mut study, tag::STUDY_INSTANCE_UID, inputs.source.study().as_str());
    study.put_items(tag::REFERENCED_SERIES_SEQUENCE, series);
    study
}

/// The root of the tree (TID 1500).
fn root(
    inputs: &Inputs<'_>,
    regions: &Regions<'_>,
    segmentation: SegmentReference<'_>,
    notes: &mut Vec<Note>,
) -> Result<DataSet<'static>, RenderError> {
    use Relationship::{Contains, HasConceptMod};
    let mut children = vec![code(HasConceptMod, &codes::LANGUAGE, &codes::ENGLISH)?];
    children.extend(observer(inputs)?);
    children.push(code(HasConceptMod, &codes::PROCEDURE_REPORTED, &codes::IMAGING_PROCEDURE)?);
    children.push(image_library(inputs)?);
    let groups = group::all(inputs, regions, segmentation)?;
    if !groups.is_empty() {
        children.push(container(Some(Contains), &codes::IMAGING_MEASUREMENTS, None, groups)?);
    }
    let answers = group::answers(inputs, regions, segmentation, notes)?;
    if !answers.is_empty() {
        children.push(container(Some(Contains), &codes::QUALITATIVE_EVALUATIONS, None, answers)?);
    }
    container(None, &codes::IMAGING_MEASUREMENT_REPORT, Some("1500"), children)
}

/// Who observed: this node (TID 1002, 1004).
fn observer(inputs: &Inputs<'_>) -> Result<Vec<DataSet<'static>>, RenderError> {
    use Relationship::HasObsContext;
    let mut items = vec![
        code(HasObsContext, &codes::OBSERVER_TYPE, &codes::DEVICE)?,
        uid_ref(HasObsContext, &codes::DEVICE_OBSERVER_UID, base::node_uid(inputs).as_str())?,
    ];
    let institution = inputs.run.institution.as_deref();
    for (concept, value) in [
        (codes::DEVICE_OBSERVER_NAME, Some(base::MODEL)),
        (codes::DEVICE_OBSERVER_MANUFACTURER, Some(base::MANUFACTURER)),
        (codes::DEVICE_OBSERVER_MODEL_NAME, Some(base::MODEL)),
        (codes::DEVICE_OBSERVER_SERIAL_NUMBER, Some(inputs.run.node.as_str())),
        (codes::DEVICE_OBSERVER_LOCATION, institution),
    ] {
        if let Some(value) = value {
            items.push(text(HasObsContext, &concept, value)?);
        }
    }
    Ok(items)
}

/// The images that were looked at (TID 1600), in their least form.
fn image_library(inputs: &Inputs<'_>) -> Result<DataSet<'static>, RenderError> {
    use Relationship::{Contains, HasAcqContext};
    let mut entries = Vec::new();
    let modality = |code: &&Code| *code.value == *inputs.source.modality();
    if let Some(modality) = codes::MODALITIES.iter().find(modality) {
        entries.push(code(HasAcqContext, &codes::MODALITY, modality)?);
    }
    if let Some(space) = inputs.source.frame_of_reference() {
        entries.push(uid_ref(HasAcqContext, &codes::FRAME_OF_REFERENCE_UID, space.as_str())?);
    }
    for source in inputs.source.images() {
        entries.push(image(None, source.sop_class.as_str(), source.sop_instance.as_str(), None)?);
    }
    let group = container(Some(Contains), &codes::IMAGE_LIBRARY_GROUP, None, entries)?;
    container(Some(Contains), &codes::IMAGE_LIBRARY, None, vec![group])
}
