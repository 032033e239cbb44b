//! Reading our own evidence back (EV4): used by the form gate, the demonstration and tests.
//!
//! These readers know the forms that we write and no others.

mod capture;
mod report;
mod segmentation;

pub use capture::{CaptureReading, read_capture};
pub use report::{Answer, AnswerValue, Group, NumericMeasurement, ReportReading, read_report};
pub use segmentation::{Frame, Segment, SegmentationReading, read_segmentation};

use gantry_dicom::{data_set::DataSet, tag};
use gantry_types::code::Code;

use crate::error::Unreadable;

/// Why evidence cannot be read back.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("the object cannot be read")]
    Unreadable(#[from] Unreadable),
    /// It is something else.
    #[error("the object is of SOP class {found:?}, not {wanted}")]
    OtherClass {
        /// SOP Class UID.
        found: String,
        /// What was to be read.
        wanted: &'static str,
    },
    /// Something that it needs is absent or unreadable.
    #[error("{what} is absent or unreadable")]
    Missing {
        /// What.
        what: String,
    },
    /// A frame does not lie on a slice of the grid.
    #[error("frame {frame} does not lie on a slice of the volume: {why}")]
    Misplaced {
        /// Frame Number, from 1.
        frame: usize,
        /// How it differs.
        why: String,
    },
}

pub(crate) fn missing(what: impl Into<String>) -> ReadError {
    ReadError::Missing { what: what.into() }
}

/// The code of an item of a code sequence.
pub(crate) fn code(item: Option<&DataSet<'_>>) -> Option<Code> {
    let item = item?;
    let value =
        [tag::CODE_VALUE, tag::LONG_CODE_VALUE, tag::URN_CODE_VALUE].iter().find_map(|tag| item.str(*tag))?;
    Code::new(value, item.str(tag::CODING_SCHEME_DESIGNATOR)?, item.str(tag::CODE_MEANING)?).ok()
}
