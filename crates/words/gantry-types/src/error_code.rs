//! Stable error codes: what a person searches for, and what a program may test.

use core::fmt;

/// A code such as `dicom/truncated-pixel-data`: area, slash, name. Never reused for another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorCode(pub &'static str);

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
