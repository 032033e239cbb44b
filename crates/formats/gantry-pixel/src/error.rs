//! Why pixels cannot be read.

use gantry_types::{error_code::ErrorCode, uid::TransferSyntaxUid};

/// Why a frame is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PixelError {
    /// No decoder for this transfer syntax.
    #[error("pixel data in transfer syntax {0} cannot be read")]
    SyntaxNotRead(TransferSyntaxUid),
    /// No pixel data, or none of a kind that images have.
    #[error("the object has no pixel data")]
    NoPixelData,
    /// An attribute of the Image Pixel module is absent or unreadable.
    #[error("the image pixel description is incomplete")]
    NoFormat,
    /// Bits Allocated, Bits Stored, High Bit and Samples per Pixel do not fit together, or are not read.
    #[error("{samples} samples of {stored} of {allocated} bits with high bit {high} cannot be read")]
    Format {
        /// Samples per Pixel.
        samples: u16,
        /// Bits Allocated.
        allocated: u16,
        /// Bits Stored.
        stored: u16,
        /// High Bit.
        high: u16,
    },
    /// Native pixel data of another length than rows, columns, samples, bits and frames say.
    #[error("the pixel data has {found} bytes where the header says {wanted}")]
    Length {
        /// What is there.
        found: usize,
        /// What rows, columns, samples, bits and frames give.
        wanted: usize,
    },
    /// Another number of frames than the header says.
    #[error("{found} frames are there where the header says {wanted}")]
    FrameCount {
        /// What was located.
        found: usize,
        /// Number of Frames.
        wanted: u32,
    },
    /// A frame beyond the last.
    #[error("frame {0} does not exist")]
    NoSuchFrame(u32),
    /// The compressed stream describes another image than the header.
    #[error("the compressed frame is {found}, the header says {wanted}")]
    Disagrees {
        /// From the code stream.
        found: String,
        /// From the header.
        wanted: String,
    },
    /// The compressed stream cannot be decoded.
    #[error("the compressed frame is damaged: {0}")]
    Damaged(String),
    /// A sample that does not fit into 32 bits with sign.
    #[error("a sample is larger than 2147483647")]
    SampleTooLarge,
}

impl PixelError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        ErrorCode(match self {
            Self::SyntaxNotRead(_) => "dicom/syntax-not-read",
            Self::NoPixelData => "dicom/no-pixel-data",
            Self::NoFormat | Self::Format { .. } => "dicom/pixel-format",
            Self::Length { .. } => "dicom/pixel-length",
            Self::FrameCount { .. } | Self::NoSuchFrame(_) => "dicom/frame-count",
            Self::Disagrees { .. } => "dicom/frame-disagrees",
            Self::Damaged(_) => "dicom/frame-damaged",
            Self::SampleTooLarge => "dicom/sample-too-large",
        })
    }
}
