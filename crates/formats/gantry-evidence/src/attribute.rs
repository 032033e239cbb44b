//! Putting values of our own into data sets.
//!
//! Invariant: text of ours is printable ASCII and legal for its VR, whatever character set the source has: identity
//! stands beside it in the source's bytes, and ASCII reads the same in all of them.

use std::borrow::Cow;

use gantry_dicom::{
    data_set::{DataSet, Element, Value},
    dictionary, rules,
    tag::{self, Tag},
    vr::Vr,
};
use gantry_types::{code::Code, instant::Stamp, uid::Uid};

use crate::error::RenderError;

/// Puts one text value of ours.
pub(crate) fn put_text(data_set: &mut DataSet<'_>, tag: Tag, text: &str) -> Result<(), RenderError> {
    put_texts(data_set, tag, &[text])
}

/// Puts the values of a multi-valued text of ours.
pub(crate) fn put_texts(data_set: &mut DataSet<'_>, tag: Tag, texts: &[&str]) -> Result<(), RenderError> {
    let vr = dictionary::vr(tag).unwrap_or(Vr::UN);
    for text in texts {
        if !text.bytes().all(|byte| is_legal_in(vr, byte)) {
            return Err(RenderError::NotAscii { tag, text: (*text).to_owned() });
        }
    }
    let value = Value::Bytes(Cow::Owned(texts.join("\\").into_bytes()));
    let element = Element { tag, vr, value };
    if let Some(violation) = rules::violation(&element) {
        return Err(RenderError::IllegalText { tag, violation });
    }
    data_set.put(tag, element.value);
    Ok(())
}

/// Backslash separates values, except in the long texts, which also have lines (PS3.5 6.1.2.3, 6.2).
fn is_legal_in(vr: Vr, byte: u8) -> bool {
    let long = matches!(vr, Vr::LT | Vr::ST | Vr::UT);
    match byte {
        b'\\' | b'\n' | b'\r' => long,
        _ => matches!(byte, b' '..=b'~'),
    }
}

/// Puts a UID of ours or one that a peer gave.
pub(crate) fn put_uid(data_set: &mut DataSet<'_>, tag: Tag, uid: &str) {
    data_set.put_str(tag, uid);
}

/// Puts the date and time of a stamp in the two elements that the standard has for it.
pub(crate) fn put_stamp(data_set: &mut DataSet<'_>, date: Tag, time: Tag, stamp: Stamp) {
    data_set.put_str(date, stamp.da());
    data_set.put_str(time, stamp.tm());
}

/// A code sequence item (PS3.3 8.8).
pub(crate) fn coded(code: &Code) -> Result<DataSet<'static>, RenderError> {
    let mut item = DataSet::new();
    let value = if code.value.starts_with("urn:") {
        tag::URN_CODE_VALUE
    } else if code.value.len() <= 16 {
        tag::CODE_VALUE
    } else {
        tag::LONG_CODE_VALUE
    };
    put_text(&mut item, value, &code.value)?;
    put_text(&mut item, tag::CODING_SCHEME_DESIGNATOR, &code.scheme)?;
    put_text(&mut item, tag::CODE_MEANING, &code.meaning)?;
    Ok(item)
}

/// Puts a code sequence of one item.
pub(crate) fn put_code(data_set: &mut DataSet<'static>, tag: Tag, code: &Code) -> Result<(), RenderError> {
    data_set.put_items(tag, vec![coded(code)?]);
    Ok(())
}

/// An item that refers to an object (PS3.3 10.8).
pub(crate) fn sop_reference(sop_class: &str, sop_instance: &str) -> DataSet<'static> {
    let mut item = DataSet::new();
    put_uid(&mut item, tag::REFERENCED_SOP_CLASS_UID, sop_class);
    put_uid(&mut item, tag::REFERENCED_SOP_INSTANCE_UID, sop_instance);
    item
}

/// An item of a sequence of series: the series and, under `instances`, its objects.
pub(crate) fn series_item(
    series: &str,
    instances: Tag,
    references: Vec<DataSet<'static>>,
) -> DataSet<'static> {
    let mut item = DataSet::new();
    put_uid(&mut item, tag::SERIES_INSTANCE_UID, series);
    item.put_items(instances, references);
    item
}

/// A UID of ours as a text.
pub(crate) fn put_own_uid(data_set: &mut DataSet<'_>, tag: Tag, uid: &Uid) {
    put_uid(data_set, tag, uid.as_str());
}
