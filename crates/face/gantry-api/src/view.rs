//! Where everything is read that is told: the reading ports of one site; and why something cannot be told.

use std::{error::Error, sync::Arc};

use gantry_conductor::facts::FactsError;
use gantry_ports::{
    blob::Blob, cases::Cases, definitions::Definitions, intake::Intake, runs::Runs, state::StateError,
    store::StoreError,
};
use gantry_types::{error_code::ErrorCode, ids::SiteId};

/// What is read, and by which site.
#[derive(Clone)]
pub struct View {
    /// Whose.
    pub site: SiteId,
    /// What came in.
    pub intake: Arc<dyn Intake>,
    /// What is done about it.
    pub cases: Arc<dyn Cases>,
    /// What was done.
    pub runs: Arc<dyn Runs>,
    /// By which documents.
    pub definitions: Arc<dyn Definitions>,
    /// The bytes.
    pub blob: Arc<dyn Blob>,
}

/// Why something cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The rows cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A state that this program cannot read: it was written by another version.
    #[error(transparent)]
    State(#[from] StateError),
    /// What a study says of itself cannot be read.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// What a worker said of its result cannot be read.
    #[error("the report of a result cannot be read")]
    Report(#[source] Box<dyn Error + Send + Sync>),
    /// The disk cannot be asked.
    #[error("the disk of the data folder cannot be asked")]
    Disk(#[source] Box<dyn Error + Send + Sync>),
    /// There is no such study.
    #[error("no study has the UID or accession number `{0}`")]
    UnknownStudy(String),
    /// Several studies are called so.
    #[error("{count} studies have the accession number `{accession}`")]
    AmbiguousStudy {
        /// The accession number.
        accession: String,
        /// How many.
        count: usize,
    },
    /// There is no such run.
    #[error("there is no run `{0}`")]
    UnknownRun(String),
    /// Gantry made no such object.
    #[error("Gantry made no object `{0}`")]
    UnknownObject(String),
    /// There is no such document.
    #[error("there is no {0}")]
    UnknownDocument(String),
}

impl ViewError {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        ErrorCode(match self {
            Self::Store(_) => "store/unreadable",
            Self::State(_) => "store/unknown-state",
            Self::Facts(_) => "why/unreadable",
            Self::Report(_) => "run/report",
            Self::Disk(_) => "blob/unreadable",
            Self::UnknownStudy(_) => "study/unknown",
            Self::AmbiguousStudy { .. } => "study/ambiguous",
            Self::UnknownRun(_) => "run/unknown",
            Self::UnknownObject(_) => "delivery/unknown",
            Self::UnknownDocument(_) => "definition/unknown",
        })
    }

    /// The error with its causes.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut sentence = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            sentence = format!("{sentence}: {cause}");
            source = cause.source();
        }
        sentence
    }
}
