//! A copy of a database that others write to.

use std::{fs::File, path::Path};

use gantry_ports::store::StoreError;

use crate::open::{self, failed};

/// Writes a consistent copy, as of one moment, to a file that does not exist yet; it is on stable storage before this
/// returns.
///
/// # Errors
/// [`StoreError`], also if the database is of another version than this program.
pub fn snapshot(database: &Path, to: &Path) -> Result<(), StoreError> {
    let doing = "copy the database";
    let connection = open::joining(database)?;
    let name = to.to_str().ok_or_else(|| StoreError { doing, source: "the path is no text".into() })?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(failed(doing))?;
    let synced = File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|error| StoreError { doing, source: error.into() })
}
