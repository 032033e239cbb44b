//! Transport over TCP.
//!
//! `TCP_NODELAY` is set on every socket, so that a PDU leaves when it is written. `TCP_QUICKACK` is set before every
//! read: most senders of the field leave Nagle's algorithm on, and an acknowledgement delayed by us would make them
//! wait 40 ms for each object. The option does not stick, hence before *every* read.
//!
//! Invariant: no call waits without a deadline.

mod dial;
mod tcp;

pub use dial::TcpDialer;
pub use tcp::TcpDoor;
