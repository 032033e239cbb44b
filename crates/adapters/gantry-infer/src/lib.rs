//! Networks over ONNX Runtime, whose library is loaded when a network is first needed.
//!
//! Invariants
//! - Only the library whose digest this program was tried with is loaded.
//! - No memory arena: what a run took is given back, so that a package's stated memory is what it takes.
//! - A model is bytes in memory: one that names further files is refused.

mod library;
mod model;
mod onnx_runtime;

pub use library::{LIBRARY_NAME, PINNED, VERSION};
pub use onnx_runtime::OnnxRuntime;
