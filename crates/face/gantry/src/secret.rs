//! The site secret: what all UIDs of a site are derived from. Made once, readable by its owner alone.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use gantry_evidence::uid::SiteSecret;

use crate::{
    config,
    report::{Exit, Failure},
};

/// The file's name, beside `gantry.toml`.
pub(crate) const FILE: &str = "site.secret";

const BYTES: usize = 32;

/// The secret in a folder, made if there is none.
pub(crate) fn in_folder(folder: &Path) -> Result<SiteSecret, Failure> {
    let path = folder.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path)?,
        Err(error) => return Err(Failure::unexpected("secret/unreadable", &error)),
    };
    SiteSecret::new(&bytes).ok_or_else(|| {
        let sentence = format!("{} is too short to be a secret", path.display());
        Failure::new(Exit::Config, "secret/too-short", sentence)
            .hint("restore it from a backup: UIDs depend on it")
    })
}

/// The secret of the nearest data folder at or above `start`, else the one in `otherwise`.
pub(crate) fn nearest(start: &Path, otherwise: &Path) -> Result<SiteSecret, Failure> {
    let start = fs::canonicalize(start).unwrap_or_else(|_| PathBuf::from(start));
    let data = start.ancestors().find(|folder| folder.join(config::FILE).is_file());
    in_folder(data.unwrap_or(otherwise))
}

fn make(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Exit::Failed, "system/no-randomness", error.to_string()))?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| Failure::unexpected("secret/unwritable", &error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn it_is_made_once_and_a_data_folder_above_comes_first() {
        let dir = TempDir::new().unwrap();
        let (data, out) = (dir.path().join("data"), dir.path().join("out"));
        fs::create_dir_all(data.join("a/b")).unwrap();
        fs::create_dir_all(&out).unwrap();
        let own = nearest(&data.join("a/b"), &out).map_err(|f| f.to_string()).unwrap();
        assert!(own == in_folder(&out).map_err(|f| f.to_string()).unwrap());
        fs::write(data.join(config::FILE), "").unwrap();
        let of_site = nearest(&data.join("a/b"), &out).map_err(|f| f.to_string()).unwrap();
        assert!(of_site == in_folder(&data).map_err(|f| f.to_string()).unwrap() && of_site != own);
    }
}
