//! The HTTP server: one thread, one request for each connection, and no peer that keeps others out.
//!
//! Invariants
//! - At most [`CONNECTIONS_MAX`] connections; one more takes the place of the oldest that has not sent its request.
//! - A request has [`HEADER_WAIT`] to come and [`EXCHANGE_MAX`] to be answered, whatever its peer does.
//! - The store is read in at most [`READERS_MAX`] threads, and never in the one that serves.
//!
//! Deliberately absent: TLS, which a proxy in front of it gives; and connections that stay, so that the limits hold for
//! each request.

use std::{
    collections::VecDeque,
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use axum::Router;
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::TcpStream,
    runtime::Runtime,
    sync::oneshot,
    task::AbortHandle,
    time::{sleep, timeout},
};

pub use crate::routes::Interface;
use crate::routes::router;

/// Connections at the same time.
pub const CONNECTIONS_MAX: usize = 64;
/// The request line and all headers together; more is answered with 431, or 414.
pub const HEADER_BYTES_MAX: usize = 16 << 10;
/// How long a request line and headers may take to come.
pub const HEADER_WAIT: Duration = Duration::from_secs(5);
/// How long a connection may last.
pub const EXCHANGE_MAX: Duration = Duration::from_secs(30);
/// Requests that read the store at the same time; others wait for them.
pub const READERS_MAX: usize = 4;
/// Browsers that sign in at the same time; one more is asked to come again.
pub const SIGNING_IN_MAX: usize = 8;
/// How long reading may take before the answer is 503.
pub const READ_MAX: Duration = Duration::from_secs(20);

/// How long answers in the making may take when the server stops, and then what they still read.
const STOP: Duration = Duration::from_millis(500);
const STOP_READING: Duration = Duration::from_millis(300);
/// A pause after the system had no connection to give.
const PAUSE: Duration = Duration::from_millis(50);

/// A server, until it is stopped.
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Answers whoever calls a listener, from a thread of its own.
    ///
    /// # Errors
    /// As the operating system says when it has no thread to give.
    pub fn start(listener: TcpListener, interface: Interface) -> io::Result<Self> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            // Two more, for questions after health.
            .max_blocking_threads(READERS_MAX + 2)
            .thread_name("http-reader")
            .enable_io()
            .enable_time()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let router = router(interface);
        let thread = std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || serve(runtime, listener, router, stopped))?;
        Ok(Self { address, stop, thread })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets answers in the making be given, within a second, and ends.
    pub fn stop(self) {
        drop(self.stop);
        // A thread that panicked answers nobody any more, which is what is wanted.
        let _finished = self.thread.join();
    }
}

fn serve(
    runtime: Runtime,
    listener: tokio::net::TcpListener,
    router: Router,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let connections = Connections::default();
        let accepting = tokio::spawn(accept(listener, router, connections.clone()));
        // Nothing is ever sent: the other end is dropped.
        let _stopped = stopped.await;
        accepting.abort();
        connections.close_silent();
        let quiet = async {
            while !connections.lock().is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let _late = timeout(STOP, quiet).await;
    });
    runtime.shutdown_timeout(STOP_READING);
}

async fn accept(listener: tokio::net::TcpListener, router: Router, connections: Connections) {
    let mut last = 0_u64;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                last += 1;
                if connections.make_place() {
                    connections.open(last, stream, router.clone());
                }
            }
            // Out of file descriptors, most likely: those in use will come back.
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// A connection.
struct Open {
    id: u64,
    /// Whether its request has come.
    is_asking: Arc<AtomicBool>,
    task: AbortHandle,
}

/// Those that are open, oldest first.
#[derive(Clone, Default)]
struct Connections(Arc<Mutex<VecDeque<Open>>>);

/// Takes a connection off the list, however it ends.
struct Leaves {
    id: u64,
    connections: Connections,
}

impl Drop for Leaves {
    fn drop(&mut self) {
        self.connections.lock().retain(|open| open.id != self.id);
    }
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Open>> {
        // Every use is one call, so a panic leaves no half change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more may be opened: if there are too many, the oldest silent one goes.
    fn make_place(&self) -> bool {
        let mut all = self.lock();
        if all.len() < CONNECTIONS_MAX {
            return true;
        }
        let silent = all.iter().position(|open| !open.is_asking.load(Ordering::Relaxed));
        match silent.and_then(|at| all.remove(at)) {
            Some(open) => {
                open.task.abort();
                true
            }
            None => false,
        }
    }

    fn close_silent(&self) {
        for open in self.lock().iter().filter(|open| !open.is_asking.load(Ordering::Relaxed)) {
            open.task.abort();
        }
    }

    fn open(&self, id: u64, stream: TcpStream, router: Router) {
        let is_asking = Arc::new(AtomicBool::new(false));
        let leaves = Leaves { id, connections: self.clone() };
        let asks = Arc::clone(&is_asking);
        let task = tokio::spawn(async move {
            let _leaves = leaves;
            // A peer that breaks off, or is too slow, has nobody to be told.
            let _ended = timeout(EXCHANGE_MAX, converse(stream, router, asks)).await;
        });
        // There is one thread, so the task has not begun: it cannot leave before it is on the list.
        self.lock().push_back(Open { id, is_asking, task: task.abort_handle() });
    }
}

async fn converse(stream: TcpStream, router: Router, is_asking: Arc<AtomicBool>) {
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        is_asking.store(true, Ordering::Relaxed);
        router.call(request)
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAIT)
        .max_buf_size(HEADER_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // As above: nobody to be told.
    let _ended = conversation.await;
}

#[cfg(test)]
mod tests;
