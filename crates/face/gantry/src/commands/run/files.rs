//! The files of a folder, as the objects of a job.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gantry_pipeline::objects::Objects;

use crate::report::{Exit, Failure};

/// Files in a steady order.
pub(crate) struct Files(Vec<PathBuf>);

impl Files {
    /// All files at or below a path.
    pub(crate) fn below(path: &Path) -> Result<Self, Failure> {
        let mut found = Vec::new();
        collect(path, &mut found).map_err(|error| {
            Failure::new(Exit::Input, "run/unreadable", format!("cannot read {}: {error}", path.display()))
        })?;
        Ok(Self(found))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn path(&self, number: usize) -> &Path {
        self.0.get(number).map_or(Path::new(""), PathBuf::as_path)
    }
}

/// Folders inside one another that are searched: a link to a folder above would otherwise never end.
const DEPTH_MAX: usize = 32;

/// Files below a path, sorted, so that the same folder is always read in the same order.
pub(crate) fn collect(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    collect_below(path, DEPTH_MAX, found)
}

fn collect_below(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    if depth == 0 {
        return Err(io::Error::other(format!(
            "folders are nested deeper than {DEPTH_MAX}: does a link lead back?"
        )));
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    entries.iter().try_for_each(|entry| collect_below(entry, depth - 1, found))
}

impl Objects for Files {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn read(&self, number: usize) -> io::Result<Vec<u8>> {
        fs::read(self.path(number))
    }

    fn name(&self, number: usize) -> String {
        self.path(number).display().to_string()
    }
}
