//! The digest of a package: what pins an application (DC2).
//!
//! SHA-256 over the sorted list of its files: for each, its path with `/`, a NUL, and the SHA-256 of its bytes.

use gantry_types::digest::Digest;
use sha2::{Digest as _, Sha256};

/// The digest of a package with these files, given as path and bytes in any order.
#[must_use]
pub fn package_digest(files: &[(String, Vec<u8>)]) -> Digest {
    let mut sorted: Vec<(&str, [u8; 32])> =
        files.iter().map(|(path, bytes)| (path.as_str(), Sha256::digest(bytes).into())).collect();
    sorted.sort_unstable();
    let mut hasher = Sha256::new();
    for (path, digest) in sorted {
        hasher.update(path.as_bytes());
        hasher.update([0]);
        hasher.update(digest);
    }
    Digest(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_count_and_paths_and_bytes_do() {
        let file = |path: &str, bytes: &str| (path.to_owned(), bytes.as_bytes().to_vec());
        let whole = package_digest(&[file("app.toml", "a"), file("model.onnx", "b")]);
        assert_eq!(whole, package_digest(&[file("model.onnx", "b"), file("app.toml", "a")]));
        assert_ne!(whole, package_digest(&[file("app.toml", "b"), file("model.onnx", "a")]));
        assert_ne!(whole, package_digest(&[file("app.toml", "a"), file("model.onn", "xb")]));
    }
}
