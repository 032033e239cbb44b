//! Applications: those that ship inside the program, and folders.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use gantry_api::{
    documents::{Applied, Taken},
    orders::By,
};
use gantry_pipeline::application::Application;
use gantry_ports::{
    definitions::Definitions,
    job::ApplicationSource,
    packages::{self, Packages},
    store::{DocumentKind, DocumentRow, StoreError},
};
use gantry_types::{
    digest::Digest,
    ids::{AppName, SiteId},
};
use serde::{Deserialize, Serialize};

use crate::{
    documents, engine,
    node::Node,
    report::{Exit, Failure},
};

/// What a package says of itself.
const MANIFEST: &str = "app.toml";

/// A file of a package that ships: its path there, and its bytes.
type Embedded = (&'static str, &'static [u8]);

/// Name and files of the applications that ship. The place in the list is the slot of their Series Numbers: append.
const SHIPPED: &[(&str, &[Embedded])] = &[
    ("lung-density", &[(MANIFEST, include_bytes!("../../../../apps/lung-density/app.toml"))]),
    (
        "phantom-lesion",
        &[
            (MANIFEST, include_bytes!("../../../../apps/phantom-lesion/app.toml")),
            ("model.onnx", include_bytes!("../../../../apps/phantom-lesion/model.onnx")),
        ],
    ),
];

/// Series Numbers of installed applications begin behind those that ship, with room for more of these.
const FIRST_OWN_SLOT: u16 = 50;
/// Room for ten Series Numbers each, in what a Series Number can be.
const LAST_OWN_SLOT: u16 = 5000;
/// The folder of installed applications, in the data folder: one for each package, by its digest.
pub(crate) const FOLDER: &str = "apps";

/// The applications of a node: those that ship, and those that people installed.
pub(crate) struct Shelf {
    site: SiteId,
    folder: PathBuf,
    definitions: Arc<dyn Definitions>,
    /// Packages do not change under their digest: each is read once.
    read: Mutex<BTreeMap<Digest, Arc<packages::Application>>>,
}

/// What the store knows of an installed application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Installed {
    /// Which ten Series Numbers it has.
    slot: u16,
}

impl Shelf {
    pub(crate) fn of(node: &Node) -> Self {
        Self {
            site: node.site.clone(),
            folder: node.data.join(FOLDER),
            definitions: Arc::clone(&node.definitions),
            read: Mutex::default(),
        }
    }

    /// Those that people installed, each in its newest version.
    pub(crate) fn installed(&self) -> Result<Vec<DocumentRow>, StoreError> {
        self.definitions.newest_documents(&self.site, DocumentKind::Application)
    }

    /// All names: those that ship first.
    pub(crate) fn names(&self) -> Result<Vec<AppName>, StoreError> {
        let installed = self.installed()?;
        let names =
            SHIPPED.iter().map(|(name, _)| *name).chain(installed.iter().map(|row| row.name.as_str()));
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    /// Which Series Numbers an installed application has.
    pub(crate) fn slot(row: &DocumentRow) -> Option<u16> {
        toml::from_str::<Installed>(&row.text).ok().map(|installed| installed.slot)
    }

    fn own(&self, row: &DocumentRow, digest: Digest) -> Option<Arc<packages::Application>> {
        // An entry is put in whole.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(application) = read.get(&digest) {
            return Some(Arc::clone(application));
        }
        // Absolute: a worker may stand elsewhere.
        let folder = self.folder.join(digest.hex()).canonicalize().ok()?;
        // What gates and limits are taken from must be what was installed.
        let Application { package, .. } =
            Application::new(files(&folder).ok()?).ok().filter(|application| application.digest == digest)?;
        let (source, slot) = (ApplicationSource::Folder(folder), Self::slot(row)?);
        let application = Arc::new(packages::Application { package, digest, source, slot });
        read.insert(digest, Arc::clone(&application));
        Some(application)
    }

    /// The application of a row, if its files are those that were installed.
    pub(crate) fn pinned_row(&self, row: &DocumentRow) -> Option<Arc<packages::Application>> {
        self.own(row, row.digest)
    }

    fn row(&self, name: &AppName) -> Option<DocumentRow> {
        self.installed().ok()?.into_iter().find(|row| row.name == name.as_str())
    }
}

impl Packages for Shelf {
    fn find(&self, name: &AppName) -> Option<Arc<packages::Application>> {
        // One that a site installed is its own, even if a later version of this program ships one of that name.
        match self.row(name) {
            Some(row) => self.own(&row, row.digest),
            None => ships(name),
        }
    }

    fn pinned(&self, name: &AppName, digest: Digest) -> Option<Arc<packages::Application>> {
        let own = self.row(name).and_then(|row| self.own(&row, digest));
        own.or_else(|| ships(name).filter(|application| application.digest == digest))
    }
}

/// The shipped application of this name.
fn ships(name: &AppName) -> Option<Arc<packages::Application>> {
    let slot = SHIPPED.iter().position(|(shipped, _)| *shipped == name.as_str())?;
    let Application { package, digest, .. } = find(name.as_str()).ok()?;
    let source = ApplicationSource::Shipped(name.to_string());
    let slot = u16::try_from(slot).ok()?;
    Some(Arc::new(packages::Application { package, digest, source, slot }))
}

/// Installs the application of a folder: copies it into the data folder, and takes it into use.
///
/// The copy is on stable storage before its row is: a name in the store always has its files.
pub(crate) fn add(node: &Node, folder: &Path, by: &By) -> Result<Applied, Failure> {
    let application = read(&folder.display().to_string(), files(folder)?)?;
    let (name, digest) = (application.package.name.clone(), application.digest);
    if SHIPPED.iter().any(|(shipped, _)| *shipped == name.as_str()) {
        let sentence = format!("`{name}` is the name of an application that ships");
        return Err(Failure::new(Exit::Input, "app/name-taken", sentence).hint("choose another app.name"));
    }
    engine::check(&application)?;
    let problems = documents::unmet(node, &application.package)?;
    if !problems.is_empty() {
        let sentence = format!("workflows in use could not run with it: {}", problems.join("; "));
        return Err(Failure::new(Exit::Input, "app/breaks-workflows", sentence)
            .hint("apply workflows that fit it first, or keep the clauses that they assert"));
    }
    let shelf = Shelf::of(node);
    let rows = shelf.installed().map_err(|error| Failure::unexpected("store/unreadable", &error))?;
    let before = rows.iter().find(|row| row.name == name.as_str());
    let (version, change) = documents::follows(before, digest);
    let kind = DocumentKind::Application;
    let applied = Applied { kind, name: name.to_string(), version, digest, change };
    if change == Taken::Unchanged {
        return Ok(applied);
    }
    let slot = match before {
        Some(row) => Shelf::slot(row),
        None => {
            let last = rows.iter().filter_map(Shelf::slot).max();
            let next = last.map_or(FIRST_OWN_SLOT, |last| last + 1);
            (next <= LAST_OWN_SLOT).then_some(next)
        }
    };
    let slot = slot.ok_or_else(|| {
        Failure::new(Exit::Failed, "app/no-slot", format!("no Series Numbers are left for {name}"))
    })?;
    keep(&shelf.folder, &application).map_err(|error| Failure::unexpected("app/unwritable", &error))?;
    documents::commit_one(
        node,
        DocumentRow {
            site: node.site.clone(),
            kind,
            name: name.to_string(),
            version,
            digest,
            text: format!("slot = {slot}\n"),
            applied: node.outside.clock.now(),
        },
        by,
    )?;
    Ok(applied)
}

/// Writes a package's files into the folder of its digest: beside it first, so that the folder is there whole or not.
fn keep(apps: &Path, application: &Application) -> io::Result<()> {
    let to = apps.join(application.digest.hex());
    if to.exists() {
        return Ok(());
    }
    fs::create_dir_all(apps)?;
    let sync = |folder: &Path| fs::File::open(folder)?.sync_all();
    apps.parent().map_or(Ok(()), sync)?;
    let partial = apps.join(format!("{}.partial-{}", application.digest.hex(), std::process::id()));
    for (path, bytes) in application.files() {
        let path = partial.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::File::create(&path)?;
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        // Up to the package's own folder: each name in it must be there after a power cut.
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&partial)) {
            sync(folder)?;
        }
    }
    match fs::rename(&partial, &to) {
        // Somebody else was quicker with the same files.
        Err(_) if to.exists() => fs::remove_dir_all(&partial),
        Err(error) => Err(error),
        Ok(()) => sync(apps),
    }
}

/// The shipped application of this name, or the one in this folder.
pub(crate) fn find(named: &str) -> Result<Application, Failure> {
    if let Some((_, files)) = SHIPPED.iter().find(|(name, _)| *name == named) {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()));
        return read("the program", files.collect());
    }
    let folder = Path::new(named);
    if !folder.join(MANIFEST).is_file() {
        let shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        let sentence = format!("`{named}` is no shipped application, and no folder with an app.toml");
        return Err(Failure::new(Exit::NotFound, "app/unknown", sentence)
            .hint(format!("shipped are: {}", shipped.join(", "))));
    }
    read(named, files(folder)?)
}

/// All files of a folder with an application.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut files = Vec::new();
    collect(folder, Path::new(""), &mut files).map_err(|error| {
        Failure::new(Exit::Input, "app/unreadable", format!("cannot read {}: {error}", folder.display()))
    })?;
    Ok(files)
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
