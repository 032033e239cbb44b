//! Form profiles: which kinds and forms of evidence a destination gets.
//!
//! Invariant: a profile's name is part of the UIDs of its objects, so two profiles that differ in anything here need
//! two names.

use core::fmt;
use std::collections::BTreeSet;

use crate::object::Kind;

/// The name of a form profile: 1 to 64 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileName(Box<str>);

impl ProfileName {
    /// A name; nothing if it is empty, too long, or not printable ASCII.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let printable = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        ((1..=64).contains(&name.len()) && printable).then(|| Self(name.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a destination gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormProfile {
    /// Its name.
    pub name: ProfileName,
    /// Which kinds of objects.
    pub kinds: BTreeSet<Kind>,
    /// Series Number of our first series: the others are counted from it (`object::series_number`).
    pub series_base: u32,
    /// The modality of a secondary capture.
    pub capture_modality: CaptureModality,
}

impl FormProfile {
    /// The series base where a destination names none.
    pub const SERIES_BASE_DEFAULT: u32 = 9000;
}

/// Modality (0008,0060) of a secondary capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureModality {
    /// `OT`.
    Other,
    /// The source's: some hanging protocols show nothing else.
    OfSource,
}
