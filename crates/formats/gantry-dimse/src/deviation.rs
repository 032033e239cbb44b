//! What a peer did wrong and we bore with.
//!
//! A deviation changes nothing in what is received; it is recorded, so that a person can tell a vendor. How many
//! are kept is limited: one of each kind for an association PDU and for a message, at most [`DEVIATIONS_MAX`].

use alloc::vec::Vec;

/// The most deviations recorded for one association PDU or one message; more say nothing new.
pub const DEVIATIONS_MAX: usize = 32;

/// One departure from the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Deviation {
    /// An item or sub-item type that PS3.8 and PS3.7 do not know; skipped.
    #[error("unknown item type {0:02X}H")]
    UnknownItem(u8),
    /// An item that may stand once stands again; the first counts.
    #[error("item type {0:02X}H is repeated")]
    RepeatedItem(u8),
    /// A mandatory item is absent.
    #[error("item type {0:02X}H is missing")]
    MissingItem(u8),
    /// A sub-item of the user information whose value does not fit its length; skipped.
    #[error("sub-item type {0:02X}H is malformed")]
    MalformedItem(u8),
    /// A presentation context identifier that is even.
    #[error("presentation context identifier {0} is even")]
    EvenContextId(u8),
    /// A presentation context identifier proposed again; if the two differ, neither can be accepted.
    #[error("presentation context identifier {0} is repeated")]
    RepeatedContextId(u8),
    /// A presentation context without abstract syntax; it gets no answer.
    #[error("presentation context {0} has no abstract syntax")]
    NoAbstractSyntax(u8),
    /// A presentation context without transfer syntax.
    #[error("presentation context {0} has no transfer syntax")]
    NoTransferSyntax(u8),
    /// More than 128 presentation contexts; the rest gets no answer.
    #[error("more than 128 presentation contexts")]
    TooManyContexts,
    /// More transfer syntaxes than we look at.
    #[error("presentation context {0} has too many transfer syntaxes")]
    TooManyTransferSyntaxes(u8),
    /// A UID that breaks PS3.5 9.1.
    #[error("a UID breaks the form of PS3.5 9.1")]
    IrregularUid,
    /// A role selection with values other than 0 and 1.
    #[error("role selection with a value other than 0 and 1")]
    RoleValue,
    /// A maximum length into which no fragment fits.
    #[error("maximum length {0} holds no fragment")]
    UnusableMaximumLength(u32),
    /// An answer to a presentation context that was not proposed, or a second answer.
    #[error("answer to presentation context {0}, which awaits none")]
    UnaskedAnswer(u8),
    /// A presentation context accepted with a transfer syntax that was not proposed; not used.
    #[error("presentation context {0} accepted with a transfer syntax that was not proposed")]
    UnproposedTransferSyntax(u8),
    /// A PDU of fixed length with another length.
    #[error("PDU of type {0:02X}H has a wrong length")]
    PduLength(u8),
    /// A P-DATA-TF longer than the maximum length we announced.
    #[error("P-DATA-TF above the announced maximum length")]
    OverMaximumLength,
    /// A P-DATA-TF without any PDV.
    #[error("P-DATA-TF without PDV")]
    NoPdv,
    /// A PDV without bytes.
    #[error("empty fragment")]
    EmptyFragment,
    /// A fragment of odd length.
    #[error("fragment of odd length")]
    OddFragment,
    /// Reserved bits of the message control header are set.
    #[error("reserved bits of the message control header are set")]
    ControlHeaderBits,
    /// Command Group Length (0000,0000) is missing or wrong.
    #[error("Command Group Length is missing or wrong")]
    CommandGroupLength,
    /// A command element is missing; the number is its element number.
    #[error("command element (0000,{0:04X}) is missing")]
    MissingElement(u16),
    /// A command element has a value that does not fit its VR; the number is its element number.
    #[error("command element (0000,{0:04X}) has a bad value")]
    BadElement(u16),
    /// A command element stands again; the first counts.
    #[error("command element (0000,{0:04X}) is repeated")]
    RepeatedElement(u16),
    /// An element of another group inside a command set; skipped.
    #[error("element of group {0:04X} inside a command set")]
    ForeignElement(u16),
    /// The Affected SOP Class UID is not the abstract syntax of the presentation context.
    #[error("Affected SOP Class UID differs from the abstract syntax")]
    SopClassMismatch,
    /// An A-RELEASE-RQ while a message was incomplete; the message is void.
    #[error("release inside a message")]
    ReleaseInsideMessage,
}

/// A bounded list without repetitions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deviations(Vec<Deviation>);

impl Deviations {
    /// Records `deviation`; true when it is new and the limit is not reached.
    pub(crate) fn note(&mut self, deviation: Deviation) -> bool {
        let news = self.0.len() < DEVIATIONS_MAX && !self.0.contains(&deviation);
        if news {
            self.0.push(deviation);
        }
        news
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn into_vec(self) -> Vec<Deviation> {
        self.0
    }
}
