//! Coded concepts and units.
//!
//! A concept is a triplet of code value, coding scheme and meaning (PS3.3 8.8). The constants are those that
//! Gantry itself writes, each with the meaning that PS3.16 gives it; applications declare their own in `app.toml`.

use alloc::borrow::Cow;

/// A coded concept. Equality is that of value and scheme: the meaning is for people.
#[derive(Debug, Clone)]
pub struct Code {
    /// Code Value (0008,0100): at most 16 characters, else it is a long code value.
    pub value: Cow<'static, str>,
    /// Coding Scheme Designator (0008,0102): `SCT`, `DCM`, `UCUM`, `99GANTRY` ...
    pub scheme: Cow<'static, str>,
    /// Code Meaning (0008,0104): never empty, at most 64 characters.
    pub meaning: Cow<'static, str>,
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value && self.scheme == other.scheme
    }
}

impl Eq for Code {}

/// Why a triplet is not a [`Code`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// The value is empty or longer than a long code value.
    #[error("the code value has {0} characters, allowed are 1 to 64")]
    Value(usize),
    /// The scheme is empty or longer than 16 characters.
    #[error("the coding scheme designator has {0} characters, allowed are 1 to 16")]
    Scheme(usize),
    /// The meaning is empty or longer than 64 characters.
    #[error("the code meaning has {0} characters, allowed are 1 to 64")]
    Meaning(usize),
}

impl Code {
    /// A constant of this program; the caller vouches for the lengths.
    #[must_use]
    pub const fn fixed(value: &'static str, scheme: &'static str, meaning: &'static str) -> Self {
        Self { value: Cow::Borrowed(value), scheme: Cow::Borrowed(scheme), meaning: Cow::Borrowed(meaning) }
    }

    /// A concept from a document.
    ///
    /// # Errors
    /// [`CodeError`] names the part that is too short or too long.
    pub fn new(value: &str, scheme: &str, meaning: &str) -> Result<Self, CodeError> {
        let count = |text: &str, max: usize| {
            let count = text.chars().count();
            if (1..=max).contains(&count) { Ok(()) } else { Err(count) }
        };
        count(value, 64).map_err(CodeError::Value)?;
        count(scheme, 16).map_err(CodeError::Scheme)?;
        count(meaning, 64).map_err(CodeError::Meaning)?;
        let own = |text: &str| Cow::Owned(text.into());
        Ok(Self { value: own(value), scheme: own(scheme), meaning: own(meaning) })
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = ($value:literal, $scheme:literal, $meaning:literal);)*) => {
        $($(#[$doc])* pub const $name: Code = Code::fixed($value, $scheme, $meaning);)*
    };
}

codes! {
    /// Laterality: right.
    RIGHT = ("24028007", "SCT", "Right");
    /// Laterality: left.
    LEFT = ("7771000", "SCT", "Left");
    /// Category of a segment: a part of the body.
    ANATOMICAL_STRUCTURE = ("91723000", "SCT", "Anatomical Structure");
    /// Lung.
    LUNG = ("39607008", "SCT", "Lung");
    /// Airways.
    AIRWAY = ("89187006", "SCT", "Airway structure");
    /// Volume.
    VOLUME = ("118565006", "SCT", "Volume");
    /// CT attenuation.
    ATTENUATION = ("112031", "DCM", "Attenuation Coefficient");
    /// Derivation: mean.
    MEAN = ("373098007", "SCT", "Mean");
    /// The answer that stands where a measurement was declined (CID 42).
    NOT_ATTEMPTED = ("114007", "DCM", "Measurement not attempted");
    /// Unit: millilitre.
    MILLILITER = ("ml", "UCUM", "milliliter");
    /// Unit: Hounsfield unit.
    HOUNSFIELD = ("[hnsf'U]", "UCUM", "Hounsfield unit");
    /// Unit: percent.
    PERCENT = ("%", "UCUM", "percent");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_and_meaning_does_not_count_for_equality() {
        assert_eq!(Code::new("", "SCT", "x"), Err(CodeError::Value(0)));
        assert_eq!(Code::new("1", &"S".repeat(17), "x"), Err(CodeError::Scheme(17)));
        assert_eq!(Code::new("1", "SCT", &"m".repeat(65)), Err(CodeError::Meaning(65)));
        assert_eq!(Code::new("24028007", "SCT", "rechts"), Ok(RIGHT));
    }
}
