//! What all our objects have in common: SOP Common, patient, study, series, equipment.
//!
//! Sources: PS3.3 C.12.1, C.7.1 to C.7.3, C.7.5.1, C.7.5.2, C.8.24.1.

use gantry_dicom::{
    data_set::{DataSet, Value},
    tag,
};
use gantry_types::uid::Uid;

use crate::{
    attribute::{put_code, put_own_uid, put_stamp, put_text, put_texts, put_uid, series_item, sop_reference},
    codes,
    error::RenderError,
    inputs::Inputs,
    note::Note,
    object::{Kind, ObjectIds, series_number},
    uid,
};

/// Manufacturer of the equipment and of the observing device, which is Gantry; applications have their own.
pub(crate) const MANUFACTURER: &str = "Gantry";
/// Manufacturer's Model Name of the same.
pub(crate) const MODEL: &str = "Gantry";
/// Content Creator's Name (0070,0084); a caret makes it a clean person name.
pub(crate) const CREATOR: &str = "Gantry^AI";

/// Begins an object. `ids` are its own.
pub(crate) fn begin(
    inputs: &Inputs<'_>,
    ids: &ObjectIds,
    modality: &str,
    notes: &mut Vec<Note>,
) -> Result<DataSet<'static>, RenderError> {
    let Inputs { source, run, .. } = inputs;
    let mut data_set = source.copied().clone();
    let created = source.shown(run.result_created);
    put_uid(&mut data_set, tag::SOP_CLASS_UID, ids.kind.sop_class());
    put_own_uid(&mut data_set, tag::SOP_INSTANCE_UID, &ids.instance);
    put_stamp(&mut data_set, tag::INSTANCE_CREATION_DATE, tag::INSTANCE_CREATION_TIME, created);
    put_own_uid(&mut data_set, tag::INSTANCE_CREATOR_UID, &node_uid(inputs));
    put_stamp(&mut data_set, tag::CONTENT_DATE, tag::CONTENT_TIME, created);
    put_text(&mut data_set, tag::CONTENT_QUALIFICATION, run.class.content_qualification())?;
    put_text(&mut data_set, tag::INSTANCE_NUMBER, "1")?;
    put_series(&mut data_set, inputs, ids, modality, notes)?;
    put_equipment(&mut data_set, inputs)?;
    data_set.put_items(
        tag::CONTRIBUTING_EQUIPMENT_SEQUENCE,
        vec![contribution_of_node(inputs)?, contribution_of_application(inputs)?],
    );
    Ok(data_set)
}

pub(crate) fn node_uid(inputs: &Inputs<'_>) -> Uid {
    uid::node_uid(&inputs.scope.secret, &inputs.run.node)
}

fn put_series(
    data_set: &mut DataSet<'static>,
    inputs: &Inputs<'_>,
    ids: &ObjectIds,
    modality: &str,
    notes: &mut Vec<Note>,
) -> Result<(), RenderError> {
    let Inputs { source, run, profile, .. } = inputs;
    put_text(data_set, tag::MODALITY, modality)?;
    put_own_uid(data_set, tag::SERIES_INSTANCE_UID, &ids.series);
    let number = series_number(profile.series_base, run.slot, ids.kind);
    put_text(data_set, tag::SERIES_NUMBER, &number.to_string())?;
    put_stamp(data_set, tag::SERIES_DATE, tag::SERIES_TIME, source.shown(run.started));
    let description = format!("AI {} {}", run.application.title, ids.kind.name());
    put_text(data_set, tag::SERIES_DESCRIPTION, &description)?;
    if ids.kind != Kind::Report {
        // The series of a report has neither (PS3.3 C.17.1); its order is in Referenced Request Sequence.
        let request = source.legal(tag::REQUEST_ATTRIBUTES_SEQUENCE, notes);
        if let Some(request) =
            request.filter(|value| matches!(value, Value::Items(items) if !items.is_empty()))
        {
            data_set.put(tag::REQUEST_ATTRIBUTES_SEQUENCE, request);
        }
        put_body_part(data_set, inputs, notes)?;
    }
    Ok(())
}

/// The source's body part, else the one that the application has proved from the pixels.
fn put_body_part(
    data_set: &mut DataSet<'static>,
    inputs: &Inputs<'_>,
    notes: &mut Vec<Note>,
) -> Result<(), RenderError> {
    let of_source = inputs.source.legal(tag::BODY_PART_EXAMINED, notes);
    match of_source
        .filter(|_| inputs.source.header().str(tag::BODY_PART_EXAMINED).is_some_and(|text| !text.is_empty()))
    {
        Some(value) => data_set.put(tag::BODY_PART_EXAMINED, value),
        None => {
            if let Some(body_part) = &inputs.run.application.body_part {
                put_text(data_set, tag::BODY_PART_EXAMINED, body_part)?;
            }
        }
    }
    Ok(())
}

fn put_equipment(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>) -> Result<(), RenderError> {
    let run = inputs.run;
    put_text(data_set, tag::MANUFACTURER, MANUFACTURER)?;
    put_text(data_set, tag::MANUFACTURER_MODEL_NAME, MODEL)?;
    put_text(data_set, tag::DEVICE_SERIAL_NUMBER, run.node.as_str())?;
    let application = format!("{} {}", run.application.name, run.application.version);
    put_texts(data_set, tag::SOFTWARE_VERSIONS, &[&run.gantry_version, &application])?;
    put_own_uid(data_set, tag::DEVICE_UID, &node_uid(inputs));
    put_site(data_set, inputs)
}

fn put_site(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>) -> Result<(), RenderError> {
    if let Some(institution) = &inputs.run.institution {
        put_text(data_set, tag::INSTITUTION_NAME, institution)?;
    }
    if let Some(station) = &inputs.run.station {
        put_text(data_set, tag::STATION_NAME, station.as_str())?;
    }
    Ok(())
}

/// An item of Contributing Equipment Sequence (0018,A001) for this node.
fn contribution_of_node(inputs: &Inputs<'_>) -> Result<DataSet<'static>, RenderError> {
    let mut item = contribution(inputs, MANUFACTURER, MODEL, &inputs.run.gantry_version)?;
    put_text(&mut item, tag::DEVICE_SERIAL_NUMBER, inputs.run.node.as_str())?;
    put_own_uid(&mut item, tag::DEVICE_UID, &node_uid(inputs));
    put_text(&mut item, tag::CONTRIBUTION_DESCRIPTION, "Ran the application and wrote this object")?;
    Ok(item)
}

/// An item of Contributing Equipment Sequence (0018,A001) for this build of the application.
fn contribution_of_application(inputs: &Inputs<'_>) -> Result<DataSet<'static>, RenderError> {
    let application = &inputs.run.application;
    let mut item =
        contribution(inputs, &application.manufacturer, application.name.as_str(), &application.version)?;
    let build = uid::application_uid(&inputs.scope.secret, &application.digest);
    put_own_uid(&mut item, tag::DEVICE_UID, &build);
    let description = format!("{}. Package {}", application.intended_use, application.digest);
    put_text(&mut item, tag::CONTRIBUTION_DESCRIPTION, &description)?;
    Ok(item)
}

fn contribution(
    inputs: &Inputs<'_>,
    manufacturer: &str,
    model: &str,
    version: &str,
) -> Result<DataSet<'static>, RenderError> {
    let mut item = DataSet::new();
    put_code(&mut item, tag::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, &codes::PROCESSING_EQUIPMENT)?;
    put_text(&mut item, tag::MANUFACTURER, manufacturer)?;
    put_text(&mut item, tag::MANUFACTURER_MODEL_NAME, model)?;
    put_text(&mut item, tag::SOFTWARE_VERSIONS, version)?;
    item.put_str(tag::CONTRIBUTION_DATE_TIME, inputs.source.shown(inputs.run.result_created).dt());
    put_site(&mut item, inputs)?;
    Ok(item)
}

/// References to all source images (PS3.3 10.8).
pub(crate) fn image_references(inputs: &Inputs<'_>) -> Vec<DataSet<'static>> {
    let images = inputs.source.images().iter();
    images.map(|image| sop_reference(image.sop_class.as_str(), image.sop_instance.as_str())).collect()
}

/// Referenced Series Sequence (0008,1115) of the Common Instance Reference module (PS3.3 C.12.2): one item, for
/// readers that look at the first only.
pub(crate) fn put_referenced_series(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>) {
    let series = inputs.source.series().as_str();
    let item = series_item(series, tag::REFERENCED_INSTANCE_SEQUENCE, image_references(inputs));
    data_set.put_items(tag::REFERENCED_SERIES_SEQUENCE, vec![item]);
}

/// Related Series Sequence (0008,1250) with the series of the objects that an image object replaces, which has no
/// other way to name them.
pub(crate) fn put_replaced_series(data_set: &mut DataSet<'static>, inputs: &Inputs<'_>, kind: Kind) {
    let items: Vec<_> = inputs
        .replaces
        .iter()
        .filter(|replaced| replaced.kind == kind)
        .map(|replaced| {
            let mut item = DataSet::new();
            put_uid(&mut item, tag::STUDY_INSTANCE_UID, inputs.source.study().as_str());
            put_uid(&mut item, tag::SERIES_INSTANCE_UID, replaced.series.as_str());
            item.put_empty(tag::PURPOSE_OF_REFERENCE_CODE_SEQUENCE);
            item
        })
        .collect();
    if !items.is_empty() {
        data_set.put_items(tag::RELATED_SERIES_SEQUENCE, items);
    }
}

/// The text that names the package in Algorithm Parameters (0066,0032) and (111002, DCM).
pub(crate) fn algorithm_parameters(inputs: &Inputs<'_>) -> String {
    format!("package {}", inputs.run.application.digest)
}
