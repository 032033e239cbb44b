//! Element and item headers, and the guesses that badly written ones force upon us (PS3.5 7.1, 7.5).

use crate::{
    dictionary,
    reader::ProblemKind,
    syntax::Encoding,
    tag::{self, Tag},
    vr::{LengthField, Vr},
};

/// A length field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Defined(u32),
    Undefined,
}

impl Length {
    fn of(length: u32) -> Self {
        if length == u32::MAX { Self::Undefined } else { Self::Defined(length) }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ElementHeader {
    pub(super) tag: Tag,
    pub(super) vr: Vr,
    pub(super) length: Length,
    /// Size of the header itself.
    pub(super) bytes: usize,
    /// What was strange about it.
    pub(super) oddity: Option<ProblemKind>,
}

impl ElementHeader {
    /// Pixel data of undefined length is encapsulated, whatever else is wrong with it.
    pub(super) fn is_encapsulated(&self) -> bool {
        self.tag == tag::PIXEL_DATA && self.vr != Vr::SQ || matches!(self.vr, Vr::OB | Vr::OW)
    }
}

pub(super) const ITEM_BYTES: usize = 8;

/// Tag and length of an item or delimiter; nothing if the bytes are out.
pub(super) fn read_item(bytes: &[u8], encoding: Encoding) -> Option<(Tag, Length)> {
    let (tag, rest) = read_tag(bytes, encoding)?;
    let length = rest.first_chunk::<4>()?;
    Some((tag, Length::of(encoding.u32(*length))))
}

fn read_tag(bytes: &[u8], encoding: Encoding) -> Option<(Tag, &[u8])> {
    let (group, rest) = bytes.split_first_chunk::<2>()?;
    let (element, rest) = rest.split_first_chunk::<2>()?;
    Some((Tag(encoding.u16(*group), encoding.u16(*element)), rest))
}

/// Reads the header of an element from all that is left of its data set.
pub(super) fn read(bytes: &[u8], encoding: Encoding) -> Result<ElementHeader, ProblemKind> {
    let (tag, rest) = read_tag(bytes, encoding).ok_or(ProblemKind::TruncatedHeader)?;
    if tag.group() == 0xFFFE {
        let (_, length) = read_item(bytes, encoding).ok_or(ProblemKind::TruncatedHeader)?;
        return Ok(ElementHeader { tag, vr: Vr::UN, length, bytes: ITEM_BYTES, oddity: None });
    }
    match encoding {
        Encoding::ImplicitLittle => implicit(tag, rest, encoding),
        Encoding::ExplicitLittle | Encoding::ExplicitBig => explicit(tag, rest, encoding),
    }
}

fn implicit(tag: Tag, rest: &[u8], encoding: Encoding) -> Result<ElementHeader, ProblemKind> {
    let (length, after) = rest.split_first_chunk::<4>().ok_or(ProblemKind::TruncatedHeader)?;
    let length = encoding.u32(*length);
    // An explicit header read as implicit has two letters in its length: 16 to 1.5 GB, which is not there.
    if encoding == Encoding::ImplicitLittle
        && !fits(length, after.len())
        && rest.first_chunk::<2>().copied().and_then(Vr::parse).is_some()
    {
        let header = explicit(tag, rest, Encoding::ExplicitLittle)?;
        return Ok(ElementHeader { oddity: Some(ProblemKind::OtherEncoding), ..header });
    }
    let vr = dictionary::vr(tag).unwrap_or(Vr::UN);
    Ok(ElementHeader { tag, vr, length: Length::of(length), bytes: 8, oddity: None })
}

fn explicit(tag: Tag, rest: &[u8], encoding: Encoding) -> Result<ElementHeader, ProblemKind> {
    let (letters, after_vr) = rest.split_first_chunk::<2>().ok_or(ProblemKind::TruncatedHeader)?;
    let Some(vr) = Vr::parse(*letters) else { return unknown_vr(tag, rest, encoding) };
    match vr.length_field() {
        LengthField::Short => {
            let length = after_vr.first_chunk::<2>().ok_or(ProblemKind::TruncatedHeader)?;
            let length = Length::Defined(u32::from(encoding.u16(*length)));
            Ok(ElementHeader { tag, vr, length, bytes: 8, oddity: None })
        }
        LengthField::Long => {
            let length =
                after_vr.get(2..).and_then(<[u8]>::first_chunk::<4>).ok_or(ProblemKind::TruncatedHeader)?;
            let length = Length::of(encoding.u32(*length));
            Ok(ElementHeader { tag, vr, length, bytes: 12, oddity: None })
        }
    }
}

/// An explicit header without a VR we know. Seen in the field: whole elements written implicit inside an explicit
/// data set (GE private sequences), VRs of later editions (long form, PS3.5 7.1.2), and blanks or rubbish in the
/// two letters (short form). The first reading whose length is there wins.
fn unknown_vr(tag: Tag, rest: &[u8], encoding: Encoding) -> Result<ElementHeader, ProblemKind> {
    let long = rest.get(4..).and_then(<[u8]>::split_first_chunk::<4>);
    let short = rest.get(2..).and_then(<[u8]>::split_first_chunk::<2>);
    if let Some((length, after)) = rest.split_first_chunk::<4>()
        && encoding != Encoding::ExplicitBig
        && fits(encoding.u32(*length), after.len())
    {
        let vr = dictionary::vr(tag).unwrap_or(Vr::UN);
        let length = Length::of(encoding.u32(*length));
        return Ok(ElementHeader { tag, vr, length, bytes: 8, oddity: Some(ProblemKind::OtherEncoding) });
    }
    if let Some((length, after)) = long
        && rest.get(2..4) == Some(&[0, 0])
        && fits(encoding.u32(*length), after.len())
    {
        let length = Length::of(encoding.u32(*length));
        return Ok(ElementHeader {
            tag,
            vr: Vr::UN,
            length,
            bytes: 12,
            oddity: Some(ProblemKind::UnknownVr),
        });
    }
    if let Some((length, after)) = short
        && usize::from(encoding.u16(*length)) <= after.len()
    {
        let vr = dictionary::vr(tag).filter(|vr| vr.length_field() == LengthField::Short).unwrap_or(Vr::UN);
        let length = Length::Defined(u32::from(encoding.u16(*length)));
        return Ok(ElementHeader { tag, vr, length, bytes: 8, oddity: Some(ProblemKind::UnknownVr) });
    }
    Err(ProblemKind::Unintelligible)
}

/// Whether a value of this length can be there.
fn fits(length: u32, available: usize) -> bool {
    length == u32::MAX || usize::try_from(length).is_ok_and(|length| length <= available)
}

/// The encoding that the first element is really in: senders mix up implicit and explicit.
pub(super) fn first_encoding(bytes: &[u8], declared: Encoding) -> Encoding {
    let (Some(letters), Some(length)) = (
        bytes.get(4..).and_then(<[u8]>::first_chunk::<2>),
        bytes.get(4..).and_then(<[u8]>::first_chunk::<4>),
    ) else {
        return declared;
    };
    let has_vr = Vr::parse(*letters).is_some();
    let available = bytes.len().saturating_sub(8);
    match declared {
        Encoding::ImplicitLittle if has_vr && !fits(u32::from_le_bytes(*length), available) => {
            Encoding::ExplicitLittle
        }
        Encoding::ExplicitLittle if !has_vr && fits(u32::from_le_bytes(*length), available) => {
            Encoding::ImplicitLittle
        }
        Encoding::ImplicitLittle | Encoding::ExplicitLittle | Encoding::ExplicitBig => declared,
    }
}
