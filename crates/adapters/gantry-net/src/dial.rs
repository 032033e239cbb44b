//! Opening connections by name or address.
//!
//! The resolver of the system takes no deadline, so a name is looked up in a thread of its own. One that is not back in
//! time is left behind; it ends by the resolver's own times (resolv.conf(5): `timeout`, `attempts`).

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use gantry_ports::transport::{Connection, Dial};

use crate::tcp;

/// Opens connections over TCP.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDialer;

impl Dial for TcpDialer {
    fn dial(&self, host: &str, port: u16, wait: Duration) -> io::Result<Box<dyn Connection>> {
        let started = Instant::now();
        let addresses = addresses(host, port, wait)?;
        connect_to_any(&addresses, wait.saturating_sub(started.elapsed()))
    }
}

/// What a host stands for, in the resolver's order of preference.
fn addresses(host: &str, port: u16, wait: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let host = host.to_owned();
    let (found, finding) = mpsc::sync_channel(1);
    thread::Builder::new().name("resolver".to_owned()).spawn(move || {
        let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Whoever asked may have given up.
        let _given_up = found.send(addresses);
    })?;
    finding.recv_timeout(wait).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Tries one address after another; each gets an equal share of the time that is left, so that one that swallows what
/// is sent to it does not take the turn of the next.
fn connect_to_any(addresses: &[SocketAddr], wait: Duration) -> io::Result<Box<dyn Connection>> {
    let started = Instant::now();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (index, address) in addresses.iter().enumerate() {
        let turns = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = wait.saturating_sub(started.elapsed()) / turns;
        if share.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match tcp::connect(*address, share) {
            Ok(connection) => return Ok(connection),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use gantry_ports::transport::Listener as _;

    use super::*;
    use crate::TcpDoor;

    const WAIT: Duration = Duration::from_secs(5);

    fn door() -> (TcpDoor, SocketAddr) {
        let door = TcpDoor::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = door.address().unwrap();
        (door, address)
    }

    /// An address of loopback where nobody listens.
    fn deserted() -> SocketAddr {
        door().1
    }

    #[test]
    fn a_name_and_an_address_lead_to_the_same_door() {
        let (mut door, address) = door();
        // `localhost` may stand for ::1 first, where this door is not.
        for host in ["127.0.0.1", "localhost"] {
            let near = TcpDialer.dial(host, address.port(), WAIT).unwrap();
            assert_eq!(near.peer(), Ipv4Addr::LOCALHOST, "{host}");
            assert!(door.accept(WAIT).unwrap().is_some(), "{host}");
        }
    }

    #[test]
    fn the_next_address_is_tried_where_one_refuses() {
        let (_door, open) = door();
        assert!(connect_to_any(&[deserted(), deserted(), open], WAIT).is_ok());
        let error = connect_to_any(&[deserted()], WAIT).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = connect_to_any(&[], WAIT).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn without_time_nothing_is_tried() {
        let (_door, open) = door();
        let error = connect_to_any(&[open], Duration::ZERO).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn what_is_no_host_is_an_error() {
        for host in ["", "[::1]", "a b", "no.such.name.invalid"] {
            assert!(TcpDialer.dial(host, 104, WAIT).is_err(), "{host:?}");
        }
    }
}
