//! Types 1 and 2 of the modules (PS3.3 A.8.1, A.35.13, A.51 and the module tables they name).
//!
//! The tables are data: a row is an attribute, its type, when it applies, and the rows of its items. A row of type 3
//! stands here only for the sake of its items. The modules' content items and functional groups of a frame are judged
//! in `tree` and `frames`.

use core::fmt;

use gantry_dicom::{
    data_set::DataSet,
    tag::{self, Tag},
};

use crate::{note::Named, object::Kind, sc::is_of_unpaired_part};

use super::{Complaints, Rule, has_value};

/// A row of a module table.
struct Row {
    tag: Tag,
    kind: Type,
    /// Condition of types 1C and 2C, over the data set or item that the attribute stands in.
    when: fn(&DataSet<'_>) -> bool,
    /// What an item must have.
    items: &'static [Row],
    /// The values that the attribute may have; all if there are none.
    terms: &'static [&'static str],
}

/// The type of an attribute (PS3.5 7.4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    /// Present with a value.
    One,
    /// Present, with or without a value.
    Two,
    /// Optional.
    Three,
    /// Must not be present: a conditional attribute whose condition does not hold.
    Never,
}

const fn three(tag: Tag) -> Row {
    row(tag, Type::Three)
}

const fn row(tag: Tag, kind: Type) -> Row {
    Row { tag, kind, when: |_| true, items: &[], terms: &[] }
}

const fn one(tag: Tag) -> Row {
    row(tag, Type::One)
}

const fn two(tag: Tag) -> Row {
    row(tag, Type::Two)
}

impl Row {
    const fn when(mut self, condition: fn(&DataSet<'_>) -> bool) -> Self {
        self.when = condition;
        self
    }

    const fn items(mut self, rows: &'static [Row]) -> Self {
        self.items = rows;
        self
    }

    const fn of(mut self, terms: &'static [&'static str]) -> Self {
        self.terms = terms;
        self
    }
}

type Module = &'static [Row];

const PATIENT: Module = &[
    two(tag::PATIENT_NAME),
    two(tag::PATIENT_ID),
    two(tag::PATIENT_BIRTH_DATE),
    two(tag::PATIENT_SEX),
    one(tag::DEIDENTIFICATION_METHOD).when(|d| {
        d.str(tag::PATIENT_IDENTITY_REMOVED) == Some("YES")
            && !has_value(d, tag::DEIDENTIFICATION_METHOD_CODE_SEQUENCE)
    }),
];

const GENERAL_STUDY: Module = &[
    one(tag::STUDY_INSTANCE_UID),
    two(tag::STUDY_DATE),
    two(tag::STUDY_TIME),
    two(tag::STUDY_ID),
    two(tag::ACCESSION_NUMBER),
    two(tag::REFERRING_PHYSICIAN_NAME),
];

/// A module of a user option, which is there if one of its attributes is.
const CLINICAL_TRIAL_SUBJECT: Module = &[
    one(tag::CLINICAL_TRIAL_SPONSOR_NAME).when(in_a_trial),
    one(tag::CLINICAL_TRIAL_PROTOCOL_ID).when(in_a_trial),
    two(tag::CLINICAL_TRIAL_PROTOCOL_NAME).when(in_a_trial),
    two(tag::CLINICAL_TRIAL_SITE_ID).when(in_a_trial),
    two(tag::CLINICAL_TRIAL_SITE_NAME).when(in_a_trial),
    one(tag::CLINICAL_TRIAL_SUBJECT_ID)
        .when(|d| in_a_trial(d) && !has_value(d, tag::CLINICAL_TRIAL_SUBJECT_READING_ID)),
];

fn in_a_trial(data_set: &DataSet<'_>) -> bool {
    CLINICAL_TRIAL_SUBJECT.iter().any(|row| data_set.get(row.tag).is_some())
}

const GENERAL_SERIES: Module = &[one(tag::MODALITY), one(tag::SERIES_INSTANCE_UID), two(tag::SERIES_NUMBER)];

/// Laterality (0020,0060) of an object without functional groups.
const LATERALITY: Module = &[
    two(tag::LATERALITY).when(|d| !is_of_unpaired_part(d) && d.get(tag::IMAGE_LATERALITY).is_none()),
    row(tag::LATERALITY, Type::Never).when(is_of_unpaired_part),
];

const SEGMENTATION_SERIES: Module = &[
    one(tag::MODALITY).of(&["SEG"]),
    one(tag::SERIES_NUMBER),
    // The side of each segment stands with it.
    row(tag::LATERALITY, Type::Never),
];

const SR_DOCUMENT_SERIES: Module = &[
    one(tag::MODALITY).of(&["SR"]),
    one(tag::SERIES_INSTANCE_UID),
    one(tag::SERIES_NUMBER),
    two(tag::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE),
];

const GENERAL_EQUIPMENT: Module = &[two(tag::MANUFACTURER)];

const ENHANCED_GENERAL_EQUIPMENT: Module = &[
    one(tag::MANUFACTURER),
    one(tag::MANUFACTURER_MODEL_NAME),
    one(tag::DEVICE_SERIAL_NUMBER),
    one(tag::SOFTWARE_VERSIONS),
];

const FRAME_OF_REFERENCE: Module = &[
    one(tag::FRAME_OF_REFERENCE_UID).when(has_positions),
    two(tag::POSITION_REFERENCE_INDICATOR).when(has_positions),
];

fn has_positions(data_set: &DataSet<'_>) -> bool {
    let groups = data_set.items(tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    groups.iter().any(|frame| has_value(frame, tag::PLANE_POSITION_SEQUENCE))
}

const GENERAL_IMAGE: Module = &[
    two(tag::INSTANCE_NUMBER),
    two(tag::PATIENT_ORIENTATION).when(|d| {
        d.get(tag::IMAGE_ORIENTATION_PATIENT).is_none()
            && d.get(tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).is_none()
    }),
    one(tag::LOSSY_IMAGE_COMPRESSION_RATIO).when(is_lossy),
    one(tag::LOSSY_IMAGE_COMPRESSION)
        .of(&["00", "01"])
        .when(|d| d.get(tag::LOSSY_IMAGE_COMPRESSION).is_some()),
];

fn is_lossy(data_set: &DataSet<'_>) -> bool {
    data_set.str(tag::LOSSY_IMAGE_COMPRESSION) == Some("01")
}

const IMAGE_PIXEL: Module = &[
    one(tag::SAMPLES_PER_PIXEL),
    one(tag::PHOTOMETRIC_INTERPRETATION),
    one(tag::ROWS),
    one(tag::COLUMNS),
    one(tag::BITS_ALLOCATED),
    one(tag::BITS_STORED),
    one(tag::HIGH_BIT),
    one(tag::PIXEL_REPRESENTATION),
    one(tag::PLANAR_CONFIGURATION).when(|d| d.u16(tag::SAMPLES_PER_PIXEL).is_some_and(|samples| 1 < samples)),
    one(tag::PIXEL_DATA),
];

const SC_EQUIPMENT: Module =
    &[one(tag::CONVERSION_TYPE).of(&["DV", "DI", "DF", "WSD", "SD", "SI", "DRW", "SYN"])];

const SEGMENTATION_IMAGE: Module = &[
    one(tag::IMAGE_TYPE),
    one(tag::INSTANCE_NUMBER),
    one(tag::CONTENT_LABEL),
    two(tag::CONTENT_DESCRIPTION),
    one(tag::PHOTOMETRIC_INTERPRETATION).of(&["MONOCHROME2"]),
    one(tag::LOSSY_IMAGE_COMPRESSION).of(&["00", "01"]),
    one(tag::SEGMENTATION_TYPE).of(&["BINARY", "FRACTIONAL"]),
    one(tag::MAXIMUM_FRACTIONAL_VALUE).when(is_fractional),
    one(tag::SEGMENTATION_FRACTIONAL_TYPE).when(is_fractional),
    one(tag::SEGMENT_SEQUENCE).items(&[
        one(tag::SEGMENT_NUMBER),
        one(tag::SEGMENT_LABEL),
        one(tag::SEGMENT_ALGORITHM_TYPE).of(&["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]),
        one(tag::SEGMENT_ALGORITHM_NAME).when(|d| d.str(tag::SEGMENT_ALGORITHM_TYPE) != Some("MANUAL")),
        one(tag::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE),
        one(tag::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE),
        one(tag::TRACKING_ID).when(|d| d.get(tag::TRACKING_UID).is_some()),
        one(tag::TRACKING_UID).when(|d| d.get(tag::TRACKING_ID).is_some()),
        three(tag::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE).items(&[
            one(tag::ALGORITHM_FAMILY_CODE_SEQUENCE),
            one(tag::ALGORITHM_NAME),
            one(tag::ALGORITHM_VERSION),
        ]),
    ]),
];

fn is_fractional(data_set: &DataSet<'_>) -> bool {
    data_set.str(tag::SEGMENTATION_TYPE) == Some("FRACTIONAL")
}

const MULTI_FRAME_FUNCTIONAL_GROUPS: Module = &[
    one(tag::CONTENT_DATE),
    one(tag::CONTENT_TIME),
    one(tag::INSTANCE_NUMBER),
    one(tag::NUMBER_OF_FRAMES),
    one(tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE),
    one(tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).items(&[
        one(tag::FRAME_CONTENT_SEQUENCE).items(&[one(tag::DIMENSION_INDEX_VALUES)]),
        three(tag::DERIVATION_IMAGE_SEQUENCE).items(&[
            one(tag::DERIVATION_CODE_SEQUENCE),
            two(tag::SOURCE_IMAGE_SEQUENCE).items(&[one(tag::PURPOSE_OF_REFERENCE_CODE_SEQUENCE)]),
        ]),
    ]),
];

const MULTI_FRAME_DIMENSION: Module = &[
    one(tag::DIMENSION_ORGANIZATION_SEQUENCE).items(&[one(tag::DIMENSION_ORGANIZATION_UID)]),
    one(tag::DIMENSION_INDEX_SEQUENCE).items(&[
        one(tag::DIMENSION_ORGANIZATION_UID),
        one(tag::DIMENSION_INDEX_POINTER),
        one(tag::FUNCTIONAL_GROUP_POINTER),
    ]),
];

const SR_DOCUMENT_GENERAL: Module = &[
    one(tag::CONTENT_DATE),
    one(tag::CONTENT_TIME),
    one(tag::INSTANCE_NUMBER),
    two(tag::PERFORMED_PROCEDURE_CODE_SEQUENCE),
    one(tag::COMPLETION_FLAG).of(&["PARTIAL", "COMPLETE"]),
    one(tag::VERIFICATION_FLAG).of(&["UNVERIFIED", "VERIFIED"]),
    three(tag::PRELIMINARY_FLAG).of(&["PRELIMINARY", "FINAL"]),
    one(tag::VERIFYING_OBSERVER_SEQUENCE).when(|d| d.str(tag::VERIFICATION_FLAG) == Some("VERIFIED")),
    three(tag::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE).items(STUDY_AND_SERIES),
    three(tag::PERTINENT_OTHER_EVIDENCE_SEQUENCE).items(STUDY_AND_SERIES),
    three(tag::PREDECESSOR_DOCUMENTS_SEQUENCE).items(STUDY_AND_SERIES),
    three(tag::REFERENCED_REQUEST_SEQUENCE).items(&[
        one(tag::STUDY_INSTANCE_UID),
        two(tag::REFERENCED_STUDY_SEQUENCE),
        two(tag::ACCESSION_NUMBER),
        two(tag::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST),
        two(tag::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST),
        two(tag::REQUESTED_PROCEDURE_ID),
        two(tag::REQUESTED_PROCEDURE_DESCRIPTION),
        two(tag::REQUESTED_PROCEDURE_CODE_SEQUENCE),
    ]),
];

/// Hierarchical SOP Instance Reference Macro (PS3.3 C.17.2.1).
const STUDY_AND_SERIES: Module = &[
    one(tag::STUDY_INSTANCE_UID),
    one(tag::REFERENCED_SERIES_SEQUENCE)
        .items(&[one(tag::SERIES_INSTANCE_UID), one(tag::REFERENCED_SOP_SEQUENCE)]),
];

const COMMON_INSTANCE_REFERENCE: Module = &[one(tag::REFERENCED_SERIES_SEQUENCE)
    .when(|d| {
        has_value(d, tag::SOURCE_IMAGE_SEQUENCE) || has_value(d, tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
    })
    .items(&[one(tag::SERIES_INSTANCE_UID), one(tag::REFERENCED_INSTANCE_SEQUENCE)])];

const SOP_COMMON: Module = &[
    one(tag::SOP_CLASS_UID),
    one(tag::SOP_INSTANCE_UID),
    three(tag::CONTRIBUTING_EQUIPMENT_SEQUENCE)
        .items(&[one(tag::PURPOSE_OF_REFERENCE_CODE_SEQUENCE), one(tag::MANUFACTURER)]),
    three(tag::CODING_SCHEME_IDENTIFICATION_SEQUENCE).items(&[one(tag::CODING_SCHEME_DESIGNATOR)]),
    three(tag::CONTENT_QUALIFICATION).of(&["PRODUCT", "RESEARCH", "SERVICE"]),
];

const fn modules(kind: Kind) -> &'static [Module] {
    match kind {
        Kind::SecondaryCapture => &[
            PATIENT,
            CLINICAL_TRIAL_SUBJECT,
            GENERAL_STUDY,
            GENERAL_SERIES,
            LATERALITY,
            SC_EQUIPMENT,
            GENERAL_IMAGE,
            IMAGE_PIXEL,
            COMMON_INSTANCE_REFERENCE,
            SOP_COMMON,
        ],
        Kind::Segmentation => &[
            PATIENT,
            CLINICAL_TRIAL_SUBJECT,
            GENERAL_STUDY,
            GENERAL_SERIES,
            SEGMENTATION_SERIES,
            FRAME_OF_REFERENCE,
            GENERAL_EQUIPMENT,
            ENHANCED_GENERAL_EQUIPMENT,
            GENERAL_IMAGE,
            IMAGE_PIXEL,
            SEGMENTATION_IMAGE,
            MULTI_FRAME_FUNCTIONAL_GROUPS,
            MULTI_FRAME_DIMENSION,
            COMMON_INSTANCE_REFERENCE,
            SOP_COMMON,
        ],
        Kind::Report => &[
            PATIENT,
            CLINICAL_TRIAL_SUBJECT,
            GENERAL_STUDY,
            SR_DOCUMENT_SERIES,
            GENERAL_EQUIPMENT,
            SR_DOCUMENT_GENERAL,
            SOP_COMMON,
        ],
    }
}

/// Judges the attributes of every module of the class.
pub(super) fn judge(data_set: &DataSet<'_>, kind: Kind, list: &mut Complaints) {
    // An attribute of several modules is complained about once.
    let mut said = Vec::new();
    for row in modules(kind).iter().copied().flatten() {
        judge_row(data_set, row, None, &mut said, list);
    }
}

/// Where a row is judged: an item of a sequence, which stands in another. Written only for a complaint.
#[derive(Clone, Copy)]
struct Place<'a> {
    sequence: Tag,
    /// From 1.
    item: usize,
    within: Option<&'a Self>,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " in item {} of {}", self.item, Named(self.sequence))?;
        self.within.map_or(Ok(()), |outer| outer.fmt(f))
    }
}

/// Recurses as deep as the tables are nested.
fn judge_row(
    data_set: &DataSet<'_>,
    row: &Row,
    place: Option<&Place<'_>>,
    said: &mut Vec<String>,
    list: &mut Complaints,
) {
    if let Some((rule, what)) = fault(data_set, row) {
        let place = place.map(Place::to_string).unwrap_or_default();
        let sentence = format!("{}{place} {what}", Named(row.tag));
        if !said.contains(&sentence) {
            said.push(sentence.clone());
            list.add(rule, sentence);
        }
    }
    for (item, inside) in (1..).zip(data_set.items(row.tag)) {
        let here = Place { sequence: row.tag, item, within: place };
        for inner in row.items {
            judge_row(inside, inner, Some(&here), said, list);
        }
    }
}

fn fault(data_set: &DataSet<'_>, row: &Row) -> Option<(Rule, String)> {
    let found = data_set.get(row.tag).is_some();
    let applies = (row.when)(data_set);
    match row.kind {
        Type::One if applies && !has_value(data_set, row.tag) => {
            let how = if found { "has no value" } else { "is missing" };
            return Some((Rule::Present, format!("{how}, it is of type 1")));
        }
        Type::Two if applies && !found => {
            return Some((Rule::Present, "is missing, it is of type 2".to_owned()));
        }
        Type::Never if applies && found => return Some((Rule::Present, "must not be there".to_owned())),
        Type::One | Type::Two | Type::Three | Type::Never => {}
    }
    let value = data_set.str(row.tag).filter(|value| !value.is_empty())?;
    let is_term = row.terms.is_empty() || row.terms.contains(&value);
    (!is_term).then(|| (Rule::Value, format!("is {value:?}, allowed are {:?}", row.terms)))
}
