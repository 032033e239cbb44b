//! The coded concepts that the templates and functional groups use, with the meanings of PS3.16.
//!
//! Referees compare meanings letter by letter.

use gantry_types::code::Code;

macro_rules! codes {
    ($($name:ident = ($value:literal, $scheme:literal, $meaning:literal);)*) => {
        $(pub(crate) const $name: Code = Code::fixed($value, $scheme, $meaning);)*
    };
}

codes! {
    // References and equipment (CID 7005, 7202, 7203).
    SOURCE_IMAGE = ("121322", "DCM", "Source image for image processing operation");
    SEGMENTATION = ("113076", "DCM", "Segmentation");
    PROCESSING_EQUIPMENT = ("109102", "DCM", "Processing Equipment");
    // The report's frame (TID 1500, 1204, 1002, 1004, 1600).
    IMAGING_MEASUREMENT_REPORT = ("126000", "DCM", "Imaging Measurement Report");
    LANGUAGE = ("121049", "DCM", "Language of Content Item and Descendants");
    ENGLISH = ("en-US", "RFC5646", "English (United States)");
    OBSERVER_TYPE = ("121005", "DCM", "Observer Type");
    DEVICE = ("121007", "DCM", "Device");
    DEVICE_OBSERVER_UID = ("121012", "DCM", "Device Observer UID");
    DEVICE_OBSERVER_NAME = ("121013", "DCM", "Device Observer Name");
    DEVICE_OBSERVER_MANUFACTURER = ("121014", "DCM", "Device Observer Manufacturer");
    DEVICE_OBSERVER_MODEL_NAME = ("121015", "DCM", "Device Observer Model Name");
    DEVICE_OBSERVER_SERIAL_NUMBER = ("121016", "DCM", "Device Observer Serial Number");
    DEVICE_OBSERVER_LOCATION = ("121017", "DCM", "Device Observer Physical Location During Observation");
    PROCEDURE_REPORTED = ("121058", "DCM", "Procedure reported");
    IMAGING_PROCEDURE = ("363679005", "SCT", "Imaging procedure");
    IMAGE_LIBRARY = ("111028", "DCM", "Image Library");
    IMAGE_LIBRARY_GROUP = ("126200", "DCM", "Image Library Group");
    MODALITY = ("121139", "DCM", "Modality");
    FRAME_OF_REFERENCE_UID = ("112227", "DCM", "Frame of Reference UID");
    // Measurements (TID 1411, 1501, 300, 4019).
    IMAGING_MEASUREMENTS = ("126010", "DCM", "Imaging Measurements");
    MEASUREMENT_GROUP = ("125007", "DCM", "Measurement Group");
    TRACKING_IDENTIFIER = ("112039", "DCM", "Tracking Identifier");
    TRACKING_UNIQUE_IDENTIFIER = ("112040", "DCM", "Tracking Unique Identifier");
    FINDING_CATEGORY = ("276214006", "SCT", "Finding category");
    FINDING = ("121071", "DCM", "Finding");
    FINDING_SITE = ("363698007", "SCT", "Finding Site");
    LATERALITY = ("272741003", "SCT", "Laterality");
    REFERENCED_SEGMENT = ("121191", "DCM", "Referenced Segment");
    SOURCE_SERIES_FOR_SEGMENTATION = ("121232", "DCM", "Source series for segmentation");
    MEASUREMENT_METHOD = ("370129005", "SCT", "Measurement Method");
    DERIVATION = ("121401", "DCM", "Derivation");
    ALGORITHM_NAME = ("111001", "DCM", "Algorithm Name");
    ALGORITHM_VERSION = ("111003", "DCM", "Algorithm Version");
    ALGORITHM_PARAMETERS = ("111002", "DCM", "Algorithm Parameters");
    ALGORITHM_FAMILY = ("111000", "DCM", "Algorithm Family");
    QUALITATIVE_EVALUATIONS = ("C0034375", "UMLS", "Qualitative Evaluations");
    ABSENT = ("272519000", "SCT", "Absent");
}

/// CID 29, as far as we get images of it.
pub(crate) const MODALITIES: &[Code] = &[
    Code::fixed("CT", "DCM", "Computed Tomography"),
    Code::fixed("MR", "DCM", "Magnetic Resonance"),
    Code::fixed("PT", "DCM", "Positron emission tomography"),
    Code::fixed("NM", "DCM", "Nuclear Medicine"),
];
