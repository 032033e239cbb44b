//! The safety gate: is this object about the right patient, and about nothing but the images of its payload?
//!
//! It stands before every delivery, beside the form gate, and trusts nobody either. Identity is compared with the
//! header that is in force *now*, byte for byte in one character set.
//!
//! Whether values are plausible and the result's class may go to a destination is judged where packages and
//! destinations are known.

use gantry_dicom::{
    data_set::{DataSet, Value},
    tag::{self, Tag},
};
use gantry_types::uid::SopInstanceUid;

use crate::{
    gate::{Complaint, Complaints, Rule, collect, is_same, trimmed},
    header::{COPIED, Take},
    inputs::Replaced,
    note::Named,
    parsed::parse,
    source::Source,
};

/// What an object may be about.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// The header in force of the study.
    pub header_in_force: &'a DataSet<'a>,
    /// The series of the payload.
    pub sources: &'a [&'a Source],
    /// The other objects of the set.
    pub siblings: &'a [&'a SopInstanceUid],
    /// What the set replaces.
    pub replaces: &'a [Replaced],
}

/// Sequences that refer to orders, visits and procedure steps, not to images.
const NOT_IMAGES: &[Tag] = &[
    tag::REFERENCED_STUDY_SEQUENCE,
    tag::REFERENCED_PATIENT_SEQUENCE,
    tag::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE,
    tag::REFERENCED_REQUEST_SEQUENCE,
    tag::REQUEST_ATTRIBUTES_SEQUENCE,
];

/// Judges patient, study and references of an object.
#[must_use]
pub fn judge(bytes: &[u8], allowed: &Allowed<'_>) -> Vec<Complaint> {
    let mut list = Complaints::default();
    match parse(bytes) {
        Ok(parsed) => {
            judge_identity(&parsed.data_set, allowed.header_in_force, &mut list);
            judge_payload(&parsed.data_set, allowed, &mut list);
        }
        Err(error) => list.add(Rule::Readable, error.to_string()),
    }
    list.0
}

/// Every attribute of identity is the header's: absent where it is absent, or empty (type 2).
fn judge_identity(data_set: &DataSet<'_>, header: &DataSet<'_>, list: &mut Complaints) {
    let mut all_ascii = true;
    for (tag, _) in COPIED.iter().filter(|(tag, take)| *take != Take::IfLegal && *tag != CHARACTER_SET) {
        let (own, wanted) = (value(data_set, *tag), value(header, *tag));
        let same = match (own, wanted) {
            (None, None) => true,
            (Some(own), Some(wanted)) => is_same(wanted, own),
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !same {
            // The values are a patient's and stay out of the sentence.
            list.add(Rule::Identity, format!("{} is not that of the header in force", Named(*tag)));
        }
        all_ascii = all_ascii && [own, wanted].into_iter().flatten().all(is_ascii);
    }
    // ASCII reads the same in every character set; the same bytes in two others are two names.
    if !all_ascii && data_set.str(CHARACTER_SET) != header.str(CHARACTER_SET) {
        list.add(Rule::Identity, format!("{} is not that of the header in force", Named(CHARACTER_SET)));
    }
}

const CHARACTER_SET: Tag = tag::SPECIFIC_CHARACTER_SET;

/// Escape sequences of ISO 2022 are ASCII bytes and no ASCII text.
fn is_ascii(value: &Value<'_>) -> bool {
    const ESCAPE: u8 = 0x1B;
    match value {
        Value::Bytes(bytes) => bytes.is_ascii() && !bytes.contains(&ESCAPE),
        Value::Items(items) => {
            items.iter().flat_map(DataSet::elements).all(|element| is_ascii(&element.value))
        }
        Value::Fragments(_) => false,
    }
}

/// A value that says something.
fn value<'a, 'b>(data_set: &'b DataSet<'a>, tag: Tag) -> Option<&'b Value<'a>> {
    let value = &data_set.get(tag)?.value;
    let says_nothing = match value {
        Value::Bytes(bytes) => trimmed(bytes).is_empty(),
        Value::Items(items) => items.is_empty(),
        Value::Fragments(_) => false,
    };
    (!says_nothing).then_some(value)
}

fn judge_payload(data_set: &DataSet<'_>, allowed: &Allowed<'_>, list: &mut Complaints) {
    let sources = allowed.sources;
    let series = data_set.str(tag::SERIES_INSTANCE_UID).unwrap_or_default();
    if sources.iter().any(|source| source.series().as_str() == series) {
        list.add(
            Rule::Payload,
            format!("{} {series} is that of the source images", Named(tag::SERIES_INSTANCE_UID)),
        );
    }
    let instance = data_set.str(tag::SOP_INSTANCE_UID).unwrap_or_default();
    if sources.iter().any(|source| source.image(instance).is_some()) {
        list.add(
            Rule::Payload,
            format!("{} {instance} is that of a source image", Named(tag::SOP_INSTANCE_UID)),
        );
    }
    let mut references = std::collections::BTreeMap::new();
    for element in data_set.elements().iter().filter(|element| !NOT_IMAGES.contains(&element.tag)) {
        if let Value::Items(items) = &element.value {
            items.iter().for_each(|item| collect(item, &mut references));
        }
    }
    for reference in references.keys() {
        let is_allowed = sources.iter().any(|source| source.image(reference).is_some())
            || allowed.siblings.iter().any(|sibling| sibling.as_str() == reference)
            || allowed.replaces.iter().any(|replaced| replaced.sop_instance.as_str() == reference);
        if !is_allowed {
            list.add(Rule::Payload, format!("{reference} is referred to and is no image of the payload"));
        }
    }
}

#[cfg(test)]
mod tests;
