//! The association state machine (PS3.8 9.2), in both roles, as a pure machine.
//!
//! The owner of a connection feeds it [`Event`]s and received bytes, carries out the [`Effect`]s until there are
//! none, and reports [`Event::Tick`] when [`Association::next_wakeup`] has come. Ranges in effects point into the
//! slice of the call that made them, so effects are drained before that slice is let go.
//!
//! ```
//! use gantry_dimse::machine::{Association, effect::{Effect, Event}};
//! use gantry_types::instant::Instant;
//!
//! /// One read of an acceptor that rejects everybody: what to write.
//! fn on_read(association: &mut Association, mut bytes: &[u8], now: Instant) -> Vec<u8> {
//!     use gantry_dimse::pdu::reject::{AssociateRj, RejectReason};
//!     let mut written = Vec::new();
//!     while !bytes.is_empty() {
//!         let taken = association.receive(bytes, now);
//!         while let Some(effect) = association.poll_effect() {
//!             match effect {
//!                 Effect::Ask(_) => {
//!                     let rj = AssociateRj::transient(RejectReason::LocalLimitExceeded);
//!                     association.handle(Event::Reject(rj), now).expect("it was asked");
//!                 }
//!                 Effect::Send(frame) => written.extend(frame.head),
//!                 _ => (),
//!             }
//!         }
//!         bytes = &bytes[taken..];
//!     }
//!     written
//! }
//!
//! let now = Instant(0);
//! let mut association = Association::acceptor(Default::default());
//! association.handle(Event::Connected, now).unwrap();
//! assert_eq!(on_read(&mut association, b"GET / HTTP/1.1", now), [7, 0, 0, 0, 0, 4, 0, 0, 2, 1]);
//! ```
//!
//! Invariants
//! - [`Effect::Close`] is emitted exactly once for each opened association, and nothing after it.
//! - A machine that is open has a wakeup: nothing waits for ever.
//! - The effects do not depend on how the peer's bytes are split into reads, if the owner answers at once.
//!
//! Where Table 9-10 leaves a choice: a PDU that AA-1 answers in Sta2 is answered as the service provider, so that
//! the reason is not lost; a peer gets one A-ABORT, even if AA-7 would send more; silence is answered with A-ABORT
//! 2/0 in every state that has no timer of its own.

pub mod effect;
pub mod table;

mod actions;
mod framing;
mod inbound;
mod local;
mod outbound;
mod receive;

use alloc::{boxed::Box, collections::VecDeque};
use core::time::Duration;

use gantry_types::instant::Instant;

use crate::{
    machine::{
        effect::{Effect, Event, NotTaken},
        framing::Framing,
        inbound::Inbound,
        outbound::Outbound,
        table::{Coverage, Evt, State},
    },
    negotiation::proposal::{AcceptedContext, AcceptedContexts},
    pdu::associate::{AssociateRq, ContextId, ProposedContext},
};

pub use inbound::COMMAND_BYTES_MAX;

/// Limits and times of an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// ARTIM: how long a peer may take to ask for an association, or to close the connection at the end.
    pub artim: Duration,
    /// How long a peer may take to answer a request for association or release.
    pub reply: Duration,
    /// How long an association may lie still. Scanners keep one open during an acquisition.
    pub idle: Duration,
    /// The longest P-DATA-TF that is borne, whatever we announced; above it: A-ABORT 2/6.
    pub receive_bytes_max: u32,
    /// The longest P-DATA-TF that we send, even to a peer without limit.
    pub send_bytes_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            artim: Duration::from_secs(30),
            reply: Duration::from_secs(30),
            idle: Duration::from_secs(600),
            receive_bytes_max: 4 << 20,
            send_bytes_max: 128 << 10,
        }
    }
}

/// Which end of the association we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We ask.
    Requestor,
    /// We are asked.
    Acceptor,
}

/// One association, from before it is opened until it is closed.
#[derive(Debug)]
pub struct Association {
    role: Role,
    settings: Settings,
    state: State,
    life: Life,
    /// When the present state becomes too old.
    deadline: Option<Instant>,
    effects: VecDeque<Effect>,
    framing: Framing,
    turn: Turn,
    inbound: Inbound,
    outbound: Outbound,
    /// The requestor's request until it is sent.
    request: Option<Box<AssociateRq>>,
    /// What was proposed, until it is answered.
    proposed: Box<[ProposedContext]>,
    contexts: AcceptedContexts,
    /// What each side told the other that it wants to receive.
    announced: Announced,
    coverage: Coverage,
}

/// Sta1 is the beginning and the end; this tells them apart, and whether an A-ABORT was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Fresh,
    Open,
    Aborted,
    Over,
}

/// Who acts next, as far as the bytes read up to now say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The peer: read on.
    Peer,
    /// The owner: it was asked something, or has a whole message to answer.
    Owner,
}

/// Maximum lengths, 0 for no limit.
#[derive(Debug, Clone, Copy, Default)]
struct Announced {
    by_us: u32,
    by_peer: Option<u32>,
}

impl Association {
    /// An association that we shall ask for: [`Event::Associate`] comes first.
    #[must_use]
    pub fn requestor(settings: Settings) -> Self {
        Self::new(Role::Requestor, settings)
    }

    /// An association that a peer shall ask for: [`Event::Connected`] comes first.
    #[must_use]
    pub fn acceptor(settings: Settings) -> Self {
        Self::new(Role::Acceptor, settings)
    }

    fn new(role: Role, settings: Settings) -> Self {
        let outbound = Outbound::new(0, settings.send_bytes_max);
        Self {
            role,
            settings,
            state: State::Sta1,
            life: Life::Fresh,
            deadline: None,
            effects: VecDeque::new(),
            framing: Framing::start(),
            turn: Turn::Peer,
            inbound: Inbound::default(),
            outbound,
            request: None,
            proposed: Box::default(),
            contexts: AcceptedContexts::new(),
            announced: Announced::default(),
            coverage: Coverage::default(),
        }
    }

    /// Takes an event that happened at `now`.
    ///
    /// # Errors
    /// [`NotTaken`]; then nothing has changed. After [`Event::Closed`] and [`Event::Tick`] it may be ignored.
    pub fn handle(&mut self, event: Event<'_>, now: Instant) -> Result<(), NotTaken> {
        match event {
            Event::Associate(rq) => self.on_associate(rq, now),
            Event::Connected => self.on_connected(now),
            Event::Closed => self.on_closed(now),
            Event::Tick => {
                self.on_tick(now);
                Ok(())
            }
            Event::Accept(ac) => self.on_accept(&ac, now),
            Event::Reject(rj) => self.on_reject(rj, now),
            Event::Send(message) => self.on_send(message, now),
            Event::SendMore { bytes, more } => self.on_send_more(bytes, more, now),
            Event::ReleaseRequest => self.on_release_request(now),
            Event::ReleaseResponse => self.on_release_response(now),
            Event::Abort => self.on_abort(now),
        }
    }

    /// The next thing to do or to know, in order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Event::Tick`] is due, unless something else happens before.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.deadline
    }

    /// The present state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Which end of the association this is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The presentation contexts on which messages may flow.
    #[must_use]
    pub fn contexts(&self) -> &AcceptedContexts {
        &self.contexts
    }

    /// One of them.
    #[must_use]
    pub fn context(&self, id: ContextId) -> Option<&AcceptedContext> {
        self.contexts.get(&id)
    }

    /// The cells of Table 9-10 that this association has passed.
    #[must_use]
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    fn push(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    /// Goes to `state`, whose time begins now.
    fn enter(&mut self, state: State, now: Instant) {
        self.state = state;
        let limit = match state {
            State::Sta1 => None,
            State::Sta2 | State::Sta13 => Some(self.settings.artim),
            State::Sta4 | State::Sta5 | State::Sta7 | State::Sta10 | State::Sta11 => {
                Some(self.settings.reply)
            }
            State::Sta3 | State::Sta6 | State::Sta8 | State::Sta9 | State::Sta12 => Some(self.settings.idle),
        };
        self.deadline = limit.map(|limit| now.after(limit));
    }

    /// Something moves: an association that is limited only by idleness lives on.
    fn touch(&mut self, now: Instant) {
        match self.state {
            State::Sta3 | State::Sta6 | State::Sta8 | State::Sta9 | State::Sta12 => {
                self.deadline = Some(now.after(self.settings.idle));
            }
            State::Sta1
            | State::Sta2
            | State::Sta4
            | State::Sta5
            | State::Sta7
            | State::Sta10
            | State::Sta11
            | State::Sta13 => (),
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// What the table says for `event` now; an error where it says nothing.
    fn action(&self, event: Evt) -> Result<table::Action, NotTaken> {
        let blank = NotTaken::InThisState { state: self.state, event };
        if self.life == Life::Over {
            return Err(blank);
        }
        table::cell(self.state, event).ok_or(blank)
    }
}

#[cfg(test)]
mod tests;
