//! Delivering: evidence objects on their way to their destinations.
//!
//! Each delivery is a machine of `gantry-flow`; its row is the only truth. One thread steps what is due and looks at
//! what is offered; for each destination at which something waits it has *couriers* sent out: threads that claim one
//! object after the other and send it over an association of their own, which stays open between objects. Another
//! thread for each destination asks whether sent objects are there.
//!
//! Invariants
//! - Only kept bytes are sent, and only after their SHA-256 was compared with that of what was made (DL1).
//! - Nothing goes to a destination that is of a stricter class than the result, as both are when it is sent (DL2).
//! - Nothing goes out that names another patient than its study does when it is sent (PT1).
//! - Nothing of one destination is waited for on the way to another; at each destination one courier is kept for the
//!   urgent lane (UR1).
//! - Whatever is not known to have arrived is sent again, whoever has died meanwhile: the claim has a lease.
//! - Every association that waits for a peer has an end, known before it begins to wait.
//!
//! Deliberately absent: storage commitment, and waiting times of its own. When an object is tried again, its machine
//! says.

mod asker;
mod courier;
mod desk;
mod destinations;
mod line;
mod machine;
mod office;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gantry_dimse::negotiation::Implementation;
use gantry_flow::delivery::{Broken, Event, Stage, State};
use gantry_ports::{
    blob::Blob,
    cases::Cases,
    clock::Clock,
    definitions::Definitions,
    news::News,
    runs::Runs,
    store::{MachineKind, Store, StoreError},
    transport::Dial,
};
use gantry_types::{
    ids::{NodeId, SiteId},
    instant::Instant,
};

use destinations::Destinations;
use machine::TurnError;

/// The ports that it works with, and whom it tells what no row can hold.
#[derive(Clone)]
pub struct Outside {
    /// Where rows are written.
    pub store: Arc<dyn Store>,
    /// Machines, offered and due.
    pub cases: Arc<dyn Cases>,
    /// Rows of evidence objects.
    pub runs: Arc<dyn Runs>,
    /// Destinations.
    pub definitions: Arc<dyn Definitions>,
    /// Bytes.
    pub blob: Arc<dyn Blob>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Connections.
    pub dial: Arc<dyn Dial>,
    /// Where an operator reads what goes wrong; never anything of a patient's.
    pub say: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Who delivers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose evidence.
    pub site: SiteId,
    /// Which installation of the program.
    pub node: NodeId,
    /// How we introduce ourselves to peers.
    pub implementation: Implementation,
}

/// The same trouble is told again after this.
const TROUBLE_PAUSE: Duration = Duration::from_secs(300);
/// Troubles whose last telling is remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Delivers.
pub struct Couriers {
    outside: Outside,
    settings: Settings,
    memory: Mutex<Memory>,
}

/// What only saves work.
#[derive(Default)]
struct Memory {
    /// What the destinations' documents say, the newest of each.
    destinations: Arc<Destinations>,
    /// By monotonic time, when something was said last: the same trouble comes again with every turn.
    said: BTreeMap<String, Instant>,
}

impl Couriers {
    /// Those of a node.
    #[must_use]
    pub fn new(outside: Outside, settings: Settings) -> Self {
        Self { outside, settings, memory: Mutex::default() }
    }

    /// Takes back what the last process of this node was sending: it is gone, and the objects are tried again soon. Says
    /// how many there were. To be called before [`Couriers::run`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn recover(&self) -> Result<usize, StoreError> {
        let mut lost = 0;
        // What is being sent has a timer, so all of it is among what will be due one day.
        for row in self.outside.cases.due(MachineKind::Delivery, Instant(i64::MAX), usize::MAX >> 1)? {
            let event = |state: &State| match &state.stage {
                Stage::Sending { node, .. } if *node == self.settings.node => Some(Event::Broken {
                    fence: state.fence,
                    how: Broken::Aborted,
                    jitter: machine::jitter(state),
                }),
                Stage::Queued
                | Stage::Sending { .. }
                | Stage::Retrying { .. }
                | Stage::Sent { .. }
                | Stage::Confirming { .. }
                | Stage::Confirmed { .. }
                | Stage::Quarantined { .. } => None,
            };
            match self.step(&row, &event, "the process that sent it is gone") {
                Ok(Some(_)) => lost += 1,
                Ok(None) | Err(TurnError::Changed) => {}
                Err(TurnError::Store(error)) => return Err(error),
                Err(TurnError::State(error)) => {
                    self.trouble(&row.key.name, &unreadable(&row.key.name, &error))
                }
            }
        }
        Ok(lost)
    }

    /// Delivers until told to stop, and then lets go of every association: what was under way is tried again.
    pub fn run(&self, news: &News) {
        let office = office::Office::new(self, news);
        std::thread::scope(|scope| office.work(scope));
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // It only saves work: half of a change in it does no harm.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn monotonic(&self) -> Instant {
        self.outside.clock.monotonic()
    }

    /// Tells an operator, each trouble once in a while.
    fn trouble(&self, about: &str, sentence: &str) {
        let now = self.monotonic();
        let mut memory = self.memory();
        if REMEMBERED_MAX < memory.said.len() {
            memory.said.clear();
        }
        let is_new = memory.said.get(about).is_none_or(|at| TROUBLE_PAUSE < now.since(*at));
        if is_new {
            memory.said.insert(about.to_owned(), now);
            drop(memory);
            (self.outside.say)(sentence);
        }
    }
}

fn unreadable(name: &str, error: &dyn std::error::Error) -> String {
    format!("delivery {name}: {error}")
}

#[cfg(test)]
mod tests;
