//! The protocol data units of the upper layer (PS3.8 9.3), one file for each family.
//!
//! `encode` gives a whole PDU with its header; `decode` takes the body that follows the six header bytes. Decoding
//! bears what can be borne (unknown items, padding, repeated items) and says so in deviations; only what leaves the
//! meaning open is a [`DecodeError`].
//!
//! Invariants
//! - Decoding allocates in proportion to the bytes at hand, never to a length that they claim.
//! - `decode` of what `encode` wrote gives the same value.

pub mod abort;
pub mod associate;
pub mod data;
pub mod reject;
pub mod user;

use alloc::vec::Vec;

/// The bytes in front of every PDU: type, reserved, 32-bit length.
pub const HEADER_BYTES: usize = 6;

/// The largest A-ASSOCIATE-RQ or -AC that is read. The maximum length of 51H does not apply to them: 128 contexts
/// with 45 transfer syntaxes each already make 150 kB.
pub const ASSOCIATE_BYTES_MAX: u32 = 1 << 20;

/// What kind of PDU a type byte announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PduType {
    /// 01H A-ASSOCIATE-RQ.
    AssociateRq,
    /// 02H A-ASSOCIATE-AC.
    AssociateAc,
    /// 03H A-ASSOCIATE-RJ.
    AssociateRj,
    /// 04H P-DATA-TF.
    PData,
    /// 05H A-RELEASE-RQ.
    ReleaseRq,
    /// 06H A-RELEASE-RP.
    ReleaseRp,
    /// 07H A-ABORT.
    Abort,
}

impl PduType {
    /// The type that `code` stands for, if any.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::AssociateRq,
            2 => Self::AssociateAc,
            3 => Self::AssociateRj,
            4 => Self::PData,
            5 => Self::ReleaseRq,
            6 => Self::ReleaseRp,
            7 => Self::Abort,
            _ => return None,
        })
    }

    /// The type byte.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::AssociateRq => 1,
            Self::AssociateAc => 2,
            Self::AssociateRj => 3,
            Self::PData => 4,
            Self::ReleaseRq => 5,
            Self::ReleaseRp => 6,
            Self::Abort => 7,
        }
    }
}

/// Why the body of a PDU has no meaning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body ends inside a fixed field.
    #[error("the PDU ends inside its {0}")]
    Truncated(&'static str),
    /// An item claims more bytes than its surrounding has.
    #[error("an item goes beyond its {0}")]
    ItemBeyond(&'static str),
    /// More items than any honest peer sends.
    #[error("the PDU has more than {0} items")]
    TooManyItems(usize),
}

/// Why a PDU cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The 16-bit length of an item cannot say it.
    #[error("an item of {0} bytes is longer than 65535")]
    ItemTooLong(usize),
    /// More presentation contexts than there are odd identifiers.
    #[error("{0} presentation contexts are more than 128")]
    TooManyContexts(usize),
}

/// Puts the header in front of `body`.
pub(crate) fn with_header(kind: PduType, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + body.len());
    out.extend([kind.code(), 0]);
    // Association PDUs are bounded by 16-bit items, so the length fits.
    out.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(body);
    out
}
