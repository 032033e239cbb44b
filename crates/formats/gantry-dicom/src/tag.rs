//! Tags of data elements, and the ones that Gantry names.

use core::fmt;

/// Group and element number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u16, pub u16);

impl Tag {
    /// The group number.
    #[must_use]
    pub const fn group(self) -> u16 {
        self.0
    }

    /// The element number.
    #[must_use]
    pub const fn element(self) -> u16 {
        self.1
    }

    /// Group in the high half.
    #[must_use]
    pub fn to_u32(self) -> u32 {
        u32::from(self.0) << 16 | u32::from(self.1)
    }

    pub(crate) const fn from_u32(tag: u32) -> Self {
        let [a, b, c, d] = tag.to_be_bytes();
        Self(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
    }

    /// Whether the group number is odd (PS3.5 7.8).
    #[must_use]
    pub const fn is_private(self) -> bool {
        self.0 % 2 == 1
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:04X},{:04X})", self.0, self.1)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! tags {
    ($($name:ident = $group:literal, $element:literal;)*) => {
        $(
            #[doc = concat!("(", stringify!($group), ",", stringify!($element), ")")]
            pub const $name: Tag = Tag($group, $element);
        )*

        #[cfg(test)]
        const NAMED: &[(&str, Tag)] = &[$((stringify!($name), $name),)*];
    };
}

tags! {
    FILE_META_INFORMATION_GROUP_LENGTH = 0x0002, 0x0000;
    FILE_META_INFORMATION_VERSION = 0x0002, 0x0001;
    MEDIA_STORAGE_SOP_CLASS_UID = 0x0002, 0x0002;
    MEDIA_STORAGE_SOP_INSTANCE_UID = 0x0002, 0x0003;
    TRANSFER_SYNTAX_UID = 0x0002, 0x0010;
    IMPLEMENTATION_CLASS_UID = 0x0002, 0x0012;
    IMPLEMENTATION_VERSION_NAME = 0x0002, 0x0013;
    SOURCE_APPLICATION_ENTITY_TITLE = 0x0002, 0x0016;
    SPECIFIC_CHARACTER_SET = 0x0008, 0x0005;
    IMAGE_TYPE = 0x0008, 0x0008;
    SOP_CLASS_UID = 0x0008, 0x0016;
    SOP_INSTANCE_UID = 0x0008, 0x0018;
    STUDY_DATE = 0x0008, 0x0020;
    ACCESSION_NUMBER = 0x0008, 0x0050;
    MODALITY = 0x0008, 0x0060;
    MANUFACTURER = 0x0008, 0x0070;
    STUDY_DESCRIPTION = 0x0008, 0x1030;
    SERIES_DESCRIPTION = 0x0008, 0x103E;
    PATIENT_NAME = 0x0010, 0x0010;
    PATIENT_ID = 0x0010, 0x0020;
    ISSUER_OF_PATIENT_ID = 0x0010, 0x0021;
    PATIENT_BIRTH_DATE = 0x0010, 0x0030;
    CONTRAST_BOLUS_AGENT = 0x0018, 0x0010;
    SLICE_THICKNESS = 0x0018, 0x0050;
    CONVOLUTION_KERNEL = 0x0018, 0x1210;
    STUDY_INSTANCE_UID = 0x0020, 0x000D;
    SERIES_INSTANCE_UID = 0x0020, 0x000E;
    SERIES_NUMBER = 0x0020, 0x0011;
    INSTANCE_NUMBER = 0x0020, 0x0013;
    IMAGE_POSITION_PATIENT = 0x0020, 0x0032;
    IMAGE_ORIENTATION_PATIENT = 0x0020, 0x0037;
    FRAME_OF_REFERENCE_UID = 0x0020, 0x0052;
    SAMPLES_PER_PIXEL = 0x0028, 0x0002;
    PHOTOMETRIC_INTERPRETATION = 0x0028, 0x0004;
    PLANAR_CONFIGURATION = 0x0028, 0x0006;
    NUMBER_OF_FRAMES = 0x0028, 0x0008;
    ROWS = 0x0028, 0x0010;
    COLUMNS = 0x0028, 0x0011;
    PIXEL_SPACING = 0x0028, 0x0030;
    BITS_ALLOCATED = 0x0028, 0x0100;
    BITS_STORED = 0x0028, 0x0101;
    HIGH_BIT = 0x0028, 0x0102;
    PIXEL_REPRESENTATION = 0x0028, 0x0103;
    RESCALE_INTERCEPT = 0x0028, 0x1052;
    RESCALE_SLOPE = 0x0028, 0x1053;
    RESCALE_TYPE = 0x0028, 0x1054;
    LOSSY_IMAGE_COMPRESSION = 0x0028, 0x2110;
    FLOAT_PIXEL_DATA = 0x7FE0, 0x0008;
    DOUBLE_FLOAT_PIXEL_DATA = 0x7FE0, 0x0009;
    PIXEL_DATA = 0x7FE0, 0x0010;
    DATA_SET_TRAILING_PADDING = 0xFFFC, 0xFFFC;
    ITEM = 0xFFFE, 0xE000;
    ITEM_DELIMITATION_ITEM = 0xFFFE, 0xE00D;
    SEQUENCE_DELIMITATION_ITEM = 0xFFFE, 0xE0DD;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Law: a constant's name is the keyword of PS3.6 in capitals, so that nobody can misnumber one.
    #[test]
    fn named_tags_carry_their_keywords() {
        for (name, tag) in NAMED {
            let Some(keyword) = crate::dictionary::keyword(*tag) else {
                assert!(tag.group() == 0xFFFE || tag.element() == 0xFFFC, "{name} is not in the dictionary");
                continue;
            };
            assert_eq!(name.replace('_', ""), keyword.to_uppercase(), "{tag}");
        }
    }
}
