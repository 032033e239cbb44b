//! From accepted findings to deliveries: renders evidence, lets both gates judge it, stores it, queues it, or puts it
//! into quarantine.
//!
//! A publication is the result of a task on its way to one destination. [`Publisher`] takes those that are due,
//! gathers what they are made from (`rows`, `result_files`, `images`), has the objects made and judged ([`making`]),
//! and commits what came of it. Who made the findings it does not know.
//!
//! Invariants
//! - Evidence depends on stored rows and kept bytes alone: the same ones give the same objects on any node and any day
//!   (EV5). The clock only says when rows were written.
//! - The bytes are durable before their rows, and the rows come with the deliveries that send them (DL1).
//! - What a gate refuses is neither stored nor delivered; the publication says why and waits for a person (DL3).
//! - Only files with the digest of their row are read, and only images that the payload froze are referred to.
//! - No sentence says whose a result is, or names a value of a header.

mod images;
pub mod making;
mod page;
mod publisher;
mod result_files;
mod rows;
mod why;

#[cfg(test)]
mod kit;
#[cfg(test)]
mod tests;

pub use publisher::{Outside, Publisher, Settings};
