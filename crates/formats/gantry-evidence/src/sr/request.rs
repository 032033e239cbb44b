//! The order that the study was made for (Referenced Request Sequence, PS3.3 C.17.2).

use gantry_dicom::{
    data_set::{DataSet, Value},
    tag,
};

use crate::{attribute::put_uid, inputs::Inputs, note::Note};

/// Puts the order of a study that has one: an accession number. Its values are copied as they are.
pub(super) fn put(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>, notes: &mut Vec<Note>) {
    let copied = inputs.source.copied();
    if copied.str(tag::ACCESSION_NUMBER) == Some("") {
        return;
    }
    let request = match inputs.source.legal(tag::REQUEST_ATTRIBUTES_SEQUENCE, notes) {
        Some(Value::Items(items)) => items.into_iter().next().unwrap_or_default(),
        Some(Value::Bytes(_) | Value::Fragments(_)) | None => DataSet::new(),
    };
    let mut item = DataSet::new();
    put_uid(&mut item, tag::STUDY_INSTANCE_UID, inputs.source.study().as_str());
    item.put_empty(tag::REFERENCED_STUDY_SEQUENCE);
    for tag in [tag::ACCESSION_NUMBER, tag::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE] {
        if let Some(element) = copied.get(tag) {
            item.put(tag, element.value.clone());
        }
    }
    for tag in [
        tag::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST,
        tag::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST,
        tag::REQUESTED_PROCEDURE_ID,
        tag::REQUESTED_PROCEDURE_DESCRIPTION,
        tag::REQUESTED_PROCEDURE_CODE_SEQUENCE,
    ] {
        let of_request = request.get(tag).map(|element| element.value.clone());
        match of_request.or_else(|| inputs.source.legal(tag, notes)) {
            Some(value) => item.put(tag, value),
            None => item.put_empty(tag),
        }
    }
    data_set.put_items(tag::REFERENCED_REQUEST_SEQUENCE, vec![item]);
}
