//! What the peer sends: bytes into PDUs, PDUs into steps of the table, fragments into messages.
//!
//! A PDU that the present state has no use for is dealt with at its header and its body is passed over, so nothing
//! is collected for nothing. A P-DATA-TF, too, is dealt with at its header; its bytes flow by.

use alloc::{boxed::Box, vec::Vec};

use gantry_types::instant::Instant;

use super::{
    Association, Turn,
    effect::{Effect, Ends},
    framing::{Fragment, Framing, Six, at_most, length_u32},
    inbound::BrokenMessage,
    outbound::MAXIMUM_LENGTH_MIN,
    table::{Action, Evt, State},
};
use crate::{
    command::{Command, DataSetType},
    deviation::Deviation,
    negotiation::proposal::accepted,
    pdu::{
        ASSOCIATE_BYTES_MAX, PduType,
        abort::{Abort, AbortReason},
        associate::{AssociateAc, AssociateRq, ContextId},
        data::{FragmentKind, FragmentPlace, PDV_HEADER_BYTES, PdvHeader},
        reject::AssociateRj,
    },
};

/// As many effects wait at most before the rest of a read is left for the next call; a read full of one-byte
/// fragments would else grow into a hundred times its size.
const EFFECTS_MAX: usize = 64;

/// The longest PDU of those that should have four bytes.
const SHORT_PDU_BYTES_MAX: u32 = 1024;

const UNEXPECTED: Abort = Abort::Provider(AbortReason::UnexpectedPdu);
const INVALID: Abort = Abort::Provider(AbortReason::InvalidParameterValue);

impl Association {
    /// Takes bytes that the peer sent; returns how many. Drain the effects, answer what they ask, then offer the rest.
    ///
    /// The rest is left when it is the owner's turn: at a question and at the end of a message, so that a peer that
    /// does not wait for the answer is served as if it had. It is also left when many effects wait. At least one byte
    /// is taken.
    #[must_use = "the bytes that are not taken must be offered again"]
    pub fn receive(&mut self, bytes: &[u8], now: Instant) -> usize {
        // A peer that trickles bytes must not keep the owner from noticing that its time is over.
        if matches!(self.state, State::Sta2 | State::Sta13) {
            self.on_tick(now);
        }
        self.turn = Turn::Peer;
        let mut at = 0;
        while at < bytes.len() {
            if matches!(self.state, State::Sta1 | State::Sta4) {
                return bytes.len();
            }
            at = self.advance(bytes, at, now);
            if self.turn == Turn::Owner || EFFECTS_MAX <= self.effects.len() {
                break;
            }
        }
        if 0 < at {
            self.touch(now);
        }
        at
    }

    /// One step through `bytes` from `at`; the new position.
    fn advance(&mut self, bytes: &[u8], at: usize, now: Instant) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        match &mut self.framing {
            Framing::Header(header) => {
                let taken = header.fill(rest);
                if let Some(header) = header.whole() {
                    self.on_header(header, now);
                }
                at + taken
            }
            Framing::Body { kind, length, buffer } => {
                let missing = length.saturating_sub(buffer.len());
                let part = rest.get(..missing).unwrap_or(rest);
                buffer.extend(part);
                if part.len() == missing {
                    let (kind, body) = (*kind, core::mem::take(buffer));
                    self.framing = Framing::start();
                    self.on_body(kind, &body, now);
                }
                at + part.len()
            }
            Framing::Skip { left } => {
                let part = at_most(rest, *left);
                self.framing = Framing::skip(*left - length_u32(part));
                at + part.len()
            }
            Framing::PdvHeader { left, .. } | Framing::Fragment { left, .. }
                if !matches!(self.state, State::Sta6 | State::Sta7) =>
            {
                // We aborted in the middle of it.
                self.framing = Framing::skip(*left);
                at
            }
            Framing::PdvHeader { left, header } => {
                let taken = header.fill(rest);
                *left -= length_u32(rest.get(..taken).unwrap_or_default());
                if let Some(header) = header.whole() {
                    let left = *left;
                    self.on_pdv(PdvHeader::decode(header), left, at + taken, now);
                }
                at + taken
            }
            Framing::Fragment { left, fragment } => {
                let part = at_most(rest, fragment.left);
                *left -= length_u32(part);
                fragment.left -= length_u32(part);
                let (left, fragment) = (*left, *fragment);
                self.on_fragment_bytes(fragment, part, at, left, now);
                at + part.len()
            }
        }
    }

    fn on_header(&mut self, [code, _, l0, l1, l2, l3]: [u8; 6], now: Instant) {
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        self.framing = Framing::skip(length);
        let Some(kind) = PduType::from_code(code) else {
            return self.step(Evt::Evt19, Abort::Provider(AbortReason::UnrecognizedPdu), now);
        };
        let Ok(action) = self.action(kind.event()) else { return };
        let (wanted, max) = match kind {
            PduType::AssociateRq | PduType::AssociateAc => {
                (matches!(action, Action::Ae3 | Action::Ae6), ASSOCIATE_BYTES_MAX)
            }
            PduType::AssociateRj => (action == Action::Ae4, SHORT_PDU_BYTES_MAX),
            PduType::PData => (matches!(action, Action::Dt2 | Action::Ar6), self.settings.receive_bytes_max),
            PduType::ReleaseRq | PduType::ReleaseRp | PduType::Abort => (true, SHORT_PDU_BYTES_MAX),
        };
        if !wanted {
            self.step(kind.event(), UNEXPECTED, now);
        } else if max < length {
            self.step(Evt::Evt19, INVALID, now);
        } else if kind == PduType::PData {
            self.on_p_data(length, now);
        } else if length == 0 {
            self.on_body(kind, &[], now);
        } else {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            self.framing = Framing::Body { kind, length, buffer: Vec::new() };
        }
    }

    /// A PDU other than P-DATA-TF is complete.
    fn on_body(&mut self, kind: PduType, body: &[u8], now: Instant) {
        // The state may have changed since the header.
        let Ok(action) = self.action(kind.event()) else { return };
        match kind {
            PduType::AssociateRq if action == Action::Ae6 => self.on_associate_rq(body, now),
            PduType::AssociateAc if action == Action::Ae3 => self.on_associate_ac(body, now),
            PduType::AssociateRj if action == Action::Ae4 => self.on_associate_rj(body, now),
            PduType::Abort => match Abort::decode(body) {
                Ok(abort) => {
                    self.check_length(kind, body);
                    self.step(Evt::Evt16, abort, now);
                }
                Err(_) => self.step(Evt::Evt19, INVALID, now),
            },
            PduType::ReleaseRq | PduType::ReleaseRp => {
                self.check_length(kind, body);
                if kind == PduType::ReleaseRq && self.inbound.is_inside() {
                    self.push(Effect::Deviation(Deviation::ReleaseInsideMessage));
                    self.inbound.reset();
                }
                self.step(kind.event(), UNEXPECTED, now);
            }
            PduType::AssociateRq | PduType::AssociateAc | PduType::AssociateRj | PduType::PData => {
                self.step(kind.event(), UNEXPECTED, now);
            }
        }
    }

    fn check_length(&mut self, kind: PduType, body: &[u8]) {
        if body.len() != 4 && self.state != State::Sta13 {
            self.push(Effect::Deviation(Deviation::PduLength(kind.code())));
        }
    }

    /// AE-6.
    fn on_associate_rq(&mut self, body: &[u8], now: Instant) {
        let Ok((rq, deviations)) = AssociateRq::decode(body) else {
            return self.step(Evt::Evt19, INVALID, now);
        };
        self.coverage.mark(self.state, Evt::Evt6);
        self.effects.extend(deviations.into_iter().map(Effect::Deviation));
        self.hear_maximum_length(rq.user.maximum_length);
        self.proposed = rq.contexts.clone().into_boxed_slice();
        self.push(Effect::Ask(Box::new(rq)));
        self.turn = Turn::Owner;
        self.enter(State::Sta3, now);
    }

    /// AE-3.
    fn on_associate_ac(&mut self, body: &[u8], now: Instant) {
        let Ok((ac, deviations)) = AssociateAc::decode(body) else {
            return self.step(Evt::Evt19, INVALID, now);
        };
        self.coverage.mark(self.state, Evt::Evt3);
        let (contexts, more) = accepted(&self.proposed, &ac.contexts);
        self.effects.extend(deviations.into_iter().chain(more).map(Effect::Deviation));
        self.hear_maximum_length(ac.user.maximum_length);
        self.establish(contexts);
        self.push(Effect::Associated(Box::new(ac)));
        self.enter(State::Sta6, now);
    }

    /// AE-4.
    fn on_associate_rj(&mut self, body: &[u8], now: Instant) {
        let Ok(rj) = AssociateRj::decode(body) else {
            return self.step(Evt::Evt19, INVALID, now);
        };
        self.check_length(PduType::AssociateRj, body);
        self.coverage.mark(self.state, Evt::Evt4);
        self.push(Effect::Rejected(rj));
        self.close(now);
    }

    fn hear_maximum_length(&mut self, length: Option<u32>) {
        self.announced.by_peer = length;
        if let Some(length @ 1..MAXIMUM_LENGTH_MIN) = length {
            self.push(Effect::Deviation(Deviation::UnusableMaximumLength(length)));
        }
    }

    /// DT-2 or AR-6.
    fn on_p_data(&mut self, length: u32, now: Instant) {
        self.coverage.mark(self.state, Evt::Evt10);
        if self.announced.by_us != 0 && self.announced.by_us < length {
            self.tell(Deviation::OverMaximumLength);
        }
        if length == 0 {
            self.tell(Deviation::NoPdv);
        }
        self.next_pdv(length, now);
    }

    /// Before a PDV, or at the end of the P-DATA-TF.
    fn next_pdv(&mut self, left: u32, now: Instant) {
        self.framing =
            if left == 0 { Framing::start() } else { Framing::PdvHeader { left, header: Six::default() } };
        if (1..PDV_HEADER_BYTES as u32).contains(&left) {
            self.invalid_pdv(left, now);
        }
    }

    /// The header of a PDV is complete; `left` bytes of its PDU follow, the first of them at `at`.
    fn on_pdv(&mut self, pdv: PdvHeader, left: u32, at: usize, now: Instant) {
        let Some(length) = pdv.fragment_length().filter(|&length| length <= left) else {
            return self.invalid_pdv(left, now);
        };
        if !self.contexts.contains_key(&pdv.context) || self.inbound.begin(pdv.context, pdv.kind()).is_err() {
            return self.invalid_pdv(left, now);
        }
        if !pdv.is_regular() {
            self.tell(Deviation::ControlHeaderBits);
        }
        if length == 0 {
            self.tell(Deviation::EmptyFragment);
        }
        if length % 2 == 1 {
            self.tell(Deviation::OddFragment);
        }
        let ends = match pdv.place() {
            FragmentPlace::Middle => Ends::Fragment,
            FragmentPlace::Last => Ends::DataSet,
        };
        let fragment = Fragment { context: pdv.context, kind: pdv.kind(), ends, left: length };
        self.framing = Framing::Fragment { left, fragment };
        if length == 0 {
            self.on_fragment_bytes(fragment, &[], at, left, now);
        }
    }

    /// The bytes `part`, at `at`, belong to `fragment`, whose rest and the PDU's `left` follow.
    fn on_fragment_bytes(&mut self, fragment: Fragment, part: &[u8], at: usize, left: u32, now: Instant) {
        let is_end = fragment.left == 0;
        let ends = if is_end { fragment.ends } else { Ends::Nothing };
        let taken = match fragment.kind {
            FragmentKind::Command => self.on_command_bytes(fragment.context, part, ends),
            FragmentKind::Data => {
                self.on_data_bytes(fragment.context, part, at, ends);
                Ok(())
            }
        };
        match taken {
            Ok(()) if is_end => self.next_pdv(left, now),
            Ok(()) => (),
            Err(BrokenMessage) => self.invalid_pdv(left, now),
        }
    }

    fn on_command_bytes(&mut self, context: ContextId, part: &[u8], ends: Ends) -> Result<(), BrokenMessage> {
        self.inbound.collect(part)?;
        match ends {
            Ends::Nothing | Ends::Fragment => (),
            Ends::DataSet => {
                let (command, deviations) = self.inbound.end_command()?;
                for deviation in deviations {
                    self.tell(deviation);
                }
                self.check_sop_class(context, &command);
                if command.data_set() == DataSetType::Absent {
                    self.turn = Turn::Owner;
                }
                self.push(Effect::Command { context, command: Box::new(command) });
            }
        }
        Ok(())
    }

    fn on_data_bytes(&mut self, context: ContextId, part: &[u8], at: usize, ends: Ends) {
        // An empty fragment in the middle says nothing; an empty last one ends the data set.
        if !part.is_empty() || ends == Ends::DataSet {
            self.push(Effect::Data { context, range: at..at + part.len(), ends });
        }
        if ends == Ends::DataSet {
            self.inbound.end_data();
            self.turn = Turn::Owner;
        }
    }

    fn check_sop_class(&mut self, context: ContextId, command: &Command) {
        let negotiated = self.contexts.get(&context).map(|context| &context.abstract_syntax);
        if let (Some(said), Some(negotiated)) = (command.sop_class(), negotiated)
            && said != negotiated
        {
            self.tell(Deviation::SopClassMismatch);
        }
    }

    fn invalid_pdv(&mut self, left: u32, now: Instant) {
        self.framing = Framing::skip(left);
        self.step(Evt::Evt19, INVALID, now);
    }

    /// Tells a deviation of the message that is arriving, unless that was told.
    fn tell(&mut self, deviation: Deviation) {
        if self.inbound.note(deviation) {
            self.push(Effect::Deviation(deviation));
        }
    }
}

impl PduType {
    /// The event that receiving such a PDU is.
    fn event(self) -> Evt {
        match self {
            Self::AssociateRq => Evt::Evt6,
            Self::AssociateAc => Evt::Evt3,
            Self::AssociateRj => Evt::Evt4,
            Self::PData => Evt::Evt10,
            Self::ReleaseRq => Evt::Evt12,
            Self::ReleaseRp => Evt::Evt13,
            Self::Abort => Evt::Evt16,
        }
    }
}
