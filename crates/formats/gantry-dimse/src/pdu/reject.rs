//! A-ASSOCIATE-RJ (PS3.8 9.3.4): result, source and reason.
//!
//! What a reason number means depends on its source, so the two are one type.

use alloc::vec::Vec;

use crate::pdu::{DecodeError, PduType, with_header};

/// A rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssociateRj {
    /// Whether trying again makes sense.
    pub result: RejectResult,
    /// Who rejected and why.
    pub reason: RejectReason,
}

/// Whether trying again makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectResult {
    /// 1.
    Permanent,
    /// 2.
    Transient,
    /// Not defined; to be treated as permanent.
    Other(u8),
}

/// Who rejected and why (Table 9-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// 1/1: the user gives no reason.
    UserNoReason,
    /// 1/2.
    ApplicationContextNotSupported,
    /// 1/3.
    CallingAeTitleNotRecognized,
    /// 1/7.
    CalledAeTitleNotRecognized,
    /// 2/1: the provider (ACSE) gives no reason.
    AcseNoReason,
    /// 2/2.
    ProtocolVersionNotSupported,
    /// 3/1.
    TemporaryCongestion,
    /// 3/2.
    LocalLimitExceeded,
    /// Reserved numbers.
    Other {
        /// The source byte.
        source: u8,
        /// The reason byte.
        reason: u8,
    },
}

impl AssociateRj {
    /// A rejection for good.
    #[must_use]
    pub fn permanent(reason: RejectReason) -> Self {
        Self { result: RejectResult::Permanent, reason }
    }

    /// A rejection for now.
    #[must_use]
    pub fn transient(reason: RejectReason) -> Self {
        Self { result: RejectResult::Transient, reason }
    }

    /// Result, source and reason as on the wire.
    #[must_use]
    pub fn codes(self) -> (u8, u8, u8) {
        let result = match self.result {
            RejectResult::Permanent => 1,
            RejectResult::Transient => 2,
            RejectResult::Other(code) => code,
        };
        let (source, reason) = match self.reason {
            RejectReason::UserNoReason => (1, 1),
            RejectReason::ApplicationContextNotSupported => (1, 2),
            RejectReason::CallingAeTitleNotRecognized => (1, 3),
            RejectReason::CalledAeTitleNotRecognized => (1, 7),
            RejectReason::AcseNoReason => (2, 1),
            RejectReason::ProtocolVersionNotSupported => (2, 2),
            RejectReason::TemporaryCongestion => (3, 1),
            RejectReason::LocalLimitExceeded => (3, 2),
            RejectReason::Other { source, reason } => (source, reason),
        };
        (result, source, reason)
    }

    /// The whole PDU.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let (result, source, reason) = self.codes();
        with_header(PduType::AssociateRj, &[0, result, source, reason])
    }

    /// Reads the body. Bytes behind the fourth are ignored.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let Some(&[_, result, source, reason]) = body.first_chunk::<4>() else {
            return Err(DecodeError::Truncated("result, source and reason"));
        };
        let result = match result {
            1 => RejectResult::Permanent,
            2 => RejectResult::Transient,
            other => RejectResult::Other(other),
        };
        let reason = match (source, reason) {
            (1, 1) => RejectReason::UserNoReason,
            (1, 2) => RejectReason::ApplicationContextNotSupported,
            (1, 3) => RejectReason::CallingAeTitleNotRecognized,
            (1, 7) => RejectReason::CalledAeTitleNotRecognized,
            (2, 1) => RejectReason::AcseNoReason,
            (2, 2) => RejectReason::ProtocolVersionNotSupported,
            (3, 1) => RejectReason::TemporaryCongestion,
            (3, 2) => RejectReason::LocalLimitExceeded,
            (source, reason) => RejectReason::Other { source, reason },
        };
        Ok(Self { result, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_codes_go_both_ways() {
        for result in 0..=4 {
            for source in 0..=4 {
                for reason in 0..=u8::MAX {
                    let rj = AssociateRj::decode(&[0, result, source, reason]).unwrap();
                    assert_eq!(rj.codes(), (result, source, reason));
                    assert_eq!(rj.encode(), [3, 0, 0, 0, 0, 4, 0, result, source, reason]);
                }
            }
        }
        assert!(AssociateRj::decode(&[0, 1, 1]).is_err());
    }
}
