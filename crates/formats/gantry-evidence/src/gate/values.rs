//! Values: legal for their VR, with the VR of the dictionary; items of codes and references complete; text readable.
//!
//! What stands in a source as well is inherited: the whole attribute of the data set, or a UID that names something
//! of the source.

use gantry_dicom::{
    data_set::{DataSet, Element, Value},
    dictionary, rules,
    tag::{self, Tag},
    vr::Vr,
};

use crate::{
    header::{is_identity, missing_in_item},
    note::Named,
    source::Source,
};

use super::{Complaints, Rule, Standing};

/// Judges every element, items included. Nesting is bounded by the reader's limit.
pub(super) fn judge(data_set: &DataSet<'_>, sources: &[&Source], list: &mut Complaints) {
    for element in data_set.elements() {
        judge_element(element, &Place { root: element, sources }, list);
    }
    judge_character_set(data_set, sources, list);
}

struct Place<'a> {
    /// The attribute of the data set that the element is or stands in.
    root: &'a Element<'a>,
    sources: &'a [&'a Source],
}

impl Place<'_> {
    /// Inherited if a source has the same attribute, or this element of it, or the thing that this UID names.
    fn standing(&self, element: &Element<'_>) -> Standing {
        let inherited = self.sources.iter().any(|source| {
            has_same(source.header(), self.root)
                || has_same(source.header(), element)
                || is_uid_of(source, element)
        });
        if inherited { Standing::Inherited } else { Standing::Blocking }
    }
}

fn judge_element(element: &Element<'_>, place: &Place<'_>, list: &mut Complaints) {
    let tag = element.tag;
    if let Some(vr) = dictionary::vr(tag).filter(|vr| !agrees(*vr, element.vr)) {
        let sentence = format!("{} has VR {}, the dictionary says {vr}", at(tag, place), element.vr);
        list.add_as(place.standing(element), Rule::Value, sentence);
        return;
    }
    if let Some(violation) = rules::violation(element) {
        // The rule may quote the value, which of identity it must not.
        let sentence = if is_identity(place.root.tag) || is_identity(tag) {
            format!("{}: the value is not legal for VR {}", at(tag, place), element.vr)
        } else {
            format!("{}: {violation}", at(tag, place))
        };
        list.add_as(place.standing(element), Rule::Value, sentence);
    }
    let Value::Items(items) = &element.value else { return };
    for item in items {
        if let Some(missing) = missing_in_item(tag, item) {
            let sentence = format!("an item of {} has no {}", at(tag, place), Named(missing));
            list.add_as(place.standing(element), Rule::Complete, sentence);
        }
        for element in item.elements() {
            judge_element(element, place, list);
        }
    }
}

fn at(tag: Tag, place: &Place<'_>) -> String {
    let root = place.root.tag;
    if tag == root { Named(tag).to_string() } else { format!("{} in {}", Named(tag), Named(root)) }
}

/// Where the dictionary offers a choice it has only one of the VRs.
fn agrees(of_dictionary: Vr, written: Vr) -> bool {
    let words = [Vr::US, Vr::SS, Vr::OW];
    let bulk = [Vr::OB, Vr::OW];
    of_dictionary == written
        || words.contains(&of_dictionary) && words.contains(&written)
        || bulk.contains(&of_dictionary) && bulk.contains(&written)
}

/// Whether a header has the same value: the bytes without padding, item by item.
fn has_same(header: &DataSet<'_>, element: &Element<'_>) -> bool {
    header.get(element.tag).is_some_and(|own| is_same(&own.value, &element.value))
}

/// What a source has more is left out of ours if it is private (PS3.5 7.8), or a group length.
pub(crate) fn is_same(of_source: &Value<'_>, value: &Value<'_>) -> bool {
    match (of_source, value) {
        (Value::Bytes(a), Value::Bytes(b)) => trimmed(a) == trimmed(b),
        (Value::Items(a), Value::Items(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| {
                    let copied = |tag: Tag| !tag.is_private() && tag.element() != 0;
                    let elements = a.elements().iter().filter(|element| copied(element.tag)).count();
                    elements == b.elements().len() && b.elements().iter().all(|element| has_same(a, element))
                })
        }
        (Value::Bytes(a), Value::Items(b)) => a.is_empty() && b.is_empty(),
        (Value::Bytes(_) | Value::Items(_) | Value::Fragments(_), _) => false,
    }
}

/// Without padding, which the writer of an odd value had to add.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

fn is_uid_of(source: &Source, element: &Element<'_>) -> bool {
    let Value::Bytes(bytes) = &element.value else { return false };
    let Ok(uid) = std::str::from_utf8(trimmed(bytes)) else { return false };
    let space = source.frame_of_reference().map(|space| space.as_str());
    element.vr == Vr::UI
        && (uid == source.study().as_str()
            || uid == source.series().as_str()
            || Some(uid) == space
            || source.image(uid).is_some())
}

/// Specific Character Set (0008,0005) is of type 1C: text beyond ASCII needs it.
fn judge_character_set(data_set: &DataSet<'_>, sources: &[&Source], list: &mut Complaints) {
    if !data_set.str(tag::SPECIFIC_CHARACTER_SET).unwrap_or_default().is_empty() {
        return;
    }
    for element in data_set.elements().iter().filter(|element| is_beyond_ascii(element)) {
        let inherited = sources.iter().any(|source| {
            has_same(source.header(), element)
                && source.header().str(tag::SPECIFIC_CHARACTER_SET).unwrap_or_default().is_empty()
        });
        let standing = if inherited { Standing::Inherited } else { Standing::Blocking };
        let sentence = format!(
            "{} is not ASCII, and there is no {}",
            Named(element.tag),
            Named(tag::SPECIFIC_CHARACTER_SET)
        );
        list.add_as(standing, Rule::Value, sentence);
    }
}

/// Items may have a character set of their own.
fn is_beyond_ascii(element: &Element<'_>) -> bool {
    match &element.value {
        Value::Bytes(bytes) => element.vr.is_text() && !bytes.is_ascii(),
        Value::Items(items) => items.iter().any(|item| {
            item.str(tag::SPECIFIC_CHARACTER_SET).unwrap_or_default().is_empty()
                && item.elements().iter().any(is_beyond_ascii)
        }),
        Value::Fragments(_) => false,
    }
}
