//! Objects as the gates and the readers get them: bytes of a file, read by the tolerant reader.

use gantry_dicom::{
    data_set::DataSet,
    part10,
    reader::{self, Limits, Problem, Stop},
    syntax::{self, Encoding, Wrapping},
    tag::Tag,
};

use crate::error::Unreadable;

/// A file that was read to its end.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    /// File meta information.
    pub(crate) meta: DataSet<'a>,
    /// The data set.
    pub(crate) data_set: DataSet<'a>,
    /// What broke PS3.5 without costing data.
    pub(crate) problems: Vec<Problem>,
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed<'_>, Unreadable> {
    let located = part10::locate(bytes).map_err(Unreadable::NotDicom)?;
    let (encoding, wrapping) = syntax::layout(&located.transfer_syntax);
    if wrapping == Wrapping::Deflated {
        return Err(Unreadable::Syntax { syntax: located.transfer_syntax.as_str().to_owned() });
    }
    let reading = reader::read(located.data_set, encoding, Limits::default(), Stop::AtEnd);
    if let Some(damage) = reading.damage() {
        return Err(Unreadable::Damaged { tag: damage.tag, kind: damage.kind });
    }
    Ok(Parsed { meta: located.meta, data_set: reading.data_set, problems: reading.problems })
}

/// Numbers of VR UL.
pub(crate) fn u32s(data_set: &DataSet<'_>, tag: Tag) -> Vec<u32> {
    let (words, _ragged) = data_set.bytes(tag).unwrap_or_default().as_chunks::<4>();
    words.iter().map(|word| u32::from_le_bytes(little_endian(data_set, *word))).collect()
}

/// A number of VR FD.
pub(crate) fn f64(data_set: &DataSet<'_>, tag: Tag) -> Option<f64> {
    let word = data_set.bytes(tag)?.first_chunk::<8>()?;
    Some(f64::from_le_bytes(little_endian(data_set, *word)))
}

/// A tag as value (VR AT).
pub(crate) fn tag_value(data_set: &DataSet<'_>, tag: Tag) -> Option<Tag> {
    let (words, _ragged) = data_set.bytes(tag)?.as_chunks::<2>();
    let [group, element] = words.first_chunk::<2>()?;
    let number = |word| u16::from_le_bytes(little_endian(data_set, word));
    Some(Tag(number(*group), number(*element)))
}

fn little_endian<const N: usize>(data_set: &DataSet<'_>, mut word: [u8; N]) -> [u8; N] {
    if data_set.encoding() == Encoding::ExplicitBig {
        word.reverse();
    }
    word
}

/// `N` finite decimal strings.
pub(crate) fn decimals<const N: usize>(data_set: &DataSet<'_>, tag: Tag) -> Option<[f64; N]> {
    let values: Option<Vec<f64>> =
        data_set.strs(tag).map(|text| gantry_types::header::Decimal::parse(text).map(|d| d.value)).collect();
    values?.try_into().ok()
}

/// The only item of a sequence, or the first.
pub(crate) fn first<'a, 'b>(data_set: &'b DataSet<'a>, tag: Tag) -> Option<&'b DataSet<'a>> {
    data_set.items(tag).first()
}
