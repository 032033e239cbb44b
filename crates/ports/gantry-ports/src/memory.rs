//! In-memory twins: what services are tested with. Each passes its contract suite.

mod blob;
mod infer;
mod performer;
mod store;

pub use blob::{MemoryBlob, TakeDigest};
pub use infer::{MemoryInfer, NEIGHBOURS};
pub use performer::{MemoryPerformer, Play};
pub use store::MemoryStore;
