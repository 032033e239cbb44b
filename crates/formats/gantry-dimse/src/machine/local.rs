//! What our own side does: primitives of the user, and the transport connection opening and closing.
//!
//! Every check comes before the first change, so that a refused event leaves no trace.

use alloc::{boxed::Box, vec::Vec};

use gantry_types::instant::Instant;

use super::{
    Association, Life, Role,
    effect::{DataSet, Effect, Frame, Message, More, NotTaken},
    outbound::{CutError, Outbound, plain},
    table::{Evt, State},
};
use crate::{
    command::DataSetType,
    negotiation::proposal::{AcceptedContexts, accepted},
    pdu::{
        abort::{Abort, encode_release_rp, encode_release_rq},
        associate::{AssociateAc, AssociateRq},
        reject::AssociateRj,
    },
};

/// What a peer that announced no maximum length can surely take.
const MAXIMUM_LENGTH_UNSAID: u32 = 16_384;

impl Association {
    /// AE-1.
    pub(super) fn on_associate(&mut self, rq: Box<AssociateRq>, now: Instant) -> Result<(), NotTaken> {
        self.begin(Evt::Evt1, Role::Requestor)?;
        // It must be known to be writable before a connection is opened for it.
        rq.encode().map_err(NotTaken::Encode)?;
        self.life = Life::Open;
        self.coverage.mark(self.state, Evt::Evt1);
        self.request = Some(rq);
        self.push(Effect::Connect);
        self.enter(State::Sta4, now);
        Ok(())
    }

    /// AE-2 or AE-5.
    pub(super) fn on_connected(&mut self, now: Instant) -> Result<(), NotTaken> {
        match self.role {
            Role::Requestor => {
                self.action(Evt::Evt2)?;
                let blank = NotTaken::InThisState { state: self.state, event: Evt::Evt2 };
                let rq = self.request.take().ok_or(blank)?;
                let head = rq.encode().map_err(NotTaken::Encode)?;
                self.coverage.mark(self.state, Evt::Evt2);
                self.announced.by_us = rq.user.maximum_length.unwrap_or(0);
                self.proposed = rq.contexts.into_boxed_slice();
                self.push_head(head);
                self.enter(State::Sta5, now);
            }
            Role::Acceptor => {
                self.begin(Evt::Evt5, Role::Acceptor)?;
                self.life = Life::Open;
                self.coverage.mark(self.state, Evt::Evt5);
                self.enter(State::Sta2, now);
            }
        }
        Ok(())
    }

    /// Sta1 is left once, by the event of our role.
    fn begin(&self, event: Evt, role: Role) -> Result<(), NotTaken> {
        self.action(event)?;
        if self.role == role { Ok(()) } else { Err(NotTaken::InThisState { state: self.state, event }) }
    }

    /// AR-5, AA-4 or AA-5.
    pub(super) fn on_closed(&mut self, now: Instant) -> Result<(), NotTaken> {
        self.action(Evt::Evt17)?;
        self.step(Evt::Evt17, Abort::User, now);
        Ok(())
    }

    /// AE-7.
    pub(super) fn on_accept(&mut self, ac: &AssociateAc, now: Instant) -> Result<(), NotTaken> {
        self.action(Evt::Evt7)?;
        let (contexts, deviations) = accepted(&self.proposed, &ac.contexts);
        // These would be our own mistakes.
        if let Some(&deviation) = deviations.first() {
            return Err(NotTaken::Answer(deviation));
        }
        let head = ac.encode().map_err(NotTaken::Encode)?;
        self.coverage.mark(self.state, Evt::Evt7);
        self.announced.by_us = ac.user.maximum_length.unwrap_or(0);
        self.establish(contexts);
        self.push_head(head);
        self.enter(State::Sta6, now);
        Ok(())
    }

    /// What both roles do when an association is established.
    pub(super) fn establish(&mut self, contexts: AcceptedContexts) {
        self.contexts = contexts;
        self.proposed = Box::default();
        let peer_max = self.announced.by_peer.unwrap_or(MAXIMUM_LENGTH_UNSAID);
        self.outbound = Outbound::new(peer_max, self.settings.send_bytes_max);
    }

    /// AE-8.
    pub(super) fn on_reject(&mut self, rj: AssociateRj, now: Instant) -> Result<(), NotTaken> {
        self.action(Evt::Evt8)?;
        self.coverage.mark(self.state, Evt::Evt8);
        self.push_head(rj.encode());
        self.enter(State::Sta13, now);
        Ok(())
    }

    /// DT-1 or AR-7.
    pub(super) fn on_send(&mut self, message: Message<'_>, now: Instant) -> Result<(), NotTaken> {
        self.action(Evt::Evt9)?;
        if self.outbound.is_inside() {
            return Err(NotTaken::Unfinished);
        }
        let Message { context, command, data } = message;
        if !self.contexts.contains_key(&context) {
            return Err(NotTaken::UnknownContext(context));
        }
        let given = match data {
            DataSet::None => DataSetType::Absent,
            DataSet::Whole(_) | DataSet::Begin(_) => DataSetType::Present,
        };
        if command.data_set() != given {
            return Err(NotTaken::DataSetType);
        }
        let (bytes, more) = match data {
            DataSet::None => {
                let head = self.outbound.command(context, &command.encode());
                self.sent(plain(head), now);
                return Ok(());
            }
            DataSet::Whole(bytes) if bytes.len() % 2 == 1 => return Err(NotTaken::OddDataSet),
            DataSet::Whole(bytes) => (bytes, More::Last),
            DataSet::Begin(bytes) => (bytes, More::Follow),
        };
        let head = self.outbound.command(context, &command.encode());
        self.outbound.begin(context);
        let frames = self.outbound.cut(head, bytes, more).map_err(NotTaken::from)?;
        self.sent(frames, now);
        Ok(())
    }

    /// DT-1 or AR-7.
    pub(super) fn on_send_more(&mut self, bytes: &[u8], more: More, now: Instant) -> Result<(), NotTaken> {
        self.action(Evt::Evt9)?;
        let frames = self.outbound.cut(Vec::new(), bytes, more).map_err(NotTaken::from)?;
        self.sent(frames, now);
        Ok(())
    }

    fn sent(&mut self, frames: Vec<Frame>, now: Instant) {
        self.coverage.mark(self.state, Evt::Evt9);
        self.effects.extend(frames.into_iter().map(Effect::Send));
        self.touch(now);
    }

    /// AR-1.
    pub(super) fn on_release_request(&mut self, now: Instant) -> Result<(), NotTaken> {
        self.action(Evt::Evt11)?;
        if self.outbound.is_inside() {
            return Err(NotTaken::Unfinished);
        }
        self.coverage.mark(self.state, Evt::Evt11);
        self.push_head(encode_release_rq());
        self.enter(State::Sta7, now);
        Ok(())
    }

    /// AR-4 or AR-9.
    pub(super) fn on_release_response(&mut self, now: Instant) -> Result<(), NotTaken> {
        self.action(Evt::Evt14)?;
        if self.outbound.is_inside() {
            return Err(NotTaken::Unfinished);
        }
        self.coverage.mark(self.state, Evt::Evt14);
        self.push_head(encode_release_rp());
        // AR-9 waits for the answer to our own request; AR-4 for the peer to close.
        let next = if self.state == State::Sta9 { State::Sta11 } else { State::Sta13 };
        self.enter(next, now);
        Ok(())
    }

    /// AA-1 or AA-2.
    pub(super) fn on_abort(&mut self, now: Instant) -> Result<(), NotTaken> {
        self.action(Evt::Evt15)?;
        self.step(Evt::Evt15, Abort::User, now);
        Ok(())
    }
}

impl From<CutError> for NotTaken {
    fn from(error: CutError) -> Self {
        match error {
            CutError::NothingBegun => Self::NothingBegun,
            CutError::OddDataSet => Self::OddDataSet,
        }
    }
}
