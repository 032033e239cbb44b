//! The workflows in use.

use std::sync::Arc;

use gantry_definition::document::{Body, Workflow};
use gantry_ports::{
    definitions::{self, Unreadable},
    store::DocumentRow,
};
use gantry_types::digest::Digest;

/// A workflow, pinned.
#[derive(Debug, Clone, PartialEq)]
pub struct Pinned {
    /// What it says.
    pub workflow: Workflow,
    /// The version of its document.
    pub version: u32,
    /// The digest of that version.
    pub digest: Digest,
}

/// The newest version of every workflow, by name, and those that cannot be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Workflows {
    /// Those in use.
    pub live: Vec<Arc<Pinned>>,
    /// Those that another version of this program took, and this one cannot read.
    pub unreadable: Vec<Unreadable>,
}

impl Workflows {
    /// Reads the workflows of these rows.
    #[must_use]
    pub fn of(rows: &[DocumentRow]) -> Self {
        let mut workflows = Self::default();
        for row in rows {
            match pinned(row) {
                Ok(pinned) => workflows.live.extend(pinned.map(Arc::new)),
                Err(unreadable) => workflows.unreadable.push(unreadable),
            }
        }
        workflows
    }
}

/// The workflow of a row; nothing if it is another kind of document.
///
/// # Errors
/// [`Unreadable`].
pub fn pinned(row: &DocumentRow) -> Result<Option<Pinned>, Unreadable> {
    Ok(match definitions::body(row)? {
        Body::Workflow(workflow) => {
            Some(Pinned { workflow: *workflow, version: row.version, digest: row.digest })
        }
        Body::Source(_) | Body::Destination(_) | Body::Door(_) => None,
    })
}
