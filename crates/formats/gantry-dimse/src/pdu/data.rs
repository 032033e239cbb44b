//! The headers inside a P-DATA-TF (PS3.8 9.3.5): each presentation data value (PDV) has a length, a presentation
//! context identifier and a message control header (Annex E).
//!
//! The values themselves are not here: they pass by without being copied.

use crate::pdu::{HEADER_BYTES, PduType, associate::ContextId};

/// The bytes in front of a fragment: item length, context identifier, control header.
pub const PDV_HEADER_BYTES: usize = 6;

/// What a fragment is a part of (bit 0 of the control header).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FragmentKind {
    /// A command set.
    Command,
    /// A data set.
    Data,
}

/// Where a fragment stands in its command or data set (bit 1 of the control header).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FragmentPlace {
    /// More follow.
    Middle,
    /// It is the last.
    Last,
}

/// A PDV's header, as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PdvHeader {
    /// Length of what follows the length field: the fragment and two bytes.
    pub item_length: u32,
    /// Which presentation context.
    pub context: ContextId,
    /// The message control header.
    pub control: u8,
}

impl PdvHeader {
    /// Reads the six bytes.
    #[must_use]
    pub fn decode(bytes: [u8; PDV_HEADER_BYTES]) -> Self {
        let [l0, l1, l2, l3, context, control] = bytes;
        Self { item_length: u32::from_be_bytes([l0, l1, l2, l3]), context: ContextId(context), control }
    }

    /// Length of the fragment, if the item length is possible.
    #[must_use]
    pub fn fragment_length(self) -> Option<u32> {
        self.item_length.checked_sub(2)
    }

    /// What the fragment is a part of.
    #[must_use]
    pub fn kind(self) -> FragmentKind {
        if self.control & 1 == 1 { FragmentKind::Command } else { FragmentKind::Data }
    }

    /// Where the fragment stands.
    #[must_use]
    pub fn place(self) -> FragmentPlace {
        if self.control & 2 == 2 { FragmentPlace::Last } else { FragmentPlace::Middle }
    }

    /// Whether the reserved bits are clear.
    #[must_use]
    pub fn is_regular(self) -> bool {
        self.control & !3 == 0
    }
}

/// The headers of a P-DATA-TF with one PDV of `fragment_length` bytes.
#[must_use]
pub fn encode_headers(
    context: ContextId,
    kind: FragmentKind,
    place: FragmentPlace,
    fragment_length: u32,
) -> [u8; HEADER_BYTES + PDV_HEADER_BYTES] {
    let [p0, p1, p2, p3] = fragment_length.saturating_add(6).to_be_bytes();
    let [v0, v1, v2, v3] = fragment_length.saturating_add(2).to_be_bytes();
    let kind = match kind {
        FragmentKind::Command => 1,
        FragmentKind::Data => 0,
    };
    let place = match place {
        FragmentPlace::Middle => 0,
        FragmentPlace::Last => 2,
    };
    [PduType::PData.code(), 0, p0, p1, p2, p3, v0, v1, v2, v3, context.0, kind | place]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back_as_written() {
        let kinds = [FragmentKind::Command, FragmentKind::Data];
        let places = [FragmentPlace::Middle, FragmentPlace::Last];
        for (kind, place) in kinds.into_iter().flat_map(|k| places.map(|p| (k, p))) {
            let bytes = encode_headers(ContextId(5), kind, place, 0x0102_0304);
            assert_eq!(bytes[..6], [4, 0, 1, 2, 3, 10]);
            let pdv = PdvHeader::decode(*bytes.last_chunk().unwrap());
            assert_eq!((pdv.context, pdv.kind(), pdv.place()), (ContextId(5), kind, place));
            assert_eq!(pdv.fragment_length(), Some(0x0102_0304));
            assert!(pdv.is_regular());
        }
        assert_eq!(PdvHeader::decode([0, 0, 0, 1, 1, 3]).fragment_length(), None);
    }
}
