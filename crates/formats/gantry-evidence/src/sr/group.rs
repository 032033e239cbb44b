//! Measurement groups (TID 1411 and 1501) and the answers that stand at the root (TID 1500 rows 12 to 14).

use gantry_dicom::data_set::DataSet;
use gantry_types::{
    code::{self, Code},
    findings::{MeasuredValue, Measurement, SegmentFinding},
};

use crate::{
    base, codes,
    error::RenderError,
    inputs::{Inputs, Region, Regions},
    note::Note,
};

use super::{
    SegmentReference,
    item::{
        Relationship::{Contains, HasConceptMod, HasObsContext},
        code, container, image, num, text, uid_ref, with,
    },
};

/// Names the group, and the tracking UID, of the measurements that belong to no segment.
const WHOLE_KEY: &str = "whole";

/// The groups under Imaging Measurements.
pub(super) fn all(
    inputs: &Inputs<'_>,
    regions: &Regions<'_>,
    segmentation: SegmentReference<'_>,
) -> Result<Vec<DataSet<'static>>, RenderError> {
    let mut groups = Vec::new();
    for region in &regions.present {
        groups.push(of_region(inputs, region, segmentation)?);
    }
    // Without a segmentation all groups are of TID 1501, which needs no region.
    if segmentation == SegmentReference::None && !inputs.findings.measurements.is_empty() {
        let mut items = tracking(inputs, WHOLE_KEY)?;
        items.extend(measurements(inputs, &inputs.findings.measurements)?);
        groups.push(container(Some(Contains), &codes::MEASUREMENT_GROUP, Some("1501"), items)?);
    }
    Ok(groups)
}

fn of_region(
    inputs: &Inputs<'_>,
    region: &Region<'_>,
    segmentation: SegmentReference<'_>,
) -> Result<DataSet<'static>, RenderError> {
    let finding = region.finding;
    let mut items = tracking(inputs, &finding.key)?;
    items.push(code(Contains, &codes::FINDING_CATEGORY, &finding.category)?);
    let what = code(Contains, &codes::FINDING, &finding.property)?;
    let side = laterality(finding)?;
    // A part of the body is its own site; the side of anything else belongs to the finding itself.
    let is_anatomy = finding.category == code::ANATOMICAL_STRUCTURE;
    items.push(if is_anatomy { what } else { with(what, side.clone()) });
    let template = match segmentation {
        SegmentReference::To(object) => {
            let (sop_class, sop_instance) = (object.sop_class.as_str(), object.sop_instance.as_str());
            items.push(image(
                Some(&codes::REFERENCED_SEGMENT),
                sop_class,
                sop_instance,
                Some(region.number),
            )?);
            let series = inputs.source.series().as_str();
            items.push(uid_ref(Contains, &codes::SOURCE_SERIES_FOR_SEGMENTATION, series)?);
            "1411"
        }
        SegmentReference::None => "1501",
    };
    if is_anatomy {
        items.push(with(code(HasConceptMod, &codes::FINDING_SITE, &finding.property)?, side));
    }
    items.extend(measurements(inputs, &finding.measurements)?);
    container(Some(Contains), &codes::MEASUREMENT_GROUP, Some(template), items)
}

fn tracking(inputs: &Inputs<'_>, key: &str) -> Result<Vec<DataSet<'static>>, RenderError> {
    let uid = inputs.scope.tracking_uid(&inputs.run.application.name, key);
    Ok(vec![
        text(HasObsContext, &codes::TRACKING_IDENTIFIER, key)?,
        uid_ref(HasObsContext, &codes::TRACKING_UNIQUE_IDENTIFIER, uid.as_str())?,
    ])
}

fn laterality(finding: &SegmentFinding) -> Result<Vec<DataSet<'static>>, RenderError> {
    let side = finding.laterality.iter();
    side.map(|side| code(HasConceptMod, &codes::LATERALITY, side)).collect()
}

/// Numbers as NUM, then declined ones as coded answers.
fn measurements(
    inputs: &Inputs<'_>,
    measurements: &[Measurement],
) -> Result<Vec<DataSet<'static>>, RenderError> {
    let (mut numbers, mut declined) = (Vec::new(), Vec::new());
    for measurement in measurements {
        match &measurement.value {
            MeasuredValue::Number(value) => numbers.push(number(inputs, measurement, *value)?),
            MeasuredValue::Declined { .. } => declined.push(not_attempted(&measurement.concept)?),
        }
    }
    numbers.append(&mut declined);
    Ok(numbers)
}

fn not_attempted(concept: &Code) -> Result<DataSet<'static>, RenderError> {
    code(Contains, concept, &code::NOT_ATTEMPTED)
}

/// A measurement (TID 300) with the algorithm that made it (TID 4019): under each, since no template has a place for
/// it above them.
fn number(
    inputs: &Inputs<'_>,
    measurement: &Measurement,
    value: f64,
) -> Result<DataSet<'static>, RenderError> {
    if !value.is_finite() {
        return Err(RenderError::NotFinite { key: measurement.key.clone(), value });
    }
    let mut modifiers = Vec::new();
    if let Some(method) = &measurement.method {
        modifiers.push(code(HasConceptMod, &codes::MEASUREMENT_METHOD, method)?);
    }
    if let Some(derivation) = &measurement.derivation {
        modifiers.push(code(HasConceptMod, &codes::DERIVATION, derivation)?);
    }
    let application = &inputs.run.application;
    modifiers.push(text(HasConceptMod, &codes::ALGORITHM_NAME, application.name.as_str())?);
    modifiers.push(text(HasConceptMod, &codes::ALGORITHM_VERSION, &application.version)?);
    modifiers.push(text(HasConceptMod, &codes::ALGORITHM_PARAMETERS, &base::algorithm_parameters(inputs))?);
    modifiers.push(code(HasConceptMod, &codes::ALGORITHM_FAMILY, &application.family)?);
    Ok(with(num(&measurement.concept, value, &measurement.unit)?, modifiers))
}

/// What is answered at the root: absent findings, measurements that belong to no segment, reasons.
pub(super) fn answers(
    inputs: &Inputs<'_>,
    regions: &Regions<'_>,
    segmentation: SegmentReference<'_>,
    notes: &mut Vec<Note>,
) -> Result<Vec<DataSet<'static>>, RenderError> {
    let mut items = Vec::new();
    for finding in &regions.absent {
        notes.push(Note::NoVoxels { finding: finding.key.clone() });
        items.push(with(code(Contains, &finding.property, &codes::ABSENT)?, laterality(finding)?));
        for measurement in finding.measurements.iter().filter(|m| matches!(m.value, MeasuredValue::Number(_)))
        {
            let (finding, measurement) = (finding.key.clone(), measurement.key.clone());
            notes.push(Note::NumberWithoutRegion { finding, measurement });
        }
    }
    // Beside TID 1411 groups there is no other legal place: a group of another template would be mixed with them.
    if segmentation != SegmentReference::None {
        items.extend(measurements(inputs, &inputs.findings.measurements)?);
    }
    items.extend(reasons(inputs)?);
    Ok(items)
}

/// Why measurements were declined, each reason of a concept once.
fn reasons(inputs: &Inputs<'_>) -> Result<Vec<DataSet<'static>>, RenderError> {
    let findings = inputs.findings;
    let of_segments = findings.segments.iter().flat_map(|segment| &segment.measurements);
    let mut said: Vec<(&Code, &str)> = Vec::new();
    let mut items = Vec::new();
    for measurement in of_segments.chain(&findings.measurements) {
        let MeasuredValue::Declined { reason } = &measurement.value else { continue };
        if said.contains(&(&measurement.concept, reason)) {
            continue;
        }
        said.push((&measurement.concept, reason));
        items.push(text(Contains, &measurement.concept, &format!("declined: {reason}"))?);
    }
    Ok(items)
}
