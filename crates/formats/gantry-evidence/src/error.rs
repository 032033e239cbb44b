//! Why findings cannot be rendered, and why an object cannot be read.

use gantry_dicom::{part10, reader, rules::Violation, tag::Tag, writer::WriteError};
use gantry_types::error_code::ErrorCode;

/// Why no evidence was made. Nothing is half made: a set is rendered as a whole or not at all.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RenderError {
    /// A text of ours stands beside identity in the source's character set, so it must be of the default repertoire.
    #[error("the text {text:?} for {tag} is not printable ASCII")]
    NotAscii {
        /// Where it was to stand.
        tag: Tag,
        /// The text.
        text: String,
    },
    /// A text of ours breaks the rules of its value representation.
    #[error("a value for {tag} cannot be written: {violation}")]
    IllegalText {
        /// Where it was to stand.
        tag: Tag,
        /// The rule.
        violation: Violation,
    },
    /// There are segments to be found in a mask, and no mask.
    #[error("there are {segments} segments and no mask to find them in")]
    NoMask {
        /// How many.
        segments: usize,
    },
    /// The mask is not on the grid of the source images.
    #[error("the mask does not lie on the source images: {difference}")]
    OtherGrid {
        /// What differs.
        difference: String,
    },
    /// The mask has voxels that no finding declares.
    #[error("the mask has voxels of label {label}, which no finding declares")]
    UndeclaredLabel {
        /// The label.
        label: u8,
    },
    /// Label 0 is the background, and each other one belongs to one finding.
    #[error("the finding {key:?} has the label {label}, which is the background or another finding's")]
    BadLabel {
        /// The finding.
        key: String,
        /// Its label.
        label: u8,
    },
    /// A number that no decimal string can say.
    #[error("the measurement {key:?} is {value}, which is no finite number")]
    NotFinite {
        /// The measurement.
        key: String,
        /// Its value.
        value: f64,
    },
    /// A segmentation without a patient space would lie nowhere.
    #[error("the source images name no frame of reference")]
    NoFrameOfReference,
    /// The profile asks for a secondary capture and there is no picture.
    #[error("the profile {profile:?} asks for a secondary capture, and the result has no picture")]
    NoPicture {
        /// The profile.
        profile: String,
    },
    /// The finished data set cannot be encoded.
    #[error("the object cannot be encoded")]
    Write(#[source] WriteError),
}

impl RenderError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode(match self {
            Self::NotAscii { .. } => "evidence/not-ascii",
            Self::IllegalText { .. } => "evidence/illegal-text",
            Self::NoMask { .. } => "evidence/no-mask",
            Self::OtherGrid { .. } => "evidence/other-grid",
            Self::UndeclaredLabel { .. } => "evidence/undeclared-label",
            Self::BadLabel { .. } => "evidence/bad-label",
            Self::NotFinite { .. } => "evidence/not-finite",
            Self::NoFrameOfReference => "evidence/no-frame-of-reference",
            Self::NoPicture { .. } => "evidence/no-picture",
            Self::Write(_) => "evidence/not-encodable",
        })
    }
}

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No DICOM file.
    #[error("the object is no DICOM file")]
    NotDicom(#[source] part10::NotDicom),
    /// Ends early, or is broken otherwise, so that data is missing.
    #[error("the data set is damaged at {tag}: {kind}")]
    Damaged {
        /// Where.
        tag: Tag,
        /// How.
        kind: reader::ProblemKind,
    },
    /// A transfer syntax that results are not written in.
    #[error("the object is encoded in {syntax}, which is not judged")]
    Syntax {
        /// The transfer syntax.
        syntax: String,
    },
}
