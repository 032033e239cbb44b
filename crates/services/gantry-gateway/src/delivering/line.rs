//! Lines: associations to destinations, each with an end that another thread sees to.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Duration,
};

use gantry_definition::document::Destination;
use gantry_flow::delivery::Broken;
use gantry_ports::transport::{Closer, Connection};
use gantry_types::{
    instant::Instant,
    uid::{SopClassUid, TransferSyntaxUid},
};

use super::office::Office;
use crate::sender::{Call, SendError, Sender};

/// A presentation context to propose.
pub(super) type Pair = (SopClassUid, TransferSyntaxUid);

/// Presentation contexts of one association (PS3.8 9.3.2.2: odd numbers up to 255).
pub(super) const PAIRS_MAX: usize = 128;

/// How long a peer may take to answer a release.
const RELEASE: Duration = Duration::from_secs(1);

/// The classes of evidence (PS3.4 B.5).
const CLASSES: &[(&str, &str)] = &[
    ("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.66.4", "Segmentation Storage"),
    ("1.2.840.10008.5.1.4.1.1.88.34", "Comprehensive 3D SR Storage"),
];

/// How often a connection that does not come about is looked at, to stop in time.
const DIALLING: Duration = Duration::from_millis(100);

/// All open lines, for the one thread that closes those whose time is over.
#[derive(Default)]
pub(super) struct Lines(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    open: BTreeMap<u64, Open>,
    is_over: bool,
}

struct Open {
    closer: Box<dyn Closer>,
    /// By monotonic time; nothing as long as nobody waits for the peer.
    until: Option<Instant>,
}

impl Lines {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one call on the map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what has waited too long: whoever waits there is told that the connection ended.
    pub(super) fn close_overdue(&self, now: Instant) {
        for open in self.state().open.values() {
            if open.until.is_some_and(|until| until <= now) {
                open.closer.close();
            }
        }
    }

    /// Closes everything, also what is opened later.
    pub(super) fn close_all(&self) {
        let mut state = self.state();
        state.is_over = true;
        for open in state.open.values() {
            open.closer.close();
        }
    }

    fn enter(&self, connection: &dyn Connection, until: Instant) -> Entry<'_> {
        let closer = connection.closer();
        let mut state = self.state();
        if state.is_over {
            closer.close();
        }
        let number = state.next;
        state.next += 1;
        state.open.insert(number, Open { closer, until: Some(until) });
        Entry { lines: self, number }
    }
}

/// A line's entry among the open ones.
struct Entry<'a> {
    lines: &'a Lines,
    number: u64,
}

impl Entry<'_> {
    fn set(&self, until: Option<Instant>) {
        if let Some(open) = self.lines.state().open.get_mut(&self.number) {
            open.until = until;
        }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.lines.state().open.remove(&self.number);
    }
}

/// An association to a destination.
pub(super) struct Line<'a> {
    sender: Sender,
    entry: Entry<'a>,
    office: &'a Office<'a>,
    to: Arc<Destination>,
    proposed: Vec<Pair>,
    /// Whether something was exchanged over it already: then the peer may have ended it since.
    is_used: bool,
}

/// How an exchange over a line failed.
pub(super) struct Failed {
    pub(super) error: SendError,
    /// As deliveries know it.
    pub(super) how: Broken,
    /// Whether another association may do better at once: this one was left over from before.
    pub(super) was_stale: bool,
}

impl<'a> Line<'a> {
    /// Opens one. It is there, or is not, at `until`.
    pub(super) fn open(
        office: &'a Office<'a>,
        to: &Arc<Destination>,
        proposed: Vec<Pair>,
        until: Instant,
    ) -> Result<Self, Broken> {
        let clock = &office.couriers.outside.clock;
        let until = until.min(clock.monotonic().after(to.connect_timeout));
        let connection = dial(office, to, until.since(clock.monotonic()))?;
        let call = Call {
            called: to.ae_title.clone(),
            calling: to.calling.clone(),
            implementation: office.couriers.settings.implementation.clone(),
        };
        let entry = office.lines.enter(&*connection, until);
        let contexts = proposed.clone();
        match Sender::associate(connection, &call, contexts, Arc::clone(clock), to.response_timeout) {
            Ok(sender) => {
                entry.set(None);
                Ok(Self { sender, entry, office, to: Arc::clone(to), proposed, is_used: false })
            }
            Err(error) => Err(broken(&error, until <= clock.monotonic())),
        }
    }

    /// Whether it leads where the destination is now, with a context for this pair.
    pub(super) fn fits(&self, to: &Destination, pair: &Pair) -> bool {
        *self.to == *to && self.proposed.contains(pair)
    }

    /// Exchanges something that is over at `until`. After an error the line has ended, unless it was for want of a
    /// context or the fault of what was to be sent.
    pub(super) fn exchange<T>(
        mut self,
        until: Instant,
        exchange: impl FnOnce(&mut Sender) -> Result<T, SendError>,
    ) -> (Option<Self>, Result<T, Failed>) {
        self.entry.set(Some(until));
        let result = exchange(&mut self.sender);
        let was_used = std::mem::replace(&mut self.is_used, true);
        let is_overdue = until <= self.office.couriers.monotonic();
        match result {
            Ok(done) => {
                self.entry.set(None);
                (Some(self), Ok(done))
            }
            Err(error) => {
                let how = broken(&error, is_overdue);
                let was_stale = was_used
                    && !is_overdue
                    && !self.office.news.is_over()
                    && matches!(error, SendError::Ended(_));
                let lives = matches!(error, SendError::NoContext { .. } | SendError::NotTaken(_));
                self.entry.set(None);
                (lives.then_some(self), Err(Failed { error, how, was_stale }))
            }
        }
    }

    /// Ends it in good order.
    pub(super) fn release(self) {
        let Self { sender, entry, office, .. } = self;
        entry.set(Some(office.couriers.monotonic().after(RELEASE)));
        sender.release();
    }
}

/// Connects, unless everything is over before. The port takes its time by the destination's settings, up to an hour, and
/// cannot be told to stop: a thread of its own waits for it, and is left behind.
fn dial(office: &Office<'_>, to: &Destination, wait: Duration) -> Result<Box<dyn Connection>, Broken> {
    let dial = Arc::clone(&office.couriers.outside.dial);
    let address = to.address.clone();
    let (connected, connecting) = mpsc::sync_channel(1);
    let unreachable = |error: &io::Error| {
        let is_late = error.kind() == io::ErrorKind::TimedOut;
        let why = if is_late { format!("no connection within {wait:?}") } else { error.to_string() };
        Broken::Unreachable(format!("{}: {why}", to.address))
    };
    let dialler = thread::Builder::new().name("dialler".to_owned()).spawn(move || {
        // Whoever asked may have gone; the connection is closed then.
        let _gone = connected.send(dial.dial(&address.host, address.port, wait));
    });
    dialler.map_err(|error| unreachable(&error))?;
    loop {
        match connecting.recv_timeout(DIALLING) {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => return Err(unreachable(&error)),
            Err(mpsc::RecvTimeoutError::Timeout) if office.news.is_over() => return Err(Broken::Aborted),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(unreachable(&io::ErrorKind::ConnectionAborted.into()));
            }
        }
    }
}

/// A class as a PACS's manual calls it, if it is one of ours.
fn words(class: &SopClassUid) -> String {
    let name = CLASSES.iter().find(|(uid, _)| *uid == class.as_str());
    name.map_or_else(|| class.to_string(), |(uid, name)| format!("{name} ({uid})"))
}

/// What an error is to a delivery.
fn broken(error: &SendError, is_overdue: bool) -> Broken {
    match error {
        SendError::Rejected { rj } => {
            let (result, source, reason) = rj.codes();
            Broken::Rejected(format!("{:?} (result {result}, source {source}, reason {reason})", rj.reason))
        }
        SendError::Silent => Broken::TimedOut,
        SendError::Ended(_) if is_overdue => Broken::TimedOut,
        SendError::NoContext { class, .. } => Broken::NoContext(words(class)),
        SendError::Ended(_)
        | SendError::TooMuch(_)
        // These are of our own making, and none occurs with what is proposed and asked here.
        | SendError::Proposal(_)
        | SendError::NotTaken(_)
        | SendError::Unwritable(_) => Broken::Aborted,
    }
}
