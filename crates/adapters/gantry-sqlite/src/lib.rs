//! The store over SQLite.
//!
//! One connection writes, several read. The write-ahead log is grown once and overwritten in place, and checkpoints
//! run in a thread of their own, so that a commit costs one flush of the log and nothing else.
//!
//! Invariants
//! - `journal_mode` is WAL and `synchronous` is FULL, read back at start, or the database is not opened.
//! - Migrations are a list that only grows; `user_version` is how far a database has come.
//! - No SQL outside of this crate.

mod cases;
mod checkpoint;
mod definitions;
mod intake;
mod names;
mod open;
mod rows;
mod runs;
mod snapshot;
mod store;
mod work;

pub use snapshot::snapshot;
pub use store::SqliteStore;
