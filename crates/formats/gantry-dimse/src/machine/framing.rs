//! Where in the byte stream we stand: in a PDU's header, in its body, between or inside PDVs.
//!
//! Only headers and the bodies of PDUs other than P-DATA-TF are collected; a body grows with what has arrived, not
//! with what its length claims.

use alloc::vec::Vec;

use crate::{
    machine::effect::Ends,
    pdu::{PduType, associate::ContextId, data::FragmentKind},
};

/// The position in the byte stream.
#[derive(Debug)]
pub(super) enum Framing {
    /// In the header of a PDU.
    Header(Six),
    /// In the body of a PDU that is collected whole.
    Body { kind: PduType, length: usize, buffer: Vec<u8> },
    /// In a P-DATA-TF, in the header of a PDV; `left` bytes of the PDU are to come.
    PdvHeader { left: u32, header: Six },
    /// In a P-DATA-TF, in a fragment.
    Fragment { left: u32, fragment: Fragment },
    /// In a body that is of no interest.
    Skip { left: u32 },
}

/// A fragment that is arriving.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment {
    pub(super) context: ContextId,
    pub(super) kind: FragmentKind,
    /// What its end will end.
    pub(super) ends: Ends,
    pub(super) left: u32,
}

impl Framing {
    /// Before a PDU.
    pub(super) fn start() -> Self {
        Self::Header(Six::default())
    }

    /// Over the rest of a body.
    pub(super) fn skip(left: u32) -> Self {
        if left == 0 { Self::start() } else { Self::Skip { left } }
    }
}

/// Six bytes, arriving one by one in the worst case. The headers of PDUs and of PDVs have that size.
#[derive(Debug, Default)]
pub(super) struct Six {
    bytes: [u8; 6],
    filled: usize,
}

impl Six {
    /// Takes what is missing from `bytes`; how many it took.
    pub(super) fn fill(&mut self, bytes: &[u8]) -> usize {
        let room = self.bytes.get_mut(self.filled..).unwrap_or_default();
        let count = room.len().min(bytes.len());
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.filled += count;
        count
    }

    /// The bytes, once all are there.
    pub(super) fn whole(&self) -> Option<[u8; 6]> {
        (self.filled == self.bytes.len()).then_some(self.bytes)
    }
}

/// The first of `bytes`, at most `count`.
pub(super) fn at_most(bytes: &[u8], count: u32) -> &[u8] {
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(..count).unwrap_or(bytes)
}

/// A length that came from a slice no longer than a 32-bit number.
pub(super) fn length_u32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
