//! A-ASSOCIATE-RQ and A-ASSOCIATE-AC (PS3.8 9.3.2, 9.3.3): the values. Their codec is in `items`.
//!
//! Invariants of a decoded request
//! - At most [`CONTEXTS_MAX`] presentation contexts with different identifiers, each with at most
//!   [`TRANSFER_SYNTAXES_MAX`] transfer syntaxes.
//! - The AE titles are kept as sent: whether they are titles is asked of [`AeField::title`].

mod items;

use alloc::vec::Vec;
use core::fmt;

use gantry_types::{
    ae_title::{AeTitle, AeTitleError},
    uid::{SopClassUid, TransferSyntaxUid, Uid},
};

use crate::{cursor::text, pdu::user::UserInformation};

/// As many presentation contexts as there are odd identifiers.
pub const CONTEXTS_MAX: usize = 128;

/// As many transfer syntaxes of one context as we look at; real requests stay below 50.
pub const TRANSFER_SYNTAXES_MAX: usize = 1024;

/// The DICOM application context name (PS3.7 A.2.1), the only one there is.
pub const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";

/// The protocol version: bit 0 is version 1, the others are reserved and not tested.
pub const PROTOCOL_VERSION: u16 = 1;

/// The 16 bytes of an AE title field, as sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AeField(pub [u8; AeTitle::LENGTH_MAX]);

impl AeField {
    /// The title in it. What follows a NUL is padding that some senders forgot to clear.
    ///
    /// # Errors
    /// [`AeTitleError`], also for a blank field.
    pub fn title(&self) -> Result<AeTitle, AeTitleError> {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        AeTitle::parse(&text(self.0.get(..end).unwrap_or_default()))
    }
}

impl From<&AeTitle> for AeField {
    fn from(title: &AeTitle) -> Self {
        Self(title.to_field())
    }
}

impl fmt::Debug for AeField {
    /// Escaped, since a field may hold terminal control sequences.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.trim_ascii_end().escape_ascii())
    }
}

/// A presentation context identifier. Regular ones are odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId(pub u8);

impl ContextId {
    /// Whether the identifier is odd, as PS3.8 demands.
    #[must_use]
    pub fn is_regular(self) -> bool {
        self.0 & 1 == 1
    }
}

impl fmt::Display for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A presentation context, as proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedContext {
    /// By which messages name it.
    pub id: ContextId,
    /// What it is for.
    pub abstract_syntax: SopClassUid,
    /// How data sets may be encoded, in the requestor's order.
    pub transfer_syntaxes: Vec<TransferSyntaxUid>,
}

/// The answer to one proposed presentation context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredContext {
    /// Which.
    pub id: ContextId,
    /// The answer.
    pub result: ContextResult,
}

/// Result and reason of a presentation context (Table 9-18).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextResult {
    /// 0, with the transfer syntax that was chosen.
    Accepted(TransferSyntaxUid),
    /// 1.
    UserRejection,
    /// 2.
    NoReason,
    /// 3.
    AbstractSyntaxNotSupported,
    /// 4.
    TransferSyntaxesNotSupported,
    /// Not defined; not accepted.
    Other(u8),
}

/// A request for an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociateRq {
    /// Bit 0 must be set.
    pub protocol_version: u16,
    /// Who is called.
    pub called: AeField,
    /// Who calls.
    pub calling: AeField,
    /// Must be [`APPLICATION_CONTEXT`].
    pub application_context: Option<Uid>,
    /// What is proposed, in the requestor's order.
    pub contexts: Vec<ProposedContext>,
    /// The rest of the negotiation.
    pub user: UserInformation,
}

/// The acceptance of an association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociateAc {
    /// Bit 0 is set.
    pub protocol_version: u16,
    /// The request's field, sent back and not to be tested.
    pub called: AeField,
    /// The request's field, sent back and not to be tested.
    pub calling: AeField,
    /// [`APPLICATION_CONTEXT`].
    pub application_context: Option<Uid>,
    /// The answers.
    pub contexts: Vec<AnsweredContext>,
    /// The rest of the negotiation.
    pub user: UserInformation,
}
