//! Transfer syntaxes: how a data set is encoded (PS3.5 chapter 10, annex A).
//!
//! Only what the reader must know to walk a data set. Which ones a door prefers is for `gantry-dimse`; which ones
//! can be decoded, for `gantry-pixel`.

use gantry_types::uid::TransferSyntaxUid;

/// Implicit VR Little Endian: the default.
pub const IMPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2";
/// Explicit VR Little Endian.
pub const EXPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
/// Deflated Explicit VR Little Endian: the data set is one raw deflate stream.
pub const DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1.99";
/// Explicit VR Big Endian (retired).
pub const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// How elements are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// No VR is written; little endian.
    ImplicitLittle,
    /// VR is written; little endian.
    ExplicitLittle,
    /// VR is written; big endian.
    ExplicitBig,
}

/// Whether the data set is compressed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// Elements follow directly.
    Plain,
    /// Elements follow after inflating a raw deflate stream.
    Deflated,
}

/// The layout that a transfer syntax prescribes. Everything unknown or private is explicit little endian, as all
/// encapsulated syntaxes are (PS3.5 A.4); the reader notices when that is wrong.
#[must_use]
pub fn layout(syntax: &TransferSyntaxUid) -> (Encoding, Wrapping) {
    match syntax.as_str() {
        // GE's private syntax is implicit little endian with big endian pixels.
        IMPLICIT_VR_LITTLE_ENDIAN | "1.2.840.113619.5.2" => (Encoding::ImplicitLittle, Wrapping::Plain),
        EXPLICIT_VR_BIG_ENDIAN => (Encoding::ExplicitBig, Wrapping::Plain),
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN | "1.2.840.10008.1.2.4.95" => {
            (Encoding::ExplicitLittle, Wrapping::Deflated)
        }
        _ => (Encoding::ExplicitLittle, Wrapping::Plain),
    }
}

impl Encoding {
    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::ImplicitLittle | Self::ExplicitLittle => u16::from_le_bytes(bytes),
            Self::ExplicitBig => u16::from_be_bytes(bytes),
        }
    }

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::ImplicitLittle | Self::ExplicitLittle => u32::from_le_bytes(bytes),
            Self::ExplicitBig => u32::from_be_bytes(bytes),
        }
    }
}
