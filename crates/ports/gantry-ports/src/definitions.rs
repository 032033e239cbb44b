//! What is read of the documents that people applied.

use gantry_types::ids::SiteId;

use crate::store::{DocumentKind, DocumentRow, StoreError};

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
