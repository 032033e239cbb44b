//! Blobs in memory.

use std::{
    collections::BTreeMap,
    io::Read,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gantry_types::digest::Digest;

use crate::{
    blob::{Appended, Blob, BlobError, BlobRef, Kept, Room},
    job::{ByteRange, Place},
};

/// Takes the digest of content; the twin has no hash of its own.
pub type TakeDigest = fn(&[u8]) -> Digest;

/// Blobs in memory.
pub struct MemoryBlob {
    max: u64,
    digest: TakeDigest,
    blobs: Mutex<BTreeMap<u64, Vec<u8>>>,
}

impl MemoryBlob {
    /// An empty store whose content may have `max` bytes.
    #[must_use]
    pub fn new(max: u64, digest: TakeDigest) -> Self {
        Self { max, digest, blobs: Mutex::default() }
    }

    fn blobs(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<u8>>> {
        // A panic elsewhere cannot leave the map half changed: each use is one call.
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, reference: BlobRef) -> Result<Vec<u8>, BlobError> {
        self.blobs().get(&reference.container).cloned().ok_or(BlobError::Damaged(reference))
    }
}

impl Blob for MemoryBlob {
    fn append(&self, content: &mut dyn Read, _label: &[u8]) -> Result<Appended, BlobError> {
        let mut bytes = Vec::new();
        content.take(self.max + 1).read_to_end(&mut bytes).map_err(BlobError::Source)?;
        let length = bytes.len() as u64;
        if self.max < length {
            return Err(BlobError::TooLarge { max: self.max });
        }
        let digest = (self.digest)(&bytes);
        let mut blobs = self.blobs();
        let container = blobs.last_key_value().map_or(1, |(last, _)| last + 1);
        blobs.insert(container, bytes);
        Ok(Appended { reference: BlobRef { container, offset: 0, length }, digest })
    }

    fn sync(&self, _references: &[BlobRef]) -> Result<(), BlobError> {
        Ok(())
    }

    fn read(&self, reference: BlobRef, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        let bytes = self.get(reference)?;
        let cut = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes.get(cut(range.start)..cut(range.end)).unwrap_or_default().to_vec())
    }

    /// There is no such file: performers in memory open none.
    fn place(&self, reference: BlobRef) -> Result<Place, BlobError> {
        self.get(reference)?;
        let range = ByteRange { offset: reference.offset, length: reference.length };
        Ok(Place { file: format!("/memory/{}", reference.container).into(), range: Some(range) })
    }

    fn verify(&self, reference: BlobRef) -> Result<Digest, BlobError> {
        self.get(reference).map(|bytes| (self.digest)(&bytes))
    }

    fn free(&self, reference: BlobRef) -> Result<(), BlobError> {
        self.blobs().remove(&reference.container);
        Ok(())
    }

    fn room(&self) -> Result<Room, BlobError> {
        Ok(Room { free: u64::MAX, reserve: 0 })
    }

    fn kept(&self) -> Result<Kept, BlobError> {
        let blobs = self.blobs();
        let bytes = blobs.values().map(|bytes| bytes.len() as u64).sum();
        Ok(Kept { containers: blobs.len() as u64, bytes })
    }
}

#[cfg(test)]
mod tests {
    use sha2::Digest as _;

    fn digest(bytes: &[u8]) -> super::Digest {
        super::Digest(sha2::Sha256::digest(bytes).into())
    }

    crate::blob_contract!(Box::new(super::MemoryBlob::new(crate::contract::blob::LIMIT_BYTES, digest)));
}
