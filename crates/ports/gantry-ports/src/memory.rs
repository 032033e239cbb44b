//! In-memory twins: what services are tested with. Each passes its contract suite.

mod blob;
mod store;

pub use blob::{MemoryBlob, TakeDigest};
pub use store::MemoryStore;
