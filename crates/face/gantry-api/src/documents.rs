//! Documents: those in use, and taking new ones into use.
//!
//! What a document may name (applications, time zones) only the program knows; so it takes them, and whoever orders it
//! from here asks it through [`Desk`].

use std::sync::Arc;

use gantry_ports::{
    packages::Application,
    store::{DocumentKind, DocumentRow},
};
use gantry_types::{digest::Digest, ids::AppName};
use serde_json::{Value, json};

use crate::{
    orders::By,
    view::{View, ViewError},
};

/// Where documents are taken into use.
pub trait Desk: Send + Sync {
    /// Takes all documents of a text into use, or none. `file` is what problems call the text.
    ///
    /// # Errors
    /// [`ApplyError`]; then nothing was taken.
    fn apply(&self, file: &str, text: &str, by: &By) -> Result<Vec<Applied>, ApplyError>;

    /// The applications that workflows may name: those that ship first.
    ///
    /// # Errors
    /// [`ViewError::Store`].
    fn applications(&self) -> Result<Vec<Listed>, ViewError>;
}

/// An application in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// How workflows call it.
    pub name: AppName,
    /// What it is; nothing if its files are missing.
    pub found: Option<Arc<Application>>,
}

/// The document of the applications.
#[must_use]
pub fn applications_json(listed: &[Listed]) -> Value {
    let one = |Listed { name, found }: &Listed| match found {
        Some(found) => json!({
            "name": name.as_str(),
            "version": found.package.version,
            "title": found.package.title,
            "class": found.package.class.as_str(),
            "digest": found.digest.to_string(),
            "slot": found.slot,
        }),
        None => json!({ "name": name.as_str(), "missing": true }),
    };
    json!({ "applications": listed.iter().map(one).collect::<Vec<_>>() })
}

/// What became of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its kind.
    pub kind: DocumentKind,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// The digest of its canonical bytes.
    pub digest: Digest,
    /// Whether it says something new.
    pub change: Taken,
}

/// Whether a document says something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// A new version.
    New,
    /// The same words as the version in use.
    Unchanged,
}

/// Why documents were not taken into use.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// They are wrong: a line for each problem, with its place.
    #[error("{} problems: nothing was applied", .0.len())]
    Invalid(Vec<String>),
    /// Somebody else applied one of them at the same time.
    #[error("somebody else applied one of these documents at the same time: nothing was taken")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    View(#[from] ViewError),
}

/// The document of what was applied.
#[must_use]
pub fn applied_json(applied: &[Applied]) -> Value {
    let one = |one: &Applied| {
        json!({
            "kind": one.kind.as_str(),
            "name": one.name,
            "version": one.version,
            "digest": one.digest.to_string(),
            "isNew": one.change == Taken::New,
        })
    };
    json!({ "documents": applied.iter().map(one).collect::<Vec<_>>() })
}

/// The kinds that people write.
const WRITTEN: [DocumentKind; 4] =
    [DocumentKind::Workflow, DocumentKind::Source, DocumentKind::Destination, DocumentKind::Door];

/// Every document in use, by kind and name; of one kind, if that is given.
///
/// # Errors
/// [`ViewError::Store`].
pub fn in_use(view: &View, kind: Option<DocumentKind>) -> Result<Vec<DocumentRow>, ViewError> {
    let mut all = Vec::new();
    for of in WRITTEN.into_iter().filter(|of| kind.is_none_or(|kind| kind == *of)) {
        all.extend(view.definitions.newest_documents(&view.site, of)?);
    }
    Ok(all)
}

/// One version of a document, the newest if none is named.
///
/// # Errors
/// [`ViewError::UnknownDocument`], [`ViewError::Store`].
pub fn find(view: &View, kind: &str, name: &str, version: Option<u32>) -> Result<DocumentRow, ViewError> {
    let unknown = || {
        ViewError::UnknownDocument(match version {
            Some(version) => format!("{kind} `{name}` of version {version}"),
            None => format!("{kind} `{name}`"),
        })
    };
    let kind = DocumentKind::parse(kind).filter(|kind| WRITTEN.contains(kind)).ok_or_else(unknown)?;
    let found = match version {
        Some(version) => view.definitions.document(&view.site, kind, name, version)?,
        None => in_use(view, Some(kind))?.into_iter().find(|row| row.name == name),
    };
    found.ok_or_else(unknown)
}

/// A document, as people wrote it.
#[must_use]
pub fn json(row: &DocumentRow) -> Value {
    json!({
        "kind": row.kind.as_str(),
        "name": row.name,
        "version": row.version,
        "digest": row.digest.to_string(),
        "applied": row.applied.to_string(),
        "text": row.text,
    })
}
