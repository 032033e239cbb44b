//! Is an object that came again the same as a kept one? (RC2)
//!
//! *Same* means: equal header, equal raw pixel element, equal transfer syntax. Whatever else came is kept and marked;
//! telling re-encoded, revised and conflicting objects apart needs decoded pixels and is not done at the door.

use std::borrow::Cow;

use gantry_dicom::{
    data_set::{DataSet, Element},
    deflate,
    reader::{self, Limits, Stop},
    syntax::{self, Wrapping},
    tag,
};
use gantry_ports::{
    blob::{Blob, BlobError, BlobRef},
    store::ObjectRow,
};
use gantry_types::{digest::Digest, uid::TransferSyntaxUid};

/// Objects beyond this size are the same only if their digests are.
const COMPARED_BYTES_MAX: u64 = 256 << 20;

/// A new arrival, as far as it matters here.
pub(crate) struct Arrival<'a> {
    pub(crate) blob: BlobRef,
    pub(crate) head_bytes: u32,
    pub(crate) digest: Digest,
    pub(crate) transfer_syntax: &'a TransferSyntaxUid,
}

/// What a new arrival is to a kept object of its UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sameness {
    /// The kept bytes are there and say the same: the new ones are not needed.
    Same,
    /// The same file to the last byte, but the kept bytes are damaged or gone: the new ones take their place.
    Restores,
    /// Something else, or nobody can tell.
    Different,
}

/// Compares an arrival with a kept object. Nothing is called the same whose kept bytes were not read now.
///
/// # Errors
/// [`BlobError`] if the arrival itself cannot be read.
pub(crate) fn compare(
    blob: &dyn Blob,
    arrival: &Arrival<'_>,
    kept: &ObjectRow,
) -> Result<Sameness, BlobError> {
    if *arrival.transfer_syntax != kept.transfer_syntax {
        return Ok(Sameness::Different);
    }
    // The digests cover the head too, which names the sender.
    if arrival.digest == kept.digest {
        return Ok(if is_whole(blob, kept) { Sameness::Same } else { Sameness::Restores });
    }
    if COMPARED_BYTES_MAX < arrival.blob.length.max(kept.blob.length) || !is_whole(blob, kept) {
        return Ok(Sameness::Different);
    }
    let new = blob.read(arrival.blob, u64::from(arrival.head_bytes)..u64::MAX)?;
    let Ok(old) = blob.read(kept.blob, u64::from(kept.head_bytes)..u64::MAX) else {
        return Ok(Sameness::Different);
    };
    let is_same = new == old || have_equal_elements(&new, &old, arrival.transfer_syntax);
    Ok(if is_same { Sameness::Same } else { Sameness::Different })
}

/// Whether the bytes of a kept object are there, and its own.
pub(crate) fn is_whole(blob: &dyn Blob, kept: &ObjectRow) -> bool {
    blob.verify(kept.blob).is_ok_and(|digest| digest == kept.digest)
}

/// Equal but for the order of elements, group lengths, and the form of sequence lengths.
fn have_equal_elements(new: &[u8], old: &[u8], syntax: &TransferSyntaxUid) -> bool {
    let (encoding, wrapping) = syntax::layout(syntax);
    let inflated = |bytes| {
        deflate::inflate(bytes, usize::try_from(COMPARED_BYTES_MAX).unwrap_or(usize::MAX)).map(Cow::Owned)
    };
    let (new, old) = match wrapping {
        Wrapping::Plain => (Cow::Borrowed(new), Cow::Borrowed(old)),
        Wrapping::Deflated => match (inflated(new), inflated(old)) {
            (Ok(new), Ok(old)) => (new, old),
            _ => return false,
        },
    };
    let read = |bytes| reader::read(bytes, encoding, Limits::default(), Stop::AtEnd);
    let (new, old) = (read(&*new), read(&*old));
    // What could not be read cannot be called equal.
    new.damage().is_none() && old.damage().is_none() && canonical(&new.data_set) == canonical(&old.data_set)
}

fn canonical<'s, 'a>(data_set: &'s DataSet<'a>) -> Vec<&'s Element<'a>> {
    let mut elements: Vec<_> = data_set
        .elements()
        .iter()
        .filter(|element| element.tag.element() != 0 && element.tag != tag::DATA_SET_TRAILING_PADDING)
        .collect();
    elements.sort_by_key(|element| element.tag);
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(new: &[u8], old: &[u8]) -> bool {
        let syntax = TransferSyntaxUid::from_peer(syntax::EXPLICIT_VR_LITTLE_ENDIAN).unwrap();
        have_equal_elements(new, old, &syntax)
    }

    const A: &[u8] = b"\x08\0\x60\0CS\x02\0CT";
    const B: &[u8] = b"\x10\0\x20\0LO\x02\0ID";

    #[test]
    fn order_and_group_lengths_do_not_count_and_values_do() {
        let length = b"\x08\0\0\0UL\x04\0\x0a\0\0\0";
        assert!(same(&[A, B].concat(), &[B, A].concat()));
        assert!(same(&[&length[..], A, B].concat(), &[A, B].concat()));
        assert!(!same(A, b"\x08\0\x60\0CS\x02\0MR"));
        assert!(!same(A, &[A, B].concat()));
    }

    #[test]
    fn what_is_damaged_is_never_the_same() {
        let torn = [A, b"\x10\0\x20\0LO\x09\0ID"].concat();
        assert!(!same(&torn, &torn));
    }
}
