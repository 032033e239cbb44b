//! Application Entity titles, by which DICOM peers call each other.
//!
//! A title arrives in a 16-byte field of an A-ASSOCIATE PDU (PS3.8 9.3.2), in elements of VR AE (PS3.5 6.2) and
//! in our own documents.
//!
//! Invariants
//! - 1 to 16 printable ASCII characters without backslash; inner spaces are allowed, outer ones are padding.
//! - Equality is exact: the standard compares titles case by case.

use alloc::{borrow::ToOwned as _, boxed::Box, string::String};
use core::{fmt, str::FromStr};

/// A valid application entity title.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AeTitle(Box<str>);

/// Why a text is not an [`AeTitle`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AeTitleError {
    /// Nothing but padding.
    #[error("the AE title is empty")]
    Empty,
    /// More than 16 characters without padding.
    #[error("the AE title {0:?} is longer than 16 characters")]
    TooLong(String),
    /// A control character, a backslash, or something outside ASCII.
    #[error("the AE title {title:?} contains {character:?}")]
    BadCharacter {
        /// The text without padding.
        title: String,
        /// The first offender.
        character: char,
    },
}

impl AeTitle {
    /// The size of the PDU field, and so the longest title.
    pub const LENGTH_MAX: usize = 16;

    /// Reads a title; spaces and NULs around it are padding.
    ///
    /// # Errors
    /// [`AeTitleError`] names the first rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, AeTitleError> {
        // Old senders pad with NUL instead of space.
        let title = text.trim_matches([' ', '\0']);
        if title.is_empty() {
            return Err(AeTitleError::Empty);
        }
        if let Some(character) = title.chars().find(|c| !matches!(c, ' '..='~') || *c == '\\') {
            return Err(AeTitleError::BadCharacter { title: title.to_owned(), character });
        }
        if Self::LENGTH_MAX < title.len() {
            return Err(AeTitleError::TooLong(title.to_owned()));
        }
        Ok(Self(title.into()))
    }

    /// The title without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The PDU field: 16 bytes, padded with spaces.
    #[must_use]
    pub fn to_field(&self) -> [u8; Self::LENGTH_MAX] {
        let mut field = [b' '; Self::LENGTH_MAX];
        for (to, from) in field.iter_mut().zip(self.0.bytes()) {
            *to = from;
        }
        field
    }
}

impl FromStr for AeTitle {
    type Err = AeTitleError;

    fn from_str(text: &str) -> Result<Self, AeTitleError> {
        Self::parse(text)
    }
}

impl fmt::Display for AeTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use expect_test::{Expect, expect};

    use super::*;

    /// Parses each text; prints the padded field or the error.
    #[track_caller]
    fn check(texts: &[&str], want: Expect) {
        let line = |text: &&str| match AeTitle::parse(text) {
            Ok(title) => format!("{:?}\n", String::from_utf8_lossy(&title.to_field())),
            Err(error) => format!("error: {error}\n"),
        };
        want.assert_eq(&texts.iter().map(line).collect::<String>());
    }

    #[test]
    fn padding_goes_and_comes_back_and_inner_spaces_stay() {
        check(
            &["GANTRY", " GANTRY ", "CT\0\0\0", "CT ROOM 2", "EXACTLY-16-CHARS"],
            expect![[r#"
                "GANTRY          "
                "GANTRY          "
                "CT              "
                "CT ROOM 2       "
                "EXACTLY-16-CHARS"
            "#]],
        );
    }

    #[test]
    fn refusals_name_the_text_and_the_rule() {
        check(
            &["", " \0", "SEVENTEEN-LETTERS", "A\\B", "A\nB", "KÖLN"],
            expect![[r#"
                error: the AE title is empty
                error: the AE title is empty
                error: the AE title "SEVENTEEN-LETTERS" is longer than 16 characters
                error: the AE title "A\\B" contains '\\'
                error: the AE title "A\nB" contains '\n'
                error: the AE title "KÖLN" contains 'Ö'
            "#]],
        );
    }
}
