//! Files: preamble, file meta information, data set (PS3.10 chapter 7).
//!
//! [`locate`] finds the data set in whatever a disk or a peer hands over: with and without preamble, with a wrong
//! group length, without meta information at all. [`head`] writes what stands before a data set.

use gantry_types::{
    ae_title::AeTitle,
    uid::{SopClassUid, SopInstanceUid, TransferSyntaxUid, Uid},
};

use crate::{
    data_set::{DataSet, Value},
    reader::{self, Limits, Stop},
    syntax::{self, Encoding, Wrapping},
    tag::{self, Tag},
    vr::Vr,
    writer,
};

/// Our Implementation Class UID, for ever: the version-8 UUID of SHA-256 over "Gantry implementation class".
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.320279085945678957654393679383196718293";

const PREAMBLE_BYTES: usize = 128;
const MAGIC: &[u8] = b"DICM";

/// Where the data set of a file lies, and how it is encoded.
#[derive(Debug)]
pub struct Located<'a> {
    /// File meta information; empty if there is none.
    pub meta: DataSet<'a>,
    /// As the meta information says, else guessed from the first element.
    pub transfer_syntax: TransferSyntaxUid,
    /// The data set's bytes, still deflated if the syntax says so.
    pub data_set: &'a [u8],
}

/// Why a file is not DICOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDicom {
    /// Neither the magic word nor a first element that could be one.
    #[error("neither the DICM prefix nor a DICOM element at the beginning")]
    NoBeginning,
    /// The meta information is damaged before the transfer syntax.
    #[error("the file meta information is damaged")]
    DamagedMeta,
}

/// Finds the data set in a file.
///
/// # Errors
/// [`NotDicom`].
pub fn locate(file: &[u8]) -> Result<Located<'_>, NotDicom> {
    let after_preamble = file.get(PREAMBLE_BYTES..).and_then(|rest| rest.strip_prefix(MAGIC));
    let bytes = after_preamble.unwrap_or(file);
    if bytes.starts_with(&[2, 0]) {
        return locate_after_meta(bytes);
    }
    if after_preamble.is_none() && !looks_like_a_data_set(bytes) {
        return Err(NotDicom::NoBeginning);
    }
    Ok(Located { meta: DataSet::new(), transfer_syntax: guess_syntax(bytes), data_set: bytes })
}

fn locate_after_meta(bytes: &[u8]) -> Result<Located<'_>, NotDicom> {
    // The group length is often wrong; the first element of another group is not.
    let reading = reader::read(bytes, Encoding::ExplicitLittle, Limits::default(), Stop::Before(Tag(3, 0)));
    let data_set = bytes.get(reading.end..).unwrap_or_default();
    let meta = reading.data_set;
    let declared = meta.str(tag::TRANSFER_SYNTAX_UID).and_then(TransferSyntaxUid::from_peer);
    if declared.is_none() && data_set.is_empty() {
        return Err(NotDicom::DamagedMeta);
    }
    // A deflated data set is no element, so the walk may have stopped anywhere in it: believe the group length.
    let transfer_syntax = declared.unwrap_or_else(|| guess_syntax(data_set));
    let data_set = match syntax::layout(&transfer_syntax).1 {
        Wrapping::Plain => data_set,
        Wrapping::Deflated => after_group_length(bytes, &meta).unwrap_or(data_set),
    };
    Ok(Located { meta, transfer_syntax, data_set })
}

fn after_group_length<'a>(bytes: &'a [u8], meta: &DataSet<'_>) -> Option<&'a [u8]> {
    let length = meta.bytes(tag::FILE_META_INFORMATION_GROUP_LENGTH)?.first_chunk::<4>()?;
    bytes.get(12 + usize::try_from(u32::from_le_bytes(*length)).ok()?..)
}

/// Group 0008 (or the retired 0000 to 0004) first, in either form of little endian.
fn looks_like_a_data_set(bytes: &[u8]) -> bool {
    let Some(&[group_low, group_high, _, element_high, ..]) = bytes.first_chunk::<8>() else { return false };
    group_high == 0
        && matches!(group_low, 8 | 4)
        && element_high == 0
        && !reader::read(bytes, Encoding::ExplicitLittle, Limits::default(), Stop::Before(Tag(9, 0)))
            .data_set
            .elements()
            .is_empty()
}

fn guess_syntax(data_set: &[u8]) -> TransferSyntaxUid {
    let letters = data_set.get(4..).and_then(<[u8]>::first_chunk::<2>).copied();
    let guess = match letters.and_then(Vr::parse) {
        Some(_) => syntax::EXPLICIT_VR_LITTLE_ENDIAN,
        None => syntax::IMPLICIT_VR_LITTLE_ENDIAN,
    };
    // Both constants are regular.
    TransferSyntaxUid::from_peer(guess).unwrap_or_else(|| unreachable!("{guess} is not blank"))
}

/// Who wrote a file.
#[derive(Debug, Clone)]
pub struct Implementation {
    /// Implementation Class UID (0002,0012).
    pub class_uid: Uid,
    /// Implementation Version Name (0002,0013), at most 16 characters.
    pub version_name: String,
}

/// Preamble, prefix and file meta information for a data set that follows.
///
/// The UIDs are written as they are, even irregular ones: the file must be findable under what the peer said.
#[must_use]
pub fn head(
    sop_class: &SopClassUid,
    sop_instance: &SopInstanceUid,
    transfer_syntax: &TransferSyntaxUid,
    implementation: &Implementation,
    source: Option<&AeTitle>,
) -> Vec<u8> {
    let mut meta = DataSet::new();
    meta.put(tag::FILE_META_INFORMATION_VERSION, Value::Bytes(vec![0, 1].into()));
    meta.put_str(tag::MEDIA_STORAGE_SOP_CLASS_UID, sop_class.as_str());
    meta.put_str(tag::MEDIA_STORAGE_SOP_INSTANCE_UID, sop_instance.as_str());
    meta.put_str(tag::TRANSFER_SYNTAX_UID, transfer_syntax.as_str());
    meta.put_str(tag::IMPLEMENTATION_CLASS_UID, implementation.class_uid.as_str());
    meta.put_str(tag::IMPLEMENTATION_VERSION_NAME, implementation.version_name.as_str());
    if let Some(source) = source {
        meta.put_str(tag::SOURCE_APPLICATION_ENTITY_TITLE, source.as_str());
    }
    // A UID of 65,536 characters was refused long before it comes here; without it the group would be lost.
    let group = writer::write_explicit(&meta).unwrap_or_default();
    let mut head = vec![0; PREAMBLE_BYTES];
    head.extend_from_slice(MAGIC);
    head.extend([2, 0, 0, 0, b'U', b'L', 4, 0]);
    head.extend(u32::try_from(group.len()).unwrap_or(u32::MAX).to_le_bytes());
    head.extend(group);
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of(syntax: &str) -> Vec<u8> {
        let implementation =
            Implementation { class_uid: Uid::parse("1.2.3").unwrap(), version_name: "TEST".into() };
        head(
            &SopClassUid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
            &SopInstanceUid::parse("1.2.3.4").unwrap(),
            &TransferSyntaxUid::parse(syntax).unwrap(),
            &implementation,
            Some(&AeTitle::parse("CT ROOM 2").unwrap()),
        )
    }

    const EXPLICIT: &[u8] = b"\x08\0\x60\0CS\x02\0CT";
    const IMPLICIT: &[u8] = b"\x08\0\x60\0\x02\0\0\0CT";

    #[test]
    fn a_head_is_found_again() {
        let file = [&head_of(syntax::EXPLICIT_VR_LITTLE_ENDIAN), EXPLICIT].concat();
        let located = locate(&file).unwrap();
        assert_eq!(located.transfer_syntax.as_str(), syntax::EXPLICIT_VR_LITTLE_ENDIAN);
        assert_eq!(located.data_set, EXPLICIT);
        assert_eq!(located.meta.str(tag::SOURCE_APPLICATION_ENTITY_TITLE), Some("CT ROOM 2"));
    }

    #[test]
    fn files_without_preamble_meta_or_right_group_length_are_found_too() {
        let file = [&head_of(syntax::IMPLICIT_VR_LITTLE_ENDIAN), IMPLICIT].concat();
        assert_eq!(locate(&file[132..]).unwrap().data_set, IMPLICIT);
        let mut wrong = file.clone();
        wrong[140] = 7;
        assert_eq!(locate(&wrong).unwrap().data_set, IMPLICIT);
        for (bytes, syntax) in
            [(EXPLICIT, syntax::EXPLICIT_VR_LITTLE_ENDIAN), (IMPLICIT, syntax::IMPLICIT_VR_LITTLE_ENDIAN)]
        {
            let located = locate(bytes).unwrap();
            assert_eq!((located.transfer_syntax.as_str(), located.data_set), (syntax, bytes));
        }
    }

    #[test]
    fn a_deflated_data_set_begins_after_the_group_length() {
        let file =
            [&head_of(syntax::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN), &b"\x02\0\0\0UL\x04\0\xff"[..]].concat();
        assert_eq!(locate(&file).unwrap().data_set, b"\x02\0\0\0UL\x04\0\xff");
    }

    #[test]
    fn other_files_are_refused() {
        for other in [&b""[..], b"GIF89a..........", b"%PDF-1.4 ........", &[0; 200]] {
            assert_eq!(locate(other).unwrap_err(), NotDicom::NoBeginning, "{other:?}");
        }
    }
}
