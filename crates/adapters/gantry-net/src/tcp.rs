//! Sockets.

use std::{
    io::{self, IoSlice, Read as _, Write as _},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use gantry_ports::transport::{Closer, Connection, Listener};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::sockopt,
};

/// How long a peer may refuse to take what we write.
const WRITE: Duration = Duration::from_secs(60);

/// The longest single wait for bytes; longer waits are asked for again, which spares a system call for each read.
const READ: Duration = Duration::from_secs(10);

/// A listening socket.
#[derive(Debug)]
pub struct TcpDoor(TcpListener);

impl TcpDoor {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// As the socket says: the port is taken, or below 1024 and not ours.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// As the socket says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Listener for TcpDoor {
    fn accept(&mut self, wait: Duration) -> io::Result<Option<Box<dyn Connection>>> {
        let timeout = Timespec::try_from(wait).or(Err(io::ErrorKind::InvalidInput))?;
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        match self.0.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                Ok(Some(Box::new(TcpConnection::new(stream)?)))
            }
            // The peer was gone before we came to it.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionAborted) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Opens a connection.
///
/// # Errors
/// As the socket says; `TimedOut` after `wait`.
pub(crate) fn connect(address: SocketAddr, wait: Duration) -> io::Result<Box<dyn Connection>> {
    Ok(Box::new(TcpConnection::new(TcpStream::connect_timeout(&address, wait)?)?))
}

struct TcpConnection {
    stream: TcpStream,
    peer: IpAddr,
    read_timeout: Duration,
}

impl TcpConnection {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE))?;
        stream.set_read_timeout(Some(READ))?;
        let peer = stream.peer_addr()?.ip().to_canonical();
        Ok(Self { stream, peer, read_timeout: READ })
    }
}

impl Connection for TcpConnection {
    fn read(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        // A timeout of zero would mean none.
        let wait = wait.clamp(Duration::from_millis(1), READ);
        if wait != self.read_timeout {
            self.stream.set_read_timeout(Some(wait))?;
            self.read_timeout = wait;
        }
        sockopt::set_tcp_quickack(&self.stream, true)?;
        self.stream.read(buffer)
    }

    fn write(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = slices.as_mut_slice();
        IoSlice::advance_slices(&mut rest, 0); // drops empty parts at the front
        while !rest.is_empty() {
            match self.stream.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut rest, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn peer(&self) -> IpAddr {
        self.peer
    }

    fn closer(&self) -> Box<dyn Closer> {
        Box::new(TcpCloser(self.stream.try_clone().ok()))
    }
}

/// Without a second handle there is nothing to close by; the connection then ends by its own deadlines.
struct TcpCloser(Option<TcpStream>);

impl Closer for TcpCloser {
    fn close(&self) {
        if let Some(stream) = &self.0 {
            // It may be closed already, which is what is wanted.
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn pair() -> (Box<dyn Connection>, Box<dyn Connection>) {
        let mut door = TcpDoor::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let near = connect(door.address().unwrap(), Duration::from_secs(5)).unwrap();
        (near, door.accept(Duration::from_secs(5)).unwrap().expect("a connection waits"))
    }

    #[test]
    fn parts_arrive_in_order_and_the_end_is_zero() {
        let (mut near, mut far) = pair();
        let large = vec![7; 3 << 20];
        let sender = thread::spawn(move || near.write(&[b"", b"head", b"", &large, b"tail"]));
        let mut got = Vec::new();
        let mut buffer = vec![0; 100_000];
        loop {
            match far.read(&mut buffer, Duration::from_secs(5)).unwrap() {
                0 => break,
                count => got.extend_from_slice(&buffer[..count]),
            }
        }
        sender.join().unwrap().unwrap();
        assert!(got.starts_with(b"head\x07") && got.ends_with(b"\x07tail"));
        assert_eq!(got.len(), 8 + (3 << 20));
    }

    #[test]
    fn silence_is_an_error_in_time_and_another_thread_can_end_it() {
        let (near, mut far) = pair();
        let error = far.read(&mut [0; 10], Duration::from_millis(5)).unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
        let closer = far.closer();
        let reader = thread::spawn(move || far.read(&mut [0; 10], Duration::from_secs(10)));
        closer.close();
        assert_eq!(reader.join().unwrap().unwrap(), 0);
        drop(near);
    }

    #[test]
    fn accepting_waits_no_longer_than_told() {
        let mut door = TcpDoor::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert!(door.accept(Duration::from_millis(1)).unwrap().is_none());
    }
}
