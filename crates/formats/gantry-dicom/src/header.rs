//! From a data set to the header view (`gantry_types::header`).
//!
//! What is absent or unreadable is absent in the view; whoever needs it says so. Nothing is guessed, except Rescale
//! Slope 1 or Intercept 0 where only the other one is there.

use gantry_types::{
    header::{Decimal, ImageHeader, ImagePlane, PixelFormat, Planar, Rescale, SampleSign},
    uid::{
        FrameOfReferenceUid, SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid,
        TransferSyntaxUid,
    },
};

use crate::{
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
        contrast_agent: data_set.get(tag::CONTRAST_BOLUS_AGENT).map(|_| text(tag::CONTRAST_BOLUS_AGENT)),
        series_number: text(tag::SERIES_NUMBER),
        series_description: text(tag::SERIES_DESCRIPTION),
        instance_number: text(tag::INSTANCE_NUMBER),
        lossy: text(tag::LOSSY_IMAGE_COMPRESSION),
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax;

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
    fn an_absent_agent_is_not_an_empty_one() {
        let mut data_set = minimal();
        assert_eq!(view(&data_set).unwrap().contrast_agent, None);
        data_set.put_empty(tag::CONTRAST_BOLUS_AGENT);
        assert_eq!(view(&data_set).unwrap().contrast_agent, Some(String::new()));
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
