//! The conductor: from what is kept of a study to what workflows make of it.
//!
//! So far it gathers the facts that workflows judge. Invariant: everything is read from the store and the kept bytes
//! each time, so that an answer depends on what is there, not on how it came.

pub mod facts;
