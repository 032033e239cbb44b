//! From an object's header to what is needed to file it.
//!
//! Invariant: an object is filed under what its own data set says; where that is blank or absent it is refused (C000).
//! Irregular identifiers and broken elements are kept and named as deviations.

use gantry_dicom::{
    charset,
    data_set::DataSet,
    deflate, header,
    reader::{self, Limits, Reading, Stop},
    syntax::{self, Wrapping},
    tag::{self, Tag},
};
use gantry_types::uid::{
    SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid,
};

/// As much of a data set as is searched for its identifiers.
pub(crate) const HEADER_BYTES_MAX: usize = 16 << 20;

/// An object's place, and what is shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filed {
    pub(crate) study: StudyInstanceUid,
    pub(crate) series: SeriesInstanceUid,
    pub(crate) sop_instance: SopInstanceUid,
    pub(crate) sop_class: SopClassUid,
    pub(crate) patient_id: String,
    pub(crate) patient_id_issuer: String,
    pub(crate) patient_name: String,
    pub(crate) accession_number: String,
    pub(crate) accession_issuer: String,
    pub(crate) study_date: String,
    pub(crate) study_description: String,
    pub(crate) modality: String,
    pub(crate) series_number: String,
    pub(crate) series_description: String,
    pub(crate) deviations: Vec<String>,
}

/// Why an object cannot be filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfilable {
    /// The front is damaged or too short; more of the data set may help.
    #[error("the data set cannot be read up to its identifiers")]
    NeedsMore,
    /// An identifier is blank or absent.
    #[error("{0} is blank or absent")]
    Blank(Tag),
}

/// Files by the front of a data set; `is_whole` says whether that is all of it.
pub(crate) fn file(front: &[u8], is_whole: bool, syntax: &TransferSyntaxUid) -> Result<Filed, Unfilable> {
    let (encoding, wrapping) = syntax::layout(syntax);
    let inflated;
    let bytes = match wrapping {
        Wrapping::Plain => front,
        Wrapping::Deflated => {
            inflated = deflate::inflate_front(front, front.len().saturating_mul(8).min(HEADER_BYTES_MAX));
            &inflated
        }
    };
    let reading = reader::read(bytes, encoding, Limits::default(), Stop::Before(tag::FLOAT_PIXEL_DATA));
    let filed = from_header(&reading);
    let is_cut = !is_whole && (reading.damage().is_some() || reading.end == bytes.len());
    match filed {
        // What lies behind the cut could still be an identifier, or a deviation.
        Err(_) if is_cut => Err(Unfilable::NeedsMore),
        Ok(_) if is_cut && front.len() < HEADER_BYTES_MAX => Err(Unfilable::NeedsMore),
        other => other,
    }
}

fn from_header(reading: &Reading<'_>) -> Result<Filed, Unfilable> {
    let data_set = &reading.data_set;
    fn uid<T>(data_set: &DataSet<'_>, tag: Tag, from_peer: fn(&str) -> Option<T>) -> Result<T, Unfilable> {
        data_set.str(tag).and_then(from_peer).ok_or(Unfilable::Blank(tag))
    }
    let text = |tag| charset::text(data_set, tag);
    let study = uid(data_set, tag::STUDY_INSTANCE_UID, StudyInstanceUid::from_peer)?;
    let series = uid(data_set, tag::SERIES_INSTANCE_UID, SeriesInstanceUid::from_peer)?;
    let sop_instance = uid(data_set, tag::SOP_INSTANCE_UID, SopInstanceUid::from_peer)?;
    let sop_class = uid(data_set, tag::SOP_CLASS_UID, SopClassUid::from_peer)?;
    let mut deviations: Vec<String> =
        reading.problems.iter().map(|problem| format!("{}: {}", problem.tag, problem.kind)).collect();
    let irregular = [
        (tag::STUDY_INSTANCE_UID, study.is_regular()),
        (tag::SERIES_INSTANCE_UID, series.is_regular()),
        (tag::SOP_INSTANCE_UID, sop_instance.is_regular()),
        (tag::SOP_CLASS_UID, sop_class.is_regular()),
    ];
    deviations.extend(
        irregular.iter().filter(|(_, regular)| !regular).map(|(tag, _)| format!("{tag}: irregular UID")),
    );
    Ok(Filed {
        study,
        series,
        sop_instance,
        sop_class,
        patient_id: text(tag::PATIENT_ID),
        patient_id_issuer: text(tag::ISSUER_OF_PATIENT_ID),
        patient_name: text(tag::PATIENT_NAME),
        accession_number: text(tag::ACCESSION_NUMBER),
        accession_issuer: header::accession_issuer(data_set),
        study_date: text(tag::STUDY_DATE),
        study_description: text(tag::STUDY_DESCRIPTION),
        modality: text(tag::MODALITY),
        series_number: text(tag::SERIES_NUMBER),
        series_description: text(tag::SERIES_DESCRIPTION),
        deviations,
    })
}

#[cfg(test)]
mod tests {
    use gantry_dicom::writer;

    use super::*;

    fn explicit() -> TransferSyntaxUid {
        TransferSyntaxUid::from_peer(syntax::EXPLICIT_VR_LITTLE_ENDIAN).unwrap()
    }

    fn object(study: &str) -> Vec<u8> {
        let mut data_set = DataSet::new();
        data_set.put_str(tag::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2");
        data_set.put_str(tag::SOP_INSTANCE_UID, "1.1");
        data_set.put_str(tag::STUDY_INSTANCE_UID, study);
        data_set.put_str(tag::SERIES_INSTANCE_UID, "1.3");
        data_set.put_str(tag::PATIENT_ID, "P1");
        let mut issuer = DataSet::new();
        issuer.put_str(Tag(0x0040, 0x0031), "RIS");
        data_set.put_items(tag::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE, vec![issuer]);
        data_set.put_u16(tag::ROWS, &[512]);
        data_set.put_as(tag::PIXEL_DATA, gantry_dicom::vr::Vr::OW, {
            gantry_dicom::data_set::Value::Bytes(vec![0; 1000].into())
        });
        writer::write_explicit(&data_set).unwrap()
    }

    #[test]
    fn a_front_that_reaches_the_pixels_is_enough() {
        let bytes = object("1.2");
        let filed = file(&bytes[..200], false, &explicit()).unwrap();
        assert_eq!((filed.study.as_str(), filed.patient_id.as_str()), ("1.2", "P1"));
        assert_eq!(filed.accession_issuer, "RIS");
        assert_eq!(filed.deviations, Vec::<String>::new());
        assert_eq!(file(&bytes[..60], false, &explicit()), Err(Unfilable::NeedsMore));
    }

    #[test]
    fn blank_identifiers_are_refused_and_irregular_ones_named() {
        assert_eq!(file(&object(" "), true, &explicit()), Err(Unfilable::Blank(tag::STUDY_INSTANCE_UID)));
        let filed = file(&object("1.02.X"), true, &explicit()).unwrap();
        assert_eq!(filed.deviations, ["(0020,000D): irregular UID"]);
    }

    #[test]
    fn nesting_beyond_the_limit_behind_the_identifiers_is_a_deviation() {
        let mut bytes = object("1.2");
        bytes.truncate(bytes.len() - 1012);
        for _ in 0..100 {
            bytes.extend(b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff");
        }
        let filed = file(&bytes, true, &explicit()).unwrap();
        assert!(filed.deviations[0].contains("nested deeper"), "{:?}", filed.deviations);
    }
}
