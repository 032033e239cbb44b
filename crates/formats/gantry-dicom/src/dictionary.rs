//! The data dictionary (PS3.6): value representation and keyword of a tag, and the way back.

use crate::{tag::Tag, vr::Vr};

mod table;

use table::TABLE;

/// The value representation of an element, where the dictionary or a rule of PS3.5 7 knows it.
///
/// Where PS3.6 offers a choice (`US or SS`, `OB or OW`) the answer is the first or the wider; whoever needs the
/// other one knows it from Pixel Representation or Bits Allocated.
#[must_use]
pub fn vr(tag: Tag) -> Option<Vr> {
    if tag.element() == 0 {
        return Some(Vr::UL); // Group Length
    }
    if tag.is_private() {
        return (0x10..=0xFF).contains(&tag.element()).then_some(Vr::LO); // Private Creator (PS3.5 7.8.1)
    }
    entry(tag).or_else(|| entry(repeated(tag)?)).map(|(_, vr, _)| *vr)
}

/// The keyword of an element: `PatientID` and the like.
#[must_use]
pub fn keyword(tag: Tag) -> Option<&'static str> {
    entry(tag).map(|(_, _, keyword)| *keyword)
}

/// The tag with this keyword.
#[must_use]
pub fn tag(keyword: &str) -> Option<Tag> {
    TABLE.iter().find(|(_, _, known)| *known == keyword).map(|(tag, _, _)| Tag::from_u32(*tag))
}

fn entry(tag: Tag) -> Option<&'static (u32, Vr, &'static str)> {
    let index = TABLE.binary_search_by_key(&tag.to_u32(), |(tag, _, _)| *tag).ok()?;
    TABLE.get(index)
}

/// The tag of a repeating group's first group: curves (50xx) and overlays (60xx), PS3.5 7.6.
fn repeated(tag: Tag) -> Option<Tag> {
    match tag.group() >> 8 {
        0x60 => Some(Tag(0x6000, tag.element())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_unique() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        assert!(4000 < TABLE.len());
    }

    #[test]
    fn vr_of_standard_private_and_repeated_elements() {
        assert_eq!(vr(Tag(0x0020, 0x000D)), Some(Vr::UI));
        assert_eq!(vr(Tag(0x0009, 0x0010)), Some(Vr::LO));
        assert_eq!(vr(Tag(0x0009, 0x1010)), None);
        assert_eq!(vr(Tag(0x0008, 0x0000)), Some(Vr::UL));
        assert_eq!(vr(Tag(0x7FE0, 0x0010)), Some(Vr::OW));
    }

    #[test]
    fn keywords_go_both_ways() {
        assert_eq!(keyword(Tag(0x0010, 0x0020)), Some("PatientID"));
        assert_eq!(tag("SeriesInstanceUID"), Some(Tag(0x0020, 0x000E)));
        assert_eq!(tag("PatientId"), None);
    }
}
