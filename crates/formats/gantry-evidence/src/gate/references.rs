//! References resolve: within the object, to the source images, and to the other objects of the set.

use std::collections::{BTreeMap, BTreeSet};

use gantry_dicom::{
    data_set::{DataSet, Value},
    tag::{self, Tag},
};

use crate::{note::Named, object::Kind, parsed::parse};

use super::{Complaints, Knowledge, Rule};

/// Judges the references of an object.
pub(super) fn judge(data_set: &DataSet<'_>, kind: Kind, knowledge: &Knowledge<'_>, list: &mut Complaints) {
    match kind {
        Kind::Segmentation | Kind::SecondaryCapture => judge_image(data_set, list),
        Kind::Report => judge_report(data_set, knowledge, list),
    }
}

/// The SOP instances that a data set names, with their classes, wherever they stand in it.
type References = BTreeMap<String, String>;

/// Collects Referenced SOP Instance UIDs under an element. Nesting is bounded by the reader's limit.
pub(crate) fn collect(data_set: &DataSet<'_>, found: &mut References) {
    if let Some(instance) = data_set.str(tag::REFERENCED_SOP_INSTANCE_UID) {
        let class = data_set.str(tag::REFERENCED_SOP_CLASS_UID).unwrap_or_default();
        found.insert(instance.to_owned(), class.to_owned());
    }
    for element in data_set.elements() {
        if let Value::Items(items) = &element.value {
            items.iter().for_each(|item| collect(item, found));
        }
    }
}

fn under(data_set: &DataSet<'_>, tags: &[Tag]) -> References {
    let mut found = References::new();
    for item in tags.iter().flat_map(|tag| data_set.items(*tag)) {
        collect(item, &mut found);
    }
    found
}

/// Every reference must be listed, under the same class.
fn judge_listed(references: &References, listed: &References, lists: &str, list: &mut Complaints) {
    for (instance, class) in references {
        match listed.get(instance) {
            Some(listed) if listed == class => {}
            Some(listed) => list.add(
                Rule::Reference,
                format!("{instance} is referred to as {class}, in {lists} it is {listed}"),
            ),
            None => list.add(Rule::Reference, format!("{instance} is referred to and is not in {lists}")),
        }
    }
}

/// Source images are listed in the Common Instance Reference module.
fn judge_image(data_set: &DataSet<'_>, list: &mut Complaints) {
    let mut references = under(data_set, &[tag::SOURCE_IMAGE_SEQUENCE]);
    for groups in [tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE] {
        for frame in data_set.items(groups) {
            references.append(&mut under(frame, &[tag::DERIVATION_IMAGE_SEQUENCE]));
        }
    }
    let lists =
        [tag::REFERENCED_SERIES_SEQUENCE, tag::STUDIES_CONTAINING_OTHER_REFERENCED_INSTANCES_SEQUENCE];
    let listed = under(data_set, &lists);
    judge_listed(&references, &listed, &Named(tag::REFERENCED_SERIES_SEQUENCE).to_string(), list);
}

/// What the tree refers to is in the evidence sequences, and segments exist in the set's segmentation.
fn judge_report(data_set: &DataSet<'_>, knowledge: &Knowledge<'_>, list: &mut Complaints) {
    let evidence =
        [tag::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, tag::PERTINENT_OTHER_EVIDENCE_SEQUENCE];
    let listed = under(data_set, &evidence);
    let references = under(data_set, &[tag::CONTENT_SEQUENCE]);
    let name = Named(tag::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE).to_string();
    judge_listed(&references, &listed, &name, list);

    let mut segments = BTreeSet::new();
    collect_segments(data_set, &mut segments);
    if segments.is_empty() {
        return;
    }
    let of_siblings = segments_of_siblings(knowledge.siblings);
    for (instance, segment) in segments {
        match of_siblings.get(&instance) {
            Some(numbers) if numbers.contains(&segment) => {}
            Some(numbers) => list.add(
                Rule::Reference,
                format!("segment {segment} of {instance} is referred to, which has segments {numbers:?}"),
            ),
            None => list.add(
                Rule::Reference,
                format!(
                    "segment {segment} of {instance} is referred to, which is no segmentation of this set"
                ),
            ),
        }
    }
}

fn collect_segments(data_set: &DataSet<'_>, found: &mut BTreeSet<(String, u16)>) {
    let segment = data_set.u16(tag::REFERENCED_SEGMENT_NUMBER);
    if let (Some(instance), Some(segment)) = (data_set.str(tag::REFERENCED_SOP_INSTANCE_UID), segment) {
        found.insert((instance.to_owned(), segment));
    }
    for element in data_set.elements() {
        if let Value::Items(items) = &element.value {
            items.iter().for_each(|item| collect_segments(item, found));
        }
    }
}

fn segments_of_siblings(siblings: &[&[u8]]) -> BTreeMap<String, BTreeSet<u16>> {
    let mut segments = BTreeMap::new();
    for parsed in siblings.iter().filter_map(|bytes| parse(bytes).ok()) {
        let data_set = parsed.data_set;
        let numbers: BTreeSet<u16> = data_set
            .items(tag::SEGMENT_SEQUENCE)
            .iter()
            .filter_map(|item| item.u16(tag::SEGMENT_NUMBER))
            .collect();
        if let (Some(instance), false) = (data_set.str(tag::SOP_INSTANCE_UID), numbers.is_empty()) {
            segments.insert(instance.to_owned(), numbers);
        }
    }
    segments
}
