//! Settings of reception. Every limit has a default, a place in `doctor`, and a test that crosses it.

use std::time::Duration;

use gantry_dimse::{machine, negotiation::Implementation};
use gantry_types::ids::SiteId;

use crate::sources::KnownDoors;

/// Who we are and whom we let in.
#[derive(Debug, Clone)]
pub struct DoorSettings {
    /// Whose objects these are.
    pub site: SiteId,
    /// By which titles we are called, and who may come in (RC5).
    pub doors: KnownDoors,
    /// How we introduce ourselves.
    pub implementation: Implementation,
    /// Times and PDU sizes of an association.
    pub association: machine::Settings,
    /// How many there may be.
    pub limits: Limits,
}

/// How many connections and associations a door bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Associations in all; one more is rejected 2/3/2.
    pub associations: usize,
    /// Associations from one address; one more is rejected 2/3/2.
    pub associations_per_peer: usize,
    /// Connections that have not asked for an association yet; the oldest makes room.
    pub silent_connections: usize,
    /// Objects that wait to be made durable; an association that comes when it is full is rejected 2/3/1.
    pub queue: usize,
    /// How long a stop waits for objects under way.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            associations: 200,
            associations_per_peer: 50,
            silent_connections: 64,
            queue: 1024,
            stop: Duration::from_secs(5),
        }
    }
}
