//! Items of Segment Sequence (PS3.3 C.8.20.2, C.8.20.4; algorithm: 10.16).

use gantry_dicom::{data_set::DataSet, tag};

use crate::{
    attribute::{coded, put_code, put_own_uid, put_text},
    base, colour,
    error::RenderError,
    inputs::{Inputs, Region},
};

/// The segment of a finding.
pub(super) fn item(inputs: &Inputs<'_>, region: &Region<'_>) -> Result<DataSet<'static>, RenderError> {
    let finding = region.finding;
    let application = &inputs.run.application;
    let mut item = DataSet::new();
    item.put_u16(tag::SEGMENT_NUMBER, &[region.number]);
    put_text(&mut item, tag::SEGMENT_LABEL, &finding.name)?;
    put_text(&mut item, tag::SEGMENT_ALGORITHM_TYPE, "AUTOMATIC")?;
    put_text(&mut item, tag::SEGMENT_ALGORITHM_NAME, application.name.as_str())?;
    item.put_items(tag::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE, vec![algorithm(inputs)?]);
    put_code(&mut item, tag::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, &finding.category)?;
    let mut property = coded(&finding.property)?;
    if let Some(laterality) = &finding.laterality {
        put_code(&mut property, tag::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE, laterality)?;
    }
    item.put_items(tag::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, vec![property]);
    item.put_u16(tag::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &colour::cielab(finding.colour));
    put_text(&mut item, tag::TRACKING_ID, &finding.key)?;
    let tracking = inputs.scope.tracking_uid(&application.name, &finding.key);
    put_own_uid(&mut item, tag::TRACKING_UID, &tracking);
    Ok(item)
}

fn algorithm(inputs: &Inputs<'_>) -> Result<DataSet<'static>, RenderError> {
    let application = &inputs.run.application;
    let mut item = DataSet::new();
    put_code(&mut item, tag::ALGORITHM_FAMILY_CODE_SEQUENCE, &application.family)?;
    put_text(&mut item, tag::ALGORITHM_NAME, application.name.as_str())?;
    put_text(&mut item, tag::ALGORITHM_VERSION, &application.version)?;
    put_text(&mut item, tag::ALGORITHM_SOURCE, &application.manufacturer)?;
    put_text(&mut item, tag::ALGORITHM_PARAMETERS, &base::algorithm_parameters(inputs))?;
    Ok(item)
}
