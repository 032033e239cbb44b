//! The directory of one job: written for the worker, read back without trust, removed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use gantry_ports::{
    job::{FileEntry, Job, Report, Ticket, names, request, result},
    performer::PerformError,
};
use gantry_types::digest::Digest;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest as _, Sha256};

/// A job's directory; removed when dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// Writes a job into a directory of its own below `folder`.
    pub(crate) fn create(folder: &Path, job: &Job) -> Result<Self, PerformError> {
        let bytes = request::encode(job).map_err(PerformError::Job)?;
        let path = folder.join(format!("{}-{}", job.ticket.attempt, job.ticket.fence));
        let write = || {
            remove(&path)?;
            fs::create_dir(&path)?;
            fs::create_dir(path.join(names::IN))?;
            fs::create_dir(path.join(names::OUT))?;
            fs::write(path.join(names::REQUEST), &bytes)
        };
        let written = write();
        // Whatever of it is there is removed, also when something failed.
        let directory = Self(path.clone());
        match written {
            Ok(()) => Ok(directory),
            Err(source) => Err(PerformError::Directory { doing: "write the job's directory", source }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The result that was announced with this digest, and its files.
    pub(crate) fn read(
        &self,
        asked: &Ticket,
        announced: Digest,
        bytes_max: u64,
    ) -> Result<(Report, BTreeMap<String, Vec<u8>>), PerformError> {
        let damaged = |name: &str| PerformError::Damaged { name: name.to_owned() };
        let root = open(rustix::fs::CWD, &self.0, OFlags::DIRECTORY)
            .map_err(|source| PerformError::Directory { doing: "open the job's directory", source })?;
        let bytes = read(&root, names::RESULT, result::BYTES_MAX as u64)?;
        if digest(&bytes) != announced {
            return Err(damaged(names::RESULT));
        }
        let report = result::decode(&bytes).map_err(PerformError::Result)?;
        if report.ticket != *asked {
            return Err(PerformError::Stale { asked: asked.clone(), answered: report.ticket });
        }
        let total = report.files.iter().fold(0_u64, |total, file| total.saturating_add(file.length));
        if bytes_max < total {
            return Err(PerformError::TooLarge { max: bytes_max });
        }
        let mut files = BTreeMap::new();
        if !report.files.is_empty() {
            let out = match open(&root, Path::new(names::OUT), OFlags::DIRECTORY) {
                Ok(out) => out,
                Err(_) => return Err(damaged(names::OUT)),
            };
            for FileEntry { name, length, digest: expected } in &report.files {
                let bytes = read(&out, name, *length)?;
                let is_new = digest(&bytes) == *expected && files.insert(name.clone(), bytes).is_none();
                if !is_new {
                    return Err(damaged(name));
                }
            }
        }
        Ok((report, files))
    }
}

/// Opens without following a link in the last place, and without waiting for whoever is behind a pipe.
fn open(at: impl AsFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(at, path, flags, Mode::empty())?)
}

/// All bytes of a plain file, at most so many.
fn read(folder: &OwnedFd, name: &str, bytes_max: u64) -> Result<Vec<u8>, PerformError> {
    let damaged = || PerformError::Damaged { name: name.to_owned() };
    let try_read = || -> io::Result<Option<Vec<u8>>> {
        let file = File::from(open(folder, Path::new(name), OFlags::empty())?);
        let metadata = file.metadata()?;
        if !metadata.is_file() || bytes_max < metadata.len() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
    };
    match try_read() {
        Ok(Some(bytes)) => Ok(bytes),
        // A file that is not there is not the one that was announced; nor is one that cannot be read.
        Ok(None) | Err(_) => Err(damaged()),
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// Removes a directory, if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What stays behind is removed when the folder is opened again.
        let _left = remove(&self.0);
    }
}
