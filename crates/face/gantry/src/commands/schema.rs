//! `gantry schema`: the form of documents, for editors.

use gantry_api::schema;

use crate::{
    cli::{DocumentKind, Schema},
    report::{Failure, print},
};

/// `gantry schema`.
pub(crate) fn run(options: &Schema) -> Result<(), Failure> {
    let schema = match options.kind {
        Some(kind) => schema::of(kind.into()),
        None => schema::of_any(),
    };
    print(&format!("{schema:#}"))
}

impl From<DocumentKind> for gantry_definition::document::Kind {
    fn from(kind: DocumentKind) -> Self {
        match kind {
            DocumentKind::Workflow => Self::Workflow,
            DocumentKind::Source => Self::Source,
            DocumentKind::Destination => Self::Destination,
            DocumentKind::Door => Self::Door,
        }
    }
}
