//! What is read of the documents that people applied.

use gantry_definition::document::{self, Body};
use gantry_types::ids::SiteId;

use crate::store::{DocumentKind, DocumentRow, StoreError};

/// A document that was read when it was applied, by another version of this program, and cannot be read now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {name} (version {version}) cannot be read: {why}", kind.as_str())]
pub struct Unreadable {
    /// Its kind.
    pub kind: DocumentKind,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Why, with the places.
    pub why: String,
}

/// What a kept document says.
///
/// # Errors
/// [`Unreadable`].
pub fn body(row: &DocumentRow) -> Result<Body, Unreadable> {
    let unreadable = |why| Unreadable { kind: row.kind, name: row.name.clone(), version: row.version, why };
    match document::read(&row.text) {
        Ok(documents) => {
            let only = documents.into_iter().next().map(|document| document.body);
            only.ok_or_else(|| unreadable("it is empty".to_owned()))
        }
        Err(errors) => {
            let why: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Err(unreadable(why.join("; ")))
        }
    }
}

/// The port.
pub trait Definitions: Send + Sync {
    /// The newest version of every document of a kind, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    fn newest_documents(&self, site: &SiteId, kind: DocumentKind) -> Result<Vec<DocumentRow>, StoreError>;

    /// One version of a document.
    ///
    /// # Errors
    /// [`StoreError`].
    fn document(
        &self,
        site: &SiteId,
        kind: DocumentKind,
        name: &str,
        version: u32,
    ) -> Result<Option<DocumentRow>, StoreError>;
}
