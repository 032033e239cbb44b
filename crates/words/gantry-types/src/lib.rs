//! The words Gantry uses, and nothing else.
//!
//! Every identifier has a type of its own, so that a series UID cannot stand where a study UID is meant; every
//! quantity says its unit in its name. What the words are *encoded* as is the business of `gantry-dicom`.
//!
//! Invariants
//! - No type here can be built in an illegal state, except through a constructor named `from_peer`, which keeps
//!   what a peer sent and says so (`is_regular`).
//! - `no_std`: nothing here can reach a clock, a file or a socket.
#![no_std]

extern crate alloc;

pub mod ae_title;
pub mod code;
pub mod digest;
pub mod error_code;
pub mod findings;
pub mod header;
pub mod ids;
pub mod instant;
pub mod uid;
