//! A-ABORT, A-RELEASE-RQ and A-RELEASE-RP (PS3.8 9.3.6 to 9.3.8): four bytes each.
//!
//! The reason of an A-ABORT counts only when its source is the service provider.

use alloc::vec::Vec;

use crate::pdu::{DecodeError, PduType, with_header};

/// Who aborted, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abort {
    /// Source 0: the program above the upper layer.
    User,
    /// Source 2: the upper layer itself.
    Provider(AbortReason),
    /// A source that PS3.8 does not define.
    Other {
        /// The source byte.
        source: u8,
        /// The reason byte.
        reason: u8,
    },
}

/// Why a service provider aborted (Table 9-26).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortReason {
    /// 0.
    NotSpecified,
    /// 1.
    UnrecognizedPdu,
    /// 2.
    UnexpectedPdu,
    /// 4.
    UnrecognizedParameter,
    /// 5.
    UnexpectedParameter,
    /// 6.
    InvalidParameterValue,
    /// 3 (reserved) and everything above 6.
    Other(u8),
}

impl AbortReason {
    fn from_code(code: u8) -> Self {
        match code {
            0 => Self::NotSpecified,
            1 => Self::UnrecognizedPdu,
            2 => Self::UnexpectedPdu,
            4 => Self::UnrecognizedParameter,
            5 => Self::UnexpectedParameter,
            6 => Self::InvalidParameterValue,
            other => Self::Other(other),
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::NotSpecified => 0,
            Self::UnrecognizedPdu => 1,
            Self::UnexpectedPdu => 2,
            Self::UnrecognizedParameter => 4,
            Self::UnexpectedParameter => 5,
            Self::InvalidParameterValue => 6,
            Self::Other(code) => code,
        }
    }
}

impl Abort {
    /// Source and reason as on the wire.
    #[must_use]
    pub fn codes(self) -> (u8, u8) {
        match self {
            Self::User => (0, 0),
            Self::Provider(reason) => (2, reason.code()),
            Self::Other { source, reason } => (source, reason),
        }
    }

    /// The whole PDU.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let (source, reason) = self.codes();
        with_header(PduType::Abort, &[0, 0, source, reason])
    }

    /// Reads the body. Bytes behind the fourth are ignored.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let Some(&[_, _, source, reason]) = body.first_chunk::<4>() else {
            return Err(DecodeError::Truncated("source and reason"));
        };
        Ok(match source {
            // The reason of a user's abort is not significant.
            0 => Self::User,
            2 => Self::Provider(AbortReason::from_code(reason)),
            _ => Self::Other { source, reason },
        })
    }
}

/// A whole A-RELEASE-RQ.
#[must_use]
pub fn encode_release_rq() -> Vec<u8> {
    with_header(PduType::ReleaseRq, &[0; 4])
}

/// A whole A-RELEASE-RP.
#[must_use]
pub fn encode_release_rp() -> Vec<u8> {
    with_header(PduType::ReleaseRp, &[0; 4])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::HEADER_BYTES;

    #[test]
    fn all_codes_go_both_ways_but_a_users_reason() {
        for source in 0..=u8::MAX {
            for reason in 0..=u8::MAX {
                let abort = Abort::decode(&[0, 0, source, reason]).unwrap();
                assert_eq!(Abort::decode(&abort.encode()[HEADER_BYTES..]), Ok(abort));
                let want = if source == 0 { (0, 0) } else { (source, reason) };
                assert_eq!(abort.codes(), want);
            }
        }
        assert!(Abort::decode(&[0, 0, 2]).is_err());
    }
}
