//! What goes into the machine and what comes out of it.
//!
//! Bytes from the peer have an entrance of their own, [`Association::receive`](super::Association::receive): it says
//! how many it took.

use alloc::{boxed::Box, vec::Vec};
use core::ops::Range;

use crate::{
    command::Command,
    deviation::Deviation,
    machine::table::{Evt, State},
    pdu::{
        EncodeError,
        abort::Abort,
        associate::{AssociateAc, AssociateRq, ContextId},
        reject::AssociateRj,
    },
};

/// Something that happened on our side: to the socket, to the clock, or by decision of the owner.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// Requestor: open an association (A-ASSOCIATE request).
    Associate(Box<AssociateRq>),
    /// The transport connection is open.
    Connected,
    /// The transport connection is closed, or broken, or was never opened.
    Closed,
    /// A wakeup is due. Too early does no harm.
    Tick,
    /// Acceptor: the answer to [`Effect::Ask`].
    Accept(Box<AssociateAc>),
    /// Acceptor: the other answer to [`Effect::Ask`].
    Reject(AssociateRj),
    /// Send a message, or its beginning.
    Send(Message<'a>),
    /// Send more of the data set of the message begun.
    SendMore {
        /// The next bytes.
        bytes: &'a [u8],
        /// Whether they are the last.
        more: More,
    },
    /// No more messages are to come from us.
    ReleaseRequest,
    /// The answer to [`Effect::ReleaseAsked`].
    ReleaseResponse,
    /// End it now.
    Abort,
}

/// A message to send.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// On which presentation context.
    pub context: ContextId,
    /// The command set.
    pub command: &'a Command,
    /// The data set, as far as it is at hand.
    pub data: DataSet<'a>,
}

/// The data set of a message to send.
#[derive(Debug, Clone, Copy)]
pub enum DataSet<'a> {
    /// The command says that there is none.
    None,
    /// All of it.
    Whole(&'a [u8]),
    /// The first bytes, maybe none; [`Event::SendMore`] follows.
    Begin(&'a [u8]),
}

/// Whether more bytes of a data set follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// Yes.
    Follow,
    /// No, these are the last.
    Last,
}

/// Something for the owner to do, or to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open the transport connection, then report [`Event::Connected`] or [`Event::Closed`].
    Connect,
    /// Write this; one write for one frame.
    Send(Frame),
    /// A peer asks for an association: answer with [`Event::Accept`] or [`Event::Reject`].
    Ask(Box<AssociateRq>),
    /// Our request was accepted.
    Associated(Box<AssociateAc>),
    /// Our request was rejected.
    Rejected(AssociateRj),
    /// A whole command set. If it says that a data set is present, [`Effect::Data`] follows.
    Command {
        /// On which presentation context.
        context: ContextId,
        /// The command.
        command: Box<Command>,
    },
    /// The next bytes of the data set of the last command.
    Data {
        /// On which presentation context.
        context: ContextId,
        /// Where they lie in the slice that was received.
        range: Range<usize>,
        /// What ends with them.
        ends: Ends,
    },
    /// The peer has no more messages: answer with [`Event::ReleaseResponse`]. In a release collision it stands where
    /// it can be answered, which for the acceptor is after [`Effect::Released`].
    ReleaseAsked,
    /// Our release was answered.
    Released,
    /// The association ended without release. An incomplete message is void.
    Aborted(Aborted),
    /// The peer did something odd that was borne with. Stands before what it belongs to.
    Deviation(Deviation),
    /// Close the transport connection. Always the last effect.
    Close,
}

/// Bytes to write: `head`, then the bytes of the slice at hand to which `body` points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whole PDUs, or all of a P-DATA-TF but the data.
    pub head: Vec<u8>,
    /// Where the rest lies in the data set bytes of the event that is being handled; mostly empty.
    pub body: Range<usize>,
}

/// What ends with a piece of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Nothing: the fragment goes on.
    Nothing,
    /// The fragment, and more fragments follow.
    Fragment,
    /// The data set, and the message with it.
    DataSet,
}

/// How an association ended without release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aborted {
    /// The peer sent A-ABORT.
    ByPeer(Abort),
    /// We sent A-ABORT, since the peer broke the protocol or was silent.
    ByUs(Abort),
    /// The transport connection closed or could not be opened.
    ConnectionLost,
    /// The transport connection was not opened in time.
    NoConnection,
}

/// Why an event was not taken. Nothing has changed, and nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Table 9-10 has a blank there. Usual when the peer has ended the association meanwhile.
    #[error("{event:?} has no meaning in {state:?}")]
    InThisState {
        /// The state.
        state: State,
        /// The event.
        event: Evt,
    },
    /// The acceptance does not fit the request.
    #[error("the acceptance does not fit the request: {0}")]
    Answer(Deviation),
    /// The presentation context was not accepted, or never proposed.
    #[error("presentation context {0} is not negotiated")]
    UnknownContext(ContextId),
    /// The message begun must be finished before.
    #[error("a message is unfinished")]
    Unfinished,
    /// No message was begun.
    #[error("no message was begun")]
    NothingBegun,
    /// The command says that a data set is present and none is given, or the other way round.
    #[error("Command Data Set Type and the data set given disagree")]
    DataSetType,
    /// A data set of odd length, which PS3.5 forbids and peers abort on.
    #[error("the data set has an odd length")]
    OddDataSet,
    /// The association PDU cannot be written.
    #[error("the association cannot be asked for or accepted")]
    Encode(#[source] EncodeError),
}
