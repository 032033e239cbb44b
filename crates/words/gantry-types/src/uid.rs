//! Unique identifiers (PS3.5 chapter 9), one type for each thing that has one.
//!
//! [`Uid::parse`] is strict and is what we write; `from_peer` keeps what a peer sent. Hospitals own scanners that
//! send letters, leading zeros and 70 characters: such an identifier is kept, recorded as a deviation, and never
//! becomes part of a path.
//!
//! Invariants
//! - Never blank.
//! - Without the padding NUL or spaces of the wire.

use alloc::{borrow::ToOwned as _, boxed::Box, string::String};
use core::fmt;

/// Why a text is not a regular UID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UidError {
    /// Nothing but padding.
    #[error("the UID is empty")]
    Empty,
    /// More than 64 characters.
    #[error("the UID {0:?} is longer than 64 characters")]
    TooLong(String),
    /// Something other than digits and dots, an empty component, or a component with a leading zero.
    #[error("the UID {0:?} breaks the form of PS3.5 9.1")]
    BadForm(String),
}

/// A UID without a role: the common part of the types below.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(Box<str>);

impl Uid {
    /// The longest UID that the standard allows.
    pub const LENGTH_MAX: usize = 64;

    /// Reads a regular UID.
    ///
    /// # Errors
    /// [`UidError`] names the rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, UidError> {
        let text = trim(text);
        if text.is_empty() {
            return Err(UidError::Empty);
        }
        if Self::LENGTH_MAX < text.len() {
            return Err(UidError::TooLong(text.to_owned()));
        }
        if !is_regular(text) {
            return Err(UidError::BadForm(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// Keeps what a peer sent, regular or not; nothing if it is blank.
    #[must_use]
    pub fn from_peer(text: &str) -> Option<Self> {
        let text = trim(text);
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// Whether the form of PS3.5 9.1 is kept.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        self.0.len() <= Self::LENGTH_MAX && is_regular(&self.0)
    }

    /// The text without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\0'])
}

fn is_regular(text: &str) -> bool {
    text.split('.').all(|component| {
        !component.is_empty()
            && component.bytes().all(|b| b.is_ascii_digit())
            && (component == "0" || !component.starts_with('0'))
    })
}

macro_rules! uid_types {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uid);

        impl $name {
            /// Reads a regular UID.
            ///
            /// # Errors
            /// [`UidError`] names the rule that `text` breaks.
            pub fn parse(text: &str) -> Result<Self, UidError> {
                Uid::parse(text).map(Self)
            }

            /// Keeps what a peer sent, regular or not; nothing if it is blank.
            #[must_use]
            pub fn from_peer(text: &str) -> Option<Self> {
                Uid::from_peer(text).map(Self)
            }

            /// The UID in this role.
            #[must_use]
            pub const fn new(uid: Uid) -> Self {
                Self(uid)
            }

            /// The text without padding.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// Whether the form of PS3.5 9.1 is kept.
            #[must_use]
            pub fn is_regular(&self) -> bool {
                self.0.is_regular()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}

uid_types! {
    /// SOP Instance UID (0008,0018): one object.
    SopInstanceUid;
    /// SOP Class UID (0008,0016): what kind of object.
    SopClassUid;
    /// Study Instance UID (0020,000D).
    StudyInstanceUid;
    /// Series Instance UID (0020,000E).
    SeriesInstanceUid;
    /// Frame of Reference UID (0020,0052): which patient space positions are given in.
    FrameOfReferenceUid;
    /// Transfer Syntax UID (0002,0010): how a data set is encoded.
    TransferSyntaxUid;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_and_dots_without_leading_zeros_are_regular() {
        for good in ["1.2.840.10008.1.1", "2.25.0", "0.1", "1.2.3\0", "1.2.3 "] {
            assert!(Uid::parse(good).is_ok(), "{good:?}");
        }
        for bad in ["1..2", ".1", "1.", "1.02", "1.a", "1.2/../3", "1,2"] {
            assert_eq!(Uid::parse(bad), Err(UidError::BadForm(bad.to_owned())), "{bad:?}");
        }
        let long = "1.".repeat(32) + "1";
        assert_eq!(Uid::parse(&long), Err(UidError::TooLong(long.clone())));
        assert_eq!(Uid::parse(" \0"), Err(UidError::Empty));
    }

    #[test]
    fn a_peers_irregular_uid_is_kept_and_says_so() {
        let kept = SopInstanceUid::from_peer("1.2.ABC ").expect("not blank");
        assert_eq!(kept.as_str(), "1.2.ABC");
        assert!(!kept.is_regular());
        assert_eq!(SopInstanceUid::from_peer(" \0 "), None);
    }
}
