//! The strict writer: a data set to bytes.
//!
//! It writes sequences and items with defined lengths, pads values to even length, and refuses what would break
//! the structure of PS3.5 chapter 7. Whether a *value* is legal is judged by [`crate::rules`], because identity is
//! repeated to the byte even where the source wrote it badly.
//!
//! Invariant: the same data set gives the same bytes, always.

use crate::{
    data_set::{DataSet, Element, Value},
    syntax::Encoding,
    tag::{self, Tag},
    vr::{LengthField, Vr},
};

/// Why a data set cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Tags must ascend.
    #[error("element {0} is out of order or there twice")]
    Order(Tag),
    /// A value is too long for its length field.
    #[error("element {tag} with VR {vr} has {bytes} bytes, more than its length field can say")]
    TooLong {
        /// Which.
        tag: Tag,
        /// Its VR.
        vr: Vr,
        /// Its size.
        bytes: usize,
    },
    /// Items need VR SQ, fragments OB or OW, bytes anything but SQ.
    #[error("element {tag} has VR {vr}, which its value does not fit")]
    WrongVr {
        /// Which.
        tag: Tag,
        /// Its VR.
        vr: Vr,
    },
    /// Numbers of a data set that was read as big endian must be turned first.
    #[error("the data set is still in big endian")]
    BigEndian,
    /// Group lengths and delimiters are not elements of a data set to be written.
    #[error("element {0} is never written")]
    Reserved(Tag),
}

/// Writes a data set in Explicit VR Little Endian.
///
/// # Errors
/// [`WriteError`] names the first element that cannot be written.
pub fn write_explicit(data_set: &DataSet<'_>) -> Result<Vec<u8>, WriteError> {
    write(data_set, Form::Explicit)
}

/// Writes a data set in Implicit VR Little Endian, the default of every association.
///
/// # Errors
/// [`WriteError`] names the first element that cannot be written.
pub fn write_implicit(data_set: &DataSet<'_>) -> Result<Vec<u8>, WriteError> {
    write(data_set, Form::Implicit)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Explicit,
    Implicit,
}

fn write(data_set: &DataSet<'_>, form: Form) -> Result<Vec<u8>, WriteError> {
    let mut out = Vec::with_capacity(data_set_bytes(data_set, form));
    write_data_set(data_set, form, &mut out)?;
    Ok(out)
}

fn write_data_set(data_set: &DataSet<'_>, form: Form, out: &mut Vec<u8>) -> Result<(), WriteError> {
    if data_set.encoding() == Encoding::ExplicitBig {
        return Err(WriteError::BigEndian);
    }
    let mut last = None;
    for element in data_set.elements() {
        if last.is_some_and(|last| element.tag <= last) {
            return Err(WriteError::Order(element.tag));
        }
        last = Some(element.tag);
        write_element(element, form, out)?;
    }
    Ok(())
}

fn write_element(element: &Element<'_>, form: Form, out: &mut Vec<u8>) -> Result<(), WriteError> {
    let Element { tag, vr, value } = element;
    if tag.group() == 0xFFFE || tag.element() == 0 && tag.group() != 2 {
        return Err(WriteError::Reserved(*tag));
    }
    let fits = match value {
        Value::Bytes(_) => *vr != Vr::SQ,
        Value::Items(_) => *vr == Vr::SQ,
        Value::Fragments(_) => matches!(vr, Vr::OB | Vr::OW) && form == Form::Explicit,
    };
    if !fits {
        return Err(WriteError::WrongVr { tag: *tag, vr: *vr });
    }
    put_tag(*tag, out);
    let bytes = value_bytes(value, form);
    let too_long = || WriteError::TooLong { tag: *tag, vr: *vr, bytes };
    let length = match value {
        Value::Fragments(_) => u32::MAX,
        Value::Bytes(_) | Value::Items(_) => {
            u32::try_from(bytes).ok().filter(|length| *length != u32::MAX).ok_or_else(too_long)?
        }
    };
    match (form, vr.length_field()) {
        (Form::Implicit, _) => out.extend(length.to_le_bytes()),
        (Form::Explicit, LengthField::Short) => {
            out.extend(vr.as_str().as_bytes());
            out.extend(u16::try_from(length).or(Err(too_long()))?.to_le_bytes());
        }
        (Form::Explicit, LengthField::Long) => {
            out.extend(vr.as_str().as_bytes());
            out.extend([0, 0]);
            out.extend(length.to_le_bytes());
        }
    }
    write_value(*vr, value, form, out)
}

fn write_value(vr: Vr, value: &Value<'_>, form: Form, out: &mut Vec<u8>) -> Result<(), WriteError> {
    match value {
        Value::Bytes(bytes) => {
            out.extend_from_slice(bytes);
            if bytes.len() % 2 == 1 {
                out.push(vr.padding());
            }
        }
        Value::Items(items) => {
            for item in items {
                put_tag(tag::ITEM, out);
                // The whole value has been measured, so each part fits.
                let length = u32::try_from(data_set_bytes(item, form)).unwrap_or(u32::MAX);
                out.extend(length.to_le_bytes());
                write_data_set(item, form, out)?;
            }
        }
        Value::Fragments(fragments) => {
            for fragment in fragments {
                put_tag(tag::ITEM, out);
                let too_long = |_| WriteError::TooLong { tag: tag::PIXEL_DATA, vr, bytes: fragment.len() };
                out.extend(u32::try_from(even(fragment.len())).map_err(too_long)?.to_le_bytes());
                out.extend_from_slice(fragment);
                if fragment.len() % 2 == 1 {
                    out.push(0);
                }
            }
            put_tag(tag::SEQUENCE_DELIMITATION_ITEM, out);
            out.extend([0; 4]);
        }
    }
    Ok(())
}

fn put_tag(tag: Tag, out: &mut Vec<u8>) {
    out.extend(tag.group().to_le_bytes());
    out.extend(tag.element().to_le_bytes());
}

fn even(length: usize) -> usize {
    length + length % 2
}

fn data_set_bytes(data_set: &DataSet<'_>, form: Form) -> usize {
    data_set
        .elements()
        .iter()
        .map(|element| {
            let header = match (form, element.vr.length_field()) {
                (Form::Implicit, _) | (Form::Explicit, LengthField::Short) => 8,
                (Form::Explicit, LengthField::Long) => 12,
            };
            header + value_bytes(&element.value, form)
        })
        .sum()
}

fn value_bytes(value: &Value<'_>, form: Form) -> usize {
    match value {
        Value::Bytes(bytes) => even(bytes.len()),
        Value::Items(items) => items.iter().map(|item| 8 + data_set_bytes(item, form)).sum(),
        Value::Fragments(fragments) => 8 + fragments.iter().map(|f| 8 + even(f.len())).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::{self, Limits, Stop};

    fn sample() -> DataSet<'static> {
        let mut inner = DataSet::new();
        inner.put_str(tag::SOP_INSTANCE_UID, "1.2.3");
        let mut data_set = DataSet::new();
        data_set.put_str(tag::MODALITY, "SEG");
        data_set.put_items(Tag(0x0008, 0x1115), vec![inner.clone(), DataSet::new(), inner]);
        data_set.put_u16(tag::ROWS, &[512]);
        data_set.put_as(tag::PIXEL_DATA, Vr::OB, Value::Bytes(vec![1, 2, 3].into()));
        data_set
    }

    #[test]
    fn what_is_written_is_read_back_padded() {
        for (bytes, encoding) in [
            (write_explicit(&sample()).unwrap(), Encoding::ExplicitLittle),
            (write_implicit(&sample()).unwrap(), Encoding::ImplicitLittle),
        ] {
            let reading = reader::read(&bytes, encoding, Limits::default(), Stop::AtEnd);
            assert_eq!(reading.problems, []);
            assert_eq!(reading.data_set.bytes(tag::MODALITY), Some(&b"SEG "[..]));
            assert_eq!(reading.data_set.u16(tag::ROWS), Some(512));
            assert_eq!(reading.data_set.bytes(tag::PIXEL_DATA), Some(&[1, 2, 3, 0][..]));
            let items = reading.data_set.items(Tag(0x0008, 0x1115));
            let uids: Vec<_> = items.iter().map(|item| item.str(tag::SOP_INSTANCE_UID)).collect();
            assert_eq!(uids, [Some("1.2.3"), None, Some("1.2.3")]);
        }
    }

    #[test]
    fn fragments_go_both_ways() {
        let mut data_set = DataSet::new();
        let fragments = vec![vec![].into(), vec![1, 2, 3].into()];
        data_set.put_as(tag::PIXEL_DATA, Vr::OB, Value::Fragments(fragments));
        let bytes = write_explicit(&data_set).unwrap();
        let reading = reader::read(&bytes, Encoding::ExplicitLittle, Limits::default(), Stop::AtEnd);
        let want = Value::Fragments(vec![vec![].into(), vec![1, 2, 3, 0].into()]);
        assert_eq!(reading.data_set.get(tag::PIXEL_DATA).map(|e| &e.value), Some(&want));
    }

    #[test]
    fn broken_structure_is_refused() {
        let element = |tag, vr, value| Element { tag, vr, value };
        let write = |elements| write_explicit(&DataSet::from_parts(Encoding::ExplicitLittle, elements));
        let empty = || Value::Bytes(Vec::new().into());
        assert_eq!(
            write(vec![element(tag::ROWS, Vr::US, empty()), element(tag::MODALITY, Vr::CS, empty())]),
            Err(WriteError::Order(tag::MODALITY))
        );
        assert_eq!(
            write(vec![element(tag::MODALITY, Vr::SQ, empty())]),
            Err(WriteError::WrongVr { tag: tag::MODALITY, vr: Vr::SQ })
        );
        assert_eq!(
            write(vec![element(tag::MODALITY, Vr::LT, Value::Bytes(vec![b'a'; 65_536].into()))]),
            Err(WriteError::TooLong { tag: tag::MODALITY, vr: Vr::LT, bytes: 65_536 })
        );
        assert_eq!(write(vec![element(Tag(8, 0), Vr::UL, empty())]), Err(WriteError::Reserved(Tag(8, 0))));
    }
}
