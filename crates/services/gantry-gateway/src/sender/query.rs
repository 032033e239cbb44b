//! C-FIND at IMAGE level (PS3.4 C.4.1, C.6.2): whether the peer has an object that was sent.
//!
//! The three UIDs are unique keys, so a peer that keeps to the standard answers with one match or none. Others ignore
//! keys, or the level, and answer with whatever they have: only a match that names the object itself counts.
//!
//! Invariant: what a peer answers is bounded, in number and in bytes; a peer beyond it is aborted.

use gantry_dicom::{
    data_set,
    reader::{self, Limits, Stop},
    syntax::{self, EXPLICIT_VR_LITTLE_ENDIAN, Encoding, IMPLICIT_VR_LITTLE_ENDIAN},
    tag,
    writer::{self, WriteError},
};
use gantry_dimse::{
    command::{CFindRq, Command, DataSetType, Outcome},
    machine::effect::{DataSet, Event, Message},
    negotiation::{STUDY_ROOT_FIND, proposal},
    pdu::associate::ContextId,
    status::{Status, StatusClass},
};
use gantry_types::uid::{
    SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid,
};

use crate::{
    conversation::{End, Happening},
    sender::{SendError, Sender, ended},
};

/// Matches borne for one query; one is due.
const MATCHES_MAX: usize = 1000;

/// Bytes borne of the identifier of one response; a match has some hundred.
const IDENTIFIER_BYTES_MAX: usize = 64 << 10;

/// The level of single objects, whether they are images or not.
const IMAGE: &str = "IMAGE";

/// Whether a peer has an object, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A match names it.
    Present,
    /// The query succeeded, and no match names it.
    Absent,
    /// The query did not succeed, which says nothing of the object.
    NotAnswered(Outcome),
}

/// What a peer answered too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// Matches.
    #[error("more than {MATCHES_MAX} matches")]
    Matches,
    /// Bytes of one identifier.
    #[error("an identifier of more than {IDENTIFIER_BYTES_MAX} bytes")]
    IdentifierBytes,
}

impl Sender {
    /// The pairs for [`Sender::find_instance`]; one of them accepted is enough.
    #[must_use]
    pub fn query() -> Vec<(SopClassUid, TransferSyntaxUid)> {
        let pair = |syntax| SopClassUid::from_peer(STUDY_ROOT_FIND).zip(TransferSyntaxUid::from_peer(syntax));
        [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN].into_iter().filter_map(pair).collect()
    }

    /// Asks whether the peer has an object.
    ///
    /// # Errors
    /// [`SendError`]: `NoContext` from a peer that takes no queries, after which the association can still be used. A
    /// query that the peer fails is not an error here.
    pub fn find_instance(
        &mut self,
        study: &StudyInstanceUid,
        series: &SeriesInstanceUid,
        instance: &SopInstanceUid,
    ) -> Result<Found, SendError> {
        let (context, model, encoding) = self.query_context()?;
        let identifier = identifier(study, series, instance, encoding)?;
        let id = self.message_id();
        let command = Command::CFindRq(CFindRq::new(id, model));
        let data = DataSet::Whole(&identifier);
        self.conversation.tell(Event::Send(Message { context, command: &command, data }))?;
        let mut is_named = false;
        // The matches, and the response that ends them.
        for _ in 0..=MATCHES_MAX {
            let (response, outcome) = self.response()?;
            let identifier = match response.data_set() {
                DataSetType::Present => self.identifier()?,
                DataSetType::Absent => Vec::new(),
            };
            if response.responds_to() != Some(id) {
                continue; // of an operation that is over
            }
            if outcome.status.class() == StatusClass::Pending {
                is_named |= names(&identifier, encoding, instance);
            } else if is_named {
                return Ok(Found::Present); // even if the peer failed at the next match
            } else if outcome.status == Status::SUCCESS {
                return Ok(Found::Absent);
            } else {
                return Ok(Found::NotAnswered(outcome));
            }
        }
        Err(self.too_much(Excess::Matches))
    }

    /// The first context accepted of those that [`Sender::query`] proposes.
    fn query_context(&self) -> Result<(ContextId, SopClassUid, Encoding), SendError> {
        let contexts = self.conversation.association().contexts();
        let mut refused = ended(End::Refused);
        for (class, syntax) in Self::query() {
            if let Some(context) = proposal::find(contexts, &class, &syntax) {
                return Ok((context, class, syntax::layout(&syntax).0));
            }
            refused = SendError::NoContext { class, syntax };
        }
        Err(refused)
    }

    /// The identifier that follows a response.
    fn identifier(&mut self) -> Result<Vec<u8>, SendError> {
        let mut identifier = Vec::new();
        loop {
            match self.conversation.next() {
                Happening::Data { range, is_last } => {
                    if IDENTIFIER_BYTES_MAX < identifier.len() + range.len() {
                        return Err(self.too_much(Excess::IdentifierBytes));
                    }
                    identifier.extend_from_slice(self.conversation.bytes(range));
                    if is_last {
                        return Ok(identifier);
                    }
                }
                Happening::Ended(end) => return Err(ended(end)),
                // The machine lets nothing else in between.
                Happening::Asked(_)
                | Happening::Associated
                | Happening::Rejected(_)
                | Happening::Command { .. }
                | Happening::ReleaseAsked => {}
            }
        }
    }

    fn too_much(&mut self, excess: Excess) -> SendError {
        // It may have ended meanwhile, which is what is wanted.
        let _ended = self.conversation.tell(Event::Abort);
        SendError::TooMuch(excess)
    }
}

/// The query for one object.
fn identifier(
    study: &StudyInstanceUid,
    series: &SeriesInstanceUid,
    instance: &SopInstanceUid,
    encoding: Encoding,
) -> Result<Vec<u8>, WriteError> {
    let mut identifier = data_set::DataSet::new();
    identifier.put_str(tag::QUERY_RETRIEVE_LEVEL, IMAGE);
    identifier.put_str(tag::SOP_INSTANCE_UID, instance.as_str());
    identifier.put_str(tag::STUDY_INSTANCE_UID, study.as_str());
    identifier.put_str(tag::SERIES_INSTANCE_UID, series.as_str());
    match encoding {
        Encoding::ImplicitLittle => writer::write_implicit(&identifier),
        // Big endian is never proposed.
        Encoding::ExplicitLittle | Encoding::ExplicitBig => writer::write_explicit(&identifier),
    }
}

/// Whether a match is this object. A match of another level, with our own keys in it, is not.
fn names(identifier: &[u8], encoding: Encoding, instance: &SopInstanceUid) -> bool {
    let found = reader::read(identifier, encoding, Limits::default(), Stop::AtEnd).data_set;
    let is_image = found.str(tag::QUERY_RETRIEVE_LEVEL).is_none_or(|level| level == IMAGE);
    is_image
        && found.str(tag::SOP_INSTANCE_UID).and_then(SopInstanceUid::from_peer).as_ref() == Some(instance)
}

#[cfg(test)]
mod tests;
