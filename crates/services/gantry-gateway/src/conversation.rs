//! One association over one connection: the loop that reads, feeds the machine, writes, and keeps its deadlines.
//!
//! It decides nothing; [`Conversation::next`] tells the caller what happened. Data set bytes stay in the read buffer and
//! are handed out as ranges of it.

use std::{collections::VecDeque, io, ops::Range, sync::Arc, time::Duration};

use gantry_dimse::{
    command::Command,
    deviation::Deviation,
    machine::{
        Association,
        effect::{Aborted, DataSet, Effect, Ends, Event, Message, NotTaken},
    },
    pdu::{
        associate::{AssociateRq, ContextId},
        reject::AssociateRj,
    },
};
use gantry_ports::{clock::Clock, transport::Connection};

/// Bytes read at once: a large PDU of common senders.
const READ_BYTES: usize = 256 << 10;

/// Deviations remembered for one object or association; more say nothing new.
const DEVIATIONS_MAX: usize = 16;

/// Something the caller has to know.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A peer asks for an association.
    Asked(Box<AssociateRq>),
    /// Our request was accepted.
    Associated,
    /// Our request was rejected.
    Rejected(AssociateRj),
    /// A command came.
    Command { context: ContextId, command: Box<Command> },
    /// Bytes of a data set came: [`Conversation::bytes`] has them until the next call.
    Data { range: Range<usize>, is_last: bool },
    /// The peer wants to end.
    ReleaseAsked,
    /// The end, and how it came.
    Ended(End),
}

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By release, asked by either side.
    Released,
    /// By abort or loss of the connection.
    Aborted(Aborted),
    /// Without ever having been an association.
    Refused,
}

pub(crate) struct Conversation {
    connection: Box<dyn Connection>,
    association: Association,
    clock: Arc<dyn Clock>,
    buffer: Vec<u8>,
    /// What was read and not yet taken by the machine.
    unread: Range<usize>,
    /// Where in the buffer the slice of the last `receive` began: its effects count from there.
    base: usize,
    deviations: Vec<Deviation>,
    /// What happened while something was being told.
    pending: VecDeque<Happening>,
    outcome: Option<End>,
    is_closed: bool,
}

impl Conversation {
    pub(crate) fn new(
        connection: Box<dyn Connection>,
        association: Association,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            connection,
            association,
            clock,
            buffer: vec![0; READ_BYTES],
            unread: 0..0,
            base: 0,
            deviations: Vec::new(),
            pending: VecDeque::new(),
            outcome: None,
            is_closed: false,
        }
    }

    pub(crate) fn association(&self) -> &Association {
        &self.association
    }

    /// The bytes of a [`Happening::Data`].
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }

    /// What was odd since the last call of this.
    pub(crate) fn take_deviations(&mut self) -> Vec<Deviation> {
        std::mem::take(&mut self.deviations)
    }

    /// Tells the machine something. That it has no meaning any more is usual when the peer has aborted meanwhile: the
    /// end then comes by [`Conversation::next`].
    pub(crate) fn tell(&mut self, event: Event<'_>) -> Result<(), NotTaken> {
        let now = self.clock.monotonic();
        let data =
            if let Event::Send(Message { data: DataSet::Whole(bytes) | DataSet::Begin(bytes), .. })
            | Event::SendMore { bytes, .. } = &event
            {
                *bytes
            } else {
                &[]
            };
        self.association.handle(event, now)?;
        self.send_frames(data);
        Ok(())
    }

    /// Writes the frames of what was told; those of a message point into `data`.
    fn send_frames(&mut self, data: &[u8]) {
        while let Some(effect) = self.association.poll_effect() {
            let happening = self.on_effect(effect, data);
            self.pending.extend(happening);
        }
    }

    fn closed(&mut self) {
        let now = self.clock.monotonic();
        // Blank in Sta1 only, where there is nothing to close.
        let _blank = self.association.handle(Event::Closed, now);
    }

    /// The next thing that happened. After [`Happening::Ended`] there is nothing more.
    pub(crate) fn next(&mut self) -> Happening {
        loop {
            if let Some(happening) = self.pending.pop_front() {
                return happening;
            }
            if let Some(effect) = self.association.poll_effect() {
                let happening = self.on_effect(effect, &[]);
                self.pending.extend(happening);
                continue;
            }
            if self.is_closed {
                return Happening::Ended(self.outcome.unwrap_or(End::Refused));
            }
            let now = self.clock.monotonic();
            if self.unread.is_empty() {
                self.read();
            } else {
                let unread = self.buffer.get(self.unread.clone()).unwrap_or_default();
                self.base = self.unread.start;
                self.unread.start += self.association.receive(unread, now);
            }
        }
    }

    /// Carries an effect out, or turns it into what the caller has to know.
    fn on_effect(&mut self, effect: Effect, data: &[u8]) -> Option<Happening> {
        match effect {
            Effect::Connect => None, // whoever made the conversation has connected before
            Effect::Send(frame) => {
                let body = data.get(frame.body).unwrap_or_default();
                if self.connection.write(&[&frame.head, body]).is_err() {
                    self.closed();
                }
                None
            }
            Effect::Deviation(deviation) => {
                if self.deviations.len() < DEVIATIONS_MAX && !self.deviations.contains(&deviation) {
                    self.deviations.push(deviation);
                }
                None
            }
            Effect::Ask(rq) => Some(Happening::Asked(rq)),
            Effect::Associated(_) => Some(Happening::Associated),
            Effect::Rejected(rj) => Some(Happening::Rejected(rj)),
            Effect::Command { context, command } => Some(Happening::Command { context, command }),
            Effect::Data { range, ends, .. } => {
                let range = self.base + range.start..self.base + range.end;
                Some(Happening::Data { range, is_last: ends == Ends::DataSet })
            }
            Effect::ReleaseAsked => {
                self.outcome.get_or_insert(End::Released);
                Some(Happening::ReleaseAsked)
            }
            Effect::Released => {
                self.outcome.get_or_insert(End::Released);
                None
            }
            Effect::Aborted(aborted) => {
                self.outcome.get_or_insert(End::Aborted(aborted));
                None
            }
            Effect::Close => {
                self.connection.closer().close();
                self.is_closed = true;
                None
            }
        }
    }

    /// Waits for bytes until the machine's next wakeup.
    fn read(&mut self) {
        let now = self.clock.monotonic();
        let wait = self.association.next_wakeup().map_or(Duration::from_secs(1), |at| at.since(now));
        if wait.is_zero() {
            // Too early does no harm, and too late cannot be.
            let _blank = self.association.handle(Event::Tick, now);
            return;
        }
        match self.connection.read(&mut self.buffer, wait) {
            Ok(0) => self.closed(),
            Ok(count) => self.unread = 0..count,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) => {}
            Err(_) => self.closed(),
        }
    }
}
