//! The canonical form of a header: equal for two data sets that say the same, however they are encoded (RC2).
//!
//! What an encoding decides is left out: order of elements, group lengths, padding, the form of sequence lengths, byte
//! order, Specific Character Set (text is decoded), and of the Image Pixel module what changes with compression. So are
//! the pixels. What is left out here, whoever compares pixels must compare.

use crate::{
    charset::CharacterSet,
    data_set::{DataSet, Element, Value},
    syntax::Encoding,
    tag::{self, Tag},
    vr::Vr,
};

/// Attributes of the image, not of what it shows: they change when the same image is encoded otherwise.
const ENCODING: &[Tag] = &[
    tag::SPECIFIC_CHARACTER_SET,
    tag::PHOTOMETRIC_INTERPRETATION,
    tag::PLANAR_CONFIGURATION,
    tag::BITS_ALLOCATED,
    tag::HIGH_BIT,
    tag::LOSSY_IMAGE_COMPRESSION,
    tag::LOSSY_IMAGE_COMPRESSION_RATIO,
    tag::LOSSY_IMAGE_COMPRESSION_METHOD,
    tag::DATA_SET_TRAILING_PADDING,
];

/// The group of pixel data, and of what says where its frames lie.
const PIXELS: u16 = 0x7FE0;

/// The canonical form of the elements before the pixels.
#[must_use]
pub fn header(data_set: &DataSet<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write(data_set, CharacterSet::DEFAULT, &mut out);
    out
}

/// Nesting is as deep as the reader's limit allows, so the recursion is bounded.
fn write(data_set: &DataSet<'_>, around: CharacterSet, out: &mut Vec<u8>) {
    let declares = data_set.get(tag::SPECIFIC_CHARACTER_SET).is_some();
    let set = if declares { CharacterSet::of(data_set) } else { around };
    let mut elements: Vec<&Element<'_>> = data_set.elements().iter().filter(|one| counts(one.tag)).collect();
    // Stable: of two elements with one tag the first stays the first.
    elements.sort_by_key(|element| element.tag);
    for element in elements {
        out.extend(element.tag.group().to_be_bytes());
        out.extend(element.tag.element().to_be_bytes());
        match &element.value {
            Value::Bytes(bytes) => put(out, 0, &value(element.vr, bytes, data_set.encoding(), set)),
            Value::Items(items) => {
                let mut inner = Vec::new();
                for item in items {
                    let mut one = Vec::new();
                    write(item, set, &mut one);
                    put(&mut inner, 1, &one);
                }
                put(out, 2, &inner);
            }
            Value::Fragments(fragments) => put(out, 3, &fragments.concat()),
        }
    }
}

fn counts(tag: Tag) -> bool {
    tag.element() != 0 && tag.group() != PIXELS && !ENCODING.contains(&tag)
}

/// Kind, length and bytes: no value can be taken for the beginning of another.
fn put(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend((bytes.len() as u64).to_be_bytes());
    out.extend(bytes);
}

fn value(vr: Vr, bytes: &[u8], encoding: Encoding, set: CharacterSet) -> Vec<u8> {
    if vr.is_text() {
        let text = set.decode(bytes);
        let is_padding = |c: char| c == ' ' || c == '\0';
        let values: Vec<&str> = text.split('\\').map(|value| value.trim_end_matches(is_padding)).collect();
        return values.join("\\").into_bytes();
    }
    let words = vr.word_bytes();
    if 1 < words {
        let mut bytes = bytes.to_vec();
        if encoding == Encoding::ExplicitBig {
            bytes.chunks_exact_mut(words).for_each(<[u8]>::reverse);
        }
        return bytes;
    }
    // Padding of strings, and the one byte that makes other values even. What has no known representation is left as it
    // is but for that: it may be a number.
    let is_binary = matches!(vr, Vr::OB | Vr::UN);
    let end = bytes.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
    let end = if is_binary { end.max(bytes.len().saturating_sub(1)) } else { end };
    bytes.get(..end).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reader::{self, Limits, Stop},
        writer,
    };

    fn example() -> DataSet<'static> {
        let mut item = DataSet::new();
        item.put_str(tag::PATIENT_ID, "inner");
        let mut data_set = DataSet::new();
        data_set.put_str(tag::MODALITY, "CT");
        data_set.put_str(tag::PATIENT_NAME, "Test^Patient");
        data_set.put_items(tag::REFERENCED_STUDY_SEQUENCE, vec![item]);
        data_set.put_u16(tag::ROWS, &[512]);
        data_set
    }

    fn named(set: &str, name: &[u8]) -> Vec<u8> {
        let mut data_set = example();
        data_set.put_str(tag::SPECIFIC_CHARACTER_SET, set.to_owned());
        data_set.put(tag::PATIENT_NAME, Value::Bytes(name.to_vec().into()));
        header(&data_set)
    }

    #[test]
    fn the_encoding_does_not_count() {
        let whole = header(&example());
        let bytes = writer::write_explicit(&example()).unwrap();
        let read =
            |bytes, encoding| header(&reader::read(bytes, encoding, Limits::default(), Stop::AtEnd).data_set);
        assert_eq!(read(&bytes, Encoding::ExplicitLittle), whole);
        let implicit = [
            &b"\x08\0\x60\0\x02\0\0\0CT"[..],
            b"\x08\0\x10\x11\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff\x10\0\x20\0\x06\0\0\0inner ",
            b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0",
            b"\x10\0\x10\0\x0c\0\0\0Test^Patient\x28\0\x10\0\x02\0\0\0\0\x02",
        ]
        .concat();
        assert_eq!(read(&implicit, Encoding::ImplicitLittle), whole);
        let mut more = example();
        more.put_str(tag::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
        more.put_as(tag::PIXEL_DATA, Vr::OW, Value::Bytes(vec![1; 8].into()));
        assert_eq!(header(&more), whole);
    }

    #[test]
    fn text_is_compared_as_text() {
        assert_eq!(named("ISO_IR 100", b"M\xfcller"), named("ISO_IR 192", "Müller".as_bytes()));
        assert_ne!(named("ISO_IR 100", b"M\xfcller"), named("ISO_IR 100", b"Muller"));
        assert_eq!(named("ISO_IR 100", b"A \\B "), named("ISO_IR 100", b"A\\B"));
    }

    #[test]
    fn what_it_says_counts() {
        let whole = header(&example());
        let check = |change: fn(&mut DataSet<'static>)| {
            let mut changed = example();
            change(&mut changed);
            assert_ne!(header(&changed), whole);
        };
        check(|data_set| data_set.put_str(tag::PATIENT_NAME, "Test^Other"));
        check(|data_set| data_set.put_u16(tag::ROWS, &[511]));
        check(|data_set| data_set.put_items(tag::REFERENCED_STUDY_SEQUENCE, Vec::new()));
        check(|data_set| data_set.remove(tag::MODALITY));
        check(|data_set| data_set.put_u16(tag::BITS_STORED, &[12]));
    }

    #[test]
    fn numbers_are_not_taken_for_padding() {
        let private = |bytes: &[u8]| value(Vr::UN, bytes, Encoding::ImplicitLittle, CharacterSet::DEFAULT);
        assert_ne!(private(b"\x05\x20\0\0"), private(b"\x05\0\0\0"));
        assert_eq!(private(b"odd\0"), private(b"odd"));
    }
}
