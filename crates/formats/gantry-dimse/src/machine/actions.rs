//! What the actions of PS3.8 Tables 9-6 to 9-9 do, for those that need nothing but the event; the others stand where
//! their PDU or primitive is at hand.

use alloc::vec::Vec;

use gantry_types::instant::Instant;

use super::{
    Association, Life, Role, Turn,
    effect::{Aborted, Effect},
    framing::Framing,
    outbound::plain,
    table::{Action, Evt, State},
};
use crate::pdu::abort::{Abort, AbortReason};

impl Association {
    /// Carries out what the table says for `event`. A-ABORTs that this makes us send have `abort` in them; one that
    /// the peer sent is `abort` itself.
    pub(super) fn step(&mut self, event: Evt, abort: Abort, now: Instant) {
        let Ok(action) = self.action(event) else { return };
        self.coverage.mark(self.state, event);
        self.perform(action, abort, now);
    }

    fn perform(&mut self, action: Action, abort: Abort, now: Instant) {
        match action {
            Action::Aa1 | Action::Aa8 => {
                self.send_abort(abort);
                // Our own user knows that it aborted.
                if abort != Abort::User {
                    self.push(Effect::Aborted(Aborted::ByUs(abort)));
                }
                self.leave_data_transfer();
                self.enter(State::Sta13, now);
            }
            Action::Aa2 | Action::Aa5 | Action::Ar5 => self.close(now),
            Action::Aa3 => {
                self.push(Effect::Aborted(Aborted::ByPeer(abort)));
                self.close(now);
            }
            Action::Aa4 => {
                self.push(Effect::Aborted(Aborted::ConnectionLost));
                self.close(now);
            }
            Action::Aa6 => (),
            Action::Aa7 => self.send_abort(abort),
            Action::Ar2 => {
                self.ask_release();
                self.enter(State::Sta8, now);
            }
            Action::Ar3 => {
                self.push(Effect::Released);
                self.close(now);
            }
            Action::Ar8 => match self.role {
                Role::Requestor => {
                    self.ask_release();
                    self.enter(State::Sta9, now);
                }
                // Indicated with AR-10: the table takes no answer before.
                Role::Acceptor => self.enter(State::Sta10, now),
            },
            Action::Ar10 => {
                self.push(Effect::Released);
                self.ask_release();
                self.enter(State::Sta12, now);
            }
            // These have something in hand and stand with it, in `receive` and `local`.
            Action::Ae1
            | Action::Ae2
            | Action::Ae3
            | Action::Ae4
            | Action::Ae5
            | Action::Ae6
            | Action::Ae7
            | Action::Ae8
            | Action::Dt1
            | Action::Dt2
            | Action::Ar1
            | Action::Ar4
            | Action::Ar6
            | Action::Ar7
            | Action::Ar9 => (),
        }
    }

    fn ask_release(&mut self) {
        self.push(Effect::ReleaseAsked);
        self.turn = Turn::Owner;
    }

    /// Once for each association: AA-7 would answer a stream of rubbish with an A-ABORT for every six bytes.
    fn send_abort(&mut self, abort: Abort) {
        if self.life == Life::Open {
            self.life = Life::Aborted;
            self.push_head(abort.encode());
        }
    }

    pub(super) fn push_head(&mut self, head: Vec<u8>) {
        self.effects.extend(plain(head).into_iter().map(Effect::Send));
    }

    pub(super) fn close(&mut self, now: Instant) {
        self.push(Effect::Close);
        self.leave_data_transfer();
        self.life = Life::Over;
        self.framing = Framing::start();
        self.enter(State::Sta1, now);
    }

    /// Incomplete messages are void.
    pub(super) fn leave_data_transfer(&mut self) {
        self.inbound.reset();
        self.outbound.forget();
    }

    /// A deadline has passed. In Sta2 and Sta13 that is ARTIM; elsewhere the peer is silent, which the table does not
    /// know: it is treated like a peer that breaks the protocol.
    pub(super) fn on_tick(&mut self, now: Instant) {
        if !self.is_due(now) {
            return;
        }
        let silence = Abort::Provider(AbortReason::NotSpecified);
        match self.state {
            State::Sta1 => (),
            State::Sta2 | State::Sta13 => self.step(Evt::Evt18, silence, now),
            State::Sta4 => {
                self.push(Effect::Aborted(Aborted::NoConnection));
                self.close(now);
            }
            State::Sta3
            | State::Sta5
            | State::Sta6
            | State::Sta7
            | State::Sta8
            | State::Sta9
            | State::Sta10
            | State::Sta11
            | State::Sta12 => self.perform(Action::Aa8, silence, now),
        }
    }
}
