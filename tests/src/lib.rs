//! The kit: where the shared corpus is, which peers are there, and an honest note of what was not tested.
//!
//! Invariant: a test that returns early because something is missing has written a line to the notes, which
//! `make test` prints and judges.

pub mod corpus;
pub mod notes;
pub mod orthanc;
pub mod peer;
pub mod schema;
pub mod served;
