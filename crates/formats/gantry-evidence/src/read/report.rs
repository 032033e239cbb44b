//! The measurements and answers of a TID 1500 report.

use gantry_dicom::{
    data_set::DataSet,
    tag::{self, Tag},
};
use gantry_types::code::{Code, NOT_ATTEMPTED};

use crate::{
    codes,
    object::Kind,
    parsed::{decimals, f64, first, parse},
};

use super::{ReadError, code, missing};

/// What a report says.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportReading {
    /// Its numbers, in their order.
    pub measurements: Vec<NumericMeasurement>,
    /// Its coded and textual answers, in their order.
    pub answers: Vec<Answer>,
}

/// A number (value type NUM).
#[derive(Debug, Clone, PartialEq)]
pub struct NumericMeasurement {
    /// The measurement group it stands in; none for those at the root.
    pub group: Option<Group>,
    /// What was measured.
    pub concept: Code,
    /// How it was derived from many values.
    pub derivation: Option<Code>,
    /// By which method.
    pub method: Option<Code>,
    /// The number, in full precision where the report has it.
    pub value: f64,
    /// Its unit.
    pub unit: Code,
}

/// An answer that is no number.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The measurement group it stands in; none for those at the root.
    pub group: Option<Group>,
    /// The question.
    pub concept: Code,
    /// On which side, for an answer about one of a pair.
    pub laterality: Option<Code>,
    /// The answer.
    pub value: AnswerValue,
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerValue {
    /// Coded.
    Code(Code),
    /// As text.
    Text(String),
}

impl Answer {
    /// Whether it stands for a measurement that was declined.
    #[must_use]
    pub fn is_declined(&self) -> bool {
        matches!(&self.value, AnswerValue::Code(code) if *code == NOT_ATTEMPTED)
    }
}

/// What a measurement group is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Tracking Identifier: the key of the finding.
    pub tracking_id: String,
    /// Tracking Unique Identifier.
    pub tracking_uid: String,
    /// Finding.
    pub finding: Option<Code>,
    /// Laterality of its site.
    pub laterality: Option<Code>,
    /// SOP Instance UID of the segmentation, and the Segment Number in it.
    pub segment: Option<(String, u16)>,
}

/// Reads a report of ours.
///
/// # Errors
/// [`ReadError`].
pub fn read_report(bytes: &[u8]) -> Result<ReportReading, ReadError> {
    let data_set = parse(bytes)?.data_set;
    let class = data_set.str(tag::SOP_CLASS_UID).unwrap_or_default();
    if class != Kind::Report.sop_class() {
        return Err(ReadError::OtherClass { found: class.to_owned(), wanted: "a Comprehensive 3D SR" });
    }
    let mut reading = ReportReading { measurements: Vec::new(), answers: Vec::new() };
    for container in children(&data_set) {
        let concept = concept(container);
        if concept.as_ref() == Some(&codes::IMAGING_MEASUREMENTS) {
            for group in children(container) {
                read_items(group, Some(&group_of(group)), &mut reading)?;
            }
        } else if concept.as_ref() == Some(&codes::QUALITATIVE_EVALUATIONS) {
            read_items(container, None, &mut reading)?;
        }
    }
    Ok(reading)
}

fn children<'a, 'b>(item: &'b DataSet<'a>) -> &'b [DataSet<'a>] {
    item.items(tag::CONTENT_SEQUENCE)
}

fn concept(item: &DataSet<'_>) -> Option<Code> {
    code(first(item, tag::CONCEPT_NAME_CODE_SEQUENCE))
}

fn child<'a, 'b>(item: &'b DataSet<'a>, concept_name: &Code) -> Option<&'b DataSet<'a>> {
    children(item).iter().find(|child| concept(child).as_ref() == Some(concept_name))
}

fn coded_child(item: &DataSet<'_>, concept_name: &Code) -> Option<Code> {
    code(first(child(item, concept_name)?, tag::CONCEPT_CODE_SEQUENCE))
}

fn group_of(item: &DataSet<'_>) -> Group {
    let text = |concept: &Code, tag: Tag| {
        child(item, concept).and_then(|child| child.str(tag)).unwrap_or_default().to_owned()
    };
    let segment = child(item, &codes::REFERENCED_SEGMENT).and_then(|image| {
        let reference = first(image, tag::REFERENCED_SOP_SEQUENCE)?;
        let instance = reference.str(tag::REFERENCED_SOP_INSTANCE_UID)?;
        Some((instance.to_owned(), reference.u16(tag::REFERENCED_SEGMENT_NUMBER)?))
    });
    let of_site = child(item, &codes::FINDING_SITE).and_then(|site| coded_child(site, &codes::LATERALITY));
    let of_finding =
        || child(item, &codes::FINDING).and_then(|finding| coded_child(finding, &codes::LATERALITY));
    Group {
        tracking_id: text(&codes::TRACKING_IDENTIFIER, tag::TEXT_VALUE),
        tracking_uid: text(&codes::TRACKING_UNIQUE_IDENTIFIER, tag::UID),
        finding: coded_child(item, &codes::FINDING),
        laterality: of_site.or_else(of_finding),
        segment,
    }
}

/// The concepts of a group that say what it is about, not what was found.
fn is_about_the_group(concept: &Code) -> bool {
    [codes::FINDING_CATEGORY, codes::FINDING, codes::FINDING_SITE, codes::TRACKING_IDENTIFIER]
        .contains(concept)
}

fn read_items(
    holder: &DataSet<'_>,
    group: Option<&Group>,
    reading: &mut ReportReading,
) -> Result<(), ReadError> {
    for item in children(holder) {
        let Some(concept) = concept(item) else { continue };
        if is_about_the_group(&concept) {
            continue;
        }
        let group = group.cloned();
        match item.str(tag::VALUE_TYPE) {
            Some("NUM") => reading.measurements.push(numeric(item, group, concept)?),
            Some("CODE") => {
                let value =
                    code(first(item, tag::CONCEPT_CODE_SEQUENCE)).ok_or_else(|| missing("a coded answer"))?;
                let laterality = coded_child(item, &codes::LATERALITY);
                reading.answers.push(Answer { group, concept, laterality, value: AnswerValue::Code(value) });
            }
            Some("TEXT") => {
                let value = AnswerValue::Text(item.str(tag::TEXT_VALUE).unwrap_or_default().to_owned());
                reading.answers.push(Answer { group, concept, laterality: None, value });
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

fn numeric(item: &DataSet<'_>, group: Option<Group>, concept: Code) -> Result<NumericMeasurement, ReadError> {
    let measured = first(item, tag::MEASURED_VALUE_SEQUENCE).ok_or_else(|| missing("a measured value"))?;
    let rounded = decimals(measured, tag::NUMERIC_VALUE).map(|[value]: [f64; 1]| value);
    let value = f64(measured, tag::FLOATING_POINT_VALUE).or(rounded);
    Ok(NumericMeasurement {
        group,
        concept,
        derivation: coded_child(item, &codes::DERIVATION),
        method: coded_child(item, &codes::MEASUREMENT_METHOD),
        value: value.ok_or_else(|| missing("NumericValue"))?,
        unit: code(first(measured, tag::MEASUREMENT_UNITS_CODE_SEQUENCE)).ok_or_else(|| missing("a unit"))?,
    })
}
