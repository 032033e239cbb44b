//! Blobs: where the bytes of objects are kept.
//!
//! Contract
//! - [`Blob::append`] keeps the content as it is read; what it returns is not durable before [`Blob::sync`].
//! - After `sync` returned, content and everything needed to find it by its reference survive a power cut.
//! - A failed append leaves nothing that could be taken for content.
//! - References are opaque, small, and stay valid for the life of the content.
//! - All methods may be called from many threads at once.

use std::{
    fmt,
    io::{self, Read},
    ops::Range,
};

use gantry_types::digest::Digest;

use crate::job::Place;

/// Where content lies. Only the adapter that made it can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobRef {
    /// Which container of the adapter.
    pub container: u64,
    /// Where in it.
    pub offset: u64,
    /// Bytes of content.
    pub length: u64,
}

impl fmt::Display for BlobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}+{}", self.container, self.offset, self.length)
    }
}

/// Content that was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Where it lies.
    pub reference: BlobRef,
    /// SHA-256 of the content.
    pub digest: Digest,
}

/// How much room there is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// What is free.
    pub free: u64,
    /// What must stay free.
    pub reserve: u64,
}

/// What there is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// How many containers, those that are prepared included.
    pub containers: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// Why content was not kept, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// What was to be kept could not be read to its end: the peer's fault.
    #[error("the content ended early")]
    Source(#[source] io::Error),
    /// More than one piece of content may have.
    #[error("the content is larger than {max} bytes")]
    TooLarge {
        /// The limit.
        max: u64,
    },
    /// The disk is at its reserve.
    #[error("{free} bytes are free, {reserve} are kept in reserve")]
    Full {
        /// What is free.
        free: u64,
        /// What must stay free.
        reserve: u64,
    },
    /// The disk failed.
    #[error("cannot {doing}")]
    Disk {
        /// What was attempted.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Another process appends, or this one was told only to read.
    #[error("the blobs are open for appending elsewhere")]
    InUse,
    /// The reference leads nowhere, or what is there is not what was kept.
    #[error("content {0} is damaged or gone")]
    Damaged(BlobRef),
}

/// The port.
pub trait Blob: Send + Sync {
    /// Keeps all that `content` gives, and `label` beside it: a line or two for whoever must rebuild an index from
    /// the bytes alone.
    ///
    /// # Errors
    /// [`BlobError`]; then nothing is kept.
    fn append(&self, content: &mut dyn Read, label: &[u8]) -> Result<Appended, BlobError>;

    /// Makes appended content durable.
    ///
    /// # Errors
    /// [`BlobError::Disk`]; then none of it may be called durable.
    fn sync(&self, references: &[BlobRef]) -> Result<(), BlobError>;

    /// Reads a range of the content; the range is cut to the content's length.
    ///
    /// # Errors
    /// [`BlobError::Disk`], [`BlobError::Damaged`].
    fn read(&self, reference: BlobRef, range: Range<u64>) -> Result<Vec<u8>, BlobError>;

    /// Where the content lies for a reader outside of this store, such as a worker: it stays there as long as nobody
    /// frees it.
    ///
    /// # Errors
    /// [`BlobError::Disk`], [`BlobError::Damaged`].
    fn place(&self, reference: BlobRef) -> Result<Place, BlobError>;

    /// Compares the content with its checksum, and gives the digest it has: whether it is that of the row, the caller
    /// knows.
    ///
    /// # Errors
    /// [`BlobError::Damaged`] if it differs.
    fn verify(&self, reference: BlobRef) -> Result<Digest, BlobError>;

    /// Gives content back. Reading it afterwards is an error of the caller.
    ///
    /// # Errors
    /// [`BlobError::Disk`].
    fn free(&self, reference: BlobRef) -> Result<(), BlobError>;

    /// How much room there is.
    ///
    /// # Errors
    /// [`BlobError::Disk`].
    fn room(&self) -> Result<Room, BlobError>;

    /// How much is kept.
    ///
    /// # Errors
    /// [`BlobError::Disk`].
    fn kept(&self) -> Result<Kept, BlobError>;

    /// Whether there is room.
    ///
    /// # Errors
    /// [`BlobError::Full`] when appending would be refused now.
    fn check_room(&self) -> Result<(), BlobError> {
        let Room { free, reserve } = self.room()?;
        if free < reserve { Err(BlobError::Full { free, reserve }) } else { Ok(()) }
    }
}
