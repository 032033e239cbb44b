//! Reading and writing of the big-endian fields and length-prefixed items that PDUs are made of (PS3.8 9.3).
//!
//! Reading never indexes: every step answers `None` when the bytes end, and the caller names the error.

use alloc::{string::String, vec::Vec};

use crate::pdu::EncodeError;

/// What is left to read of a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A field with a 16-bit length in front.
    pub(crate) fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// An item or sub-item: type, reserved byte, 16-bit length, value.
    pub(crate) fn item(&mut self) -> Option<(u8, &'a [u8])> {
        let kind = self.u8()?;
        let _reserved = self.u8()?;
        Some((kind, self.counted()?))
    }

    /// Everything that is left.
    pub(crate) fn remainder(self) -> &'a [u8] {
        self.rest
    }
}

/// Text of the ISO 646 fields; a byte outside of it is shown, not refused.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes a field with a 16-bit length in front.
pub(crate) fn put_counted(out: &mut Vec<u8>, value: &[u8]) -> Result<(), EncodeError> {
    let Ok(length) = u16::try_from(value.len()) else {
        return Err(EncodeError::ItemTooLong(value.len()));
    };
    out.extend(length.to_be_bytes());
    out.extend(value);
    Ok(())
}

/// Writes an item or sub-item.
pub(crate) fn put_item(out: &mut Vec<u8>, kind: u8, value: &[u8]) -> Result<(), EncodeError> {
    out.extend([kind, 0]);
    put_counted(out, value)
}
