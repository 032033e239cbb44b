//! A door: accepts connections and gives each its thread.
//!
//! The accepting thread does nothing else: no negotiation, no disk. A connection that stays silent costs a thread with
//! a small stack until its time is over, or until it makes room for another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use gantry_dicom::part10;
use gantry_dimse::machine::{Association, effect::Event};
use gantry_ports::{
    pulse::Pulse,
    transport::{Connection, Listener},
};

use crate::{
    Outside, admission::Admission, association::Service, conversation::Conversation, keeper::KeeperHandle,
    settings::DoorSettings,
};

/// How often an accepting thread looks whether it should stop.
const LOOK: Duration = Duration::from_millis(100);

/// Enough for the deepest call of an association; 500 silent connections then cost little.
const STACK_BYTES: usize = 512 << 10;

/// A door that is open until it is closed.
pub struct Door {
    accepting: JoinHandle<()>,
    pulse: Pulse,
    is_closing: Arc<AtomicBool>,
    admission: Admission,
    stop: Duration,
}

impl Door {
    /// Opens a door on a listener.
    ///
    /// # Errors
    /// As the operating system says when it has no thread to give.
    pub fn open(
        listener: Box<dyn Listener>,
        settings: DoorSettings,
        outside: Outside,
        keeper: KeeperHandle,
    ) -> std::io::Result<Self> {
        let stop = settings.limits.stop;
        let admission = Admission::new(settings.limits);
        let is_closing = Arc::new(AtomicBool::new(false));
        let head = Arc::new(part10::Implementation {
            class_uid: settings.implementation.class.clone(),
            version_name: settings.implementation.version.to_string(),
        });
        let porter =
            Porter { settings: Arc::new(settings), outside, keeper, admission: admission.clone(), head };
        let closing = Arc::clone(&is_closing);
        let (beating, pulse) = Pulse::start("door");
        let accepting = std::thread::Builder::new().name("door".to_owned()).spawn(move || {
            let _beating = beating;
            porter.accept_until(listener, &closing);
        })?;
        Ok(Self { accepting, pulse, is_closing, admission, stop })
    }

    /// Whether it still lets anybody in.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Closes the door: no new connections, associations get a moment to finish, then all ends. The rest is for the
    /// keeper, which makes durable what it was given.
    pub fn close(self) {
        self.is_closing.store(true, Ordering::Relaxed);
        // A porter that panicked accepts nothing any more, which is what is wanted.
        let _finished = self.accepting.join();
        let step = Duration::from_millis(10);
        let mut waited = Duration::ZERO;
        while 0 < self.admission.stop() && waited < self.stop {
            std::thread::sleep(step);
            waited += step;
        }
        self.admission.close_all();
    }
}

struct Porter {
    settings: Arc<DoorSettings>,
    outside: Outside,
    keeper: KeeperHandle,
    admission: Admission,
    head: Arc<part10::Implementation>,
}

impl Porter {
    fn accept_until(self, mut listener: Box<dyn Listener>, is_closing: &AtomicBool) {
        while !is_closing.load(Ordering::Relaxed) {
            match listener.accept(LOOK) {
                Ok(Some(connection)) => self.serve(connection),
                Ok(None) => {}
                // Out of file descriptors, most likely: those in use will come back.
                Err(_) => std::thread::sleep(LOOK),
            }
        }
    }

    fn serve(&self, connection: Box<dyn Connection>) {
        let peer = connection.peer();
        let place = self.admission.connected(connection.closer());
        let service = Service {
            settings: Arc::clone(&self.settings),
            outside: self.outside.clone(),
            keeper: self.keeper.clone(),
            place,
            peer,
            head: Arc::clone(&self.head),
        };
        let association = Association::acceptor(self.settings.association.clone());
        let mut conversation = Conversation::new(connection, association, Arc::clone(&self.outside.clock));
        // Without a thread the connection is dropped, and so closed: the peer tries again.
        let _no_thread = std::thread::Builder::new()
            .name("association".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                // A fresh machine always takes this.
                let _connected = conversation.tell(Event::Connected);
                service.serve(conversation);
            });
    }
}
