//! The status of a DIMSE response (PS3.7 Annex C, PS3.4 Table B.2-1) and what it means for the sender.
//!
//! Peers use codes that no table lists (A701, A777, C123), so a status is kept as its number, and its class goes by
//! the ranges.

use core::fmt;

/// Status (0000,0900).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(pub u16);

/// What a status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusClass {
    /// Done.
    Success,
    /// More responses follow (C-FIND).
    Pending,
    /// The operation was cancelled.
    Cancelled,
    /// Done, with a remark.
    Warning,
    /// 0111: the peer has the instance already. With deterministic UIDs that is as good as success.
    DuplicateInstance,
    /// A7xx: out of resources; try again later.
    OutOfResources,
    /// A9xx: the data set does not match its SOP class, or the identifier the query model.
    DataSetMismatch,
    /// Cxxx: the peer cannot understand, or is unable to process.
    CannotUnderstand,
    /// 0122: the SOP class is not supported.
    SopClassNotSupported,
    /// 0124: not authorized.
    NotAuthorized,
    /// Any other failure.
    OtherFailure,
}

impl Status {
    /// Done.
    pub const SUCCESS: Self = Self(0x0000);
    /// C-FIND: a match follows in the identifier.
    pub const PENDING: Self = Self(0xFF00);
    /// C-FIND: a match follows; optional keys were not supported.
    pub const PENDING_OPTIONAL_KEYS: Self = Self(0xFF01);
    /// Cancelled.
    pub const CANCEL: Self = Self(0xFE00);
    /// C-STORE: elements were coerced.
    pub const COERCION_OF_DATA_ELEMENTS: Self = Self(0xB000);
    /// C-STORE: elements were discarded.
    pub const ELEMENTS_DISCARDED: Self = Self(0xB006);
    /// C-STORE: kept although the data set does not match its SOP class.
    pub const DATA_SET_DOES_NOT_MATCH_SOP_CLASS_WARNING: Self = Self(0xB007);
    /// Out of resources.
    pub const OUT_OF_RESOURCES: Self = Self(0xA700);
    /// The data set does not match its SOP class.
    pub const DATA_SET_DOES_NOT_MATCH_SOP_CLASS: Self = Self(0xA900);
    /// Cannot understand.
    pub const CANNOT_UNDERSTAND: Self = Self(0xC000);
    /// Processing failure.
    pub const PROCESSING_FAILURE: Self = Self(0x0110);
    /// Duplicate SOP instance.
    pub const DUPLICATE_SOP_INSTANCE: Self = Self(0x0111);
    /// SOP class not supported.
    pub const SOP_CLASS_NOT_SUPPORTED: Self = Self(0x0122);
    /// Refused: not authorized.
    pub const NOT_AUTHORIZED: Self = Self(0x0124);
    /// Duplicate invocation.
    pub const DUPLICATE_INVOCATION: Self = Self(0x0210);
    /// Unrecognized operation.
    pub const UNRECOGNIZED_OPERATION: Self = Self(0x0211);
    /// Mistyped argument.
    pub const MISTYPED_ARGUMENT: Self = Self(0x0212);

    /// What it means.
    #[must_use]
    pub fn class(self) -> StatusClass {
        match self.0 {
            0x0000 => StatusClass::Success,
            0xFF00 | 0xFF01 => StatusClass::Pending,
            0xFE00 => StatusClass::Cancelled,
            // 0107 and 0116 are warnings of DIMSE-N; 0001 some peers send for C-STORE.
            0x0001 | 0x0107 | 0x0116 | 0xB000..=0xBFFF => StatusClass::Warning,
            0x0111 => StatusClass::DuplicateInstance,
            0xA700..=0xA7FF => StatusClass::OutOfResources,
            0xA900..=0xA9FF => StatusClass::DataSetMismatch,
            0xC000..=0xCFFF => StatusClass::CannotUnderstand,
            0x0122 => StatusClass::SopClassNotSupported,
            0x0124 => StatusClass::NotAuthorized,
            _ => StatusClass::OtherFailure,
        }
    }
}

impl fmt::Display for Status {
    /// Four hexadecimal digits, as the standard writes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use expect_test::expect;

    use super::*;

    #[test]
    fn every_status_has_the_class_of_its_range() {
        let mut got = String::new();
        let mut from = 0;
        for code in 0..=u16::MAX {
            let class = Status(code).class();
            if code == u16::MAX || Status(code + 1).class() != class {
                got += &format!("{}-{} {class:?}\n", Status(from), Status(code));
                from = code.wrapping_add(1);
            }
        }
        expect![[r#"
            0000-0000 Success
            0001-0001 Warning
            0002-0106 OtherFailure
            0107-0107 Warning
            0108-0110 OtherFailure
            0111-0111 DuplicateInstance
            0112-0115 OtherFailure
            0116-0116 Warning
            0117-0121 OtherFailure
            0122-0122 SopClassNotSupported
            0123-0123 OtherFailure
            0124-0124 NotAuthorized
            0125-A6FF OtherFailure
            A700-A7FF OutOfResources
            A800-A8FF OtherFailure
            A900-A9FF DataSetMismatch
            AA00-AFFF OtherFailure
            B000-BFFF Warning
            C000-CFFF CannotUnderstand
            D000-FDFF OtherFailure
            FE00-FE00 Cancelled
            FE01-FEFF OtherFailure
            FF00-FF01 Pending
            FF02-FFFF OtherFailure
        "#]]
        .assert_eq(&got);
    }
}
