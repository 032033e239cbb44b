//! Which associations and presentation contexts are accepted, and how one is proposed (PS3.8 7.1, PS3.7 annex D).
//!
//! Policy only: an A-ASSOCIATE-RQ in, an answer out. Who may call whom is decided before, by whoever knows the doors.
//!
//! Invariants
//! - Every proposed context with an identifier of its own gets exactly one answer.
//! - A transfer syntax is only ever accepted from those proposed for its context.

pub mod abstract_syntax;
pub mod proposal;
pub mod transfer_syntax;

use alloc::{boxed::Box, vec::Vec};

use gantry_types::uid::{TransferSyntaxUid, Uid};

use crate::{
    negotiation::{
        abstract_syntax::{AbstractSyntaxClass, classify},
        transfer_syntax::{Preference, choose, preference},
    },
    pdu::{
        associate::{
            APPLICATION_CONTEXT, AnsweredContext, AssociateAc, AssociateRq, ContextResult, PROTOCOL_VERSION,
            ProposedContext,
        },
        reject::{AssociateRj, RejectReason},
        user::{AsynchronousOperations, RoleSelection, Support, UserInformation},
    },
};

/// The Verification SOP class.
pub const VERIFICATION: &str = "1.2.840.10008.1.1";

/// Study Root Query/Retrieve Information Model - FIND.
pub const STUDY_ROOT_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";

/// One operation outstanding in each direction, which is also what silence means.
pub(crate) const ONE_OPERATION: AsynchronousOperations = AsynchronousOperations { invoked: 1, performed: 1 };

/// Who we are and what we can take, as told to every peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implementation {
    /// Implementation Class UID.
    pub class: Uid,
    /// Implementation Version Name, at most 16 characters.
    pub version: Box<str>,
    /// The longest P-DATA-TF that we want to receive; 0 is no limit.
    pub maximum_length: u32,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// With the contexts' answers; possibly none is accepted.
    Accept(Box<AssociateAc>),
    /// Not at all.
    Reject(AssociateRj),
}

/// Answers as an acceptor of verification and of every storage SOP class, in any transfer syntax.
#[must_use]
pub fn answer(rq: &AssociateRq, implementation: &Implementation) -> Answer {
    if rq.protocol_version & PROTOCOL_VERSION == 0 {
        return Answer::Reject(AssociateRj::permanent(RejectReason::ProtocolVersionNotSupported));
    }
    if rq.application_context.as_ref().map(Uid::as_str) != Some(APPLICATION_CONTEXT) {
        return Answer::Reject(AssociateRj::permanent(RejectReason::ApplicationContextNotSupported));
    }
    let answer =
        |context: &ProposedContext| AnsweredContext { id: context.id, result: answer_context(context) };
    Answer::Accept(Box::new(AssociateAc {
        protocol_version: PROTOCOL_VERSION,
        called: rq.called,
        calling: rq.calling,
        application_context: rq.application_context.clone(),
        contexts: rq.contexts.iter().map(answer).collect(),
        user: UserInformation {
            maximum_length: Some(implementation.maximum_length),
            implementation_class: Some(implementation.class.clone()),
            implementation_version: Some(implementation.version.clone()),
            asynchronous_operations: rq.user.asynchronous_operations.map(|_| ONE_OPERATION),
            roles: answer_roles(&rq.user.roles),
            identity: None,
        },
    }))
}

fn answer_context(context: &ProposedContext) -> ContextResult {
    let chosen = match classify(&context.abstract_syntax) {
        AbstractSyntaxClass::Verification => verification_syntax(&context.transfer_syntaxes),
        AbstractSyntaxClass::Storage => choose(&context.transfer_syntaxes),
        AbstractSyntaxClass::Other => return ContextResult::AbstractSyntaxNotSupported,
    };
    match chosen {
        Some(syntax) => ContextResult::Accepted(syntax.clone()),
        None => ContextResult::TransferSyntaxesNotSupported,
    }
}

/// Verification has no data set; a compressed syntax for it would only hide a mistake.
fn verification_syntax(proposed: &[TransferSyntaxUid]) -> Option<&TransferSyntaxUid> {
    choose(proposed).filter(|syntax| match preference(syntax) {
        Preference::ExplicitLittleEndian | Preference::ImplicitLittleEndian => true,
        Preference::Lossless | Preference::Unknown | Preference::Lossy => false,
    })
}

/// We are SCP only: the requestor may be SCU of what it proposes, and nothing else.
fn answer_roles(proposed: &[RoleSelection]) -> Vec<RoleSelection> {
    let mut roles: Vec<RoleSelection> = Vec::new();
    for role in proposed {
        let known = match classify(&role.sop_class) {
            AbstractSyntaxClass::Verification | AbstractSyntaxClass::Storage => true,
            AbstractSyntaxClass::Other => false,
        };
        if known && !roles.iter().any(|earlier| earlier.sop_class == role.sop_class) {
            let sop_class = role.sop_class.clone();
            roles.push(RoleSelection { sop_class, scu: role.scu, scp: Support::Unsupported });
        }
    }
    roles
}

#[cfg(test)]
mod tests;
