//! Applications: those that ship inside the program, and folders.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use gantry_definition::package::Package;
use gantry_pipeline::application::Application;
use gantry_ports::{
    job::ApplicationSource,
    packages::{self, Packages},
};
use gantry_types::ids::AppName;

use crate::report::{Exit, Failure};

/// Name and `app.toml` of the applications that ship. The place in the list is the slot of their Series Numbers: append.
const SHIPPED: &[(&str, &str)] = &[("lung-density", include_str!("../../../../apps/lung-density/app.toml"))];

/// The applications that runs may use: those that ship.
pub(crate) struct Shelf;

impl Packages for Shelf {
    fn find(&self, name: &AppName) -> Option<Arc<packages::Application>> {
        let slot = SHIPPED.iter().position(|(shipped, _)| *shipped == name.as_str())?;
        let Application { package, digest, .. } = find(name.as_str()).ok()?;
        let source = ApplicationSource::Shipped(name.to_string());
        let slot = u16::try_from(slot).ok()?;
        Some(Arc::new(packages::Application { package, digest, source, slot }))
    }
}

/// The package of the shipped application of this name.
pub(crate) fn shipped(name: &str) -> Option<Package> {
    let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
    Package::parse(text).ok()
}

/// The shipped application of this name, or the one in this folder.
pub(crate) fn find(named: &str) -> Result<Application, Failure> {
    if let Some((_, text)) = SHIPPED.iter().find(|(name, _)| *name == named) {
        return read("the program", vec![("app.toml".to_owned(), text.as_bytes().to_vec())]);
    }
    let folder = Path::new(named);
    if !folder.join("app.toml").is_file() {
        let shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        let sentence = format!("`{named}` is no shipped application, and no folder with an app.toml");
        return Err(Failure::new(Exit::NotFound, "app/unknown", sentence)
            .hint(format!("shipped are: {}", shipped.join(", "))));
    }
    let mut files = Vec::new();
    collect(folder, Path::new(""), &mut files)
        .map_err(|error| Failure::unexpected("app/unreadable", &error))?;
    read(named, files)
}

/// All files of a package, with their paths in it.
fn collect(root: &Path, below: &Path, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let path: PathBuf = below.join(entry?.file_name());
        if root.join(&path).is_dir() {
            collect(root, &path, files)?;
        } else {
            files.push((path.to_string_lossy().into_owned(), fs::read(root.join(&path))?));
        }
    }
    Ok(())
}

fn read(place: &str, files: Vec<(String, Vec<u8>)>) -> Result<Application, Failure> {
    Application::new(files)
        .map_err(|error| Failure::new(Exit::Input, "app/invalid", format!("{place}: {error}")))
}

#[cfg(test)]
mod tests {
    use gantry_pipeline::steps::BuiltIn;

    use super::*;

    #[test]
    fn everything_that_ships_is_sound() {
        for (name, _) in SHIPPED {
            let application = find(name).map_err(|failure| failure.to_string()).unwrap();
            assert_eq!(application.package.name.as_str(), *name);
        }
    }

    #[test]
    fn the_default_parameters_are_those_of_the_package() {
        let application = find("lung-density").map_err(|failure| failure.to_string()).unwrap();
        let [BuiltIn::Lungs(parameters)] = &application.steps[..] else {
            panic!("lung-density has one step");
        };
        assert_eq!(**parameters, gantry_pipeline::lungs::parameters::LungsParameters::default());
    }
}
