//! The elements of a command set (PS3.7 Annex E), read and written without regard to which command it is.
//!
//! A command set is flat, of group 0000 alone, and always in Implicit VR Little Endian. Reading tolerates what does
//! not touch the meaning: a wrong group length, unknown and repeated elements, any order, odd lengths.

use alloc::{boxed::Box, string::String, vec::Vec};

use gantry_types::{
    ae_title::AeTitle,
    uid::{SopClassUid, SopInstanceUid},
};

use super::{CommandError, MessageId, OffendingElement};
use crate::{
    cursor::{Cursor, text},
    deviation::{Deviation, Deviations},
};

macro_rules! elements {
    ($($name:ident = $number:literal;)*) => {
        /// Element numbers in group 0000, of those that we read.
        pub(super) mod element {
            $(pub(in super::super) const $name: u16 = $number;)*
            pub(in super::super) const ALL: &[u16] = &[$($name),*];
        }
    };
}

elements! {
    GROUP_LENGTH = 0x0000;
    AFFECTED_SOP_CLASS_UID = 0x0002;
    REQUESTED_SOP_CLASS_UID = 0x0003;
    COMMAND_FIELD = 0x0100;
    MESSAGE_ID = 0x0110;
    MESSAGE_ID_BEING_RESPONDED_TO = 0x0120;
    PRIORITY = 0x0700;
    COMMAND_DATA_SET_TYPE = 0x0800;
    STATUS = 0x0900;
    OFFENDING_ELEMENT = 0x0901;
    ERROR_COMMENT = 0x0902;
    AFFECTED_SOP_INSTANCE_UID = 0x1000;
    REQUESTED_SOP_INSTANCE_UID = 0x1001;
    MOVE_ORIGINATOR_AE_TITLE = 0x1030;
    MOVE_ORIGINATOR_MESSAGE_ID = 0x1031;
}

/// Characters of an LO, and so of an Error Comment.
const ERROR_COMMENT_CHARACTERS_MAX: usize = 64;

/// What is kept of a peer's Error Comment: more than it may send, less than it could.
const ERROR_COMMENT_BYTES_KEPT: usize = 256;

/// As many elements as a peer may complain of in one response.
const OFFENDING_ELEMENTS_MAX: usize = 64;

/// All elements that any of our commands has.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) command_field: Option<u16>,
    pub(super) message_id: Option<MessageId>,
    pub(super) responds_to: Option<MessageId>,
    pub(super) priority: Option<u16>,
    pub(super) data_set_type: Option<u16>,
    pub(super) status: Option<u16>,
    pub(super) error_comment: Option<Box<str>>,
    pub(super) offending_elements: Vec<OffendingElement>,
    pub(super) affected_class: Option<SopClassUid>,
    pub(super) requested_class: Option<SopClassUid>,
    pub(super) affected_instance: Option<SopInstanceUid>,
    pub(super) requested_instance: Option<SopInstanceUid>,
    pub(super) originator_title: Option<AeTitle>,
    pub(super) originator_message: Option<MessageId>,
}

impl Fields {
    /// Reads a whole command set.
    pub(super) fn read(bytes: &[u8], deviations: &mut Deviations) -> Result<Self, CommandError> {
        let mut fields = Self::default();
        let mut seen = Vec::new();
        let mut cursor = Cursor::new(bytes);
        let mut group_length = None;
        while !cursor.is_empty() {
            let (group, number, value) = next_element(&mut cursor).ok_or(CommandError::Truncated)?;
            if group != 0 {
                deviations.note(Deviation::ForeignElement(group));
            } else if !element::ALL.contains(&number) {
                // An element of another service; what it says is nothing to us.
            } else if seen.contains(&number) {
                deviations.note(Deviation::RepeatedElement(number));
            } else if number == element::GROUP_LENGTH {
                group_length = le_u32(value).filter(|&l| usize::try_from(l) == Ok(cursor.remainder().len()));
                seen.push(number);
            } else {
                if fields.take(number, value, deviations).is_none() {
                    deviations.note(Deviation::BadElement(number));
                }
                seen.push(number);
            }
        }
        if group_length.is_none() {
            deviations.note(Deviation::CommandGroupLength);
        }
        Ok(fields)
    }

    /// Takes one element; nothing if its value does not fit.
    fn take(&mut self, number: u16, value: &[u8], deviations: &mut Deviations) -> Option<()> {
        match number {
            element::COMMAND_FIELD => self.command_field = Some(le_u16(value)?),
            element::MESSAGE_ID => self.message_id = Some(MessageId(le_u16(value)?)),
            element::MESSAGE_ID_BEING_RESPONDED_TO => self.responds_to = Some(MessageId(le_u16(value)?)),
            element::PRIORITY => self.priority = Some(le_u16(value)?),
            element::COMMAND_DATA_SET_TYPE => self.data_set_type = Some(le_u16(value)?),
            element::STATUS => self.status = Some(le_u16(value)?),
            element::ERROR_COMMENT => {
                let kept = value.get(..ERROR_COMMENT_BYTES_KEPT).unwrap_or(value);
                self.error_comment = Some(text(kept).trim_matches([' ', '\0']).into());
            }
            element::OFFENDING_ELEMENT => {
                let (tags, _rest) = value.as_chunks::<4>();
                let tag = |&[g0, g1, e0, e1]: &[u8; 4]| OffendingElement {
                    group: u16::from_le_bytes([g0, g1]),
                    element: u16::from_le_bytes([e0, e1]),
                };
                self.offending_elements = tags.iter().take(OFFENDING_ELEMENTS_MAX).map(tag).collect();
            }
            element::AFFECTED_SOP_CLASS_UID => self.affected_class = class(value, deviations),
            element::REQUESTED_SOP_CLASS_UID => self.requested_class = class(value, deviations),
            element::AFFECTED_SOP_INSTANCE_UID => self.affected_instance = instance(value, deviations),
            element::REQUESTED_SOP_INSTANCE_UID => self.requested_instance = instance(value, deviations),
            element::MOVE_ORIGINATOR_AE_TITLE => {
                self.originator_title = Some(AeTitle::parse(&text(value)).ok()?);
            }
            element::MOVE_ORIGINATOR_MESSAGE_ID => self.originator_message = Some(MessageId(le_u16(value)?)),
            _ => (),
        }
        Some(())
    }

    /// The command set, elements in order, with its group length.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_text(&mut out, element::AFFECTED_SOP_CLASS_UID, self.affected_class.as_ref().map(|u| u.as_str()));
        put_u16(&mut out, element::COMMAND_FIELD, self.command_field);
        put_u16(&mut out, element::MESSAGE_ID, self.message_id.map(|id| id.0));
        put_u16(&mut out, element::MESSAGE_ID_BEING_RESPONDED_TO, self.responds_to.map(|id| id.0));
        put_u16(&mut out, element::PRIORITY, self.priority);
        put_u16(&mut out, element::COMMAND_DATA_SET_TYPE, self.data_set_type);
        put_u16(&mut out, element::STATUS, self.status);
        if !self.offending_elements.is_empty() {
            let tag = |tag: &OffendingElement| [tag.group.to_le_bytes(), tag.element.to_le_bytes()].concat();
            let tags = self.offending_elements.iter().take(OFFENDING_ELEMENTS_MAX);
            put(&mut out, element::OFFENDING_ELEMENT, &tags.flat_map(tag).collect::<Vec<u8>>());
        }
        if let Some(comment) = &self.error_comment {
            put_padded(&mut out, element::ERROR_COMMENT, writable_comment(comment), b' ');
        }
        let instance = self.affected_instance.as_ref().map(|uid| uid.as_str());
        put_text(&mut out, element::AFFECTED_SOP_INSTANCE_UID, instance);
        if let Some(title) = &self.originator_title {
            put_padded(&mut out, element::MOVE_ORIGINATOR_AE_TITLE, title.as_str().into(), b' ');
        }
        put_u16(&mut out, element::MOVE_ORIGINATOR_MESSAGE_ID, self.originator_message.map(|id| id.0));
        let mut whole = Vec::with_capacity(out.len() + 12);
        let length = u32::try_from(out.len()).unwrap_or(u32::MAX);
        put(&mut whole, element::GROUP_LENGTH, &length.to_le_bytes());
        whole.extend(out);
        whole
    }
}

fn next_element<'a>(cursor: &mut Cursor<'a>) -> Option<(u16, u16, &'a [u8])> {
    let group = u16::from_le_bytes(cursor.array()?);
    let number = u16::from_le_bytes(cursor.array()?);
    let length = u32::from_le_bytes(cursor.array()?);
    Some((group, number, cursor.take(usize::try_from(length).ok()?)?))
}

fn le_u16(value: &[u8]) -> Option<u16> {
    value.first_chunk().copied().map(u16::from_le_bytes)
}

fn le_u32(value: &[u8]) -> Option<u32> {
    value.first_chunk().copied().map(u32::from_le_bytes)
}

fn class(value: &[u8], deviations: &mut Deviations) -> Option<SopClassUid> {
    let uid = SopClassUid::from_peer(&text(value))?;
    if !uid.is_regular() {
        deviations.note(Deviation::IrregularUid);
    }
    Some(uid)
}

fn instance(value: &[u8], deviations: &mut Deviations) -> Option<SopInstanceUid> {
    let uid = SopInstanceUid::from_peer(&text(value))?;
    if !uid.is_regular() {
        deviations.note(Deviation::IrregularUid);
    }
    Some(uid)
}

fn put(out: &mut Vec<u8>, number: u16, value: &[u8]) {
    out.extend([0; 2]);
    out.extend(number.to_le_bytes());
    // Values are UIDs, titles, short comments and numbers.
    out.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(value);
}

fn put_u16(out: &mut Vec<u8>, number: u16, value: Option<u16>) {
    if let Some(value) = value {
        put(out, number, &value.to_le_bytes());
    }
}

/// A UID, padded with NUL.
fn put_text(out: &mut Vec<u8>, number: u16, value: Option<&str>) {
    if let Some(value) = value {
        put_padded(out, number, value.into(), b'\0');
    }
}

fn put_padded(out: &mut Vec<u8>, number: u16, value: String, padding: u8) {
    let mut value = value.into_bytes();
    if value.len() % 2 == 1 {
        value.push(padding);
    }
    put(out, number, &value);
}

/// A command set has no Specific Character Set, so only the default repertoire can be written; backslash separates.
fn writable_comment(comment: &str) -> String {
    let writable = |c: char| if matches!(c, ' '..='~') && c != '\\' { c } else { '?' };
    comment.chars().take(ERROR_COMMENT_CHARACTERS_MAX).map(writable).collect()
}
