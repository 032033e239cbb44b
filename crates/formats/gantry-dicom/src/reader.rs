//! The tolerant reader: bytes in; elements and a list of what was wrong out.
//!
//! It walks with an explicit stack, borrows every value from the input, and compares each length with what is
//! there before it believes it, so memory is bounded by the input and its [`Limits`]. What is wrong is noted as a
//! [`Problem`]; what could be read before the first damage is always returned.
//!
//! Invariants
//! - Never panics, never recurses, never allocates by a declared length.
//! - A data set without a problem for which [`ProblemKind::is_damage`] holds was read to its end.
//!
//! Sources: PS3.5 chapters 7 and 8, 6.2.2 (UN of undefined length), annex A.4 (encapsulation).

use std::{borrow::Cow, ops::ControlFlow};

use crate::{
    data_set::{DataSet, Element, Value},
    syntax::Encoding,
    tag::{self, Tag},
    vr::Vr,
};

mod frames;
mod header;
#[cfg(test)]
mod tests;

use frames::{Frame, Stack};
use header::{ElementHeader, Length};

/// What a data set may cost. Real ones stay far below; each limit that is crossed is a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sequences inside one another.
    pub depth: usize,
    /// Elements in all, nested ones included.
    pub elements: usize,
    /// Items and fragments in all.
    pub items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, elements: 2_000_000, items: 2_000_000 }
    }
}

/// Where to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// At the end of the bytes.
    AtEnd,
    /// Before the first element of the data set itself (not of an item) whose tag is at least this.
    Before(Tag),
}

/// What was read.
#[derive(Debug)]
pub struct Reading<'a> {
    /// All that could be read.
    pub data_set: DataSet<'a>,
    /// What was wrong, in the order of the input; at most [`PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
    /// Offset of the first byte that was not read: of the element to stop before, of the damage, or the end.
    pub end: usize,
}

impl Reading<'_> {
    /// The first problem that cost data.
    #[must_use]
    pub fn damage(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.kind.is_damage())
    }
}

/// How many problems are kept; a hostile file can have millions.
pub const PROBLEMS_MAX: usize = 64;

/// Something in the input that breaks PS3.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// At which element.
    pub tag: Tag,
    /// At which byte of the input.
    pub offset: usize,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The input ends inside the header of an element.
    #[error("the data set ends inside an element header")]
    TruncatedHeader,
    /// A value is longer than what is left.
    #[error("the value declares {declared} bytes where {available} are left")]
    TruncatedValue {
        /// As the length field says.
        declared: u32,
        /// What is there.
        available: usize,
    },
    /// A sequence or item of undefined length has no end.
    #[error("a delimiter is missing")]
    MissingDelimiter,
    /// An item is longer than the sequence, or a sequence than the item, that it stands in.
    #[error("an item or sequence reaches beyond what contains it")]
    BeyondParent,
    /// Something other than an item stands in a sequence.
    #[error("a sequence holds something that is no item")]
    NotAnItem,
    /// Nesting deeper than the limit.
    #[error("sequences are nested deeper than the limit")]
    TooDeep,
    /// More elements or items than the limit.
    #[error("more elements or items than the limit")]
    TooMany,
    /// Neither a known VR nor anything that implicit encoding could be.
    #[error("an element header cannot be understood")]
    Unintelligible,
    /// Two letters that are no VR.
    #[error("the value representation is not known")]
    UnknownVr,
    /// Implicit where the syntax says explicit, or the other way round.
    #[error("the element is not encoded as the transfer syntax says")]
    OtherEncoding,
    /// A value, or a fragment, of odd length.
    #[error("the value has odd length")]
    OddLength,
    /// Tags do not ascend.
    #[error("the element is out of order")]
    OutOfOrder,
    /// The same tag again.
    #[error("the element occurs twice")]
    Duplicate,
    /// Bytes after the data set.
    #[error("bytes follow the data set")]
    TrailingBytes,
    /// A delimiter with a length, or one where none belongs.
    #[error("a stray delimiter")]
    StrayDelimiter,
}

impl ProblemKind {
    /// Whether something that was meant to be there could not be read.
    #[must_use]
    pub fn is_damage(self) -> bool {
        match self {
            Self::TruncatedHeader
            | Self::TruncatedValue { .. }
            | Self::MissingDelimiter
            | Self::NotAnItem
            | Self::TooDeep
            | Self::TooMany
            | Self::Unintelligible => true,
            Self::BeyondParent
            | Self::UnknownVr
            | Self::OtherEncoding
            | Self::OddLength
            | Self::OutOfOrder
            | Self::Duplicate
            | Self::TrailingBytes
            | Self::StrayDelimiter => false,
        }
    }
}

/// Reads a data set without file meta information.
#[must_use]
pub fn read(bytes: &[u8], encoding: Encoding, limits: Limits, stop: Stop) -> Reading<'_> {
    let encoding_found = header::first_encoding(bytes, encoding);
    let mut reader = Reader {
        bytes,
        trailing_zeros: bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1),
        pos: 0,
        stop,
        limits,
        elements_left: limits.elements,
        items_left: limits.items,
        problems: Vec::new(),
    };
    if encoding_found != encoding {
        reader.note(ProblemKind::OtherEncoding, Tag(0, 0), 0);
    }
    let mut stack = Stack::new(encoding_found, bytes.len());
    while reader.step(&mut stack).is_continue() {}
    let end = reader.pos;
    let data_set = reader.unwind(stack);
    Reading { data_set, problems: reader.problems, end }
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// From here on there is nothing but zeros: padding, if an element could begin there.
    trailing_zeros: usize,
    pos: usize,
    stop: Stop,
    limits: Limits,
    elements_left: usize,
    items_left: usize,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn note(&mut self, kind: ProblemKind, tag: Tag, offset: usize) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { kind, tag, offset });
        } else if kind.is_damage()
            && let Some(last) = self.problems.last_mut()
        {
            // Damage must never be hidden by a crowd of trifles.
            *last = Problem { kind, tag, offset };
        }
    }

    fn damage(&mut self, kind: ProblemKind, tag: Tag) -> ControlFlow<()> {
        self.note(kind, tag, self.pos);
        ControlFlow::Break(())
    }

    fn step(&mut self, stack: &mut Stack<'a>) -> ControlFlow<()> {
        match stack.top() {
            Frame::Elements { end, .. } if self.pos >= *end => self.close_defined(stack),
            Frame::Items { end, .. } if self.pos >= *end => self.close_defined(stack),
            Frame::Elements { .. } => self.step_element(stack),
            Frame::Items { .. } => self.step_item(stack),
        }
    }

    /// The frame's end is reached: by its length, or because the bytes are out.
    fn close_defined(&mut self, stack: &mut Stack<'a>) -> ControlFlow<()> {
        if stack.is_root() {
            return ControlFlow::Break(());
        }
        if stack.top().is_open_ended() && self.pos >= self.bytes.len() {
            return self.damage(ProblemKind::MissingDelimiter, stack.top_tag());
        }
        if stack.top().is_open_ended() {
            // Its parent's length says that it ends here: the delimiter was forgotten.
            self.note(ProblemKind::BeyondParent, stack.top_tag(), self.pos);
        }
        stack.close();
        ControlFlow::Continue(())
    }

    fn step_element(&mut self, stack: &mut Stack<'a>) -> ControlFlow<()> {
        let start = self.pos;
        let frame_end = stack.top().end();
        let encoding = stack.top().encoding();
        let rest = self.bytes.get(start..frame_end).unwrap_or_default();
        if stack.is_root() && self.trailing_zeros <= start {
            self.note(ProblemKind::TrailingBytes, Tag(0, 0), start);
            return ControlFlow::Break(());
        }
        let header = match header::read(rest, encoding) {
            Ok(header) => header,
            Err(kind) => return self.damage(kind, stack.top_tag()),
        };
        if stack.is_root()
            && matches!(self.stop, Stop::Before(tag) if tag <= header.tag && header.tag.group() != 0xFFFE)
        {
            return ControlFlow::Break(());
        }
        if header.tag.group() == 0xFFFE {
            return self.step_delimiter(stack, header);
        }
        if self.elements_left == 0 {
            return self.damage(ProblemKind::TooMany, header.tag);
        }
        self.elements_left -= 1;
        if let Some(kind) = header.oddity {
            self.note(kind, header.tag, start);
        }
        match stack.last_tag() {
            Some(last) if last == header.tag => self.note(ProblemKind::Duplicate, header.tag, start),
            Some(last) if header.tag < last => self.note(ProblemKind::OutOfOrder, header.tag, start),
            Some(_) | None => {}
        }
        self.pos += header.bytes;
        self.read_value(stack, header)
    }

    fn read_value(&mut self, stack: &mut Stack<'a>, header: ElementHeader) -> ControlFlow<()> {
        match header.length {
            Length::Undefined if header.is_encapsulated() => self.read_fragments(stack, header),
            Length::Undefined => self.open_sequence(stack, header),
            Length::Defined(_) if header.vr == Vr::SQ => self.open_sequence(stack, header),
            Length::Defined(length) => {
                let available = stack.top().end() - self.pos;
                let Some(value) = usize::try_from(length)
                    .ok()
                    .filter(|length| *length <= available)
                    .and_then(|length| self.bytes.get(self.pos..self.pos + length))
                else {
                    self.pos -= header.bytes;
                    return self
                        .damage(ProblemKind::TruncatedValue { declared: length, available }, header.tag);
                };
                if length % 2 == 1 {
                    self.note(ProblemKind::OddLength, header.tag, self.pos);
                }
                self.pos += value.len();
                stack.push_element(Element {
                    tag: header.tag,
                    vr: header.vr,
                    value: Value::Bytes(Cow::Borrowed(value)),
                });
                ControlFlow::Continue(())
            }
        }
    }

    fn open_sequence(&mut self, stack: &mut Stack<'a>, header: ElementHeader) -> ControlFlow<()> {
        if self.limits.depth <= stack.depth() {
            self.pos -= header.bytes;
            return self.damage(ProblemKind::TooDeep, header.tag);
        }
        let end = self.child_end(stack, header.tag, header.length);
        // PS3.5 6.2.2 note 2: an unknown VR of undefined length holds implicit little endian.
        let encoding = if header.vr == Vr::UN { Encoding::ImplicitLittle } else { stack.top().encoding() };
        stack.open_items(header.tag, encoding, end, header.length);
        ControlFlow::Continue(())
    }

    /// Where a child with this length ends: never beyond its parent.
    fn child_end(&mut self, stack: &Stack<'a>, tag: Tag, length: Length) -> usize {
        let parent_end = stack.top().end();
        let Length::Defined(length) = length else { return parent_end };
        let end = usize::try_from(length).ok().and_then(|length| self.pos.checked_add(length));
        match end {
            Some(end) if end <= parent_end => end,
            // Inside of its parent nothing says which of the two lengths lies; beyond the input there is no doubt.
            Some(_) | None if end.is_none_or(|end| self.bytes.len() < end) => {
                let available = parent_end - self.pos;
                self.note(ProblemKind::TruncatedValue { declared: length, available }, tag, self.pos);
                parent_end
            }
            Some(_) | None => {
                self.note(ProblemKind::BeyondParent, tag, self.pos);
                parent_end
            }
        }
    }

    fn step_delimiter(&mut self, stack: &mut Stack<'a>, header: ElementHeader) -> ControlFlow<()> {
        let at = self.pos;
        self.pos += header.bytes;
        if header.tag == tag::ITEM_DELIMITATION_ITEM && !stack.is_root() {
            if header.length != Length::Defined(0) || !stack.top().is_open_ended() {
                self.note(ProblemKind::StrayDelimiter, header.tag, at);
            }
            stack.close();
            return ControlFlow::Continue(());
        }
        if header.tag == tag::SEQUENCE_DELIMITATION_ITEM && !stack.is_root() {
            // The item's own delimiter was forgotten; the sequence ends.
            self.note(ProblemKind::StrayDelimiter, header.tag, at);
            stack.close();
            stack.close();
            return ControlFlow::Continue(());
        }
        self.pos = at;
        self.damage(ProblemKind::Unintelligible, header.tag)
    }

    fn step_item(&mut self, stack: &mut Stack<'a>) -> ControlFlow<()> {
        let at = self.pos;
        let encoding = stack.top().encoding();
        let rest = self.bytes.get(at..stack.top().end()).unwrap_or_default();
        let Some((tag, length)) = header::read_item(rest, encoding) else {
            return self.damage(ProblemKind::TruncatedHeader, stack.top_tag());
        };
        if tag == tag::SEQUENCE_DELIMITATION_ITEM {
            self.pos += header::ITEM_BYTES;
            if !stack.top().is_open_ended() {
                self.note(ProblemKind::StrayDelimiter, tag, at);
            }
            stack.close();
            return ControlFlow::Continue(());
        }
        if tag != tag::ITEM {
            return self.damage(ProblemKind::NotAnItem, stack.top_tag());
        }
        if self.items_left == 0 {
            return self.damage(ProblemKind::TooMany, stack.top_tag());
        }
        self.items_left -= 1;
        self.pos += header::ITEM_BYTES;
        let end = self.child_end(stack, tag, length);
        stack.open_elements(encoding, end, length);
        ControlFlow::Continue(())
    }

    fn read_fragments(&mut self, stack: &mut Stack<'a>, header: ElementHeader) -> ControlFlow<()> {
        let mut fragments = Vec::new();
        let encoding = stack.top().encoding();
        let end = stack.top().end();
        let flow = loop {
            let rest = self.bytes.get(self.pos..end).unwrap_or_default();
            let Some((tag, length)) = header::read_item(rest, encoding) else {
                let kind = if rest.is_empty() {
                    ProblemKind::MissingDelimiter
                } else {
                    ProblemKind::TruncatedHeader
                };
                break self.damage(kind, header.tag);
            };
            if tag == tag::SEQUENCE_DELIMITATION_ITEM {
                self.pos += header::ITEM_BYTES;
                break ControlFlow::Continue(());
            }
            let (tag::ITEM, Length::Defined(declared)) = (tag, length) else {
                break self.damage(ProblemKind::NotAnItem, header.tag);
            };
            if self.items_left == 0 {
                break self.damage(ProblemKind::TooMany, header.tag);
            }
            self.items_left -= 1;
            let body = rest.get(header::ITEM_BYTES..).unwrap_or_default();
            let Some(fragment) = usize::try_from(declared).ok().and_then(|length| body.get(..length)) else {
                let kind = ProblemKind::TruncatedValue { declared, available: body.len() };
                break self.damage(kind, header.tag);
            };
            if declared % 2 == 1 {
                self.note(ProblemKind::OddLength, header.tag, self.pos);
            }
            self.pos += header::ITEM_BYTES + fragment.len();
            fragments.push(Cow::Borrowed(fragment));
        };
        // Fragments that came whole are kept even if the rest did not.
        stack.push_element(Element { tag: header.tag, vr: header.vr, value: Value::Fragments(fragments) });
        flow
    }

    /// Closes what is still open; the problem that stopped the walk has been noted.
    fn unwind(&mut self, mut stack: Stack<'a>) -> DataSet<'a> {
        while !stack.is_root() {
            stack.close();
        }
        stack.into_root()
    }
}
