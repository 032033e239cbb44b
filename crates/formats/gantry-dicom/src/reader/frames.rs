//! The reader's explicit stack: data sets and sequences that are still open.
//!
//! Invariant: the bottom frame is the data set itself; above it, sequences and items alternate.

use crate::{
    data_set::{DataSet, Element, Value},
    reader::header::Length,
    syntax::Encoding,
    tag::{self, Tag},
    vr::Vr,
};

/// Something open.
pub(super) enum Frame<'a> {
    /// The data set, or an item: elements follow.
    Elements { data_set: DataSet<'a>, end: usize, length: Length },
    /// A sequence: items follow.
    Items { tag: Tag, items: Vec<DataSet<'a>>, encoding: Encoding, end: usize, length: Length },
}

impl Frame<'_> {
    pub(super) fn end(&self) -> usize {
        match self {
            Self::Elements { end, .. } | Self::Items { end, .. } => *end,
        }
    }

    pub(super) fn encoding(&self) -> Encoding {
        match self {
            Self::Elements { data_set, .. } => data_set.encoding(),
            Self::Items { encoding, .. } => *encoding,
        }
    }

    /// Whether a delimiter must end it.
    pub(super) fn is_open_ended(&self) -> bool {
        match self {
            Self::Elements { length, .. } | Self::Items { length, .. } => *length == Length::Undefined,
        }
    }
}

pub(super) struct Stack<'a> {
    below: Vec<Frame<'a>>,
    top: Frame<'a>,
}

impl<'a> Stack<'a> {
    pub(super) fn new(encoding: Encoding, end: usize) -> Self {
        let data_set = DataSet::from_parts(encoding, Vec::new());
        Self { below: Vec::new(), top: Frame::Elements { data_set, end, length: Length::Undefined } }
    }

    pub(super) fn top(&self) -> &Frame<'a> {
        &self.top
    }

    pub(super) fn is_root(&self) -> bool {
        self.below.is_empty()
    }

    /// Sequences that are open.
    pub(super) fn depth(&self) -> usize {
        self.below.len().div_ceil(2)
    }

    /// The tag of the innermost open sequence, for messages.
    pub(super) fn top_tag(&self) -> Tag {
        let sequence =
            std::iter::once(&self.top).chain(self.below.iter().rev()).find_map(|frame| match frame {
                Frame::Items { tag, .. } => Some(*tag),
                Frame::Elements { .. } => None,
            });
        sequence.unwrap_or(tag::ITEM)
    }

    pub(super) fn last_tag(&self) -> Option<Tag> {
        match &self.top {
            Frame::Elements { data_set, .. } => data_set.elements().last().map(|element| element.tag),
            Frame::Items { .. } => None,
        }
    }

    pub(super) fn push_element(&mut self, element: Element<'a>) {
        if let Frame::Elements { data_set, .. } = &mut self.top {
            data_set.push(element);
        }
    }

    pub(super) fn open_items(&mut self, tag: Tag, encoding: Encoding, end: usize, length: Length) {
        self.open(Frame::Items { tag, items: Vec::new(), encoding, end, length });
    }

    pub(super) fn open_elements(&mut self, encoding: Encoding, end: usize, length: Length) {
        self.open(Frame::Elements { data_set: DataSet::from_parts(encoding, Vec::new()), end, length });
    }

    fn open(&mut self, frame: Frame<'a>) {
        self.below.push(std::mem::replace(&mut self.top, frame));
    }

    /// Closes the top frame and hands it to the one below; the bottom frame stays.
    pub(super) fn close(&mut self) {
        let Some(parent) = self.below.pop() else { return };
        match (std::mem::replace(&mut self.top, parent), &mut self.top) {
            (Frame::Items { tag, items, .. }, Frame::Elements { data_set, .. }) => {
                data_set.push(Element { tag, vr: Vr::SQ, value: Value::Items(items) });
            }
            (Frame::Elements { data_set, .. }, Frame::Items { items, .. }) => items.push(data_set),
            // Frames alternate: see the invariant.
            (Frame::Items { .. }, Frame::Items { .. }) | (Frame::Elements { .. }, Frame::Elements { .. }) => {
            }
        }
    }

    pub(super) fn into_root(self) -> DataSet<'a> {
        match self.top {
            Frame::Elements { data_set, .. } => data_set,
            Frame::Items { encoding, .. } => DataSet::from_parts(encoding, Vec::new()),
        }
    }
}
