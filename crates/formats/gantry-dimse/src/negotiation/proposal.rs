//! Proposing an association, and what came of it.
//!
//! Identifiers are given in order: 1, 3, 5 ... 255. An acceptor's answer is taken only for contexts that were
//! proposed, and only with a transfer syntax that was proposed for it; anything else is recorded and not used.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

use gantry_types::{
    ae_title::AeTitle,
    uid::{SopClassUid, TransferSyntaxUid, Uid},
};

use crate::{
    deviation::Deviation,
    negotiation::Implementation,
    pdu::{
        associate::{
            APPLICATION_CONTEXT, AeField, AnsweredContext, AssociateRq, CONTEXTS_MAX, ContextId,
            ContextResult, PROTOCOL_VERSION, ProposedContext,
        },
        user::UserInformation,
    },
};

/// A presentation context on which messages may flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedContext {
    /// What it is for.
    pub abstract_syntax: SopClassUid,
    /// How its data sets are encoded.
    pub transfer_syntax: TransferSyntaxUid,
}

/// The presentation contexts of an association, by identifier.
pub type AcceptedContexts = BTreeMap<ContextId, AcceptedContext>;

/// Why a proposal cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposalError {
    /// An association holds 128; open more associations.
    #[error("{0} presentation contexts are more than 128")]
    TooManyContexts(usize),
}

/// A request by `calling` to `called`: each pair becomes a presentation context, in order.
///
/// # Errors
/// [`ProposalError::TooManyContexts`].
pub fn propose(
    called: &AeTitle,
    calling: &AeTitle,
    contexts: Vec<(SopClassUid, Vec<TransferSyntaxUid>)>,
    implementation: &Implementation,
) -> Result<Box<AssociateRq>, ProposalError> {
    if CONTEXTS_MAX < contexts.len() {
        return Err(ProposalError::TooManyContexts(contexts.len()));
    }
    let identifiers = (1..=u8::MAX).step_by(2).map(ContextId);
    let context = |(id, (abstract_syntax, transfer_syntaxes))| ProposedContext {
        id,
        abstract_syntax,
        transfer_syntaxes,
    };
    Ok(Box::new(AssociateRq {
        protocol_version: PROTOCOL_VERSION,
        called: AeField::from(called),
        calling: AeField::from(calling),
        application_context: Uid::from_peer(APPLICATION_CONTEXT),
        contexts: identifiers.zip(contexts).map(context).collect(),
        user: UserInformation {
            maximum_length: Some(implementation.maximum_length),
            implementation_class: Some(implementation.class.clone()),
            implementation_version: Some(implementation.version.clone()),
            ..UserInformation::default()
        },
    }))
}

/// The contexts that an acceptor's answers to `proposed` leave us, and what is odd about the answers.
#[must_use]
pub fn accepted(
    proposed: &[ProposedContext],
    answered: &[AnsweredContext],
) -> (AcceptedContexts, Vec<Deviation>) {
    let mut contexts = AcceptedContexts::new();
    let mut deviations = Vec::new();
    for answer in answered {
        let id = answer.id;
        let Some(proposal) = proposed.iter().find(|proposal| proposal.id == id) else {
            deviations.push(Deviation::UnaskedAnswer(id.0));
            continue;
        };
        let syntax = match &answer.result {
            ContextResult::Accepted(syntax) => syntax,
            ContextResult::UserRejection
            | ContextResult::NoReason
            | ContextResult::AbstractSyntaxNotSupported
            | ContextResult::TransferSyntaxesNotSupported
            | ContextResult::Other(_) => continue,
        };
        if proposal.transfer_syntaxes.contains(syntax) {
            let (abstract_syntax, transfer_syntax) = (proposal.abstract_syntax.clone(), syntax.clone());
            contexts.insert(id, AcceptedContext { abstract_syntax, transfer_syntax });
        } else {
            deviations.push(Deviation::UnproposedTransferSyntax(id.0));
        }
    }
    (contexts, deviations)
}

/// The context for `abstract_syntax` in `transfer_syntax`, the first if there are several.
#[must_use]
pub fn find(
    contexts: &AcceptedContexts,
    abstract_syntax: &SopClassUid,
    transfer_syntax: &TransferSyntaxUid,
) -> Option<ContextId> {
    let fits = |context: &AcceptedContext| {
        context.abstract_syntax == *abstract_syntax && context.transfer_syntax == *transfer_syntax
    };
    contexts.iter().find(|(_, context)| fits(context)).map(|(&id, _)| id)
}
