//! Transport: streams of bytes between peers.
//!
//! Contract
//! - [`Connection::read`] returns 0 at the peer's end of stream and an error of kind `TimedOut` or `WouldBlock` when the
//!   time given has passed without a byte.
//! - [`Dial::dial`] tries all addresses of a name and comes back within the time given; one address that does not answer
//!   leaves time for the others.
//! - [`Connection::write`] writes all of its bytes at once, undelayed (one PDU is one segment where it fits), or fails.

use std::{io, net::IpAddr, time::Duration};

/// One connection.
pub trait Connection: Send {
    /// Reads what is there, waiting at most `wait`.
    ///
    /// # Errors
    /// As the socket says.
    fn read(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize>;

    /// Writes all of `parts`, one after another.
    ///
    /// # Errors
    /// As the socket says; how much of it was sent is then unknown.
    fn write(&mut self, parts: &[&[u8]]) -> io::Result<()>;

    /// Where the peer is.
    fn peer(&self) -> IpAddr;

    /// A handle by which another thread ends this connection.
    fn closer(&self) -> Box<dyn Closer>;
}

/// Ends a connection from another thread.
pub trait Closer: Send + Sync {
    /// Closes both directions; a blocked read returns.
    fn close(&self);
}

/// Something that peers connect to.
pub trait Listener: Send {
    /// The next connection, or nothing after `wait`.
    ///
    /// # Errors
    /// As the socket says; the listener stays usable.
    fn accept(&mut self, wait: Duration) -> io::Result<Option<Box<dyn Connection>>>;
}

/// Opens connections to peers.
pub trait Dial: Send + Sync {
    /// Connects to a host, waiting at most `wait` for all of it: looking the name up, and every address that it has.
    /// `host` is a name or an address; an IPv6 one stands without brackets.
    ///
    /// # Errors
    /// As the resolver or the socket of the last address tried says; of kind `TimedOut` after `wait`.
    fn dial(&self, host: &str, port: u16, wait: Duration) -> io::Result<Box<dyn Connection>>;
}
