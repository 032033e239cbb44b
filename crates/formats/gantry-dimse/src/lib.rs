//! DICOM over an association (PS3.7, PS3.8): PDUs, the upper layer state machine, negotiation, DIMSE messages.
//!
//! Everything is pure. Bytes, time and decisions go into [`machine::Association`]; writes, questions and
//! indications come out, and the owner of the socket carries them out. So two machines can be driven against each
//! other in one thread, and a recorded byte stream can be replayed.
//!
//! Invariants
//! - Nothing a peer sends makes this crate panic, or buffer more than one association PDU (1 MiB) and one command
//!   set (64 KiB). Data set bytes are never copied on the way in: they are indicated as ranges.
//! - What a peer does wrong and can be borne is a [`deviation::Deviation`]; what cannot be borne ends in an A-ABORT.
//! - Output is strict: even fragments, regular PDUs, no PDU above the peer's maximum length.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod cursor;

pub mod deviation;

pub mod pdu;

pub mod status;

pub mod command;

pub mod negotiation;

pub mod machine;
