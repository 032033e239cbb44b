//! Messages into P-DATA-TF PDUs of at most the peer's maximum length (PS3.8 9.3.5, Annex E).
//!
//! A frame is what one write should carry: the command set and the first piece of data go together. Data are not
//! copied: a frame has the headers and says where the data lie.
//!
//! Invariants
//! - Every fragment has an even length, and only that of an empty data set is empty: one or two bytes at the end of
//!   a piece wait for the next one.
//! - No PDU is longer than the peer's maximum length, as long as that has room for two bytes.

use alloc::{vec, vec::Vec};

use crate::{
    machine::effect::{Frame, More},
    pdu::{
        HEADER_BYTES,
        associate::ContextId,
        data::{FragmentKind, FragmentPlace, PDV_HEADER_BYTES, encode_headers},
    },
};

/// The smallest maximum length with room for an even fragment.
pub(super) const MAXIMUM_LENGTH_MIN: u32 = 8;

/// The message that is leaving.
#[derive(Debug)]
pub(super) struct Outbound {
    /// The longest fragment, even.
    fragment_max: usize,
    begun: Option<Begun>,
}

/// A message of which more data set is to come.
#[derive(Debug)]
struct Begun {
    context: ContextId,
    /// The last one or two bytes of the piece before.
    carry: Vec<u8>,
}

/// Why a piece cannot be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutError {
    NothingBegun,
    OddDataSet,
}

impl Outbound {
    /// For a peer that states `peer_max` (0 is no limit), with PDUs of at most `own_max`.
    pub(super) fn new(peer_max: u32, own_max: u32) -> Self {
        let max = if peer_max == 0 { own_max } else { peer_max.min(own_max) };
        let max = usize::try_from(max.max(MAXIMUM_LENGTH_MIN)).unwrap_or(usize::MAX);
        Self { fragment_max: (max - PDV_HEADER_BYTES) & !1, begun: None }
    }

    /// Whether a message is unfinished.
    pub(super) fn is_inside(&self) -> bool {
        self.begun.is_some()
    }

    /// Forgets an unfinished message.
    pub(super) fn forget(&mut self) {
        self.begun = None;
    }

    /// The PDUs of a command set.
    pub(super) fn command(&self, context: ContextId, command: &[u8]) -> Vec<u8> {
        let pdus = command.len().div_ceil(self.fragment_max);
        let mut head = Vec::with_capacity(command.len() + pdus * (HEADER_BYTES + PDV_HEADER_BYTES));
        let mut left = command.len();
        for fragment in command.chunks(self.fragment_max) {
            left -= fragment.len();
            let place = if left == 0 { FragmentPlace::Last } else { FragmentPlace::Middle };
            head.extend(headers(context, FragmentKind::Command, place, fragment.len()));
            head.extend(fragment);
        }
        head
    }

    /// Begins a data set; pieces follow.
    pub(super) fn begin(&mut self, context: ContextId) {
        self.begun = Some(Begun { context, carry: Vec::new() });
    }

    /// Cuts the next bytes of the data set begun; `head` goes in front of them.
    pub(super) fn cut(&mut self, head: Vec<u8>, bytes: &[u8], more: More) -> Result<Vec<Frame>, CutError> {
        let Some(begun) = &self.begun else { return Err(CutError::NothingBegun) };
        let context = begun.context;
        let total = begun.carry.len() + bytes.len();
        let kept = match (more, total % 2) {
            (More::Last, 0) => 0,
            (More::Last, _) => return Err(CutError::OddDataSet),
            (More::Follow, 0) => total.min(2),
            (More::Follow, _) => 1,
        };
        let carry = self.begun.take().map(|begun| begun.carry).unwrap_or_default();
        if more == More::Follow {
            self.begun = Some(Begun { context, carry: tail(&carry, bytes, kept) });
        }
        let sent = total - kept;
        if sent == 0 && more == More::Follow {
            return Ok(if head.is_empty() { Vec::new() } else { plain(head) });
        }
        Ok(self.fragments(context, head, carry, sent, more))
    }

    /// The frames of `sent` bytes, of which `carry` are the first.
    fn fragments(
        &self,
        context: ContextId,
        mut head: Vec<u8>,
        mut carry: Vec<u8>,
        sent: usize,
        more: More,
    ) -> Vec<Frame> {
        let mut frames = Vec::with_capacity(sent.div_ceil(self.fragment_max).max(1));
        let (mut left, mut from) = (sent, 0);
        loop {
            let length = left.min(self.fragment_max);
            left -= length;
            let is_last = left == 0 && more == More::Last;
            let place = if is_last { FragmentPlace::Last } else { FragmentPlace::Middle };
            head.extend(headers(context, FragmentKind::Data, place, length));
            // A fragment has room for two bytes, and no more are carried.
            let to = from + length - carry.len();
            head.append(&mut carry);
            frames.push(Frame { head: core::mem::take(&mut head), body: from..to });
            from = to;
            if left == 0 {
                return frames;
            }
        }
    }
}

/// The last `kept` bytes, at most two, of `carry` and `bytes` together.
fn tail(carry: &[u8], bytes: &[u8], kept: usize) -> Vec<u8> {
    let near_end = bytes.get(bytes.len().saturating_sub(kept)..).unwrap_or_default();
    let mut tail = [carry, near_end].concat();
    tail.drain(..tail.len().saturating_sub(kept));
    tail
}

fn headers(
    context: ContextId,
    kind: FragmentKind,
    place: FragmentPlace,
    length: usize,
) -> [u8; HEADER_BYTES + PDV_HEADER_BYTES] {
    // A fragment is at most a peer's 32-bit maximum length.
    encode_headers(context, kind, place, u32::try_from(length).unwrap_or(u32::MAX))
}

/// Nothing but a head.
pub(super) fn plain(head: Vec<u8>) -> Vec<Frame> {
    vec![Frame { head, body: 0..0 }]
}
