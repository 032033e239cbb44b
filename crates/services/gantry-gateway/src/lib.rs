//! Doors: receiving and keeping objects; and delivering what was made of them.
//!
//! An association is one thread: it reads the socket, feeds the machine of `gantry-dimse`, and lets the blob store pull
//! the data set through it. The [`keeper`] gathers what all associations have finished, makes it durable in two steps
//! (data, then rows) and only then lets the answers go (RC1).
//!
//! Invariants
//! - A success is written to a peer only after [`keeper`] has said that object, row and receipt are durable.
//! - Nothing a peer sends ends the process; every loop and queue has a bound (RC3).
//! - No pixel is decoded here.

pub mod delivering;
pub mod door;
pub mod keeper;
pub mod recovery;
pub mod sender;
pub mod settings;
pub mod sources;

mod admission;
mod association;
mod conversation;
mod filing;
mod object;
mod same;

/// What a service needs of the outside, handed in by the binary.
#[derive(Clone)]
pub struct Outside {
    /// Where bytes are kept.
    pub blob: std::sync::Arc<dyn gantry_ports::blob::Blob>,
    /// Where rows are written.
    pub store: std::sync::Arc<dyn gantry_ports::store::Store>,
    /// Where rows are read.
    pub intake: std::sync::Arc<dyn gantry_ports::intake::Intake>,
    /// The time.
    pub clock: std::sync::Arc<dyn gantry_ports::clock::Clock>,
    /// Keys of rows.
    pub ids: std::sync::Arc<dyn gantry_ports::ids::Ids>,
}
