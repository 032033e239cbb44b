//! What of the header in force is copied into every object (PS3.3 C.7.1 to C.7.2, C.7.3.1, C.12.1).
//!
//! Identity is repeated byte for byte, illegal values too: an archive files by it. Everything else is copied if it is
//! legal and complete, and left out with a note if it is not. Type 2 attributes that the source lacks are written
//! empty. Attributes of type 3 are copied even if empty: tools compare them across a study.
//!
//! Private attributes are not copied.

use gantry_dicom::{
    data_set::{DataSet, Element, Value},
    dictionary, rules,
    tag::{self, Tag},
    vr::Vr,
};

use crate::note::Note;

/// How an attribute is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// Byte for byte; empty if the source lacks it (type 1 or 2).
    Identity,
    /// Byte for byte if the source has it.
    IdentityIfPresent,
    /// If the source has it and it is legal.
    IfLegal,
}

use Take::{Identity, IdentityIfPresent, IfLegal};

/// The attributes of the patient, patient study and general study modules, and of SOP Common, that we copy.
pub(crate) const COPIED: &[(Tag, Take)] = &[
    // SOP Common: the texts below are in this character set.
    (tag::SPECIFIC_CHARACTER_SET, IdentityIfPresent),
    (tag::TIMEZONE_OFFSET_FROM_UTC, IfLegal),
    (tag::SYNTHETIC_DATA, IfLegal),
    (tag::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED, IfLegal),
    // Patient.
    (tag::PATIENT_NAME, Identity),
    (tag::PATIENT_ID, Identity),
    (tag::ISSUER_OF_PATIENT_ID, IdentityIfPresent),
    (tag::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE, IdentityIfPresent),
    (tag::TYPE_OF_PATIENT_ID, IfLegal),
    (tag::PATIENT_BIRTH_DATE, Identity),
    (tag::PATIENT_BIRTH_TIME, IfLegal),
    (tag::PATIENT_SEX, Identity),
    (tag::OTHER_PATIENT_IDS, IdentityIfPresent),
    (tag::OTHER_PATIENT_NAMES, IdentityIfPresent),
    (tag::OTHER_PATIENT_IDS_SEQUENCE, IdentityIfPresent),
    (tag::REFERENCED_PATIENT_SEQUENCE, IfLegal),
    (tag::QUALITY_CONTROL_SUBJECT, IfLegal),
    (tag::ETHNIC_GROUP, IfLegal),
    (tag::PATIENT_COMMENTS, IfLegal),
    (tag::PATIENT_SPECIES_DESCRIPTION, IfLegal),
    (tag::PATIENT_SPECIES_CODE_SEQUENCE, IfLegal),
    (tag::PATIENT_BREED_DESCRIPTION, IfLegal),
    (tag::PATIENT_BREED_CODE_SEQUENCE, IfLegal),
    (tag::BREED_REGISTRATION_SEQUENCE, IfLegal),
    (tag::RESPONSIBLE_PERSON, IfLegal),
    (tag::RESPONSIBLE_PERSON_ROLE, IfLegal),
    (tag::RESPONSIBLE_ORGANIZATION, IfLegal),
    (tag::PATIENT_IDENTITY_REMOVED, IfLegal),
    (tag::DEIDENTIFICATION_METHOD, IfLegal),
    (tag::DEIDENTIFICATION_METHOD_CODE_SEQUENCE, IfLegal),
    // Patient Study.
    (tag::ADMITTING_DIAGNOSES_DESCRIPTION, IfLegal),
    (tag::ADMITTING_DIAGNOSES_CODE_SEQUENCE, IfLegal),
    (tag::PATIENT_AGE, IfLegal),
    (tag::PATIENT_SIZE, IfLegal),
    (tag::PATIENT_WEIGHT, IfLegal),
    (tag::PATIENT_BODY_MASS_INDEX, IfLegal),
    (tag::PATIENT_SEX_NEUTERED, IfLegal),
    (tag::MEDICAL_ALERTS, IfLegal),
    (tag::ALLERGIES, IfLegal),
    (tag::OCCUPATION, IfLegal),
    (tag::SMOKING_STATUS, IfLegal),
    (tag::ADDITIONAL_PATIENT_HISTORY, IfLegal),
    (tag::PREGNANCY_STATUS, IfLegal),
    (tag::LAST_MENSTRUAL_DATE, IfLegal),
    (tag::REASON_FOR_VISIT, IfLegal),
    (tag::ADMISSION_ID, IfLegal),
    (tag::ISSUER_OF_ADMISSION_ID_SEQUENCE, IfLegal),
    (tag::SERVICE_EPISODE_ID, IfLegal),
    (tag::SERVICE_EPISODE_DESCRIPTION, IfLegal),
    (tag::PATIENT_STATE, IfLegal),
    // General Study.
    (tag::STUDY_INSTANCE_UID, Identity),
    (tag::STUDY_DATE, Identity),
    (tag::STUDY_TIME, Identity),
    (tag::STUDY_ID, Identity),
    (tag::ACCESSION_NUMBER, Identity),
    (tag::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE, IdentityIfPresent),
    (tag::REFERRING_PHYSICIAN_NAME, Identity),
    (tag::STUDY_DESCRIPTION, IdentityIfPresent),
    (tag::REFERRING_PHYSICIAN_IDENTIFICATION_SEQUENCE, IfLegal),
    (tag::CONSULTING_PHYSICIAN_NAME, IfLegal),
    (tag::CONSULTING_PHYSICIAN_IDENTIFICATION_SEQUENCE, IfLegal),
    (tag::PROCEDURE_CODE_SEQUENCE, IfLegal),
    (tag::PHYSICIANS_OF_RECORD, IfLegal),
    (tag::PHYSICIANS_OF_RECORD_IDENTIFICATION_SEQUENCE, IfLegal),
    (tag::NAME_OF_PHYSICIANS_READING_STUDY, IfLegal),
    (tag::PHYSICIANS_READING_STUDY_IDENTIFICATION_SEQUENCE, IfLegal),
    (tag::REFERENCED_STUDY_SEQUENCE, IfLegal),
    (tag::REQUESTING_SERVICE, IfLegal),
    (tag::REASON_FOR_PERFORMED_PROCEDURE_CODE_SEQUENCE, IfLegal),
];

/// A module that is copied as a whole or not at all.
struct WholeModule {
    name: &'static str,
    /// Each must have a value, else the module is left out.
    needs: &'static [Tag],
    /// Written empty if the source lacks them (type 2).
    fills: &'static [Tag],
    /// Copied if present.
    takes: &'static [Tag],
}

/// The clinical trial modules (PS3.3 C.7.1.3, C.7.2.3, C.7.3.2). Each tells of itself by its first attribute.
const WHOLE_MODULES: &[WholeModule] = &[
    WholeModule {
        name: "Clinical Trial Subject",
        needs: &[
            tag::CLINICAL_TRIAL_SPONSOR_NAME,
            tag::CLINICAL_TRIAL_PROTOCOL_ID,
            tag::CLINICAL_TRIAL_SUBJECT_ID,
        ],
        fills: &[
            tag::CLINICAL_TRIAL_PROTOCOL_NAME,
            tag::CLINICAL_TRIAL_SITE_ID,
            tag::CLINICAL_TRIAL_SITE_NAME,
        ],
        takes: &[tag::CLINICAL_TRIAL_SUBJECT_READING_ID],
    },
    WholeModule {
        name: "Clinical Trial Study",
        needs: &[tag::CLINICAL_TRIAL_TIME_POINT_ID],
        fills: &[],
        takes: &[tag::CLINICAL_TRIAL_TIME_POINT_DESCRIPTION],
    },
    WholeModule {
        name: "Clinical Trial Series",
        needs: &[tag::CLINICAL_TRIAL_COORDINATING_CENTER_NAME],
        fills: &[],
        takes: &[tag::CLINICAL_TRIAL_SERIES_ID, tag::CLINICAL_TRIAL_SERIES_DESCRIPTION],
    },
];

/// Whether an attribute is part of who and which study it is.
pub(crate) fn is_identity(tag: Tag) -> bool {
    COPIED.iter().any(|(known, take)| *known == tag && *take != IfLegal)
}

/// Copies patient and study from a header whose numbers are in little endian.
pub(crate) fn copy(header: &DataSet<'static>, notes: &mut Vec<Note>) -> DataSet<'static> {
    let mut copied = DataSet::new();
    for (tag, take) in COPIED {
        let Some(element) = header.get(*tag) else {
            if *take == Identity {
                copied.put_empty(*tag);
            }
            continue;
        };
        match taken(element, *take) {
            Ok(value) => copied.put(*tag, value),
            Err(note) => {
                notes.push(note);
                if *take == Identity {
                    copied.put_empty(*tag);
                }
            }
        }
    }
    for module in WHOLE_MODULES {
        copy_module(header, module, &mut copied, notes);
    }
    copied
}

fn copy_module(
    header: &DataSet<'static>,
    module: &WholeModule,
    to: &mut DataSet<'static>,
    notes: &mut Vec<Note>,
) {
    let mut all = module.needs.iter().chain(module.fills).chain(module.takes);
    if !all.any(|tag| has_value(header, *tag)) {
        return;
    }
    if let Some(missing) = module.needs.iter().find(|tag| !has_value(header, **tag)) {
        notes.push(Note::IncompleteModule { module: module.name, missing: *missing });
        return;
    }
    for tag in module.fills {
        to.put_empty(*tag);
    }
    for tag in module.needs.iter().chain(module.fills).chain(module.takes) {
        let Some(element) = header.get(*tag).filter(|_| has_value(header, *tag)) else { continue };
        match taken(element, IdentityIfPresent) {
            Ok(value) => to.put(*tag, value),
            Err(note) => notes.push(note),
        }
    }
}

fn has_value(header: &DataSet<'_>, tag: Tag) -> bool {
    header.bytes(tag).is_some_and(|bytes| bytes.iter().any(|byte| !matches!(byte, b' ' | 0)))
}

/// A single attribute, copied if it is legal.
pub(crate) fn legal(header: &DataSet<'static>, tag: Tag, notes: &mut Vec<Note>) -> Option<Value<'static>> {
    match taken(header.get(tag)?, IfLegal) {
        Ok(value) => Some(value),
        Err(note) => {
            notes.push(note);
            None
        }
    }
}

fn taken(element: &Element<'static>, take: Take) -> Result<Value<'static>, Note> {
    let attribute = element.tag;
    let (_, value) = with_dictionary_vr(element).ok_or(Note::WrongKind { attribute })?;
    if take == IfLegal {
        match flaw(attribute, &value) {
            None => {}
            Some(Flaw::Illegal { element, violation }) => {
                return Err(Note::IllegalValue { attribute, element, violation });
            }
            Some(Flaw::Incomplete { missing }) => return Err(Note::IncompleteItem { attribute, missing }),
        }
    }
    Ok(value)
}

/// The value under the VR that the dictionary has for it: a sender that wrote `UN` did not know better. Nothing if the
/// value cannot be of that kind. Nesting is bounded by the reader's limit.
fn with_dictionary_vr(element: &Element<'static>) -> Option<(Vr, Value<'static>)> {
    let vr = dictionary::vr(element.tag).unwrap_or(element.vr);
    let value = match &element.value {
        Value::Items(items) if vr == Vr::SQ => Value::Items(items.iter().map(without_private).collect()),
        // A sequence without items may come as no bytes of VR UN.
        Value::Bytes(bytes) if vr == Vr::SQ && bytes.is_empty() => Value::Items(Vec::new()),
        Value::Bytes(bytes) if vr != Vr::SQ => Value::Bytes(bytes.clone()),
        Value::Items(_) | Value::Bytes(_) | Value::Fragments(_) => return None,
    };
    Some((vr, value))
}

fn without_private(item: &DataSet<'static>) -> DataSet<'static> {
    let mut kept = DataSet::new();
    for element in item.elements() {
        let is_copied =
            !element.tag.is_private() && element.tag.element() != 0 && kept.get(element.tag).is_none();
        if let Some((vr, value)) = with_dictionary_vr(element).filter(|_| is_copied) {
            kept.put_as(element.tag, vr, value);
        }
    }
    kept
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Flaw {
    /// An element in it breaks the rules of its VR.
    Illegal { element: Tag, violation: rules::Violation },
    /// An item in it lacks an attribute.
    Incomplete { missing: Tag },
}

/// The first flaw of a value, items included.
pub(crate) fn flaw(tag: Tag, value: &Value<'_>) -> Option<Flaw> {
    let items = match value {
        Value::Items(items) => items,
        Value::Bytes(bytes) => {
            let vr = dictionary::vr(tag).unwrap_or(Vr::UN);
            let element = Element { tag, vr, value: Value::Bytes(bytes.clone()) };
            return rules::violation(&element).map(|violation| Flaw::Illegal { element: tag, violation });
        }
        Value::Fragments(_) => return None,
    };
    items.iter().find_map(|item| {
        let missing = missing_in_item(tag, item).map(|missing| Flaw::Incomplete { missing });
        missing.or_else(|| item.elements().iter().find_map(|element| flaw(element.tag, &element.value)))
    })
}

/// The attribute that an item of a code or reference sequence lacks (PS3.3 8.8, 10.8).
pub(crate) fn missing_in_item(sequence: Tag, item: &DataSet<'_>) -> Option<Tag> {
    let lacks = |tag: &&Tag| !has_value(item, **tag);
    let reference = [tag::REFERENCED_SOP_CLASS_UID, tag::REFERENCED_SOP_INSTANCE_UID];
    let names_an_object = item.get(tag::REFERENCED_SOP_CLASS_UID).is_some()
        || item.get(tag::REFERENCED_SOP_INSTANCE_UID).is_some()
        || matches!(sequence, tag::REFERENCED_STUDY_SEQUENCE | tag::REFERENCED_PATIENT_SEQUENCE);
    if names_an_object {
        return reference.iter().find(lacks).copied();
    }
    if !dictionary::keyword(sequence).is_some_and(|keyword| keyword.ends_with("CodeSequence")) {
        return None;
    }
    let has_code =
        [tag::CODE_VALUE, tag::LONG_CODE_VALUE, tag::URN_CODE_VALUE].iter().any(|tag| has_value(item, *tag));
    if !has_code {
        return Some(tag::CODE_VALUE);
    }
    let needs_scheme = has_value(item, tag::CODE_VALUE) || has_value(item, tag::LONG_CODE_VALUE);
    [tag::CODING_SCHEME_DESIGNATOR, tag::CODE_MEANING]
        .iter()
        .filter(|tag| **tag != tag::CODING_SCHEME_DESIGNATOR || needs_scheme)
        .find(lacks)
        .copied()
}

#[cfg(test)]
mod tests;
