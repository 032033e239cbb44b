//! The reading side of documents.

use gantry_ports::{
    definitions::Definitions,
    store::{DocumentKind, DocumentRow, StoreError},
};
use gantry_types::ids::SiteId;
use rusqlite::OptionalExtension as _;

use crate::{rows, store::SqliteStore};

const DOCUMENT: &str = "SELECT site.text, kind, name, version, digest, document.text, applied
    FROM document JOIN name site ON site.id = document.site";

impl Definitions for SqliteStore {
    fn newest_documents(&self, site: &SiteId, kind: DocumentKind) -> Result<Vec<DocumentRow>, StoreError> {
        let sql = format!(
            "{DOCUMENT} WHERE site.text = ?1 AND kind = ?2 AND version = (SELECT max(version) FROM document newer
             WHERE newer.site = document.site AND newer.kind = document.kind AND newer.name = document.name)
             ORDER BY document.name"
        );
        self.read("read documents", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map((site.as_str(), kind.as_str()), rows::document)?;
            rows.collect()
        })
    }

    fn document(
        &self,
        site: &SiteId,
        kind: DocumentKind,
        name: &str,
        version: u32,
    ) -> Result<Option<DocumentRow>, StoreError> {
        let sql =
            format!("{DOCUMENT} WHERE site.text = ?1 AND kind = ?2 AND document.name = ?3 AND version = ?4");
        self.read("read a document", |connection| {
            connection
                .prepare_cached(&sql)?
                .query_row((site.as_str(), kind.as_str(), name, version), rows::document)
                .optional()
        })
    }
}
