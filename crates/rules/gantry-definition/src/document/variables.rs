//! The variables of a workflow's expressions: what they are, and what it means that one is absent.

use crate::expression::{Scope, Type};

/// Name, type, meaning. What is absent is unknown.
pub const VARIABLES: &[(&str, Type, &str)] = &[
    ("study.modalities", Type::Texts, "Modality (0008,0060) of all its series, each once, sorted"),
    ("study.description", Type::Text, "Study Description (0008,1030); absent if empty"),
    ("study.accessionNumber", Type::Text, "Accession Number (0008,0050); absent if empty"),
    ("study.series", Type::Number, "how many series it has by now"),
    ("study.instances", Type::Number, "how many objects it has by now"),
    ("calledAe", Type::Texts, "titles by which its senders called us, each once, sorted"),
    ("callingAe", Type::Texts, "titles by which its senders called themselves, each once, sorted"),
    ("series.modality", Type::Text, "Modality (0008,0060)"),
    ("series.description", Type::Text, "Series Description (0008,103E); absent if empty"),
    ("series.instances", Type::Number, "how many objects it has by now"),
    ("series.manufacturer", Type::Text, "Manufacturer (0008,0070); absent if empty"),
    ("series.model", Type::Text, "Manufacturer's Model Name (0008,1090); absent if empty"),
    ("series.bodyPart", Type::Text, "Body Part Examined (0018,0015); absent if empty, and often wrong"),
    ("series.protocol", Type::Text, "Protocol Name (0018,1030); absent if empty"),
    ("series.kernel", Type::Text, "Convolution Kernel (0018,1210), its first value; absent if empty"),
    (
        "series.contrast",
        Type::Text,
        "`given` if an attribute of the Contrast/Bolus module (PS3.3 C.7.6.4) tells of an agent; else absent",
    ),
    ("series.thickness", Type::Number, "Slice Thickness (0018,0050), mm; absent if empty"),
    ("series.imageType", Type::Texts, "Image Type (0008,0008), its values; absent if empty"),
    ("series.sopClasses", Type::Texts, "SOP Class UIDs of its objects, each once, sorted"),
];

/// The variables of `match` and `lane`.
pub(super) fn of_study() -> Scope {
    let is_of_study = |name: &&str| !name.starts_with("series.");
    scope(VARIABLES.iter().filter(|(name, ..)| is_of_study(name)))
}

/// The variables of an input's `series`.
pub(super) fn of_series() -> Scope {
    scope(VARIABLES.iter())
}

fn scope(rows: impl Iterator<Item = &'static (&'static str, Type, &'static str)>) -> Scope {
    Scope { variables: rows.map(|(name, kind, _)| (*name, *kind)).collect(), ..Scope::default() }
}
