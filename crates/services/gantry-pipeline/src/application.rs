//! A package with its files: what runs compute with.

use gantry_definition::package::{Package, PackageError};
use gantry_types::digest::Digest;

use crate::{
    package_digest::package_digest,
    steps::{self, BuiltIn, StepError},
};

/// An application, whole and checked.
#[derive(Debug, Clone)]
pub struct Application {
    /// What it says of itself.
    pub package: Package,
    /// What it does.
    pub steps: Vec<BuiltIn>,
    /// What pins it: the digest of all its files.
    pub digest: Digest,
    files: Vec<(String, Vec<u8>)>,
}

/// Why files are no application.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// There is no `app.toml`.
    #[error("there is no app.toml")]
    NoManifest,
    /// It is no text.
    #[error("app.toml is no UTF-8 text: {0}")]
    NotText(#[from] std::str::Utf8Error),
    /// It is no package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Its steps cannot be carried out.
    #[error(transparent)]
    Steps(#[from] StepError),
    /// A step needs a file that is not there.
    #[error("steps: network.model is `{0}`; the package has no such file")]
    NoModel(String),
}

impl Application {
    /// The application of these files, each with its path in the package.
    ///
    /// # Errors
    /// [`ApplicationError`]
    pub fn new(files: Vec<(String, Vec<u8>)>) -> Result<Self, ApplicationError> {
        let manifest = files.iter().find(|(path, _)| path == "app.toml");
        let (_, bytes) = manifest.ok_or(ApplicationError::NoManifest)?;
        let package = Package::parse(std::str::from_utf8(bytes)?)?;
        let steps = steps::check(&package)?;
        let digest = package_digest(&files);
        let application = Self { package, steps, digest, files };
        for step in &application.steps {
            if let BuiltIn::Network(network) = step
                && application.file(&network.model).is_none()
            {
                return Err(ApplicationError::NoModel(network.model.clone()));
            }
        }
        Ok(application)
    }

    /// The bytes of one of its files.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.iter().find(|(own, _)| own == path).map(|(_, bytes)| bytes.as_slice())
    }

    /// All its files, each with its path in the package.
    #[must_use]
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// Whether a step needs an engine for networks.
    #[must_use]
    pub fn has_networks(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, BuiltIn::Network(_)))
    }
}
