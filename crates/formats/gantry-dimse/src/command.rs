//! DIMSE command sets as values (PS3.7 chapters 9 and 10, Annex E): C-STORE, C-ECHO, C-FIND and their responses.
//!
//! What a peer left out is `None`; what we build has all that the standard demands, through the constructors here.
//! A command of another service is an [`OtherCommand`]: an acceptor answers it with [`Command::refuse`].
//!
//! Invariants
//! - Every response names the message it responds to.
//! - UIDs are kept as sent; whether one is regular is asked of the UID.

mod codec;
mod fields;

use alloc::{boxed::Box, vec::Vec};

use gantry_types::{
    ae_title::AeTitle,
    uid::{SopClassUid, SopInstanceUid},
};

use crate::status::Status;

pub use codec::CommandError;

/// Identifies an operation on its association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub u16);

impl MessageId {
    /// The next one; 0 is left out, since some peers take it for absent.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).unwrap_or(1))
    }
}

/// Command Data Set Type (0000,0800).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataSetType {
    /// 0101: no data set follows.
    Absent,
    /// Anything else: a data set follows.
    Present,
}

/// Priority (0000,0700).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// 0.
    Medium,
    /// 1.
    High,
    /// 2.
    Low,
}

/// An element that a response complains of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffendingElement {
    /// Group number.
    pub group: u16,
    /// Element number.
    pub element: u16,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Status (0000,0900).
    pub status: Status,
    /// Error Comment (0000,0902). At most 64 characters are written.
    pub error_comment: Option<Box<str>>,
    /// Offending Element (0000,0901).
    pub offending_elements: Vec<OffendingElement>,
}

impl From<Status> for Outcome {
    fn from(status: Status) -> Self {
        Self { status, error_comment: None, offending_elements: Vec::new() }
    }
}

/// A command set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// C-STORE-RQ.
    CStoreRq(CStoreRq),
    /// C-STORE-RSP.
    CStoreRsp(CStoreRsp),
    /// C-ECHO-RQ.
    CEchoRq(CEchoRq),
    /// C-ECHO-RSP.
    CEchoRsp(CEchoRsp),
    /// C-FIND-RQ.
    CFindRq(CFindRq),
    /// C-FIND-RSP.
    CFindRsp(CFindRsp),
    /// C-CANCEL-RQ.
    CCancelRq(CCancelRq),
    /// Any other.
    Other(OtherCommand),
}

/// A request to store the data set that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CStoreRq {
    /// Message ID.
    pub message_id: MessageId,
    /// Priority.
    pub priority: Priority,
    /// Affected SOP Class UID.
    pub sop_class: Option<SopClassUid>,
    /// Affected SOP Instance UID.
    pub sop_instance: Option<SopInstanceUid>,
    /// The C-MOVE that this operation is a part of.
    pub move_originator: Option<MoveOriginator>,
    /// Present, unless the peer errs.
    pub data_set: DataSetType,
}

/// The C-MOVE that a C-STORE is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveOriginator {
    /// Who asked for the C-MOVE; nothing if that is no AE title.
    pub ae_title: Option<AeTitle>,
    /// The C-MOVE's Message ID.
    pub message_id: Option<MessageId>,
}

/// The answer to a C-STORE-RQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CStoreRsp {
    /// Message ID Being Responded To.
    pub responds_to: MessageId,
    /// Affected SOP Class UID.
    pub sop_class: Option<SopClassUid>,
    /// Affected SOP Instance UID.
    pub sop_instance: Option<SopInstanceUid>,
    /// How it ended.
    pub outcome: Outcome,
    /// Absent, unless the peer errs.
    pub data_set: DataSetType,
}

/// A request for a sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CEchoRq {
    /// Message ID.
    pub message_id: MessageId,
    /// Affected SOP Class UID.
    pub sop_class: Option<SopClassUid>,
    /// Absent, unless the peer errs.
    pub data_set: DataSetType,
}

/// The sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CEchoRsp {
    /// Message ID Being Responded To.
    pub responds_to: MessageId,
    /// Affected SOP Class UID.
    pub sop_class: Option<SopClassUid>,
    /// How it ended.
    pub outcome: Outcome,
    /// Absent, unless the peer errs.
    pub data_set: DataSetType,
}

/// A query; the identifier follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CFindRq {
    /// Message ID.
    pub message_id: MessageId,
    /// Priority.
    pub priority: Priority,
    /// Affected SOP Class UID: the query model.
    pub sop_class: Option<SopClassUid>,
    /// Present, unless the peer errs.
    pub data_set: DataSetType,
}

/// A match, or the end of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CFindRsp {
    /// Message ID Being Responded To.
    pub responds_to: MessageId,
    /// Affected SOP Class UID.
    pub sop_class: Option<SopClassUid>,
    /// Pending, or how it ended.
    pub outcome: Outcome,
    /// Present with a pending status.
    pub data_set: DataSetType,
}

/// A request to end a C-FIND early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CCancelRq {
    /// Message ID Being Responded To: the operation to end.
    pub responds_to: MessageId,
    /// Absent, unless the peer errs.
    pub data_set: DataSetType,
}

/// A command of another service; of its elements only these are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherCommand {
    /// Command Field (0000,0100); bit 15 marks a response.
    pub field: u16,
    /// Message ID.
    pub message_id: Option<MessageId>,
    /// Message ID Being Responded To.
    pub responds_to: Option<MessageId>,
    /// Affected, else Requested SOP Class UID.
    pub sop_class: Option<SopClassUid>,
    /// Affected, else Requested SOP Instance UID.
    pub sop_instance: Option<SopInstanceUid>,
    /// How it ended, in a response.
    pub outcome: Option<Outcome>,
    /// Whether a data set follows.
    pub data_set: DataSetType,
}

impl CStoreRq {
    /// A request to store an instance.
    #[must_use]
    pub fn new(message_id: MessageId, sop_class: SopClassUid, sop_instance: SopInstanceUid) -> Self {
        Self {
            message_id,
            priority: Priority::Medium,
            sop_class: Some(sop_class),
            sop_instance: Some(sop_instance),
            move_originator: None,
            data_set: DataSetType::Present,
        }
    }

    /// The answer.
    #[must_use]
    pub fn respond(&self, outcome: Outcome) -> CStoreRsp {
        CStoreRsp {
            responds_to: self.message_id,
            sop_class: self.sop_class.clone(),
            sop_instance: self.sop_instance.clone(),
            outcome,
            data_set: DataSetType::Absent,
        }
    }
}

impl CEchoRq {
    /// A request for a sign of life.
    #[must_use]
    pub fn new(message_id: MessageId) -> Self {
        let sop_class = SopClassUid::from_peer(crate::negotiation::VERIFICATION);
        Self { message_id, sop_class, data_set: DataSetType::Absent }
    }

    /// The answer.
    #[must_use]
    pub fn respond(&self, outcome: Outcome) -> CEchoRsp {
        CEchoRsp {
            responds_to: self.message_id,
            sop_class: self.sop_class.clone(),
            outcome,
            data_set: DataSetType::Absent,
        }
    }
}

impl CFindRq {
    /// A query of `model`.
    #[must_use]
    pub fn new(message_id: MessageId, model: SopClassUid) -> Self {
        Self {
            message_id,
            priority: Priority::Medium,
            sop_class: Some(model),
            data_set: DataSetType::Present,
        }
    }

    /// An answer; `data_set` is present with a match.
    #[must_use]
    pub fn respond(&self, outcome: Outcome, data_set: DataSetType) -> CFindRsp {
        CFindRsp { responds_to: self.message_id, sop_class: self.sop_class.clone(), outcome, data_set }
    }

    /// The request to end it early.
    #[must_use]
    pub fn cancel(&self) -> CCancelRq {
        CCancelRq { responds_to: self.message_id, data_set: DataSetType::Absent }
    }
}

impl Command {
    /// Whether a data set follows.
    #[must_use]
    pub fn data_set(&self) -> DataSetType {
        match self {
            Self::CStoreRq(rq) => rq.data_set,
            Self::CStoreRsp(rsp) => rsp.data_set,
            Self::CEchoRq(rq) => rq.data_set,
            Self::CEchoRsp(rsp) => rsp.data_set,
            Self::CFindRq(rq) => rq.data_set,
            Self::CFindRsp(rsp) => rsp.data_set,
            Self::CCancelRq(rq) => rq.data_set,
            Self::Other(other) => other.data_set,
        }
    }

    /// Affected (else Requested) SOP Class UID.
    #[must_use]
    pub fn sop_class(&self) -> Option<&SopClassUid> {
        match self {
            Self::CStoreRq(rq) => rq.sop_class.as_ref(),
            Self::CStoreRsp(rsp) => rsp.sop_class.as_ref(),
            Self::CEchoRq(rq) => rq.sop_class.as_ref(),
            Self::CEchoRsp(rsp) => rsp.sop_class.as_ref(),
            Self::CFindRq(rq) => rq.sop_class.as_ref(),
            Self::CFindRsp(rsp) => rsp.sop_class.as_ref(),
            Self::CCancelRq(_) => None,
            Self::Other(other) => other.sop_class.as_ref(),
        }
    }

    /// The operation that a response belongs to; nothing for a request.
    #[must_use]
    pub fn responds_to(&self) -> Option<MessageId> {
        match self {
            Self::CStoreRq(_) | Self::CEchoRq(_) | Self::CFindRq(_) | Self::CCancelRq(_) => None,
            Self::CStoreRsp(rsp) => Some(rsp.responds_to),
            Self::CEchoRsp(rsp) => Some(rsp.responds_to),
            Self::CFindRsp(rsp) => Some(rsp.responds_to),
            Self::Other(other) => other.responds_to.filter(|_| other.is_response()),
        }
    }

    /// How the operation ended, in a response.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::CStoreRq(_) | Self::CEchoRq(_) | Self::CFindRq(_) | Self::CCancelRq(_) => None,
            Self::CStoreRsp(rsp) => Some(&rsp.outcome),
            Self::CEchoRsp(rsp) => Some(&rsp.outcome),
            Self::CFindRsp(rsp) => Some(&rsp.outcome),
            Self::Other(other) => other.outcome.as_ref(),
        }
    }

    /// The response that refuses this request with `outcome`; nothing where none is due (a response, a C-CANCEL-RQ,
    /// a request without Message ID).
    #[must_use]
    pub fn refuse(&self, outcome: Outcome) -> Option<Self> {
        Some(match self {
            Self::CStoreRq(rq) => Self::CStoreRsp(rq.respond(outcome)),
            Self::CEchoRq(rq) => Self::CEchoRsp(rq.respond(outcome)),
            Self::CFindRq(rq) => Self::CFindRsp(rq.respond(outcome, DataSetType::Absent)),
            Self::Other(other) if !other.is_response() => Self::Other(OtherCommand {
                field: other.field | OtherCommand::RESPONSE,
                message_id: None,
                responds_to: Some(other.message_id?),
                sop_class: other.sop_class.clone(),
                sop_instance: other.sop_instance.clone(),
                outcome: Some(outcome),
                data_set: DataSetType::Absent,
            }),
            Self::CStoreRsp(_)
            | Self::CEchoRsp(_)
            | Self::CFindRsp(_)
            | Self::CCancelRq(_)
            | Self::Other(_) => return None,
        })
    }
}

impl OtherCommand {
    /// The bit of Command Field that marks a response.
    pub const RESPONSE: u16 = 0x8000;

    /// Whether the command is a response.
    #[must_use]
    pub fn is_response(&self) -> bool {
        self.field & Self::RESPONSE != 0
    }
}
