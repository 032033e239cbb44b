//! Data sets in memory: elements with the bytes that came, or that will be written.
//!
//! One type serves reading and building: a value borrows from the input or owns what was put. Numbers stay in the
//! byte order of the data set's encoding until somebody asks for them.
//!
//! Invariants
//! - The reader keeps elements in the order, and as often, as they came; [`DataSet::get`] answers with the first.
//! - [`DataSet::put`] keeps ascending order and replaces an element of the same tag.

use std::borrow::Cow;

use crate::{dictionary, syntax::Encoding, tag::Tag, vr::Vr};

/// A list of elements: a whole data set, or an item of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet<'a> {
    encoding: Encoding,
    elements: Vec<Element<'a>>,
}

/// One data element.
#[derive(Debug, Clone, PartialEq)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: Tag,
    /// Its value representation: as written, else as the dictionary says, else `UN`.
    pub vr: Vr,
    /// Its value.
    pub value: Value<'a>,
}

/// The value of an element.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Bytes, padding included.
    Bytes(Cow<'a, [u8]>),
    /// Items of a sequence.
    Items(Vec<DataSet<'a>>),
    /// Encapsulated pixel data (PS3.5 A.4): the first item is the Basic Offset Table, empty or not.
    Fragments(Vec<Cow<'a, [u8]>>),
}

impl<'a> DataSet<'a> {
    /// An empty data set to be built, in little endian.
    #[must_use]
    pub const fn new() -> Self {
        Self { encoding: Encoding::ExplicitLittle, elements: Vec::new() }
    }

    pub(crate) const fn from_parts(encoding: Encoding, elements: Vec<Element<'a>>) -> Self {
        Self { encoding, elements }
    }

    /// The encoding that its numbers are in.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// All elements.
    #[must_use]
    pub fn elements(&self) -> &[Element<'a>] {
        &self.elements
    }

    pub(crate) fn push(&mut self, element: Element<'a>) {
        self.elements.push(element);
    }

    /// The first element with this tag.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<&Element<'a>> {
        self.elements.iter().find(|element| element.tag == tag)
    }

    /// The bytes of an element that is neither sequence nor encapsulated.
    #[must_use]
    pub fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        match &self.get(tag)?.value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Items(_) | Value::Fragments(_) => None,
        }
    }

    /// The items of a sequence; none if it is absent or no sequence.
    #[must_use]
    pub fn items(&self, tag: Tag) -> &[DataSet<'a>] {
        match self.get(tag).map(|element| &element.value) {
            Some(Value::Items(items)) => items,
            Some(Value::Bytes(_) | Value::Fragments(_)) | None => &[],
        }
    }

    /// A value of the default repertoire, without padding: for UI, CS, DS, IS, DA, TM, AE, AS. Bytes outside of
    /// ASCII make it absent here; whoever wants text asks `charset`.
    #[must_use]
    pub fn str(&self, tag: Tag) -> Option<&str> {
        let text = std::str::from_utf8(self.bytes(tag)?).ok()?;
        Some(text.trim_matches([' ', '\0']))
    }

    /// The values of a multi-valued string, each without padding; none if absent or empty.
    pub fn strs(&self, tag: Tag) -> impl Iterator<Item = &str> {
        let text = self.str(tag).unwrap_or_default();
        let all = if text.is_empty() { None } else { Some(text.split('\\')) };
        all.into_iter().flatten().map(|value| value.trim_matches([' ', '\0']))
    }

    /// The first number of an element of VR US (or of UN where a sender did not know better); nothing if the value
    /// is no whole number of words.
    #[must_use]
    pub fn u16(&self, tag: Tag) -> Option<u16> {
        match self.bytes(tag)?.as_chunks::<2>() {
            ([first, ..], []) => Some(self.encoding.u16(*first)),
            ([] | [..], _) => None,
        }
    }

    /// The number in an integer string.
    #[must_use]
    pub fn integer(&self, tag: Tag) -> Option<i64> {
        self.strs(tag).next()?.parse().ok()
    }

    /// Puts a value, in ascending order, replacing one of the same tag. The VR is the dictionary's.
    pub fn put(&mut self, tag: Tag, value: Value<'a>) {
        self.put_as(tag, dictionary::vr(tag).unwrap_or(Vr::UN), value);
    }

    /// Puts a value with a VR that the dictionary leaves open.
    pub fn put_as(&mut self, tag: Tag, vr: Vr, value: Value<'a>) {
        let element = Element { tag, vr, value };
        match self.elements.binary_search_by_key(&tag, |element| element.tag) {
            Ok(index) => {
                if let Some(old) = self.elements.get_mut(index) {
                    *old = element;
                }
            }
            Err(index) => self.elements.insert(index, element),
        }
    }

    /// Puts text that needs no character set, or is already encoded in the data set's. Padding is added.
    pub fn put_str(&mut self, tag: Tag, text: impl Into<String>) {
        self.put(tag, Value::Bytes(Cow::Owned(text.into().into_bytes())));
    }

    /// Puts a present, empty value.
    pub fn put_empty(&mut self, tag: Tag) {
        let empty = if dictionary::vr(tag) == Some(Vr::SQ) {
            Value::Items(Vec::new())
        } else {
            Value::Bytes(Cow::Borrowed(&[]))
        };
        self.put(tag, empty);
    }

    /// Puts numbers of VR US.
    pub fn put_u16(&mut self, tag: Tag, numbers: &[u16]) {
        let bytes = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        self.put_as(tag, Vr::US, Value::Bytes(Cow::Owned(bytes)));
    }

    /// Puts numbers of VR UL.
    pub fn put_u32(&mut self, tag: Tag, numbers: &[u32]) {
        let bytes = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        self.put_as(tag, Vr::UL, Value::Bytes(Cow::Owned(bytes)));
    }

    /// Puts a number of VR FD.
    pub fn put_f64(&mut self, tag: Tag, number: f64) {
        self.put_as(tag, Vr::FD, Value::Bytes(Cow::Owned(number.to_le_bytes().to_vec())));
    }

    /// Puts a tag as value (VR AT).
    pub fn put_tag(&mut self, tag: Tag, value: Tag) {
        let [a, b] = value.group().to_le_bytes();
        let [c, d] = value.element().to_le_bytes();
        self.put_as(tag, Vr::AT, Value::Bytes(Cow::Owned(vec![a, b, c, d])));
    }

    /// Puts a sequence.
    pub fn put_items(&mut self, tag: Tag, items: Vec<DataSet<'a>>) {
        self.put_as(tag, Vr::SQ, Value::Items(items));
    }

    /// Removes all elements with this tag.
    pub fn remove(&mut self, tag: Tag) {
        self.elements.retain(|element| element.tag != tag);
    }

    /// The same data set, owning its bytes, with numbers in little endian.
    #[must_use]
    pub fn to_little_endian(&self) -> DataSet<'static> {
        let elements = self.elements.iter().map(|element| element.to_little_endian(self.encoding)).collect();
        DataSet { encoding: Encoding::ExplicitLittle, elements }
    }
}

impl Default for DataSet<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl Element<'_> {
    /// The same element, owning its bytes, with numbers in little endian. Nesting is as deep as the reader's
    /// limit allows, so the recursion is bounded.
    #[must_use]
    pub fn to_little_endian(&self, encoding: Encoding) -> Element<'static> {
        let value = match &self.value {
            Value::Bytes(bytes) => {
                let mut bytes = bytes.to_vec();
                if encoding == Encoding::ExplicitBig {
                    bytes.chunks_exact_mut(self.vr.word_bytes()).for_each(<[u8]>::reverse);
                }
                Value::Bytes(Cow::Owned(bytes))
            }
            Value::Items(items) => Value::Items(items.iter().map(DataSet::to_little_endian).collect()),
            Value::Fragments(fragments) => {
                Value::Fragments(fragments.iter().map(|f| Cow::Owned(f.to_vec())).collect())
            }
        };
        Element { tag: self.tag, vr: self.vr, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag;

    #[test]
    fn put_keeps_order_and_replaces() {
        let mut data_set = DataSet::new();
        data_set.put_str(tag::PATIENT_ID, "2");
        data_set.put_str(tag::MODALITY, "CT");
        data_set.put_str(tag::PATIENT_ID, "3");
        let tags: Vec<Tag> = data_set.elements().iter().map(|e| e.tag).collect();
        assert_eq!(tags, [tag::MODALITY, tag::PATIENT_ID]);
        assert_eq!(data_set.str(tag::PATIENT_ID), Some("3"));
    }

    #[test]
    fn strs_of_an_empty_value_is_no_value() {
        let mut data_set = DataSet::new();
        data_set.put_empty(tag::IMAGE_TYPE);
        assert_eq!(data_set.strs(tag::IMAGE_TYPE).count(), 0);
        data_set.put_str(tag::IMAGE_TYPE, "ORIGINAL \\PRIMARY\\");
        assert_eq!(data_set.strs(tag::IMAGE_TYPE).collect::<Vec<_>>(), ["ORIGINAL", "PRIMARY", ""]);
    }

    #[test]
    fn big_endian_numbers_turn_and_text_does_not() {
        let element =
            |vr, bytes: &'static [u8]| Element { tag: tag::ROWS, vr, value: Value::Bytes(bytes.into()) };
        let turned = |vr, bytes| element(vr, bytes).to_little_endian(Encoding::ExplicitBig).value;
        assert_eq!(turned(Vr::US, &[1, 2, 3, 4]), Value::Bytes(vec![2, 1, 4, 3].into()));
        assert_eq!(turned(Vr::FL, &[1, 2, 3, 4]), Value::Bytes(vec![4, 3, 2, 1].into()));
        assert_eq!(turned(Vr::LO, b"AB"), Value::Bytes(b"AB".to_vec().into()));
    }
}
