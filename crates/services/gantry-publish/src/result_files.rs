//! The files of an accepted result: bounded, and believed only if they are the ones that were accepted.

use gantry_image::{grid::Grid, volume::Labels};
use gantry_ports::{
    blob::Blob,
    job::{
        findings::{self, Found},
        mask, names, result,
    },
    store::ResultRow,
};
use gantry_types::digest::Digest;
use sha2::{Digest as _, Sha256};

use crate::{
    page::{self, Page},
    why::{Refusal, Why},
};

/// The name under which a worker's report says which version of Gantry computed.
const ENGINE: &str = "gantry";

/// Files of a result.
#[derive(Clone, Copy)]
pub(crate) struct ResultFiles<'a> {
    pub(crate) blob: &'a dyn Blob,
    pub(crate) row: &'a ResultRow,
}

impl ResultFiles<'_> {
    /// What was found.
    pub(crate) fn found(self) -> Result<Found, Why> {
        let bytes = self.read(names::FINDINGS, findings::BYTES_MAX as u64)?;
        let bytes = bytes.ok_or(Refusal::NoFile(names::FINDINGS))?;
        Ok(findings::decode(&bytes).map_err(Refusal::Form)?)
    }

    /// The mask, on a grid that is known to be that of the source: as much is inflated as the grid says.
    pub(crate) fn mask(self, grid: Grid) -> Result<Option<Labels>, Why> {
        // Content that cannot be compressed becomes a little longer.
        let voxels = grid.dims().voxels() as u64;
        let bytes_max = voxels.saturating_add(voxels / 64).saturating_add(4096);
        let Some(bytes) = self.read(names::MASK, bytes_max)? else { return Ok(None) };
        Ok(Some(mask::decode(&bytes, grid).map_err(Refusal::Mask)?))
    }

    /// The picture.
    pub(crate) fn page(self) -> Result<Option<Page>, Why> {
        let Some(bytes) = self.read(names::PICTURE, page::BYTES_MAX)? else { return Ok(None) };
        Ok(Some(Page::decode(&bytes).map_err(Refusal::Page)?))
    }

    /// The version of Gantry that computed, if the report says it.
    pub(crate) fn gantry_version(self) -> Result<Option<String>, Why> {
        let Some(bytes) = self.read(names::RESULT, result::BYTES_MAX as u64)? else { return Ok(None) };
        let report = result::decode(&bytes).map_err(Refusal::Form)?;
        Ok(report.engine.into_iter().find(|(name, _)| name == ENGINE).map(|(_, version)| version))
    }

    /// All bytes of a file; nothing if there is no file of this name.
    fn read(self, name: &'static str, max: u64) -> Result<Option<Vec<u8>>, Why> {
        let Some(file) = self.row.files.iter().find(|file| file.name == name) else { return Ok(None) };
        let length = file.blob.length;
        if max < length {
            return Err(Refusal::LargeFile { name, found: length, max }.into());
        }
        let bytes = self.blob.read(file.blob, 0..length)?;
        if Digest(Sha256::digest(&bytes).into()) != file.digest {
            return Err(Refusal::ChangedFile(name).into());
        }
        Ok(Some(bytes))
    }
}
