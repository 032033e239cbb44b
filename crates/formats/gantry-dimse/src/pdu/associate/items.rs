//! The codec of A-ASSOCIATE-RQ and -AC: a fixed part of 68 bytes, then items (PS3.8 9.3.2, 9.3.3).
//!
//! An item that goes beyond its surrounding leaves no way to find the next one and is an error; an unknown one is
//! skipped. A presentation context identifier that comes twice with different contents would leave open how data
//! sets are encoded, so such a context keeps no transfer syntax and cannot be accepted.

use alloc::vec::Vec;

use gantry_types::uid::{SopClassUid, TransferSyntaxUid, Uid};

use super::{
    AeField, AnsweredContext, AssociateAc, AssociateRq, CONTEXTS_MAX, ContextId, ContextResult,
    ProposedContext, TRANSFER_SYNTAXES_MAX,
};
use crate::{
    cursor::{Cursor, put_item, text},
    deviation::{Deviation, Deviations},
    pdu::{DecodeError, EncodeError, PduType, user::UserInformation, with_header},
};

const APPLICATION_CONTEXT_ITEM: u8 = 0x10;
const PROPOSED_CONTEXT_ITEM: u8 = 0x20;
const ANSWERED_CONTEXT_ITEM: u8 = 0x21;
const ABSTRACT_SYNTAX_ITEM: u8 = 0x30;
const TRANSFER_SYNTAX_ITEM: u8 = 0x40;
const USER_INFORMATION_ITEM: u8 = 0x50;

/// More items than any honest PDU or presentation context has.
const ITEMS_MAX: usize = 2048;

/// Stands where a transfer syntax is not significant.
const IMPLICIT_VR_LITTLE_ENDIAN: &[u8] = b"1.2.840.10008.1.2";

impl AssociateRq {
    /// The whole PDU.
    ///
    /// # Errors
    /// [`EncodeError`] when a part is too long for its length field.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        if CONTEXTS_MAX < self.contexts.len() {
            return Err(EncodeError::TooManyContexts(self.contexts.len()));
        }
        let mut out = Vec::new();
        put_fixed(&mut out, self.protocol_version, self.called, self.calling);
        put_application_context(&mut out, self.application_context.as_ref())?;
        for context in &self.contexts {
            let mut item = Vec::from([context.id.0, 0, 0, 0]);
            put_item(&mut item, ABSTRACT_SYNTAX_ITEM, context.abstract_syntax.as_str().as_bytes())?;
            for syntax in &context.transfer_syntaxes {
                put_item(&mut item, TRANSFER_SYNTAX_ITEM, syntax.as_str().as_bytes())?;
            }
            put_item(&mut out, PROPOSED_CONTEXT_ITEM, &item)?;
        }
        put_item(&mut out, USER_INFORMATION_ITEM, &self.user.encode()?)?;
        Ok(with_header(PduType::AssociateRq, &out))
    }

    /// Reads the body of an A-ASSOCIATE-RQ, with what is odd about it.
    ///
    /// # Errors
    /// [`DecodeError`] when the structure is broken.
    pub fn decode(body: &[u8]) -> Result<(Self, Vec<Deviation>), DecodeError> {
        let mut deviations = Deviations::default();
        let mut cursor = Cursor::new(body);
        let (protocol_version, called, calling) = fixed(&mut cursor)?;
        let mut rq = Self {
            protocol_version,
            called,
            calling,
            application_context: None,
            contexts: Vec::new(),
            user: UserInformation::default(),
        };
        let mut seen = Singles::default();
        each_item(cursor, "PDU", &mut |kind, value| {
            match kind {
                PROPOSED_CONTEXT_ITEM => {
                    if let Some(context) = proposed_context(value, &mut deviations)? {
                        add_proposed(&mut rq.contexts, context, &mut deviations);
                    }
                }
                APPLICATION_CONTEXT_ITEM if seen.first(kind, &mut deviations) => {
                    rq.application_context = uid(value, &mut deviations);
                }
                USER_INFORMATION_ITEM if seen.first(kind, &mut deviations) => {
                    rq.user = UserInformation::decode(value, &mut deviations)?;
                }
                _ => unknown(kind, &mut deviations),
            }
            Ok(())
        })?;
        seen.missing(&mut deviations);
        Ok((rq, deviations.into_vec()))
    }
}

impl AssociateAc {
    /// The whole PDU.
    ///
    /// # Errors
    /// [`EncodeError`] when a part is too long for its length field.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        put_fixed(&mut out, self.protocol_version, self.called, self.calling);
        put_application_context(&mut out, self.application_context.as_ref())?;
        for context in &self.contexts {
            let (code, syntax) = match &context.result {
                ContextResult::Accepted(syntax) => (0, syntax.as_str().as_bytes()),
                ContextResult::UserRejection => (1, IMPLICIT_VR_LITTLE_ENDIAN),
                ContextResult::NoReason => (2, IMPLICIT_VR_LITTLE_ENDIAN),
                ContextResult::AbstractSyntaxNotSupported => (3, IMPLICIT_VR_LITTLE_ENDIAN),
                ContextResult::TransferSyntaxesNotSupported => (4, IMPLICIT_VR_LITTLE_ENDIAN),
                ContextResult::Other(code) => (*code, IMPLICIT_VR_LITTLE_ENDIAN),
            };
            let mut item = Vec::from([context.id.0, 0, code, 0]);
            put_item(&mut item, TRANSFER_SYNTAX_ITEM, syntax)?;
            put_item(&mut out, ANSWERED_CONTEXT_ITEM, &item)?;
        }
        put_item(&mut out, USER_INFORMATION_ITEM, &self.user.encode()?)?;
        Ok(with_header(PduType::AssociateAc, &out))
    }

    /// Reads the body of an A-ASSOCIATE-AC, with what is odd about it.
    ///
    /// # Errors
    /// [`DecodeError`] when the structure is broken.
    pub fn decode(body: &[u8]) -> Result<(Self, Vec<Deviation>), DecodeError> {
        let mut deviations = Deviations::default();
        let mut cursor = Cursor::new(body);
        let (protocol_version, called, calling) = fixed(&mut cursor)?;
        let mut ac = Self {
            protocol_version,
            called,
            calling,
            application_context: None,
            contexts: Vec::new(),
            user: UserInformation::default(),
        };
        let mut seen = Singles::default();
        each_item(cursor, "PDU", &mut |kind, value| {
            match kind {
                ANSWERED_CONTEXT_ITEM => {
                    let context = answered_context(value, &mut deviations)?;
                    if ac.contexts.iter().any(|earlier| earlier.id == context.id) {
                        deviations.note(Deviation::UnaskedAnswer(context.id.0));
                    } else {
                        ac.contexts.push(context);
                    }
                }
                APPLICATION_CONTEXT_ITEM if seen.first(kind, &mut deviations) => {
                    ac.application_context = uid(value, &mut deviations);
                }
                USER_INFORMATION_ITEM if seen.first(kind, &mut deviations) => {
                    ac.user = UserInformation::decode(value, &mut deviations)?;
                }
                _ => unknown(kind, &mut deviations),
            }
            Ok(())
        })?;
        seen.missing(&mut deviations);
        Ok((ac, deviations.into_vec()))
    }
}

fn put_fixed(out: &mut Vec<u8>, protocol_version: u16, called: AeField, calling: AeField) {
    out.extend(protocol_version.to_be_bytes());
    out.extend([0; 2]);
    out.extend(called.0);
    out.extend(calling.0);
    out.extend([0; 32]);
}

fn put_application_context(out: &mut Vec<u8>, name: Option<&Uid>) -> Result<(), EncodeError> {
    match name {
        Some(name) => put_item(out, APPLICATION_CONTEXT_ITEM, name.as_str().as_bytes()),
        None => Ok(()),
    }
}

fn fixed(cursor: &mut Cursor<'_>) -> Result<(u16, AeField, AeField), DecodeError> {
    let mut read = || {
        let protocol_version = cursor.u16()?;
        cursor.take(2)?;
        let called = AeField(cursor.array()?);
        let calling = AeField(cursor.array()?);
        cursor.take(32)?;
        Some((protocol_version, called, calling))
    };
    read().ok_or(DecodeError::Truncated("fixed part"))
}

/// What is done with an item's type and value.
type TakeItem<'a> = dyn FnMut(u8, &[u8]) -> Result<(), DecodeError> + 'a;

/// Calls `take` with each item of `cursor`; the surrounding is named in errors.
fn each_item(
    mut cursor: Cursor<'_>,
    surrounding: &'static str,
    take: &mut TakeItem<'_>,
) -> Result<(), DecodeError> {
    let mut count = 0;
    while !cursor.is_empty() {
        count += 1;
        if ITEMS_MAX < count {
            return Err(DecodeError::TooManyItems(ITEMS_MAX));
        }
        let (kind, value) = cursor.item().ok_or(DecodeError::ItemBeyond(surrounding))?;
        take(kind, value)?;
    }
    Ok(())
}

/// The items that stand once: which were there.
#[derive(Default)]
struct Singles {
    kinds: Vec<u8>,
}

impl Singles {
    /// True for the first item of its kind. A repeated one falls through to `unknown`, which tells the two apart.
    fn first(&mut self, kind: u8, deviations: &mut Deviations) -> bool {
        if self.kinds.contains(&kind) {
            deviations.note(Deviation::RepeatedItem(kind));
            return false;
        }
        self.kinds.push(kind);
        true
    }

    fn missing(&self, deviations: &mut Deviations) {
        for kind in [APPLICATION_CONTEXT_ITEM, USER_INFORMATION_ITEM] {
            if !self.kinds.contains(&kind) {
                deviations.note(Deviation::MissingItem(kind));
            }
        }
    }
}

fn unknown(kind: u8, deviations: &mut Deviations) {
    if kind != APPLICATION_CONTEXT_ITEM && kind != USER_INFORMATION_ITEM {
        deviations.note(Deviation::UnknownItem(kind));
    }
}

fn uid(value: &[u8], deviations: &mut Deviations) -> Option<Uid> {
    let uid = Uid::from_peer(&text(value))?;
    if !uid.is_regular() {
        deviations.note(Deviation::IrregularUid);
    }
    Some(uid)
}

fn proposed_context(
    value: &[u8],
    deviations: &mut Deviations,
) -> Result<Option<ProposedContext>, DecodeError> {
    let mut cursor = Cursor::new(value);
    let Some([id, _, _, _]) = cursor.array() else {
        return Err(DecodeError::Truncated("presentation context"));
    };
    if !ContextId(id).is_regular() {
        deviations.note(Deviation::EvenContextId(id));
    }
    let mut abstract_syntax = None;
    let mut transfer_syntaxes = Vec::new();
    each_item(cursor, "presentation context", &mut |kind, value| {
        match kind {
            ABSTRACT_SYNTAX_ITEM if abstract_syntax.is_none() => {
                abstract_syntax = uid(value, deviations).map(SopClassUid::new);
            }
            ABSTRACT_SYNTAX_ITEM => {
                deviations.note(Deviation::RepeatedItem(kind));
            }
            TRANSFER_SYNTAX_ITEM if transfer_syntaxes.len() == TRANSFER_SYNTAXES_MAX => {
                deviations.note(Deviation::TooManyTransferSyntaxes(id));
            }
            TRANSFER_SYNTAX_ITEM => {
                transfer_syntaxes.extend(uid(value, deviations).map(TransferSyntaxUid::new));
            }
            _ => {
                deviations.note(Deviation::UnknownItem(kind));
            }
        }
        Ok(())
    })?;
    if transfer_syntaxes.is_empty() {
        deviations.note(Deviation::NoTransferSyntax(id));
    }
    let Some(abstract_syntax) = abstract_syntax else {
        deviations.note(Deviation::NoAbstractSyntax(id));
        return Ok(None);
    };
    Ok(Some(ProposedContext { id: ContextId(id), abstract_syntax, transfer_syntaxes }))
}

fn add_proposed(contexts: &mut Vec<ProposedContext>, context: ProposedContext, deviations: &mut Deviations) {
    if let Some(earlier) = contexts.iter_mut().find(|earlier| earlier.id == context.id) {
        deviations.note(Deviation::RepeatedContextId(context.id.0));
        if *earlier != context {
            earlier.transfer_syntaxes.clear();
        }
    } else if contexts.len() == CONTEXTS_MAX {
        deviations.note(Deviation::TooManyContexts);
    } else {
        contexts.push(context);
    }
}

fn answered_context(value: &[u8], deviations: &mut Deviations) -> Result<AnsweredContext, DecodeError> {
    let mut cursor = Cursor::new(value);
    let Some([id, _, code, _]) = cursor.array() else {
        return Err(DecodeError::Truncated("presentation context"));
    };
    let result = match code {
        0 => accepted_syntax(id, cursor, deviations)?,
        1 => ContextResult::UserRejection,
        2 => ContextResult::NoReason,
        3 => ContextResult::AbstractSyntaxNotSupported,
        4 => ContextResult::TransferSyntaxesNotSupported,
        other => ContextResult::Other(other),
    };
    Ok(AnsweredContext { id: ContextId(id), result })
}

/// The one transfer syntax of an accepted context. Without one, or with two, nothing can be sent on it.
fn accepted_syntax(
    id: u8,
    cursor: Cursor<'_>,
    deviations: &mut Deviations,
) -> Result<ContextResult, DecodeError> {
    let mut syntaxes = Vec::new();
    each_item(cursor, "presentation context", &mut |kind, value| {
        if kind == TRANSFER_SYNTAX_ITEM {
            syntaxes.extend(uid(value, deviations).map(TransferSyntaxUid::new));
        } else {
            deviations.note(Deviation::UnknownItem(kind));
        }
        Ok(())
    })?;
    let mut syntaxes = syntaxes.into_iter();
    Ok(match (syntaxes.next(), syntaxes.next()) {
        (Some(syntax), None) => ContextResult::Accepted(syntax),
        (None, _) => {
            deviations.note(Deviation::NoTransferSyntax(id));
            ContextResult::NoReason
        }
        (Some(_), Some(_)) => {
            deviations.note(Deviation::RepeatedItem(TRANSFER_SYNTAX_ITEM));
            ContextResult::NoReason
        }
    })
}

#[cfg(test)]
mod tests;
