//! Evidence objects: their kinds, numbering, and the Part 10 files that leave.

use gantry_dicom::{
    data_set::{DataSet, Value},
    part10, syntax, tag, writer,
};
use gantry_types::uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, TransferSyntaxUid, Uid};

use crate::{attribute::put_text, error::RenderError, profile::ProfileName, uid::UidKind, uid::UidScope};

/// Implementation Version Name (0002,0013): changes with the renderer revision alone, else the same findings would
/// give other bytes after every release (EV5).
pub const IMPLEMENTATION_VERSION_NAME: &str = "GANTRY_R1";

/// A kind of evidence. The order is that of the series numbers: what a reader must see comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A secondary capture: one RGB page.
    SecondaryCapture,
    /// A segmentation.
    Segmentation,
    /// A structured report.
    Report,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::SecondaryCapture, Self::Segmentation, Self::Report];

    /// Its short name: `SC`, `SEG`, `SR`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecondaryCapture => "SC",
            Self::Segmentation => "SEG",
            Self::Report => "SR",
        }
    }

    /// The SOP class that it is written as.
    #[must_use]
    pub const fn sop_class(self) -> &'static str {
        match self {
            Self::SecondaryCapture => "1.2.840.10008.5.1.4.1.1.7",
            Self::Segmentation => "1.2.840.10008.5.1.4.1.1.66.4",
            Self::Report => "1.2.840.10008.5.1.4.1.1.88.34",
        }
    }

    /// The kind that is written as this SOP class.
    #[must_use]
    pub fn of_sop_class(sop_class: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.sop_class() == sop_class)
    }

    const fn number(self) -> u32 {
        match self {
            Self::SecondaryCapture => 1,
            Self::Segmentation => 2,
            Self::Report => 3,
        }
    }
}

/// Series Number (0020,0011) of our series: never computed from the study, so that it repeats.
#[must_use]
pub const fn series_number(base: u32, slot: u32, kind: Kind) -> u32 {
    base.saturating_add(slot.saturating_mul(10)).saturating_add(kind.number())
}

/// An object, ready to be stored and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceObject {
    /// What it is.
    pub kind: Kind,
    /// SOP Class UID.
    pub sop_class: SopClassUid,
    /// SOP Instance UID.
    pub sop_instance: SopInstanceUid,
    /// Series Instance UID: one series for each object.
    pub series: SeriesInstanceUid,
    /// The whole file (PS3.10) in Explicit VR Little Endian.
    pub bytes: Vec<u8>,
}

/// The identifiers of an object before it is made, so that others can refer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectIds {
    pub(crate) kind: Kind,
    pub(crate) instance: Uid,
    pub(crate) series: Uid,
}

impl ObjectIds {
    pub(crate) fn new(scope: &UidScope, profile: &ProfileName, kind: Kind) -> Self {
        let instance = scope.uid(profile, UidKind::Instance(kind), 0);
        let series = scope.uid(profile, UidKind::Series(kind), 0);
        Self { kind, instance, series }
    }

    /// Encodes the finished data set and puts the file's head before it.
    pub(crate) fn finish(self, mut data_set: DataSet<'static>) -> Result<EvidenceObject, RenderError> {
        if uses_local_codes(&data_set) {
            data_set.put_items(tag::CODING_SCHEME_IDENTIFICATION_SEQUENCE, vec![local_scheme()?]);
        }
        let body = writer::write_explicit(&data_set).map_err(RenderError::Write)?;
        let (sop_class, sop_instance) =
            (SopClassUid::new(regular(self.kind.sop_class())), SopInstanceUid::new(self.instance));
        let syntax = TransferSyntaxUid::new(regular(syntax::EXPLICIT_VR_LITTLE_ENDIAN));
        let mut bytes = part10::head(&sop_class, &sop_instance, &syntax, &implementation(), None);
        bytes.extend(body);
        let series = SeriesInstanceUid::new(self.series);
        Ok(EvidenceObject { kind: self.kind, sop_class, sop_instance, series, bytes })
    }
}

fn implementation() -> part10::Implementation {
    part10::Implementation {
        class_uid: regular(part10::IMPLEMENTATION_CLASS_UID),
        version_name: IMPLEMENTATION_VERSION_NAME.to_owned(),
    }
}

/// A constant of this program.
fn regular(uid: &str) -> Uid {
    Uid::parse(uid).unwrap_or_else(|_| unreachable!("{uid} is regular"))
}

const LOCAL_SCHEME: &str = "99GANTRY";

/// Coding Scheme Identification (PS3.3 C.12.1.1.7) of our local codes.
fn local_scheme() -> Result<DataSet<'static>, RenderError> {
    let mut item = DataSet::new();
    put_text(&mut item, tag::CODING_SCHEME_DESIGNATOR, LOCAL_SCHEME)?;
    put_text(&mut item, tag::CODING_SCHEME_NAME, "Gantry local codes")?;
    put_text(&mut item, tag::CODING_SCHEME_RESPONSIBLE_ORGANIZATION, "Gantry")?;
    Ok(item)
}

/// Nesting is that of our own templates, so the recursion is shallow.
fn uses_local_codes(data_set: &DataSet<'_>) -> bool {
    data_set.str(tag::CODING_SCHEME_DESIGNATOR) == Some(LOCAL_SCHEME)
        || data_set.elements().iter().any(|element| match &element.value {
            Value::Items(items) => items.iter().any(uses_local_codes),
            Value::Bytes(_) | Value::Fragments(_) => false,
        })
}
