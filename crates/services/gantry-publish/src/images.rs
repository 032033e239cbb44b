//! The images that findings were made in: objects of the payload, by their headers.
//!
//! Only headers are read. That of the first image in stack order is the header in force, whose values go into
//! evidence: its object is compared with its digest, and it must be complete.

use std::collections::BTreeMap;

use gantry_dicom::{
    data_set::DataSet,
    deflate,
    header::image_header,
    reader::{self, Limits, Reading, Stop},
    syntax::{self, Encoding, Wrapping},
    tag,
};
use gantry_evidence::source::Source;
use gantry_ports::{
    blob::Blob,
    store::{ObjectRow, Standing},
};
use gantry_types::{header::ImageHeader, uid::SopInstanceUid};

use crate::why::{Refusal, Why};

/// As much of a data set as is read at first: far more than the header of a CT has.
const FRONT_BYTES: u64 = 64 << 10;
/// As much of a data set as is searched for the end of its header.
const HEADER_BYTES_MAX: u64 = 16 << 20;

/// The source that findings name by the images of `named`, in stack order; all of them must be among `objects`.
pub(crate) fn source(
    blob: &dyn Blob,
    objects: &[ObjectRow],
    named: &[SopInstanceUid],
) -> Result<Source, Why> {
    let mut frozen = BTreeMap::new();
    for object in objects {
        if frozen.insert(&object.sop_instance, object).is_some() {
            return Err(Refusal::TwoRevisions(object.sop_instance.clone()).into());
        }
    }
    let mut in_force = None;
    let mut headers = Vec::new();
    for image in named {
        // Taken out, so that an image that is named again is as wrong as one from elsewhere.
        let row = frozen.remove(image).ok_or_else(|| Refusal::OutsidePayload(image.clone()))?;
        if row.standing != Standing::InForce {
            return Err(Refusal::NotInForce(image.clone()).into());
        }
        headers.push(if in_force.is_none() {
            if blob.verify(row.blob)? != row.digest {
                return Err(Refusal::ChangedImage(image.clone()).into());
            }
            let (header, whole) =
                read(blob, row, |data_set| Ok((view(row, data_set)?, data_set.to_little_endian())))?;
            in_force = Some(whole);
            header
        } else {
            read(blob, row, |data_set| view(row, data_set))?
        });
    }
    let headers: Vec<&ImageHeader> = headers.iter().collect();
    // Without an image there is no header in force, and no source either.
    Ok(Source::new(&in_force.unwrap_or_default(), &headers).map_err(Refusal::Source)?)
}

fn view(row: &ObjectRow, data_set: &DataSet<'_>) -> Result<ImageHeader, Refusal> {
    let wrong = |why| Refusal::Header { image: row.sop_instance.clone(), why };
    let header = image_header(data_set, row.transfer_syntax.clone())
        .or(Err(wrong("does not name object, class, study and series")))?;
    if header.sop_instance != row.sop_instance || header.study != row.study {
        return Err(wrong("names another object or study than its row"));
    }
    Ok(header)
}

/// Reads an object up to its pixels, which must be there, and gives `then` the whole header.
fn read<T>(
    blob: &dyn Blob,
    row: &ObjectRow,
    then: impl FnOnce(&DataSet<'_>) -> Result<T, Refusal>,
) -> Result<T, Why> {
    let (encoding, wrapping) = syntax::layout(&row.transfer_syntax);
    let start = u64::from(row.head_bytes);
    let mut wanted = FRONT_BYTES;
    loop {
        let front = blob.read(row.blob, start..start.saturating_add(wanted))?;
        let front = match wrapping {
            Wrapping::Plain => front,
            Wrapping::Deflated => {
                deflate::inflate_front(&front, usize::try_from(HEADER_BYTES_MAX).unwrap_or(usize::MAX))
            }
        };
        let reading = reader::read(&front, encoding, Limits::default(), Stop::Before(tag::FLOAT_PIXEL_DATA));
        if is_whole(&reading, &front) {
            return Ok(then(&reading.data_set)?);
        }
        if HEADER_BYTES_MAX <= wanted || row.blob.length <= start.saturating_add(wanted) {
            let why = "cannot be read up to its pixels";
            return Err(Refusal::Header { image: row.sop_instance.clone(), why }.into());
        }
        wanted = wanted.saturating_mul(4);
    }
}

/// Whether the header was read to its end. Only the element of pixels proves that: bytes that are cut off may look
/// like the end of a data set, or like its padding.
fn is_whole(reading: &Reading<'_>, front: &[u8]) -> bool {
    let next = front.get(reading.end..).and_then(<[u8]>::first_chunk::<2>);
    let group = next.map(|group| match reading.data_set.encoding() {
        Encoding::ImplicitLittle | Encoding::ExplicitLittle => u16::from_le_bytes(*group),
        Encoding::ExplicitBig => u16::from_be_bytes(*group),
    });
    reading.damage().is_none() && group.is_some_and(|group| tag::FLOAT_PIXEL_DATA.group() <= group)
}

#[cfg(test)]
mod tests {
    use gantry_dicom::{data_set::Value, tag::Tag, vr::Vr, writer};

    use super::*;

    /// Of all beginnings of a data set, those that count as a whole header have the whole header.
    #[track_caller]
    fn check(bytes: &[u8], encoding: Encoding, pixels_at: usize) {
        let read =
            |front| reader::read(front, encoding, Limits::default(), Stop::Before(tag::FLOAT_PIXEL_DATA));
        let whole = read(bytes);
        assert!(is_whole(&whole, bytes) && whole.end == pixels_at);
        for cut in 0..bytes.len() {
            let front = &bytes[..cut];
            let reading = read(front);
            // Tag, representation and length of the pixels are 12 bytes.
            assert_eq!(is_whole(&reading, front), pixels_at + 12 <= cut, "cut at {cut}");
        }
    }

    #[test]
    fn a_cut_header_is_never_taken_for_a_whole_one() {
        let mut data_set = DataSet::new();
        data_set.put_str(tag::MODALITY, "CT");
        data_set.put_items(tag::REFERENCED_STUDY_SEQUENCE, vec![DataSet::new()]);
        data_set.put_str(tag::PATIENT_ID, "P-1");
        // The low byte of an overlay's group is zero, as padding is.
        data_set.put_as(Tag(0x6000, 0x0010), Vr::US, Value::Bytes(vec![0; 2].into()));
        data_set.put_as(Tag(0x6000, 0x0011), Vr::US, Value::Bytes(vec![0; 2].into()));
        let pixels_at = writer::write_explicit(&data_set).unwrap().len();
        data_set.put_as(tag::PIXEL_DATA, Vr::OW, Value::Bytes(vec![0; 20].into()));
        check(&writer::write_explicit(&data_set).unwrap(), Encoding::ExplicitLittle, pixels_at);
        let big = b"\x00\x08\x00\x60CS\x00\x02CT\x00\x10\x00\x20LO\x00\x02P1\x7f\xe0\x00\x10OW\0\0\0\0\0\x04\0\0\0\0";
        check(big, Encoding::ExplicitBig, 20);
        // Padding is no pixels.
        let padded = b"\x08\x00\x60\x00CS\x02\x00CT\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let reading = reader::read(padded, Encoding::ExplicitLittle, Limits::default(), Stop::AtEnd);
        assert!(reading.damage().is_none() && reading.end == 10 && !is_whole(&reading, padded));
    }
}
