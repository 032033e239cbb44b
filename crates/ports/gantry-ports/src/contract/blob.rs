//! The laws of [`crate::blob::Blob`].
#![expect(clippy::unwrap_used, reason = "a law fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "a law fails by panicking")]

use std::io::{self, Read};

use crate::blob::{Blob, BlobError};

/// Content of `length` bytes that depends on `seed`.
#[must_use]
pub fn content(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) >> 3) as u8 ^ seed).collect()
}

/// The limit that an implementation under test must have: small enough to cross.
pub const LIMIT_BYTES: u64 = 8 << 20;

/// What goes in comes out, also when it is larger than any buffer.
pub fn content_is_read_back_with_its_digest(blob: &dyn Blob) {
    for (seed, length) in [(1, 0), (2, 1), (3, 4096), (4, 525_000), (5, 5 << 20)] {
        let bytes = content(seed, length);
        let appended = blob.append(&mut bytes.as_slice(), b"label").unwrap();
        blob.sync(&[appended.reference]).unwrap();
        assert_eq!(appended.reference.length, length as u64);
        assert!(blob.read(appended.reference, 0..u64::MAX).unwrap() == bytes, "{length} bytes");
        assert_eq!(blob.verify(appended.reference).unwrap(), appended.digest);
    }
    let appended = blob.append(&mut &b"abc"[..], b"").unwrap();
    let known = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(appended.digest.to_string(), known);
}

/// What is kept takes room.
pub fn what_is_kept_is_counted(blob: &dyn Blob) {
    let before = blob.kept().unwrap();
    let bytes = content(7, 2 << 20);
    for _ in 0..3 {
        let appended = blob.append(&mut bytes.as_slice(), b"label").unwrap();
        blob.sync(&[appended.reference]).unwrap();
    }
    let after = blob.kept().unwrap();
    assert!(
        before.containers <= after.containers && 3 * bytes.len() as u64 <= after.bytes,
        "{before:?} {after:?}"
    );
    assert!(0 < after.containers);
}

/// A range beyond the end is what is there.
pub fn ranges_are_cut_to_the_content(blob: &dyn Blob) {
    let reference = blob.append(&mut &b"0123456789"[..], b"").unwrap().reference;
    assert_eq!(blob.read(reference, 2..5).unwrap(), b"234");
    assert_eq!(blob.read(reference, 8..20).unwrap(), b"89");
    assert_eq!(blob.read(reference, 20..30).unwrap(), b"");
}

/// A reader that gives some bytes and then fails, as a peer that goes away.
struct Torn(usize);

impl Read for Torn {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("the peer went away"));
        }
        let count = buffer.len().min(self.0);
        buffer.iter_mut().take(count).for_each(|byte| *byte = 7);
        self.0 -= count;
        Ok(count)
    }
}

/// A torn source is the source's error, and the next content is whole.
pub fn a_source_that_fails_leaves_nothing(blob: &dyn Blob) {
    for given in [0, 100, 3 << 20] {
        let error = blob.append(&mut Torn(given), b"").unwrap_err();
        assert!(matches!(error, BlobError::Source(_)), "{error:?}");
        let bytes = content(9, 1000);
        let after = blob.append(&mut bytes.as_slice(), b"").unwrap().reference;
        blob.sync(&[after]).unwrap();
        assert!(blob.read(after, 0..1000).unwrap() == bytes);
    }
}

/// Content of [`LIMIT_BYTES`] fits, one byte more does not.
pub fn content_beyond_the_limit_is_refused(blob: &dyn Blob) {
    let fits = blob.append(&mut io::repeat(1).take(LIMIT_BYTES), b"").unwrap();
    assert_eq!(fits.reference.length, LIMIT_BYTES);
    let error = blob.append(&mut io::repeat(1).take(LIMIT_BYTES + 1), b"").unwrap_err();
    assert!(matches!(error, BlobError::TooLarge { max: LIMIT_BYTES }), "{error:?}");
}

/// Content of many threads does not mix.
pub fn many_threads_append_at_once(blob: &dyn Blob) {
    std::thread::scope(|scope| {
        for seed in 0..8 {
            scope.spawn(move || {
                for round in 0..20 {
                    let bytes = content(seed, 10_000 + usize::from(seed) * 777 + round);
                    let reference = blob.append(&mut bytes.as_slice(), &[seed]).unwrap().reference;
                    blob.sync(&[reference]).unwrap();
                    assert!(blob.read(reference, 0..u64::MAX).unwrap() == bytes);
                }
            });
        }
    });
}

/// Freeing is exact.
pub fn freed_content_frees_nothing_else(blob: &dyn Blob) {
    let all: Vec<_> = [1000, 5 << 20, 2000]
        .into_iter()
        .map(|length| blob.append(&mut content(3, length).as_slice(), b"").unwrap().reference)
        .collect();
    blob.sync(&all).unwrap();
    for (index, reference) in all.iter().enumerate() {
        blob.free(*reference).unwrap();
        for other in all.iter().skip(index + 1) {
            blob.verify(*other).unwrap();
        }
    }
}
