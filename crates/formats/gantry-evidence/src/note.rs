//! What a rendering left out or wrote in another way, so that it can be said.

use core::fmt;

use gantry_dicom::{
    dictionary,
    rules::Violation,
    tag::{self, Tag},
};

/// Something that a reader of the run record must be told.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// A value of the source is illegal and was not copied.
    IllegalValue {
        /// The attribute of the data set, which was left out.
        attribute: Tag,
        /// The element in it that is illegal; the same, unless the attribute is a sequence.
        element: Tag,
        /// The rule it breaks.
        violation: Violation,
    },
    /// An item of a sequence of the source lacks what it must have; the sequence was not copied.
    IncompleteItem {
        /// The attribute of the data set, which was left out.
        attribute: Tag,
        /// What an item of it lacks.
        missing: Tag,
    },
    /// A value is not of the kind that the dictionary says, and was not copied.
    WrongKind {
        /// The attribute.
        attribute: Tag,
    },
    /// A module of the source lacks what it must have; nothing of it was copied.
    IncompleteModule {
        /// Its name in PS3.3.
        module: &'static str,
        /// What it lacks.
        missing: Tag,
    },
    /// A decimal string of the source is too long and was written with fewer digits.
    Rounded {
        /// The attribute.
        attribute: Tag,
    },
    /// The images have no common slice thickness; the segmentation gives the slice distance instead, which is how
    /// thick its voxels are.
    ThicknessFromDistance,
    /// A finding has no voxel: it is no segment, and the report says that it is absent.
    NoVoxels {
        /// The finding's key.
        finding: String,
    },
    /// No finding has a voxel, so there is no segmentation; the report says what is absent.
    NoSegmentation,
    /// A number was measured in a finding that has no voxel, and is not reported.
    NumberWithoutRegion {
        /// The finding's key.
        finding: String,
        /// The measurement's key.
        measurement: String,
    },
}

/// Keyword and tag.
pub(crate) struct Named(pub(crate) Tag);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match dictionary::keyword(self.0) {
            Some(keyword) => write!(f, "{keyword} {}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IllegalValue { attribute, element, violation } if attribute == element => {
                write!(f, "{} of the source was not copied: {violation}", Named(*attribute))
            }
            Self::IllegalValue { attribute, element, violation } => {
                write!(
                    f,
                    "{} of the source was not copied: {} in it: {violation}",
                    Named(*attribute),
                    Named(*element)
                )
            }
            Self::IncompleteItem { attribute, missing } => {
                write!(
                    f,
                    "{} of the source was not copied: an item has no {}",
                    Named(*attribute),
                    Named(*missing)
                )
            }
            Self::WrongKind { attribute } => {
                write!(f, "{} of the source was not copied: its value is of another kind", Named(*attribute))
            }
            Self::IncompleteModule { module, missing } => {
                write!(f, "the {module} module of the source was not copied: it has no {}", Named(*missing))
            }
            Self::Rounded { attribute } => {
                write!(
                    f,
                    "{} of the source is longer than a decimal string may be and was rounded",
                    Named(*attribute)
                )
            }
            Self::ThicknessFromDistance => {
                write!(
                    f,
                    "the source images have no common {}, the slice distance is given",
                    Named(tag::SLICE_THICKNESS)
                )
            }
            Self::NoVoxels { finding } => write!(f, "{finding} has no voxel and is reported as absent"),
            Self::NoSegmentation => f.write_str("no finding has a voxel, so there is no segmentation"),
            Self::NumberWithoutRegion { finding, measurement } => {
                write!(f, "{measurement} of {finding} is not reported: {finding} has no voxel")
            }
        }
    }
}
