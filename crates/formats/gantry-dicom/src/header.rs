//! From a data set to the header view (`gantry_types::header`).
//!
//! What is absent or unreadable is absent in the view; whoever needs it says so. Nothing is guessed, except Rescale
//! Slope 1 or Intercept 0 where only the other one is there.

use gantry_types::{
    header::{
        Contrast, Decimal, Identity, ImageHeader, ImagePlane, PixelFormat, Planar, Rescale, SampleSign,
    },
    uid::{
        FrameOfReferenceUid, SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid,
        TransferSyntaxUid,
    },
};

use crate::{
    charset,
    data_set::DataSet,
    tag::{self, Tag},
};

/// An identifier without which an object cannot be filed is blank or absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is blank or absent")]
pub struct MissingUid(pub Tag);

/// The header view of an object.
///
/// # Errors
/// [`MissingUid`] if SOP class, SOP instance, study or series cannot be named.
pub fn image_header(
    data_set: &DataSet<'_>,
    transfer_syntax: TransferSyntaxUid,
) -> Result<ImageHeader, MissingUid> {
    let uid = |tag| data_set.str(tag).filter(|text| !text.is_empty()).ok_or(MissingUid(tag));
    let text = |tag| data_set.str(tag).unwrap_or_default().to_owned();
    let texts = |tag| data_set.strs(tag).map(str::to_owned).collect();
    Ok(ImageHeader {
        sop_class: SopClassUid::from_peer(uid(tag::SOP_CLASS_UID)?).ok_or(MissingUid(tag::SOP_CLASS_UID))?,
        sop_instance: SopInstanceUid::from_peer(uid(tag::SOP_INSTANCE_UID)?)
            .ok_or(MissingUid(tag::SOP_INSTANCE_UID))?,
        study: StudyInstanceUid::from_peer(uid(tag::STUDY_INSTANCE_UID)?)
            .ok_or(MissingUid(tag::STUDY_INSTANCE_UID))?,
        series: SeriesInstanceUid::from_peer(uid(tag::SERIES_INSTANCE_UID)?)
            .ok_or(MissingUid(tag::SERIES_INSTANCE_UID))?,
        identity: identity(data_set),
        transfer_syntax,
        frame_of_reference: data_set
            .str(tag::FRAME_OF_REFERENCE_UID)
            .and_then(FrameOfReferenceUid::from_peer),
        plane: plane(data_set),
        format: format(data_set),
        rescale: rescale(data_set),
        slice_thickness: data_set.str(tag::SLICE_THICKNESS).and_then(Decimal::parse),
        image_type: texts(tag::IMAGE_TYPE),
        modality: text(tag::MODALITY),
        manufacturer: text(tag::MANUFACTURER),
        convolution_kernel: texts(tag::CONVOLUTION_KERNEL),
        contrast: contrast(data_set),
        series_number: text(tag::SERIES_NUMBER),
        series_description: text(tag::SERIES_DESCRIPTION),
        instance_number: text(tag::INSTANCE_NUMBER),
        lossy: text(tag::LOSSY_IMAGE_COMPRESSION),
    })
}

/// Bytes without padding; empty where absent.
fn trimmed<'b>(data_set: &'b DataSet<'_>, tag: Tag) -> &'b [u8] {
    let is_padding = |byte: &u8| matches!(byte, b' ' | 0);
    let bytes = data_set.bytes(tag).unwrap_or_default();
    let start = bytes.iter().position(|byte| !is_padding(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_padding(byte)).map_or(start, |last| last + 1);
    bytes.get(start..end).unwrap_or_default()
}

fn identity(data_set: &DataSet<'_>) -> Identity {
    Identity {
        patient_id: trimmed(data_set, tag::PATIENT_ID).into(),
        patient_id_issuer: trimmed(data_set, tag::ISSUER_OF_PATIENT_ID).into(),
        patient_name: trimmed(data_set, tag::PATIENT_NAME).into(),
        accession_number: trimmed(data_set, tag::ACCESSION_NUMBER).into(),
    }
}

/// A blank text, or a number of zero, tells of no agent.
fn contrast(data_set: &DataSet<'_>) -> Contrast {
    let texts = [tag::CONTRAST_BOLUS_AGENT, tag::CONTRAST_BOLUS_ROUTE, tag::CONTRAST_BOLUS_START_TIME];
    let numbers = [tag::CONTRAST_BOLUS_VOLUME, tag::CONTRAST_BOLUS_TOTAL_DOSE];
    let is_zero = |tag| data_set.str(tag).and_then(Decimal::parse).is_some_and(|number| number.value == 0.0);
    let is_given = !data_set.items(tag::CONTRAST_BOLUS_AGENT_SEQUENCE).is_empty()
        || texts.into_iter().any(|tag| !trimmed(data_set, tag).is_empty())
        || numbers.into_iter().any(|tag| !trimmed(data_set, tag).is_empty() && !is_zero(tag));
    match data_set.get(tag::CONTRAST_BOLUS_AGENT) {
        _ if is_given => Contrast::Given,
        Some(_) => Contrast::Empty,
        None => Contrast::NotSaid,
    }
}

/// Exactly `N` decimal strings.
fn decimals<const N: usize>(data_set: &DataSet<'_>, tag: Tag) -> Option<[Decimal; N]> {
    let values: Option<Vec<Decimal>> = data_set.strs(tag).map(Decimal::parse).collect();
    values?.try_into().ok()
}

fn plane(data_set: &DataSet<'_>) -> Option<ImagePlane> {
    Some(ImagePlane {
        position: decimals(data_set, tag::IMAGE_POSITION_PATIENT)?,
        orientation: decimals(data_set, tag::IMAGE_ORIENTATION_PATIENT)?,
        spacing: decimals(data_set, tag::PIXEL_SPACING)?,
    })
}

fn format(data_set: &DataSet<'_>) -> Option<PixelFormat> {
    let frames = match data_set.str(tag::NUMBER_OF_FRAMES) {
        None | Some("") => 1,
        Some(text) => text.parse().ok()?,
    };
    let sign = match data_set.u16(tag::PIXEL_REPRESENTATION)? {
        0 => SampleSign::Unsigned,
        1 => SampleSign::Signed,
        _ => return None,
    };
    let planar = match data_set.u16(tag::PLANAR_CONFIGURATION) {
        None | Some(0) => Planar::Interleaved,
        Some(1) => Planar::Separate,
        Some(_) => return None,
    };
    let bits_allocated = data_set.u16(tag::BITS_ALLOCATED)?;
    let bits_stored = data_set.u16(tag::BITS_STORED)?;
    Some(PixelFormat {
        rows: data_set.u16(tag::ROWS)?,
        columns: data_set.u16(tag::COLUMNS)?,
        frames,
        samples_per_pixel: data_set.u16(tag::SAMPLES_PER_PIXEL)?,
        bits_allocated,
        bits_stored,
        high_bit: data_set.u16(tag::HIGH_BIT)?,
        sign,
        planar,
        photometric: data_set.str(tag::PHOTOMETRIC_INTERPRETATION)?.to_owned(),
    })
}

fn rescale(data_set: &DataSet<'_>) -> Option<Rescale> {
    let slope = data_set.str(tag::RESCALE_SLOPE);
    let intercept = data_set.str(tag::RESCALE_INTERCEPT);
    if slope.is_none() && intercept.is_none() {
        return None;
    }
    Some(Rescale {
        slope: Decimal::parse(slope.unwrap_or("1"))?,
        intercept: Decimal::parse(intercept.unwrap_or("0"))?,
        kind: data_set.str(tag::RESCALE_TYPE).map(str::to_owned),
    })
}

/// Who issued the accession number, decoded; empty if that is not said: Local Namespace Entity ID, else Universal Entity ID (PS3.3 C.7.2.1, 10.17).
#[must_use]
pub fn accession_issuer(data_set: &DataSet<'_>) -> String {
    let items = data_set.items(tag::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE);
    let Some(item) = items.first() else { return String::new() };
    let local = charset::text(item, LOCAL_NAMESPACE_ENTITY_ID);
    if local.is_empty() { charset::text(item, UNIVERSAL_ENTITY_ID) } else { local }
}

const LOCAL_NAMESPACE_ENTITY_ID: Tag = Tag(0x0040, 0x0031);
const UNIVERSAL_ENTITY_ID: Tag = Tag(0x0040, 0x0032);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data_set::Value, syntax};

    fn minimal() -> DataSet<'static> {
        let mut data_set = DataSet::new();
        data_set.put_str(tag::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2");
        data_set.put_str(tag::SOP_INSTANCE_UID, "1.1");
        data_set.put_str(tag::STUDY_INSTANCE_UID, "1.2");
        data_set.put_str(tag::SERIES_INSTANCE_UID, "1.3");
        data_set
    }

    fn view(data_set: &DataSet<'_>) -> Result<ImageHeader, MissingUid> {
        image_header(data_set, TransferSyntaxUid::parse(syntax::EXPLICIT_VR_LITTLE_ENDIAN).unwrap())
    }

    #[test]
    fn blank_identifiers_are_named() {
        let mut data_set = minimal();
        data_set.put_str(tag::STUDY_INSTANCE_UID, " \0");
        assert_eq!(view(&data_set), Err(MissingUid(tag::STUDY_INSTANCE_UID)));
    }

    #[test]
    fn an_unreadable_position_is_absent_and_never_half_read() {
        let mut data_set = minimal();
        data_set.put_str(tag::IMAGE_POSITION_PATIENT, "1\\2\\3");
        data_set.put_str(tag::IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\0\\1\\0");
        data_set.put_str(tag::PIXEL_SPACING, "0.8418\\0.8418");
        assert_eq!(&*view(&data_set).unwrap().plane.unwrap().spacing[0].text, "0.8418");
        for bad in ["1\\2", "1\\2\\x", "1\\2\\3\\4", ""] {
            data_set.put_str(tag::IMAGE_POSITION_PATIENT, bad);
            assert_eq!(view(&data_set).unwrap().plane, None, "{bad:?}");
        }
    }

    #[test]
    fn an_agent_is_noticed_wherever_and_however_it_is_written() {
        let with = |change: &dyn Fn(&mut DataSet<'_>)| {
            let mut data_set = minimal();
            change(&mut data_set);
            view(&data_set).unwrap().contrast
        };
        let text = |tag, text: &'static str| with(&|set| set.put_str(tag, text));
        assert_eq!(with(&|_| ()), Contrast::NotSaid);
        assert_eq!(with(&|set| set.put_empty(tag::CONTRAST_BOLUS_AGENT)), Contrast::Empty);
        assert_eq!(text(tag::CONTRAST_BOLUS_AGENT, "  "), Contrast::Empty);
        assert_eq!(text(tag::CONTRAST_BOLUS_AGENT, "Iomeron 400"), Contrast::Given);
        let latin1 = Value::Bytes(b"Iom\xE9ron 400".into());
        assert_eq!(with(&|set| set.put(tag::CONTRAST_BOLUS_AGENT, latin1.clone())), Contrast::Given);
        assert_eq!(text(tag::CONTRAST_BOLUS_ROUTE, "IV"), Contrast::Given);
        assert_eq!(text(tag::CONTRAST_BOLUS_VOLUME, "0.0"), Contrast::NotSaid);
        assert_eq!(text(tag::CONTRAST_BOLUS_VOLUME, "80"), Contrast::Given);
        let agents = |set: &mut DataSet<'_>| {
            set.put_items(tag::CONTRAST_BOLUS_AGENT_SEQUENCE, vec![DataSet::new()]);
        };
        assert_eq!(with(&agents), Contrast::Given);
    }

    #[test]
    fn identity_is_compared_without_padding_and_in_any_repertoire() {
        let with = |name: &'static [u8]| {
            let mut data_set = minimal();
            data_set.put(tag::PATIENT_NAME, Value::Bytes(name.into()));
            view(&data_set).unwrap().identity
        };
        assert_eq!(with(b"M\xFCller^Eva "), with(b"M\xFCller^Eva\0"));
        assert_ne!(with(b"M\xFCller^Eva "), with(b"M\xFCller^Ida "));
    }

    #[test]
    fn half_a_rescale_is_completed_and_a_broken_one_is_none() {
        let mut data_set = minimal();
        assert_eq!(view(&data_set).unwrap().rescale, None);
        data_set.put_str(tag::RESCALE_INTERCEPT, "-1024");
        let rescale = view(&data_set).unwrap().rescale.unwrap();
        assert_eq!((rescale.slope.value, rescale.intercept.value), (1.0, -1024.0));
        data_set.put_str(tag::RESCALE_SLOPE, "one");
        assert_eq!(view(&data_set).unwrap().rescale, None);
    }
}
