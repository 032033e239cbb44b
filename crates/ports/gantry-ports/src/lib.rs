//! Ports: what services ask of the outside, with contract suites and in-memory twins.
//!
//! A service takes `&dyn` of what it needs; the binary decides who that is. [`contract`] holds one suite per port:
//! an adapter and the twin in [`memory`] run the same laws, so that a test with the twin is worth something.
//!
//! Invariants
//! - [`store::Store::commit`] is the only way to write; all of a change is durable, or none of it.
//! - No port reveals a path, a connection or a SQL statement; only a [`job`] names files, for a worker that has no
//!   store to ask.

pub mod blob;
pub mod cases;
pub mod clock;
pub mod contract;
pub mod definitions;
pub mod ids;
pub mod infer;
pub mod intake;
pub mod job;
pub mod lineage;
pub mod memory;
pub mod news;
pub mod packages;
pub mod performer;
pub mod pulse;
pub mod runs;
pub mod state;
pub mod store;
pub mod transport;
