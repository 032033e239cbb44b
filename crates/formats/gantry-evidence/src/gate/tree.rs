//! The content tree of a report (PS3.3 C.17.3): every item has what its value type needs.

use gantry_dicom::{
    data_set::DataSet,
    tag::{self, Tag},
};
use gantry_types::code::Code;

use crate::{codes, note::Named, parsed::first, read};

use super::{Complaints, Rule, has_value};

/// A value type, and the attributes without which it says nothing.
const VALUE_TYPES: &[(&str, &[Tag])] = &[
    ("CONTAINER", &[tag::CONTINUITY_OF_CONTENT, tag::CONCEPT_NAME_CODE_SEQUENCE]),
    ("CODE", &[tag::CONCEPT_CODE_SEQUENCE, tag::CONCEPT_NAME_CODE_SEQUENCE]),
    ("TEXT", &[tag::TEXT_VALUE, tag::CONCEPT_NAME_CODE_SEQUENCE]),
    ("UIDREF", &[tag::UID, tag::CONCEPT_NAME_CODE_SEQUENCE]),
    ("NUM", &[tag::CONCEPT_NAME_CODE_SEQUENCE]),
    ("DATETIME", &[tag::DATE_TIME, tag::CONCEPT_NAME_CODE_SEQUENCE]),
    ("DATE", &[tag::DATE, tag::CONCEPT_NAME_CODE_SEQUENCE]),
    ("TIME", &[tag::TIME, tag::CONCEPT_NAME_CODE_SEQUENCE]),
    ("PNAME", &[tag::PERSON_NAME, tag::CONCEPT_NAME_CODE_SEQUENCE]),
    ("IMAGE", &[tag::REFERENCED_SOP_SEQUENCE]),
    ("COMPOSITE", &[tag::REFERENCED_SOP_SEQUENCE]),
    ("WAVEFORM", &[tag::REFERENCED_SOP_SEQUENCE]),
    ("SCOORD", &[tag::GRAPHIC_DATA]),
    ("SCOORD3D", &[tag::GRAPHIC_DATA, tag::REFERENCED_FRAME_OF_REFERENCE_UID]),
];

const RELATIONSHIPS: &[&str] = &[
    "CONTAINS",
    "HAS OBS CONTEXT",
    "HAS ACQ CONTEXT",
    "HAS CONCEPT MOD",
    "HAS PROPERTIES",
    "INFERRED FROM",
    "SELECTED FROM",
];

/// Judges the tree from its root, which is the data set.
pub(super) fn judge(data_set: &DataSet<'_>, list: &mut Complaints) {
    if data_set.str(tag::VALUE_TYPE) != Some("CONTAINER") {
        list.add(Rule::Tree, "the root of the content tree is no CONTAINER".to_owned());
    }
    judge_item(data_set, "the root", list);
    judge_children(data_set, "", list);
    let template = first(data_set, tag::CONTENT_TEMPLATE_SEQUENCE);
    if template.and_then(|template| template.str(tag::TEMPLATE_IDENTIFIER)) == Some("1500") {
        judge_measurement_report(data_set, list);
    }
}

/// What TID 1500 and its groups must say, and no other judge looks at.
fn judge_measurement_report(data_set: &DataSet<'_>, list: &mut Complaints) {
    let mut needs = |holder: &DataSet<'_>, path: &str, concept: &Code| {
        if !holder.items(tag::CONTENT_SEQUENCE).iter().any(|item| concept_of(item).as_ref() == Some(concept))
        {
            list.add(Rule::Tree, format!("{path} has no {}", concept.meaning));
        }
    };
    needs(data_set, "the root", &codes::LANGUAGE);
    needs(data_set, "the root", &codes::OBSERVER_TYPE);
    needs(data_set, "the root", &codes::PROCEDURE_REPORTED);
    let containers = data_set.items(tag::CONTENT_SEQUENCE).iter();
    for container in containers.filter(|item| concept_of(item).as_ref() == Some(&codes::IMAGING_MEASUREMENTS))
    {
        for (number, group) in (1..).zip(container.items(tag::CONTENT_SEQUENCE)) {
            let path = format!("measurement group {number}");
            needs(group, &path, &codes::TRACKING_IDENTIFIER);
            needs(group, &path, &codes::TRACKING_UNIQUE_IDENTIFIER);
        }
    }
}

fn concept_of(item: &DataSet<'_>) -> Option<Code> {
    read::code(first(item, tag::CONCEPT_NAME_CODE_SEQUENCE))
}

/// Nesting is bounded by the reader's limit.
fn judge_children(holder: &DataSet<'_>, path: &str, list: &mut Complaints) {
    for (number, item) in (1..).zip(holder.items(tag::CONTENT_SEQUENCE)) {
        let path = if path.is_empty() { number.to_string() } else { format!("{path}.{number}") };
        let relationship = item.str(tag::RELATIONSHIP_TYPE).unwrap_or_default();
        if !RELATIONSHIPS.contains(&relationship) {
            let name = Named(tag::RELATIONSHIP_TYPE);
            list.add(Rule::Tree, format!("{name} of content item {path} is {relationship:?}"));
        }
        // An item by reference is the item it points to.
        if item.get(tag::REFERENCED_CONTENT_ITEM_IDENTIFIER).is_none() {
            judge_item(item, &path, list);
            judge_children(item, &path, list);
        }
    }
}

fn judge_item(item: &DataSet<'_>, path: &str, list: &mut Complaints) {
    let value_type = item.str(tag::VALUE_TYPE).unwrap_or_default();
    let Some((_, needs)) = VALUE_TYPES.iter().find(|(known, _)| *known == value_type) else {
        list.add(Rule::Tree, format!("{} of content item {path} is {value_type:?}", Named(tag::VALUE_TYPE)));
        return;
    };
    for tag in needs.iter().filter(|tag| !has_value(item, **tag)) {
        list.add(Rule::Tree, format!("content item {path} is {value_type} and has no {}", Named(*tag)));
    }
    if value_type == "NUM" {
        judge_number(item, path, list);
    }
}

/// A number has a value and a unit, or none and says why (type 2 with a qualifier).
fn judge_number(item: &DataSet<'_>, path: &str, list: &mut Complaints) {
    let measured = item.items(tag::MEASURED_VALUE_SEQUENCE);
    if measured.is_empty() && !has_value(item, tag::NUMERIC_VALUE_QUALIFIER_CODE_SEQUENCE) {
        list.add(Rule::Tree, format!("content item {path} is NUM without value or reason"));
    }
    for value in measured {
        for tag in [tag::NUMERIC_VALUE, tag::MEASUREMENT_UNITS_CODE_SEQUENCE] {
            if !has_value(value, tag) {
                list.add(
                    Rule::Tree,
                    format!("the measured value of content item {path} has no {}", Named(tag)),
                );
            }
        }
    }
}
