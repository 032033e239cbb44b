//! Why a publication comes to nothing, for good or for now.

use std::{collections::BTreeSet, error::Error, fmt::Display};

use gantry_definition::package::Class;
use gantry_evidence::{object::Kind, source::SourceError};
use gantry_ports::{
    blob::{BlobError, BlobRef},
    definitions::Unreadable,
    job::{FormError, mask::MaskError},
    store::StoreError,
};
use gantry_types::{
    digest::Digest,
    error_code::ErrorCode,
    ids::{AppName, DestinationName, WorkflowName},
    uid::SopInstanceUid,
};

use crate::{making::MakeError, page::PageError};

/// More sentences than this say nothing new to a person.
const SAID_MAX: usize = 10;

/// Several sentences as one, the first of them if there are many.
pub(crate) fn said<T: Display>(all: &[T]) -> String {
    let mut sentences: Vec<String> = all.iter().take(SAID_MAX).map(ToString::to_string).collect();
    if SAID_MAX < all.len() {
        sentences.push(format!("and {} more", all.len() - SAID_MAX));
    }
    sentences.join("; ")
}

/// An error and its causes in one sentence.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence = format!("{sentence}: {error}");
        cause = error.source();
    }
    sentence
}

/// What keeps a publication from being published.
#[derive(Debug)]
pub(crate) enum Why {
    /// Trying again would give the same.
    Refused(Box<Refusal>),
    /// Store or disk failed: trying again may help.
    Troubled(String),
}

/// Why trying again would give the same.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no {0} in the store that it could be made from")]
    NoRow(&'static str),
    #[error("{0} of the run are of another study than the publication")]
    OtherStudy(&'static str),
    #[error(transparent)]
    Definition(Unreadable),
    #[error("version {version} of workflow {workflow} is not the one that the run was pinned to")]
    OtherDefinition { workflow: WorkflowName, version: u32 },
    #[error("workflow {workflow} (version {version}) does not deliver to {destination}")]
    NotWanted { workflow: WorkflowName, version: u32, destination: DestinationName },
    #[error("of what workflow {workflow} (version {version}) delivers to {destination}, it takes nothing")]
    NothingInCommon { workflow: WorkflowName, version: u32, destination: DestinationName },
    #[error("nothing of the result can be shown to {destination}, which takes only {}", names(kinds))]
    NothingToShow { destination: DestinationName, kinds: BTreeSet<Kind> },
    #[error("there is no application {0} on this node")]
    NoPackage(AppName),
    #[error("the package of {app} is {found} on this node, the run was made with {pinned}")]
    OtherPackage { app: AppName, found: Digest, pinned: Digest },
    #[error(
        "a result of class {result} must not go to {destination}, which takes nothing laxer than {takes}"
    )]
    Class { result: Class, destination: DestinationName, takes: Class },
    #[error("the result has no file {0}")]
    NoFile(&'static str),
    #[error("the file {name} of the result has {found} bytes, allowed are {max}")]
    LargeFile { name: &'static str, found: u64, max: u64 },
    #[error("the file {0} of the result is not the one that was accepted: its digest differs")]
    ChangedFile(&'static str),
    #[error("a file of the result cannot be read: {}", chain(.0))]
    Form(FormError),
    #[error("the mask of the result cannot be read: {}", chain(.0))]
    Mask(MaskError),
    #[error("the picture of the result cannot be read: {0}")]
    Page(PageError),
    #[error("the findings name image {0}, which is not in the payload or was named before")]
    OutsidePayload(SopInstanceUid),
    #[error("the payload holds image {0} in two revisions")]
    TwoRevisions(SopInstanceUid),
    #[error("the revision of image {0} that the payload froze is not in force any more")]
    NotInForce(SopInstanceUid),
    #[error("image {0} is not the one that was kept: its digest differs")]
    ChangedImage(SopInstanceUid),
    #[error("the header of image {image} {why}")]
    Header { image: SopInstanceUid, why: &'static str },
    #[error("the findings are of another series than their images")]
    OtherSeries,
    #[error("the images make no source: {0}")]
    Source(SourceError),
    #[error("the findings do not lie on their images: {0}")]
    OtherGrid(String),
    #[error(transparent)]
    Make(MakeError),
    #[error("content {0} is damaged or gone")]
    Damaged(BlobRef),
    #[error("an object of {0} bytes is larger than the blob store takes")]
    LargeObject(u64),
    #[error("objects of the study name two patients: whose the result would be nobody knows")]
    TwoPatients,
    #[error("rendering or judging it panicked, which is a fault of the program")]
    Panicked,
}

fn names(kinds: &BTreeSet<Kind>) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" and ")
}

impl Refusal {
    /// The stable code.
    pub(crate) fn code(&self) -> ErrorCode {
        ErrorCode(match self {
            Self::TwoPatients => "publish/two-patients",
            Self::Panicked => "publish/panicked",
            Self::NoRow(_) => "publish/no-row",
            Self::OtherStudy(_) => "publish/other-study",
            Self::Definition(_) => "publish/unreadable-document",
            Self::OtherDefinition { .. } => "publish/other-definition",
            Self::NotWanted { .. } => "publish/not-wanted",
            Self::NothingInCommon { .. } => "publish/nothing-in-common",
            Self::NothingToShow { .. } => "publish/nothing-to-show",
            Self::NoPackage(_) => "publish/no-package",
            Self::OtherPackage { .. } => "publish/other-package",
            Self::Class { .. } => "publish/class",
            Self::NoFile(_) | Self::LargeFile { .. } | Self::Form(_) | Self::Mask(_) | Self::Page(_) => {
                "publish/unreadable-result"
            }
            Self::ChangedFile(_) => "publish/changed-result",
            Self::OutsidePayload(_) => "publish/outside-payload",
            Self::TwoRevisions(_) => "publish/two-revisions",
            Self::NotInForce(_) => "publish/not-in-force",
            Self::ChangedImage(_) => "publish/changed-image",
            Self::Header { .. } => "publish/unreadable-header",
            Self::OtherSeries => "publish/other-series",
            Self::Source(error) => return error.code(),
            Self::OtherGrid(_) => "evidence/other-grid",
            Self::Make(error) => return error.code(),
            Self::Damaged(_) => "publish/damaged-content",
            Self::LargeObject(_) => "publish/large-object",
        })
    }
}

impl From<Refusal> for Why {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<StoreError> for Why {
    fn from(error: StoreError) -> Self {
        Self::Troubled(chain(&error))
    }
}

impl From<BlobError> for Why {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Damaged(reference) => Refusal::Damaged(reference).into(),
            BlobError::TooLarge { max } => Refusal::LargeObject(max).into(),
            BlobError::Source(_) | BlobError::Full { .. } | BlobError::Disk { .. } | BlobError::InUse => {
                Self::Troubled(chain(&error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_sentences_are_cut() {
        assert_eq!(said(&["a", "b"]), "a; b");
        assert_eq!(said(&["x"; 12]), "x; x; x; x; x; x; x; x; x; x; and 2 more");
    }

    #[test]
    fn only_trouble_that_may_pass_is_waited_out() {
        let reference = BlobRef { container: 1, offset: 2, length: 3 };
        for (error, waits) in [
            (BlobError::Damaged(reference), false),
            (BlobError::TooLarge { max: 1 }, false),
            (BlobError::Full { free: 1, reserve: 2 }, true),
            (BlobError::InUse, true),
        ] {
            assert_eq!(matches!(Why::from(error), Why::Troubled(_)), waits);
        }
    }
}
