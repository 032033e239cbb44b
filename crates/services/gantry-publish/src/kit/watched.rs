//! Blobs that tell what was left of them, fill up, and break a promise when they are told to.

use std::{io::Read, ops::Range, sync::atomic::Ordering};

use gantry_ports::{
    blob::{Appended, Blob, BlobError, BlobRef, Kept, Room},
    job::Place,
};
use gantry_types::digest::Digest;

use super::{WatchedBlob, reversed};

impl WatchedBlob {
    /// How many appended contents are still there.
    pub(crate) fn left(&self) -> usize {
        self.appended.load(Ordering::SeqCst) - self.freed.load(Ordering::SeqCst)
    }
}

impl Blob for WatchedBlob {
    fn append(&self, content: &mut dyn Read, label: &[u8]) -> Result<Appended, BlobError> {
        if self.full_after.load(Ordering::SeqCst) <= self.appended.load(Ordering::SeqCst) {
            return Err(BlobError::Full { free: 1, reserve: 2 });
        }
        self.appended.fetch_add(1, Ordering::SeqCst);
        if self.is_reversing.load(Ordering::SeqCst) {
            let mut file = Vec::new();
            content.read_to_end(&mut file).map_err(BlobError::Source)?;
            return self.inner.append(&mut &*reversed(&file), label);
        }
        self.inner.append(content, label)
    }

    fn sync(&self, references: &[BlobRef]) -> Result<(), BlobError> {
        self.inner.sync(references)
    }

    fn read(&self, reference: BlobRef, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        self.inner.read(reference, range)
    }

    fn place(&self, reference: BlobRef) -> Result<Place, BlobError> {
        self.inner.place(reference)
    }

    fn verify(&self, reference: BlobRef) -> Result<Digest, BlobError> {
        self.inner.verify(reference)
    }

    fn free(&self, reference: BlobRef) -> Result<(), BlobError> {
        self.freed.fetch_add(1, Ordering::SeqCst);
        self.inner.free(reference)
    }

    fn room(&self) -> Result<Room, BlobError> {
        self.inner.room()
    }

    fn kept(&self) -> Result<Kept, BlobError> {
        self.inner.kept()
    }
}
