//! The shared corpus: real and hostile DICOM with known truth, which is not part of the repository.
//!
//! `GANTRY_SHARED` names its folder; set but missing is a failure. Not set and nothing at `../shared` is a user's
//! clone: the test is counted and passes, and phantoms cover the same ground.

use std::{env, fs, path::PathBuf};

use serde_json::Value;

use crate::notes;

/// The corpus, or `None` in a user's clone.
///
/// # Panics
/// If `GANTRY_SHARED` names a folder that is not there.
#[must_use]
#[track_caller]
pub fn shared(test: &str) -> Option<PathBuf> {
    let named = env::var_os("GANTRY_SHARED").map(PathBuf::from);
    let folder = named.clone().unwrap_or_else(|| notes::root().join("../shared"));
    if folder.join("data/manifest.json").is_file() {
        return Some(folder);
    }
    assert!(named.is_none(), "GANTRY_SHARED names {}, where no corpus is", folder.display());
    notes::without_corpus(test);
    None
}

/// The entries of the manifest.
///
/// # Panics
/// If the manifest is no JSON of the known form.
#[must_use]
pub fn entries(shared: &std::path::Path) -> Vec<Value> {
    let text = fs::read_to_string(shared.join("data/manifest.json"));
    let manifest = text.ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let entries = manifest.as_ref().and_then(|manifest| manifest.get("entries")).and_then(Value::as_array);
    assert!(entries.is_some(), "data/manifest.json has no entries");
    entries.cloned().unwrap_or_default()
}
