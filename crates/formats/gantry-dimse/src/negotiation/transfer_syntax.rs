//! Which of several proposed transfer syntaxes is taken (PS3.5 chapter 10, annex A; PS3.6 table A-1).
//!
//! Uncompressed little endian first, then what loses nothing in the requestor's order, then what we do not know, and
//! only then what loses pixels: an acceptor that takes a lossy syntax makes the sender compress. Any is taken if it
//! is the only one offered, since the object is kept as received.

use gantry_types::uid::TransferSyntaxUid;

/// Implicit VR Little Endian, the default transfer syntax.
pub const IMPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2";
/// Explicit VR Little Endian.
pub const EXPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";

/// How gladly a transfer syntax is taken; the lesser, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Preference {
    /// Explicit VR Little Endian.
    ExplicitLittleEndian,
    /// Implicit VR Little Endian.
    ImplicitLittleEndian,
    /// Loses nothing: deflated, big endian, RLE and the lossless codecs.
    Lossless,
    /// Private, or newer than this program.
    Unknown,
    /// Loses pixels, may lose some, or brings none along (video, referenced pixel data).
    Lossy,
}

const LOSSLESS: &[&str] = &[
    "1.2.840.10008.1.2.1.98",  // encapsulated uncompressed explicit little endian
    "1.2.840.10008.1.2.1.99",  // deflated explicit little endian
    "1.2.840.10008.1.2.2",     // explicit big endian, retired
    "1.2.840.10008.1.2.4.57",  // JPEG lossless, process 14
    "1.2.840.10008.1.2.4.58",  // JPEG lossless, process 15, retired
    "1.2.840.10008.1.2.4.65",  // JPEG lossless hierarchical, process 28, retired
    "1.2.840.10008.1.2.4.66",  // JPEG lossless hierarchical, process 29, retired
    "1.2.840.10008.1.2.4.70",  // JPEG lossless, selection value 1
    "1.2.840.10008.1.2.4.80",  // JPEG-LS lossless
    "1.2.840.10008.1.2.4.90",  // JPEG 2000 lossless only
    "1.2.840.10008.1.2.4.92",  // JPEG 2000 part 2 lossless only
    "1.2.840.10008.1.2.4.110", // JPEG XL lossless
    "1.2.840.10008.1.2.4.201", // HTJ2K lossless only
    "1.2.840.10008.1.2.4.202", // HTJ2K lossless only, RPCL
    "1.2.840.10008.1.2.5",     // RLE
    "1.2.840.10008.1.2.8.1",   // deflated image frame
];

const LOSSY: &[&str] = &[
    "1.2.840.10008.1.2.4.50", // JPEG baseline
    "1.2.840.10008.1.2.4.51", // JPEG extended
    "1.2.840.10008.1.2.4.52", // further JPEG processes, retired
    "1.2.840.10008.1.2.4.53",
    "1.2.840.10008.1.2.4.54",
    "1.2.840.10008.1.2.4.55",
    "1.2.840.10008.1.2.4.56",
    "1.2.840.10008.1.2.4.59",
    "1.2.840.10008.1.2.4.60",
    "1.2.840.10008.1.2.4.61",
    "1.2.840.10008.1.2.4.62",
    "1.2.840.10008.1.2.4.63",
    "1.2.840.10008.1.2.4.64",
    "1.2.840.10008.1.2.4.81",  // JPEG-LS near-lossless
    "1.2.840.10008.1.2.4.91",  // JPEG 2000
    "1.2.840.10008.1.2.4.93",  // JPEG 2000 part 2
    "1.2.840.10008.1.2.4.94",  // JPIP referenced
    "1.2.840.10008.1.2.4.95",  // JPIP referenced, deflated
    "1.2.840.10008.1.2.4.100", // MPEG-2
    "1.2.840.10008.1.2.4.100.1",
    "1.2.840.10008.1.2.4.101",
    "1.2.840.10008.1.2.4.101.1",
    "1.2.840.10008.1.2.4.102", // MPEG-4
    "1.2.840.10008.1.2.4.102.1",
    "1.2.840.10008.1.2.4.103",
    "1.2.840.10008.1.2.4.103.1",
    "1.2.840.10008.1.2.4.104",
    "1.2.840.10008.1.2.4.104.1",
    "1.2.840.10008.1.2.4.105",
    "1.2.840.10008.1.2.4.105.1",
    "1.2.840.10008.1.2.4.106",
    "1.2.840.10008.1.2.4.106.1",
    "1.2.840.10008.1.2.4.107", // HEVC
    "1.2.840.10008.1.2.4.108",
    "1.2.840.10008.1.2.4.111", // JPEG XL that wraps a JPEG
    "1.2.840.10008.1.2.4.112", // JPEG XL
    "1.2.840.10008.1.2.4.203", // HTJ2K
    "1.2.840.10008.1.2.4.204", // JPIP HTJ2K referenced
    "1.2.840.10008.1.2.4.205", // JPIP HTJ2K referenced, deflated
    "1.2.840.10008.1.2.7.1",   // SMPTE ST 2110 real-time video and audio
    "1.2.840.10008.1.2.7.2",
    "1.2.840.10008.1.2.7.3",
];

/// How gladly `syntax` is taken.
#[must_use]
pub fn preference(syntax: &TransferSyntaxUid) -> Preference {
    let uid = syntax.as_str();
    if uid == EXPLICIT_VR_LITTLE_ENDIAN {
        Preference::ExplicitLittleEndian
    } else if uid == IMPLICIT_VR_LITTLE_ENDIAN {
        Preference::ImplicitLittleEndian
    } else if LOSSLESS.contains(&uid) {
        Preference::Lossless
    } else if LOSSY.contains(&uid) {
        Preference::Lossy
    } else {
        Preference::Unknown
    }
}

/// The one that is taken; of equals, the first. Nothing if nothing is proposed.
#[must_use]
pub fn choose(proposed: &[TransferSyntaxUid]) -> Option<&TransferSyntaxUid> {
    // `min_by_key` gives the first of equals.
    proposed.iter().min_by_key(|syntax| preference(syntax))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[track_caller]
    fn check(proposed: &[&str], want: Option<&str>) {
        let full = |uid: &&str| match uid.strip_prefix('.') {
            Some(rest) => alloc::format!("1.2.840.10008.1.2.{rest}"),
            None => alloc::string::String::from(*uid),
        };
        let uid = |uid: &&str| TransferSyntaxUid::from_peer(&full(uid)).unwrap();
        let proposed: Vec<_> = proposed.iter().map(uid).collect();
        assert_eq!(choose(&proposed), want.as_ref().map(uid).as_ref());
    }

    #[test]
    fn uncompressed_then_lossless_then_unknown_then_lossy() {
        check(&[".4.50", ".4.70", IMPLICIT_VR_LITTLE_ENDIAN, ".1"], Some(".1"));
        check(&[".4.50", ".4.70", IMPLICIT_VR_LITTLE_ENDIAN], Some(IMPLICIT_VR_LITTLE_ENDIAN));
        check(&[".4.50", ".4.90", ".4.70", ".5"], Some(".4.90"));
        check(&["1.2.840.113619.5.2", ".2", ".1.99"], Some(".2"));
        check(&[".4.91", "1.2.840.113619.5.2", ".4.81"], Some("1.2.840.113619.5.2"));
        check(&[".4.91", ".4.50"], Some(".4.91"));
        check(&[], None);
    }

    #[test]
    fn no_syntax_is_both() {
        assert!(LOSSLESS.iter().all(|uid| !LOSSY.contains(uid)));
    }
}
