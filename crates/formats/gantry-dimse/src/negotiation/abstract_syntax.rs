//! Which abstract syntaxes are storage SOP classes (PS3.4 B.5, GG.3).
//!
//! By form, not by list: a scanner may be newer than this program, and private classes are stored as well.

use gantry_types::uid::SopClassUid;

use crate::negotiation::VERIFICATION;

/// What an abstract syntax is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbstractSyntaxClass {
    /// Verification.
    Verification,
    /// Storage of composite or non-patient objects, standard or private.
    Storage,
    /// Any other standard service.
    Other,
}

/// The root of all that the standard registers.
const DICOM: &str = "1.2.840.10008.";

/// The root of the storage SOP classes.
const STORAGE: &str = "1.2.840.10008.5.1.4.1.1.";

/// Storage classes that stand elsewhere: RT delivery instructions, hanging protocols, palettes, implant templates,
/// and the retired hardcopy and stored print classes, which old archives still send.
const STORAGE_ELSEWHERE: &[&str] = &[
    "1.2.840.10008.5.1.4.34.7",
    "1.2.840.10008.5.1.4.34.10",
    "1.2.840.10008.5.1.4.38.1",
    "1.2.840.10008.5.1.4.39.1",
    "1.2.840.10008.5.1.4.43.1",
    "1.2.840.10008.5.1.4.44.1",
    "1.2.840.10008.5.1.4.45.1",
    "1.2.840.10008.5.1.1.27",
    "1.2.840.10008.5.1.1.29",
    "1.2.840.10008.5.1.1.30",
];

/// Query and retrieve models that stand below the root of storage: protocol approval and inventories.
const NOT_STORAGE: &[&str] = &[
    "1.2.840.10008.5.1.4.1.1.200.4",
    "1.2.840.10008.5.1.4.1.1.200.5",
    "1.2.840.10008.5.1.4.1.1.200.6",
    "1.2.840.10008.5.1.4.1.1.201.2",
    "1.2.840.10008.5.1.4.1.1.201.3",
    "1.2.840.10008.5.1.4.1.1.201.4",
    "1.2.840.10008.5.1.4.1.1.201.5",
    "1.2.840.10008.5.1.4.1.1.201.6",
];

/// What `abstract_syntax` is for.
#[must_use]
pub fn classify(abstract_syntax: &SopClassUid) -> AbstractSyntaxClass {
    let uid = abstract_syntax.as_str();
    if uid == VERIFICATION {
        AbstractSyntaxClass::Verification
    } else if NOT_STORAGE.contains(&uid) {
        AbstractSyntaxClass::Other
    } else if uid.starts_with(STORAGE) || STORAGE_ELSEWHERE.contains(&uid) || !uid.starts_with(DICOM) {
        AbstractSyntaxClass::Storage
    } else {
        AbstractSyntaxClass::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_is_known_by_its_form() {
        use AbstractSyntaxClass::{Other, Storage, Verification};
        for (uid, want) in [
            ("1.2.840.10008.1.1", Verification),
            ("1.2.840.10008.5.1.4.1.1.2", Storage),
            ("1.2.840.10008.5.1.4.1.1.66.7", Storage),
            ("1.2.840.10008.5.1.4.1.1.99999", Storage),
            ("1.2.840.10008.5.1.4.1.1.201.1", Storage),
            ("1.2.840.10008.5.1.4.1.1.201.2", Other),
            ("1.2.840.10008.5.1.4.39.1", Storage),
            ("1.3.12.2.1107.5.9.1", Storage),
            ("1.2.840.10008.5.1.4.1.2.2.1", Other),
            ("1.2.840.10008.5.1.4.31", Other),
            ("1.2.840.10008.1.20.1", Other),
            ("1.2.840.100080.1", Storage),
        ] {
            assert_eq!(classify(&SopClassUid::from_peer(uid).unwrap()), want, "{uid}");
        }
    }
}
