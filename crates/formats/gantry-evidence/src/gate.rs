//! The form gate: is this object what its SOP class says, and does it agree with itself and with its sources?
//!
//! It looks at bytes and trusts nobody: our own objects, containers' and remote nodes' pass the same gate. It judges
//! the types 1 and 2 of the modules of the classes we write, value representations, references, and that frames
//! agree with their items, with the source images, and with the mask where that is known.
//!
//! Invariants
//! - No complaint names a value of a patient's: sentences go into logs.
//! - A complaint about a value that stands in the source as well is [`Standing::Inherited`] and blocks nothing.

use core::fmt;

use gantry_dicom::{
    data_set::{DataSet, Value},
    tag::{self, Tag},
    vr::Vr,
};
use gantry_image::volume::Labels;
use gantry_types::{error_code::ErrorCode, findings::Findings};

use crate::{
    note::Named,
    object::Kind,
    parsed::{Parsed, parse},
    source::Source,
};

mod frames;
mod mask;
mod modules;
mod references;
mod tree;
mod values;

pub(crate) use references::collect;
pub(crate) use values::{is_same, trimmed};

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Whether it keeps the object from leaving.
    pub standing: Standing,
    /// The rule that is broken.
    pub rule: Rule,
    /// The sentence for people; names the attribute, and its value unless it is a patient's.
    pub sentence: String,
}

/// What follows from a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The object is quarantined.
    Blocking,
    /// The source has the same fault; listed, no more.
    Inherited,
}

/// The rules of both gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The file can be read to its end, and its meta information names the object.
    Readable,
    /// The SOP class is one that this gate knows.
    KnownClass,
    /// Attributes of types 1 and 2 are there.
    Present,
    /// Values are legal for their VR, and of those that the attribute allows.
    Value,
    /// Items of codes and references are complete.
    Complete,
    /// References resolve.
    Reference,
    /// Frames agree with their items and the pixels with the frames.
    Frames,
    /// Frames lie on the images that they name.
    Place,
    /// The pixels are those of the mask.
    Mask,
    /// The content tree is well formed.
    Tree,
    /// Patient and study are those of the header in force.
    Identity,
    /// Only images of the payload are referred to, and no identifier of the source is reused.
    Payload,
}

impl Rule {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        ErrorCode(match self {
            Self::Readable => "gate/unreadable",
            Self::KnownClass => "gate/unknown-class",
            Self::Present => "gate/missing-attribute",
            Self::Value => "gate/illegal-value",
            Self::Complete => "gate/incomplete-item",
            Self::Reference => "gate/dangling-reference",
            Self::Frames => "gate/frames-disagree",
            Self::Place => "gate/misplaced-frame",
            Self::Mask => "gate/other-mask",
            Self::Tree => "gate/broken-tree",
            Self::Identity => "gate/other-identity",
            Self::Payload => "gate/outside-payload",
        })
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule.code(), self.sentence)
    }
}

/// Whether an object may leave, as far as these complaints go.
#[must_use]
pub fn passes(complaints: &[Complaint]) -> bool {
    complaints.iter().all(|complaint| complaint.standing == Standing::Inherited)
}

/// What is known beside the bytes. What is not known is not judged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Knowledge<'a> {
    /// The series of the payload.
    pub sources: &'a [&'a Source],
    /// The files of the other objects of the set.
    pub siblings: &'a [&'a [u8]],
    /// The findings that the object was rendered from, with their mask, which lies on the first source.
    pub findings: Option<(&'a Findings, &'a Labels)>,
}

/// More complaints than this say nothing new; a hostile object could cause millions.
pub const COMPLAINTS_MAX: usize = 100;

/// Judges the form of an object.
#[must_use]
pub fn judge(bytes: &[u8], knowledge: &Knowledge<'_>) -> Vec<Complaint> {
    let mut list = Complaints::default();
    let parsed = match parse(bytes) {
        Ok(parsed) => parsed,
        Err(error) => {
            list.add(Rule::Readable, chain(&error));
            return list.0;
        }
    };
    judge_file(&parsed, &mut list);
    let data_set = &parsed.data_set;
    values::judge(data_set, knowledge.sources, &mut list);
    let class = data_set.str(tag::SOP_CLASS_UID).unwrap_or_default();
    let Some(kind) = Kind::of_sop_class(class) else {
        list.add(Rule::KnownClass, format!("{} {class:?} is not judged here", Named(tag::SOP_CLASS_UID)));
        return list.0;
    };
    modules::judge(data_set, kind, &mut list);
    references::judge(data_set, kind, knowledge, &mut list);
    match kind {
        Kind::Segmentation => {
            frames::judge(data_set, knowledge.sources, &mut list);
            if let Some((findings, mask)) = knowledge.findings {
                mask::judge(bytes, findings, mask, &mut list);
            }
        }
        Kind::Report => tree::judge(data_set, &mut list),
        Kind::SecondaryCapture => frames::judge_page(data_set, &mut list),
    }
    list.0
}

fn judge_file(parsed: &Parsed<'_>, list: &mut Complaints) {
    for problem in &parsed.problems {
        list.add(Rule::Readable, format!("{}: {}", Named(problem.tag), problem.kind));
    }
    for (in_meta, in_data_set) in [
        (tag::MEDIA_STORAGE_SOP_CLASS_UID, tag::SOP_CLASS_UID),
        (tag::MEDIA_STORAGE_SOP_INSTANCE_UID, tag::SOP_INSTANCE_UID),
    ] {
        let (meta, own) = (parsed.meta.str(in_meta), parsed.data_set.str(in_data_set));
        if meta != own {
            let (meta, own) = (meta.unwrap_or_default(), own.unwrap_or_default());
            list.add(
                Rule::Readable,
                format!("{} is {meta:?}, {} is {own:?}", Named(in_meta), Named(in_data_set)),
            );
        }
    }
}

/// An error and its causes in one sentence.
fn chain(error: &dyn core::error::Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence = format!("{sentence}: {error}");
        cause = error.source();
    }
    sentence
}

/// Complaints, up to [`COMPLAINTS_MAX`].
#[derive(Debug, Default)]
pub(crate) struct Complaints(pub(crate) Vec<Complaint>);

impl Complaints {
    pub(crate) fn add(&mut self, rule: Rule, sentence: String) {
        self.add_as(Standing::Blocking, rule, sentence);
    }

    pub(crate) fn add_as(&mut self, standing: Standing, rule: Rule, sentence: String) {
        if self.0.len() < COMPLAINTS_MAX {
            self.0.push(Complaint { standing, rule, sentence });
        } else if standing == Standing::Blocking && passes(&self.0) {
            // A list that is full of inherited faults must not hide the one that blocks.
            if let Some(last) = self.0.last_mut() {
                *last = Complaint { standing, rule, sentence };
            }
        }
    }
}

/// Whether an element has a value: items, fragments, or bytes that are not all padding.
pub(crate) fn has_value(data_set: &DataSet<'_>, tag: Tag) -> bool {
    let Some(element) = data_set.get(tag) else { return false };
    match &element.value {
        // Zeros and spaces are padding in text, and values in numbers and bytes.
        Value::Bytes(bytes) if element.vr.word_bytes() == 1 && element.vr != Vr::OB => {
            !trimmed(bytes).is_empty()
        }
        Value::Bytes(bytes) => !bytes.is_empty(),
        Value::Items(items) => !items.is_empty(),
        Value::Fragments(fragments) => !fragments.is_empty(),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::sabotaged as sabotage;
