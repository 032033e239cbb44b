//! Which library, where it may lie, and whether it is the one.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use gantry_ports::infer::InferError;
use gantry_types::digest::Digest;
use sha2::{Digest as _, Sha256};

/// The version of ONNX Runtime that this program was tried with.
pub const VERSION: &str = "1.32.0";
/// The file's name in the wheel, and beside the program.
pub const LIBRARY_NAME: &str = "libonnxruntime.so.1.32.0";
/// The SHA-256 of the library in the wheel on PyPI, by architecture. `tools/onnxruntime.sh` fetches it.
pub const PINNED: &[(&str, &str)] = &[
    ("x86_64", "sha256:6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f"),
    ("aarch64", "sha256:49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a"),
];

/// The first of `places` where the library is, if it is the pinned one.
pub(crate) fn find(places: &[PathBuf]) -> Result<(PathBuf, Digest), InferError> {
    let Some(path) = places.iter().find(|path| path.is_file()) else {
        let places: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
        return Err(InferError::LibraryMissing(places.join(", ")));
    };
    let unreadable = |error: io::Error| InferError::Library(format!("{}: {error}", path.display()));
    let found = digest(path).map_err(unreadable)?;
    let pinned = PINNED.iter().find(|(architecture, _)| *architecture == std::env::consts::ARCH);
    let expected = pinned
        .and_then(|(_, digest)| Digest::parse(digest))
        .ok_or_else(|| InferError::Library(format!("no library for {} was tried", std::env::consts::ARCH)))?;
    if found == expected {
        Ok((path.clone(), found))
    } else {
        Err(InferError::LibraryDiffers { path: path.display().to_string(), expected, found })
    }
}

fn digest(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut sha = Sha256::new();
    let mut part = vec![0; 1 << 20];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(Digest(sha.finalize().into())),
            // A read never tells of more bytes than there is room for.
            length => sha.update(part.get(..length).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_library_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (nowhere, other) = (folder.path().join("nowhere"), folder.path().join(LIBRARY_NAME));
        std::fs::write(&other, b"something else").unwrap();
        let found = find(&[nowhere.clone(), other]);
        assert!(matches!(found, Err(InferError::LibraryDiffers { .. })), "{found:?}");
        let Err(InferError::LibraryMissing(places)) = find(std::slice::from_ref(&nowhere)) else { panic!() };
        assert_eq!(places, nowhere.display().to_string());
    }

    #[test]
    fn the_pins_are_digests() {
        assert!(PINNED.iter().all(|(_, digest)| Digest::parse(digest).is_some()));
    }
}
