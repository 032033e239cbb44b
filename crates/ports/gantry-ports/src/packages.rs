//! Packages: the applications that this node can run.

use std::sync::Arc;

use gantry_definition::package::Package;
use gantry_types::{digest::Digest, ids::AppName};

use crate::job::ApplicationSource;

/// An application, pinned.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// What it says of itself.
    pub package: Package,
    /// The digest of its package.
    pub digest: Digest,
    /// Where a worker finds it.
    pub source: ApplicationSource,
    /// Which ten Series Numbers it has at a destination: base + 10 x slot onwards.
    pub slot: u16,
}

/// The port.
pub trait Packages: Send + Sync {
    /// The application of this name as it is now; nothing if there is none.
    fn find(&self, name: &AppName) -> Option<Arc<Application>>;

    /// The application of this name as it was when a run was pinned to it; nothing if it is not kept any more.
    fn pinned(&self, name: &AppName, digest: Digest) -> Option<Arc<Application>> {
        self.find(name).filter(|application| application.digest == digest)
    }
}
