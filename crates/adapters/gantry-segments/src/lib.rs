//! Blobs in append-only segments of the local disk.
//!
//! Why segments: a file for each object costs a journal commit of the file system each, and hospitals run out of
//! inodes. A segment is zeroed and synced ahead of need, so that an append changes no metadata and the sync before
//! an answer costs one flush. `docs/formats/segments.md` gives the bytes.
//!
//! Content larger than the spool buffer gets a segment of its own, written while it arrives.
//!
//! Invariants
//! - A segment is used only after its own name and header are durable.
//! - A record lies in one segment, is never changed, and begins where nothing acknowledged lies.
//! - Reading checks the record's header; [`Blob::verify`](gantry_ports::blob::Blob::verify) also its checksum.

mod copy;
mod disk;
mod format;
mod segments;
mod spares;

pub use copy::copy;
pub use segments::{Reserved, Segments, Settings};
